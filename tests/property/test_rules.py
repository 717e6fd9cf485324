"""Rules of recurrence: the RFC's own examples, another reckoning beside ours, and hostile ones that cost little."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import islice, takewhile

import pytest
from dateutil.rrule import rrulestr
from hypothesis import given, settings
from hypothesis import strategies as st

from fleetmon.planning.rules import Rule

DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
LATER = timedelta(days=146_097 * 19)


def wall(day: str) -> datetime:
    """Nine o'clock on this day, on clocks of the wall."""
    return datetime.fromisoformat(f"{day}T09:00:00")


START = wall("1997-09-02")


def times(rule: str, many: int, start: datetime = START) -> list[datetime]:
    return list(islice(Rule(rule, start, UTC).dates(start), many))


def days(*of: str) -> list[datetime]:
    return list(map(wall, of))


@pytest.mark.parametrize(
    ("rule", "start", "expected"),
    [  # RFC 5545, 3.8.5.3
        ("FREQ=WEEKLY;INTERVAL=2;WKST=SU", START, ["1997-09-02", "1997-09-16", "1997-09-30", "1997-10-14"]),
        (
            "FREQ=WEEKLY;INTERVAL=2;COUNT=8;WKST=SU;BYDAY=TU,TH", START,
            [f"1997-{day}" for day in ["09-02", "09-04", "09-16", "09-18", "09-30", "10-02", "10-14", "10-16"]],
        ),
        (
            "FREQ=MONTHLY;COUNT=10;BYDAY=1FR", wall("1997-09-05"),
            ["1997-09-05", "1997-10-03", "1997-11-07", "1997-12-05", "1998-01-02", "1998-02-06"],
        ),
        (
            "FREQ=MONTHLY;INTERVAL=2;COUNT=10;BYDAY=1SU,-1SU", wall("1997-09-07"),
            ["1997-09-07", "1997-09-28", "1997-11-02", "1997-11-30", "1998-01-04", "1998-01-25"],
        ),
        ("FREQ=MONTHLY;BYMONTHDAY=-3", wall("1997-09-28"), ["1997-09-28", "1997-10-29", "1997-11-28"]),
        ("FREQ=YEARLY;INTERVAL=3;COUNT=10;BYYEARDAY=1,100,200", wall("1997-01-01"),
         ["1997-01-01", "1997-04-10", "1997-07-19", "2000-01-01", "2000-04-09", "2000-07-18"]),
        ("FREQ=YEARLY;BYDAY=20MO", wall("1997-05-19"), ["1997-05-19", "1998-05-18", "1999-05-17"]),
        ("FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO", wall("1997-05-12"), ["1997-05-12", "1998-05-11", "1999-05-17"]),
        ("FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13", wall("1998-02-13"), ["1998-02-13", "1998-03-13", "1998-11-13"]),
        (
            "FREQ=YEARLY;INTERVAL=4;BYMONTH=11;BYDAY=TU;BYMONTHDAY=2,3,4,5,6,7,8", wall("1996-11-05"),
            ["1996-11-05", "2000-11-07", "2004-11-02"],
        ),
        ("FREQ=MONTHLY;COUNT=3;BYDAY=TU,WE,TH;BYSETPOS=3", wall("1997-09-04"),
         ["1997-09-04", "1997-10-07", "1997-11-06"]),
        ("FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=MO", wall("1997-08-05"),
         ["1997-08-05", "1997-08-10", "1997-08-19", "1997-08-24"]),
        ("FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=SU", wall("1997-08-05"),
         ["1997-08-05", "1997-08-17", "1997-08-19", "1997-08-31"]),
        ("FREQ=MONTHLY;BYMONTHDAY=15,30;COUNT=5", wall("2007-01-15"),
         ["2007-01-15", "2007-01-30", "2007-02-15", "2007-03-15", "2007-03-30"]),
    ],
)  # fmt: skip
def test_the_examples_of_the_rfc(rule: str, start: datetime, expected: list[str]) -> None:
    assert times(rule, len(expected), start) == days(*expected)


