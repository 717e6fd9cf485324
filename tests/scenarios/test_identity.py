"""Who says what, in which order: sessions, boots, swapped devices, repetitions."""

import msgspec

from fleetmon.model.events import Heartbeat

from .world import HOUR, MINUTE, World, shops


def corner(**options: object) -> World:
    """A shop with one terminal, which beats at every full minute."""
    world = World(shops({"corner": ["CMCC"]}, **options))  # type: ignore[arg-type]
    world.start()
    world.birth("corner-1", serial="SN1")
    world.run(10 * MINUTE + 1)  # the last beat was at 600
    return world


def test_the_will_of_an_older_session_says_nothing() -> None:
    world = corner()
    world.run(1)
    world.birth("corner-1")
    world.lives["corner-1"].session -= 1
    world.farewell("corner-1", "lost")
    assert world.liveness("corner-1") == "up"


def test_a_repeated_will_does_not_unsay_the_heartbeats_since() -> None:
    world = corner()
    will = world.farewell("corner-1", "lost")
    world.run(5)
    world.beat("corner-1")
    world.run(5)
    world.again(will)
    assert world.liveness("corner-1") == "up"


def test_births_that_overtake_each_other_leave_the_newest_session_in_force() -> None:
    world = corner()
    world.birth("corner-1")
    first = world.script[-1].message
    assert first is not None
    world.run(1)
    world.birth("corner-1")
    world.run(1)
    world.birth("corner-1")
    world.run(10)
    world.again(first)  # repeated late, two sessions later
    world.farewell("corner-1", "shutdown")
    assert world.liveness("corner-1") == "asleep"


def test_a_terminal_that_was_reset_while_we_were_deaf_lives_by_its_beats() -> None:
    """Its State comes as a replay, which begins no epoch; so its beats are of a boot that seems to be over."""
    world = corner()
    life = world.lives["corner-1"]
    world.birth("corner-1", boot=57, serial="SN1")
    world.run(10 * MINUTE)
    world.link_down()
    world.run(20)
    life.boot, life.seq = 1, -1
    world.link_up()
    world.birth("corner-1", retained=True, boot=1, serial="SN1")
    world.run(2 * HOUR)
    assert world.liveness("corner-1") == "up"
    assert world.words == []
    world.stop()
    world.run(HOUR)
    assert world.words == ["terminal_offline corner-1 firing"]


def test_stragglers_of_an_old_boot_are_no_beats() -> None:
    world = corner()
    life = world.lives["corner-1"]
    world.birth("corner-1", boot=57, serial="SN1")
    world.run(10 * MINUTE)
    world.stop()
    life.boot, life.seq = 1, 500
    world.run(2 * MINUTE)
    for _ in range(40):
        world.beat("corner-1")
        world.run(0.1)
    world.run(5 * MINUTE)
    assert world.liveness("corner-1") == "down"


def test_replays_and_repetitions_are_no_beats() -> None:
    world = corner()
    beat = world.beat("corner-1")
    birth = world.birth("corner-1")
    world.stop()
    for _ in range(30):
        world.run(MINUTE)
        world.again(beat)
        world.again(birth)
        world.again(msgspec.structs.replace(birth, retained=True))
    assert world.words == ["terminal_offline corner-1 firing"]


def test_messages_of_a_boot_that_is_over_are_no_beats_but_are_kept() -> None:
    world = corner()
    old = world.beat("corner-1")
    world.birth("corner-1", boot=2)
    world.beat("corner-1")
    world.stop()
    for _ in range(30):
        world.run(MINUTE)
        world.again(old)
    assert world.words == ["terminal_offline corner-1 firing"]
    late = world.mention("corner-1")
    world.birth("corner-1", boot=3)
    world.again(late)
    assert [fact.message.event for fact in world.outcome.facts] == [late.event]


def test_what_is_too_late_to_be_told_from_a_repetition_is_no_beat() -> None:
    world = corner()
    world.lives["corner-1"].seq = 1000
    world.beat("corner-1")
    world.stop()
    for seq in range(30):
        world.run(MINUTE)
        world.lives["corner-1"].seq = seq
        world.mention("corner-1")
        assert len(world.outcome.facts) == 1
    assert world.words == ["terminal_offline corner-1 firing"]


