"""Whatever befalls us and the fleet in whatever order: our faults are never called the fleet's."""

import random
from collections.abc import Callable

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from .telling import told
from .test_ourselves import restarted
from .test_reception import OURS, downs, registry, those
from .world import HOUR, MINUTE, World, name

SETTINGS = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
GRACE = 3 * 60_000 + 3_000  # three beats and a margin
OF_OURS = ("mute", "mute A", "mute B", "unmute", "link", "flap", "stall", "suspend", "restart", "storm")
OF_THEIRS = ("die", "revive", "power cut", "carrier", "one")
PAUSES = st.integers(5, 900)
STORIES = st.lists(st.tuples(st.sampled_from(OF_OURS), PAUSES), max_size=8)
MIXED = st.lists(st.tuples(st.sampled_from((*OF_OURS, *OF_THEIRS)), PAUSES), max_size=8)


def storm(world: World) -> None:
    """All connections are lost at once, and whoever is well comes back at once."""
    for key, life in world.lives.items():
        world.farewell(key, "lost")
        if life.beating:
            world.birth(key)


def deafness(world: World, seconds: float) -> None:
    world.link_down()
    world.run(seconds)
    world.link_up()


HAPPENS: dict[str, Callable[[World], object]] = {
    "mute": World.mute,
    "mute A": lambda world: world.mute(*those(world, provider="A")),
    "mute B": lambda world: world.mute(*those(world, provider="B")),
    "unmute": World.unmute,
    "link": lambda world: deafness(world, 600),
    "flap": lambda world: deafness(world, 10),
    "stall": lambda world: world.stall(3),
    "suspend": lambda world: world.stall(HOUR),
    "restart": lambda world: restarted(world, world.records(), 30, back=False),
    "storm": storm,
    "die": World.stop,
    "one": lambda world: world.stop("n1-CMCC"),
    "revive": World.start,
    "power cut": lambda world: world.stop(*those(world, region="n")),
    "carrier": lambda world: world.stop(*those(world, carrier="CMCC")),
}


def lived(story: list[tuple[str, int]]) -> tuple[World, list[int]]:
    """A fleet to which all of this happens, then all is well for long; and when we began to hear or to look again."""
    world = World(registry())
    fresh = [world.now]
    world.start()
    world.run(10 * MINUTE)
    for what, pause in story:
        HAPPENS[what](world)
        if what in {"link", "flap", "stall", "suspend", "restart"}:
            fresh.append(world.now)
        world.run(pause)
    world.unmute()
    world.start()
    world.run(2 * HOUR)
    return world, fresh


@SETTINGS
@given(STORIES)
@example([("mute A", 60), ("link", 30), ("unmute", 300), ("mute", 900)])
@example([("storm", 20), ("mute B", 400), ("restart", 900)])
def test_what_is_ours_alone_is_never_called_the_fleets(story: list[tuple[str, int]]) -> None:
    world, _ = lived(story)
    assert [word for word in world.words if not word.startswith(OURS)] == []
    assert downs(world) == []
    assert not world.engine.incidents
    assert {world.shown(key) for key in world.lives} == {"up"}


@SETTINGS
@given(MIXED)
@example([("mute A", 300), ("one", 300), ("unmute", 5), ("carrier", 900)])
@example([("die", 200), ("flap", 100), ("revive", 300), ("mute", 400), ("power cut", 60), ("unmute", 900)])
@example([("stall", 5), ("link", 5), ("carrier", 387), ("mute", 51)])  # between two deafnesses that are one incident
@example([("carrier", 5), ("flap", 5), ("storm", 300)])  # wills of everybody, which those that are gone do not answer
def test_nobody_is_called_down_before_a_deadline_passed_after_a_fresh_grace(story: list[tuple[str, int]]) -> None:
    world, fresh = lived(story)
    deaf = [(at, at) for at in fresh] + list(world.deaf.items())
    for change in world.changes:
        if change.after == "down":
            for since, until in deaf:
                assert not since < change.at < until + GRACE, (change.terminal, change.at, since, until)
    assert not world.engine.incidents
    assert {world.shown(key) for key in world.lives} == {"up"}
    assert len(world.engine.correlator._agenda._timers) == 0


@SETTINGS
@given(MIXED, st.integers(0, 2**32))
def test_portions_and_ticks_change_nothing(story: list[tuple[str, int]], seed: int) -> None:
    world, _ = lived([one for one in story if one[0] not in {"restart", "stall", "suspend"}])  # which are how we look
    chance = random.Random(seed)
    again = told(
        world.registry,
        world.script,
        world.now,
        batch=lambda: chance.choice((1, 2, 10, 300)),
        ticks=lambda: chance.choice((0, 0, 100, 7777)),
    )
    assert [(change.at, name(change.incident), change.reason) for change in again] == [
        (change.at, name(change.incident), change.reason) for change in world.transitions
    ]
    assert again == world.transitions
