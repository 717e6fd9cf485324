"""The events of a calendar as schedules, each with its line; and which could not be taken, and why.

One UID is one event with its changed times (RECURRENCE-ID). An event is taken whole or not at all: half of one would
keep people from being called at the wrong time. Where it can be wrong: a changed time only changes when, not for whom.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

import msgspec
from icalendar.parser import unescape_backslash
from icalendar.prop import vDuration
from msgspec import Struct, field
from msgspec.structs import replace

from fleetmon.model.cards import masked
from fleetmon.model.events import Selector
from fleetmon.model.schedule import LEAD_S, Change, EntryState, Schedule
from fleetmon.planning import zones
from fleetmon.planning.checks import field_problems
from fleetmon.planning.ical.lines import Component, Property, calendars
from fleetmon.planning.ical.scope import narrowed, selector_from
from fleetmon.planning.ical.times import Clock, Zones, clock
from fleetmon.planning.series import Series
from fleetmon.planning.settings import CalendarSettings

REFUSED_MOST: Final = 100  # each may have cost a moment; a calendar of which more is wrong is none of ours
_VALUES_MOST: Final = 1000  # of RDATE, EXDATE, and changed times
_UID_MOST: Final = 255
_NUMBER: Final = re.compile(r"[0-9]{1,9}")
_MARK: Final = "fleetmon:"  # begins the line of a description that says for whom, where people have no X- properties
_STATES: Final[dict[str, EntryState]] = {"CANCELLED": "cancelled", "TENTATIVE": "proposed"}


class Event(Struct, frozen=True):
    """One event, taken whole."""

    uid: str
    line: int
    sequence: int
    state: EntryState  # tentative ones are proposed
    schedule: Schedule


class Refused(NamedTuple):
    """What could not be taken."""

    line: int
    uid: str
    reason: str


class Reading(Struct):
    """What a file says. `over`: events without any time to come."""

    events: list[Event] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    over: list[str] = field(default_factory=list)


class _Source(NamedTuple):
    binding: CalendarSettings
    zones: Zones
    cancelling: bool  # the whole file is a cancellation


def read(data: bytes, source: str, binding: CalendarSettings, now: int) -> Reading:
    """Read a file; raises ConfigError for what is no calendar. `now` in ms decides what is over."""
    found = Reading()
    for calendar in calendars(data, source):
        method = calendar.first("METHOD")
        told = _Source(
            binding,
            Zones(calendar, binding.zone, binding.zones),
            cancelling=method is not None and method.value.upper() == "CANCEL",
        )
        for uid, parts in _by_uid(calendar, found).items():
            if len(found.refused) > REFUSED_MOST:
                found.refused.append(
                    Refused(calendar.line, "", f"more than {REFUSED_MOST}: the rest was not looked at")
                )
                return found
            try:
                _keep(found, _event(uid, parts, told), now)
            except (ValueError, OverflowError, msgspec.ValidationError) as error:
                found.refused.append(Refused(parts[0].line, uid, " ".join(str(error).split())))
    return found


def _by_uid(calendar: Component, found: Reading) -> dict[str, list[Component]]:
    """The events; what has no UID is refused."""
    events: dict[str, list[Component]] = {}
    for part in calendar.parts:
        if part.name != "VEVENT":
            continue
        uid = part.first("UID")
        if uid is None or not 0 < len(uid.value) <= _UID_MOST or not uid.value.isprintable():
            found.refused.append(Refused(part.line, "", f"has no UID of 1 to {_UID_MOST} printable characters"))
        else:
            events.setdefault(uid.value, []).append(part)
    return events


def _keep(found: Reading, event: Event, now: int) -> None:
    if problems := list(field_problems(event.schedule)):
        raise ValueError("; ".join(problems))
    if event.state != "cancelled" and not Series(event.schedule).spans(now, now):
        found.over.append(event.uid)
    else:
        found.events.append(event)


def _event(uid: str, parts: list[Component], told: _Source) -> Event:
    if faults := [fault for part in parts for fault in part.faults]:
        raise ValueError("; ".join(faults))
    masters = [part for part in parts if part.first("RECURRENCE-ID") is None]
    moved = sorted((part for part in parts if part.first("RECURRENCE-ID") is not None), key=_rank)
    if len(moved) > _VALUES_MOST:
        raise ValueError(f"has more than {_VALUES_MOST} changed times")
    master = max(masters, key=_rank) if masters else moved.pop(0)  # single times of a series that is not told
    schedule = _schedule(master, told)
    start = _span(master, told)[0]
    changes = {change.of: change for part in moved if (change := _change(part, master, schedule, start, told))}
    schedule = replace(schedule, changes=[changes[of] for of in sorted(changes)])
    checked = msgspec.convert(msgspec.to_builtins(schedule), Schedule)
    return Event(uid, master.line, _sequence(master), _state(master, told), checked)


def _schedule(part: Component, told: _Source) -> Schedule:
    start, length = _span(part, told)
    rules = part.all("RRULE")
    if len(rules) > 1 or part.first("EXRULE"):
        raise ValueError("has several RRULE, or an EXRULE, which is not taken; write EXDATE")
    binding = told.binding
    return Schedule(
        starts=start.wall.isoformat(),
        zone=start.zone,
        duration_s=length,
        rrule=rules[0].value if rules else "",
        rdate=[_stamp(one) for one in _values(part, "RDATE", start, told)],
        exdate=[_stamp(one) for one in _values(part, "EXDATE", start, told)],
        owner=_text(part, "X-FLEETMON-OWNER")[:200] or binding.owner,
        selector=narrowed(binding.selector, _selector(part)),
        host=binding.host or "",
        everything=binding.everything,
        flexible_s=_seconds(part, "X-FLEETMON-FLEXIBLE"),
        lead_s=_seconds(part, "X-FLEETMON-LEAD", LEAD_S) or 0,
        reason=masked(_text(part, "SUMMARY"))[:1000],
        reference=masked(_text(part, "X-FLEETMON-REFERENCE"))[:200],
    )


def _span(part: Component, told: _Source) -> tuple[Clock, int]:
    """When it begins, and how many seconds it lasts."""
    begin, end, duration = (part.first(name) for name in ("DTSTART", "DTEND", "DURATION"))
    if begin is None:
        raise ValueError("has no DTSTART")
    if end is not None and duration is not None:
        raise ValueError("has both DTEND and DURATION")
    start = clock(begin, told.zones)
    if end is not None:
        length = (clock(end, told.zones).at - start.at) // 1000
    elif duration is not None:
        length = _duration(duration)
    else:
        length = 86_400 if start.whole_day else 0
    if length <= 0:
        raise ValueError("takes no time; its end must be after its start")
    return start, length


def _change(part: Component, master: Component, series: Schedule, start: Clock, told: _Source) -> Change | None:
    """One time of a series that is other than its rule says; None where a later word on the series overtook it."""
    of = part.first("RECURRENCE-ID")
    assert of is not None
    if "RANGE" in of.parameters:
        raise ValueError("changes all times from one on (RANGE); end the series there and begin another")
    moment = _aligned(clock(of, told.zones), start).at
    if _sequence(part) < _sequence(master) and moment not in {
        one.start for one in Series(series).spans(moment, moment)
    }:
        return None
    if _state(part, told) == "cancelled":
        return Change(moment)
    begin, length = _span(part, told)
    return Change(moment, begin.at, begin.at + length * 1000)


def _aligned(one: Clock, start: Clock) -> Clock:
    """The time of a series that is meant: some writers name a day where it has times, or a time where it has days."""
    if one.whole_day == start.whole_day:
        return one
    zone = zones.find(start.zone)
    assert zone is not None
    wall = zones.local(one.at, zone) if one.zone == "UTC" else one.wall
    return start._replace(wall=datetime.combine(wall.date(), start.wall.time()))


def _values(part: Component, name: str, start: Clock, told: _Source) -> list[Clock]:
    """All values of a property that may hold several."""
    found = []
    for said in part.all(name):
        if said.parameters.get("VALUE", "").upper() == "PERIOD":
            raise ValueError(f"{name} of periods is not taken; every time lasts as long as the first")
        for value in filter(None, said.value.split(",")):
            found.append(_aligned(clock(said, told.zones, value), start))
            if len(found) > _VALUES_MOST:
                raise ValueError(f"{name} has more than {_VALUES_MOST} values")
    return found


def _stamp(one: Clock) -> str:
    return f"{zones.written(one.at, UTC)}Z"


def _selector(part: Component) -> Selector:
    said = _text(part, "X-FLEETMON-SELECTOR")
    marked = (line.strip() for line in _text(part, "DESCRIPTION").split("\n"))
    return selector_from(said or next((line[len(_MARK) :] for line in marked if line.startswith(_MARK)), ""))


def _text(part: Component, name: str) -> str:
    said = part.first(name)
    text = unescape_backslash(said.value) if said is not None else ""
    return "".join(letter for letter in text if letter.isprintable() or letter == "\n").strip()


def _seconds(part: Component, name: str, otherwise: int | None = None) -> int | None:
    said = part.first(name)
    return _duration(said) if said is not None else otherwise


def _duration(said: Property) -> int:
    try:
        found: timedelta = vDuration.from_ical(said.value)  # type: ignore[no-untyped-call]
        return int(found.total_seconds())
    except ValueError:
        raise ValueError(f"{said.name} {said.value[:64]!r} is no length like PT2H30M") from None


def _state(part: Component, told: _Source) -> EntryState:
    status = part.first("STATUS")
    if told.cancelling:
        return "cancelled"
    return _STATES.get(status.value.upper(), "approved") if status is not None else "approved"


def _sequence(part: Component) -> int:
    said = part.first("SEQUENCE")
    return int(said.value) if said is not None and _NUMBER.fullmatch(said.value) else 0


def _rank(part: Component) -> tuple[int, str, int]:
    """Which of several that say they are the same is the last."""
    stamp = part.first("DTSTAMP")
    return _sequence(part), stamp.value if stamp is not None else "", part.line
