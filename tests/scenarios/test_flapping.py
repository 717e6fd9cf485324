"""What comes and goes again and again is told once."""

from .test_outages import of, town
from .world import HOUR, MINUTE, World, second

CUT = "carrier_outage CMCC north"


def cycle(world: World, keys: list[str], times: int, down_s: int, up_s: int) -> None:
    for _ in range(times):
        world.stop(*keys)
        world.run(down_s)
        world.start(*keys)
        world.run(up_s)


def test_a_terminal_that_comes_and_goes_is_flapping_and_not_a_dozen_outages() -> None:
    world = town()
    cycle(world, ["north0-1"], 12, 6 * MINUTE, 2 * MINUTE)
    assert world.words.count("flapping north0-1 firing") == 1
    assert world.words.count("terminal_offline north0-1 firing") == 2
    world.run(2 * HOUR)
    assert world.words[-1] == "flapping north0-1 resolved"
    assert not world.engine.incidents
    assert world.pages == []


def test_when_it_no_longer_flaps_and_is_down_that_is_told_once() -> None:
    world = town()
    cycle(world, ["north0-1"], 4, 6 * MINUTE, 2 * MINUTE)
    world.stop("north0-1")
    known = len(world.words)
    world.run(3 * HOUR)
    assert world.words[known:] == ["flapping north0-1 resolved", "terminal_offline north0-1 firing"]


def test_two_outages_in_an_hour_are_two_outages() -> None:
    world = town()
    cycle(world, ["north0-1"], 2, 10 * MINUTE, 20 * MINUTE)
    assert world.words == ["terminal_offline north0-1 firing", "terminal_offline north0-1 resolved"] * 2


def test_a_carrier_that_comes_and_goes_pages_twice_and_then_is_flapping() -> None:
    world = town()
    cut = of(world, "CMCC", "north")
    cycle(world, cut, 12, 5 * MINUTE, 4 * MINUTE)
    assert world.pages == [CUT, CUT]
    assert {word.rsplit(" ", 1)[0] for word in world.words} == {CUT, "flapping CMCC north"}
    assert world.words.count("flapping CMCC north firing") == 1
    world.run(3 * HOUR)
    assert world.words[-1] == "flapping CMCC north resolved"
    assert not world.engine.incidents
    assert not world.engine.correlator.outages._open


def test_a_group_that_no_longer_flaps_and_is_down_is_an_outage_again() -> None:
    world = town()
    cut = of(world, "CMCC", "north")
    cycle(world, cut, 6, 5 * MINUTE, 4 * MINUTE)
    world.stop(*cut)
    known = len(world.words)
    world.run(3 * HOUR)
    assert world.words[known:] == ["flapping CMCC north resolved", f"{CUT} firing"]
    assert world.pages[-1] == CUT


def test_flapping_survives_a_restart_and_ends_when_it_is_calm() -> None:
    world = town()
    cycle(world, ["north0-1"], 4, 6 * MINUTE, 2 * MINUTE)
    assert [one.kind for one in world.engine.incidents] == ["flapping"]
    world.restart(world.records())
    world.link_up()
    world.run(3 * HOUR)
    assert world.words[-1] == "flapping north0-1 resolved"
    assert not world.engine.incidents


def test_a_shop_that_flaps_explains_its_terminals() -> None:
    world = town()
    shop = [key for key in world.lives if key.startswith("north0")]
    cycle(world, shop, 8, 5 * MINUTE, 4 * MINUTE)
    assert {word.split()[0] for word in world.words} == {"site_outage", "flapping"}
    assert world.words.count("flapping north0.north firing") == 1
    assert second(world.last("flapping").opened_at) > 10 * MINUTE
