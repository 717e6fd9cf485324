"""Planned work: for whom, from when to when, and who answers for it.

A window covers terminals by a selector, or every terminal of the host whose own work it is. It says when by
its occurrences, half-open spans in ms; whatever a rule of recurrence makes of itself is worked out before.
A flexible one says when the work may begin: it lasts `flexible_ms` from the first fault, or the first mark
of a technician, inside an occurrence.
"""

from typing import Final, Literal, NamedTuple

from msgspec import Struct

from fleetmon.model.events import Attribute, Selector
from fleetmon.model.terminal import NO_DEADLINE, Terminal

PREFIX: Final = "window"
SETTLE: Final = 300_000  # after the end, for what comes back by itself
GRACE: Final = 900_000  # after the end, until who is not back is missed

Provenance = Literal["operator", "notice", "mark"]
State = Literal["scheduled", "active", "ended", "cancelled"]


class Occurrence(NamedTuple):
    """One time of the work, `[start, end)`."""

    start: int
    end: int


class Begun(NamedTuple):
    """Flexible work has begun, in the occurrence that starts at `start`; at `until` it was stopped, if at all."""

    start: int
    at: int
    until: int = NO_DEADLINE


class Visit(NamedTuple):
    """One time of work on a terminal by its own marks; `ended` is 0 until that is told, `until` where no end was."""

    begin: int
    until: int
    ended: int
    by: str
    reason: str


class Window(Struct, frozen=True):
    """Planned work. Times in milliseconds."""

    id: str
    owner: str
    provenance: Provenance
    occurrences: tuple[Occurrence, ...]  # in order of time
    selector: Selector = {}
    host: str = ""  # whose own work it is; without a selector it covers every terminal of this host
    behind: bool = False  # work behind the terminals, on payouts say, covers the host and none of them
    reason: str = ""
    reference: str = ""
    flexible_ms: int | None = None
    begun: tuple[Begun, ...] = ()  # of flexible work, as far as is known when it is told
    cancelled: bool = False
    promised: bool = True  # somebody told the end, so who is not back then is overdue
    settle_ms: int = SETTLE
    grace_ms: int = GRACE

    def covers(self, terminal: Terminal) -> bool:
        """Whether the work concerns this terminal, whenever it is."""
        if self.behind:
            return False
        if self.host and not self.selector:
            cohort = terminal.cohort
            return self.host in (cohort.acquirer, cohort.provider, cohort.carrier)
        return all(_has(terminal, name, wanted) for name, wanted in self.selector.items())


def window_id(provenance: Provenance, *parts: str) -> str:
    """Told apart from an incident's id by its first word, as both stand in `suppressed_by`."""
    return ":".join((PREFIX, provenance, *parts))


def is_window(suppressed_by: str | None) -> bool:
    """Whether it is planned work that keeps people from being called, not another incident."""
    return suppressed_by is not None and suppressed_by.startswith(f"{PREFIX}:")


def stands_alone(suppressed_by: str | None) -> bool:
    """Whether no other incident explains it; planned work may."""
    return suppressed_by is None or is_window(suppressed_by)


def values(wanted: str | list[str]) -> list[str]:
    """The values that a selector's attribute may have."""
    return wanted if isinstance(wanted, list) else [wanted]


def _has(terminal: Terminal, name: Attribute, wanted: str | list[str]) -> bool:
    if name == "terminal":
        found = terminal.id
    elif name in ("merchant", "site"):
        found = getattr(terminal, name)
    else:
        found = getattr(terminal.cohort, name)
    return found in values(wanted)
