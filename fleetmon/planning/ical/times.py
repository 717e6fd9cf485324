"""Times of iCal files: dates, floating times, times with a zone, UTC; and the zones that they name.

A zone is found by its IANA name, also at the end of a path; by what the operator says it is; by its name in Windows;
by X-LIC-LOCATION; or by its offset, where that never changes. What a calendar's own VTIMEZONE says of changes of clocks
is never worked out. Where it can be wrong: a zone that has an IANA name and means something else.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Final, NamedTuple

from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON

from fleetmon.planning import zones
from fleetmon.planning.ical.lines import Component, Property
from fleetmon.planning.rules import YEARS

_TIME: Final = re.compile(r"(\d{4})(\d{2})(\d{2})(?:T(\d{2})(\d{2})(\d{2})(Z?))?", re.ASCII)
_OFFSET: Final = re.compile(r"([+-])(\d{2})00(?:00)?", re.ASCII)


class Clock(NamedTuple):
    """A time on the wall of a zone (its IANA name)."""

    wall: datetime
    zone: str
    whole_day: bool

    @property
    def at(self) -> int:
        """The moment in ms."""
        zone = zones.find(self.zone)
        assert zone is not None
        return zones.instant(self.wall, zone)


class Zones:
    """The zones of one calendar."""

    def __init__(self, calendar: Component, usual: str, own: Mapping[str, str]) -> None:
        """`usual` is the zone of times without one, `own` what the calendar calls a zone -> its IANA name."""
        said = calendar.first("X-WR-TIMEZONE")
        self._own = own
        self._defined = {
            tzid.value: part
            for part in calendar.parts
            if part.name == "VTIMEZONE" and (tzid := part.first("TZID")) is not None
        }
        self.usual: str = (self._known([said.value]) if said is not None else None) or usual

    def find(self, name: str) -> str:
        """Its IANA name; raises ValueError."""
        part = self._defined.get(name)
        place = part and part.first("X-LIC-LOCATION")
        guesses = [self._own.get(name, ""), name, WINDOWS_TO_OLSON.get(name, ""), place.value if place else ""]
        found = self._known(guesses) or self._known(_tails(name)) or (part and _fixed(part))
        if not found:
            raise ValueError(
                f'"{name[:64]}" is no time zone that fleetmon knows; say under "zones" of the calendar which it is'
            )
        return found

    @staticmethod
    def _known(guesses: Iterable[str]) -> str | None:
        return next((guess for guess in guesses if guess in zones.names()), None)


def clock(said: Property, known: Zones, value: str | None = None) -> Clock:
    """The time of a property, or of one of its values; raises ValueError."""
    text = said.value if value is None else value
    match = _TIME.fullmatch(text)
    if match is None:
        raise ValueError(f"{said.name} {text[:64]!r} is no time like 20261124T010000")
    year, month, day, *rest, utc = match.groups()
    hour, minute, second = (int(part or 0) for part in rest)
    try:
        wall = datetime(int(year), int(month), int(day), hour, minute, min(second, 59), tzinfo=UTC).replace(tzinfo=None)
    except ValueError:
        raise ValueError(f"{said.name} {text} is in no calendar") from None
    if wall.year not in YEARS:
        raise ValueError(f"{said.name} {text} is not in the years {YEARS.start} to {YEARS.stop - 1}")
    if utc:
        return Clock(wall, "UTC", whole_day=False)
    tzid = said.parameters.get("TZID")
    return Clock(wall, known.find(tzid) if tzid else known.usual, whole_day=match[4] is None)


def _tails(name: str) -> list[str]:
    """`Asia/Shanghai` of `/vendor.example/20070129_1/Asia/Shanghai`."""
    parts = name.strip("/").split("/")
    return ["/".join(parts[-many:]) for many in (3, 2)]


def _fixed(part: Component) -> str | None:
    """A zone without changes of clocks, a whole number of hours from UTC."""
    offsets = {said.value for one in part.parts for said in one.all("TZOFFSETTO")}
    match = _OFFSET.fullmatch(offsets.pop()) if len(offsets) == 1 else None
    if match is None:
        return None
    hours = int(match[2])
    name = f"Etc/GMT{'-' if match[1] == '+' else '+'}{hours}" if hours else "UTC"
    return name if name in zones.names() else None
