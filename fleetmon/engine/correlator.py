"""What many terminals tell together: shared outages first, then who is left.

A change of one terminal only marks its groups; they are judged a moment later (`SETTLE`), the widest
first, so that one cause is one incident. A lone terminal's incident waits for its `hold`; if a wider
outage explains it by then it never opens. When an outage closes, who is still silent is judged again.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from heapq import heapify, heappop, heappush
from typing import Final

from fleetmon.detect import DEVICE_DETECTORS, GROUP_DETECTORS, INGEST_IMPAIRED, POLICIES, TERMINAL_OFFLINE
from fleetmon.engine.fleet import Fleet, slack
from fleetmon.engine.hosts import Hosts
from fleetmon.engine.incidents import Incidents
from fleetmon.engine.shard import Delta, FaultChange, HostReport, LivenessChange, Move, Shard
from fleetmon.engine.tally import burst, look, tally_breach, tally_recovery
from fleetmon.model.detector import GroupDetector
from fleetmon.model.incident import Incident, Scope, Status
from fleetmon.model.terminal import NO_DEADLINE, Cohort, Liveness, Terminal

SETTLE: Final = 5_000  # from a change to its judgement, so that a burst is judged once
FLAPPING: Final = 3  # losses of our link within `SHAKY` are as bad as a long one
SHAKY: Final = 600_000
LOOK_AGAIN: Final = 60_000  # for what no change tells: that those still up were heard since
_TROUBLED: Final = (Liveness.SUSPECT, Liveness.DOWN)
_RANK: Final = {detector: rank for rank, detector in enumerate(GROUP_DETECTORS)}

Timer = tuple[int, int, int, Callable[[int], None]]  # due, rank, number, what to do


class Correlator:
    """Incidents of the whole fleet."""

    def __init__(self, fleet: Fleet, shard: Shard) -> None:
        self.incidents = Incidents()
        self._hosts = Hosts(self.incidents)
        self._fleet = fleet
        self._shard = shard
        self._timers: list[Timer] = []
        self._numbers = 0
        self._losses: list[int] = []  # when our link was lost lately
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
            elif isinstance(delta, HostReport):
                self._hosts.observe(delta, self._at)
            else:
                self._fault(delta)

    def link_lost(self, at: int) -> None:
        """We hear nothing since `at`. A link that is lost again and again is as bad as one that is gone."""
        kind = INGEST_IMPAIRED.kind
        self._losses = [lost for lost in self._losses if lost > at - SHAKY] + [at]
        incident = self.incidents.find(kind, ())
        if incident is None:
            incident = self.incidents.open(kind, (), at, "link lost")
        incident.clear_since = None
        if incident.status is Status.PENDING and len(self._losses) >= FLAPPING:
            self.incidents.fire(incident, at, "link lost again and again")
        elif incident.status is Status.PENDING:
            lost = incident
            self._at(at + POLICIES[kind].hold_ms, 0, lambda due: self._judge_link(lost, due))

    def link_found(self, at: int) -> None:
        """We hear again; it is over when that lasts."""
        incident = self.incidents.find(INGEST_IMPAIRED.kind, ())
        if incident is not None and incident.status is Status.PENDING:
            self.incidents.end(incident, at, "link regained")
        elif incident is not None:
            incident.clear_since = at
            found = incident
            self._at(at + INGEST_IMPAIRED.policy.keep_ms, 0, lambda due: self._judge_link(found, due))
        self._timers = [(at if due == NO_DEADLINE else due, *rest) for due, *rest in self._timers]  # type: ignore[misc]
        self._due = {group: at if due == NO_DEADLINE else due for group, due in self._due.items()}
        heapify(self._timers)

    def _judge_link(self, incident: Incident, due: int) -> None:
        policy, clear_since = INGEST_IMPAIRED.policy, incident.clear_since
        if incident.status is Status.PENDING:
            self.incidents.fire(incident, due, "link lost")
        elif incident.status is Status.FIRING and clear_since is not None and due >= clear_since + policy.keep_ms:
            self.incidents.end(incident, due, "link regained", clear_since)

    def restore(self, incident: Incident) -> None:
        """Take up a firing incident that was read back."""
        self.incidents.restore(incident)
        if detector := _group_detector(incident):
            self._mark(detector, incident.scope, incident.opened_at)
        for device in DEVICE_DETECTORS:
            if device.kind == incident.kind and device.oneshot_ms is not None:
                self._at(
                    incident.opened_at + device.oneshot_ms, 99, partial(self._judge_fault, device.kind, incident.scope)
                )

    def regrouped(self, now: int) -> None:
        """The registry changed: who shares what is another matter now, and so may be every open outage."""
        self.count_troubled()
        for incident in self.incidents:
            if detector := _group_detector(incident):
                self._mark(detector, incident.scope, now + SETTLE)

    def count_troubled(self) -> None:
        """Count who is suspect or down, after terminals were read back."""
        self._troubled.clear()
        for terminal in self._fleet.terminals.values():
            if terminal.liveness in _TROUBLED:
                self._troubled.update(self._fleet.groups.of(terminal))

    # -- one terminal ------------------------------------------------------------------------------

    def _liveness(self, change: LivenessChange) -> None:
        terminal, at = change.terminal, change.at
        step = (change.after in _TROUBLED) - (change.before in _TROUBLED)
        worse, explained = change.after in _TROUBLED, False
        for group in self._fleet.groups.of(terminal, change.cohort):
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
        before = set(self._fleet.groups.of(move.terminal, move.before))
        after = set(self._fleet.groups.of(move.terminal, move.after))
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
        kind, scope = change.detector.kind, _own(change.terminal)
        incident = self.incidents.find(kind, scope)
        if change.present and incident is None:
            incident = self.incidents.open(kind, scope, change.at, change.code, [change.terminal.id])
        if change.until is not None:
            self._at(change.until, 99, lambda due: self._judge_fault(kind, scope, due))
        elif not change.present and incident is not None:
            self.incidents.end(incident, change.at, change.code)

    def _judge_fault(self, kind: str, scope: Scope, due: int) -> None:
        """What happened only once has been wrong for long enough."""
        incident = self.incidents.find(kind, scope)
        if incident is not None and not self._shard.is_faulty(scope[0][1], kind):
            self.incidents.end(incident, due, "not again")

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
        members = self._fleet.groups.members((detector, scope))
        sample = sorted(terminal.interval_ms for terminal in members[:16])
        interval = sample[len(sample) // 2] if sample else 0
        incident = self.incidents.find(detector.kind, scope)
        later = self._not_before(now, interval)
        if later and (later == NO_DEADLINE or incident is None or incident.status is Status.PENDING):
            self._mark(detector, scope, later)  # only opening is ever held back
            return
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
        wider: dict[Cohort, Status | None] = {}
        for terminal in members if _RANK[detector] else ():
            if terminal.cohort not in wider:  # members that share their attributes share what explains them
                wider[terminal.cohort] = self._explanation(terminal, _RANK[detector])
        free = [t for t in members if wider.get(t.cohort) is not Status.FIRING] if wider else members
        sight = look(free, now, self._shard.heard_since)
        silent, moment = burst(self._blamed(detector, sight.silent, now))
        if not detector.breached(tally_breach(detector, silent, sight.others, moment)):
            return [], None
        return silent, next((found for terminal in silent if (found := wider.get(terminal.cohort))), None)

    def _blamed(self, detector: GroupDetector, silent: list[Terminal], now: int) -> list[Terminal]:
        """Those whose silence can be a network's fault.

        Not a shop that did not open, nor one that is silent on another network as well: that is the shop's.
        """
        if not detector.cellular:
            return silent
        dead: dict[str, bool] = {"": False}
        for terminal in silent:
            if terminal.site not in dead:
                dead[terminal.site] = self._all_silent(terminal.site, now)
        return [terminal for terminal in silent if not terminal.overslept and not dead[terminal.site]]

    def _all_silent(self, site: str, now: int) -> bool:
        """Whether a whole shop is silent, on more networks than one."""
        members = self._fleet.groups.shop(site)
        sight = look(members, now, self._shard.heard_since)
        networks = {(t.cohort.carrier, t.cohort.network) for t in sight.silent}
        return len(networks) > 1 and not sight.others

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
        alone = self._announced_alone()
        sight = look([t for t in members if t.id not in alone], now, self._shard.heard_since)
        tally = tally_recovery(detector, sight, incident.opened_at)
        if not detector.recovered(tally):
            incident.clear_since = None
            if len(sight.silent) > incident.terminals:
                incident.terminals = len(sight.silent)
                self.incidents.note(incident, now, "grew")
            if tally.silent > len(sight.silent) or any(t.liveness is Liveness.UP for t in sight.silent):
                self._mark(detector, incident.scope, now + LOOK_AGAIN)
        elif incident.clear_since is None:
            incident.clear_since = now
            self._mark(detector, incident.scope, now + detector.policy.keep_ms)
        elif now < incident.clear_since + detector.policy.keep_ms:
            self._mark(detector, incident.scope, incident.clear_since + detector.policy.keep_ms)
        else:
            self.incidents.end(incident, now, "heard again", incident.clear_since)
            self._judge_rest(incident, members, now)

    def _announced_alone(self) -> set[str]:
        """The terminals that were announced as down by themselves, not by what took them later."""
        kind = TERMINAL_OFFLINE.kind
        firing = [one for one in self.incidents if one.kind == kind and one.status is Status.FIRING]
        return {incident.scope[0][1] for incident in firing if incident.suppressed_by is None}

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
                for group in self._fleet.groups.of(terminal):
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
        detector = _group_detector(child)
        if detector is None or _RANK[detector] <= rank:
            return ()
        return (terminal.id for terminal in self._fleet.groups.members((detector, child.scope)))

    # -- shared ------------------------------------------------------------------------------------

    def _explanation(self, terminal: Terminal, rank: int) -> Status | None:
        """Whether an open outage of a rank before `rank` has the terminal: one that fires, else a pending one."""
        found = None
        for detector, scope in self._fleet.groups.of(terminal):
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

    def _at(self, due: int, rank: int, action: Callable[[int], None]) -> None:
        self._numbers += 1
        heappush(self._timers, (due, rank, self._numbers, action))


def _own(terminal: Terminal) -> Scope:
    return (("terminal", terminal.id),)


def _group_detector(incident: Incident) -> GroupDetector | None:
    names = tuple(name for name, _ in incident.scope)
    return next((one for one in GROUP_DETECTORS if one.kind == incident.kind and one.scope == names), None)
