"""Guard rails: what work may not touch, and how that is said in both languages."""

from typing import Any, Final

import pytest

from fleetmon.locale import LANGUAGES, objection
from fleetmon.model.days import WorkingDays, day_from, midnight
from fleetmon.model.registry import Calendar
from fleetmon.model.window import Occurrence
from fleetmon.planning.guards import Plan, is_holiday, needs_second, objections
from fleetmon.planning.reach import Reach
from fleetmon.planning.settings import GuardSettings
from fleetmon.working_days import working_days

HOUR: Final = 3_600_000
DAYS: Final[WorkingDays] = working_days(Calendar())
CUTOFF: Final = 23 * HOUR


def span(date: str, begin: float, end: float) -> Occurrence:
    """In hours of the Chinese day."""
    day = midnight(day_from(date))
    return Occurrence(day + round(begin * HOUR), day + round(end * HOUR))


def plan(*spans: Occurrence, terminals: int = 5, cutoffs: tuple[int, ...] = (CUTOFF,)) -> Plan:
    return Plan(spans or (span("2026-11-24", 1, 3),), Reach(terminals, 100), cutoffs)


def rules(found: Plan, **settings: Any) -> list[str]:
    return [one.rule for one in objections(found, GuardSettings(**settings), DAYS)]


def test_ordinary_night_work_is_fine() -> None:
    assert rules(plan(), holidays=True, paydays=[10], largest_share=0.1) == []


@pytest.mark.parametrize(("terminals", "refused"), [(30, []), (31, ["share"])])
def test_no_more_than_the_largest_share(terminals: int, refused: list[str]) -> None:
    assert rules(plan(terminals=terminals), largest_share=0.3) == refused


@pytest.mark.parametrize(("hours", "refused"), [(4.0, []), (4.001, ["length"])])
def test_no_longer_than_the_longest(hours: float, refused: list[str]) -> None:
    assert rules(plan(span("2026-11-24", 1, 1 + hours)), longest_s=4 * 3600) == refused


@pytest.mark.parametrize(
    ("begin", "end", "refused"),
    [
        (20, 22.5, []),  # ends as the black-out begins
        (20, 22.51, ["cutoff"]),
        (23.25, 26, []),  # begins as it ends
        (23.24, 26, ["cutoff"]),
        (22.9, 22.95, ["cutoff"]),
        (1, 49, ["cutoff"]),
        (-2, -1.4, ["cutoff"]),  # that of the day before
    ],
)
def test_not_around_the_cutoff(begin: float, end: float, refused: list[str]) -> None:
    assert rules(plan(span("2026-11-24", begin, end)), longest_s=10 * 86_400) == refused


def test_every_cutoff_of_the_merchants_counts_and_none_can_be_wished_for() -> None:
    late = plan(span("2026-11-24", 21.9, 22.1), cutoffs=(CUTOFF, 22 * HOUR))
    assert rules(late) == ["cutoff"]
    assert rules(late, cutoff_before_s=0, cutoff_after_s=0) == []


def test_not_on_paydays_of_the_month() -> None:
    assert rules(plan(span("2026-12-10", 1, 2)), paydays=[10, 31]) == ["payday"]
    assert rules(plan(span("2026-12-09", 23.9, 24)), paydays=[10], cutoff_after_s=60) == []
    assert rules(plan(span("2026-12-09", 23.9, 24.1)), paydays=[10], cutoff_after_s=60) == ["payday"]


@pytest.mark.parametrize(
    ("date", "payday"),
    [
        ("2026-11-30", True), ("2026-11-29", False), ("2027-02-28", True), ("2028-02-28", False), ("2028-02-29", True),
        ("2026-12-30", False), ("2026-12-31", True), ("2026-12-01", False),
    ],
)  # fmt: skip
def test_a_payday_that_a_month_lacks_is_its_last_day(date: str, *, payday: bool) -> None:
    assert rules(plan(span(date, 1, 2)), paydays=[31]) == (["payday"] if payday else [])


@pytest.mark.parametrize(
    ("date", "holiday"),
    [
        ("2026-09-30", False), ("2026-10-01", True), ("2026-10-03", True), ("2026-10-04", True), ("2026-10-07", True),
        ("2026-10-08", False),
        ("2026-10-10", False),  # a Saturday on which banks work
        ("2026-11-21", False),  # an ordinary Saturday
        ("2026-02-15", True),  # a Sunday with which the Spring Festival begins
        ("2026-02-14", False), ("2026-02-23", True), ("2026-02-24", False),
        ("2027-10-01", False),  # nobody knows yet
    ],
)  # fmt: skip
def test_what_a_holiday_is(date: str, *, holiday: bool) -> None:
    assert is_holiday(day_from(date), DAYS) is holiday
    assert rules(plan(span(date, 1, 2)), holidays=True) == (["holiday"] if holiday else [])
    assert rules(plan(span(date, 1, 2))) == []


def test_an_operators_own_closing_day_is_a_holiday() -> None:
    own = working_days(Calendar(closed=["2026-11-25"]))
    assert [one.rule for one in objections(plan(span("2026-11-25", 1, 2)), GuardSettings(holidays=True), own)] == [
        "holiday"
    ]


def test_a_second_person_is_wanted_from_so_many_terminals_on() -> None:
    assert not needs_second(Reach(1000, 1000), GuardSettings())
    assert not needs_second(Reach(49, 100), GuardSettings(second_person_from=50))
    assert needs_second(Reach(50, 100), GuardSettings(second_person_from=50))


def test_all_reasons_are_told_at_once_in_both_languages() -> None:
    weekly = [span(f"2026-10-0{day}", 22, 30) for day in (1, 8)]
    found = objections(
        plan(*weekly, terminals=60),
        GuardSettings(largest_share=0.5, longest_s=3600, paydays=[1], holidays=True),
        DAYS,
    )
    assert [one.rule for one in found] == ["share", "length", "cutoff", "payday", "holiday"]
    english = [objection(one.rule, one.facts, "en") for one in found]
    assert english == [
        (
            "It would touch 60 terminals, 60 % of the fleet; at most 50 % may be worked on at a time. "
            "Split it into several windows."
        ),
        "It would last 8 hours; the longest allowed is 60 minutes. Split it into several windows.",
        (
            "It touches the hour of the cut-off: Thursday 1 October at 22:00 to Friday 2 October at 06:00, "
            "and 1 more. Move it, or leave out: 2026-10-01, 2026-10-08."
        ),
        (
            "It falls on a payday: Thursday 1 October at 22:00 to Friday 2 October at 06:00. "
            "Move it, or leave out: 2026-10-01."
        ),
        (
            "It falls on a public holiday: Thursday 1 October at 22:00 to Friday 2 October at 06:00. "
            "Move it, or leave out: 2026-10-01."
        ),
    ]
    chinese = [objection(one.rule, one.facts, "zh") for one in found]
    assert chinese[1] == "持续8小时，最长允许60分钟。请拆分为多个维护窗口。"
    assert "另有1次" in chinese[2]
    second: dict[str, int | str] = {"count": 9, "author": "Li"}
    assert [objection("second", second, language) for language in LANGUAGES] == [
        "涉及9台终端，须由Li以外的人批准。",
        "It touches 9 terminals, so somebody other than Li has to approve it.",
    ]
