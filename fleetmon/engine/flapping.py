"""What comes and goes too often, a terminal or a group: one incident instead of many, until it is calm.

Only what was unexplained and would have been told counts as a flap. While an incident of flapping is open whoever
judges the terminal or group opens none of its own; when it is over the true state is judged, and so told once.
"""

from collections.abc import Callable, Sequence
from typing import Final

from fleetmon.detect import FLAPPING
from fleetmon.engine.agenda import Action, Parts, Plan
from fleetmon.engine.incidents import Incidents
from fleetmon.model.incident import Incident, Scope

RANK: Final = 98
_AGAIN: Final = 60_000  # until the penalty is looked at again
_APART: Final = 180_000  # flaps of a group; its members do not come and go at one moment
_MOST: Final = 10_000  # penalties remembered, before those that matter no longer are dropped


class Flapping:
    """Penalties by scope, and the incidents that follow from them. Times in ms."""

    def __init__(self, incidents: Incidents, plan: Plan) -> None:
        self.over: Callable[[Incident, int], Parts[None]]  # told when something is calm
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
        """It is down again; the incident, if it is too often."""
        penalty = self._add(scope, at)
        incident = self.find(scope)
        if incident is None and FLAPPING.breached(penalty):
            incident = self._incidents.open(FLAPPING.kind, scope, at, "down again and again", terminals)
            self._plan(at + _AGAIN, RANK, "calm", scope)
        return incident

    def again(self, scope: Scope, at: int) -> None:
        """Some of a group that flaps are down again, which counts once for all of them."""
        if at - self._penalties.get(scope, (0.0, 0))[1] >= _APART:
            self._add(scope, at)

    def restore(self, incident: Incident, now: int) -> None:
        """Take up an incident that was read back: it has to prove that it is calm."""
        if incident.kind == FLAPPING.kind:
            penalty = 0.0
            while not FLAPPING.breached(penalty):
                penalty = FLAPPING.penalised(penalty)
            self._penalties[incident.scope] = penalty, now
            self._plan(now + _AGAIN, RANK, "calm", incident.scope)

    def _add(self, scope: Scope, at: int) -> float:
        if len(self._penalties) > _MOST:
            self._penalties = {
                one: held for one, held in self._penalties.items() if FLAPPING.decayed(held[0], at - held[1])
            }
        before, since = self._penalties.get(scope, (0.0, at))
        penalty = FLAPPING.penalised(FLAPPING.decayed(before, at - since))
        self._penalties[scope] = penalty, at
        return penalty

    def _judge(self, scope: Scope, due: int) -> Parts[None]:
        incident = self.find(scope)
        if incident is None:
            return
        penalty, since = self._penalties.get(scope, (0.0, due))
        if FLAPPING.recovered(FLAPPING.decayed(penalty, due - since)):
            del self._penalties[scope]
            self._incidents.end(incident, due, "calm")
            yield from self.over(incident, due)
        else:
            self._plan(due + _AGAIN, RANK, "calm", scope)