SIMPLE = st.fixed_dictionaries(
    {"FREQ": st.sampled_from(["DAILY", "WEEKLY", "MONTHLY", "YEARLY"]), "INTERVAL": st.integers(1, 5)},
    optional={
        "BYDAY": st.lists(st.sampled_from(DAYS), min_size=1, max_size=3, unique=True),
        "BYMONTH": st.lists(st.integers(1, 12), min_size=1, max_size=4, unique=True),
        "BYMONTHDAY": st.lists(st.integers(1, 31), min_size=1, max_size=3, unique=True),
    },
).filter(lambda parts: not (parts["FREQ"] == "WEEKLY" and "BYMONTHDAY" in parts))
STARTS = st.datetimes(wall("1990-01-01"), wall("2020-12-31")).map(lambda at: at.replace(microsecond=0))


def spelt(parts: dict[str, object]) -> str:
    return ";".join(
        f"{name}={','.join(map(str, said)) if isinstance(said, list) else said}" for name, said in parts.items()
    )


def by_hand(parts: dict[str, object], start: datetime, end: datetime) -> Iterator[datetime]:
    """Every day is asked whether it fits. Written without looking at dateutil."""
    frequency, step = parts["FREQ"], int(str(parts["INTERVAL"]))
    weekdays, months, monthdays = (parts.get(name) for name in ("BYDAY", "BYMONTH", "BYMONTHDAY"))
    if weekdays is None and monthdays is None and frequency != "DAILY":
        weekdays = [DAYS[start.weekday()]] if frequency == "WEEKLY" else None
        monthdays = [start.day] if frequency != "WEEKLY" else None
        if frequency == "YEARLY" and months is None:
            months = [start.month]
    monday = (start - timedelta(days=start.weekday())).date()
    for day in range((end - start).days + 1):
        at = start + timedelta(days=day)
        period = {
            "DAILY": day,
            "WEEKLY": (at.date() - monday).days // 7,
            "MONTHLY": (at.year - start.year) * 12 + at.month - start.month,
            "YEARLY": at.year - start.year,
        }[str(frequency)]
        fits = [
            weekdays is None or DAYS[at.weekday()] in weekdays,  # type: ignore[operator]
            months is None or at.month in months,  # type: ignore[operator]
            monthdays is None or at.day in monthdays,  # type: ignore[operator]
        ]
        if day == 0 or (period % step == 0 and all(fits)):
            yield at


@settings(deadline=None)
@given(SIMPLE, STARTS, st.integers(0, 3000), st.integers(1, 400))
def test_another_reckoning_finds_the_same(parts: dict[str, object], start: datetime, skip: int, span: int) -> None:
    since = start + timedelta(days=skip)
    until = since + timedelta(days=span)
    try:
        rule = Rule(spelt(parts), start, UTC)
    except ValueError:  # too rare
        assert len(list(by_hand(parts, start, start + timedelta(days=12 * 366)))) <= 2
        return
    assert list(takewhile(until.__gt__, rule.dates(since))) == [
        at for at in by_hand(parts, start, until) if since <= at < until
    ]


ANY = st.fixed_dictionaries(
    {"FREQ": st.sampled_from(["HOURLY", "DAILY", "WEEKLY", "MONTHLY", "YEARLY"]), "INTERVAL": st.integers(1, 40)},
    optional={
        "BYDAY": st.lists(st.sampled_from(DAYS), min_size=1, max_size=7, unique=True),
        "BYMONTH": st.lists(st.integers(1, 12), min_size=1, max_size=12, unique=True),
        "BYMONTHDAY": st.lists(st.integers(-31, 31).filter(bool), min_size=1, max_size=9, unique=True),
        "BYSETPOS": st.lists(st.integers(-9, 9).filter(bool), min_size=1, max_size=2, unique=True),
        "BYHOUR": st.lists(st.integers(0, 23), min_size=1, max_size=2, unique=True),
        "BYWEEKNO": st.just(20),
        "WKST": st.sampled_from(DAYS),
        "COUNT": st.integers(1, 30),
    },
)


