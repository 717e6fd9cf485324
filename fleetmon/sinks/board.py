"""What the neighbours ought to know now: firing incidents, and resolved ones for a while longer.

Level-triggered: whoever missed a message, or was restarted, hears it again from here.
"""

from collections.abc import Iterable
from typing import Final

from fleetmon.model.incident import Incident, Status

RESOLVED_KEPT_MS: Final = 15 * 60_000  # as Prometheus does, so that a restarted Alertmanager still hears the end


class Board:
    """The latest word on each announced incident."""

    def __init__(self) -> None:
        self._incidents: dict[str, Incident] = {}

    def put(self, incidents: Iterable[Incident]) -> None:
        """Take in the latest word on some incidents; those never announced are left out."""
        for incident in incidents:
            if incident.fired_at is not None:
                self._incidents[incident.id] = incident

    def current(self, now: int) -> list[Incident]:
        """What is firing, and what was resolved within the last 15 minutes before `now` (ms)."""
        over = [
            found.id
            for found in self._incidents.values()
            if found.resolved_at is not None and found.resolved_at < now - RESOLVED_KEPT_MS
        ]
        for gone in over:
            del self._incidents[gone]
        return list(self._incidents.values())

    def firing(self) -> list[Incident]:
        """What is firing."""
        return [incident for incident in self._incidents.values() if incident.status is Status.FIRING]