def test_another_serial_is_another_device_whatever_its_boot() -> None:
    world = corner()
    terminal = world.engine.fleet.terminals["corner-1"]
    assert terminal.epoch == 0
    world.birth("corner-1", boot=7, serial="SN2")
    assert (terminal.epoch, terminal.serial) == (1, "SN2")
    world.birth("corner-1", boot=3, serial="SN3")
    assert terminal.epoch == 2


def test_a_device_swapped_while_we_were_deaf_is_known_from_its_retained_birth() -> None:
    world = corner()
    world.birth("corner-1", boot=9, serial="SN1")
    world.run(MINUTE)
    world.link_down()
    world.run(10)
    world.link_up()
    world.birth("corner-1", boot=1, serial="SN2", retained=True)
    world.run(HOUR)
    assert world.engine.fleet.terminals["corner-1"].epoch == 1
    assert world.transitions[2:] == []  # ours alone, dropped


def test_a_lower_boot_in_a_new_session_is_a_reset_unless_replayed() -> None:
    world = corner()
    terminal = world.engine.fleet.terminals["corner-1"]
    world.birth("corner-1", boot=9)
    world.run(HOUR)
    world.birth("corner-1", boot=2, retained=True)
    assert (terminal.epoch, terminal.boot) == (0, 9)
    world.birth("corner-1", boot=2)
    assert (terminal.epoch, terminal.boot) == (1, 2)


def test_stragglers_of_the_old_device_do_not_make_the_new_one_look_old() -> None:
    world = corner()
    world.birth("corner-1", boot=9, serial="SN1")
    straggler = world.device("corner-1", "Tamper", "set")
    unseen = msgspec.structs.replace(straggler.event, seq=world.lives["corner-1"].seq + 5)
    world.birth("corner-1", boot=1, serial="SN2")
    world.run(1)
    world.say("corner-1", unseen)
    world.run(HOUR)
    assert world.words == ["tamper corner-1 firing", "tamper corner-1 resolved"]
    assert world.liveness("corner-1") == "up"


def test_a_repeated_shutdown_does_not_put_it_to_sleep_again() -> None:
    world = corner()
    bye = world.farewell("corner-1", "shutdown")
    world.run(HOUR)  # it beats: it is on again
    world.again(bye)
    assert world.liveness("corner-1") == "up"


def test_who_is_not_registered_is_waited_for_a_week_and_believed_when_it_comes() -> None:
    world = corner()
    stray = Heartbeat(at=world.now, boot=1, seq=1)
    world.say("stray", stray)
    world.run(6 * 24 * HOUR)
    assert world.words == ["terminal_offline stray firing"]
    world.restart(world.records())
    world.run(10)
    world.link_up()
    world.run(2 * 24 * HOUR)
    assert world.words[1:] == ["terminal_offline stray resolved"]
    assert world.liveness("stray") == "asleep"
    world.restart(world.records())
    world.run(10)
    world.link_up()
    world.run(24 * HOUR)
    world.say("stray", msgspec.structs.replace(stray, seq=2))
    assert world.liveness("stray") == "up"
    world.run(HOUR)
    assert world.words[2:] == ["terminal_offline stray firing"]


def test_who_is_registered_is_waited_for_as_long_as_it_takes() -> None:
    world = corner()
    world.stop()
    world.run(30 * 24 * HOUR)
    assert world.words == ["terminal_offline corner-1 firing"]


def test_unregistered_ones_are_watched_up_to_the_limit_and_refused_beyond() -> None:
    world = World(shops({"corner": ["CMCC"]}), max_unregistered=3)
    for number in range(5):
        world.lives[f"stray-{number}"] = world.lives["corner-1"].__class__(0, 60_000)
        world.beat(f"stray-{number}")
        refused = [refusal.reason for refusal in world.outcome.refusals]
        assert refused == ([] if number < 3 else ["unregistered_limit"])
        world.birth(f"stray-{number}")
        assert bool(world.outcome.refusals) == (number >= 3)
    assert world.engine.fleet.census.unregistered == 3
    world.run(HOUR)
    assert sorted(world.words) == [f"terminal_offline stray-{number} firing" for number in range(3)]


def test_counters_that_jump_as_far_as_they_can_cost_nothing() -> None:
    world = corner()
    for seq in (2**63 - 2, 5, 2**62, 0):
        world.lives["corner-1"].seq = seq
        world.beat("corner-1")
        world.device("corner-1", "x", "set", component="reader")
    assert world.liveness("corner-1") == "up"
