"""What many terminals tell together: shared outages first, then who is left.

A change of one terminal only marks its groups; they are judged a moment later (`SETTLE`), the widest
first, so that one cause is one incident. A lone terminal's incident waits for its `hold`; if a wider
outage explains it by then it never opens. When an outage closes, who is still silent is judged again.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from fleetmon.detect import DEVICE_DETECTORS, GROUP_DETECTORS, TERMINAL_OFFLINE, WEAK_SIGNAL
from fleetmon.engine.agenda import Action, Agenda, Parts, Plan
from fleetmon.engine.asked import Asked
from fleetmon.engine.fleet import Fleet
from fleetmon.engine.hearing import Hearing, not_before
from fleetmon.engine.hosts import Hosts
from fleetmon.engine.incidents import Incidents
from fleetmon.engine.links import Links
from fleetmon.engine.shard import Delta, FaultChange, HostReport, LinkReport, LivenessChange, Move, Shard, Work
from fleetmon.engine.tally import burst, look, look_at_once, parts, tally_breach, tally_recovery
from fleetmon.engine.works import Works
from fleetmon.model.detector import GroupDetector
from fleetmon.model.incident import Incident, Scope, Status
from fleetmon.model.terminal import NO_DEADLINE, Cohort, Liveness, Terminal
from fleetmon.model.window import is_window

SETTLE: Final = 5_000  # from a change to its judgement, so that a burst is judged once
LOOK_AGAIN: Final = 60_000  # for what no change tells: that those still up were heard since
_TROUBLED: Final = (Liveness.SUSPECT, Liveness.DOWN)
_RANK: Final = {detector: rank for rank, detector in enumerate(GROUP_DETECTORS)}


class Correlator:
    """Incidents of the whole fleet."""

    def __init__(self, fleet: Fleet, shard: Shard) -> None:
        self.incidents = Incidents()
        actions: dict[str, Action] = {}
        self._agenda = Agenda(actions)
        self._at: Plan = self._agenda.at
        self.hearing = Hearing(self.incidents, self._at)
        self.works = Works(shard, self.incidents, self._at)
        self.hosts = Hosts(self.incidents, self.works, shard, self._at)
        self._links = Links(self.incidents, shard.habits.patience, self._at)
        shard.habits.outages = self._outages
        self._fleet = fleet
        self._shard = shard
        actions |= {
            "link": self.hearing.judge,
            "own": self._judge_own,
            "fault": self._judge_fault,
            "group": self._judge,
            "weak": self._links.look_again,
            **self.hosts.actions,
            **self.works.actions,
        }
        self._due: dict[tuple[GroupDetector, Scope], int] = {}  # groups to be judged, and when
        self._troubled: Counter[tuple[GroupDetector, Scope]] = Counter()

    @property
    def next(self) -> int:
        """The next time at which something is to be judged, or goes on being judged."""
        return self._agenda.next

    def advance(self, now: int) -> None:
        """Judge what is due first, if it is due by `now`; of a great many terminals a part at a time."""
        self._agenda.advance(now)

    def observe(self, deltas: Sequence[Delta]) -> None:
        """Take in what shards noticed, in order of time."""
        for delta in deltas:
            if isinstance(delta, LivenessChange):
                self._liveness(delta)
            elif isinstance(delta, Move):
                self._move(delta)
            elif isinstance(delta, Asked):
                self.hosts.ask(delta)
            elif isinstance(delta, HostReport):
                self.hosts.observe(delta)
            elif isinstance(delta, LinkReport):
                self._links.look(delta.terminal, delta.at)
            elif isinstance(delta, Work):
                self.works.work(delta)
            else:
                self._fault(delta)

    def link_found(self, at: int) -> None:
        """We hear again: what was put off for that is due."""
        self.hearing.found(at)
        self._agenda.thaw(at)
        self._due.update({group: at for group, due in self._due.items() if due == NO_DEADLINE})

    def restore(self, incident: Incident) -> None:
        """Take up a firing incident that was read back."""
        self.incidents.restore(incident)
        self.works.restore(incident)
        self.hosts.restore(incident)
        if detector := _group_detector(incident):
            self._mark(detector, incident.scope, incident.opened_at)
        if incident.kind == WEAK_SIGNAL.kind and (weak := self._fleet.terminals.get(incident.scope[0][1])):
            self._links.watch(weak, incident.opened_at)
        for device in DEVICE_DETECTORS:
            if device.kind == incident.kind and device.oneshot_ms is not None:
                self._at(incident.opened_at + device.oneshot_ms, 99, "fault", device.kind, incident.scope)

    def regrouped(self, now: int) -> None:
        """The registry changed: who shares what is another matter now, and so may be every open outage."""
        self.count_troubled()
        self.works.overdue.regrouped(now)
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
        if change.after is Liveness.UP:
            self.works.heard(terminal, at)

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
            self._at(due, 99, "own", incident, terminal)

    def _judge_own(self, incident: Incident, terminal: Terminal, due: int) -> None:
        if incident.status is not Status.PENDING:
            return
        later = not_before(self._shard, due, terminal.interval_ms)
        explained = self._explanation(terminal, len(GROUP_DETECTORS))
        if explained is Status.FIRING:
            self.incidents.end(incident, due, "explained by a wider outage")
        elif later or explained is Status.PENDING:
            self._at(later or due + SETTLE, 99, "own", incident, terminal)
        else:
            self.incidents.fire(incident, due, "silent")

    def _fault(self, change: FaultChange) -> None:
        kind, scope = change.detector.kind, _own(change.terminal)
        incident = self.incidents.find(kind, scope)
        if change.present and incident is None:
            incident = self.incidents.open(kind, scope, change.at, change.code, [change.terminal.id])
        if change.until is not None:
            self._at(change.until, 99, "fault", kind, scope)
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
            self._at(due, 1 + _RANK[detector], "group", detector, scope)

    def _judge(self, detector: GroupDetector, scope: Scope, now: int) -> Parts[None]:
        if self._due.get((detector, scope)) != now:
            return  # planned for an earlier time since
        del self._due[detector, scope]
        members = self._fleet.groups.members((detector, scope))
        sample = sorted(terminal.interval_ms for terminal in members[:16])
        interval = sample[len(sample) // 2] if sample else 0
        incident = self.incidents.find(detector.kind, scope)
        later = not_before(self._shard, now, interval)
        if later and (later == NO_DEADLINE or incident is None or incident.status is Status.PENDING):
            self._mark(detector, scope, later)  # only opening is ever held back
        elif incident is None:
            yield from self._judge_breach(detector, scope, members, now)
        elif not members:
            self.incidents.end(incident, now, "nobody is left")
        elif incident.status is Status.PENDING:
            yield from self._judge_pending(detector, incident, members, now)
        else:
            yield from self._judge_recovery(detector, incident, members, now)

    def _breach(
        self, detector: GroupDetector, members: Sequence[Terminal], now: int
    ) -> Parts[tuple[list[Terminal], Status | None]]:
        """The silent members, if there is an outage of this group, else nobody; whether a wider one is pending."""
        wider: dict[Cohort, Status | None] = {}
        for part in parts(members if _RANK[detector] else ()):
            for terminal in part:
                if terminal.cohort not in wider:  # members that share their attributes share what explains them
                    wider[terminal.cohort] = self._explanation(terminal, _RANK[detector])
            yield len(part)
        free = members
        if Status.FIRING in wider.values():
            free = [terminal for terminal in members if wider[terminal.cohort] is not Status.FIRING]
        sight = yield from look(free, now, self._shard.heard_since)
        silent, moment = yield from burst((yield from self._blamed(detector, sight.silent, now)))
        tally = yield from tally_breach(detector, silent, sight.others, moment)
        if not detector.breached(tally):
            return [], None
        return silent, next((found for terminal in silent if (found := wider.get(terminal.cohort))), None)

    def _blamed(self, detector: GroupDetector, silent: list[Terminal], now: int) -> Parts[list[Terminal]]:
        """Those whose silence can be a network's fault.

        Not a shop that did not open, nor one that is silent on another network as well: that is the shop's.
        """
        if not detector.cellular:
            return silent
        dead: dict[str, bool] = {"": False}
        blamed: list[Terminal] = []
        for part in parts(silent):
            for terminal in part:
                if terminal.site not in dead:
                    dead[terminal.site] = self._all_silent(terminal.site, now)
            blamed += [terminal for terminal in part if not terminal.overslept and not dead[terminal.site]]
            yield len(part)
        return blamed

    def _all_silent(self, site: str, now: int) -> bool:
        """Whether a whole shop is silent, on more networks than one."""
        sight = look_at_once(self._fleet.groups.shop(site), now, self._shard.heard_since)
        networks = {(t.cohort.carrier, t.cohort.network) for t in sight.silent}
        return len(networks) > 1 and not sight.others

    def _judge_breach(
        self, detector: GroupDetector, scope: Scope, members: Sequence[Terminal], now: int
    ) -> Parts[None]:
        if self._troubled[detector, scope] * 10 < len(members):
            return  # too few are suspect for a look at everyone to pay
        silent, wider = yield from self._breach(detector, members, now)
        if wider is Status.PENDING:
            self._mark(detector, scope, now + SETTLE)
        elif silent:
            self.incidents.open(detector.kind, scope, now, "silent together", [terminal.id for terminal in silent])
            self._mark(detector, scope, now + detector.policy.hold_ms)

    def _judge_pending(
        self, detector: GroupDetector, incident: Incident, members: Sequence[Terminal], now: int
    ) -> Parts[None]:
        silent, wider = yield from self._breach(detector, members, now)
        due = incident.opened_at + detector.policy.hold_ms
        if not silent:
            self.incidents.end(incident, now, "not confirmed")
        elif now < due or wider is Status.PENDING:  # one cause is one page: the wider one is decided first
            self._mark(detector, incident.scope, max(due, now + SETTLE))
        else:
            incident.measure([terminal.id for terminal in silent])
            yield from self.works.planned.weigh(incident, silent)
            self.incidents.fire(incident, now, "silent together")
            yield len(silent)
            yield from self._absorb(detector, incident, silent, now)

    def _judge_recovery(
        self, detector: GroupDetector, incident: Incident, members: Sequence[Terminal], now: int
    ) -> Parts[None]:
        alone = self._announced_alone()
        rest = [terminal for terminal in members if terminal.id not in alone]
        yield len(members)
        sight = yield from look(rest, now, self._shard.heard_since)
        tally = yield from tally_recovery(detector, sight, incident.opened_at)
        if not detector.recovered(tally):
            incident.clear_since = None
            if len(sight.silent) > incident.terminals:
                incident.terminals = len(sight.silent)
                self.incidents.note(incident, now, "grew")
                if is_window(incident.suppressed_by):
                    yield from self.works.planned.reweigh(incident, sight.silent, now)
            if tally.silent > len(sight.silent) or any(t.liveness is Liveness.UP for t in sight.silent):
                self._mark(detector, incident.scope, now + LOOK_AGAIN)
        elif incident.clear_since is None:
            incident.clear_since = now
            self._mark(detector, incident.scope, now + detector.policy.keep_ms)
        elif now < incident.clear_since + detector.policy.keep_ms:
            self._mark(detector, incident.scope, incident.clear_since + detector.policy.keep_ms)
        else:
            self.incidents.end(incident, now, "heard again", incident.clear_since)
            yield from self._judge_rest(incident, members, now)

    def _announced_alone(self) -> set[str]:
        """The terminals that were announced as down by themselves, not by what took them later."""
        kind = TERMINAL_OFFLINE.kind
        firing = [one for one in self.incidents if one.kind == kind and one.status is Status.FIRING]
        return {one.scope[0][1] for one in firing if one.suppressed_by is None or is_window(one.suppressed_by)}

    def _judge_rest(self, closed: Incident, members: Sequence[Terminal], now: int) -> Parts[None]:
        """An outage closed: who is still silent has a trouble of its own."""
        for child in self.incidents:
            if child.suppressed_by == closed.id:
                self.incidents.free(child, now, "outlasted the wider outage")
        for part in parts(members):
            for terminal in part:
                if terminal.liveness is Liveness.DOWN:
                    if not self.incidents.find(TERMINAL_OFFLINE.kind, _own(terminal)):
                        self._open_own(terminal, now)
                    for group in self._fleet.groups.of(terminal):
                        self._mark(*group, now + SETTLE)
            yield len(part)

    def _absorb(self, detector: GroupDetector, incident: Incident, silent: Sequence[Terminal], now: int) -> Parts[None]:
        """A wider outage fires: what it explains and is already announced says so and pages nobody."""
        ids = {terminal.id for terminal in silent}
        for part in parts(list(self.incidents)):
            for child in part:
                free = child.suppressed_by is None or is_window(child.suppressed_by)
                free = free and child.status is Status.FIRING and child is not incident
                if free and not ids.isdisjoint(self._concerned(child, _RANK[detector])):
                    child.suppressed_by = incident.id
                    self.incidents.note(child, now, "explained by a wider outage")
            yield len(part)

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
        for detector, incident in self._outages(terminal):
            if _RANK[detector] < rank:
                if incident.status is Status.FIRING:
                    return Status.FIRING
                found = incident.status
        return found

    def _outages(self, terminal: Terminal) -> Iterator[tuple[GroupDetector, Incident]]:
        """The open outages that may have taken the terminal, pending or firing."""
        for detector, scope in self._fleet.groups.of(terminal):
            if incident := self.incidents.find(detector.kind, scope):
                yield detector, incident


def _own(terminal: Terminal) -> Scope:
    return (("terminal", terminal.id),)


def _group_detector(incident: Incident) -> GroupDetector | None:
    names = tuple(name for name, _ in incident.scope)
    return next((one for one in GROUP_DETECTORS if one.kind == incident.kind and one.scope == names), None)
