"""What is learned of when a shop is off, and who is missed at its opening."""

from .world import ALONE, DAY, HOUR, MINUTE, World, corner, second, shops, suspicions


def days(world: World, count: int, *, opens: int = 21 * HOUR, jitter: int = 600) -> None:
    """So many days until the next noon: off some ten hours after noon, on again at nine, each a little different."""
    for number in range(count):
        early = number * 257 % jitter
        world.run(10 * HOUR - early)
        world.stop()
        world.run(opens - 10 * HOUR + early - number * 101 % jitter)
        world.start()
        world.run(DAY - opens + number * 101 % jitter)


def test_who_is_off_every_night_is_missed_for_some_nights_and_then_sleeps() -> None:
    world = World(ALONE)
    world.start()
    days(world, 3)
    assert world.words == ["terminal_offline corner-1 firing", "terminal_offline corner-1 resolved"] * 3
    days(world, 20)
    assert suspicions(world) == 3
    world.run(10 * HOUR)
    world.stop()
    world.run(HOUR)
    assert world.liveness("corner-1") == "asleep"


def test_an_opening_that_is_missed_by_habit_is_an_incident_soon_after_it() -> None:
    world = World(ALONE)
    world.start()
    days(world, 10)
    world.run(10 * HOUR)
    world.stop()
    began = world.now
    world.run(11 * HOUR + 15 * MINUTE)
    assert suspicions(world) == 3
    world.run(2 * HOUR)
    assert world.words[6:] == ["terminal_offline corner-1 firing"]
    late = world.last("terminal_offline").opened_at - began - 11 * HOUR * 1000
    assert 20 * 60_000 < late < 90 * 60_000


def test_silence_at_midday_is_no_night() -> None:
    world = World(ALONE)
    world.start()
    days(world, 10)
    last = second(world.engine.fleet.terminals["corner-1"].last_seen)
    world.stop()
    world.run(HOUR)
    assert second(world.last("terminal_offline").opened_at) == last + 183


def test_the_nights_of_a_whole_shop_are_learned_although_they_look_like_an_outage() -> None:
    world = World(shops({"corner": ["CMCC", "wifi", "CUCC"]}))
    world.start()
    days(world, 4)
    known = len(world.transitions)
    assert {change.incident.kind for change in world.transitions} == {"site_outage"}
    days(world, 10)
    assert len(world.transitions) == known


def test_a_day_off_in_the_week_is_learned_from_the_first() -> None:
    world = World(ALONE)
    world.start()
    for _ in range(3):
        days(world, 3)
        world.run(10 * HOUR)
        world.stop()
        world.run(2 * DAY - 13 * HOUR)  # all of the next day
        world.start()
        world.run(3 * HOUR)
        days(world, 2)
    assert suspicions(world) == 3 + 1


def test_nights_are_not_learned_where_hours_are_declared() -> None:
    world = World(shops({"corner": ["CMCC"]}, hours=("Mo-Su 00:00-24:00",)))
    world.start()
    days(world, 6)
    assert suspicions(world) == 6


def test_who_always_comes_late_is_missed_later_than_declared() -> None:
    hours = ("Mo-Su 08:00-22:00",)  # comes at nine
    world = World(shops({"corner": ["CMCC"]}, hours=hours))
    world.start()
    days(world, 6)
    known = suspicions(world)
    days(world, 6)
    assert suspicions(world) == known
    world.run(10 * HOUR)
    world.stop()
    world.run(12 * HOUR)
    assert suspicions(world) == known + 1


def test_a_day_that_passed_while_we_were_deaf_is_not_missed_in_the_night_after_it() -> None:
    world = corner(shops({"corner": ["CMCC"]}, hours=("Mo-Su 09:00-22:00",)))
    world.run(10 * HOUR)
    world.stop()
    world.run(HOUR)
    world.link_down()
    world.run(DAY)
    world.link_up()
    world.run(8 * HOUR)
    assert suspicions(world) == 0
    world.run(4 * HOUR)
    assert suspicions(world) == 1, "the next day is missed like any other"


def test_nights_outlive_a_restart() -> None:
    world = World(ALONE)
    world.start()
    days(world, 5)
    world.restart(world.records())
    world.run(10)
    world.link_up()
    days(world, 5)
    assert suspicions(world) == 3
