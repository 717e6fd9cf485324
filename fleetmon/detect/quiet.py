"""A terminal has sold nothing for far longer than is usual for it at this hour.

Usual is what it sold by hour of the day, and at how many hours of each weekday. How many sales would have been made
since the last one? Twelve missed sales come by chance about once in a hundred thousand gaps where customers come
independently of each other; they do not quite, so half as much again as the longest gap that the terminal lived through
is allowed as well.
Where it can be wrong: a holiday, a lane that stays closed, a shop that loses its customers. It is a sign, and no
incident by itself.
"""

from collections.abc import Sequence
from typing import Final

from fleetmon.model.days import DAY, UTC_OFFSET, day_of, weekday

HOUR: Final = 3_600_000
KNOWN: Final = 5.0  # days, before anything is usual
_MISSED: Final = 12.0
_LONGER: Final = 1.5
_ENOUGH: Final = 60  # hours that tell one weekday from the other
_LOOK_BACK: Final = 10 * DAY


def patience(longest: float) -> float:
    """How many missed sales prove it quiet, when the longest gap it lived through missed so many."""
    return max(_MISSED, _LONGER * longest)


def by_weekday(weekdays: Sequence[int]) -> list[float]:
    """How much of an average day each weekday is, from Monday on; `weekdays` counts hours with a sale."""
    week = sum(weekdays)
    return [7 * count / week for count in weekdays] if week >= _ENOUGH else [1.0] * 7


def expected(hours: Sequence[int], weekdays: Sequence[int], days: float, since: int, until: int) -> float:
    """How many sales would usually have been made; `hours` counts sales in so many days, `weekdays` hours with one."""
    share = by_weekday(weekdays)
    total, at = 0.0, max(since, until - _LOOK_BACK)
    while at < until:
        local = at + UTC_OFFSET
        step = min(HOUR - local % HOUR, until - at)
        total += hours[local // HOUR % 24] / days * share[weekday(day_of(at))] * step / HOUR
        at += step
    return total
