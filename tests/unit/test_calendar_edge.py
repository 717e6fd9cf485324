"""The table of working days against the word of the library it was made from, and what an operator lays over it."""

from datetime import date, timedelta

import chinese_calendar  # type: ignore[import-untyped] # it has no type hints
import pytest

from fleetmon.model.days import EVERY_DAY, date_of, day_from, weekday
from fleetmon.model.registry import Calendar
from fleetmon.working_days import working_days

EPOCH = date(1970, 1, 1)
YEARS = sorted({day.year for day in chinese_calendar.holidays})
FIRST, LAST = date(YEARS[0], 1, 1), date(YEARS[-1], 12, 31)
PUBLIC = working_days(Calendar())


def number(day: date) -> int:
    return (day - EPOCH).days


def days(start: date, end: date) -> list[date]:
    return [start + timedelta(days=passed) for passed in range((end - start).days + 1)]


@pytest.mark.parametrize("year", [2018, 2020, 2023, 2024, 2025, 2026])
def test_every_day_of_a_year_is_what_the_library_says(year: int) -> None:
    found = {day: PUBLIC.is_working(number(day)) for day in days(date(year, 1, 1), date(year, 12, 31))}
    assert found == {day: chinese_calendar.is_workday(day) for day in found}
    assert any(works and day.weekday() >= 5 for day, works in found.items()), "a make-up weekend"
    assert any(not works and day.weekday() < 5 for day, works in found.items()), "a holiday"


def test_it_is_known_from_the_first_to_the_last_published_day_and_no_further() -> None:
    assert PUBLIC.is_known(number(FIRST))
    assert PUBLIC.is_known(number(LAST))
    assert not PUBLIC.is_known(number(FIRST) - 1)
    assert not PUBLIC.is_known(number(LAST) + 1)


def test_beyond_what_is_known_weekdays_work_and_whoever_asks_is_told() -> None:
    for day in days(LAST + timedelta(days=1), LAST + timedelta(days=400)):
        assert PUBLIC.is_working(number(day)) == (day.weekday() < 5)
        assert PUBLIC.next(number(day))[1] is False


def test_the_next_working_day_is_the_first_that_the_library_calls_one() -> None:
    for day in days(date(2026, 1, 1), date(2026, 12, 20)):
        following = next(one for one in days(day, day + timedelta(days=20)) if chinese_calendar.is_workday(one))
        assert PUBLIC.next(number(day)) == (number(following), True)


def test_a_way_that_leads_beyond_what_is_known_is_not_sure() -> None:
    eve = max(day for day in days(FIRST, LAST) if chinese_calendar.is_workday(day))
    assert PUBLIC.next(number(eve)) == (number(eve), True)
    found, sure = PUBLIC.next(number(LAST) + 1)
    assert not sure
    assert weekday(found) < 5


def test_the_operator_s_days_outrank_the_public_ones_both_ways() -> None:
    holiday, made_up, plain = "2026-10-01", "2026-10-10", "2026-11-23"
    laid = working_days(Calendar(open=[holiday], closed=[made_up, plain]))
    assert [laid.is_working(day_from(day)) for day in (holiday, made_up, plain)] == [True, False, False]
    assert [PUBLIC.is_working(day_from(day)) for day in (holiday, made_up, plain)] == [False, True, True]
    others = set(range(number(date(2026, 9, 1)), number(LAST))) - {day_from(day) for day in (holiday, made_up, plain)}
    assert all(laid.is_working(day) == PUBLIC.is_working(day) for day in others)


def test_a_day_said_to_be_closed_and_open_is_neither_closed_nor_open_by_the_operator() -> None:
    both = working_days(Calendar(open=["2026-11-23"], closed=["2026-11-23"]))
    assert both.is_working(day_from("2026-11-23")), "as any Monday"


def test_whoever_vouches_for_later_days_is_believed_and_an_earlier_day_takes_nothing_back() -> None:
    later = working_days(Calendar(known_to="2027-03-31", closed=["2027-01-01"]))
    assert later.is_known(day_from("2027-03-31"))
    assert not later.is_known(day_from("2027-04-01"))
    assert later.next(day_from("2027-01-01")) == (day_from("2027-01-04"), True)
    assert working_days(Calendar(known_to="2020-01-01")).known_to == PUBLIC.known_to == number(LAST)


def test_an_exception_beyond_the_calendar_is_known_by_itself() -> None:
    lone = working_days(Calendar(closed=["2030-01-01"], open=["2030-01-05"]))
    assert lone.is_known(day_from("2030-01-01"))
    assert lone.is_known(day_from("2030-01-05"))
    assert not lone.is_known(day_from("2030-01-02"))
    assert lone.is_working(day_from("2030-01-05")), "a Saturday"


def test_without_a_calendar_every_weekday_works_and_is_known() -> None:
    for day in days(date(2026, 9, 20), date(2026, 10, 20)):
        assert EVERY_DAY.is_working(number(day)) == (day.weekday() < 5)
        assert EVERY_DAY.is_known(number(day))
    assert date_of(EVERY_DAY.next(day_from("2026-10-03"))[0]) == "2026-10-05"
