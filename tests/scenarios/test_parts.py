"""Broken parts and flat batteries: tickets of the provider and the merchant, never pages."""

from typing import Any

import pytest

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
