"""Which outages of many are open, and which of them may have taken a terminal. Every silence asks, so it is kept."""

from collections.abc import Iterable, Iterator

from fleetmon.detect import FLAPPING, SITE_OUTAGE
from fleetmon.engine.groups import covers
from fleetmon.engine.incidents import Incidents
from fleetmon.model.incident import Incident, Scope, Status
from fleetmon.model.terminal import Cohort, Terminal


class Known:
    """The open outages of shared attributes, pending and firing; those of shops stand among the incidents."""

    def __init__(self, incidents: Incidents) -> None:
        self._incidents = incidents
        self._open: list[Incident] = []
        self._over: dict[Cohort, tuple[Incident, ...]] = {}  # those of them that take a cohort, as far as asked

    def __iter__(self) -> Iterator[Incident]:
        return iter(self._open)

    @property
    def pending(self) -> list[Incident]:
        """Those that are suspected only."""
        return [incident for incident in self._open if incident.status is Status.PENDING]

    @property
    def firing(self) -> list[Scope]:
        """What those share that were told of."""
        return [incident.scope for incident in self._open if incident.status is Status.FIRING]

    def over(self, terminal: Terminal) -> Iterator[Incident]:
        """Those that may have taken a terminal, that of its shop last."""
        yield from self.shared(terminal)
        shop: Scope = (("site", terminal.site),)
        for kind in (SITE_OUTAGE.kind, FLAPPING.kind) if terminal.site else ():
            if incident := self._incidents.find(kind, shop):
                yield incident

    def shared(self, terminal: Terminal) -> tuple[Incident, ...]:
        """The same without that of its shop."""
        found = self._over.get(terminal.cohort)
        if found is None:
            found = tuple([incident for incident in self._open if covers(incident.scope, terminal.cohort)])
            self._over[terminal.cohort] = found
        return found

    def is_explained(self, terminal: Terminal) -> bool:
        """Whether an outage that fires, and not that of its shop, explains its silence."""
        return strongest(self.shared(terminal)) is Status.FIRING

    def enter(self, incident: Incident) -> None:
        """It opened."""
        if incident.scope[0][0] != "site":
            self._open.append(incident)
            self._over.clear()

    def leave(self, incident: Incident) -> None:
        """It is over."""
        if incident in self._open:
            self._open.remove(incident)
            self._over.clear()

    def forget(self, cohort: Cohort) -> None:
        """Nobody may be of it any longer: terminals make up firmware names, and the memory shall not keep them all."""
        self._over.pop(cohort, None)

    def regrouped(self) -> None:
        """Who shares what is another matter now."""
        self._over.clear()


def strongest(outages: Iterable[Incident]) -> Status | None:
    """Firing, if one is; else pending, if one is."""
    found = {incident.status for incident in outages}
    return Status.FIRING if Status.FIRING in found else Status.PENDING if found else None
