"""Which incidents concern which terminals, and so what somebody confined to a provider gets to see.

Judged by what is known now: whoever changed the carrier since is concerned by the outages of the new
one. What cannot be judged (a scope by attributes unknown here) is hidden from the confined.
"""

from collections.abc import Mapping, Sequence

from msgspec.structs import asdict

from fleetmon.engine.fleet import Fleet
from fleetmon.engine.groups import covers, takes
from fleetmon.engine.outages.outages import is_of_many
from fleetmon.model.incident import Incident
from fleetmon.model.terminal import Cohort, Terminal
from fleetmon.web.views import IncidentView, PlannedView, incident_view


def concerns(incident: Incident, terminal: Terminal) -> bool:
    """Whether an incident is about this terminal too."""
    if is_of_many(incident):
        return takes(incident.scope, terminal)
    known = terminal.attributes().items() | {("host", terminal.cohort.acquirer)}
    return known.issuperset(incident.scope)


def owner(fleet: Fleet, incident: Incident) -> str | None:
    """The provider to whom all terminals that an incident concerns belong; None if there is no such one."""
    scope = dict(incident.scope)
    if "terminal" in scope:
        terminal = fleet.terminals.get(scope["terminal"])
        return None if terminal is None else terminal.cohort.provider
    if is_of_many(incident) and "site" in scope:
        found = {terminal.cohort.provider for terminal in fleet.groups.members(incident.scope)}
    else:
        found = {cohort.provider for cohort, _ in fleet.census.counts if _is_of(cohort, incident)}
    return found.pop() if len(found) == 1 else None


class Sight:
    """What the terminals of one provider make visible; without a provider everything."""

    def __init__(self, fleet: Fleet, provider: str | None) -> None:
        self._fleet = fleet
        self._provider = provider
        self._cohorts = {cohort for cohort, _ in fleet.census.counts if cohort.provider == provider}

    def terminal(self, key: str) -> Terminal | None:
        """The terminal, if there is one to be seen."""
        found = self._fleet.terminals.get(key)
        return found if found is not None and self.sees(found) else None

    def sees(self, terminal: Terminal) -> bool:
        """Whether a terminal is to be seen."""
        return self._provider in (None, terminal.cohort.provider)

    def concerned(self, incident: Incident) -> bool:
        """Whether an incident concerns any terminal that is to be seen."""
        if self._provider is None:
            return True
        scope = dict(incident.scope)
        if "terminal" in scope:
            return self.terminal(scope["terminal"]) is not None
        if is_of_many(incident) and "site" in scope:
            return any(self.sees(terminal) for terminal in self._fleet.groups.members(incident.scope))
        return any(_is_of(cohort, incident) for cohort in self._cohorts)

    def owns(self, incident: Incident) -> bool:
        """Whether an incident concerns terminals that are to be seen, and no others."""
        return self._provider is None or owner(self._fleet, incident) == self._provider

    def view(
        self, incident: Incident, names: Mapping[str, list[str]], planned: Sequence[PlannedView] = ()
    ) -> IncidentView:
        """The incident as it is to be seen, with the names of its scope and the work that explains it."""
        evidence = [key for key in incident.evidence if self.terminal(key) or not self._provider]
        return incident_view(incident, evidence, names, list(planned))


def _is_of(cohort: Cohort, incident: Incident) -> bool:
    if is_of_many(incident):
        return covers(incident.scope, cohort)
    known = asdict(cohort).items() | {("host", cohort.acquirer)}
    return known.issuperset(incident.scope)
