"""What the neighbours ought to know now: firing incidents, and resolved ones for a while longer.

Level-triggered: whoever missed a message, or was restarted, hears it again from here.
"""

from collections.abc import Container, Iterable
from typing import Final

from fleetmon.model.incident import Incident

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

    def current(self, now: int, untold: Container[str] = ()) -> list[Incident]:
        """What is firing, what was resolved within the last 15 minutes before `now` (ms), and what nobody heard yet."""
        over = [
            found.id
            for found in self._incidents.values()
            if found.resolved_at is not None and found.resolved_at < now - RESOLVED_KEPT_MS and found.id not in untold
        ]
        for gone in over:
            del self._incidents[gone]
        return list(self._incidents.values())
