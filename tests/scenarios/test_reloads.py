"""The operator changes the registry while something is wrong, or while shops sleep."""

from collections.abc import Callable
from unittest.mock import patch

from msgspec.structs import replace

from fleetmon.engine.shard import Shard
from fleetmon.model.events import DeviceEvent
from fleetmon.model.registry import Site, Terminal
from fleetmon.model.terminal import NO_DEADLINE

from .test_outages import of, town
from .world import DAY, HOUR, MINUTE, World, corner, second, shops

CUT = "carrier_outage CMCC north"


def reload(
    world: World,
    site: Callable[[Site], Site] = lambda row: row,
    terminal: Callable[[Terminal], Terminal | None] = lambda row: row,
) -> None:
    rows = [changed for row in world.registry.terminals if (changed := terminal(row)) is not None]
    world.registry = replace(world.registry, sites=[site(row) for row in world.registry.sites], terminals=rows)
    world.engine.register(world.registry)


def without(world: World, key: str) -> None:
    reload(world, terminal=lambda row: None if row.id == key else row)


def hours(world: World, said: str) -> None:
    reload(world, site=lambda row: replace(row, hours=[said]))


def test_an_outage_whose_region_gets_another_name_is_told_under_the_new_one() -> None:
    world = town()
    cut = of(world, "CMCC", "north")
    world.stop(*cut)
    world.run(10 * MINUTE)
    assert world.words == [f"{CUT} firing"]
    reload(
        world,
        lambda row: replace(row, region=row.region.replace("north", "nord")),
        lambda row: replace(row, region=(row.region or "").replace("north", "nord")),
    )
    world.run(5 * MINUTE)
    assert world.words[1:] == [f"{CUT} resolved", "carrier_outage CMCC nord firing"]
    world.start()
    world.run(10 * MINUTE)
    assert world.words[3:] == ["carrier_outage CMCC nord resolved"]
    assert not world.engine.incidents


def test_who_no_longer_belongs_to_an_outage_is_told_by_itself() -> None:
    world = town()
    cut = of(world, "CMCC", "north")
    world.stop(*cut)
    world.run(10 * MINUTE)
    reload(world, terminal=lambda row: replace(row, region="south") if row.id == cut[0] else row)
    world.run(10 * MINUTE)
    assert world.words == [f"{CUT} firing", f"terminal_offline {cut[0]} firing"]


def test_what_an_outage_explained_stands_by_itself_when_the_outage_is_of_nobody_any_longer() -> None:
    """Whoever beats fast is told of before the slow have had their say."""
    registry = shops({"corner": ["CMCC", "CUCC"], "next": ["CMCC"]}, interval_s=300)
    fast = [replace(row, interval_s=10) if row.id == "corner-1" else row for row in registry.terminals]
    world = corner(replace(registry, terminals=fast))
    world.stop("corner-1", "corner-2")
    world.run(15 * MINUTE)
    assert world.words[:2] == ["terminal_offline corner-1 firing", "site_outage corner firing"]
    assert world.last("terminal_offline").suppressed_by == world.last("site_outage").id
    reload(world, terminal=lambda row: replace(row, site="next.north" if row.id == "corner-1" else ""))
    world.run(MINUTE)
    assert "site_outage corner resolved" in world.words
    (own,) = [one for one in world.engine.incidents if one.scope == (("terminal", "corner-1"),)]
    assert own.suppressed_by is None


def test_a_reload_that_changes_nothing_tells_nothing_also_while_we_are_deaf() -> None:
    world = town()
    cut = of(world, "CMCC", "north")
    world.stop(*cut, "east0-1")
    world.run(10 * MINUTE)
    known = list(world.words)
    reload(world)
    world.run(10 * MINUTE)
    world.link_down()
    reload(world)
    world.run(20)
    world.link_up()
    world.run(10 * MINUTE)
    assert world.words == known
    assert not any(timer[0] == NO_DEADLINE for timer in world.engine.correlator._agenda._timers)


