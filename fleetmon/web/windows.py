"""Planned work as JSON. Times are milliseconds since 1970, but those that a schedule itself says, which are local."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from fleetmon.locale import Language
from fleetmon.model.events import Id, Selector
from fleetmon.model.schedule import CHINA, Schedule
from fleetmon.web.paging import Next
from fleetmon.web.views import IncidentView, Time

FeedKind = Literal["provider", "host", "site"]
WindowState = Literal["proposed", "scheduled", "active", "ended", "cancelled"]


class SpanView(Struct, frozen=True):
    """One time of the work, half-open."""

    start: Time
    end: Time


class WindowView(Struct, frozen=True):
    """Planned work."""

    id: str
    window: Annotated[str, Meta(description="What `suppressed_by` of an incident says.")]
    provenance: Annotated[str, Meta(description="`operator` (people and calendars), `notice` of a host, or `mark`.")]
    state: Annotated[WindowState, Meta(description="`proposed` waits for a second person and is not in force.")]
    owner: str
    reason: str
    selector: Selector
    host: Annotated[str, Meta(description="Whose own work it is; without a selector all its terminals are covered.")]
    occurrences: Annotated[
        list[SpanView],
        Meta(
            description="In force now and to come, the next ten at most; of what waits for approval, when it would be."
        ),
    ]
    overdue: Annotated[bool, Meta(description="Whether terminals are missing since its end.")]
    schedule: Annotated[Schedule | None, Meta(description="As written; null for notices and marks.")] = None
    version: int | None = None
    since: Annotated[Time | None, Meta(description="When this version was written.")] = None
    author: str | None = None
    created_at: Time | None = None
    created_by: str | None = None
    approved_by: str | None = None
    calendar: Annotated[str | None, Meta(description="The calendar that it came from.")] = None


class WindowPage(Struct, frozen=True):
    """Planned work by id."""

    windows: list[WindowView]
    next: Next


class ObjectionView(Struct, frozen=True):
    """Why it is not to be done so."""

    rule: Annotated[str, Meta(description="`share`, `length`, `cutoff`, `payday`, `holiday`, or `second`.")]
    texts: dict[Language, str]


class ShopView(Struct, frozen=True):
    """A shop that it would touch."""

    site: Annotated[str, Meta(description="Empty for terminals of which no shop is known.")]
    terminals: int
    names: Annotated[list[str], Meta(description="What the registry calls it, and where it is, if it says so.")]


class PreviewView(Struct, frozen=True):
    """What a schedule would do."""

    problems: Annotated[
        list[str], Meta(description="What is wrong with it, each as `field: what and what to do`, in your language.")
    ]
    terminals: Annotated[int, Meta(description="How many it would touch.")]
    share: Annotated[float, Meta(description="Of the fleet, 0 to 1.")]
    incidents: Annotated[list[IncidentView], Meta(description="Open ones of these terminals.")]
    occurrences: Annotated[list[SpanView], Meta(description="The next ten at most.")]
    objections: Annotated[list[ObjectionView], Meta(description="What the guard rails refuse.")]
    second_person: Annotated[bool, Meta(description="Whether somebody else would have to approve it.")]
    sites: Annotated[int, Meta(description="Shops of these terminals, as far as you may see them.")] = 0
    shops: Annotated[list[ShopView], Meta(description="Those of most terminals, ten at most.")] = []


class Extension(Struct, frozen=True, forbid_unknown_fields=True):
    """How long work that is in force, or was just now, is to last."""

    until: Annotated[int, Meta(ge=0, le=2**53, description="Milliseconds since 1970.")]


class ImportWish(Struct, frozen=True, forbid_unknown_fields=True):
    """A calendar to be read: one of the configuration by its name, or any other with owner and selector or host."""

    ical: Annotated[str, Meta(max_length=2_000_000, description="The file.")]
    calendar: Id
    owner: Annotated[str, Meta(max_length=200)] = ""
    selector: Selector = {}
    host: Id | None = None
    everything: bool = False
    zone: str = CHINA
    zones: dict[str, str] = {}
    whole: Annotated[bool, Meta(description="Whether it is the whole calendar: what it lacks is cancelled.")] = False
    dry_run: bool = False


class EventView(Struct, frozen=True):
    """What became of an event."""

    uid: str
    window: Annotated[str, Meta(description="Its id here.")]
    reason: str


class RefusedEventView(Struct, frozen=True):
    """An event that was not taken."""

    line: int
    uid: str
    reason: str


class ImportView(Struct, frozen=True):
    """What became of a calendar."""

    taken: list[EventView]
    changed: list[EventView]
    cancelled: list[EventView]
    refused: list[RefusedEventView]
    unchanged: int
    older: Annotated[int, Meta(description="Old copies of events, by their SEQUENCE.")]
    over: Annotated[int, Meta(description="Events without any time to come.")]


class CalendarView(Struct, frozen=True):
    """A calendar of the configuration, and how reading it went."""

    name: str
    owner: str
    read_at: Annotated[Time | None, Meta(description="When it was last read, changed or not.")]
    problem: Annotated[str, Meta(description="Why it cannot be read now; empty when it can.")]
    failures: Annotated[int, Meta(description="How often it could not be read since the start.")]
    report: Annotated[ImportView | None, Meta(description="Of the last reading that was not the same as before.")]


class CalendarList(Struct, frozen=True):
    """All of them."""

    calendars: list[CalendarView]


class FeedView(Struct, frozen=True):
    """A link that opens one feed to whoever has it."""

    path: Annotated[str, Meta(description="Below the address of the daemon.")]
