"""Outages of a part: some cells of a carrier, one of two data centres. And what looks like one and is none."""

import random

import pytest

from .test_localised import city, having
from .world import HOUR, MINUTE, World, second


@pytest.mark.parametrize(
    ("wanted", "page"),
    [
        ({"carrier": "CMCC", "region": "w"}, "carrier_outage CMCC w"),
        ({"carrier": "CUCC"}, "carrier_outage CUCC"),
        ({"model": "V5"}, "model_fault V5"),
    ],
)
@pytest.mark.parametrize("share", [0.4, 0.5])
def test_two_in_five_that_fall_silent_at_one_moment_are_one_page(
    wanted: dict[str, str], page: str, share: float
) -> None:
    world = city(shops=120)
    members = having(world, **wanted)
    cut = random.Random(3).sample(members, round(len(members) * share))
    world.stop(*cut)
    world.run(HOUR)
    assert world.pages == [page]
    outage = next(one for one in world.engine.incidents if one.paged_at)
    assert outage.terminals == len(cut)
    assert second(outage.paged_at) - 10 * MINUTE <= 2 * 60 + 40
    world.start()
    world.run(15 * MINUTE)
    assert world.pages == [page]
    assert not world.engine.incidents


def lossy(world: World, members: list[str], share: float, minutes: int) -> None:
    """Each beat of these is lost with this chance; they count on."""
    chance = random.Random(8)
    for _ in range(minutes):
        lost = [key for key in members if chance.random() < share]
        world.stop(*lost)
        world.run(60)
        world.start(*lost)
        for key in lost:
            world.lives[key].seq += 1


def test_a_carrier_that_loses_a_third_for_a_while_is_not_down() -> None:
    world = city(shops=120)
    lossy(world, having(world, carrier="CMCC"), 0.35, 20)
    assert world.pages == []


def test_a_carrier_that_is_away_for_half_a_minute_is_not_down() -> None:
    """Half of its terminals miss one beat, and none a second."""
    world = city(shops=120)
    cut = having(world, carrier="CMCC")
    world.stop(*cut)
    world.run(30)
    world.start(*cut)
    world.run(HOUR)
    assert world.pages == []


def rolled_out(world: World, keys: list[str], *, over_s: int, pause_s: int) -> None:
    """Each falls silent for as long as its update takes, and comes back with it; they beat for an hour before."""
    for key in keys:
        world.birth(key, firmware="7.1", model="P2000")
    world.run(HOUR)
    step = over_s / len(keys)
    for number in range(len(keys) + round(pause_s / step)):
        if number < len(keys):
            world.stop(keys[number])
        if (back := number - round(pause_s / step)) >= 0:
            world.birth(keys[back], boot=2, firmware="7.2", model="P2000")
            world.start(keys[back])
        world.run(step)
    world.run(HOUR)


@pytest.mark.parametrize("pause_s", [100, 200])
def test_the_last_that_are_updated_are_no_fault_of_the_old_firmware(pause_s: int) -> None:
    """In the end all who still have it are silent, because they get the new one as everybody did."""
    world = city(shops=120)
    keys = having(world, model="P2000")
    random.Random(2).shuffle(keys)
    rolled_out(world, keys, over_s=20 * MINUTE, pause_s=pause_s)
    assert world.pages == []


def test_who_is_not_back_with_the_others_is_no_outage_of_a_part() -> None:
    """An outage that ends in pieces is one page, whatever those share who come last."""
    world = city(shops=120)
    cut = having(world, carrier="CMCC")
    world.stop(*cut)
    world.run(20 * MINUTE)
    last = random.Random(4).sample([key for key in cut if key in having(world, acquirer="ACQ1")], 26)
    world.start(*(key for key in cut if key not in last))
    world.run(HOUR)
    assert world.pages == ["carrier_outage CMCC"]
    assert {f"terminal_offline {key} firing" for key in last} <= set(world.words)
