"""What people changed, for those who ask later: who, what, when, and how it was before and after."""

from typing import Any, Literal

from msgspec import Struct

Subject = Literal["incident", "window"]


class AuditEntry(Struct, frozen=True, gc=False):
    """One change. `at` in milliseconds; `detail` is plain data, most often `before` and `after`."""

    at: int
    author: str | None  # None: fleetmon by itself, undoing what somebody did
    action: str  # a verb in the past tense
    kind: Subject
    subject: str  # its id
    detail: dict[str, Any]
