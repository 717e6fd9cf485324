"""Due dates of the corpus: cases computed by hand, from published calendars."""

from datetime import date, datetime

import pytest

from fleetmon.sim.corpus.dates import ZONE, Terms, Week, base_of, due

T1 = Terms("T+1", "from_trade_date", "host", 82_800, 64_800, 1800)
LATER = T1._replace(roll="from_trade_workday")


def at(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=ZONE).timestamp() * 1000)


@pytest.mark.parametrize(
    ("sold", "expected"),
    [
        ("2018-04-04T12:00", "2018-04-08"),  # a Sunday, made up for Qingming
        ("2026-01-03T10:00", "2026-01-04"),
        ("2026-02-13T12:00", "2026-02-14"),
        ("2026-02-13T23:30", "2026-02-24"),
        ("2026-02-14T10:00", "2026-02-24"),
        ("2026-02-27T15:00", "2026-02-28"),
        ("2026-05-08T20:00", "2026-05-09"),
        ("2026-09-18T12:00", "2026-09-20"),
        ("2026-09-24T12:00", "2026-09-28"),
        ("2026-09-30T22:59:59", "2026-10-08"),
        ("2026-09-30T23:00:01", "2026-10-08"),
        ("2026-10-09T18:00", "2026-10-10"),
        ("2026-11-20T22:00", "2026-11-23"),
    ],
)
def test_t1_follows_the_working_days(sold: str, expected: str) -> None:
    found = due(T1, Week(), at(sold))
    assert found.at == at(f"{expected}T18:00")
    assert not found.provisional


@pytest.mark.parametrize(
    ("sold", "rail", "base"),
    [
        ("2026-11-24T23:00:00", "card", "2026-11-24"),
        ("2026-11-24T23:00:00.001", "card", "2026-11-25"),
        ("2026-11-24T23:59:59", "qr", "2026-11-24"),
    ],
)
def test_the_cutoff_is_strict_and_for_cards_only(sold: str, rail: str, base: str) -> None:
    assert base_of(T1, at(sold), rail) == date.fromisoformat(base)


def test_a_trade_on_a_day_of_rest_may_count_as_the_next_working_days() -> None:
    assert due(T1, Week(), at("2026-11-21T12:00")).at == at("2026-11-23T18:00")
    assert due(LATER, Week(), at("2026-11-21T12:00")).at == at("2026-11-24T18:00")
    assert due(LATER, Week(), at("2026-11-20T12:00")).at == at("2026-11-23T18:00")


@pytest.mark.parametrize(
    ("cycle", "sold", "expected"),
    [
        ("D+1", "2026-11-21T12:00", "2026-11-22"),
        ("D+0", "2026-11-21T17:59", "2026-11-21"),
        ("D+0", "2026-11-21T18:00", "2026-11-22"),
        ("D+0", "2026-11-21T23:30", "2026-11-22"),
        ("T+0", "2026-11-20T17:59", "2026-11-20"),
        ("T+0", "2026-11-20T18:00", "2026-11-23"),
    ],
)
def test_other_cycles(cycle: str, sold: str, expected: str) -> None:
    assert due(T1._replace(cycle=cycle), Week(), at(sold)).at == at(f"{expected}T18:00")


def test_what_is_over_the_instant_limit_comes_as_t1() -> None:
    terms = T1._replace(cycle="D+0", instant_limit=100)
    assert due(terms, Week(), at("2026-11-20T12:00"), over=True).at == at("2026-11-23T18:00")


def test_beyond_the_known_calendar_weekdays_count_and_the_date_is_provisional() -> None:
    last = due(T1, Week(), at("2026-12-31T12:00"))
    assert last.at == at("2027-01-01T18:00")
    assert last.provisional
    week = Week([date(2027, 1, 1)], [date(2027, 1, 3)], date(2027, 12, 31))
    known = due(T1, week, at("2026-12-31T12:00"))
    assert known.at == at("2027-01-03T18:00")
    assert not known.provisional
    assert not due(T1._replace(cycle="D+1"), Week(), at("2026-12-31T12:00")).provisional


def test_what_would_be_without_a_reason() -> None:
    sold = at("2026-11-20T23:30")
    assert due(T1, Week(), sold, rests=False).at == at("2026-11-22T18:00")
    assert due(T1, Week(), sold, cutoff=False).at == at("2026-11-23T18:00")
    assert due(T1, Week(), sold, cutoff=False, rests=False).at == at("2026-11-21T18:00")
