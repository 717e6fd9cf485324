"""What is learned of a terminal: how long its silence is waited out. When its shop is off: `test_nights`."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetmon.detect import TERMINAL_OFFLINE, WEAK_SIGNAL
from fleetmon.engine.snapshot import TerminalRecord
from fleetmon.model.runs import LENGTHS, USUAL_ONWARD, Runs

from .world import DAY, HOUR, MINUTE, World, corner, shops, suspicions


def strict(world: World) -> World:
    """A month's patience with mistakes, as people have it with tickets."""
    world.engine.shard.habits.patience.allow(1)
    return world


def lose(world: World, beats: int, *who: str) -> None:
    """The terminal goes on beating, and so much of it is lost."""
    names = who or ("corner-1",)
    world.stop(*names)
    world.run(beats * MINUTE)
    for key in names:
        world.lives[key].seq += beats
    world.start(*names)


def learn_four(world: World) -> None:
    """Runs of four beats, so that five have to be waited for."""
    for _ in range(4):
        world.run(2 * DAY)
        lose(world, 4)


def patience(world: World, key: str = "corner-1") -> float:
    """After how many beats, and a margin, a silence from now on is an incident."""
    world.run(5 * MINUTE)
    last = world.engine.fleet.terminals[key].last_seen
    world.stop(key)
    world.run(2 * HOUR)
    found = (world.last("terminal_offline").opened_at - last) / 60_000
    world.birth(key, boot=world.lives[key].boot + 1)
    world.start(key)
    world.run(5 * MINUTE)
    return found


def test_a_link_that_loses_now_and_then_is_called_down_by_mistake_until_that_is_known() -> None:
    world = corner()
    for _ in range(6):
        world.run(DAY)
        lose(world, 3)
    learned = suspicions(world)
    assert 1 <= learned <= 2
    for _ in range(12):
        world.run(DAY)
        lose(world, 3)
    assert suspicions(world) == learned
    assert patience(world) == pytest.approx(4.05)


def test_what_was_called_down_by_mistake_once_is_waited_out_from_then_on() -> None:
    world = strict(corner())
    world.run(10 * DAY)
    lose(world, 4)
    assert suspicions(world) == 1
    world.run(DAY)
    lose(world, 4)
    assert suspicions(world) == 1


def told(world: World) -> int:
    return sum("terminal_offline" in word and word.endswith("firing") for word in world.words)


def test_what_is_shown_down_by_mistake_is_not_told_before_the_stricter_budget_is_kept() -> None:
    """Four missed beats every third day: allowed on a screen; in a ticket only once, before anything is known."""
    world = corner()
    for _ in range(8):
        world.run(3 * DAY)
        lose(world, 4)
    downs = [change for change in world.changes if change.after == "down"]
    assert (len(downs), told(world)) == (8, 1)
    world.run(5 * MINUTE)
    last = world.engine.fleet.terminals["corner-1"].last_seen
    world.stop()
    world.run(MINUTE * 6 - 10)
    assert world.liveness("corner-1") == "down"
    assert told(world) == 1
    world.run(HOUR)
    incident = world.last("terminal_offline")
    assert incident.opened_at - last == 183_000
    assert incident.fired_at == last + 303_000 + 60_000, "five beats, and one for neighbours to miss theirs, too"


def test_an_unanswered_will_is_told_as_soon_as_ever() -> None:
    world = corner()
    learn_four(world)
    world.run(5 * MINUTE)
    world.stop()
    world.farewell("corner-1", "lost")
    last = world.engine.fleet.terminals["corner-1"].last_seen
    world.run(HOUR)
    incident = world.last("terminal_offline")
    assert incident.fired_at is not None
    assert incident.fired_at - last < 4 * MINUTE * 1000


def test_one_long_run_makes_no_weak_link() -> None:
    counts = [4.0, 3.0, *[1.0] * (len(LENGTHS) - 2)]
    runs = Runs(10, counts, [USUAL_ONWARD] * (len(LENGTHS) - 1))
    assert not WEAK_SIGNAL.breached(runs, 5, 0.04)
    assert TERMINAL_OFFLINE.beats(runs, 60_000, 0.04, weak=False) == 5
    again = runs._replace(counts=[count + 1 for count in counts])
    assert WEAK_SIGNAL.breached(again, 5, 0.04)


def test_a_good_link_is_not_announced_for_what_others_lose() -> None:
    seldom = [8.0, 3.0, *[0.0] * (len(LENGTHS) - 2)]  # in a day, three of them of two beats
    assert not WEAK_SIGNAL.breached(Runs(1, seldom, [0.4] * (len(LENGTHS) - 1)), 5, 1 / 30)
    new = [3.0, 3.0, *[0.0] * (len(LENGTHS) - 2)]
    assert not WEAK_SIGNAL.breached(Runs(0.1, new, [0.2] * (len(LENGTHS) - 1), often=500), 5, 1 / 30)
    often = [400 * 0.4**place for place in range(len(LENGTHS))]
    assert WEAK_SIGNAL.breached(Runs(1, often, [0.1] * (len(LENGTHS) - 1)), 5, 1 / 30)


