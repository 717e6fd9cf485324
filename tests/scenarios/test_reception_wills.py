"""Very many lose their connections at once, and come back when they can: no terminal's fault, and no outage."""

import random

import pytest

from fleetmon.engine import Engine

from .test_reception import OURS, downs, town
from .world import HOUR, MINUTE, NOON


@pytest.mark.parametrize("back_s", [20, 60, 180, 600])
@pytest.mark.parametrize("link", [False, True])
def test_a_storm_of_wills_is_no_terminals_fault(back_s: int, link: bool) -> None:
    """The broker, or what is before it, restarts: all connections are lost at once, and come back when they can."""
    world = town()
    world.stop()
    if link:
        world.link_down()
        world.run(5)
        world.link_up()
    for key in world.lives:
        world.farewell(key, "lost")
    chance = random.Random(back_s)
    for at, key in sorted((chance.uniform(0, back_s), key) for key in world.lives):
        world.run(max(0.0, (NOON - world.now) / 1000 + 600 + 5 * link + at))
        world.birth(key)
        world.start(key)
    world.run(HOUR)
    assert world.words in ([], [f"{OURS} firing", f"{OURS} resolved"])
    assert downs(world) == []
    assert len(world.pages) <= 1


@pytest.mark.parametrize("spread_s", [30, 45])
def test_wills_of_very_many_shorten_no_wait(spread_s: int) -> None:
    """Connections are lost one after the other for most of a minute, and are there again soon after."""
    world = town()
    begin, chance = world.now, random.Random(spread_s)
    lost = {key: chance.uniform(0, spread_s) for key in world.lives}
    back = {key: at + chance.uniform(0.5, 100) for key, at in lost.items()}
    told = [(at, key, False) for key, at in lost.items()] + [(at, key, True) for key, at in back.items()]
    for at, key, comes in sorted(told):
        world.run((begin - world.now) / 1000 + at)
        if comes:
            world.birth(key)
            world.start(key)
        else:
            world.farewell(key, "lost")
            world.stop(key)
    world.run(HOUR)
    assert downs(world) == []
    assert [word for word in world.words if not word.startswith(OURS)] == []


def test_wills_of_one_moment_are_the_same_in_whatever_portions_they_are_read() -> None:
    """One read brings them all to the daemon; a recording has a line for each."""
    world = town()
    before = len(world.script)
    for key in world.lives:
        world.beat(key)
        world.farewell(key, "lost")
    engine = Engine(world.registry)
    engine.link_up(NOON)
    for step in world.script[1:before]:
        engine.observe([step.message] if step.message is not None else [])
    engine.observe([step.message for step in world.script[before:] if step.message is not None])
    lives, others = world.engine.fleet.terminals.values(), engine.fleet.terminals.values()
    assert [one.liveness for one in others] == [one.liveness for one in lives]
    assert engine.shard.heard_since == world.engine.shard.heard_since == world.now


@pytest.mark.parametrize("fast", [30, 60])
@pytest.mark.parametrize("back_s", [240, 300])
def test_who_beats_fast_is_waited_for_as_long_as_others_reconnect(fast: int, back_s: int) -> None:
    """Of a fleet that beats every five minutes some beat faster: the others tell that connecting takes its time."""
    world = town(interval_s=300, fast=fast)
    world.link_down()
    world.stop()
    world.run(120)
    world.link_up()
    begin, chance = world.now, random.Random(back_s)
    for at, key in sorted((chance.uniform(0, back_s), key) for key in world.lives):
        world.run((begin - world.now) / 1000 + at)
        world.birth(key)
        world.start(key)
    world.run(HOUR)
    assert world.words == [f"{OURS} firing", f"{OURS} resolved"]
    assert downs(world) == []


def test_who_beats_fast_is_not_waited_for_because_others_beat_slowly() -> None:
    """Connections that stand tell of themselves at their next beat; nobody is late who has none yet."""
    world = town(interval_s=300, fast=30)
    world.link_down()
    world.run(20)
    world.stop("n1-CMCC")
    world.link_up()
    begin = world.now
    world.run(10 * MINUTE)
    assert [(one.terminal, one.at - begin < 120_000) for one in world.changes if one.after == "down"] == [
        ("n1-CMCC", True)
    ]
