"""What is wrong with single terminals, as incidents: one for each terminal and kind, whoever tells of it.

A device event is the terminal's own verdict: it opens at once, and its `clear` closes at once, unless heartbeats still
show the fault. A sign of heartbeats opens when it has lasted for as long as its detector says, dated from its
beginning, and closes when heartbeats have been without it for as long as the policy keeps it, dated from the first of
them. Silence proves nothing either way: opening and closing come with a heartbeat or an event, never by themselves.
Only what happened once ends by time, and what is set again soon after it was cleared: a contact that is loose clears
and sets all day, and is over when it was clear for as long as the policy keeps it. A locked security module explains
whatever else a terminal shows.
"""

from typing import Final

from fleetmon.detect import DEVICE_DETECTORS, OF_SIGN, TAMPER
from fleetmon.engine.agenda import Plan
from fleetmon.engine.incidents import Incidents
from fleetmon.engine.shard import Shard
from fleetmon.engine.terminal.checkup import Symptoms
from fleetmon.engine.terminal.faults import REPLACED, FaultChange
from fleetmon.model.detector import DeviceDetector
from fleetmon.model.incident import Incident, Scope
from fleetmon.model.terminal import Terminal

LAST: Final = 99  # of what is judged at the same time
_OF_KIND: Final = {detector.kind: detector for detector in DEVICE_DETECTORS}


