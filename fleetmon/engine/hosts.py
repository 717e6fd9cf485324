"""What hosts tell of themselves: health, and work that they announced.

The newest report by the host's own clock counts; a report that comes late changes nothing. Health of a
link between two hosts (`peer`) says nothing of either alone and is left to the ledger.
"""

from typing import Final

from fleetmon.detect import HOST_OUTAGE
from fleetmon.engine.agenda import Plan
from fleetmon.engine.incidents import Incidents
from fleetmon.engine.shard import HostReport
from fleetmon.engine.works import Works
from fleetmon.model.events import HostHealth, Notice
from fleetmon.model.incident import Incident, Scope, Status

DAY_MS: Final = 86_400_000


class Hosts:
    """The hosts' own word, and the incidents that follow from it."""

    def __init__(self, incidents: Incidents, works: Works) -> None:
        self._incidents = incidents
        self._works = works
        self._told_at: dict[str, int] = {}

    def observe(self, report: HostReport, plan: Plan) -> None:
        """Take in a report; `plan` has something done later."""
        if isinstance(report.event, Notice):
            self._works.note(report.host, report.event, report.at)
        elif report.event.peer is None:
            self._health(report, report.event, plan)

    def _health(self, report: HostReport, health: HostHealth, plan: Plan) -> None:
        # A clock that is a day off dates nothing: then the arrival does.
        told_at = health.at if abs(health.at - report.at) < DAY_MS else report.at
        if told_at < self._told_at.get(report.host, 0):
            return
        self._told_at[report.host] = told_at
        scope: Scope = (("host", report.host),)
        incident = self._incidents.find(HOST_OUTAGE.kind, scope)
        if incident is None:
            if HOST_OUTAGE.breached(health) and not self._works.windows.is_planned(report.host, report.at):
                held = self._incidents.open(HOST_OUTAGE.kind, scope, report.at, "fails")
                plan(report.at + HOST_OUTAGE.policy.hold_ms, 99, "host", held)
        elif HOST_OUTAGE.recovered(health):
            self._incidents.end(incident, report.at, "works again")

    def fire(self, incident: Incident, due: int) -> None:
        """Announce what has lasted until `due`."""
        if incident.status is Status.PENDING:
            self._incidents.fire(incident, due, "fails")
