"""Proposed times: allowed, quiet, soon for who is out of use; and how many sales they avoid."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.visits import learned, measure
from fleetmon.engine.terminal.usage import Usage
from fleetmon.model.days import DAY, midnight
from fleetmon.model.hours import WEEK, Hours
from fleetmon.model.window import Occurrence
from fleetmon.planning.quiet_hours import STEP, Course, Shop, attended, choose, is_attended, length, permitted
from fleetmon.planning.settings import VisitSettings

HOUR = 3_600_000
MONDAY = midnight(4) + 2_900 * WEEK
OFFICE = VisitSettings(["Mo-Fr 09:00-18:00"], 0)
OPEN = Hours(["Mo-Su 08:30-22:00"])


def usage(**busy: int) -> Usage:
    """Sales a day by hour, `h9=4`, for four weeks."""
    used = Usage()
    for day in range(28):
        for hour in range(24):
            for number in range(busy.get(f"h{hour}", 1)):
                used.sell(MONDAY - 4 * WEEK + day * DAY + hour * HOUR + number * 60_000, 0.0)
    return used


def shop(used: Usage, minutes: int = 60, hours: Hours = OPEN, out: float = 0.0) -> Shop:
    week = attended(hours, ())
    return Shop(minutes * 60_000, week, Course([(used, 1 - out)], week), Course([(used, out)], week))


def test_the_quietest_hour_of_the_working_day_is_proposed_with_what_it_avoids() -> None:
    used = usage(**{f"h{hour}": 6 for hour in range(24) if hour != 14})
    found = choose(shop(used), MONDAY, MONDAY + WEEK, OFFICE, lambda _: True)
    assert found is not None
    assert (found.span.start - MONDAY) % DAY == 14 * HOUR
    assert found.span.end - found.span.start == HOUR
    assert found.sales == pytest.approx(1, abs=0.1)
    assert found.usual == pytest.approx(5.4, abs=0.5)


def test_what_is_not_free_is_left_out_and_nothing_is_proposed_where_nothing_is() -> None:
    used = usage(**{f"h{hour}": 6 for hour in range(24) if hour != 14})
    busy = Occurrence(MONDAY, MONDAY + 5 * DAY)
    taken = choose(shop(used), MONDAY, MONDAY + WEEK, OFFICE, lambda one: one.start >= busy.start + DAY)
    assert taken is not None
    assert taken.span.start == MONDAY + DAY + 14 * HOUR
    assert choose(shop(used), MONDAY, MONDAY + WEEK, OFFICE, lambda _: False) is None
    closed = shop(used, hours=Hours(["Sa-Su 10:00-20:00"]))
    assert choose(closed, MONDAY, MONDAY + WEEK, OFFICE, lambda _: True) is None


def test_who_is_out_of_use_is_seen_to_at_once_and_who_works_when_it_is_quiet() -> None:
    used = usage(**{f"h{hour}": 6 for hour in range(24) if hour != 14})
    at_ten = MONDAY + 10 * HOUR
    broken = choose(shop(used, out=1.0), at_ten, at_ten + WEEK, OFFICE, lambda _: True)
    worn = choose(shop(used, out=0.1), at_ten, at_ten + WEEK, OFFICE, lambda _: True)
    assert broken is not None
    assert worn is not None
    assert broken.span.start == at_ten
    assert worn.span.start == MONDAY + 14 * HOUR


def test_what_an_hour_sold_is_laid_into_the_part_in_which_the_shop_was_open() -> None:
    used = usage(h8=4, h9=4)
    course = Course([(used, 1.0)], attended(OPEN, ()))
    assert course.expected(MONDAY + 8 * HOUR, MONDAY + 8 * HOUR + HOUR // 2) == 0
    half = course.expected(MONDAY + 8 * HOUR + HOUR // 2, MONDAY + 9 * HOUR)
    assert half == pytest.approx(4, abs=0.3)
    assert course.expected(MONDAY, MONDAY + WEEK) == pytest.approx(course.per_week)


@given(
    before=st.sampled_from([0, 1800, 3600]),
    opens=st.integers(0, 23),
    lasts=st.integers(1, 24),
    minutes=st.sampled_from([15, 45, 120]),
    begin=st.integers(0, WEEK - 1),
)
@settings(max_examples=60)
def test_whatever_is_permitted_lies_in_working_and_attended_time(
    before: int, opens: int, lasts: int, minutes: int, begin: int
) -> None:
    closes = (opens + lasts) % 24
    hours, rules = Hours([f"Mo-Su {opens:02d}:00-{closes:02d}:00"]), VisitSettings(["Mo-Fr 09:00-18:00"], before)
    work = Hours(rules.hours)
    for span in permitted(shop(Usage(), minutes, hours), MONDAY + begin, MONDAY + begin + WEEK, rules):
        assert span.end - span.start == minutes * 60_000
        assert MONDAY + begin <= span.start
        assert span.end <= MONDAY + begin + WEEK + STEP
        for at in range(span.start, span.end, STEP):
            assert work.is_open(at)
            assert hours.is_open(at) or hours.is_open(at + before * 1000)


def test_without_declared_hours_somebody_is_there_when_it_sells_and_else_in_office_hours() -> None:
    sells = attended(
        None, [usage(**{f"h{hour}": 0 if hour < 7 or hour > 20 else 25 for hour in range(24)} | {"h3": 1})]
    )
    assert [hour for hour in range(24) if is_attended(sells, MONDAY + hour * HOUR)] == list(range(7, 21))
    unknown = attended(None, [Usage()])
    assert [hour for hour in range(24) if is_attended(unknown, MONDAY + hour * HOUR)] == list(range(9, 18))


def test_more_terminals_take_longer_in_whole_quarters() -> None:
    assert [length(number, VisitSettings()) // 60_000 for number in (1, 2, 3)] == [30, 45, 60]
    assert length(100, VisitSettings()) == 4 * HOUR, "then somebody comes again"
    assert length(2, VisitSettings(first_s=1000, more_s=100)) == 30 * 60_000


def test_proposed_times_avoid_most_of_the_sales_that_random_ones_hit() -> None:
    """As in `python -m bench.visits`, with fewer terminals and weeks, on a seed that nothing was tried on."""
    fleet = learned(907, 24, 2)
    any_time = measure(fleet, 2, VisitSettings(["Mo-Su 00:00-24:00"]))
    assert any_time.avoided >= 0.9
    office = measure(fleet, 2, OFFICE)
    assert office.avoided >= office.possible - 0.1, "close to the best that anybody could choose"
