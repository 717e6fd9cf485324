"""Broken parts and flat batteries: tickets of the provider and the merchant, never pages."""

from typing import Any

import pytest

from fleetmon.model.events import Counters

from .world import HOUR, MINUTE, World, shops


def shop() -> World:
    world = World(shops({"corner": ["CMCC", "CMCC"]}))
    world.start()
    world.run(10 * MINUTE)
    return world


@pytest.mark.parametrize(
    ("component", "code", "kind"),
    [
        ("printer", "NoPaper", "device_fault"),
        ("reader", "OutOfOrder", "device_fault"),
        ("ped", "KeyStuck", "device_fault"),
        ("storage", "Full", "device_fault"),
        ("power", "AdapterFault", "device_fault"),
        ("power", "PowerLost", "battery"),
        ("battery", "BatteryLow", "battery"),
        ("keys", "KeyMissing", "keys"),
        ("software", "ConfigBroken", "software_fault"),
        ("sim", "SimDeactivated", "sim_problem"),
        ("clock", "ClockLost", "clock_skew"),
    ],
)
def test_a_fault_is_a_ticket_until_it_is_cleared(component: Any, code: str, kind: str) -> None:
    world = shop()
    world.device("corner-1", code, "set", component=component)
    world.run(HOUR)
    assert world.words == [f"{kind} corner-1 firing"]
    world.device("corner-1", code, "clear", component=component)
    assert world.words == [f"{kind} corner-1 firing", f"{kind} corner-1 resolved"]
    assert world.pages == []


def test_what_happened_once_counts_for_ten_minutes_and_longer_if_it_happens_again() -> None:
    world = shop()
    world.device("corner-1", "CardJam", "oneshot", component="reader")
    world.run(5 * MINUTE)
    assert world.words == ["device_fault corner-1 firing"]
    world.device("corner-1", "CardJam", "set", component="reader")
    world.run(HOUR)
    assert world.words == ["device_fault corner-1 firing"], "it is set now"
    world.device("corner-1", "CardJam", "clear", component="reader")
    world.device("corner-2", "CardJam", "oneshot", component="reader")
    world.run(9 * MINUTE)
    assert world.words[-1] == "device_fault corner-2 firing"
    world.run(2 * MINUTE)
    assert world.words[-1] == "device_fault corner-2 resolved"


def test_what_happens_again_and_again_is_looked_at_once_and_is_over_after_the_last_time() -> None:
    world = shop()
    timers = world.engine.correlator._agenda._timers
    known = len(timers)
    for _ in range(600):
        world.run(1)
        world.device("corner-1", "CardJam", "oneshot", component="reader")
        world.device("corner-2", "SimLost", "oneshot", component="sim")
        world.device("corner-2", "SimLost", "clear", component="sim")
    assert len(timers) <= known + 2
    world.run(9 * MINUTE)
    assert [word for word in world.words if "corner-1" in word] == ["device_fault corner-1 firing"]
    world.run(2 * MINUTE)
    assert world.words[-1] == "device_fault corner-1 resolved"


def test_paper_that_somebody_puts_in_is_no_fault_and_what_breaks_meanwhile_is_one_at_once() -> None:
    world = shop()
    for _ in range(3):
        world.device("corner-1", "NoPaper", "set", component="printer")
        world.run(9 * MINUTE)
        assert world.words == []
        world.device("corner-1", "NoPaper", "clear", component="printer")
        world.run(5 * MINUTE)
    world.device("corner-1", "NoPaper", "set", component="printer")
    world.run(4 * MINUTE)
    assert world.words == []
    world.device("corner-1", "PaperJam", "set", component="printer")
    assert world.words == ["device_fault corner-1 firing"]
    world.run(HOUR)
    world.device("corner-1", "PaperJam", "clear", component="printer")
    assert len(world.words) == 1, "there still is no paper"
    world.device("corner-1", "NoPaper", "clear", component="printer")
    assert world.words == ["device_fault corner-1 firing", "device_fault corner-1 resolved"]


def test_paper_that_nobody_puts_in_is_missed_since_it_ran_out_also_over_a_restart() -> None:
    world = shop()
    ran_out = world.now
    world.device("corner-1", "NoPaper", "set", component="printer")
    world.run(11 * MINUTE)
    assert world.words == ["device_fault corner-1 firing"]
    assert world.last("device_fault").opened_at == ran_out
    world.device("corner-2", "NoPaper", "set", component="printer")
    world.run(5 * MINUTE)
    records = world.records()
    world.restart(records)
    world.link_up()
    world.run(11 * MINUTE)
    assert world.words == ["device_fault corner-1 firing", "device_fault corner-2 firing"]


@pytest.mark.parametrize("told", ["counter", "event", "boot", "boot, by a heartbeat that overtook its birth"])
def test_a_loop_of_crashes_is_a_fault_and_a_single_one_is_not(told: str) -> None:
    world = shop()
    world.birth("corner-1")

    def crash(number: int) -> None:
        if told == "counter":
            world.show("corner-1", counters=Counters(app_crashes=number))
        elif told == "event":
            world.device("corner-1", "AppCrash", "oneshot", component="software")
        elif told == "boot":
            world.birth("corner-1", boot=number + 1)
        else:
            world.lives["corner-1"].boot, world.lives["corner-1"].seq = number + 1, -1
            world.beat("corner-1")
            world.birth("corner-1")
        world.run(8 * MINUTE)

    enough = 5 if told.startswith("boot") else 3
    world.show("corner-1", counters=Counters(app_crashes=0)) if told == "counter" else None
    for number in range(1, 4):
        crash(number)
        world.run(3 * HOUR)
    assert world.words == []
    for number in range(4, 4 + enough):
        crash(number)
    assert world.words == ["software_fault corner-1 firing"]
    world.run(3 * HOUR)
    assert world.words[1:] == ["software_fault corner-1 resolved"]


def test_switching_on_in_the_morning_is_no_crash() -> None:
    world = shop()
    for boot in range(2, 12):
        world.farewell("corner-1", "shutdown")
        world.stop("corner-1")
        world.run(4 * MINUTE)
        world.start("corner-1")
        world.birth("corner-1", boot=boot)
        world.run(2 * MINUTE)
    assert world.words == []
