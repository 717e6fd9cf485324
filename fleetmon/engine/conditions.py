"""What is wrong with single terminals, as incidents: one for each terminal and kind, whoever tells of it.

A device event is the terminal's own verdict: it opens at once, and its `clear` closes at once, unless heartbeats still
show the fault. A sign of heartbeats opens when it has lasted for as long as its detector says, dated from its
beginning, and closes when heartbeats have been without it for as long as the policy keeps it, dated from the first of
them. Silence proves nothing either way: opening and closing come with a heartbeat or an event, never by themselves.
Only what happened once ends by time. A locked security module explains whatever else a terminal shows.
"""

from typing import Final

from fleetmon.detect import DEVICE_DETECTORS, OF_SIGN, TAMPER
from fleetmon.engine.agenda import Plan
from fleetmon.engine.incidents import Incidents
from fleetmon.engine.shard import Shard
from fleetmon.engine.terminal.checkup import Symptoms
from fleetmon.engine.terminal.faults import FaultChange
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
        self._slow: dict[tuple[str, Scope], int] = {}  # since when somebody ought to see to it

    def fault(self, change: FaultChange) -> None:
        """Take in what device events say."""
        detector, scope = change.detector, _own(change.terminal)
        incident = self._incidents.find(detector.kind, scope)
        self._slow.pop((detector.kind, scope), None)
        if change.present and incident is None and change.wait_ms:
            self._wait(detector, change.terminal, change.at, change.wait_ms)
        elif change.present and incident is None:
            self._open(detector, change.terminal, change.at, change.code)
        elif change.present and incident is not None:
            incident.clear_since = None
        if change.until is not None:
            self._until[detector.kind, scope] = change.until
            self._plan(change.until, LAST, "fault", detector.kind, scope)
        elif not change.present and incident is not None and not change.shown:
            self._end(incident, change.at, change.code)

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
        incident, detector = self._incidents.find(kind, scope), _OF_KIND[kind]
        if self._until.get((kind, scope), 0) <= due:
            self._until.pop((kind, scope), None)
        if incident is None or (kind, scope) in self._until or self._shard.faults.present(scope[0][1], kind):
            return
        if not self._shard.checkup.shows(scope[0][1], detector.signs):
            self._end(incident, due, "not again")

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
        until = incident.opened_at + (detector.oneshot_ms or 0)
        if until > now:  # else what happened once is over, and what lasts is over when its terminal says so
            self._until[incident.kind, incident.scope] = until
            self._plan(until, LAST, "fault", incident.kind, incident.scope)

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
        self._incidents.end(incident, at, reason, since)
        left = [found for kind in _OF_KIND if (found := self._incidents.find(kind, incident.scope)) is not None]
        for other in left:
            if other.suppressed_by == incident.id:
                self._incidents.free(other, at, "outlasted the security lock")
        if not left:
            self._shard.checkup.leave(incident.scope[0][1])


def _own(terminal: Terminal) -> Scope:
    return (("terminal", terminal.id),)
