"""Planned work that ends early, late, twice or never, and who does not come back from it (docs/adr/016)."""

import random
from collections.abc import Callable
from itertools import permutations

import pytest
from msgspec.structs import replace

from .telling import told
from .test_windows import announce, mark, of, paged, plan, tamper, until, window, world
from .world import MINUTE, World

HOURS = ("Mo-Su 09:00-13:00",)


# -- other times -----------------------------------------------------------------------------------


def test_an_early_end_ends_the_suppression() -> None:
    made = world()
    plan(made, window(20, 60))
    until(made, 25)
    tamper(made, "shop0-1")
    until(made, 40)
    plan(made, window(20, 40))
    until(made, 100)
    assert paged(made) == [("tamper", 45.0)]


def test_more_time_prolongs_the_suppression() -> None:
    made = world()
    plan(made, window(20, 60))
    until(made, 25)
    tamper(made, "shop0-1")
    until(made, 63)
    plan(made, window(20, 90))
    until(made, 120)
    assert paged(made) == [("tamper", 95.0)]


@pytest.mark.parametrize("second_", [(40, 80), (60, 80), (63, 80)])
def test_windows_that_overlap_or_follow_within_the_settle_time_are_one(second_: tuple[int, int]) -> None:
    made = world()
    plan(made, window(20, 60), window(*second_, name="x", owner="day shift", selector={"site": "shop0"}))
    until(made, 25)
    tamper(made, "shop0-1")
    tamper(made, "shop1-1")
    until(made, 100)
    assert sorted(paged(made), key=lambda one: one[1]) == [("tamper", 65.0), ("tamper", 85.0)]


def test_a_cancelled_window_explains_nothing_any_longer() -> None:
    made = world()
    announce(made, "scheduled", 20, 60)
    until(made, 25)
    tamper(made, "shop0-1")
    until(made, 30)
    announce(made, "cancelled", 20, 60)
    until(made, 31)
    tamper(made, "shop1-1")
    until(made, 50)
    assert paged(made) == [("tamper", 31.0), ("tamper", 35.0)]


def test_flexible_work_begins_with_the_first_fault() -> None:
    made = world()
    plan(made, window(20, 200, flexible_ms=30 * 60_000))
    assert dict(made.engine.windows) == {"scheduled": 1}
    until(made, 100)
    tamper(made, "shop0-1")
    assert dict(made.engine.windows) == {"active": 1}
    until(made, 129)
    tamper(made, "shop1-1")
    until(made, 131)
    tamper(made, "shop2-1")
    until(made, 200)
    assert paged(made) == [("tamper", 131.0), ("tamper", 135.0), ("tamper", 135.0)]


def test_a_technicians_mark_begins_flexible_work() -> None:
    made = world()
    plan(made, window(20, 200, flexible_ms=30 * 60_000))
    until(made, 100)
    mark(made, "shop0-1", "begin", 110)
    until(made, 120)
    tamper(made, "shop1-1")
    assert paged(made) == []


# -- notices and marks -----------------------------------------------------------------------------


def test_a_notice_covers_every_terminal_of_its_provider() -> None:
    made = world()
    announce(made, "scheduled", 20, 60)
    until(made, 25)
    made.stop()
    until(made, 50)
    assert paged(made) == []
    assert made.last("carrier_outage").suppressed_by == "window:notice:PRO:n1"
    assert made.engine.covered.counts.total() == 8


def test_the_words_of_a_notice_may_come_in_any_order_and_twice() -> None:
    """The change to an hour's end is the last word, whichever arrives last."""
    first = world()
    words = [announce(first, "scheduled", 20, 40)]
    first.run(1)
    words.append(announce(first, "changed", 20, 60))
    first.run(1)
    words.append(announce(first, "started", 20, 60))
    for order in permutations(words):
        made = world()
        for message in (*order, *order):
            made.again(message)
        until(made, 45)
        tamper(made, "shop0-1")
        until(made, 100)
        assert paged(made) == [("tamper", 65.0)]


def test_a_mark_covers_its_terminal_until_the_end_that_it_tells_or_that_is_told() -> None:
    for end, page in ((None, 65.0), (40, 45.0)):
        made = world()
        until(made, 20)
        mark(made, "shop0-1", "begin", 60)
        until(made, 25)
        tamper(made, "shop0-1")
        tamper(made, "shop1-1")
        if end:
            until(made, end)
            mark(made, "shop0-1", "end")
        until(made, 100)
        assert paged(made) == [("tamper", 25.0), ("tamper", page)]


def test_a_mark_without_an_end_covers_four_hours_and_nobody_is_overdue() -> None:
    made = world()
    until(made, 20)
    mark(made, "shop0-1", "begin")
    tamper(made, "shop0-1")
    made.stop("shop0-1")
    until(made, 24 * 60)
    assert paged(made) == [("tamper", 265.0)]


def test_who_goes_offline_for_maintenance_is_covered_until_it_is_back() -> None:
    made = world()
    made.farewell("shop0-1", "maintenance")
    made.stop("shop0-1")
    assert made.engine.covered.counts.total() == 1
    made.run(10 * MINUTE)
    made.birth("shop0-1")
    assert made.engine.covered.counts.total() == 0


# -- who does not come back ------------------------------------------------------------------------


def down(made: World) -> None:
    """Down before, down through the work, and one of them not back after it."""
    made.stop("shop3-2")
    until(made, 19)
    made.stop("shop0-1", "shop1-1")
    until(made, 50)
    made.start("shop1-1")


