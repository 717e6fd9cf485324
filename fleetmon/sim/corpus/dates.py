"""When money is due, told a second time: the truth of the corpus must not come from the code it judges.

Days are dates of Asia/Shanghai, moments milliseconds since 1970. `due` also answers what would be if there
were no cut-off, or no day on which banks rest; of these answers the truth about calendar causes is made.
Where it can be wrong: T+0 on a day of rest is due on the next working day, which the contract leaves open;
the corpus sells nothing then.
"""

from collections.abc import Collection, Iterator
from datetime import date, datetime, time, timedelta, timezone
from typing import Final, NamedTuple

from chinese_calendar import is_workday  # type: ignore[import-untyped] # it has no type hints

ZONE: Final = timezone(timedelta(hours=8))
SECOND: Final = 1000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR
PUBLISHED_TO: Final = date(2026, 12, 31)  # the last day of the public calendar


def moment(day: date, clock_s: float = 0) -> int:
    """A time of day, in seconds, as milliseconds since 1970."""
    return round((datetime.combine(day, time(), ZONE).timestamp() + clock_s) * 1000)


def day_of(at: int) -> date:
    """The local date of a moment."""
    return datetime.fromtimestamp(at / 1000, ZONE).date()


def clock_of(at: int) -> float:
    """The local time of day of a moment, in seconds."""
    return (at - moment(day_of(at))) / 1000


def written(clock_s: float) -> str:
    """A time of day as a registry has it."""
    whole = int(clock_s)
    return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}"


class Terms(NamedTuple):
    """What a merchant has agreed with its acquirer; times of day in seconds."""

    cycle: str
    roll: str
    capture: str
    cutoff_s: int
    payout_by_s: int
    grace_s: int
    instant_limit: int | None = None

    @property
    def instant(self) -> bool:
        """Whether money is promised on the day itself."""
        return self.cycle.endswith("0")


class Due(NamedTuple):
    """A due moment, the business date it belongs to, and whether it rests on an unknown calendar."""

    at: int
    base: date
    provisional: bool


class Week:
    """Which days banks work: the public calendar, the operator's exceptions, and weekdays beyond."""

    def __init__(
        self, closed: Collection[date] = (), opened: Collection[date] = (), known_to: date | None = None
    ) -> None:
        self._closed = frozenset(closed)
        self._opened = frozenset(opened)
        self.known_to = max(known_to or PUBLISHED_TO, PUBLISHED_TO)

    def works(self, day: date) -> bool:
        """Whether banks work on that day."""
        if day in self._closed:
            return False
        if day in self._opened:
            return True
        return bool(is_workday(day)) if day <= PUBLISHED_TO else day.weekday() < 5

    def after(self, day: date, *, rests: bool = True) -> date:
        """The next working day; `rests` false: if every day were one."""
        day += timedelta(days=1)
        while rests and not self.works(day):
            day += timedelta(days=1)
        return day

    def provisional(self, day: date) -> bool:
        """Whether nobody vouches for what that day is."""
        return day > self.known_to


def base_of(terms: Terms, at: int, rail: str = "card", *, cutoff: bool = True) -> date:
    """The business date of what the host approved at `at`."""
    day = day_of(at)
    late = cutoff and rail == "card" and clock_of(at) > terms.cutoff_s
    return day + timedelta(days=1) if late else day


def due(
    terms: Terms,
    week: Week,
    at: int,
    rail: str = "card",
    *,
    cutoff: bool = True,
    rests: bool = True,
    over: bool = False,
) -> Due:
    """When the money for a sale approved at `at` has to be there; `over`: it exceeds the instant limit."""
    base = base_of(terms, at, rail, cutoff=cutoff)
    by_calendar = terms.cycle.startswith("D") and not over
    rests = rests and not by_calendar
    day = base
    if terms.instant and not over:
        if at >= moment(base, terms.payout_by_s):
            day = week.after(base, rests=rests)
        elif rests and not week.works(base):
            day = week.after(base)
    else:
        if rests and terms.roll == "from_trade_workday" and not week.works(base):
            day = week.after(base)
        day = week.after(day, rests=rests)
    return Due(moment(day, terms.payout_by_s), base, not by_calendar and week.provisional(day))


def days_between(first: date, last: date) -> Iterator[date]:
    """Every date from the first to the last."""
    while first <= last:
        yield first
        first += timedelta(days=1)
