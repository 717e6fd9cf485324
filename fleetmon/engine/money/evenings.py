"""Terminal capture: whose day was not closed, looked at once for each cut-off, half an hour after it.

Who is down then is looked at every hour: its silence has a name already, and when it is back it may close by itself.
"""

from heapq import heapify, heappop, heappush
from typing import Final

from fleetmon.detect.batch_not_closed import BATCH_NOT_CLOSED, PATIENCE
from fleetmon.engine.fleet import Fleet
from fleetmon.engine.incidents import Incidents
from fleetmon.engine.money.outlook import Outlook
from fleetmon.model.incident import Incident, Scope
from fleetmon.model.terminal import NO_DEADLINE, Liveness

AGAIN: Final = 3_600_000


class Evenings:
    """The looks that are planned. Times in ms."""

    def __init__(self, outlook: Outlook, fleet: Fleet, incidents: Incidents) -> None:
        self._outlook = outlook
        self._fleet = fleet
        self._incidents = incidents
        self._looks: list[int] = []
        self._planned: set[int] = set()

    @property
    def next(self) -> int:
        """When somebody is to be looked at, right after this millisecond."""
        return self._looks[0] + 1 if self._looks else NO_DEADLINE

    def expect(self, closes_at: int, now: int) -> None:
        """Some batch has to be closed by then."""
        self._plan(max(closes_at + PATIENCE, now))

    def hear(self, ready: int) -> None:
        """What waited while we were deaf is looked at when it may have arrived."""
        self._planned = {max(due, ready) for due in self._planned}
        self._looks = list(self._planned)
        heapify(self._looks)

    def restore(self, incident: Incident, now: int) -> None:
        """Have a firing incident that was read back looked at."""
        if incident.kind == BATCH_NOT_CLOSED.kind:
            self._plan(now)

    def closed(self, terminal: str, now: int) -> None:
        """Something was told of a terminal's batch."""
        incident = self._incidents.find(BATCH_NOT_CLOSED.kind, _own(terminal))
        if incident is not None and not self._outlook.unclosed(terminal, now):
            self._incidents.end(incident, now, "closed")

    def advance(self, now: int) -> None:
        """Look, if it is time."""
        if self.next > now:
            return
        due = heappop(self._looks)
        self._planned.discard(due)
        waits = False
        for key in sorted(self._outlook.unclosed_at(due - PATIENCE)):
            terminal = self._fleet.terminals.get(key)
            if terminal is not None and terminal.liveness is Liveness.DOWN:
                waits = True
            elif self._incidents.find(BATCH_NOT_CLOSED.kind, _own(key)) is None:
                self._incidents.open(BATCH_NOT_CLOSED.kind, _own(key), due, "not closed", [key])
        firing = [one for one in self._incidents if one.kind == BATCH_NOT_CLOSED.kind]
        for incident in firing:
            self.closed(incident.scope[0][1], due)
        if waits or firing:
            self._plan(due + AGAIN)

    def _plan(self, due: int) -> None:
        if due not in self._planned:
            self._planned.add(due)
            heappush(self._looks, due)


def _own(terminal: str) -> Scope:
    return (("terminal", terminal),)
