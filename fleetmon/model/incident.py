"""Incidents: something is wrong, from when to when, for whom.

The whole life of an incident stands in `LEGAL`; whatever is not in the table raises.
`pending` waits for its `for`, `firing` was announced, `resolved` is over. Names follow Prometheus rules.
"""

import enum
from collections.abc import Sequence
from heapq import nsmallest
from typing import Final, Literal, NamedTuple

from msgspec import Struct

from fleetmon.model.errors import IllegalTransitionError

Severity = Literal["critical", "warning", "info"]


class Status(enum.StrEnum):
    """Where an incident stands."""

    PENDING = "pending"
    FIRING = "firing"
    RESOLVED = "resolved"
    DROPPED = "dropped"  # pending, and gone before its time: was never announced


LEGAL: Final = frozenset(
    {
        (None, Status.PENDING),
        (Status.PENDING, Status.FIRING),
        (Status.PENDING, Status.DROPPED),
        (Status.FIRING, Status.RESOLVED),
    }
)

EVIDENCE: Final = 10  # terminals named in an incident
FAILS, SLOW, DECLINES, SIGNED_OFF = "fails", "answers too late", "declines nearly everything", "signed off"  # hosts
TURNING: Final = "does not end its cut-over"  # and that, too

Scope = tuple[tuple[str, str], ...]  # attribute, value; sorted, so that equal scopes are equal


class Policy(NamedTuple):
    """How incidents of one kind are announced. Times in milliseconds."""

    severity: Severity
    pages: bool
    hold_ms: int  # `for`: how long it must last before it is announced
    keep_ms: int  # `keep_firing_for`: how long it must be over before it is resolved


class Acknowledgement(Struct, frozen=True, gc=False):
    """Somebody sees to an incident until then, and how bad it was when they said so. Times in milliseconds."""

    author: str
    at: int
    until: int
    comment: str
    severity: Severity
    terminals: int
    paged: bool  # whether people had been called


class Alternative(NamedTuple):
    """What an outage may be else: one scope, or several that came together, and how much it was believed (0..1)."""

    scopes: tuple[Scope, ...]
    share: float


class Failing(Struct, frozen=True, gc=False):
    """How a host fails: its sign, and what else has to be known to see the end of it."""

    sign: str
    share: float = 0.0  # of the requests to it; 0 if nobody knows
    odd: bool = False  # what ends oddly counts as well


class Incident(Struct, gc=False):
    """One incident. Times are those of the fact (a deadline, an arrival), in milliseconds."""

    id: str
    kind: str
    scope: Scope
    severity: Severity
    pages: bool
    opened_at: int
    status: Status = Status.PENDING
    fired_at: int | None = None
    paged_at: int | None = None  # when people were called; None for a ticket and for what another one explains
    clear_since: int | None = None  # firing, but the cause is gone: waiting for `keep_firing_for`
    resolved_at: int | None = None
    terminals: int = 0
    suppressed_by: str | None = None  # the incident, or the planned work, that explains it
    evidence: tuple[str, ...] = ()
    acknowledgement: Acknowledgement | None = None  # of one that is over: who saw to it then
    called_again_at: int | None = None  # when people were called anew, as an acknowledgement had ended
    alternatives: tuple[Alternative, ...] = ()
    silent_since: int | None = None  # of a shared outage: when those it took fell silent, which is known only later
    failing: Failing | None = None  # of a host's outage

    @property
    def began(self) -> int:
        """Since when it is so, as people are told."""
        return self.opened_at if self.silent_since is None else self.silent_since

    def measure(self, terminals: Sequence[str]) -> None:
        """Note whom it has taken: all are counted, the first few named."""
        self.terminals = len(terminals)
        self.evidence = tuple(nsmallest(EVIDENCE, terminals))

    def move(self, status: Status) -> None:
        """Change the status, if the table allows it."""
        if (self.status, status) not in LEGAL:
            raise IllegalTransitionError(f"incident {self.id}: {self.status} -> {status} is not in the table")
        self.status = status


class Transition(Struct, frozen=True, gc=False):
    """A change of an incident, with the incident as it was right after it."""

    at: int
    before: Status | None
    incident: Incident
    reason: str
    calls: bool = False  # people are told: they are called, or what they were called for is over


def incident_id(kind: str, scope: Scope, opened_at: int, repetition: int) -> str:
    """The same fact has the same id, in a replay as in the daemon (64-bit FNV-1a of kind, scope and time).

    `repetition` counts the incidents of this kind and scope that opened in the same millisecond before.
    """
    parts = (kind, str(opened_at), str(repetition), *(f"{name}={value}" for name, value in scope))
    return f"{kind}-{fnv1a(chr(0).join(parts)):016x}"


def fnv1a(text: str) -> int:
    """64-bit FNV-1a hash of the UTF-8 text (Fowler, Noll, Vo)."""
    value = 0xCBF29CE484222325
    for byte in text.encode():
        value = (value ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return value
