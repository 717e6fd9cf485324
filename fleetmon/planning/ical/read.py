"""The events of a calendar as schedules, each with its line; and which could not be taken, and why.

One UID is one event with its changed times (RECURRENCE-ID). An event is taken whole or not at all: half of one would
keep people from being called at the wrong time. A file may cost so much and no more, whatever is in it; what it asks
for is counted, not timed, so that it is read the same on any machine.
Where it can be wrong: a changed time only changes when, not for whom.
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
from fleetmon.planning.checks import INTO_ITSELF, field_problems
from fleetmon.planning.guards import LOOKED_AT
from fleetmon.planning.ical.lines import Component, Property, calendars
from fleetmon.planning.ical.scope import narrowed, selector_from
from fleetmon.planning.ical.times import Clock, Zones, clock
from fleetmon.planning.rules import DAILY_MOST, NeverError
from fleetmon.planning.series import Series
from fleetmon.planning.settings import CalendarSettings

REFUSED_MOST: Final = 100  # a calendar of which more is wrong is none of ours
EFFORT_MOST: Final = 1_000_000  # times to be looked at for one file: some seconds
_TIME: Final = 5  # for each time in the next quarter of a year, which others look at after us
_NEVER: Final = 100_000  # for a rule that never happens: half a second
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


class _TooMuchError(Exception):
    """Nobody looks any further."""


class _Effort:
    """What a file has cost so far."""

    def __init__(self) -> None:
        self._left = EFFORT_MOST

    def spend(self, times: int) -> None:
        """Raises _TooMuchError when there is no more to be had."""
        self._left -= times
        if self._left < 0:
            raise _TooMuchError


class _Source(NamedTuple):
    binding: CalendarSettings
    zones: Zones
    cancelling: bool  # the whole file is a cancellation
    effort: _Effort


def read(data: bytes, source: str, binding: CalendarSettings, now: int) -> Reading:
    """Read a file; raises ConfigError for what is no calendar. `now` in ms decides what is over."""
    found, effort = Reading(), _Effort()
    for calendar in calendars(data, source):
        method = calendar.first("METHOD")
        told = _Source(
            binding,
            Zones(calendar, binding.zone, binding.zones),
            cancelling=method is not None and method.value.upper() == "CANCEL",
            effort=effort,
        )
        for uid, parts in _by_uid(calendar, found).items():
            try:
                _take(found, uid, parts, told, now)
            except _TooMuchError:
                reason = f"its times cost more than {EFFORT_MOST} looks: the rest was not looked at"
            else:
                if len(found.refused) <= REFUSED_MOST:
                    continue
                reason = f"more than {REFUSED_MOST}: the rest was not looked at"
            found.refused.append(Refused(parts[0].line, "", reason))
            return found
    return found


def _take(found: Reading, uid: str, parts: list[Component], told: _Source, now: int) -> None:
    """One event, or why not."""
    try:
        _keep(found, _event(uid, parts, told), told, now)
    except (ValueError, OverflowError, msgspec.ValidationError) as error:
        found.refused.append(Refused(parts[0].line, uid, " ".join(str(error).split())))
        told.effort.spend(_NEVER if isinstance(error, NeverError) else 0)


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


def _keep(found: Reading, event: Event, told: _Source, now: int) -> None:
    if problems := list(field_problems(event.schedule)):
        raise ValueError("; ".join(problems))
    if event.state != "cancelled":
        series = Series(event.schedule)
        spans = series.spans(now, now + LOOKED_AT)
        told.effort.spend(series.looked_at + _TIME * len(spans))
        if series.runs_into_itself(spans, DAILY_MOST):  # what touches is one stretch, what piles up a mistake
            raise ValueError(INTO_ITSELF)
        if not spans:
            found.over.append(event.uid)
            return
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
    series = Series(schedule) if any(_sequence(part) < _sequence(master) for part in moved) else None
    changes = {change.of: change for part in moved if (change := _change(part, master, series, start, told))}
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
        raise ValueError(f"line {part.line}: takes no time; its end must be after its start")
    return start, length


def _change(part: Component, master: Component, series: Series | None, start: Clock, told: _Source) -> Change | None:
    """One time of a series that is other than its rule says; None where a later word on the `series` overtook it."""
    of = part.first("RECURRENCE-ID")
    assert of is not None
    if "RANGE" in of.parameters:
        raise ValueError("changes all times from one on (RANGE); end the series there and begin another")
    moment = _aligned(clock(of, told.zones), start).at
    if series is not None and _sequence(part) < _sequence(master):
        before = series.looked_at
        is_of_it = moment in {one.start for one in series.spans(moment, moment)}
        told.effort.spend(series.looked_at - before)
        if not is_of_it:
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
