"""One terminal: when its silence is an incident, and when it is not."""

from .world import HOUR, MINUTE, World, second, shops

HOURS = ("Mo-Su 09:00-13:00",)  # an hour from the start it closes


def corner(**options: object) -> World:
    """A shop with one terminal, which beats at every full minute."""
    world = World(shops({"corner": ["CMCC"]}, **options))  # type: ignore[arg-type]
    world.start()
    world.birth("corner-1", serial="SN1")
    world.run(10 * MINUTE + 1)  # the last beat was at 600
    return world


def test_it_is_offline_from_its_third_missed_beat_on_and_is_back_with_the_next_message() -> None:
    world = corner()
    world.stop()
    world.run(20 * MINUTE)
    down = 600 + 3 * 60 + 3
    assert world.story == [("terminal_offline corner-1", "firing", down + 60)]
    assert second(world.last("terminal_offline").opened_at) == down
    assert world.liveness("corner-1") == "down"
    world.start()
    world.run(MINUTE)
    assert world.words == ["terminal_offline corner-1 firing", "terminal_offline corner-1 resolved"]
    assert second(world.last("terminal_offline").resolved_at) == 31 * 60
    assert not world.engine.incidents


def test_it_pages_nobody() -> None:
    world = corner()
    world.stop()
    world.run(HOUR)
    assert world.pages == []


def test_two_missed_beats_are_no_incident() -> None:
    world = corner()
    world.stop()
    world.run(2 * MINUTE + 30)
    world.start()
    world.run(HOUR)
    assert world.transitions == []


def test_a_transaction_or_device_event_is_a_sign_of_life() -> None:
    world = corner()
    world.stop()
    for _ in range(30):
        world.run(100)
        world.mention("corner-1")
    assert world.transitions == []


def test_a_will_shortens_the_wait() -> None:
    world = corner()
    world.stop()
    world.run(5)
    world.farewell("corner-1", "lost")
    world.run(20 * MINUTE)
    assert second(world.last("terminal_offline").opened_at) == 600 + 60 + 6


def test_a_will_just_before_the_third_missed_beat_does_not_lengthen_the_wait() -> None:
    world = corner()
    world.stop()
    world.run(180)
    world.farewell("corner-1", "lost")
    world.run(20 * MINUTE)
    assert second(world.last("terminal_offline").opened_at) == 600 + 3 * 60 + 3


def test_a_will_answered_by_a_reconnection_opens_nothing() -> None:
    world = corner()
    world.run(5)
    world.farewell("corner-1", "lost")
    assert world.liveness("corner-1") == "suspect"
    world.run(20)
    world.birth("corner-1")
    world.run(HOUR)
    assert world.transitions == []


def test_silent_after_closing_it_sleeps_and_a_missed_opening_is_an_incident() -> None:
    world = corner(hours=HOURS)
    world.run(HOUR)
    world.stop()
    world.run(20 * HOUR)
    assert world.transitions == []
    assert world.liveness("corner-1") == "asleep"
    world.run(HOUR)
    opening = 21 * HOUR  # nine in the morning
    assert second(world.last("terminal_offline").opened_at) == opening + 1200
    assert world.words == ["terminal_offline corner-1 firing"]


def test_who_comes_within_three_beats_after_its_grace_was_not_missed() -> None:
    """It was switched on in time, and its first beats were lost, or it came some seconds later."""
    world = corner(hours=HOURS)
    world.run(HOUR)
    world.stop()
    opening = 21 * HOUR
    world.run(opening + 1200 + 120 - second(world.now))
    world.start()
    world.run(HOUR)
    assert world.liveness("corner-1") == "up"
    assert not [change for change in world.changes if change.after == "down"]
    assert world.transitions == []


def test_silent_since_closing_time_and_back_for_the_opening_it_is_no_incident() -> None:
    world = corner(hours=HOURS)
    world.run(HOUR)
    world.stop()
    world.run(20 * HOUR)
    world.start()
    world.run(3 * HOUR)
    assert world.transitions == []
    assert world.liveness("corner-1") == "up"


def test_after_a_shutdown_it_sleeps() -> None:
    for reason in ("shutdown", "sleep", "maintenance"):
        world = corner()
        world.farewell("corner-1", reason)
        world.stop()
        assert world.liveness("corner-1") == "asleep"
        world.run(48 * HOUR)
        assert world.transitions == []


def test_a_shutdown_ends_its_incident() -> None:
    world = corner()
    world.stop()
    world.run(HOUR)
    world.farewell("corner-1", "shutdown")
    assert world.words == ["terminal_offline corner-1 firing", "terminal_offline corner-1 resolved"]


def test_a_shutdown_that_we_did_not_hear_is_known_from_its_replay() -> None:
    world = corner()
    world.link_down()
    world.stop()
    world.run(10)
    world.link_up()
    world.farewell("corner-1", "shutdown", retained=True)
    world.run(HOUR)
    assert world.liveness("corner-1") == "asleep"
    assert world.words == []


def test_a_birth_that_was_only_replayed_has_a_fresh_grace_to_prove_itself() -> None:
    world = World(shops({"corner": ["CMCC"]}))
    world.birth("corner-1", retained=True)
    world.run(HOUR)
    assert world.words == ["terminal_offline corner-1 firing"]
    assert 120 < second(world.last("terminal_offline").opened_at) <= 183


def test_a_shorter_promise_in_a_replayed_birth_is_kept_to() -> None:
    world = corner(interval_s=3600)
    world.lives["corner-1"].interval = 60_000
    world.birth("corner-1", retained=True, interval_s=60)
    world.beat("corner-1", interval_s=60)
    last = second(world.now)
    world.stop()
    world.run(HOUR)
    assert second(world.last("terminal_offline").opened_at) == last + 183


def test_a_longer_promise_is_waited_for() -> None:
    world = corner()
    world.beat("corner-1", interval_s=600)
    world.stop()
    world.run(29 * MINUTE)
    assert world.transitions == []
    world.run(HOUR)
    assert world.words == ["terminal_offline corner-1 firing"]


def test_who_was_never_heard_is_not_missed() -> None:
    world = World(shops({"corner": ["CMCC"]}))
    world.run(24 * HOUR)
    assert world.transitions == []
