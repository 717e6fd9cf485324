"""Terminal capture: a day that was not closed is a ticket half an hour after its cut-off, until it is closed."""

import pytest

from fleetmon.model.incident import Status

from .market import DUE, Market, merchants
from .world import HOUR, MINUTE

CUTOFF = 11 * HOUR  # 23:00, counted from noon
LATE = CUTOFF + 30 * MINUTE


def market(capture: str = "terminal", count: int = 1) -> Market:
    world = Market(merchants(count, capture=capture))
    world.run(HOUR)
    return world


def tickets(world: Market) -> list[tuple[str, str, float]]:
    return [
        (what.removeprefix("batch_not_closed "), status, at)
        for what, status, at in world.story
        if what.startswith("batch_not_closed")
    ]


def test_who_forgets_to_close_is_told_until_it_is_done() -> None:
    world = market(count=2)
    world.sell("t1")
    world.sell("t2")
    world.until(CUTOFF - HOUR)
    world.close("t2")
    world.until(LATE - 1)
    assert tickets(world) == []
    world.until(LATE + 1)
    assert tickets(world) == [("t1", "firing", LATE)]
    assert world.last("batch_not_closed").evidence == ("t1",)
    assert world.pages == []
    world.until(LATE + 20 * MINUTE)
    world.close("t1")
    assert tickets(world) == [("t1", "firing", LATE), ("t1", "resolved", LATE + 20 * MINUTE)]
    world.until(DUE - HOUR)
    assert len(tickets(world)) == 2


def test_closing_too_late_is_no_reason_to_be_told_twice_and_the_next_day_is_another() -> None:
    world = market()
    world.sell("t1", "a")
    world.until(LATE + HOUR)
    world.close("t1")
    world.run(9 * HOUR)
    world.sell("t1", "b")
    world.until(CUTOFF + 24 * HOUR + HOUR)
    assert [status for _, status, _ in tickets(world)] == ["firing", "resolved", "firing"]


def test_money_that_is_late_meanwhile_closes_no_batch() -> None:
    world = market()
    world.sell("t1")
    world.until(DUE + 3 * HOUR)
    assert "settlement_overdue" in " ".join(world.words)
    assert [status for _, status, _ in tickets(world)] == ["firing"]
    world.close("t1")
    assert [status for _, status, _ in tickets(world)] == ["firing", "resolved"]


@pytest.mark.parametrize("what", ["host capture", "nothing sold", "voided"])
def test_nobody_waits_for_a_closing_without_sales_in_the_terminal(what: str) -> None:
    world = market("host" if what == "host capture" else "terminal")
    if what != "nothing sold":
        world.sell("t1")
    if what == "voided":
        world.sell("t1", "v", kind="void", original="s")
    world.until(LATE + HOUR)
    assert tickets(world) == []


def test_who_is_down_is_asked_again_when_it_is_back() -> None:
    world = market()
    world.sell("t1")
    world.until(CUTOFF - 5 * HOUR)
    world.stop("t1")
    world.until(LATE + 3 * HOUR)
    assert world.words == ["terminal_offline t1 firing"]
    world.start("t1")
    world.run(3 * HOUR)
    assert [status for _, status, _ in tickets(world)] == ["firing"]


def test_a_restart_keeps_it_and_closes_it_when_that_was_told_meanwhile() -> None:
    world = market()
    world.sell("t1")
    told = [*world.outcome.facts]
    world.until(LATE + HOUR)
    records = world.records()
    world.restart(records)
    world.link_up()
    world.engine.recall(told)
    world.engine.recalled(0)
    world.run(2 * HOUR)
    assert [status for _, status, _ in tickets(world)] == ["firing"]
    world.close("t1")
    assert [status for _, status, _ in tickets(world)] == ["firing", "resolved"]
    assert world.last("batch_not_closed").status is Status.RESOLVED