class Conditions:
    """The incidents of single terminals, but for their silence. Times in ms."""

    def __init__(self, incidents: Incidents, shard: Shard, plan: Plan) -> None:
        self._incidents = incidents
        self._shard = shard
        self._plan = plan
        self._until: dict[tuple[str, Scope], int] = {}  # what happened once counts until then
        self._looked_at: set[tuple[str, Scope]] = set()  # what will be looked at by then or earlier
        self._slow: dict[tuple[str, Scope], int] = {}  # since when somebody ought to see to it
        self._loose: dict[tuple[str, Scope], int] = {}  # what comes and goes, and when it was cleared last

    def fault(self, change: FaultChange) -> None:
        """Take in what device events say."""
        detector, scope = change.detector, _own(change.terminal)
        incident = self._incidents.find(detector.kind, scope)
        self._slow.pop((detector.kind, scope), None)
        if change.present and incident is None and change.wait_ms:
            self._wait(detector, change.terminal, change.at, change.wait_ms)
        elif change.present and incident is None:
            if self._was_cleared_lately(detector, scope, change.at):
                self._loose[detector.kind, scope] = change.at
            self._open(detector, change.terminal, change.at, change.code)
        elif change.present and incident is not None:
            incident.clear_since = None
        if change.until is not None:
            self._last(detector.kind, scope, change.until)
        elif not change.present and incident is not None and not change.shown:
            self._clear(detector, incident, change)

    def shown(self, symptoms: Symptoms) -> None:
        """Take in what a heartbeat showed, and since when."""
        terminal, at, signs = symptoms.terminal, symptoms.at, symptoms.signs
        for sign, since in signs.items():
            detector = OF_SIGN[sign]
            lasted = at - since >= detector.signs[sign]
            if lasted and self._incidents.find(detector.kind, _own(terminal)) is None:
                self._open(detector, terminal, at, sign, since)
        for detector in DEVICE_DETECTORS:
            incident = self._incidents.find(detector.kind, _own(terminal))
            if incident is not None:
                self._settle(detector, incident, symptoms)

    def judge(self, kind: str, scope: Scope, due: int) -> None:
        """What happened only once has been wrong for long enough."""
        self._looked_at.discard((kind, scope))
        until = self._until.get((kind, scope))
        if until is None:
            return  # it was cleared since
        if until > due:
            self._last(kind, scope, until)
            return
        del self._until[kind, scope]
        key, incident = scope[0][1], self._incidents.find(kind, scope)
        goes_on = self._shard.faults.present(key, kind) or self._shard.checkup.shows(key, _OF_KIND[kind].signs)
        if incident is not None and not goes_on:
            self._end(incident, due, "not again", self._loose.get((kind, scope)))

    def lasted(self, kind: str, terminal: Terminal, since: int, due: int) -> None:
        """Somebody had long enough to see to it."""
        key = kind, _own(terminal)
        if self._slow.get(key) == since:
            del self._slow[key]
            if self._incidents.find(*key) is None:
                self._open(_OF_KIND[kind], terminal, due, "lasts", since)

    def resume(self, now: int) -> None:
        """Whoever had to be seen to before a restart is given its time anew."""
        for key in self._shard.faults.words:
            terminal = self._shard.fleet.terminals.get(key)
            for kind in self._shard.faults.kinds(key):
                wait = max(_OF_KIND[kind].slow.values(), default=0) if kind in _OF_KIND else 0
                if terminal is not None and wait and self._incidents.find(kind, _own(terminal)) is None:
                    self._wait(_OF_KIND[kind], terminal, now, wait)

    def restore(self, incident: Incident, now: int) -> None:
        """Take up a firing incident that was read back."""
        detector = _OF_KIND.get(incident.kind)
        if detector is None:
            return
        self._shard.checkup.watch(incident.scope[0][1])
        if detector.oneshot_ms is not None:  # it is not known any more whether it was that, nor whether it seemed over
            until = max(incident.opened_at + detector.oneshot_ms, now + detector.policy.keep_ms)
            self._last(incident.kind, incident.scope, until)

    def _was_cleared_lately(self, detector: DeviceDetector, scope: Scope, at: int) -> bool:
        past = [one.resolved_at for one in self._incidents.about(scope) if one.kind == detector.kind]
        return any(one is not None and at - one < detector.policy.keep_ms for one in past)

    def _clear(self, detector: DeviceDetector, incident: Incident, change: FaultChange) -> None:
        """The terminal takes its word back, which is believed but of what comes and goes."""
        key = incident.kind, incident.scope
        if key in self._loose and change.code != REPLACED:
            self._loose[key] = change.at
            self._last(*key, change.at + detector.policy.keep_ms)
        else:
            self._end(incident, change.at, change.code)

    def _last(self, kind: str, scope: Scope, until: int) -> None:
        """It counts until then; one look is planned, however often it happens."""
        self._until[kind, scope] = max(until, self._until.get((kind, scope), 0))
        if (kind, scope) not in self._looked_at:
            self._looked_at.add((kind, scope))
            self._plan(until, LAST, "fault", kind, scope)

    def _wait(self, detector: DeviceDetector, terminal: Terminal, since: int, wait: int) -> None:
        self._slow[detector.kind, _own(terminal)] = since
        self._plan(since + wait, LAST, "slow", detector.kind, terminal, since)

    def _open(
        self, detector: DeviceDetector, terminal: Terminal, at: int, reason: str, since: int | None = None
    ) -> None:
        scope = _own(terminal)
        locked = self._incidents.find(TAMPER.kind, scope)
        by = locked.id if locked is not None else None
        self._incidents.open(detector.kind, scope, at, reason, [terminal.id], suppressed_by=by, since=since)
        self._shard.checkup.watch(terminal.id)

    def _settle(self, detector: DeviceDetector, incident: Incident, symptoms: Symptoms) -> None:
        """Whether it goes on, seems to be over, or is."""
        at, kind = symptoms.at, detector.kind
        once = (kind, incident.scope) in self._until
        if once or kind in symptoms.faulty or not symptoms.signs.keys().isdisjoint(detector.signs):
            incident.clear_since = None
        elif incident.clear_since is None:
            incident.clear_since = at
        if incident.clear_since is not None and at >= incident.clear_since + detector.policy.keep_ms:
            self._end(incident, at, "well again", incident.clear_since)

    def _end(self, incident: Incident, at: int, reason: str, since: int | None = None) -> None:
        self._until.pop((incident.kind, incident.scope), None)
        self._loose.pop((incident.kind, incident.scope), None)
        self._incidents.end(incident, at, reason, since)
        left = [found for kind in _OF_KIND if (found := self._incidents.find(kind, incident.scope)) is not None]
        for other in left:
            if other.suppressed_by == incident.id:
                self._incidents.free(other, at, "outlasted the security lock")
        if not left:
            self._shard.checkup.leave(incident.scope[0][1])


def _own(terminal: Terminal) -> Scope:
    return (("terminal", terminal.id),)
