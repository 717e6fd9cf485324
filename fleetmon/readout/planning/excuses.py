"""Who answers for the planned work that keeps people from being called: all of it, for windows may overlap.

An incident names one window, the one that ends last. Where it can be wrong: of an outage of many only the terminals
that stand in its evidence are asked about, and work that is forgotten (or was taken back) is not found again.
"""

from fleetmon.engine import Engine
from fleetmon.model.incident import Incident
from fleetmon.model.window import is_window
from fleetmon.readout.sight import Sight
from fleetmon.web.views import PlannedView


def excuses(engine: Engine, sight: Sight, incident: Incident) -> list[PlannedView]:
    """Planned work for its terminals, while it was open; the one that ends last first."""
    if not is_window(incident.suppressed_by):
        return []
    over = engine.now if incident.resolved_at is None else incident.resolved_at
    keys = {value for name, value in incident.scope if name == "terminal"} or incident.evidence
    found: dict[str, PlannedView] = {}
    for terminal in filter(None, map(sight.terminal, keys)):
        for span, window in engine.correlator.works.windows.between(terminal, incident.opened_at, over):
            found.setdefault(window.id, PlannedView(window.id, window.owner, window.reason, span.end))
    return sorted(found.values(), key=lambda one: (-one.until, one.window))
