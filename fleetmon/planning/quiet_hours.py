"""When to come: the quietest time at which a technician works, is let in, and disturbs the fewest sales.

Usual sales by hour of the week are those that terminals learned (`engine/terminal/usage`: hours of the day times
weekdays), so nothing is counted for this. What an hour sold is laid into the part of it in which the shop was open. A
terminal that is out of use loses its sales until somebody comes, one that works loses them while somebody is there:
both count, so a broken one is seen to soon and a worn one when it is quiet.
Where it can be wrong: who sells hardly ever has no quiet hours, and gets the first time that there is; the course of
hours is taken to be the same on all weekdays.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from itertools import accumulate
from typing import Final, NamedTuple

from fleetmon.detect.quiet import HOUR, by_weekday
from fleetmon.engine.terminal.usage import Usage
from fleetmon.model.days import midnight
from fleetmon.model.hours import WEEK, Hours
from fleetmon.model.window import Occurrence
from fleetmon.planning.settings import VisitSettings

STEP: Final = 900_000
_MONDAY: Final = midnight(4)  # 1970-01-05
_STEPS: Final = WEEK // STEP
_QUARTERS: Final = HOUR // STEP
_EIGHTHS: Final = 8
_LONGEST: Final = 4 * HOUR  # of a visit
_RARE: Final = 20  # where so much less is sold than at the best hour, somebody came by chance
_OFFICE: Final = ("Mo-Su 09:00-18:00",)

Week = tuple[bool, ...]  # by quarters of an hour, from Monday on


class Course:
    """The sales that a shop usually makes, by quarters of an hour of the week."""

    def __init__(self, rates: Iterable[tuple[Usage, float]], attended: Week) -> None:
        """What terminals are used for, and which share of that is meant."""
        steps = [0.0] * _STEPS
        for hour, sold in enumerate(_week(rates)):
            places = range(hour * _QUARTERS, (hour + 1) * _QUARTERS)
            opened = [place for place in places if attended[place]] or places
            for place in opened:
                steps[place] = sold / len(opened)
        self._sums = [0.0, *accumulate(steps)]

    @property
    def per_week(self) -> float:
        """Sales in a week."""
        return self._sums[-1]

    def expected(self, start: int, end: int) -> float:
        """Sales between two moments, each taken down to its quarter of an hour."""
        return self._until(end) - self._until(start)

    def _until(self, at: int) -> float:
        weeks, place = divmod((at - _MONDAY) // STEP, _STEPS)
        return weeks * self.per_week + self._sums[place]


class Slot(NamedTuple):
    """A time for a visit, the sales that it disturbs, and how many one at any time would."""

    span: Occurrence
    sales: float
    usual: float


class Shop(NamedTuple):
    """Where somebody goes: the work, when it trades, and what is sold with what works and what would with the rest."""

    length: int
    attended: Week
    works: Course
    out: Course


def choose(
    shop: Shop, begin: int, end: int, settings: VisitSettings, is_free: Callable[[Occurrence], bool]
) -> Slot | None:
    """The best time within `[begin, end)` that is free; None where there is none."""
    slots = list(permitted(shop, begin, end, settings))
    costs = [shop.works.expected(*slot) for slot in slots]
    ranked = sorted(
        zip(slots, costs, strict=True), key=lambda one: (one[1] + shop.out.expected(begin, one[0].end), one[0])
    )
    for slot, cost in ranked:
        if is_free(slot):
            return Slot(slot, cost, sum(costs) / len(costs))
    return None


def permitted(shop: Shop, begin: int, end: int, settings: VisitSettings) -> Iterator[Occurrence]:
    """The times at which technicians work and somebody is in the shop, in steps of a quarter of an hour."""
    works, attended = _declared(tuple(settings.hours)), shop.attended
    early = settings.before_opening_s * 1000 // STEP
    fits = 0  # so much time before the present step would do
    for at in range(begin - begin % STEP, end, STEP):
        place = _place(at)
        inside = at >= begin and works[place] and (attended[place] or attended[(place + early) % _STEPS])
        fits = fits + STEP if inside else 0
        if fits >= shop.length:
            yield Occurrence(at + STEP - shop.length, at + STEP)


def length(terminals: int, settings: VisitSettings) -> int:
    """How long work on so many terminals takes, in whole quarters of an hour; who needs longer comes again."""
    said = (settings.first_s + settings.more_s * (terminals - 1)) * 1000
    return min(-(-said // STEP) * STEP, _LONGEST)


def per_day(usage: Usage) -> float:
    """Sales a day; of one of which little is known, what is known."""
    return sum(usage.hours) / max(usage.days / _EIGHTHS, 1)


def attended(hours: Hours | None, usages: Iterable[Usage]) -> Week:
    """When somebody is in the shop: by its hours, else when it sells, else in the hours of an office."""
    if hours is not None:
        return _opened(hours)
    known = [usage for usage in usages if usage.is_known]
    busy = [any(_RARE * usage.hours[hour] >= max(usage.hours) for usage in known) for hour in range(24)]
    return tuple(busy[place // _QUARTERS % 24] for place in range(_STEPS)) if known else _declared(_OFFICE)


def is_attended(week: Week, at: int) -> bool:
    """Whether somebody is there at that moment."""
    return week[_place(at)]


@lru_cache(8)
def _declared(rules: tuple[str, ...]) -> Week:
    return _opened(Hours(list(rules)))


@lru_cache(1_000)
def _opened(hours: Hours) -> Week:
    return tuple(hours.is_open(_MONDAY + step * STEP) for step in range(_STEPS))


def _place(at: int) -> int:
    return (at - _MONDAY) // STEP % _STEPS


def _week(rates: Iterable[tuple[Usage, float]]) -> list[float]:
    """Sales by hour of the week, of all whose habits are known."""
    week = [0.0] * (WEEK // HOUR)
    for usage, share in rates:
        if usage.is_known:
            days = [share * part / (usage.days / _EIGHTHS) for part in by_weekday(usage.weekdays)]
            usual = [day * count for day in days for count in usage.hours]
            week = [one + other for one, other in zip(week, usual, strict=True)]
    return week
