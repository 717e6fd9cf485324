"""Opening hours against a shop that is looked at in every minute of two weeks."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleetmon.model.hours import Hours

MINUTE = 60_000
MONDAY = 1_789_920_000_000  # 2026-09-21, midnight in Shanghai
WEEK = 7 * 24 * 60
DAYS = ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su")

clocks = st.tuples(st.integers(0, 23), st.sampled_from((0, 1, 15, 30, 59)))
spans = st.tuples(st.integers(0, 6), st.integers(0, 6), clocks, clocks | st.just((24, 0)))
rules = st.lists(spans, min_size=1, max_size=4)


def text(span: tuple[int, int, tuple[int, int], tuple[int, int]]) -> str:
    first, last, (hour, minute), (end_hour, end_minute) = span
    days = DAYS[first] if first == last else f"{DAYS[first]}-{DAYS[last]}"
    return f"{days} {hour:02}:{minute:02}-{end_hour:02}:{end_minute:02}"


def open_minutes(week: list[tuple[int, int, tuple[int, int], tuple[int, int]]]) -> set[int]:
    """The minutes of a week in which the shop is open, counted one by one."""
    found = set()
    for first, last, (hour, minute), (end_hour, end_minute) in week:
        start, end = hour * 60 + minute, end_hour * 60 + end_minute
        for day in range(first, (last if last >= first else last + 7) + 1):
            length = end - start if end > start else end - start + 24 * 60
            found |= {(day * 1440 + start + passed) % WEEK for passed in range(length)}
    return found


@settings(deadline=None)
@given(rules, st.integers(0, WEEK - 1), st.integers(0, MINUTE - 1))
def test_it_is_open_in_the_minutes_its_rules_name(
    week: list[tuple[int, int, tuple[int, int], tuple[int, int]]], minute: int, rest: int
) -> None:
    hours, minutes = Hours([text(span) for span in week]), open_minutes(week)
    assert hours.is_open(MONDAY + minute * MINUTE + rest) == (minute in minutes)


@settings(deadline=None)
@given(rules, st.integers(0, WEEK - 1), st.integers(0, MINUTE - 1))
def test_the_next_opening_is_the_first_minute_open_after_a_closed_one(
    week: list[tuple[int, int, tuple[int, int], tuple[int, int]]], minute: int, rest: int
) -> None:
    minutes = open_minutes(week)
    openings = [one for one in minutes if (one - 1) % WEEK not in minutes]
    first = min((one if one > minute else one + WEEK for one in openings), default=None)
    expected = None if first is None else MONDAY + first * MINUTE
    assert Hours([text(span) for span in week]).next_opening(MONDAY + minute * MINUTE + rest) == expected


@settings(deadline=None)
@given(rules)
def test_the_order_of_rules_does_not_matter(week: list[tuple[int, int, tuple[int, int], tuple[int, int]]]) -> None:
    there, back = Hours([text(span) for span in week]), Hours([text(span) for span in reversed(week)])
    for minute in range(0, WEEK, 47):
        at = MONDAY + minute * MINUTE
        assert (there.is_open(at), there.next_opening(at)) == (back.is_open(at), back.next_opening(at))


def test_without_rules_it_is_always_open_and_never_opens() -> None:
    assert Hours([]).is_open(MONDAY)
    assert Hours([]).next_opening(MONDAY) is None


def test_a_closing_after_midnight_may_be_counted_on_as_maps_do_and_no_day_has_more_than_a_day() -> None:
    there, back = Hours(["Mo-Su 17:00-26:30"]), Hours(["Mo-Su 17:00-02:30"])
    for minute in range(0, WEEK, 10):
        at = MONDAY + minute * MINUTE
        assert (there.is_open(at), there.next_closing(at)) == (back.is_open(at), back.next_closing(at))
    said = {
        "Mo 08:00-33:00": 'write as "Mo-Fr 18:00-26:00"',
        "Mo 25:00-26:00": 'write as "Mo-Fr 18:00-26:00"',
        "Mo 08:00-09:60": "no clock shows",
    }
    for rule, why in said.items():
        with pytest.raises(ValueError, match=why):
            Hours([rule])


def test_lists_of_days_and_spaces_are_understood() -> None:
    hours = Hours(["Mo, We-Th ,Sa  09:00 - 10:00"])
    starts = [hours.is_open(MONDAY + (day * 1440 + 9 * 60) * MINUTE) for day in range(7)]
    assert starts == [True, False, True, True, False, True, False]


@pytest.mark.parametrize(
    "rule",
    [
        "-",
        "Mo",
        "09:00-10:00",
        "Mo 9:00-10:00",
        "Mo 09:60-10:00",
        "Mo 09:00-33:01",
        "Xx 09:00-10:00",
        "Mo- 09:00-10:00,",
    ],
)
def test_what_is_not_understood_is_named(rule: str) -> None:
    with pytest.raises(ValueError, match=re.escape(rule)):
        Hours([rule])
