"""Our planned work as an iCal feed: stable UIDs, SEQUENCE, LAST-MODIFIED, so that calendars follow every change.

What fleetmon knows and calendars do not (for whom, who answers, flexible work) stands in X- properties, from which
`read` makes the same schedule again. The same entries give the same bytes. The zones are written out here, because
icalendar's own tables of them begin each summer an hour late.
Where it can be wrong: changes of clocks more than five years ahead are not in the file, and states change their minds.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo

import icalendar

from fleetmon.model.days import DAY
from fleetmon.model.schedule import Change, Entry, EntryState, Schedule
from fleetmon.model.window import Window
from fleetmon.planning import zones
from fleetmon.planning.ical.scope import selector_text
from fleetmon.planning.series import Series

_STATUS: Final = {"approved": "CONFIRMED", "proposed": "TENTATIVE", "cancelled": "CANCELLED"}
_REFRESH: Final = timedelta(minutes=15)
_YEARS_AHEAD: Final = 5
_UNSAID: Final = "Maintenance"


def feed(name: str, entries: Iterable[Entry], notices: Iterable[Window] = ()) -> bytes:
    """The calendar of this name, with what is planned here and what hosts have announced."""
    calendar = icalendar.Calendar()
    calendar.add("prodid", "-//fleetmon//planned work//EN")
    calendar.add("version", "2.0")
    calendar.add("calscale", "GREGORIAN")
    calendar.add("x-wr-calname", icalendar.vText(name))
    calendar.add("refresh-interval", _REFRESH, parameters={"VALUE": "DURATION"})
    calendar.add("x-published-ttl", icalendar.vDuration(_REFRESH))
    events = [event for entry in sorted(entries, key=lambda one: one.id) for event in _events(entry)]
    events += [event for one in sorted(notices, key=lambda one: one.id) for event in _announced(one)]
    years: dict[str, set[int]] = {}
    for wall in (wall for event in events for wall in _walls(event)):
        years.setdefault(str(wall.tzinfo), set()).add(wall.year)
    for zone in sorted(years.keys() - {"UTC"}):
        calendar.add_component(_timezone(zone, min(years[zone]) - 1, max(years[zone]) + _YEARS_AHEAD))
    for event in events:
        calendar.add_component(event)
    return bytes(calendar.to_ical())


def _events(entry: Entry) -> Iterator[icalendar.Event]:
    """The series, and each of its times that was moved."""
    schedule, series = entry.schedule, Series(entry.schedule)
    zone = ZoneInfo(schedule.zone)
    event = _event(entry, _wall(series.start, zone), series.length)
    if schedule.rrule:
        event.add("rrule", icalendar.vRecur.from_ical(schedule.rrule))
    left_out = [*(zones.stamp(text, zone) for text in schedule.exdate), *_struck(schedule.changes)]
    for property_, times in (("rdate", [zones.stamp(text, zone) for text in schedule.rdate]), ("exdate", left_out)):
        for at in sorted(set(times)):
            event.add(property_, _wall(at, zone))
    yield event
    for change in schedule.changes:
        if change.end:
            moved = _event(entry, _wall(change.start, zone), change.end - change.start)
            moved.add("recurrence-id", _wall(change.of, zone))
            yield moved


def _event(entry: Entry, start: datetime, length: int) -> icalendar.Event:
    schedule = entry.schedule
    event = icalendar.Event()
    event.add("uid", entry.uid or f"{entry.id}@fleetmon")
    event.add("sequence", entry.version - 1)
    event.add("created", _moment(entry.created_at))
    event.add("last-modified", _moment(entry.since))
    event.add("dtstamp", _moment(entry.since))
    event.add("status", _STATUS[entry.state])
    event.add("summary", schedule.reason or _UNSAID)
    event.add("description", _description(schedule))
    event.add("dtstart", start)
    event.add("duration", timedelta(milliseconds=length))
    for name, said in _own(schedule):
        event.add(f"x-fleetmon-{name}", said)
    return event


def _own(schedule: Schedule) -> Iterator[tuple[str, icalendar.vText | icalendar.vDuration]]:
    """Said to be text, because icalendar escapes nothing in a property whose type it does not know."""
    yield "owner", icalendar.vText(schedule.owner)
    yield "lead", icalendar.vDuration(timedelta(seconds=schedule.lead_s))
    if schedule.selector:
        yield "selector", icalendar.vText(selector_text(schedule.selector))
    if schedule.reference:
        yield "reference", icalendar.vText(schedule.reference)
    if schedule.flexible_s is not None:
        yield "flexible", icalendar.vDuration(timedelta(seconds=schedule.flexible_s))


def _description(schedule: Schedule) -> str:
    """For people, whose calendars show no X- properties."""
    whom = selector_text(schedule.selector) or (f"host={schedule.host}" if schedule.host else "all terminals")
    return "\n".join(filter(None, [schedule.owner, schedule.reference, whom]))


def _announced(window: Window) -> Iterator[icalendar.Event]:
    """A host's own notice: each of its times is an event."""
    for span in window.occurrences:
        schedule = Schedule(
            starts=zones.written(span.start, UTC),
            zone="UTC",
            duration_s=max((span.end - span.start) // 1000, 1),
            owner=window.owner,
            selector=window.selector,
            host=window.host,
            reason=window.reason,
        )
        state: EntryState = "cancelled" if window.cancelled else "approved"
        uid = f"{window.id}@fleetmon"
        entry = Entry(window.id, schedule, state, 1, span.start, window.owner, span.start, window.owner, uid=uid)
        yield from _events(entry)


def _struck(changes: Sequence[Change]) -> list[int]:
    return [change.of for change in changes if not change.end]


def _moment(at: int) -> datetime:
    return (zones.EPOCH + timedelta(milliseconds=at)).replace(microsecond=0)


def _wall(at: int, zone: tzinfo) -> datetime:
    """On clocks of the zone, unless these cannot say which of two times is meant."""
    local = zones.local(at, zone)
    return local.replace(tzinfo=zone) if zones.instant(local, zone) == at and str(zone) != "UTC" else _moment(at)


def _walls(event: icalendar.Event) -> Iterator[datetime]:
    for name in ("DTSTART", "RECURRENCE-ID", "RDATE", "EXDATE"):
        said = event.get(name, [])
        for one in said if isinstance(said, list) else [said]:
            yield from (time.dt for time in getattr(one, "dts", [one]))


@cache
def _timezone(name: str, first_year: int, last_year: int) -> icalendar.Timezone:
    """The offsets of a zone in the years that matter, each change as what RFC 5545 calls an observance."""
    zone = ZoneInfo(name)
    made = icalendar.Timezone()
    made.add("tzid", name)
    first = datetime(first_year, 1, 1, tzinfo=UTC)
    made.add_component(_observance(zone, first, first))
    known = first.astimezone(zone).utcoffset()
    for day in range((date(last_year, 12, 31) - first.date()).days):
        begin = first + timedelta(days=day)
        if (begin + timedelta(days=1)).astimezone(zone).utcoffset() != known:
            at = _change(zone, begin)
            made.add_component(_observance(zone, at - timedelta(seconds=1), at))
            known = at.astimezone(zone).utcoffset()
    return made


def _change(zone: tzinfo, begin: datetime) -> datetime:
    """The first second of another offset within a day."""
    low, high = 0, DAY // 1000
    usual = begin.astimezone(zone).utcoffset()
    while high - low > 1:
        middle = (low + high) // 2
        same = (begin + timedelta(seconds=middle)).astimezone(zone).utcoffset() == usual
        low, high = (middle, high) if same else (low, middle)
    return begin + timedelta(seconds=high)


def _observance(zone: tzinfo, before: datetime, at: datetime) -> icalendar.Component:
    now = at.astimezone(zone)
    made = icalendar.TimezoneDaylight() if now.dst() else icalendar.TimezoneStandard()
    offset = before.astimezone(zone).utcoffset() or timedelta()
    made.add("dtstart", (at + offset).replace(tzinfo=None))
    made.add("tzoffsetfrom", offset)
    made.add("tzoffsetto", now.utcoffset() or timedelta())
    made.add("tzname", now.tzname() or "")
    return made
