"""The broker closes all connections, in a fleet whose terminals share all that could be to blame instead."""

import random

import pytest

from .world import HOUR, MINUTE, World, second, shops

PLAN = {f"shop{number}": ["CMCC"] * 3 for number in range(20)}


def city(interval_s: int = 60) -> World:
    """Sixty terminals of one carrier in one region, that beat at different seconds."""
    world = World(shops(PLAN, interval_s=interval_s))
    for key in world.lives:
        world.start(key)
        world.run(interval_s / 60)
    world.run(10 * MINUTE)
    return world


def dropped(world: World, spread: float, back: float, missing: str = "") -> None:
    """Within `spread` seconds everybody is cut off, and each but one comes back within `back` more."""
    chance = random.Random(7)
    story: list[tuple[float, str, str]] = []
    for key in world.lives:
        at = chance.uniform(0, spread)
        story += [(at, "will", key), (at + chance.uniform(1, back), "birth", key)]
    began = second(world.now)
    for at, what, key in sorted(story):
        world.run(max(began + at - second(world.now), 0))
        if what == "will":
            world.stop(key)
            world.farewell(key, "lost")
        elif key != missing:
            world.birth(key)
            world.start(key)


@pytest.mark.parametrize("interval_s", [30, 60])
@pytest.mark.parametrize(("spread", "back"), [(1, 60), (1, 120), (45, 120)])
def test_whoever_is_dropped_with_everybody_and_comes_back_is_nobodys_incident(
    spread: float, back: float, interval_s: int
) -> None:
    world = city(interval_s)
    dropped(world, spread, back)
    world.run(HOUR)
    assert [word for word in world.words if "ingest_impaired" not in word] == []
    assert len(world.pages) <= 1


def test_a_broker_that_lets_nobody_in_again_is_our_page_and_no_carriers() -> None:
    world = city()
    world.stop()
    for key in world.lives:
        world.farewell(key, "lost")
    world.run(10 * MINUTE)
    assert world.pages == ["ingest_impaired"]
    for key in world.lives:
        world.run(3)
        world.birth(key)
        world.start(key)
    world.run(HOUR)
    assert world.words == ["ingest_impaired firing", "ingest_impaired resolved"]


def test_wills_after_a_keep_alive_tell_of_a_city_without_network() -> None:
    world = city()
    world.stop()
    for key in world.lives:
        world.run(1.5)
        world.farewell(key, "lost")
    world.run(10 * MINUTE)
    assert world.pages == ["carrier_outage CMCC north"]


def test_who_does_not_come_back_with_the_others_is_told_after_five_minutes() -> None:
    world = city()
    began = second(world.now)
    dropped(world, 1, 30, missing="shop3-2")
    world.run(HOUR)
    assert world.words == ["terminal_offline shop3-2 firing"]
    incident = world.last("terminal_offline")
    assert incident.fired_at is not None
    assert began + 300 <= second(incident.fired_at) <= began + 362
    assert second(incident.opened_at) < began + 200, "it is shown as down before"


@pytest.mark.parametrize(("spread", "back"), [(1, 60), (45, 120)])
def test_dropped_twice_is_nobodys_incident_either(spread: float, back: float) -> None:
    world = city()
    dropped(world, spread, back)
    world.run(5 * MINUTE)
    dropped(world, spread, back)
    world.run(HOUR)
    assert [word for word in world.words if "ingest_impaired" not in word] == []
    assert len(world.pages) <= 1


def test_a_broker_that_drops_everybody_each_minute_hides_no_outage() -> None:
    world = city()
    world.stop("shop1-1", "shop1-2", "shop1-3")
    others = [key for key in world.lives if not key.startswith("shop1-")]
    for _ in range(30):
        for key in others:
            world.beat(key)
            world.farewell(key, "lost")
        world.run(5)
        for key in others:
            world.birth(key)
        world.run(65)
    assert world.words == ["site_outage shop1 firing"]


def quarrel(world: World, key: str, seconds: int) -> None:
    """Two clients fight for one name: each connection ends the other."""
    for _ in range(seconds // 5):
        world.run(2)
        world.farewell(key, "lost")
        world.run(3)
        world.birth(key)


def test_one_terminal_that_is_dropped_again_and_again_is_not_everybody() -> None:
    world = World(shops({f"shop{number}": ["CMCC"] * 2 for number in range(5)}))
    world.start()
    world.run(10 * MINUTE)
    world.stop("shop1-1")
    quarrel(world, "shop3-1", 25 * MINUTE)
    assert "terminal_offline shop1-1 firing" in world.words
