"""Opening hours: `["Mo-Fr 08:30-22:00", "Sa,Su 10:00-02:00"]` as intervals of the week.

Times are local (Asia/Shanghai, which has had no daylight saving since 1991, so a fixed offset is
exact). A span that ends before it starts runs past midnight, and so does one until 26:00, as maps write it.
Where it can be wrong: shops that keep other hours on holidays; the detection of closings then learns from the
terminals, not from here.
"""

import re
from bisect import bisect_right
from typing import Final

from fleetmon.model.days import DAY, UTC_OFFSET

WEEK: Final = 7 * DAY
_MONDAY: Final = 4 * DAY  # 1970-01-01 was a Thursday; the first Monday came four days later
_DAYS: Final = ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su")
_RULE: Final = re.compile(r"([A-Za-z,\- ]+?)\s+(\d\d):(\d\d)\s*-\s*(\d\d):(\d\d)")


class Hours:
    """When a site is open. Spans are half-open `[start, end)` in milliseconds of the local week."""

    __slots__ = ("_always", "_ends", "_starts", "rules")

    def __init__(self, rules: list[str]) -> None:
        """Parse; raises ValueError naming the rule that is not understood."""
        self.rules = tuple(rules)
        spans = sorted(span for rule in rules for span in _parse(rule))
        merged: list[list[int]] = []
        for start, end in spans:
            if merged and start <= merged[-1][1]:
                merged[-1][1] = max(merged[-1][1], end)
            else:
                merged.append([start, end])
        while len(merged) > 1 and merged[-1][1] - WEEK >= merged[0][0]:  # Sunday night runs into Monday's span
            merged[-1][1] = max(merged[-1][1], merged.pop(0)[1] + WEEK)
        self._always = not merged or merged[-1][1] - merged[0][0] >= WEEK
        self._starts = [start for start, _ in merged]
        self._ends = [end for _, end in merged]

    def is_open(self, at: int) -> bool:
        """Whether the site is open at `at` (ms since 1970); always, where no hours are known."""
        if self._always:
            return True
        place = _of_week(at)
        index = bisect_right(self._starts, place) - 1
        # The last span of a week may run into the next one.
        return (index >= 0 and place < self._ends[index]) or place + WEEK < self._ends[-1]

    def next_closing(self, at: int) -> int | None:
        """The first closing strictly after `at` (ms since 1970); None where no hours are known or it never closes."""
        if self._always:
            return None
        place = _of_week(at)
        return at - place + min(end + shift for end in self._ends for shift in (-WEEK, 0, WEEK) if end + shift > place)

    def next_opening(self, at: int) -> int | None:
        """The first opening strictly after `at` (ms since 1970); None where no hours are known or it never closes."""
        if self._always:
            return None
        place = _of_week(at)
        index = bisect_right(self._starts, place)
        start = self._starts[index] if index < len(self._starts) else self._starts[0] + WEEK
        return at - place + start


def _of_week(at: int) -> int:
    return (at + UTC_OFFSET - _MONDAY) % WEEK


def _parse(rule: str) -> list[tuple[int, int]]:
    match = _RULE.fullmatch(rule.strip())
    if match is None:
        raise ValueError(f'"{rule}" is not of the form "Mo-Fr 08:30-22:00"')
    days, *clock = match.groups()
    start, end = _clock(clock[0], clock[1], rule), _clock(clock[2], clock[3], rule)
    if end <= start:
        end += DAY
    if start > DAY or end > start + DAY:
        raise ValueError(f'"{rule}" opens after its day or lasts longer than one; write as "Mo-Fr 18:00-26:00"')
    return [(day * DAY + start, day * DAY + end) for day in _days(days, rule)]


def _clock(hour: str, minute: str, rule: str) -> int:
    if int(minute) > 59:
        raise ValueError(f'"{rule}" names a time that no clock shows')
    return (int(hour) * 60 + int(minute)) * 60_000


def _days(text: str, rule: str) -> list[int]:
    days: list[int] = []
    for part in text.replace(" ", "").split(","):
        first, _, last = part.partition("-")
        if first not in _DAYS or (last or first) not in _DAYS:
            raise ValueError(f'"{rule}" names a day other than {" ".join(_DAYS)}')
        begin, end = _DAYS.index(first), _DAYS.index(last or first)
        days += [day % 7 for day in range(begin, end + 1 if end >= begin else end + 8)]
    return days