def test_who_worked_before_and_is_not_back_is_missed_at_end_and_grace() -> None:
    made = world()
    plan(made, window(20, 60))
    down(made)
    until(made, 90)
    assert paged(made) == [("maintenance_overdue", 75.0)]
    incident = made.last("maintenance_overdue")
    assert (incident.evidence, incident.scope) == (("shop0-1",), (("provider", "PRO"),))
    made.start("shop0-1")
    until(made, 95)
    assert made.last("maintenance_overdue").status == "resolved"
    assert made.transitions[-1].calls


def test_nobody_is_missed_while_other_planned_work_goes_on() -> None:
    made = world()
    plan(made, window(20, 60), window(50, 120, name="x", selector={"site": "shop0"}))
    down(made)
    until(made, 200)
    assert paged(made) == [("maintenance_overdue", 135.0)]


def test_the_next_time_of_recurring_work_is_no_more_time_for_the_last() -> None:
    made = world()
    twice = replace(window(20, 60), occurrences=(*window(20, 60).occurrences, *window(100, 160).occurrences))
    plan(made, twice)
    down(made)
    until(made, 110)
    assert paged(made) == [("maintenance_overdue", 75.0)]
    plan(made, replace(twice, occurrences=(*twice.occurrences, *window(300, 360).occurrences)))  # as time rolls on
    until(made, 120)
    assert paged(made) == [("maintenance_overdue", 75.0)], "it is not back from the first, and that is no news"
    assert made.last("maintenance_overdue").status == "firing"
    made.start("shop0-1")
    until(made, 125)
    assert made.last("maintenance_overdue").status == "resolved"


def test_more_time_for_work_that_ran_over_ends_the_incident_until_then() -> None:
    made = world()
    plan(made, window(20, 60))
    down(made)
    until(made, 80)
    plan(made, window(20, 120))
    assert made.last("maintenance_overdue").status == "resolved"
    until(made, 200)
    assert paged(made) == [("maintenance_overdue", 75.0), ("maintenance_overdue", 135.0)]


def test_who_is_not_back_before_closing_is_missed_at_the_next_opening() -> None:
    made = world(HOURS)
    plan(made, window(20, 55))
    down(made)
    until(made, 59)
    for key in made.lives:
        made.farewell(key, "shutdown")
    made.stop()
    until(made, 21 * 60)
    assert paged(made) == []
    made.start(*[key for key in made.lives if key != "shop0-1"])
    until(made, 22 * 60)
    assert paged(made) == []  # it was switched off like the others, so its silence is its own


def test_a_technician_who_does_not_come_back_in_time_is_missed() -> None:
    made = world()
    mark(made, "shop0-1", "begin", 40)
    made.farewell("shop0-1", "maintenance")
    made.stop("shop0-1")
    until(made, 60)
    assert paged(made) == [("maintenance_overdue", 55.0)]
    assert made.last("maintenance_overdue").scope == (("terminal", "shop0-1"),)


# -- restarts and portions -------------------------------------------------------------------------


def test_what_planned_work_explains_pages_in_time_after_a_restart() -> None:
    made = world()
    plan(made, window(20, 60))
    until(made, 25)
    tamper(made, "shop0-1")
    made.stop("shop0-2")
    until(made, 40)
    made.restart(made.records())
    plan(made, window(20, 60))
    made.link_up()
    until(made, 100)
    assert paged(made) == [("tamper", 65.0), ("maintenance_overdue", 75.0)]


def test_who_is_missed_is_waited_for_over_a_restart() -> None:
    made = world()
    plan(made, window(20, 60))
    down(made)
    until(made, 80)
    made.restart(made.records())
    made.link_up()
    until(made, 85)
    assert [one.kind for one in made.engine.incidents if one.pages] == ["maintenance_overdue"]
    made.start("shop0-1")
    until(made, 90)
    assert not [one for one in made.engine.incidents if one.pages]


def test_days_and_a_restart_later_it_is_known_from_which_work_somebody_is_missing() -> None:
    made = world()
    plan(made, window(20, 60))
    down(made)
    until(made, 50 * 60)
    made.restart(made.records())
    plan(made, window(20, 60))
    made.link_up()
    until(made, 50 * 60 + 10)
    assert made.engine.correlator.works.overdue.windows == 1
    plan(made, window(20, 51 * 60))
    assert made.last("maintenance_overdue").status == "resolved"


@pytest.mark.parametrize("seed", range(6))
def test_portions_and_ticks_change_nothing(seed: int) -> None:
    made = world()
    windows = [window(20, 60), window(55, 70, name="x", selector={"site": ["shop0", "shop5"]})]
    made = World(made.registry)
    plan(made, *windows)
    made.start()
    announce(made, "scheduled", 30, 50)
    until(made, 25)
    mark(made, "shop4-1", "begin", 90)
    tamper(made, "shop4-1")
    tamper(made, "shop0-1")
    made.stop()
    until(made, 40)
    announce(made, "cancelled", 30, 50)
    until(made, 80)
    made.start(*[key for key in made.lives if key not in of(made, "shop5")])
    until(made, 150)
    chance = random.Random(seed)
    portions: Callable[[], int] = lambda: chance.choice((1, 2, 30, 300))  # noqa: E731
    ticks: Callable[[], int] = lambda: chance.choice((0, 0, 100, 7777))  # noqa: E731
    again = told(
        made.registry,
        made.script,
        made.now,
        batch=portions,
        ticks=ticks,
        most=chance.choice((None, 1, 7)),
        windows=windows,
    )
    assert again == made.transitions
    assert paged(made)
