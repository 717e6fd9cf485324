"""What many terminals tell together, and what one tells alone: who is told, in which order.

Shared outages come first (see `Outages`). A lone terminal's incident waits for its `hold`; if a wider outage
explains it by then it never opens, and when that outage closes who is still silent is judged again.
"""

from collections.abc import Callable, Sequence
from typing import Any

from fleetmon.detect import MAINTENANCE_OVERDUE, TERMINAL_OFFLINE, WEAK_SIGNAL
from fleetmon.engine.acknowledgements import Acknowledgements
from fleetmon.engine.agenda import Action, Agenda, Parts, Plan
from fleetmon.engine.conditions import Conditions
from fleetmon.engine.deltas import Claim, Delta, Dropped, HostReport, Late, LinkReport, LivenessChange, Move, Work
from fleetmon.engine.fleet import Fleet
from fleetmon.engine.hearing import Hearing, not_before
from fleetmon.engine.hosts.hosts import Hosts
from fleetmon.engine.incidents import Incidents
from fleetmon.engine.links import Links
from fleetmon.engine.outages.flapping import Flapping
from fleetmon.engine.outages.outages import SETTLE, Outages, is_of_many
from fleetmon.engine.outages.reception import Reception
from fleetmon.engine.outcome import Fact
from fleetmon.engine.serials import Serials
from fleetmon.engine.shard import Shard
from fleetmon.engine.tally import missed_since, parts
from fleetmon.engine.terminal.asked import Asked
from fleetmon.engine.terminal.checkup import Symptoms
from fleetmon.engine.terminal.faults import FaultChange
from fleetmon.engine.work.works import Works
from fleetmon.model.days import DAY
from fleetmon.model.incident import Incident, Scope, Status
from fleetmon.model.terminal import NO_DEADLINE, Liveness, Terminal


