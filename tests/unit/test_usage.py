"""What is remembered of a terminal that sells: little, for long, and enough to say what is usual."""

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetmon.detect.quiet import HOUR, expected, patience
from fleetmon.engine.terminal.usage import Usage, looked_ago, sells_at, sold_at
from fleetmon.model.days import DAY, midnight

MONDAY = 20_717  # 2026-09-21


def at(day: int, hour: float) -> int:
    return midnight(MONDAY + day) + round(hour * HOUR)


def used(*sales: int) -> Usage:
    usage = Usage()
    for moment in sorted(sales):
        usage.sell(moment, usage.missed(usage.sold_s * 1000, moment) if usage.sold_s else 0.0)
    return usage


BYTES = st.integers(0, 255)
USAGES = st.builds(
    Usage,
    hours=st.binary(min_size=24, max_size=24),
    weekdays=st.binary(min_size=7, max_size=7),
    days=BYTES,
    sold_s=st.integers(0, 2**32 - 1),
    longest=BYTES,
    reads=st.integers(0, 2**32 - 1),
    errors=st.integers(0, 2**16 - 1),
    share=BYTES,
    charge=BYTES,
    looked=st.integers(0, 2**16 - 1),
)


@given(USAGES)
def test_it_comes_back_as_it_was_from_eighty_bytes(usage: Usage) -> None:
    packed = usage.packed()
    assert sys.getsizeof(packed) <= 80
    assert Usage.of(packed) == usage
    assert sold_at(packed) == usage.sold_s * 1000


@given(st.lists(st.tuples(st.integers(0, 20 * DAY), st.integers(1, 300)), max_size=12), st.floats(0, 1e6))
def test_no_course_of_sales_leaves_the_room_there_is(bursts: list[tuple[int, int]], missed: float) -> None:
    usage, now = Usage(), at(0, 0)
    for pause, sales in bursts:
        now += pause
        for _ in range(sales):
            usage.sell(now, missed)
        assert Usage.of(usage.packed()) == usage
        assert usage.days >= 8


def test_what_is_usual_is_told_by_hour_and_weekday() -> None:
    """Ten sales an hour from nine to five, on weekdays only."""
    office = used(
        *[at(day, hour + n / 10) for day in range(26) if day % 7 < 5 for hour in range(9, 17) for n in range(10)]
    )
    friday, saturday, monday = (office.missed(at(day, 9), at(day, 17)) for day in (25, 26, 28))
    assert friday == pytest.approx(monday, rel=0.2)
    assert 60 < friday < 100
    assert saturday < 8
    assert office.missed(at(25, 17), at(26, 0)) == 0
    assert sells_at(office.packed(), at(30, 12))
    assert not sells_at(office.packed(), at(30, 20))


@pytest.mark.parametrize("per_hour", [1, 6, 60])
def test_the_pace_of_slow_and_of_busy_terminals_is_known(per_hour: int) -> None:
    sales = [at(day, hour + n / per_hour) for day in range(28) for hour in range(8, 20) for n in range(per_hour)]
    assert used(*sales).missed(at(28, 10), at(28, 12)) == pytest.approx(2 * per_hour, rel=0.25)


def test_of_a_few_days_nothing_is_usual_yet() -> None:
    assert used(*[at(day, 10 + n / 6) for day in range(3) for n in range(6)]).missed(at(3, 8), at(9, 8)) == 0.0


def test_a_new_pace_replaces_the_old_one() -> None:
    before = [at(day, 10 + n / 60) for day in range(30) for n in range(60)]
    after = [at(day, 10 + n / 6) for day in range(30, 80) for n in range(6)]
    assert used(*before, *after).missed(at(80, 10), at(80, 11)) == pytest.approx(6, rel=0.4)


@given(st.lists(BYTES, min_size=24, max_size=24), st.lists(BYTES, min_size=7, max_size=7), st.integers(0, 9 * DAY))
def test_what_is_missed_in_two_spans_is_missed_in_both_together(hours: list[int], days: list[int], cut: int) -> None:
    start, end = at(0, 3.3), at(9, 3.3)
    whole = expected(hours, days, 7.0, start, end)
    assert whole == pytest.approx(
        expected(hours, days, 7.0, start, start + cut) + expected(hours, days, 7.0, start + cut, end)
    )


def test_patience_grows_with_what_was_lived_through() -> None:
    assert patience(0) == 12
    assert patience(20) == 30


def test_minutes_since_the_last_look_survive_the_missing_high_bits() -> None:
    usage = Usage()
    now = 65_530 * 60_000
    usage.look(None, None, now)
    assert looked_ago(usage.packed(), now + 50 * 60_000) == 50


def test_the_battery_is_compared_with_the_last_look() -> None:
    usage = Usage()
    assert usage.look(0.8, False, at(0, 10)) is None
    assert usage.look(0.5, True, at(0, 11)) == (0.8, False, HOUR)
    assert usage.look(None, None, at(0, 12)) == (0.5, True, HOUR)
    assert usage.look(0.4, True, at(0, 13)) is None, "nothing was told the last time"
