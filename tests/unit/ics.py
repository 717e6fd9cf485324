"""Small calendars for tests."""

from typing import Any

from fleetmon.planning.ical.read import Reading, read
from fleetmon.planning.settings import CalendarSettings

NOW = 1_795_406_400_000  # 2026-11-23 12:00 in China


def event(*lines: str, uid: str = "one@bank", start: str = "20261124T010000", end: str = "20261124T030000") -> str:
    found = [f"UID:{uid}"] if uid else []
    found += [f"DTSTART:{start}"] if start and not any(line.startswith("DTSTART") for line in lines) else []
    ends = ("DTEND", "DURATION")
    found += [f"DTEND:{end}"] if end and not any(line.startswith(ends) for line in lines) else []
    return "\r\n".join(["BEGIN:VEVENT", *found, *lines, "END:VEVENT"])


def calendar(*events: str, head: tuple[str, ...] = ()) -> bytes:
    return "\r\n".join(
        ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//x//", *head, *events, "END:VCALENDAR", ""]
    ).encode()


def binding(**fields: Any) -> CalendarSettings:
    return CalendarSettings(**{"name": "cmcc", "owner": "CMCC", "selector": {"carrier": "CMCC"}} | fields)


def taken(data: bytes, now: int = NOW, **fields: Any) -> Reading:
    return read(data, "test.ics", binding(**fields), now)
