"""What visits brought, by marks, plans and what was repaired, in virtual time."""

import asyncio

import pytest

from fleetmon.model.window import Occurrence, Window, window_id

from .planner import Planner
from .world import DAY, HOUR, MINUTE


def planned(planner: Planner) -> None:
    """A visit to the cafe, whose terminal is broken, has just begun."""
    planner.break_reader("cafe-1")
    planner.plan(planner.visits()[0])
    start = planner.visits()[0].planned
    assert start is not None
    assert start.span is not None
    planner.world.run((start.span.start - planner.world.now) / 1000 + MINUTE)


def test_a_visit_that_repairs_is_fixed_with_who_was_there_and_when_it_was_over() -> None:
    planner = Planner()
    planned(planner)
    planner.mark("cafe-1", "begin")
    assert planner.outcomes()[0].outcome == "in_progress"
    planner.world.run(10 * MINUTE)
    planner.break_reader("cafe-1", "clear")
    planner.world.run(5 * MINUTE)
    planner.mark("cafe-1", "end")
    planner.world.run(HOUR)
    (found,) = planner.outcomes()
    assert (found.site, found.outcome, found.missing) == ("cafe", "fixed", False)
    (row,) = found.terminals
    assert (row.outcome, row.by) == ("fixed", "Li")
    assert row.begun_at is not None
    assert row.ended_at == row.begun_at + 15 * 60_000
    assert [(one.kind, one.cleared_at, one.came_back) for one in row.faults] == [
        ("device_fault", row.begun_at + 10 * 60_000, False)
    ]


def test_a_visit_after_which_it_is_still_there_or_comes_back_is_not_fixed() -> None:
    planner = Planner()
    planned(planner)
    planner.mark("cafe-1", "begin")
    planner.world.run(10 * MINUTE)
    planner.mark("cafe-1", "end")
    planner.world.run(HOUR)
    assert planner.outcomes()[0].outcome == "not_fixed"
    planner.break_reader("cafe-1", "clear")
    planner.world.run(HOUR)
    assert planner.outcomes()[0].outcome == "fixed"
    planner.break_reader("cafe-1")
    (found,) = planner.outcomes()
    assert found.outcome == "not_fixed"
    assert [one.came_back for one in found.terminals[0].faults] == [True]


def test_the_time_without_payments_during_the_work_is_told() -> None:
    planner = Planner()
    planned(planner)
    planner.mark("cafe-1", "begin")
    planner.world.run(5 * MINUTE)
    planner.world.stop("cafe-1")
    planner.world.run(20 * MINUTE)
    planner.world.start("cafe-1")
    planner.world.run(5 * MINUTE)
    planner.mark("cafe-1", "end")
    (row,) = planner.outcomes()[0].terminals
    assert 19 * MINUTE <= row.lost_s <= 22 * MINUTE


def test_a_visit_to_which_nobody_came_is_not_done() -> None:
    planner = Planner()
    planned(planner)
    assert planner.outcomes()[0].outcome == "in_progress", "somebody may still come"
    planner.world.run(2 * HOUR)
    (found,) = planner.outcomes()
    assert (found.outcome, found.window is not None) == ("not_done", True)
    assert found.terminals[0].begun_at is None
    assert [one.cleared_at for one in found.terminals[0].faults] == [None]


def test_marks_without_a_plan_are_a_visit_too_and_confined_as_others() -> None:
    planner = Planner()
    planner.mark("inn-1", "begin")
    planner.world.run(HOUR)
    planner.mark("inn-1", "end")
    (found,) = planner.outcomes("B")
    assert (found.site, found.outcome, found.window) == ("inn", "fixed", None)
    assert planner.outcomes("A") == []


async def test_others_get_their_turn_while_many_visits_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fleetmon.readout.slices.STEP_S", -1)
    planner = Planner()
    keys = [key for key in planner.world.lives if key != "inn-1"]
    for key in keys:
        planner.mark(key, "begin")
    planner.world.run(HOUR)
    turns = 0
    monkeypatch.setattr("fleetmon.readout.planning.visited.Visited._view", lambda *_: turns)
    asked = asyncio.create_task(planner.port.outcomes("A", 7))
    while not asked.done():
        await asyncio.sleep(0)
        turns += 1
    seen = (await asked).visits
    assert len(seen) == len(set(map(str, seen))) == 3


def test_who_comes_as_planned_though_after_midnight_was_there() -> None:
    planner = Planner()
    planner.world.run(11 * HOUR + 30 * MINUTE)
    begin = planner.world.now  # 23:40
    plan_visit(planner, Occurrence(begin, begin + 60 * 60_000))
    planner.world.run(25 * MINUTE)
    planner.mark("cafe-1", "begin")
    planner.world.run(10 * MINUTE)
    planner.mark("cafe-1", "end")
    planner.world.run(2 * HOUR)
    assert [(one.date, one.outcome) for one in planner.outcomes()] == [("2026-09-24", "fixed")]


def test_each_time_of_a_visit_that_comes_again_has_an_outcome() -> None:
    planner = Planner()
    begin = planner.world.now
    plan_visit(planner, *[Occurrence(begin + day * 86_400_000, begin + day * 86_400_000 + 60_000) for day in (0, 1)])
    planner.world.run(DAY + HOUR)
    assert [(one.date, one.outcome) for one in planner.outcomes()] == [
        ("2026-09-25", "not_done"), ("2026-09-24", "not_done"),
    ]  # fmt: skip


def plan_visit(planner: Planner, *spans: Occurrence) -> None:
    key, whom = window_id("operator", "w"), {"terminal": "cafe-1"}
    window = Window(key, "li", "operator", spans, selector=whom, reference="visit/A/cafe/2026-09-24")  # type: ignore[arg-type]
    planner.world.take(planner.world.engine.plan([window], planner.world.now))


def test_what_else_is_planned_is_no_visit() -> None:
    planner = Planner()
    span = Occurrence(planner.world.now, planner.world.now + 60_000)
    other = Window(window_id("operator", "w"), "li", "operator", (span,), selector={"site": "cafe"}, reference="CHG-1")
    planner.world.take(planner.world.engine.plan([other], planner.world.now))
    planner.world.run(HOUR)
    assert planner.outcomes() == []
