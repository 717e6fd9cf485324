"""Days in China: numbers of days since 1970, dates, and which of them are working days.

The core has no calendar library: an edge hands in the exceptions (public holidays, make-up weekends) and
how far they are known. Beyond that only weekdays are known, and whoever asks is told so. The conversion
between day numbers and dates is the proleptic Gregorian one (Howard Hinnant, "chrono-compatible low-level
date algorithms"). Asia/Shanghai has had no daylight saving since 1991, so a fixed offset is exact.
"""

from typing import Final

from msgspec import Struct

DAY: Final = 86_400_000
UTC_OFFSET: Final = 8 * 3_600_000
LAST: Final = 253_370_764_800_000  # ms: the year 9999 begins; no clock and no neighbour can tell much later times
_THURSDAY: Final = 3  # 1970-01-01, counting from Monday = 0
_SATURDAY: Final = 5
_ERA: Final = 146_097  # days of 400 years


def day_of(at: int) -> int:
    """The local day (since 1970-01-01) of a time in ms."""
    return (at + UTC_OFFSET) // DAY


def midnight(day: int) -> int:
    """When a local day begins, in ms."""
    return day * DAY - UTC_OFFSET


def weekday(day: int) -> int:
    """Monday is 0."""
    return (day + _THURSDAY) % 7


def day_from(date: str) -> int:
    """The day number of `2026-11-20`; raises ValueError for what no calendar shows."""
    year, month, day = (int(part) for part in date.split("-"))
    number = _number(year, month, day)
    if not year or date_of(number) != date:
        raise ValueError(f'"{date}" is in no calendar')
    return number


def date_of(day: int) -> str:
    """`2026-11-20` for a day number."""
    shifted = day + 719_468  # since 0000-03-01, so that a leap day is a year's last
    era, of_era = divmod(shifted, _ERA)
    year_of_era = (of_era - of_era // 1_460 + of_era // 36_524 - of_era // 146_096) // 365
    of_year = of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    month_from_march = (5 * of_year + 2) // 153
    month = month_from_march + 3 if month_from_march < 10 else month_from_march - 9
    year = year_of_era + era * 400 + (month <= 2)
    return f"{year:04d}-{month:02d}-{of_year - (153 * month_from_march + 2) // 5 + 1:02d}"


def _number(year: int, month: int, day: int) -> int:
    year -= month <= 2
    era, year_of_era = divmod(year, 400)
    of_year = (153 * (month - 3 if month > 2 else month + 9) + 2) // 5 + day - 1
    return era * _ERA + year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + of_year - 719_468


class WorkingDays(Struct, frozen=True):
    """Which days banks work. `closed` and `open` are the exceptions from Monday to Friday."""

    closed: frozenset[int] = frozenset()
    open: frozenset[int] = frozenset()
    known_from: int = 0
    known_to: int = -1

    def is_working(self, day: int) -> bool:
        """Whether banks settle on this day; beyond what is known, weekdays do."""
        return day in self.open or (weekday(day) < _SATURDAY and day not in self.closed)

    def is_known(self, day: int) -> bool:
        """Whether anybody vouches for this day."""
        return self.known_from <= day <= self.known_to or day in self.open or day in self.closed

    def next(self, day: int) -> tuple[int, bool]:
        """The first working day at or after `day`, and whether every day looked at is known."""
        known = True
        while True:
            known = known and self.is_known(day)
            if self.is_working(day):
                return day, known
            day += 1


EVERY_DAY: Final = WorkingDays(open=frozenset(), known_from=-(2**40), known_to=2**40)
"""Known to have no holidays; weekends stay closed."""
