"""Errors in the language of whoever reads them: every sentence that fleetmon raises for people has its Chinese."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

import fleetmon
from fleetmon.locale import reworded
from fleetmon.model.schedule import Schedule
from fleetmon.planning.checks import scope_problems, text_problems, time_problems
from fleetmon.planning.reach import Reach

NOW = 1_795_500_000_000
HOME = Path(fleetmon.__file__).parent
RAISED = {
    "ConflictError", "ForbiddenError", "NotFoundException", "ValidationException", "ClientException",
    "PermissionDeniedException", "NotAuthorizedException", "HTTPException", "ValueError", "BadParameter",
}  # fmt: skip
OTHERS = {
    "date: x1",
    "x1: x1",
    "is too long",
    "--select: x1",
    "--zone x1: is no IANA time zonex1",
}  # made of another sentence; told in other words
WHERE = [
    *(HOME / "web").rglob("*.py"), *(HOME / "readout").rglob("*.py"), HOME / "engine/acknowledgements.py",
    HOME / "planning/versions.py", HOME / "planning/checks.py", HOME / "planning/rules.py",
    *(HOME / "planning/ical").glob("*.py"), *(HOME / "desk").glob("*.py"), *(HOME / "commands").glob("*.py"),
]  # fmt: skip
CHINESE = re.compile(r"[\u4e00-\u9fff]")


def raised(path: Path) -> Iterator[str]:
    """The sentences that are raised there, with a word for whatever is filled in."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and called(node) in RAISED and node.args:
            yield from said(node.args[0])
        if path.parent.name == "ical" and isinstance(node, ast.Call) and called(node) == "ConfigError":
            assert isinstance(node.args[0], ast.List)
            yield from (sentence for one in node.args[0].elts for sentence in said(one))
        if isinstance(node, ast.Yield) and path.parent.name == "planning" and isinstance(node.value, ast.JoinedStr):
            yield from said(node.value)


def called(node: ast.Call) -> str:
    return str(getattr(node.func, "id", getattr(node.func, "attr", "")))


def said(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.JoinedStr):
        yield "".join(str(part.value) if isinstance(part, ast.Constant) else "x1" for part in node.values)
    elif isinstance(node, ast.IfExp):
        yield from (*said(node.body), *said(node.orelse))


def test_what_is_raised_for_people_is_known_in_chinese() -> None:
    found = [sentence for path in WHERE for sentence in raised(path) if " " in sentence and sentence not in OTHERS]
    assert len(found) > 40
    assert [one for one in found if not CHINESE.search(reworded(one, "zh"))] == []
    assert all(reworded(one, "en") == one for one in found)


SCHEDULES = (
    Schedule("2026-11-24T01:00:00", ends="2026-11-24T01:00:00", owner="x"),
    Schedule("2026-11-24T01:00:00", owner="4111111111111111", zone="Asia/Shangai"),
    Schedule("2026-02-30T01:00:00", ends="2150-01-01T00:00:00", duration_s=60, zone="nowhere at all", owner="x"),
    Schedule("2020-11-24T01:00:00", ends="2020-11-24T02:00:00"),
    *(
        Schedule("2026-11-24T01:00:00", ends="2026-11-24T02:00:00", rrule=rule, owner="x")
        for rule in (
            "FREQ=SECONDLY", "FREQ=WEEKLYISH", "BYDAY=MO", "FREQ=DAILY;COUNT=2;UNTIL=20270101", "FREQ=DAILY;X=1",
            "FREQ=DAILY;FREQ=DAILY", "FREQ=WEEKLY;BYDAY=XX", "FREQ=DAILY;BYHOUR=25", "FREQ=MONTHLY;BYMONTHDAY=40",
            "FREQ=WEEKLY;BYDAY=1MO", "FREQ=DAILY;COUNT=1,2", "FREQ=HOURLY;BYSETPOS=1", "FREQ=HOURLY;BYMINUTE=1,2,3",
            "FREQ=DAILY;UNTIL=soon", "FREQ=DAILY;UNTIL=20260230", "FREQ=DAILY;UNTIL=20200101",
            "FREQ=WEEKLY;BYDAY=WE", "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
        )
    ),
)  # fmt: skip
REACHES = (
    Reach(0, 10, unknown={"site": (["nodle-shop"], ["noodle-shop"]), "region": (["x"], [])}),
    Reach(0, 10, host_known=False),
    Reach(10, 10),
    Reach(0, 10),
)


@pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda one: one.rrule or one.starts)
def test_whatever_is_wrong_with_a_schedule_is_known_in_chinese_behind_its_field(schedule: Schedule) -> None:
    found = [*time_problems(schedule, NOW), *text_problems(schedule)]
    assert found
    for problem in found:
        told = reworded(problem, "zh")
        assert CHINESE.search(told), problem
        assert told.split(": ")[0] == problem.split(": ")[0]


def test_whom_a_schedule_misses_is_known_in_chinese() -> None:
    schedule = Schedule(
        "2026-11-24T01:00:00", ends="2026-11-24T02:00:00", owner="x", selector={"site": "", "region": []}
    )
    everybody = replace(schedule, selector={"carrier": "CMCC"})
    found = [
        problem
        for reach in REACHES
        for one in (schedule, everybody, replace(schedule, host="H"))
        for problem in scope_problems(one, reach)
    ]
    assert len(set(found)) >= 6
    assert [one for one in found if not CHINESE.search(reworded(one, "zh"))] == []
    assert reworded('selector.site: no terminal has "nodle-shop"; did you mean noodle-shop?', "zh") == (
        "selector.site: 没有终端的取值是“nodle-shop”；是否指 noodle-shop？"
    )


def test_things_and_states_have_their_own_words() -> None:
    assert reworded("There is no such incident.", "zh") == "没有查到该故障。"
    assert reworded("Window w-1 is cancelled; only what is proposed can be approved.", "zh") == (
        "维护窗口 w-1 的状态为“已取消”；只有待批准的才能批准。"
    )


@pytest.mark.parametrize(
    "problem", ["", "nothing that anybody knows", "field: nothing", "已经是中文。", "{0}: {name}", "a: "]
)
def test_what_nobody_knows_stays_as_it_is(problem: str) -> None:
    assert reworded(problem, "zh") == problem


def test_a_sentence_that_somebody_made_long_is_not_searched_for_words() -> None:
    known = "Window w-1 is cancelled already."
    assert reworded(known, "zh") != known
    named, searched, deep = (
        f"Window {'w' * 1_000} is cancelled already.",
        "q is not in a.." * 4_000,
        "a: " * 20_000 + "b",
    )
    for long in (named, searched, deep):
        assert reworded(long, "zh") == long
    assert reworded("a: " * 300 + "b", "zh").endswith("a: b"), "nor is there a depth that it cannot take"


@given(st.text() | st.from_regex(r"(\w+: )?(Window|Incident|line|Expected|\"x\" is) [^x]{0,40}"))
def test_whatever_is_said_has_an_answer(problem: str) -> None:
    assert bool(reworded(problem, "zh")) is bool(problem)
    assert reworded(problem, "en") == problem


def test_a_sentence_with_braces_in_it_does_no_harm() -> None:
    assert reworded("Incident {x} is not firing; only what is can be acknowledged.", "zh").startswith("故障 {x} 不在")
