"""What the operator decides about planned work: guard rails, visits, calendars that are read, and links to feeds."""

from collections.abc import Collection
from typing import Annotated

from msgspec import Meta, Struct, field

from fleetmon.model.events import Id, Selector
from fleetmon.model.hours import Hours
from fleetmon.model.schedule import CHINA
from fleetmon.planning import zones

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


class VisitSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """When technicians work, how early they are let in, how long they need for the first terminal and each more.

    `technicians`: how many of one provider can be out in one region at the same time; left out: as many as it takes.
    """

    hours: list[str] = field(default_factory=lambda: ["Mo-Fr 05:00-22:00"])
    before_opening_s: Annotated[int, Meta(ge=0, le=14_400)] = 3600
    first_s: Annotated[int, Meta(ge=900, le=14_400)] = 1800
    more_s: Annotated[int, Meta(ge=0, le=14_400)] = 900
    technicians: Annotated[int, Meta(ge=1, le=10_000)] | None = None


class CalendarSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """A calendar whose events are planned work: of whom, and for whom.

    An event may narrow the selector and never widen it. With `host` it is that host's own work.
    """

    name: Id
    owner: Annotated[str, Meta(min_length=1, max_length=200)]
    url: str | None = None
    url_file: str | None = None  # for an address that is a secret
    file: str | None = None
    selector: Selector = {}
    host: Id | None = None
    everything: bool = False
    zone: str = CHINA  # of times without one, and of whole days
    zones: dict[str, str] = {}  # what the calendar calls a zone -> its IANA name
    refresh_s: Annotated[int, Meta(ge=60, le=604_800)] = 900


class PlanningSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """All of it."""

    guards: GuardSettings = field(default_factory=GuardSettings)
    visits: VisitSettings = field(default_factory=VisitSettings)
    calendars: list[CalendarSettings] = []
    feed_secret_file: str | None = None

    def problems(self) -> list[str]:
        """What each field allows but all together do not, one line each: `path: what`."""
        found = []
        try:
            Hours(self.visits.hours)
        except ValueError as error:
            found.append(f"planning.visits.hours: {error}")
        for index, one in enumerate(self.calendars):
            where = f"planning.calendars[{index}]"
            if any(one.name == other.name for other in self.calendars[:index]):
                found.append(f'{where}.name: "{one.name}" is there twice; names are unique')
            if sum(source is not None for source in (one.url, one.url_file, one.file)) != 1:
                found.append(f"{where}: give one of url, url_file and file")
            if one.host is None and not one.selector and not one.everything:
                found.append(f"{where}.selector: may touch the whole fleet; narrow it, or say everything: true")
            names = {"zone": one.zone, **{f"zones.{name}": zone for name, zone in one.zones.items()}}
            found += [
                f'{where}.{name}: "{zone}" is no IANA time zone; {zones.advice(zone)}'
                for name, zone in names.items()
                if zones.find(zone) is None
            ]
        return found

    def strangers(self, hosts: Collection[str]) -> list[str]:
        """Calendars of hosts that the registry lacks, one line each."""
        return [
            f'planning.calendars[{index}].host: "{one.host}" is no host or provider of the registry'
            for index, one in enumerate(self.calendars)
            if one.host is not None and one.host not in hosts
        ]
