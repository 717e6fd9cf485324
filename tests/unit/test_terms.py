"""When money is due: golden cases computed with another implementation and a real calendar, then the rules."""

from datetime import date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetmon.model.days import date_of, day_from, day_of, midnight, weekday
from fleetmon.model.registry import Calendar, Defaults, Merchant
from fleetmon.model.terms import Terms, Waiver, due, last_chance, terms
from fleetmon.working_days import working_days

CHINA = timezone(timedelta(hours=8))
DAYS = working_days(Calendar())


def at(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=CHINA).timestamp() * 1000)


def agreed(**changes: object) -> Terms:
    return terms(Merchant("m", **changes), Defaults())  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("swiped", "paid_on"),
    [
        ("2018-04-04 12:00", "2018-04-08"),  # a make-up Sunday; confirmed by a published case
        ("2026-01-03 10:00", "2026-01-04"),
        ("2026-02-13 12:00", "2026-02-14"),
        ("2026-02-13 23:30", "2026-02-24"),  # nine days of Spring Festival
        ("2026-02-14 10:00", "2026-02-24"),
        ("2026-02-27 15:00", "2026-02-28"),
        ("2026-05-08 20:00", "2026-05-09"),
        ("2026-09-18 12:00", "2026-09-20"),
        ("2026-09-24 12:00", "2026-09-28"),
        ("2026-09-30 22:59:59", "2026-10-08"),
        ("2026-09-30 23:00:01", "2026-10-08"),
        ("2026-10-09 18:00", "2026-10-10"),
        ("2026-11-20 22:00", "2026-11-23"),
    ],
)
def test_golden_due_dates(swiped: str, paid_on: str) -> None:
    found = due(at(swiped), agreed(), "card", DAYS)
    assert (found.at, found.provisional) == (at(f"{paid_on} 18:00"), False)


def test_beyond_the_published_calendar_a_due_date_is_provisional() -> None:
    found = due(at("2026-12-31 12:00"), agreed(), "card", DAYS)
    assert (found.at, found.provisional) == (at("2027-01-01 18:00"), True)


def test_an_operator_can_vouch_for_later_days() -> None:
    days = working_days(Calendar(closed=["2027-01-01"], known_to="2027-01-31"))
    found = due(at("2026-12-31 12:00"), agreed(), "card", days)
    assert (found.at, found.provisional) == (at("2027-01-04 18:00"), False)


def test_the_operators_days_outrank_the_calendar() -> None:
    shut = working_days(Calendar(closed=["2026-11-23"]))
    assert due(at("2026-11-20 12:00"), agreed(), "card", shut).at == at("2026-11-24 18:00")
    opened = working_days(Calendar(open=["2026-11-21"]))
    assert due(at("2026-11-20 12:00"), agreed(), "card", opened).at == at("2026-11-21 18:00")


def test_the_cut_off_is_strict_and_for_cards_only() -> None:
    daily = agreed(cycle="D+1")
    assert due(at("2026-11-20 23:00:00"), daily, "card", DAYS).at == at("2026-11-21 18:00")
    assert due(at("2026-11-20 23:00:00") + 1, daily, "card", DAYS).at == at("2026-11-22 18:00")
    assert due(at("2026-11-20 23:59:59"), daily, "qr", DAYS).at == at("2026-11-21 18:00")


@pytest.mark.parametrize(
    ("cycle", "swiped", "due_at"),
    [
        ("T+0", "2026-11-20 17:59:59", "2026-11-20 18:00"),
        ("T+0", "2026-11-20 18:00:00", "2026-11-23 18:00"),
        ("T+0", "2026-11-21 09:00:00", "2026-11-23 18:00"),
        ("T+0", "2026-11-22 23:30:00", "2026-11-23 18:00"),
        ("D+0", "2026-11-21 17:59:59", "2026-11-21 18:00"),
        ("D+0", "2026-11-21 18:00:00", "2026-11-22 18:00"),
        ("D+0", "2026-11-21 23:30:00", "2026-11-22 18:00"),
        ("D+1", "2026-11-21 12:00:00", "2026-11-22 18:00"),
    ],
)
def test_cycles(cycle: str, swiped: str, due_at: str) -> None:
    assert due(at(swiped), agreed(cycle=cycle), "card", DAYS).at == at(due_at)


def test_over_the_limit_a_d0_sale_is_paid_as_t1() -> None:
    assert due(at("2026-11-20 12:00"), agreed(cycle="D+0"), "card", DAYS, over_limit=True).at == at("2026-11-23 18:00")


def test_rolling_from_the_trade_workday_pays_a_weekend_one_day_later() -> None:
    rolled = agreed(roll="from_trade_workday")
    assert due(at("2026-11-21 12:00"), rolled, "card", DAYS).at == at("2026-11-24 18:00")
    assert due(at("2026-11-21 12:00"), agreed(), "card", DAYS).at == at("2026-11-23 18:00")


def test_what_would_have_been_without() -> None:
    late = at("2026-09-24 23:30")
    assert due(late, agreed(), "card", DAYS, waiver=Waiver(holidays=True)).at == at("2026-09-26 18:00")
    assert due(late, agreed(cycle="D+1"), "card", DAYS, waiver=Waiver(cutoff=True)).at == at("2026-09-25 18:00")


def test_the_last_chance_is_the_cut_off() -> None:
    daily = agreed(cycle="D+1")
    now = at("2026-11-21 18:30")
    assert last_chance(now, at("2026-11-20 20:00"), daily, "card", DAYS) == at("2026-11-20 23:00")
    assert last_chance(now, at("2026-11-20 23:30"), daily, "card", DAYS) is None


@given(st.dates(min_value=date(1, 1, 1), max_value=date(9999, 12, 31)))
def test_days_and_dates_are_those_of_the_standard_library(day: date) -> None:
    number = (day - date(1970, 1, 1)).days
    assert date_of(number) == day.isoformat()
    assert day_from(day.isoformat()) == number
    assert weekday(number) == day.weekday()


@pytest.mark.parametrize("text", ["2026-02-29", "2026-13-01", "2026-00-10", "2026-04-31"])
def test_a_day_in_no_calendar_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=text):
        day_from(text)


@given(
    st.integers(min_value=at("2026-01-01 00:00"), max_value=at("2026-12-20 00:00")),
    st.sampled_from(["T+1", "T+0", "D+1", "D+0"]),
    st.sampled_from(["from_trade_date", "from_trade_workday"]),
    st.sampled_from(["card", "qr"]),
)
def test_money_is_never_due_before_the_sale_and_never_earlier_for_a_later_one(
    moment: int, cycle: str, roll: str, rail: str
) -> None:
    made = agreed(cycle=cycle, roll=roll)
    first, second = due(moment, made, rail, DAYS), due(moment + 3_600_000, made, rail, DAYS)
    assert moment < first.at <= second.at
    paid_on = day_of(first.at)
    assert first.at == midnight(paid_on) + made.payout_by
    assert cycle[0] == "D" or DAYS.is_working(paid_on)
