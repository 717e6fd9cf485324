"""A notice: one thing that is to be told to people directly, by one route.

It is stored with what it is about, so that it can be told whatever happens meanwhile. A route tells each word of a
subject once, however often it is given.
"""

from typing import Final, Literal

from msgspec import Struct

from fleetmon.model.audit import AuditEntry
from fleetmon.model.events import Selector
from fleetmon.model.incident import Incident

PAGE: Final = "page"
TICKET: Final = "ticket"
AGAIN: Final = "again"  # with the time: people may be called again more than once
RESOLVED: Final = "resolved"  # told where any of the others was to be told
Subscription = Literal["report"]  # documents that a route may ask for


class Planned(Struct, frozen=True):
    """Something happened to planned work, and what that work is."""

    event: AuditEntry
    owner: str
    reason: str
    selector: Selector = {}
    host: str = ""  # whose own work it is


class Document(Struct, frozen=True):
    """Something written elsewhere."""

    title: str
    text: str
    html: str | None = None  # the same for mail


class Notice(Struct, frozen=True, omit_defaults=True):
    """Exactly one of `incident`, `planned` and `document` is there. `at` in milliseconds since 1970."""

    route: str
    subject: str  # the id of the incident, of the window, or of the document
    word: str  # what is said of it
    at: int
    incident: Incident | None = None
    planned: Planned | None = None
    document: Document | None = None

    @property
    def key(self) -> tuple[str, str, str]:
        """What tells it from all others."""
        return self.route, self.subject, self.word
