"""What an operator may write, and what is said of what is wrong with it."""

from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from fleetmon.engine.fleet import Fleet
from fleetmon.model.registry import Registry, Terminal
from fleetmon.model.schedule import Change, Schedule
from fleetmon.model.window import Window
from fleetmon.planning import zones
from fleetmon.planning.checks import scope_problems, text_problems, time_problems
from fleetmon.planning.reach import Reach, at_once, reach

NOW = zones.stamp("2026-11-23T12:00:00", ZoneInfo("Asia/Shanghai"))
FLEET = Fleet(
    Registry(
        terminals=[
            Terminal(f"t{number}", merchant=f"m{number // 2}", site=f"s{number // 2}", provider=f"PRO{number % 2}")
            for number in range(6)
        ]
    )
)


def schedule(**fields: Any) -> Schedule:
    return Schedule(**{"starts": "2026-11-24T01:00:00", "ends": "2026-11-24T03:00:00", "owner": "night shift"} | fields)


def touched(**fields: Any) -> Reach:
    said = schedule(**fields)
    window = Window("w", "o", "operator", (), said.selector, said.host)
    return at_once(reach(FLEET, window, hosts=["ACQ"]))


def test_good_ones_have_no_problems() -> None:
    for fields in (
        {},
        {"ends": None, "duration_s": 1},
        {"rrule": "FREQ=WEEKLY;BYDAY=TU", "exdate": ["2026-12-01T01:00:00"]},
        {"starts": "2026-11-23T11:00:00"},  # begun already, and goes on
        {"starts": "2026-03-02T01:00:00", "ends": "2026-03-02T02:00:00", "rrule": "FREQ=WEEKLY"},
        {"starts": "2026-11-20T01:00:00", "ends": "2026-11-20T02:00:00", "rdate": ["2026-11-24T00:00:00Z"]},
        {"flexible_s": 600},
    ):
        assert time_problems(schedule(**fields), NOW) == []


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"ends": "2026-11-24T01:00:00"}, 'ends: "2026-11-24T01:00:00" is not after starts'),
        ({"ends": "2026-11-23T23:00:00"}, "ends: "),
        ({"zone": "Asia/Shangai"}, 'zone: "Asia/Shangai" is no IANA time zone; did you mean "Asia/Shanghai"?'),
        ({"zone": "Asia/Beijing"}, 'zone: "Asia/Beijing" is no IANA time zone; did you mean "Asia/Shanghai"?'),
        ({"zone": "China"}, 'zone: "China" is no IANA time zone; did you mean "Asia/Shanghai"?'),
        ({"zone": "../../etc/passwd"}, 'zone: "../../etc/passwd" is no IANA time zone'),
        ({"zone": "posixrules"}, "zone: "),
        ({"duration_s": 60}, "ends: give either ends or duration_s, not both"),
        ({"ends": None}, "ends: give either ends or duration_s"),
        ({"starts": "2026-02-30T01:00:00"}, 'starts: "2026-02-30T01:00:00" is in no calendar'),
        ({"starts": "1820-02-03T01:00:00"}, "starts: "),
        ({"exdate": ["2026-11-31T01:00:00Z"]}, "exdate[0]: "),
        ({"starts": "2026-11-23T09:00:00", "ends": "2026-11-23T12:00:00"}, "ends: is over already"),
        ({"exdate": ["2026-11-24T01:00:00"]}, "exdate: leaves no time"),
        ({"starts": "2026-11-23T09:00:00", "ends": "2026-11-23T12:00:00", "exdate": ["2026-11-23T09:00:00"]},
         "ends: is over already"),
        ({"rrule": "FREQ=DAILY;UNTIL=20261101"}, "rrule: UNTIL is before starts"),
        ({"starts": "2026-10-05T01:00:00", "ends": "2026-10-05T02:00:00", "rrule": "FREQ=DAILY;COUNT=3"},
         "rrule: never happens again; change UNTIL, COUNT or exdate"),
        ({"rrule": "FREQ=DAILY;COUNT=2", "exdate": ["2026-11-24T01:00:00", "2026-11-24T17:00:00Z"]}, "rrule: never"),
        ({"rrule": "FREQ=SECONDLY"}, "rrule: FREQ=SECONDLY is not taken"),
        ({"rrule": "FREQ=WEEKLY;BYDAY=WE"}, ('starts: "2026-11-24T01:00:00" does not fit rrule; it first meets '
         "2026-11-25T01:00:00")),
        ({"rrule": "FREQ=HOURLY"}, "duration_s: it would still go on when it begins again"),
        ({"changes": [Change(of=1, start=20, end=20)]}, "changes[0].end: is not after its start"),
    ],
)  # fmt: skip
def test_each_problem_names_its_field_and_the_remedy(fields: dict[str, Any], expected: str) -> None:
    found = time_problems(schedule(**fields), NOW)
    assert any(one.startswith(expected) for one in found), found