def test_what_was_learned_is_forgiven_after_some_good_weeks() -> None:
    world = strict(corner())
    learn_four(world)
    assert patience(world) == pytest.approx(5.05)
    world.run(10 * DAY)
    assert patience(world) == pytest.approx(5.05)
    world.run(40 * DAY)
    assert patience(world) == pytest.approx(3.05)


def test_single_beats_that_are_lost_every_day_do_not_delay_anything() -> None:
    world = corner()
    for _ in range(10):
        world.run(DAY)
        lose(world, 1)
    assert patience(world) == pytest.approx(3.05)


def test_outages_teach_nothing() -> None:
    """A reboot, a new session, an unanswered will, or numbers that go on without a gap: nothing was lost."""
    world = corner()
    life = world.lives["corner-1"]
    world.birth("corner-1")
    for number in range(24):
        world.run(6 * HOUR)
        world.stop("corner-1")
        world.run(4 * MINUTE)
        if number % 4 == 0:
            world.birth("corner-1", boot=life.boot + 1)
        elif number % 4 == 1:
            life.seq += 4
            world.birth("corner-1")
        elif number % 4 == 2:
            life.seq += 4
            world.farewell("corner-1", "lost")
        world.start("corner-1")
        world.run(HOUR)
        world.birth("corner-1")
    assert patience(world) == pytest.approx(3.05)


def test_a_short_uptime_gives_away_a_reboot_that_nothing_else_tells() -> None:
    world = corner()
    for _ in range(12):
        world.run(6 * HOUR)
        world.stop("corner-1")
        world.run(4 * MINUTE)
        world.lives["corner-1"].seq += 4
        world.beat("corner-1", uptime_s=20)
        world.start("corner-1")
    assert patience(world) == pytest.approx(3.05)


def test_shared_outages_teach_nothing() -> None:
    world = corner(shops({f"shop{number}": ["CMCC", "CMCC"] for number in range(6)}))
    for _ in range(10):
        world.run(6 * HOUR)
        lose(world, 6, *world.lives)
    assert {change.incident.kind for change in world.transitions} == {"carrier_outage"}
    assert all(terminal.runs >> 32 == 0 for terminal in world.engine.fleet.terminals.values())
    assert patience(world, "shop0-1") == pytest.approx(3.05)


def test_our_own_deafness_teaches_nothing() -> None:
    world = corner()
    for _ in range(10):
        world.run(6 * HOUR)
        world.link_down()
        lose(world, 5)
        world.link_up()
    assert patience(world) == pytest.approx(3.05)


def test_after_our_own_deafness_a_link_is_waited_for_as_long_as_ever() -> None:
    world = corner()
    learn_four(world)
    world.run(5 * MINUTE)
    world.stop()
    world.run(150)  # suspect
    world.link_down()
    world.run(10)
    world.link_up()
    began = world.now
    world.run(20 * MINUTE)
    assert world.last("terminal_offline").opened_at == began + 303_000


def test_a_link_that_would_need_too_long_a_wait_is_a_ticket_until_it_is_better() -> None:
    world = corner()
    for number in range(40):
        world.run(40 * MINUTE)
        lose(world, (1, 2, 4, 9)[number % 4])
    assert [word for word in world.words if "weak" in word] == ["weak_signal corner-1 firing"]
    assert world.pages == []
    known = suspicions(world)
    for number in range(40):
        world.run(40 * MINUTE)
        lose(world, (1, 2, 4, 9)[number % 4])
    assert suspicions(world) == known, "while it is announced, its silence is waited out"
    assert 9 < patience(world) < 31
    world.run(60 * DAY)
    assert [word for word in world.words if "weak" in word][1:] == ["weak_signal corner-1 resolved"]
    assert not world.engine.incidents
    assert patience(world) == pytest.approx(3.05)


def test_a_ticket_for_a_weak_link_outlives_a_restart_and_resolves_later() -> None:
    world = corner()
    for number in range(40):
        world.run(40 * MINUTE)
        lose(world, (1, 2, 4, 9)[number % 4])
    world.restart(world.records())
    world.run(10)
    world.link_up()
    world.run(60 * DAY)
    assert [word for word in world.words if "weak" in word] == [
        "weak_signal corner-1 firing",
        "weak_signal corner-1 resolved",
    ]


def test_a_newcomer_is_waited_for_as_its_neighbours_have_taught() -> None:
    world = strict(corner(shops({"corner": ["CMCC"], "next.b": ["CMCC"], "far.c": ["CUCC"]})))
    world.stop("next-1", "far-1")
    for number in range(200):
        world.run(30 * MINUTE)
        lose(world, 1 + number % 5)
    for key in ("next-1", "far-1"):
        world.start(key)
        world.run(MINUTE)
    assert patience(world, "next-1") == pytest.approx(5.05)


