"""The public calendar of China as a table of days, with the operator's own exceptions laid over it.

The library knows the years that the State Council has published, make-up weekends included. An operator
may vouch for later days (`known_to`), which are then weekdays and weekends but for its exceptions.
"""

from datetime import date
from typing import Final

import chinese_calendar  # type: ignore[import-untyped] # it has no type hints

from fleetmon.model.days import WorkingDays, day_from, weekday
from fleetmon.model.registry import Calendar

_EPOCH: Final = date(1970, 1, 1)
_SATURDAY: Final = 5


def working_days(calendar: Calendar) -> WorkingDays:
    """The days that banks work, as far as anybody knows; the operator's word outranks the public calendar."""
    first, last = _published()
    made_up = set(map(_number, chinese_calendar.workdays))
    opened = {day for day in made_up if weekday(day) >= _SATURDAY}
    closed = {day for day in map(_number, chinese_calendar.holidays) if weekday(day) < _SATURDAY} - made_up
    shut, open_ = set(map(day_from, calendar.closed)), set(map(day_from, calendar.open))
    known_to = max(last, day_from(calendar.known_to)) if calendar.known_to else last
    return WorkingDays(frozenset((closed | shut) - open_), frozenset((opened | open_) - shut), first, known_to)


def _published() -> tuple[int, int]:
    years = [day.year for day in chinese_calendar.holidays]
    return _number(date(min(years), 1, 1)), _number(date(max(years), 12, 31))


def _number(day: date) -> int:
    return (day - _EPOCH).days
