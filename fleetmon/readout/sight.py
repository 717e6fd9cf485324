"""Which incidents concern which terminals, and so what somebody confined to a provider gets to see.

Judged by what is known now: whoever changed the carrier since is concerned by the outages of the new
one. What cannot be judged (a scope by attributes unknown here) is hidden from the confined.
"""

from fleetmon.detect import GROUP_DETECTORS
from fleetmon.engine.fleet import Fleet
from fleetmon.model.detector import GroupDetector
from fleetmon.model.incident import Incident
from fleetmon.model.registry import CELLULAR
from fleetmon.model.terminal import Cohort, Terminal
from fleetmon.web.views import IncidentView, incident_view


def concerns(fleet: Fleet, incident: Incident, terminal: Terminal) -> bool:
    """Whether an incident is about this terminal too."""
    if _detector(incident) is not None:
        groups = fleet.groups.of(terminal)
        return any((detector.kind, scope) == (incident.kind, incident.scope) for detector, scope in groups)
    known = terminal.attributes().items() | {("host", terminal.cohort.acquirer)}
    return known.issuperset(incident.scope)


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
        detector = _detector(incident)
        if detector is not None and "site" in scope:
            return any(self.sees(terminal) for terminal in self._fleet.groups.members((detector, incident.scope)))
        return any(_is_of(cohort, incident, detector) for cohort in self._cohorts)

    def owns(self, incident: Incident) -> bool:
        """Whether an incident concerns terminals that are to be seen, and no others."""
        if self._provider is None or not self.concerned(incident):
            return self._provider is None
        scope, detector = dict(incident.scope), _detector(incident)
        if "terminal" in scope:
            return True
        if detector is not None and "site" in scope:
            return all(self.sees(terminal) for terminal in self._fleet.groups.members((detector, incident.scope)))
        others = {cohort for cohort, _ in self._fleet.census.counts} - self._cohorts
        return not any(_is_of(cohort, incident, detector) for cohort in others)

    def view(self, incident: Incident) -> IncidentView:
        """The incident as it is to be seen."""
        return incident_view(incident, [key for key in incident.evidence if self.terminal(key) or not self._provider])


def _detector(incident: Incident) -> GroupDetector | None:
    names = tuple(name for name, _ in incident.scope)
    return next((one for one in GROUP_DETECTORS if one.kind == incident.kind and one.scope == names), None)


def _is_of(cohort: Cohort, incident: Incident, detector: GroupDetector | None) -> bool:
    if detector is not None and detector.cellular and cohort.network not in CELLULAR:
        return False
    known = cohort._asdict().items() | {("host", cohort.acquirer)}
    return known.issuperset(incident.scope)