@settings(deadline=None)
@given(ANY, STARTS, st.integers(-10, 3000), st.integers(1, 60))
def test_wherever_one_begins_to_look_the_same_is_found(
    parts: dict[str, object], start: datetime, skip: int, span: int
) -> None:
    """Beside dateutil itself, which begins at the start of the rule (in a year in which it gives up in time)."""
    if parts["FREQ"] != "YEARLY":
        parts.pop("BYWEEKNO", None)
    if parts["FREQ"] in ("HOURLY", "DAILY"):
        parts.pop("BYSETPOS", None)  # mostly there is no second time, and then dateutil looks for long
    text = spelt(parts)
    since = start + timedelta(days=skip)
    until = since + timedelta(days=span)
    try:
        rule = Rule(text, start, UTC)
        theirs = (at - LATER for at in rrulestr(text, dtstart=start + LATER))
        known = list(takewhile(until.__gt__, theirs))
    except ValueError:
        return
    if "COUNT" in parts and not rule.meets_start:
        return  # the start counts with us
    expected = sorted({start, *known})
    assert list(takewhile(until.__gt__, rule.dates(since))) == [at for at in expected if since <= at < until]


EVEN = st.fixed_dictionaries(
    {"FREQ": st.sampled_from(["HOURLY", "DAILY", "WEEKLY"])}, optional={"INTERVAL": st.integers(1, 600)}
) | st.fixed_dictionaries(
    {"FREQ": st.just("WEEKLY"), "BYDAY": st.lists(st.sampled_from(DAYS), min_size=1, max_size=8)},
    optional={"INTERVAL": st.just(1)},
)


