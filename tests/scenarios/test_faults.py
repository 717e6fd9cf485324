"""Device faults: announced once, cleared in whatever order their messages come."""

from typing import Literal

import msgspec

from fleetmon.engine import Message
from fleetmon.model.events import Backoffice, DeviceEvent

from .world import HOUR, MINUTE, World, shops

TAMPER = "tamper corner-1"


def shop() -> World:
    world = World(shops({"corner": ["CMCC", "CMCC"]}))
    world.start()
    world.run(10 * MINUTE)
    return world


def test_a_tampered_terminal_pages_at_once_and_until_it_is_cleared() -> None:
    world = shop()
    world.device("corner-1", "Tamper", "set")
    assert world.story == [(TAMPER, "firing", 600.0)]
    assert world.pages == [TAMPER]
    world.device("corner-1", "Tamper", "set")
    world.run(HOUR)
    world.device("corner-1", "Tamper", "clear")
    assert world.words == [f"{TAMPER} firing", f"{TAMPER} resolved"]


def test_two_causes_of_tamper_are_one_incident_until_both_are_cleared() -> None:
    world = shop()
    for code, action in (("Tamper", "set"), ("CaseOpen", "set"), ("Tamper", "clear")):
        world.device("corner-1", code, action)
    assert world.words == [f"{TAMPER} firing"]
    world.device("corner-1", "CaseOpen", "clear")
    assert world.words == [f"{TAMPER} firing", f"{TAMPER} resolved"]


def test_a_clear_that_overtakes_its_set_still_clears() -> None:
    world = shop()
    set_ = world.device("corner-1", "Tamper", "set")
    world.device("corner-1", "Tamper", "clear")
    told = list(world.words)
    world.run(10)
    world.again(msgspec.structs.replace(set_, event=set_.event))
    assert world.words == told == [f"{TAMPER} firing", f"{TAMPER} resolved"]
    quiet = shop()
    quiet.lives["corner-1"].seq += 1
    quiet.device("corner-1", "Tamper", "clear")
    quiet.lives["corner-1"].seq -= 2
    quiet.device("corner-1", "Tamper", "set")
    assert quiet.words == []


def test_a_tamper_told_once_stays_until_the_terminal_is_replaced() -> None:
    world = shop()
    world.birth("corner-1", serial="SN1")
    world.device("corner-1", "Tamper", "oneshot")
    world.run(HOUR)
    assert world.words == [f"{TAMPER} firing"]
    world.birth("corner-1", serial="SN2", boot=1)
    assert world.words == [f"{TAMPER} firing", f"{TAMPER} resolved"]


def test_set_clear_set_within_a_millisecond_are_two_incidents() -> None:
    world = shop()
    for action in ("set", "clear", "set"):
        world.device("corner-1", "Tamper", action)
    ids = {change.incident.id for change in world.transitions}
    assert len(ids) == 2
    assert world.pages == [TAMPER, TAMPER]


def test_made_up_fault_codes_do_not_fill_the_memory() -> None:
    world = shop()
    for number in range(1000):
        world.device("corner-1", f"code{number}", "set")
        world.birth("corner-2", firmware=f"v{number}", carrier=f"C{number}")
    assert len(world.engine.shard.faults.words["corner-1"]["tamper"]) <= 32
    assert len(world.engine.fleet._cohorts) < 20
    assert len(world.engine.fleet.census.counts) < 40
    assert len(world.engine.fleet.groups._crowds) < 20
    world.run(HOUR)
    assert world.words == [f"{TAMPER} firing"]
    assert not world.engine.correlator._agenda._timers
    assert not world.engine.correlator.outages._due


def test_whatever_bytes_a_host_sends_have_a_key_of_their_own() -> None:
    """The codec does not look whether an unknown field is UTF-8."""
    world = shop()
    event = Backoffice(at=world.now, queue_depth=1)
    keys = set()
    for tail in (b"", b',"x":"\xff"', b',"x":"\xfe"', ',"x":"é"'.encode()):
        payload = msgspec.json.encode(event)[:-1] + tail + b"}"
        (fact,) = world.engine.observe([Message(world.now, "m", event, False, "m/backoffice", payload)]).facts
        keys.add(fact.key)
    assert len(keys) == 4


def test_what_the_security_module_merely_mentions_pages_nobody() -> None:
    world = shop()
    severities: tuple[tuple[str, Literal["info", "warning"]], ...] = (
        ("KeyLoaded", "info"),
        ("CertExpiring", "warning"),
    )
    for code, severity in severities:
        life = world.lives["corner-1"]
        life.seq += 1
        world.say("corner-1", DeviceEvent(world.now, life.boot, life.seq, "security", code, "oneshot", severity))
    world.run(HOUR)
    assert world.words == []


def test_a_straggler_of_the_replaced_device_is_a_fact_of_the_old_one_and_no_fault_of_the_new() -> None:
    world = shop()
    world.birth("corner-1", boot=3, serial="SN1")
    old = world.device("corner-1", "Tamper", "set")
    world.birth("corner-1", boot=9, serial="SN2")
    world.run(25)
    world.again(msgspec.structs.replace(old, event=msgspec.structs.replace(old.event, seq=77)))
    assert world.words == [f"{TAMPER} firing", f"{TAMPER} resolved"]
    assert [fact.epoch for fact in world.outcome.facts][-1:] == [0]


def test_a_contact_that_is_loose_is_told_of_once_more_and_not_each_time() -> None:
    world = shop()
    for _ in range(20):
        world.device("corner-1", "Tamper", "set")
        world.run(40)
        world.device("corner-1", "Tamper", "clear")
        world.run(80)
    assert world.words == [f"{TAMPER} firing", f"{TAMPER} resolved", f"{TAMPER} firing"]
    cleared = world.now - 80_000
    world.run(HOUR)
    assert world.words[3:] == [f"{TAMPER} resolved"]
    assert world.last("tamper").resolved_at == cleared
    world.device("corner-1", "Tamper", "set")
    world.device("corner-1", "Tamper", "clear")
    assert world.words[4:] == [f"{TAMPER} firing", f"{TAMPER} resolved"], "that was another time"


def test_a_terminal_with_a_loose_contact_that_is_replaced_is_well() -> None:
    world = shop()
    world.birth("corner-1", serial="SN1")
    for action in ("set", "clear", "set"):
        world.device("corner-1", "Tamper", action)
        world.run(40)
    world.birth("corner-1", serial="SN2", boot=1)
    assert world.words == [f"{TAMPER} firing", f"{TAMPER} resolved"] * 2


def test_what_comes_and_goes_over_a_restart_is_told_of_at_most_once_more() -> None:
    world = shop()
    for number in range(12):
        world.device("corner-1", "PaperJam", "set", component="printer")
        world.run(40)
        world.device("corner-1", "PaperJam", "clear", component="printer")
        world.run(80)
        if number == 6:
            world.restart(world.records())
            world.link_up()
    world.run(HOUR)
    assert world.words.count("device_fault corner-1 firing") <= 3
    assert not world.engine.incidents
