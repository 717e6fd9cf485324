"""The incident table: what is wrong now, each at most once per kind and scope.

Pending and firing incidents are held here; what ends leaves the table and lives on in the store. Every
change is a transition with the time of its fact and a copy of the incident.
"""

from collections import Counter
from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from fleetmon.detect import POLICIES
from fleetmon.model.incident import Incident, Scope, Status, Transition, incident_id


class Incidents:
    """Open incidents by (kind, scope), and the transitions not yet fetched."""

    def __init__(self) -> None:
        self._open: dict[tuple[str, Scope], Incident] = {}
        self._transitions: list[Transition] = []
        self._opened_at = 0
        self._opened: Counter[tuple[str, Scope]] = Counter()  # in this millisecond

    def __iter__(self) -> Iterator[Incident]:
        return iter(self._open.values())

    def find(self, kind: str, scope: Scope) -> Incident | None:
        """The open incident of this kind and scope."""
        return self._open.get((kind, scope))

    def open(self, kind: str, scope: Scope, at: int, reason: str, terminals: Sequence[str] = ()) -> Incident:
        """Something is wrong since `at` with these terminals; it fires at once where its kind knows no `for`."""
        policy = POLICIES[kind]
        if at != self._opened_at:
            self._opened_at = at
            self._opened.clear()
        number = self._opened[kind, scope]
        self._opened[kind, scope] += 1
        incident = Incident(incident_id(kind, scope, at, number), kind, scope, policy.severity, policy.pages, at)
        incident.measure(terminals)
        self._open[kind, scope] = incident
        self._record(at, None, incident, reason)
        if not policy.hold_ms:
            self.fire(incident, at, reason)
        return incident

    def fire(self, incident: Incident, at: int, reason: str) -> None:
        """It lasted long enough to be announced."""
        incident.fired_at = at
        incident.paged_at = at if incident.pages and incident.suppressed_by is None else None
        self._move(incident, Status.FIRING, at, reason)

    def end(self, incident: Incident, at: int, reason: str, since: int | None = None) -> None:
        """It is over, in fact `since`: resolved if it was announced, dropped without a word if not."""
        if incident.status is Status.FIRING:
            incident.resolved_at = at if since is None else since
            self._move(incident, Status.RESOLVED, at, reason)
        else:
            self._move(incident, Status.DROPPED, at, reason)
        del self._open[incident.kind, incident.scope]

    def restore(self, incident: Incident) -> None:
        """Take up a firing incident that was read back."""
        self._open[incident.kind, incident.scope] = incident

    def take(self) -> list[Transition]:
        """The transitions since the last call."""
        transitions, self._transitions = self._transitions, []
        return transitions

    def note(self, incident: Incident, at: int, reason: str) -> None:
        """An open incident changed without changing its status: size, or what explains it."""
        self._record(at, incident.status, incident, reason)

    def _move(self, incident: Incident, status: Status, at: int, reason: str) -> None:
        before = incident.status
        incident.move(status)
        self._record(at, before, incident, reason)

    def _record(self, at: int, before: Status | None, incident: Incident, reason: str) -> None:
        self._transitions.append(Transition(at, before, replace(incident), reason))