class Correlator:
    """Incidents of the whole fleet."""

    def __init__(self, fleet: Fleet, shard: Shard) -> None:
        self.incidents = Incidents()
        actions: dict[str, Action] = {}
        self._agenda = Agenda(actions)
        self._at: Plan = self._agenda.at
        self.hearing = Hearing(self.incidents, self._at)
        self.works = Works(shard, self.incidents, self._at)
        self.reception = Reception(shard, self.works.windows, self.hearing, self._at)
        self.reception.thaw = self._thaw
        self.acknowledgements = Acknowledgements(shard, self.incidents, self._at)
        self.hosts = Hosts(self.incidents, self.works, shard, self._at)
        self._links = Links(self.incidents, shard.habits.patience, self._at)
        self.conditions = Conditions(self.incidents, shard, self._at)
        self._serials = Serials(shard, self._at)
        self._flapping = Flapping(shard, self.incidents, self._at)
        self._flapping.over = self._calm
        self.outages = Outages(shard, self.incidents, self.works.planned, self._flapping, self._at)
        self.outages.left = self._left
        self.outages.in_doubt = self.reception.in_doubt
        shard.habits.outages = self.outages.over
        self._fleet = fleet
        self._shard = shard
        actions |= {
            "hearing": self.hearing.judge,
            "reception": self.reception.look,
            "own": self._judge_own,
            "regrouped": self._judge_regrouped,
            "fault": self.conditions.judge,
            "slow": self.conditions.lasted,
            "serials": self._serials.look,
            "weak": self._links.look_again,
            "acknowledged": self.acknowledgements.look,
            **self.hosts.actions,
            **self.works.actions,
            **self.outages.actions,
            **self._flapping.actions,
        }

        self._takes: dict[type, Callable[[Any], None]] = {
            LivenessChange: self._liveness,
            Late: self._late,
            Move: self.outages.moved,
            Symptoms: self.conditions.shown,
            FaultChange: self.conditions.fault,
            Claim: lambda claim: self._serials.claim(claim.terminal, claim.at),
            Asked: self.hosts.ask,
            HostReport: self.hosts.observe,
            LinkReport: lambda report: self._links.look(report.terminal, report.at),
            Dropped: lambda drop: self.reception.dropped(drop.at),
            Work: self.works.work,
        }

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
            self._takes[type(delta)](delta)

    def link_lost(self, at: int, *, reported: bool) -> None:
        """We hear nothing."""
        self.reception.link_lost()
        if reported:
            self.hearing.lost(at)

    def link_found(self, at: int) -> None:
        """We hear again."""
        self.hearing.resume(at)
        self.reception.link_found(at)
        self._thaw(at)

    def _thaw(self, at: int) -> None:
        """What was put off until we hear is due."""
        self._agenda.thaw(at)
        self.outages.thaw(at)

    def restore(self, incident: Incident) -> None:
        """Take up a firing incident that was read back."""
        now = self._shard.deaf_since or 0  # nothing of it happens before
        self.incidents.restore(incident)
        if self._is_nobodys(incident):
            self.incidents.end(incident, now, "its terminal is not known any longer")
            return
        self.works.restore(incident, now)
        self.acknowledgements.restore(incident, now)
        self.outages.restore(incident)
        self._flapping.restore(incident, now)
        self.hosts.restore(incident, now)
        if incident.kind == WEAK_SIGNAL.kind and (weak := self._fleet.terminals.get(incident.scope[0][1])):
            self._links.watch(weak, now - (now - incident.opened_at) % DAY)
        self.conditions.restore(incident, now)
        self._serials.restore(incident, now)

    def _is_nobodys(self, incident: Incident) -> bool:
        """Whether it is about a terminal that left the registry, and for which there is no room beside it."""
        of_one = incident.kind != MAINTENANCE_OVERDUE.kind  # which may name several, and waits for nobody unknown
        terminal = dict(incident.scope).get("terminal")
        return of_one and terminal is not None and terminal not in self._fleet.terminals

    def recall(self, facts: Sequence[Fact], now: int) -> None:
        """Take up what was told in an earlier life."""
        self.hosts.recall(facts)
        self._serials.recall(facts, now)

    def remember(self, incident: Incident) -> None:
        """Take up an incident that was over in an earlier life."""
        if self.incidents.named(incident.id) is None:
            self.incidents.remember(incident)
            self._flapping.ended(incident)

    def regrouped(self, now: int) -> None:
        """The registry changed."""
        self.works.overdue.regrouped(now)
        self.outages.regrouped(now)
        self._at(now + SETTLE, 99, "regrouped")

    def _judge_regrouped(self, now: int) -> Parts[None]:
        """The outage that explained a silence may be one of others now: then it is judged like a new one."""
        if self._shard.deaf_since is not None:
            self._at(NO_DEADLINE, 99, "regrouped")
            return
        for part in parts(list(self._fleet.terminals.values())):
            for terminal in part:
                if terminal.liveness is Liveness.DOWN and self._left(terminal, now):
                    self.outages.late(terminal, now)
            yield len(part)

    # -- one terminal ------------------------------------------------------------------------------

    def _liveness(self, change: LivenessChange) -> None:
        terminal, at = change.terminal, change.at
        self.reception.changed(change)
        self.outages.changed(change)
        own = self.incidents.find(TERMINAL_OFFLINE.kind, _own(terminal))
        if change.after is Liveness.DOWN and own is None:
            unexplained = self.outages.explanation(terminal) is None
            if not (unexplained and self._flapping.flap(_own(terminal), at, [terminal.id])):
                self._open_own(terminal, at, missed_since([terminal]))
        elif own is not None and change.after in (Liveness.UP, Liveness.ASLEEP):
            self.incidents.end(own, at, "heard again" if change.after is Liveness.UP else "went to sleep")
        if change.after is Liveness.UP:
            self.works.heard(terminal, at)

    def _late(self, late: Late) -> None:
        self.reception.late(late.terminal.cohort.provider, late.at)
        self.outages.late(late.terminal, late.at)

    def _calm(self, flapping: Incident, at: int) -> Parts[None]:
        """Something flaps no longer: whoever is down now is judged."""
        if is_of_many(flapping):
            yield from self.outages.calm(flapping, at)
        elif (terminal := self._fleet.terminals.get(flapping.scope[0][1])) and terminal.liveness is Liveness.DOWN:
            self._left(terminal, at)

    def _left(self, terminal: Terminal, at: int) -> bool:
        """A wider outage is over, and this terminal is still down: whether that has to be told now."""
        return not self.incidents.find(TERMINAL_OFFLINE.kind, _own(terminal)) and self._open_own(terminal, at)

    def _open_own(self, terminal: Terminal, at: int, since: int | None = None) -> bool:
        kind, own = TERMINAL_OFFLINE.kind, _own(terminal)
        if self.outages.explanation(terminal) is Status.FIRING or self._flapping.find(own) is not None:
            return False
        incident = self.incidents.open(kind, own, at, "silent", [terminal.id], since=since)
        due = max(at, self._shard.proof(terminal, told=True)) + TERMINAL_OFFLINE.hold(terminal.interval_ms)
        self._at(due, 99, "own", incident, terminal)
        return True

    def _judge_own(self, incident: Incident, terminal: Terminal, due: int) -> None:
        if incident.status is not Status.PENDING:
            return
        later = not_before(self._shard, due, terminal.interval_ms, terminal.cohort.provider)
        explained = self.outages.explanation(terminal)
        if explained is Status.FIRING:
            self.incidents.end(incident, due, "explained by a wider outage")
        elif later or explained is Status.PENDING or self.reception.in_doubt([terminal]):
            self._at(later or due + SETTLE, 99, "own", incident, terminal)
        else:
            self.incidents.fire(incident, due, "silent")


def _own(terminal: Terminal) -> Scope:
    return (("terminal", terminal.id),)