def test_all_problems_are_told_at_once() -> None:
    found = time_problems(schedule(zone="Nowhere", duration_s=5, exdate=["2026-13-01T00:00:00"]), NOW)
    assert [one.split(":")[0] for one in found] == ["zone", "ends", "exdate[0]"]


def test_card_numbers_are_kept_out_of_the_books_and_somebody_answers_for_the_work() -> None:
    assert text_problems(schedule()) == []
    assert text_problems(schedule(reason="card 4111111111111111 stuck", owner=" ")) == [
        "reason: holds what looks like a card number; remove it",
        "owner: is missing; say who answers for the work",
    ]


@pytest.mark.parametrize("text", ["2026-11-24 01:00:00", "2026-11-24T25:00:00", "2026-11-24T01:00:00+08:00", "soon"])
def test_only_one_form_of_a_time_is_read(text: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"starts": text, "owner": "o"}, Schedule)


def test_unknown_attributes_and_controls_are_refused_when_it_is_read() -> None:
    for fields in ({"selector": {"colour": "red"}}, {"owner": "a\nb"}, {"rrule": "FREQ=DAILY\nRDATE:1"}, {"ends": 5}):
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert({"starts": "2026-11-24T01:00:00", "owner": "o"} | fields, Schedule)


@pytest.mark.parametrize(
    ("fields", "terminals", "problems"),
    [
        ({"selector": {"provider": "PRO0"}}, 3, []),
        ({"selector": {"site": ["s0", "s1"]}}, 4, []),
        ({"selector": {"merchant": "m2", "provider": "PRO1"}}, 1, []),
        ({"selector": {"provider": "PR0"}}, 0, ['selector.provider: no terminal has "PR0"; did you mean "PRO0"?']),
        ({"selector": {"provider": ["PRO0", "X"]}}, 3, ['selector.provider: no terminal has "X"; check how "X"']),
        ({"selector": {"merchant": "m9", "site": "s0"}}, 0, ['selector.merchant: no terminal has "m9"']),
        ({"selector": {"merchant": "m1", "site": "s0"}}, 0, ["selector: matches no terminal"]),
        ({"selector": {"site": []}}, 0, ["selector.site: is empty"]),
        ({}, 6, ["selector: matches all 6 terminals; narrow it, or say everything: true, or --everything"]),
        ({"selector": {"provider": ["PRO0", "PRO1"]}}, 6, ["selector: matches all 6 terminals"]),
        ({"everything": True}, 6, []),
        ({"host": "ACQ"}, 0, []),
        ({"host": "PRO0"}, 3, []),
        ({"host": "NOBODY"}, 0, ['host: "NOBODY" is no host, provider or carrier']),
        ({"host": "ACQ", "selector": {"provider": "PRO0", "terminal": "t1"}}, 0, ["selector: matches no terminal"]),
    ],
)
def test_whom_it_touches(fields: dict[str, Any], terminals: int, problems: list[str]) -> None:
    found = touched(**fields)
    assert (found.terminals, found.fleet) == (terminals, 6)
    told = scope_problems(schedule(**fields), found)
    assert len(told) == len(problems)
    assert all(one.startswith(begin) for one, begin in zip(told, problems, strict=True)), told


def test_the_merchants_of_a_narrow_selector_are_known() -> None:
    assert touched(selector={"site": "s0"}).merchants == frozenset({"m0"})
    assert touched(selector={"provider": "PRO0"}).merchants is None
