"""The incident table: what is wrong now, each at most once per kind and scope.

Pending and firing incidents are held here; what ends leaves the table and lives on in the store. Every
change is a transition with the time of its fact and a copy of the incident.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from msgspec.structs import replace

from fleetmon.detect import MONEY_KINDS, POLICIES
from fleetmon.model.incident import Acknowledgement, Incident, Scope, Status, Transition, incident_id

_ALONE: Final = frozenset(
    {"terminal", "site", "host", "merchant"}
)  # attributes of scopes that are looked up as they are
PAST: Final = 20_000  # incidents remembered that are over


class Incidents:
    """Open incidents by (kind, scope), and the transitions not yet fetched."""

    def __init__(self) -> None:
        self._open: dict[tuple[str, Scope], Incident] = {}
        self._of_scope: dict[Scope, list[Incident]] = {}  # the open ones
        self._shared: Counter[Scope] = Counter()  # of outages of shared attributes, how many are known
        self._past: dict[Scope, list[Incident]] = {}  # announced and over, newest last, by scope
        self._remembered: deque[Incident] = deque()
        self._ids: dict[str, Incident] = {}
        self._transitions: list[Transition] = []
        self._opened_at = 0
        self._opened: Counter[tuple[str, Scope]] = Counter()  # in this millisecond
        self.reconsider: Callable[[Incident, int], None] = lambda _incident, _at: None  # see `Acknowledgements`
        self.excuse: Callable[[Incident, int], str | None] = lambda _incident, _now: None  # planned work, see `Works`

    def __iter__(self) -> Iterator[Incident]:
        return iter(self._open.values())

    @property
    def shared(self) -> Iterator[Scope]:
        """The scopes of outages of shared attributes that are open or remembered; there are few."""
        return iter(self._shared)

    def find(self, kind: str, scope: Scope) -> Incident | None:
        """The open incident of this kind and scope."""
        return self._open.get((kind, scope))

    def open(  # noqa: PLR0913 - all but four have defaults
        self,
        kind: str,
        scope: Scope,
        at: int,
        reason: str,
        terminals: Sequence[str] = (),
        *,
        pages: bool = True,
        suppressed_by: str | None = None,
        since: int | None = None,
        silent_since: int | None = None,
    ) -> Incident:
        """Something is wrong since `at` with these terminals; it fires at once where its kind knows no `for`.

        What is known only now and began earlier did so at `since`; those who fell silent before anything could be
        known of it did so at `silent_since`. It may page only if its kind does, and if nothing that was paged explains
        it.
        """
        policy = POLICIES[kind]
        began = at if since is None else since
        if at != self._opened_at:
            self._opened_at = at
            self._opened.clear()
        number = self._opened[kind, scope]
        self._opened[kind, scope] += 1
        incident = Incident(
            incident_id(kind, scope, began, number), kind, scope, policy.severity, policy.pages and pages, began
        )
        incident.suppressed_by = suppressed_by
        incident.measure(terminals)
        incident.silent_since = silent_since
        self.restore(incident)
        self._record(at, None, incident, reason)
        if not policy.hold_ms:
            self.fire(incident, at, reason)
        return incident

    def fire(self, incident: Incident, at: int, reason: str) -> None:
        """It lasted long enough to be announced."""
        incident.fired_at = at
        if incident.suppressed_by is None:
            incident.suppressed_by = self.excuse(incident, at)
        incident.paged_at = at if incident.pages and incident.suppressed_by is None else None
        self._move(incident, Status.FIRING, at, reason)

    def end(self, incident: Incident, at: int, reason: str, since: int | None = None) -> None:
        """It is over, in fact `since`: resolved if it was announced, dropped without a word if not."""
        if incident.status is Status.FIRING:
            incident.resolved_at = at if since is None else since
            self._move(incident, Status.RESOLVED, at, reason)
            self.remember(incident)
        else:
            self._move(incident, Status.DROPPED, at, reason)
        del self._open[incident.kind, incident.scope]
        held = self._of_scope[incident.scope]
        held.remove(incident)
        if not held:
            del self._of_scope[incident.scope]
        self._know(incident, -1)
        if incident.status is Status.DROPPED:
            del self._ids[incident.id]

    def restore(self, incident: Incident) -> None:
        """Take up an incident, new or read back."""
        self._know(incident, 1)
        self._open[incident.kind, incident.scope] = self._ids[incident.id] = incident
        self._of_scope.setdefault(incident.scope, []).append(incident)

    def about(self, scope: Scope) -> list[Incident]:
        """What was announced about exactly this scope, over or not, the oldest first."""
        open_ = [one for one in self._of_scope.get(scope, ()) if one.status is Status.FIRING]
        return [*self._past.get(scope, ()), *open_]

    def named(self, incident_id: str) -> Incident | None:
        """An incident by its id, open or remembered."""
        return self._ids.get(incident_id)

    def remember(self, incident: Incident) -> None:
        """Keep an incident that is over, for what it explains later."""
        if self._ids.get(incident.id, incident) is not incident:
            return  # read back, and in memory already
        self._know(incident, 1)
        self._past.setdefault(incident.scope, []).append(incident)
        self._ids[incident.id] = incident
        self._remembered.append(incident)
        if len(self._remembered) > PAST:
            oldest = self._remembered.popleft()
            left = self._past[oldest.scope]
            left.remove(oldest)
            self._know(oldest, -1)
            del self._ids[oldest.id]
            if not left:
                del self._past[oldest.scope]

    def _know(self, incident: Incident, step: int) -> None:
        if incident.scope and not _ALONE.intersection(name for name, _ in incident.scope):
            self._shared[incident.scope] += step
            if not self._shared[incident.scope]:
                del self._shared[incident.scope]

    def take(self) -> list[Transition]:
        """The transitions since the last call."""
        transitions, self._transitions = self._transitions, []
        return transitions

    def note(self, incident: Incident, at: int, reason: str) -> None:
        """An open incident changed without changing its status: size, or what explains it."""
        self._record(at, incident.status, incident, reason)

    def free(self, incident: Incident, at: int, reason: str) -> None:
        """What explained it does so no longer: people are called, if they ever are and planned work is not why."""
        incident.suppressed_by = self.excuse(incident, at)
        called = incident.pages and incident.paged_at is None and incident.suppressed_by is None
        incident.paged_at = at if called else incident.paged_at
        self._record(at, incident.status, incident, reason, calls=called)

    def release(self, closed: Incident, at: int, reason: str) -> None:
        """An incident is over: what it explained has a cause of its own, but for money, which is late because of it."""
        for child in list(self):
            if child.suppressed_by == closed.id and child.kind not in MONEY_KINDS:
                self.free(child, at, reason)

    def recovering(self, closed: Incident) -> list[Incident]:
        """What an incident that is over explained and what is over as well, but not for long enough by itself."""
        return [one for one in self if one.suppressed_by == closed.id and one.clear_since is not None]

    def acknowledge(self, incident: Incident, at: int, known: Acknowledgement) -> None:
        """Somebody sees to it."""
        incident.acknowledgement = known
        self._record(at, incident.status, incident, "acknowledged")

    def unacknowledge(self, incident: Incident, at: int, reason: str, *, call: bool) -> None:
        """Nobody sees to it any longer; with `call` people are called again, unless they were at this very moment."""
        incident.acknowledgement = None
        called = call and incident.suppressed_by is None and incident.paged_at not in (None, at)
        incident.called_again_at = at if called else incident.called_again_at
        self._record(at, incident.status, incident, reason, calls=called)

    def _move(self, incident: Incident, status: Status, at: int, reason: str) -> None:
        before = incident.status
        incident.move(status)
        self._record(at, before, incident, reason, calls=incident.paged_at is not None)

    def _record(self, at: int, before: Status | None, incident: Incident, reason: str, *, calls: bool = False) -> None:
        self._transitions.append(Transition(at, before, replace(incident), reason, calls))
        if incident.acknowledgement is not None:
            self.reconsider(incident, at)
