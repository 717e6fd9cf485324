"""What many terminals tell together: shared outages first, then who is left.

A change of one terminal only marks its groups; they are judged a moment later (`SETTLE`), the widest
first, so that one cause is one incident. A lone terminal's incident waits for its `hold`; if a wider
outage explains it by then it never opens. When an outage closes, who is still silent is judged again.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from heapq import heapify, heappop, heappush
from typing import Final

from fleetmon.detect import GROUP_DETECTORS, INGEST_IMPAIRED, POLICIES, TERMINAL_OFFLINE
from fleetmon.engine.fleet import Fleet, slack
from fleetmon.engine.incidents import Incidents
from fleetmon.engine.shard import Delta, FaultChange, LivenessChange, Shard
from fleetmon.engine.tally import burst, tally_breach, tally_recovery
from fleetmon.model.detector import GroupDetector
from fleetmon.model.incident import Incident, Scope, Status
from fleetmon.model.terminal import NO_DEADLINE, Liveness, Terminal

SETTLE: Final = 5_000  # from a change to its judgement, so that a burst is judged once
_TROUBLED: Final = (Liveness.SUSPECT, Liveness.DOWN)
_RANK: Final = {detector: rank for rank, detector in enumerate(GROUP_DETECTORS)}

Timer = tuple[int, int, int, Callable[[int], None]]  # due, rank, number, what to do


class Correlator:
    """Incidents of the whole fleet."""

    def __init__(self, fleet: Fleet, shard: Shard) -> None:
        self.incidents = Incidents()
        self._fleet = fleet
        self._shard = shard
        self._timers: list[Timer] = []
        self._numbers = 0
        self._due: dict[tuple[GroupDetector, Scope], int] = {}  # groups to be judged, and when
        self._troubled: Counter[tuple[GroupDetector, Scope]] = Counter()

    @property
    def next(self) -> int:
        """The next time at which something is to be judged."""
        return self._timers[0][0] if self._timers else NO_DEADLINE

    def advance(self, now: int) -> None:
        """Judge what is due first, if it is due by `now`."""
        if self._timers and self._timers[0][0] <= now:
            due, _, _, action = heappop(self._timers)
            action(due)

    def observe(self, deltas: Sequence[Delta]) -> None:
        """Take in what shards noticed, in order of time."""
        for delta in deltas:
            if isinstance(delta, LivenessChange):
                self._liveness(delta)
            else:
                self._fault(delta)

    def link_lost(self, at: int) -> None:
        """We hear nothing since `at`."""
        kind = INGEST_IMPAIRED.kind
        if self.incidents.find(kind, ()) is None:
            incident = self.incidents.open(kind, (), at, "link lost")
            self._at(at + POLICIES[kind].hold_ms, 0, lambda due: self._fire_if_pending(incident, due))

    def link_found(self, at: int) -> None:
        """We hear again."""
        incident = self.incidents.find(INGEST_IMPAIRED.kind, ())
        if incident is not None:
            self.incidents.end(incident, at, "link regained")
        self._timers = [(at if due == NO_DEADLINE else due, *rest) for due, *rest in self._timers]  # type: ignore[misc]
        heapify(self._timers)

    def restore(self, incident: Incident) -> None:
        """Take up a firing incident that was read back."""
        self.incidents.restore(incident)
        for detector in GROUP_DETECTORS:
            if detector.kind == incident.kind and detector.scope == tuple(name for name, _ in incident.scope):
                self._mark(detector, incident.scope, incident.opened_at)

    def count_troubled(self) -> None:
        """Count who is suspect or down, after terminals were read back."""
        self._troubled.clear()
        for terminal in self._fleet.terminals.values():
            if terminal.liveness in _TROUBLED:
                self._troubled.update(self._fleet.groups_of(terminal))

    # -- one terminal ------------------------------------------------------------------------------

    def _liveness(self, change: LivenessChange) -> None:
        terminal, at = change.terminal, change.at
        step = (change.after in _TROUBLED) - (change.before in _TROUBLED)
        for group in self._fleet.groups_of(terminal):
            self._troubled[group] += step
            if self._troubled[group] <= 0:  # below zero when a terminal changed its carrier meanwhile
                del self._troubled[group]
            if change.after in _TROUBLED or self.incidents.find(group[0].kind, group[1]):
                self._mark(*group, at + SETTLE)
        own = self.incidents.find(TERMINAL_OFFLINE.kind, _own(terminal))
        if change.after is Liveness.DOWN and own is None:
            self._open_own(terminal, at)
        elif own is not None and change.after in (Liveness.UP, Liveness.ASLEEP):
            self.incidents.end(own, at, "heard again" if change.after is Liveness.UP else "went to sleep")

    def _open_own(self, terminal: Terminal, at: int) -> None:
        if self._explanation(terminal, len(GROUP_DETECTORS)) in (None, Status.PENDING):
            incident = self.incidents.open(TERMINAL_OFFLINE.kind, _own(terminal), at, "silent", [terminal.id])
            due = at + TERMINAL_OFFLINE.hold(terminal.interval_ms)
            self._at(due, 99, lambda due: self._judge_own(incident, terminal, due))

    def _judge_own(self, incident: Incident, terminal: Terminal, due: int) -> None:
        if incident.status is not Status.PENDING:
            return
        later = self._not_before(due, terminal.interval_ms)
        explained = self._explanation(terminal, len(GROUP_DETECTORS))
        if explained is Status.FIRING:
            self.incidents.end(incident, due, "explained by a wider outage")
        elif later or explained is Status.PENDING:
            self._at(later or due + SETTLE, 99, lambda due: self._judge_own(incident, terminal, due))
        else:
            self.incidents.fire(incident, due, "silent")

    def _fault(self, change: FaultChange) -> None:
        scope = _own(change.terminal)
        incident = self.incidents.find(change.detector.kind, scope)
        if change.present and incident is None:
            incident = self.incidents.open(change.detector.kind, scope, change.at, change.code, [change.terminal.id])
            if change.detector.policy.hold_ms:
                held = incident
                self._at(change.at + change.detector.policy.hold_ms, 99, lambda due: self._fire_if_pending(held, due))
        elif not change.present and incident is not None:
            self.incidents.end(incident, change.at, change.code)

    # -- groups ------------------------------------------------------------------------------------

    def _mark(self, detector: GroupDetector, scope: Scope, due: int) -> None:
        """Have the group judged at `due`, unless that is planned already."""
        if (detector, scope) not in self._due:
            self._due[detector, scope] = due
            self._at(due, 1 + _RANK[detector], lambda due: self._judge(detector, scope, due))

    def _judge(self, detector: GroupDetector, scope: Scope, now: int) -> None:
        self._due.pop((detector, scope), None)
        members = self._fleet.members(detector, scope)
        interval = max((terminal.interval_ms for terminal in members[:16]), default=0)
        if later := self._not_before(now, interval):
            self._mark(detector, scope, later)
            return
        incident = self.incidents.find(detector.kind, scope)
        if incident is None:
            self._judge_breach(detector, scope, members, now)
        elif incident.status is Status.PENDING:
            self._judge_pending(detector, incident, members, now)
        else:
            self._judge_recovery(detector, incident, members, now)

    def _breach(self, detector: GroupDetector, members: Sequence[Terminal], now: int) -> list[Terminal]:
        """The silent members, if there is an outage of this group; else nobody."""
        heard_since = self._shard.heard_since
        free = [terminal for terminal in members if self._explanation(terminal, _RANK[detector]) is None]
        silent = burst(free, now, heard_since)
        return silent if detector.breached(tally_breach(detector, free, silent, now, heard_since)) else []

    def _judge_breach(self, detector: GroupDetector, scope: Scope, members: Sequence[Terminal], now: int) -> None:
        if self._troubled[detector, scope] * 10 < len(members):
            return  # too few are suspect for a look at everyone to pay
        if silent := self._breach(detector, members, now):
            self.incidents.open(detector.kind, scope, now, "silent together", [terminal.id for terminal in silent])
            self._mark(detector, scope, now + detector.policy.hold_ms)

    def _judge_pending(
        self, detector: GroupDetector, incident: Incident, members: Sequence[Terminal], now: int
    ) -> None:
        silent = self._breach(detector, members, now)
        if not silent:
            self.incidents.end(incident, now, "not confirmed")
        elif now < incident.opened_at + detector.policy.hold_ms:
            incident.measure([terminal.id for terminal in silent])
            self._mark(detector, incident.scope, incident.opened_at + detector.policy.hold_ms)
        else:
            incident.measure([terminal.id for terminal in silent])
            self.incidents.fire(incident, now, "silent together")
            self._absorb(detector, incident, silent, now)

    def _judge_recovery(
        self, detector: GroupDetector, incident: Incident, members: Sequence[Terminal], now: int
    ) -> None:
        heard_since = self._shard.heard_since
        chronic = [
            t
            for t in members
            if (own := self.incidents.find(TERMINAL_OFFLINE.kind, _own(t)))
            and own.fired_at
            and own.suppressed_by is None
        ]
        ids = {terminal.id for terminal in chronic}
        others = [terminal for terminal in members if terminal.id not in ids]
        tally = tally_recovery(detector, others, incident.opened_at, now, heard_since)
        if not detector.recovered(tally):
            incident.clear_since = None
            if tally.silent > incident.terminals:
                incident.terminals = tally.silent
                self.incidents.note(incident, now, "grew")
        elif incident.clear_since is None:
            incident.clear_since = now
            self._mark(detector, incident.scope, now + detector.policy.keep_ms)
        elif now < incident.clear_since + detector.policy.keep_ms:
            self._mark(detector, incident.scope, incident.clear_since + detector.policy.keep_ms)
        else:
            self.incidents.end(incident, now, "heard again")
            self._judge_rest(members, now)

    def _judge_rest(self, members: Sequence[Terminal], now: int) -> None:
        """An outage closed: who is still silent has a trouble of its own."""
        for terminal in members:
            if terminal.liveness is Liveness.DOWN and not self.incidents.find(TERMINAL_OFFLINE.kind, _own(terminal)):
                self._open_own(terminal, now)
                for group in self._fleet.groups_of(terminal):
                    self._mark(*group, now + SETTLE)

    def _absorb(self, detector: GroupDetector, incident: Incident, silent: Sequence[Terminal], now: int) -> None:
        """A wider outage fires: what it explains and is already announced says so and pages nobody."""
        for terminal in silent:
            narrower = [(TERMINAL_OFFLINE.kind, _own(terminal))]
            narrower += [(d.kind, scope) for d, scope in self._fleet.groups_of(terminal) if _RANK[d] > _RANK[detector]]
            for kind, scope in narrower:
                child = self.incidents.find(kind, scope)
                if child and child.status is Status.FIRING and child.suppressed_by is None:
                    child.suppressed_by = incident.id
                    self.incidents.note(child, now, "explained by a wider outage")

    # -- shared ------------------------------------------------------------------------------------

    def _explanation(self, terminal: Terminal, rank: int) -> Status | None:
        """The status of the widest open outage of a rank before `rank` that the terminal is part of."""
        for detector, scope in self._fleet.groups_of(terminal):
            if _RANK[detector] < rank:
                incident = self.incidents.find(detector.kind, scope)
                if incident is not None and (rank == len(GROUP_DETECTORS) or incident.status is Status.FIRING):
                    return incident.status
        return None

    def _not_before(self, now: int, interval: int) -> int | None:
        """The end of everyone's fresh grace after we were deaf, if `now` is before it; unknown while we are."""
        if self._shard.deaf_since is not None:
            return NO_DEADLINE
        grace = self._shard.heard_since + TERMINAL_OFFLINE.down_after(interval, slack(interval))
        return grace if now < grace else None

    def _fire_if_pending(self, incident: Incident, due: int) -> None:
        if incident.status is Status.PENDING:
            self.incidents.fire(incident, due, "lasts")

    def _at(self, due: int, rank: int, action: Callable[[int], None]) -> None:
        self._numbers += 1
        heappush(self._timers, (due, rank, self._numbers, action))


def _own(terminal: Terminal) -> Scope:
    return (("terminal", terminal.id),)