CELLAR = shops({"cellar": ["CMCC"] * 4, "far.b": ["CMCC"]})


def newcomers(**firmware: str) -> World:
    """Three terminals of a cellar lose much, one after the other; a fourth comes, and one elsewhere."""
    world = corner(CELLAR)
    world.stop("cellar-4", "far-1")
    for key, runs in firmware.items():
        world.birth(key.replace("_", "-"), firmware=runs)
    for number in range(240):
        world.run(20 * MINUTE)
        lose(world, (1, 2, 3, 2)[number % 4], f"cellar-{1 + number % 3}")
    for key in ("cellar-4", "far-1"):
        world.start(key)
        world.run(MINUTE)
    return world


def test_a_newcomer_is_believed_to_lose_as_much_as_its_shop() -> None:
    assert patience(newcomers(), "cellar-4") == pytest.approx(4.05)
    assert patience(newcomers(), "far-1") == pytest.approx(3.05), "what a shop loses is no matter of its network's"


def test_what_other_firmware_loses_says_nothing() -> None:
    told = {"cellar_1": "2.0", "cellar_2": "2.0", "cellar_3": "2.0"}
    assert patience(newcomers(**told, cellar_4="2.0"), "cellar-4") == pytest.approx(4.05)
    assert patience(newcomers(**told, cellar_4="2.1"), "cellar-4") == pytest.approx(3.05)


def test_what_a_shop_loses_is_forgiven_within_a_day_to_who_loses_nothing() -> None:
    world = newcomers()
    world.run(DAY)
    assert patience(world, "cellar-4") == pytest.approx(3.05)


def test_nobody_is_its_own_neighbour() -> None:
    """A terminal alone in its shop, and one beside others that were never heard, are waited for alike."""
    alone, beside = corner(), World(shops({"corner": ["CMCC"] * 3}))
    beside.start("corner-1")
    beside.run(10 * MINUTE + 1)
    for world in (alone, beside):
        for number in range(8):
            world.run(DAY)
            lose(world, 2 + number % 3, "corner-1")
    assert patience(alone) == patience(beside)


def test_what_was_learned_outlives_a_restart_and_old_records_are_read() -> None:
    world = corner()
    learn_four(world)
    (kept,) = world.records()
    world.restart([kept])
    strict(world).link_up()
    assert world.records()[0].runs == kept.runs
    assert patience(world) == pytest.approx(5.05)
    old = msgspec.to_builtins(kept)[:-5]
    (read,) = msgspec.convert([old], list[TerminalRecord], strict=False)
    world.restart([read])
    world.link_up()
    assert patience(world) == pytest.approx(3.05)


COUNTS = st.lists(st.floats(0, 500), min_size=len(LENGTHS), max_size=len(LENGTHS)).map(lambda c: sorted(c)[::-1])


@given(COUNTS, st.floats(0, 30), st.sampled_from([1, 10, 15, 60, 300, 3600]), st.floats(1 / 300, 10), st.booleans())
def test_patience_has_its_limits_and_grows_as_the_budget_shrinks(
    counts: list[float], days: float, interval_s: int, budget: float, weak: bool
) -> None:
    runs = Runs(days, counts, [USUAL_ONWARD] * (len(LENGTHS) - 1))
    interval = interval_s * 1000
    found = TERMINAL_OFFLINE.beats(runs, interval, budget, weak=weak)
    assert 3 <= found <= (48 if weak else 10)
    assert found <= 5 or found * interval <= (1_800_000 if weak else 300_000)
    assert TERMINAL_OFFLINE.beats(runs, interval, budget / 2, weak=weak) >= found


def test_a_link_that_loses_one_beat_in_fifty_is_not_weak_because_it_beats_seldom() -> None:
    """Losses in bursts, of which one in six goes on by a beat, in thirty days of a beat every two minutes."""
    counts = [30 * 720 * 0.02 * 0.84 * 0.16 ** (length - 1) for length in LENGTHS]
    runs = Runs(30, counts, [USUAL_ONWARD] * (len(LENGTHS) - 1))
    assert not WEAK_SIGNAL.breached(runs, TERMINAL_OFFLINE.most_beats(120_000), 1 / 30)
    assert WEAK_SIGNAL.breached(runs, 3, 1 / 30)


def test_where_nothing_is_known_three_beats_are_waited_for() -> None:
    unknown = Runs(0, [0] * len(LENGTHS), [USUAL_ONWARD] * (len(LENGTHS) - 1))
    assert TERMINAL_OFFLINE.beats(unknown, 60_000, 1 / 30, weak=False) == 3


# -- nights ------------------------------------------------------------------------------------------