@settings(deadline=None)
@given(EVEN, st.datetimes(wall("1990-01-01"), wall("2398-12-31")).map(lambda at: at.replace(microsecond=0)))
def test_what_is_counted_on_is_what_the_calendar_says_to_its_end(parts: dict[str, object], start: datetime) -> None:
    """Beside dateutil, from the start and from a while later, also where the calendar ends for us."""
    text = spelt(parts)
    theirs: list[datetime] = []
    with suppress(ValueError):  # of dateutil, in a week that ends beyond the year 9999
        theirs += (at - LATER for at in islice(rrulestr(text, dtstart=start + LATER), 2_000))
    try:
        rule = Rule(text, start, UTC)
    except ValueError:  # too rare
        assert len(theirs) < 2 or theirs[1] - theirs[0] > timedelta(days=12 * 366)
        return
    found = list(islice(rule.dates(start), 2_000))
    assert found == sorted({start, *theirs})[:2_000]
    late = theirs[len(theirs) // 2]
    assert list(islice(rule.dates(late), 100)) == [at for at in found if at >= late][:100]


@pytest.mark.parametrize(
    ("rule", "problem"),
    [
        ("FREQ=SECONDLY", "FREQ=SECONDLY is not taken; write HOURLY, DAILY, WEEKLY, MONTHLY, YEARLY and no more often"),
        ("FREQ=MINUTELY;INTERVAL=5", "FREQ=MINUTELY is not taken"),
        ("BYDAY=MO", "FREQ is missing"),
        ("FREQ=DAILY;COUNT=2;UNTIL=20300101", "COUNT and UNTIL exclude each other"),
        ("FREQ=DAILY;COUNT=100000", "COUNT=100000 is not in 1..1000"),
        ("FREQ=DAILY;INTERVAL=0", "INTERVAL=0 is not in"),
        ("FREQ=DAILY;INTERVAL=-1", "INTERVAL=-1 is not in"),
        ("FREQ=DAILY;BYHOUR=" + ",".join(map(str, range(24))) + ";BYMINUTE=0,30", "48 times a day; at most 24"),
        ("FREQ=HOURLY;BYMINUTE=0,30", "48 times a day"),
        ("FREQ=YEARLY;BYSETPOS=" + ",".join(map(str, range(1, 200))), "more than 100 values"),
        ("FREQ=WEEKLY;BYDAY=XX", "BYDAY=XX names a day other than"),
        ("FREQ=WEEKLY;BYDAY=2MO", "counts days"),
        ("FREQ=DAILY;FREQ=WEEKLY", "FREQ stands twice"),
        ("FREQ=DAILY;COLOUR=BLUE", '"COLOUR=BLUE" is no part of a rule'),
        ("FREQ=DAILY;UNTIL=20300231", "UNTIL=20300231 is in no calendar"),
        ("FREQ=DAILY;UNTIL=soon", "UNTIL=SOON is not of the form"),
        ("FREQ=HOURLY;BYSETPOS=2", "BYSETPOS picks from"),
        ("FREQ=DAILY;BYMONTHDAY=0", "BYMONTHDAY=0 is not in 1..31 or from the end -1..-31"),
        ("FREQ=DAILY;EXRULE:FREQ=DAILY", "is no part of a rule"),
        ("", "is no part of a rule"),
    ],
)
def test_what_is_wrong_is_named(rule: str, problem: str) -> None:
    with pytest.raises(ValueError, match=r".") as raised:
        Rule(rule, START, UTC)
    assert problem.lower() in str(raised.value).lower()


def test_all_that_is_wrong_is_named_at_once() -> None:
    with pytest.raises(ValueError, match=r".") as raised:
        Rule("FREQ=SECONDLY;BYDAY=XX;COUNT=0;HUE=1", START, UTC)
    assert len(str(raised.value).split("\n")) == 4


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=HOURLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=YEARLY;BYMONTH=4;BYMONTHDAY=31;BYDAY=MO;BYSETPOS=" + ",".join(map(str, range(200, 290))),
        "FREQ=WEEKLY;BYDAY=MO;BYMONTH=2;BYMONTHDAY=30",
    ],
)
def test_a_rule_that_never_happens_is_refused(rule: str) -> None:
    """Each would make dateutil look for eight thousand years; that ours ends is the point."""
    with pytest.raises(ValueError, match="happens never, or less often than once in twelve years"):
        Rule(rule, START, UTC)


@pytest.mark.parametrize(
    ("rule", "most"),
    [
        (f"FREQ=MONTHLY;BYMONTHDAY={','.join(map(str, range(1, 32)))};BYHOUR={','.join(map(str, range(24)))}", 2_300),
        (f"FREQ=YEARLY;BYDAY={','.join(DAYS)};BYHOUR={','.join(map(str, range(24)))}", 2 * 366 * 24),
        ("FREQ=DAILY", 10),
        ("FREQ=YEARLY", 20),
        ("FREQ=DAILY;BYMONTH=2;BYMONTHDAY=29;COUNT=1000", 100_000),
    ],
)
def test_what_is_asked_of_a_late_time_costs_no_more_than_of_an_early_one(rule: str, most: int) -> None:
    found = Rule(rule, datetime.fromisoformat("1970-01-01T00:00:00"), UTC)
    assert next(found.dates(datetime.fromisoformat("2190-05-05T00:00:00"))).year >= 2190
    assert found.looked_at <= most


def test_a_leap_day_is_not_too_rare() -> None:
    assert times("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29", 3, wall("2092-02-29")) == days(
        "2092-02-29", "2096-02-29", "2104-02-29"
    )


@given(st.text(alphabet="FREQBYDAYUNTILCOUNTWKSTMOHOURLY=;,+-0123456789 \n", max_size=60))
def test_nothing_that_anybody_writes_does_harm(text: str) -> None:
    try:
        rule = Rule(text, START, UTC)
    except ValueError:
        return
    found = list(islice(rule.dates(START), 30))
    assert found == sorted(set(found))
    assert found[0] == START
