"""What comes and goes too often, a terminal or a group: one incident instead of many, until it is calm.

Only what was unexplained and would have been told counts as a flap: of a terminal when it goes down, of a group when
its outage is over, so that it decays only while all is well. While an incident of flapping is open whoever
judges the terminal or group opens none of its own; when it is over the true state is judged, and so told once.
"""

from collections.abc import Callable, Sequence
from typing import Final

from fleetmon.detect import FLAPPING, GROUP_DETECTORS
from fleetmon.engine.agenda import Action, Parts, Plan
from fleetmon.engine.hearing import audible
from fleetmon.engine.incidents import Incidents
from fleetmon.engine.shard import Shard
from fleetmon.engine.tally import burst, look, parts, tally_breach, tally_recovery
from fleetmon.model.detector import GroupDetector
from fleetmon.model.incident import Incident, Scope
from fleetmon.model.terminal import NO_DEADLINE, Terminal

RANK: Final = 98
_AGAIN: Final = 60_000  # until the penalty is looked at again
_MOST: Final = 10_000  # penalties remembered, before those that matter no longer are dropped
_OF_MANY: Final = frozenset(one.kind for one in GROUP_DETECTORS)


class Flapping:
    """Penalties by scope, and the incidents that follow from them. Times in ms."""

    def __init__(self, shard: Shard, incidents: Incidents, plan: Plan) -> None:
        self.over: Callable[[Incident, int], Parts[None]]  # told when something is calm
        self._shard = shard
        self._incidents = incidents
        self._plan = plan
        self._penalties: dict[Scope, tuple[float, int]] = {}  # and when it was reckoned

    @property
    def actions(self) -> dict[str, Action]:
        """What the agenda is asked to do."""
        return {"calm": self._judge}

    def find(self, scope: Scope) -> Incident | None:
        """The open incident of something that flaps."""
        return self._incidents.find(FLAPPING.kind, scope)

    def flap(self, scope: Scope, at: int, terminals: Sequence[str]) -> Incident | None:
        """A terminal is down again; the incident, if it is too often."""
        self._add(scope, at)
        return self.find(scope) or self._open(scope, self._left(scope, at), at, terminals)

    def relapse(self, outage: Incident, at: int, terminals: Sequence[str]) -> Incident | None:
        """A group is down; the incident that replaces its outage, if it was too lately."""
        penalty = FLAPPING.penalised(self._left(outage.scope, at))
        incident = self._open(outage.scope, penalty, at, terminals, outage.silent_since)
        if incident is not None:
            self._add(outage.scope, at)
        return incident

    def ended(self, outage: Incident) -> None:
        """An outage is over, in this life or in one before."""
        told = outage.fired_at is not None and outage.suppressed_by is None
        if told and outage.resolved_at is not None and outage.kind in _OF_MANY:
            self._add(outage.scope, outage.resolved_at)

    def look(self, incident: Incident, detector: GroupDetector, members: Sequence[Terminal], now: int) -> Parts[None]:
        """Whether a group that flaps is back, or down once more, whatever single ones of many do."""
        heard = list[Terminal]()
        for part in parts(members):
            heard += audible(self._shard, part, now)
            yield len(part)
        sight = yield from look(heard, now, self._shard.heard_since)
        if incident.clear_since is None:
            _, down_at = self._penalties[incident.scope]
            if detector.recovered((yield from tally_recovery(sight, down_at, now))):
                incident.clear_since = now
            return
        together, moment = yield from burst(sight.silent)
        if detector.breached((yield from tally_breach(sight, together, moment, now))):
            incident.clear_since = None
            self._add(incident.scope, now)

    def restore(self, incident: Incident, now: int) -> None:
        """Take up an incident that was read back: it has to prove that it is calm."""
        if incident.kind == FLAPPING.kind:
            penalty = 0.0
            while not _breached(incident.scope, penalty):
                penalty = FLAPPING.penalised(penalty)
            self._penalties[incident.scope] = penalty, now
            self._plan(now + _AGAIN, RANK, "calm", incident.scope)

    def _open(
        self, scope: Scope, penalty: float, at: int, terminals: Sequence[str], silent_since: int | None = None
    ) -> Incident | None:
        if not _breached(scope, penalty):
            return None
        self._plan(at + _AGAIN, RANK, "calm", scope)
        reason = "down again and again"
        return self._incidents.open(FLAPPING.kind, scope, at, reason, terminals, silent_since=silent_since)

    def _left(self, scope: Scope, at: int) -> float:
        penalty, since = self._penalties.get(scope, (0.0, at))
        return FLAPPING.decayed(penalty, at - since)

    def _add(self, scope: Scope, at: int) -> None:
        """One more flap; it may be an older one that was read back."""
        if len(self._penalties) > _MOST:
            left = {one: FLAPPING.decayed(held[0], max(at - held[1], 0)) for one, held in self._penalties.items()}
            self._penalties = {one: held for one, held in self._penalties.items() if left[one]}
        latest = max(at, self._penalties.get(scope, (0.0, at))[1])
        self._penalties[scope] = FLAPPING.penalised(self._left(scope, latest), latest - at), latest

    def _judge(self, scope: Scope, due: int) -> Parts[None]:
        incident = self.find(scope)
        if incident is None:
            return
        if not self._is_heard(incident):  # what is not heard is not calm; what was, up to the last look, is
            self._penalties[scope] = self._left(scope, max(due - _AGAIN, self._penalties[scope][1])), due
        if FLAPPING.recovered(self._left(scope, due)):
            del self._penalties[scope]
            self._incidents.end(incident, due, "calm")
            yield from self.over(incident, due)
        else:
            self._plan(due + _AGAIN, RANK, "calm", scope)

    def _is_heard(self, incident: Incident) -> bool:
        """Whether we can hear those of it that we know by name."""
        found = [one for key in incident.evidence if (one := self._shard.fleet.terminals.get(key)) is not None]
        unheard = [one for one in found if self._shard.heard_from(one.cohort.provider) == NO_DEADLINE]
        return self._shard.deaf_since is None and not unheard


def _breached(scope: Scope, penalty: float) -> bool:
    return FLAPPING.breached(penalty, many=scope[0][0] != "terminal")