def test_hours_that_stay_are_not_asked_again() -> None:
    world = town(hours=("Mo-Su 09:00-13:00",))
    world.run(HOUR)
    world.stop()
    world.run(10 * HOUR)
    assert world.shown("north0-1") == "asleep"
    with patch.object(Shard, "watch", autospec=True) as watched:
        reload(world)
        assert not watched.called
        reload(world, lambda row: replace(row, hours=["Mo-Su 08:00-13:00"]) if row.id == "north0.north" else row)
    assert watched.call_count == 4


def test_a_shop_that_opens_later_than_it_used_to_is_not_missed_at_the_old_time() -> None:
    world = corner(shops({"corner": ["CMCC"]}, hours=("Mo-Su 09:00-13:00",)))
    world.run(HOUR)
    world.stop()
    world.run(10 * HOUR)
    assert world.liveness("corner-1") == "asleep"
    hours(world, "Mo-Su 11:00-13:00")
    world.run(11 * HOUR + 30 * MINUTE)
    assert world.words == []
    world.run(HOUR)
    assert world.words == ["terminal_offline corner-1 firing"]
    assert second(world.last("terminal_offline").opened_at) > 23 * HOUR


def test_who_fell_silent_shortly_before_closing_is_missed_when_the_shop_turns_out_to_stay_open() -> None:
    world = corner(shops({"corner": ["CMCC"]}, hours=("Mo-Su 09:00-13:00",)))
    world.run(35 * MINUTE)
    world.stop()
    world.run(4 * MINUTE)
    hours(world, "Mo-Su 09:00-22:00")
    world.run(5 * MINUTE)
    assert world.liveness("corner-1") == "down"
    assert world.words == ["terminal_offline corner-1 firing"]


def test_a_shop_that_opens_earlier_is_missed_earlier() -> None:
    world = corner(shops({"corner": ["CMCC"]}, hours=("Mo-Su 11:00-13:00",)))
    world.run(HOUR)
    world.stop()
    world.run(10 * HOUR)
    hours(world, "Mo-Su 09:00-13:00")
    world.run(11 * HOUR + 30 * MINUTE)
    assert world.words == ["terminal_offline corner-1 firing"]
    world.run(10 * HOUR)
    assert world.words[1:] == ["terminal_offline corner-1 resolved"], "the shop closes at one"


def test_an_opening_of_today_that_is_told_when_it_is_over_is_not_missed() -> None:
    """Noon is that of a Thursday."""
    world = corner(shops({"corner": ["CMCC"]}, hours=("Th,Sa 09:00-22:00",)))
    world.run(10 * HOUR)
    world.stop()
    world.run(17 * HOUR)
    hours(world, "Th-Sa 09:00-15:00")
    world.run(15 * HOUR)
    assert world.words == []
    world.run(5 * HOUR)
    assert world.words == ["terminal_offline corner-1 firing"]


def test_who_leaves_the_registry_while_it_is_gone_is_missed_by_nobody_also_after_a_restart() -> None:
    world = town()
    world.device("north0-1", "CardJam", "set", component="reader")
    world.stop("north0-1")
    world.run(10 * MINUTE)
    assert world.words == ["device_fault north0-1 firing", "terminal_offline north0-1 firing"]
    without(world, "north0-1")
    world.run(MINUTE)
    assert set(world.words[2:]) == {"device_fault north0-1 resolved", "terminal_offline north0-1 resolved"}
    assert world.shown("north0-1") == "asleep"
    world.restart(world.records())
    world.link_up()
    world.run(2 * DAY)
    assert world.words[4:] == []
    world.beat("north0-1")
    assert world.shown("north0-1") == "up"


