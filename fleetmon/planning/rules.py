"""Rules of recurrence (RFC 5545, 3.3.10): checked strictly, worked out by dateutil on clocks of the wall.

Those that only count on, every so many hours, days or weeks, or each week on the same days, are most, and are
counted on here, which costs half as much as asking the calendar.
Three things keep what a stranger wrote from costing hours. A rule may begin at most 24 times a day. It is looked at
from a period shortly before the time that is asked for, not from its start. And dateutil looks for the next time of a
rule that has none until the year 9999; as the Gregorian calendar repeats itself every 400 years, weekdays included, it
is asked about a year near that, and gives up soon. What happens less often than once in twelve years is refused like
what never happens. Each rule counts what it has cost.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta, tzinfo
from itertools import dropwhile, islice
from typing import Final

from dateutil.rrule import rrulestr

from fleetmon.model.days import DAY
from fleetmon.planning.zones import instant, stamp

DAILY_MOST: Final = 24
COUNT_MOST: Final = 1000
YEARS: Final = range(1970, 2200)
_NUMBERS_MOST: Final = 100
_RAREST: Final = timedelta(days=12 * 366)
_LATER: Final = timedelta(days=146_097 * 19)  # 7,600 years
_END: Final = datetime.fromisoformat("2399-12-31T23:59:59")  # where the calendar ends for dateutil, so much later
_STEPS: Final = {"HOURLY": timedelta(hours=1), "DAILY": timedelta(days=1), "WEEKLY": timedelta(weeks=1)}
_MONTHS: Final = {"MONTHLY": 1, "YEARLY": 12}
_MONTH: Final = timedelta(days=28)
_FREQUENCIES: Final = (*_STEPS, *_MONTHS)
_ASKED: Final = 3  # times that the periods between two times are walked: to find these, what comes, and in between
_WEEK: Final = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_DAY: Final = re.compile(r"([+-]?[1-9][0-9]?)?(MO|TU|WE|TH|FR|SA|SU)")
_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,5}")
_RANGES: Final = {  # of each list of numbers: the least, the most, and whether it may be counted from the end
    "BYSECOND": (0, 59, False), "BYMINUTE": (0, 59, False), "BYHOUR": (0, 23, False), "BYMONTH": (1, 12, False),
    "BYMONTHDAY": (1, 31, True), "BYYEARDAY": (1, 366, True), "BYWEEKNO": (1, 53, True), "BYSETPOS": (1, 366, True),
    "INTERVAL": (1, 10_000, False), "COUNT": (1, COUNT_MOST, False),
}  # fmt: skip
_OTHERS: Final = ("FREQ", "UNTIL", "BYDAY", "WKST")
_UNTIL: Final = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})(?:T([0-9]{2})([0-9]{2})([0-9]{2})(Z?))?")


class NeverError(ValueError):
    """A rule that never happens, or hardly ever: to find that out took a while."""


class Rule:
    """One rule that begins at `start`, a time of clocks in `zone`, which is the first time in any case."""

    def __init__(self, text: str, start: datetime, zone: tzinfo) -> None:
        """Raises ValueError with all problems, one a line."""
        parts, found = _parts(text)
        self.until: int | None = None
        try:
            self.until = _until(parts.pop("UNTIL", ""), zone)
        except ValueError as error:
            found.append(str(error))
        if found:
            raise ValueError("\n".join(found))
        self._start, self._zone = start, zone
        interval = int(parts.get("INTERVAL", "1"))
        self._step = _STEPS.get(parts["FREQ"], timedelta()) * interval
        self._months = _MONTHS.get(parts["FREQ"], 0) * interval
        self.looked_at = 0  # times, and periods without any, to answer what was asked so far
        count = int(parts.pop("COUNT", "0"))
        said = parts | _unsaid(parts, start)
        self._text = ";".join(f"{name}={value}" for name, value in said.items())
        self._offsets = _offsets(parts, start)
        self._last: datetime | None = None
        try:
            first, second = (*islice(self._dates(start), 2), None, None)[:2]
        except ValueError as error:
            raise ValueError(f"{text}: {error}") from None
        if first is None or second is None or second - first > _RAREST:
            raise NeverError(f"{text} happens never, or less often than once in twelve years; write the days as rdate")
        self.first = first
        self.looked_at += _ASKED * self._periods(first, second)
        if count:
            self._last = self._end(count if self.meets_start else count - 1)

    @property
    def meets_start(self) -> bool:
        """Whether the rule itself would begin there."""
        return self.first == self._start

    @property
    def last(self) -> int | None:
        """The last moment at which it may begin; None: there is none."""
        return self.until if self._last is None else instant(self._last, self._zone)

    def dates(self, since: datetime) -> Iterator[datetime]:
        """The times from `since` on, in order. Endless, for most rules."""
        if since <= self._start:
            yield self._start
        for date in self._dates(since):
            if self._last is not None and date > self._last:
                return
            if date > self._start:
                yield date

    def moments(self, since: datetime) -> Iterator[int]:
        """The same in ms; what a skipped hour moves may come before what is a little earlier."""
        for date in self.dates(since):
            at = instant(date, self._zone)
            if self.until is None or at <= self.until:
                yield at
            elif at > self.until + DAY:
                return

    def _dates(self, since: datetime) -> Iterator[datetime]:
        start = self._start
        if self._months:
            start = _later(start, since, self._months)
        else:  # whole periods, and the first is looked at whole
            start += self._step * max((since - start) // self._step - 1, 0)
        found = (
            _counted_on(start, self._step, self._offsets)
            if self._offsets
            else (date - _LATER for date in iter(rrulestr(self._text, dtstart=start + _LATER)))
        )
        return dropwhile(since.__gt__, self._noted(found))

    def _noted(self, found: Iterable[datetime]) -> Iterator[datetime]:
        for date in found:
            self.looked_at += 1
            yield date

    def _end(self, count: int) -> datetime:
        end = self._start
        for _, date in zip(range(count), self._dates(self._start), strict=False):
            end = date
            if end.year not in YEARS:
                break  # nobody asks
        self.looked_at += max(self._periods(self._start, end) - count, 0)
        return end

    def _periods(self, begin: datetime, end: datetime) -> int:
        return (end - begin) // (self._step or _MONTH * self._months)


def _unsaid(parts: dict[str, str], start: datetime) -> dict[str, str]:
    """What a rule by months or years takes from its start, so that it can be looked at from another day (RFC 5545)."""
    if parts["FREQ"] not in _MONTHS or parts.keys() & {"BYDAY", "BYMONTHDAY", "BYYEARDAY", "BYWEEKNO"}:
        return {}
    day = {"BYMONTHDAY": str(start.day)}
    return day if parts["FREQ"] == "MONTHLY" or "BYMONTH" in parts else day | {"BYMONTH": str(start.month)}


def _later(start: datetime, since: datetime, months: int) -> datetime:
    """The first day of a period of so many months that is over before `since`, or the start itself."""
    apart = (since.year - start.year) * 12 + since.month - start.month
    ahead = (apart // months - 1) * months
    if ahead <= 0:
        return start
    years, month = divmod(start.year * 12 + start.month - 1 + ahead, 12)
    return start.replace(year=years, month=month + 1, day=1)


def _offsets(parts: dict[str, str], start: datetime) -> list[timedelta]:
    """When it begins in each of its periods, counted from the start; nothing if only the calendar can tell."""
    frequency, others = parts["FREQ"], parts.keys() - {"FREQ", "INTERVAL"}
    if frequency in _STEPS and not others:
        return [timedelta()]
    if frequency == "WEEKLY" and others == {"BYDAY"} and int(parts.get("INTERVAL", "1")) == 1:
        days = {_WEEK.index(day) for day in parts["BYDAY"].split(",")}
        return sorted(timedelta((day - start.weekday()) % 7) for day in days)
    return []


def _counted_on(start: datetime, step: timedelta, offsets: Sequence[timedelta]) -> Iterator[datetime]:
    while True:
        for offset in offsets:
            date = start + offset
            if date > _END:
                return
            yield date
        start += step


def _parts(text: str) -> tuple[dict[str, str], list[str]]:
    """The parts of a rule, and everything that is wrong with them."""
    parts: dict[str, str] = {}
    found = []
    for part in text.upper().removeprefix("RRULE:").split(";"):
        name, _, value = part.partition("=")
        if name in parts:
            found.append(f"{name} stands twice")
        elif name not in _RANGES and name not in _OTHERS:
            found.append(f'"{part}" is no part of a rule; write e.g. FREQ=WEEKLY;BYDAY=MO,TH')
        else:
            parts[name] = value
            found += _values_problems(name, value)
    if not found:
        found += _whole_problems(parts)
    return parts, found


def _values_problems(name: str, value: str) -> Iterator[str]:
    if name == "FREQ" and value not in _FREQUENCIES:
        hint = " and no more often" if value in ("SECONDLY", "MINUTELY") else ""
        yield f"FREQ={value} is not taken; write {', '.join(_FREQUENCIES)}{hint}"
    if name in ("BYDAY", "WKST") and not all(map(_DAY.fullmatch, value.split(","))):
        yield f"{name}={value} names a day other than MO TU WE TH FR SA SU"
    if name in _RANGES:
        least, most, negative = _RANGES[name]
        for number in value.split(","):
            known = int(number) if _NUMBER.fullmatch(number) else most + 1
            if not least <= (abs(known) if negative else known) <= most:
                sign = " or from the end -" if negative else ""
                yield f"{name}={number} is not in {least}..{most}{sign and f'{sign}{least}..-{most}'}"


def _whole_problems(parts: dict[str, str]) -> Iterator[str]:
    """What each part allows but all together do not."""
    if "FREQ" not in parts:
        yield f"FREQ is missing; write FREQ= and one of {', '.join(_FREQUENCIES)}"
        return
    if "COUNT" in parts and "UNTIL" in parts:
        yield "COUNT and UNTIL exclude each other; remove one"
    if any("," in parts.get(name, "") for name in ("INTERVAL", "COUNT", "WKST")) or _counted(parts.get("WKST", "")):
        yield "INTERVAL, COUNT and WKST take one value"
    if _counted(parts.get("BYDAY", "")) and parts["FREQ"] not in ("MONTHLY", "YEARLY"):
        yield f"BYDAY={parts['BYDAY']} counts days, which is for FREQ=MONTHLY and FREQ=YEARLY"
    if "BYSETPOS" in parts and parts["FREQ"] == "HOURLY":
        yield "BYSETPOS picks from what begins in a period, and in an hour that is one; remove it"
    daily = 24 if parts["FREQ"] == "HOURLY" and "BYHOUR" not in parts else 1
    for name in ("BYHOUR", "BYMINUTE", "BYSECOND"):
        daily *= len(set(parts[name].split(","))) if name in parts else 1
    if daily > DAILY_MOST:
        yield f"it would begin {daily} times a day; at most {DAILY_MOST} are taken"
    if sum(value.count(",") + 1 for value in parts.values()) > _NUMBERS_MOST:
        yield f"it has more than {_NUMBERS_MOST} values; write several windows"


def _counted(days: str) -> bool:
    return any(sign in days for sign in "+-0123456789")


def _until(text: str, zone: tzinfo) -> int | None:
    """The last moment at which it may begin; a day means all of it."""
    if not text:
        return None
    match = _UNTIL.fullmatch(text)
    if match is None:
        raise ValueError(f"UNTIL={text} is not of the form 20261231T235959Z, 20261231T235959 or 20261231")
    year, month, day, hour, minute, second, utc = match.groups()
    clock = f"{hour or '23'}:{minute or '59'}:{second or '59'}"
    try:
        return stamp(f"{year}-{month}-{day}T{clock}{utc or ''}", zone)
    except ValueError:
        raise ValueError(f"UNTIL={text} is in no calendar") from None
