"""What many terminals tell together: shared outages first, then who is left.

A change of one terminal only marks its groups; they are judged a moment later (`SETTLE`), the widest
first, so that one cause is one incident. A lone terminal's incident waits for its `hold`; if a wider
outage explains it by then it never opens. When an outage closes, who is still silent is judged again.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from heapq import heapify, heappop, heappush
from typing import Final

from fleetmon.detect import GROUP_DETECTORS, INGEST_IMPAIRED, POLICIES, TERMINAL_OFFLINE
from fleetmon.engine.fleet import Fleet, slack
from fleetmon.engine.incidents import Incidents
from fleetmon.engine.shard import Delta, FaultChange, LivenessChange, Move, Shard
from fleetmon.engine.tally import burst, missing, not_heard, tally_breach, tally_recovery
from fleetmon.model.detector import GroupDetector
from fleetmon.model.incident import Incident, Scope, Status
from fleetmon.model.terminal import NO_DEADLINE, Liveness, Terminal

SETTLE: Final = 5_000  # from a change to its judgement, so that a burst is judged once
LOOK_AGAIN: Final = 60_000  # for what no change tells: that those still up were heard since
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
            elif isinstance(delta, Move):
                self._move(delta)
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
        self._due = {group: at if due == NO_DEADLINE else due for group, due in self._due.items()}
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
        worse, explained = change.after in _TROUBLED, False
        for group in self._fleet.groups_of(terminal, change.cohort):
            self._count(group, step)
            incident = self.incidents.find(group[0].kind, group[1])
            firing = incident is not None and incident.status is Status.FIRING
            if incident is not None or (worse and not explained):
                self._mark(*group, at + (LOOK_AGAIN if firing and worse else SETTLE))
            explained = explained or firing
        own = self.incidents.find(TERMINAL_OFFLINE.kind, _own(terminal))
        if change.after is Liveness.DOWN and own is None:
            self._open_own(terminal, at)
        elif own is not None and change.after in (Liveness.UP, Liveness.ASLEEP):
            self.incidents.end(own, at, "heard again" if change.after is Liveness.UP else "went to sleep")

    def _move(self, move: Move) -> None:
        before = set(self._fleet.groups_of(move.terminal, move.before))
        after = set(self._fleet.groups_of(move.terminal, move.after))
        troubled = move.liveness in _TROUBLED
        for group in sorted(before ^ after, key=lambda group: (_RANK[group[0]], group[1])):
            self._count(group, troubled if group in after else -troubled)
            if self.incidents.find(group[0].kind, group[1]):
                self._mark(*group, move.at + SETTLE)

    def _count(self, group: tuple[GroupDetector, Scope], step: int) -> None:
        self._troubled[group] += step
        if not self._troubled[group]:
            del self._troubled[group]

    def _open_own(self, terminal: Terminal, at: int) -> None:
        if self._explanation(terminal, len(GROUP_DETECTORS)) is not Status.FIRING:
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
        """Have the group judged at `due`, unless that is planned already, or something earlier."""
        if due < self._due.get((detector, scope), NO_DEADLINE + 1):
            self._due[detector, scope] = due
            self._at(due, 1 + _RANK[detector], lambda due: self._judge(detector, scope, due))

    def _judge(self, detector: GroupDetector, scope: Scope, now: int) -> None:
        if self._due.get((detector, scope)) != now:
            return  # planned for an earlier time since
        del self._due[detector, scope]
        members = self._fleet.members(detector, scope)
        sample = sorted(terminal.interval_ms for terminal in members[:16])
        interval = sample[len(sample) // 2] if sample else 0
        if later := self._not_before(now, interval):
            self._mark(detector, scope, later)
            return
        incident = self.incidents.find(detector.kind, scope)
        if incident is None:
            self._judge_breach(detector, scope, members, now)
        elif not members:
            self.incidents.end(incident, now, "nobody is left")
        elif incident.status is Status.PENDING:
            self._judge_pending(detector, incident, members, now)
        else:
            self._judge_recovery(detector, incident, members, now)

    def _breach(
        self, detector: GroupDetector, members: Sequence[Terminal], now: int
    ) -> tuple[list[Terminal], Status | None]:
        """The silent members, if there is an outage of this group, else nobody; whether a wider one is pending."""
        heard_since = self._shard.heard_since
        wider = (
            {terminal.id: self._explanation(terminal, _RANK[detector]) for terminal in members}
            if _RANK[detector]
            else {}
        )
        free = [terminal for terminal in members if wider.get(terminal.id) is not Status.FIRING]
        silent = burst(free, now, heard_since)
        if not detector.breached(tally_breach(detector, free, silent, now, heard_since)):
            return [], None
        return silent, next((found for terminal in silent if (found := wider.get(terminal.id))), None)

    def _judge_breach(self, detector: GroupDetector, scope: Scope, members: Sequence[Terminal], now: int) -> None:
        if self._troubled[detector, scope] * 10 < len(members):
            return  # too few are suspect for a look at everyone to pay
        silent, wider = self._breach(detector, members, now)
        if wider is Status.PENDING:
            self._mark(detector, scope, now + SETTLE)
        elif silent:
            self.incidents.open(detector.kind, scope, now, "silent together", [terminal.id for terminal in silent])
            self._mark(detector, scope, now + detector.policy.hold_ms)

    def _judge_pending(
        self, detector: GroupDetector, incident: Incident, members: Sequence[Terminal], now: int
    ) -> None:
        silent, wider = self._breach(detector, members, now)
        due = incident.opened_at + detector.policy.hold_ms
        if not silent:
            self.incidents.end(incident, now, "not confirmed")
        elif now < due or wider is Status.PENDING:  # one cause is one page: the wider one is decided first
            self._mark(detector, incident.scope, max(due, now + SETTLE))
        else:
            incident.measure([terminal.id for terminal in silent])
            self.incidents.fire(incident, now, "silent together")
            self._absorb(detector, incident, silent, now)

    def _judge_recovery(
        self, detector: GroupDetector, incident: Incident, members: Sequence[Terminal], now: int
    ) -> None:
        heard_since = self._shard.heard_since
        others = [terminal for terminal in members if not self._chronic(terminal)]
        if not detector.recovered(tally_recovery(detector, others, incident.opened_at, now, heard_since)):
            incident.clear_since = None
            gone = missing(others, now, heard_since)
            if len(gone) > incident.terminals:
                incident.terminals = len(gone)
                self.incidents.note(incident, now, "grew")
            if any(t.liveness is Liveness.UP for t in (*gone, *not_heard(others, incident.opened_at))):
                self._mark(detector, incident.scope, now + LOOK_AGAIN)
        elif incident.clear_since is None:
            incident.clear_since = now
            self._mark(detector, incident.scope, now + detector.policy.keep_ms)
        elif now < incident.clear_since + detector.policy.keep_ms:
            self._mark(detector, incident.scope, incident.clear_since + detector.policy.keep_ms)
        else:
            self.incidents.end(incident, now, "heard again")
            self._judge_rest(incident, members, now)

    def _chronic(self, terminal: Terminal) -> bool:
        """Whether a terminal was announced as down by itself before an outage took it."""
        if terminal.liveness is not Liveness.DOWN:
            return False
        own = self.incidents.find(TERMINAL_OFFLINE.kind, _own(terminal))
        return own is not None and own.status is Status.FIRING and own.suppressed_by is None

    def _judge_rest(self, closed: Incident, members: Sequence[Terminal], now: int) -> None:
        """An outage closed: who is still silent has a trouble of its own."""
        for child in self.incidents:
            if child.suppressed_by == closed.id:
                child.suppressed_by = None
                self.incidents.note(child, now, "outlasted the wider outage")
        for terminal in members:
            if terminal.liveness is Liveness.DOWN:
                if not self.incidents.find(TERMINAL_OFFLINE.kind, _own(terminal)):
                    self._open_own(terminal, now)
                for group in self._fleet.groups_of(terminal):
                    self._mark(*group, now + SETTLE)

    def _absorb(self, detector: GroupDetector, incident: Incident, silent: Sequence[Terminal], now: int) -> None:
        """A wider outage fires: what it explains and is already announced says so and pages nobody."""
        ids = {terminal.id for terminal in silent}
        for child in self.incidents:
            free = child.status is Status.FIRING and child.suppressed_by is None and child is not incident
            if free and not ids.isdisjoint(self._concerned(child, _RANK[detector])):
                child.suppressed_by = incident.id
                self.incidents.note(child, now, "explained by a wider outage")

    def _concerned(self, child: Incident, rank: int) -> Iterable[str]:
        """The terminals of an outage narrower than those of this rank."""
        scope = dict(child.scope)
        if child.kind == TERMINAL_OFFLINE.kind:
            return (scope["terminal"],)
        for detector in GROUP_DETECTORS[rank + 1 :]:
            if detector.kind == child.kind and detector.scope == tuple(scope):
                return (terminal.id for terminal in self._fleet.members(detector, child.scope))
        return ()

    # -- shared ------------------------------------------------------------------------------------

    def _explanation(self, terminal: Terminal, rank: int) -> Status | None:
        """Whether an open outage of a rank before `rank` has the terminal: one that fires, else a pending one."""
        found = None
        for detector, scope in self._fleet.groups_of(terminal):
            incident = self.incidents.find(detector.kind, scope) if _RANK[detector] < rank else None
            if incident is not None:
                if incident.status is Status.FIRING:
                    return Status.FIRING
                found = incident.status
        return found

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
