"""What is open when the daemon is killed ends at its own time afterwards, neither in the past nor at once."""

from unittest.mock import patch

from msgspec.structs import replace

from fleetmon.engine.serials import Serials
from fleetmon.model.events import Poi

from .test_conditions import corner, restart
from .world import DAY, HOUR, MINUTE, World, second, shops


def test_what_seemed_to_be_over_before_a_restart_ends_after_it_and_not_long_ago() -> None:
    world = corner()
    world.show("corner-1", poi=Poi(reader=False))
    world.run(5 * HOUR)
    world.show("corner-1")
    world.run(5 * MINUTE)
    restart(world)
    back = second(world.now)
    world.run(HOUR)
    assert world.words == ["device_fault corner-1 firing", "device_fault corner-1 resolved"]
    over = world.last("device_fault").resolved_at
    assert back + 14 * MINUTE <= second(over) <= back + 16 * MINUTE
    assert [change.at for change in world.transitions] == sorted(change.at for change in world.transitions)


def test_what_happened_once_before_a_restart_is_over_after_it() -> None:
    world = corner()
    world.device("corner-1", "SimLost", "oneshot", component="sim")
    world.run(23 * HOUR)
    restart(world)
    world.run(HOUR - 10 * MINUTE)
    assert world.words == ["sim_problem corner-1 firing"]
    world.run(20 * MINUTE)
    assert world.words[1:] == ["sim_problem corner-1 resolved"]


def test_a_loop_of_crashes_is_not_over_because_we_restarted() -> None:
    world = corner()
    for _ in range(6):
        world.birth("corner-1", boot=world.lives["corner-1"].boot + 1)
        world.run(5 * MINUTE)
    restart(world)
    world.run(40 * MINUTE)
    assert world.words == ["software_fault corner-1 firing"]
    world.run(HOUR)
    assert world.words[1:] == ["software_fault corner-1 resolved"]


def test_an_old_incident_costs_no_look_at_the_fleet_for_each_time_since_it_opened() -> None:
    world = World(shops({"a": ["CMCC"], "b": ["CMCC"]}))
    world.start()
    world.birth("a-1", serial="SN1")
    world.birth("b-1", serial="SN1")
    world.run(2 * DAY)
    assert sorted(world.words) == ["terminal_moved a-1 firing", "terminal_moved b-1 firing"]
    with patch.object(Serials, "look", autospec=True, side_effect=Serials.look) as looks:
        restart(world)
        world.run(HOUR)
    assert 1 <= looks.call_count <= 7
    assert len(world.words) == 2


def test_a_serial_number_that_was_told_just_before_a_restart_is_compared_after_it() -> None:
    world = World(shops({"a": ["CMCC"], "b": ["CMCC"]}))
    world.start()
    world.birth("a-1", serial="SN1")
    world.run(DAY)
    world.birth("b-1", serial="SN1")
    told = world.outcome.facts
    world.run(5 * MINUTE)
    restart(world)
    world.engine.recall(told)
    world.run(20 * MINUTE)
    assert sorted(world.words) == ["terminal_moved a-1 firing", "terminal_moved b-1 firing"]


def test_incidents_of_terminals_for_which_there_is_no_room_any_longer_are_over() -> None:
    """The registry shrank by more while fleetmon was away than may be watched unregistered."""
    world = World(shops({"a": ["CMCC"], "b": ["CMCC"] * 12}))
    world.start()
    world.run(10 * MINUTE)
    world.stop("b-12")
    world.run(10 * MINUTE)
    assert world.words == ["terminal_offline b-12 firing"]
    records = world.records()
    rows = [row for row in world.registry.terminals if row.id == "a-1"]
    world.registry = replace(world.registry, terminals=rows)
    world.restart(records)
    assert "b-12" not in world.engine.fleet.terminals
    assert world.words[1:] == ["terminal_offline b-12 resolved"]
    world.link_up()
    assert not [one for one in world.engine.incidents if one.kind == "terminal_offline"]
