"""What hosts tell of themselves: health, and work that they announced.

The newest report by the host's own clock counts; a report that comes late changes nothing. Health of a
link between two hosts (`peer`) says nothing of either alone and is left to the ledger.
"""

from typing import Final, Protocol

from fleetmon.detect import HOST_OUTAGE
from fleetmon.engine.incidents import Incidents
from fleetmon.engine.shard import HostReport
from fleetmon.model.events import HostHealth, Notice
from fleetmon.model.incident import Incident, Scope, Status

DAY_MS: Final = 86_400_000


class Plan(Protocol):
    """Has something done later, see `Agenda.at`."""

    def __call__(self, due: int, rank: int, action: str, *args: object) -> None: ...  # noqa: D102


class Hosts:
    """The hosts' own word, and the incidents that follow from it."""

    def __init__(self, incidents: Incidents) -> None:
        self._incidents = incidents
        self._told_at: dict[str, int] = {}
        self._announced: dict[str, dict[str, Notice]] = {}

    def observe(self, report: HostReport, plan: Plan) -> None:
        """Take in a report; `plan` has something done later."""
        if isinstance(report.event, Notice):
            self.note(report.host, report.event)
        elif report.event.peer is None:
            self._health(report, report.event, plan)

    def note(self, host: str, notice: Notice) -> None:
        """Take in announced work, new or read back; the newest word on it counts."""
        notices = self._announced.setdefault(host, {})
        known = notices.get(notice.id)
        if known is None or notice.at >= known.at:
            notices[notice.id] = notice

    def _health(self, report: HostReport, health: HostHealth, plan: Plan) -> None:
        # A clock that is a day off dates nothing: then the arrival does.
        told_at = health.at if abs(health.at - report.at) < DAY_MS else report.at
        if told_at < self._told_at.get(report.host, 0):
            return
        self._told_at[report.host] = told_at
        scope: Scope = (("host", report.host),)
        incident = self._incidents.find(HOST_OUTAGE.kind, scope)
        if incident is None:
            if HOST_OUTAGE.breached(health) and not self._planned(report.host, report.at):
                held = self._incidents.open(HOST_OUTAGE.kind, scope, report.at, "fails")
                plan(report.at + HOST_OUTAGE.policy.hold_ms, 99, "host", held)
        elif HOST_OUTAGE.recovered(health):
            self._incidents.end(incident, report.at, "works again")

    def fire(self, incident: Incident, due: int) -> None:
        """Announce what has lasted until `due`."""
        if incident.status is Status.PENDING:
            self._incidents.fire(incident, due, "fails")

    def _planned(self, host: str, now: int) -> bool:
        return any(
            notice.starts_at <= now < notice.ends_at and notice.event not in ("cancelled", "ended")
            for notice in self._announced.get(host, {}).values()
        )
