"""When the next customer comes: trade by hour of the day and day of the week, as the shop's trade has it.

A non-homogeneous Poisson process, drawn by thinning; nobody comes while the shop is closed. The courses
are drawn after published shares of a national card network: Saturday 10 to 17 takes a ninth of the
week (clothes more than a fifth), the fewest buy on Monday at three, food has noon and evening, health
morning and afternoon.
Where it can be wrong: the hours in between are judged, and there are no holidays.
"""

from typing import Final, NamedTuple

from fleetmon.model.hours import Hours
from fleetmon.sim.chance import Chance
from fleetmon.sim.pace import Moment

HOUR: Final = 3_600_000
_MONDAY: Final = 4 * 24 - 8  # hours from 1970-01-01T00:00Z to the first Monday in Shanghai


class Course(NamedTuple):
    """The course of a week: 168 weights with mean 1, and their greatest."""

    weights: tuple[float, ...]
    peak: float

    def at(self, at: int) -> float:
        """The weight of the hour at `at`, in ms since 1970."""
        return self.weights[(at // HOUR - _MONDAY) % 168]


def _course(day: str, week: str) -> Course:
    """From weights of 24 hours and of seven days; on Monday the night is a little quieter still."""
    hours, days = [float(weight) for weight in day.split()], [float(weight) for weight in week.split()]
    raw = [hour * weight for weight in days for hour in hours]
    raw[3] *= 0.8
    mean = sum(raw) / len(raw)
    weights = tuple(weight / mean for weight in raw)
    return Course(weights, max(weights))


_RETAIL: Final = _course(
    # 0                            6             10 .  .  .  .  .  .     17 .  .  .  .
    "1 .6 .4 .3 .4 .6 1 2 5 9 13 14 14 13 13 13 14 15 13 10 8 6 3 1.5",
    "10 10 10.5 11 13 19 12",
)
_FOOD: Final = _course("2 1 .6 .4 .4 .8 3 7 7 4 4 11 21 16 8 6 6 10 19 20 14 9 5 3", "9 9 9.5 10 13 17 12")
_FASHION: Final = _course(".3 .2 .1 .1 .1 .1 .2 .4 1 4 14 17 19 19 19 18 17 12 9 7 6 4 1 .4", "7 7 7.5 8 11 25 17")
_HEALTH: Final = _course("1 .6 .5 .4 .5 .7 2 5 10 15 16 13 7 6 10 14 15 14 10 7 5 3 2 1.5", "14 12 12 12 12 11 8")
_FUEL: Final = _course("2 1 1 .8 1 3 8 14 14 10 9 9 9 9 9 10 13 16 14 10 7 5 4 3", "11 11 11 11 13 12 11")
_LODGING: Final = _course("4 2 1 1 1 2 5 8 11 10 9 9 9 8 9 10 10 10 11 12 11 9 7 5", "9 9 9 10 13 14 10")
COURSES: Final = {
    "5812": _FOOD, "5814": _FOOD, "5462": _FOOD, "5651": _FASHION, "5912": _HEALTH, "5541": _FUEL, "7011": _LODGING,
}  # fmt: skip


class Demand:
    """The customers of one terminal: `per_hour` on the average of the week, before the shop's hours."""

    def __init__(self, per_hour: float, course: Course | None, hours: Hours | None, speed: float) -> None:
        self._per_s = per_hour / 3600
        self._course = course
        self._hours = hours
        self._speed = speed

    def next_s(self, now: Moment, chance: Chance) -> float:
        """The scenario time at which the next customer comes."""
        if not self._per_s:
            return float("inf")
        if self._course is None:
            return now.s + chance.expovariate(self._per_s)
        most, after_s = self._per_s * self._course.peak, 0.0
        while True:
            after_s += chance.expovariate(most)
            at = now.at + round(after_s * 1000 / self._speed)
            if self._hours is not None and not self._hours.is_open(at):
                opening = self._hours.next_opening(at)
                if opening is None:
                    return float("inf")
                after_s = (opening - now.at) / 1000 * self._speed
            elif chance.random() * self._course.peak < self._course.at(at):
                return now.s + after_s


def course_of(mcc: str) -> Course:
    """The course of a merchant category."""
    return COURSES.get(mcc, _RETAIL)