def test_who_left_the_registry_while_fleetmon_was_away_is_missed_by_nobody_either() -> None:
    world = town()
    world.device("north0-1", "CardJam", "set", component="reader")
    world.stop("north0-1")
    world.run(10 * MINUTE)
    records = world.records()
    rows = [row for row in world.registry.terminals if row.id != "north0-1"]
    world.registry = replace(world.registry, terminals=rows)
    world.restart(records)
    world.engine.resume([], [], [])
    world.link_up()
    world.run(2 * DAY)
    assert world.words[:2] == ["device_fault north0-1 firing", "terminal_offline north0-1 firing"]
    assert sorted(world.words[2:]) == ["device_fault north0-1 resolved", "terminal_offline north0-1 resolved"]
    assert world.shown("north0-1") == "asleep"
    world.beat("north0-1")
    assert world.shown("north0-1") == "up"


def test_who_leaves_the_registry_at_night_is_not_missed_in_the_morning() -> None:
    world = town(hours=("Mo-Su 09:00-13:00",))
    world.run(HOUR)
    world.stop()
    world.run(10 * HOUR)
    without(world, "north0-1")
    world.start()
    world.stop("north0-1")
    world.run(14 * HOUR)
    assert world.words == []


def pace(world: World, interval_s: int) -> None:
    """The registry promises another interval, and the terminals keep to it from now on."""
    reload(world, terminal=lambda row: replace(row, interval_s=interval_s))
    for life in world.lives.values():
        life.interval = interval_s * 1000


def test_who_is_to_beat_less_often_is_not_missed_at_the_old_interval() -> None:
    world = town(interval_s=60)
    world.run(HOUR)
    pace(world, 600)
    world.run(6 * HOUR)
    assert world.words == []
    world.stop("north0-1")
    world.run(HOUR)
    assert world.words == ["terminal_offline north0-1 firing"]


def test_who_is_to_beat_more_often_is_missed_at_the_new_interval() -> None:
    world = town(interval_s=600)
    world.run(HOUR)
    pace(world, 30)
    world.run(HOUR)
    world.stop("north0-1")
    world.run(5 * MINUTE)
    assert world.words == ["terminal_offline north0-1 firing"]


def test_a_terminal_is_believed_over_the_registry_for_its_interval_also_after_a_restart() -> None:
    world = town(interval_s=60)
    for key in world.lives:
        world.birth(key, interval_s=60)
    world.run(HOUR)
    reload(world, terminal=lambda row: replace(row, interval_s=600))
    world.stop("north0-1")
    world.run(6 * MINUTE)
    assert world.words == ["terminal_offline north0-1 firing"]
    world.restart(world.records())
    assert {one.interval_ms for one in world.engine.fleet.terminals.values()} == {60_000}


def test_an_interval_that_was_changed_while_we_were_away_holds_from_the_restart() -> None:
    world = town(interval_s=60)
    world.run(HOUR)
    records = world.records()
    world.registry = replace(
        world.registry, terminals=[replace(row, interval_s=600) for row in world.registry.terminals]
    )
    world.restart(records)
    assert {one.interval_ms for one in world.engine.fleet.terminals.values()} == {600_000}


def test_what_was_wrong_with_who_was_never_heard_goes_with_it() -> None:
    """A word that the broker had kept is knowledge, but no sign of life."""
    world = World(shops({"corner": ["CMCC", "CMCC"]}))
    world.start("corner-2")
    world.run(MINUTE)
    world.say("corner-1", DeviceEvent(world.now, 1, 0, "reader", "CardJam", "set"), retained=True)
    world.run(MINUTE)
    assert world.words == ["device_fault corner-1 firing"]
    assert world.liveness("corner-1") == "never_seen"
    without(world, "corner-1")
    world.run(MINUTE)
    assert world.words[1:] == ["device_fault corner-1 resolved"]


def test_rows_that_never_were_heard_leave_no_trace_when_they_are_gone_after_a_restart() -> None:
    """Else a few thousand of them would take the room of whoever comes and is not registered yet."""
    world = World(shops({"corner": ["CMCC"] * 12}))
    world.start("corner-1")
    world.run(MINUTE)
    records = world.records()
    rows = [row for row in world.registry.terminals if row.id == "corner-1"]
    world.registry = replace(world.registry, terminals=rows)
    world.restart(records)
    assert list(world.engine.fleet.terminals) == ["corner-1"]
