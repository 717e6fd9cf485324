"""What the operator decides about planned work: guard rails, calendars that are read, and links to feeds."""

from typing import Annotated

from msgspec import Meta, Struct, field

from fleetmon.model.events import Id, Selector
from fleetmon.model.schedule import CHINA

_Share = Annotated[float, Meta(gt=0, le=1)]
_Seconds = Annotated[int, Meta(ge=0, le=86_400)]


class GuardSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """Work beyond these is refused; above `second_person_from` terminals somebody else has to approve it."""

    largest_share: _Share = 1.0
    longest_s: Annotated[int, Meta(ge=60, le=366 * 86_400)] = 86_400
    second_person_from: Annotated[int, Meta(ge=1)] | None = None
    cutoff_before_s: _Seconds = 1800
    cutoff_after_s: _Seconds = 900
    paydays: list[Annotated[int, Meta(ge=1, le=31)]] = []
    holidays: bool = False


class CalendarSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """A calendar whose events are planned work: of whom, and for whom.

    An event may narrow the selector and never widen it. With `host` it is that host's own work.
    """

    name: Id
    owner: Annotated[str, Meta(min_length=1, max_length=200)]
    url: str | None = None
    url_file: str | None = None  # for an address that is a secret
    selector: Selector = {}
    host: Id | None = None
    everything: bool = False
    zone: str = CHINA  # of times without one, and of whole days
    zones: dict[str, str] = {}  # what the calendar calls a zone -> its IANA name
    refresh_s: Annotated[int, Meta(ge=60, le=604_800)] = 900


class PlanningSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """All of it."""

    guards: GuardSettings = field(default_factory=GuardSettings)
    calendars: list[CalendarSettings] = []
    feed_secret_file: str | None = None
