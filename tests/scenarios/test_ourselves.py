"""Our own deafness and restarts are never reported as the fleet's silence."""

from itertools import pairwise

import pytest

from fleetmon.engine.snapshot import TerminalRecord

from .world import HOUR, MINUTE, World, second, shops

PLAN = {f"north{number}": ["CMCC", "CMCC", "CUCC", "wifi"] for number in range(3)}
CUT = ["north0-1", "north0-2", "north1-1", "north1-2", "north2-1", "north2-2"]
OUTAGE = "carrier_outage CMCC north"


def town(**options: object) -> World:
    world = World(shops(PLAN, **options))  # type: ignore[arg-type]
    world.start()
    world.run(10 * MINUTE)
    return world


def test_a_link_lost_for_long_is_one_page_about_ourselves_and_none_about_the_fleet() -> None:
    world = town()
    world.link_down()
    world.stop()
    world.run(HOUR)
    assert world.story == [("ingest_impaired", "firing", 630.0)]
    assert second(world.last("ingest_impaired").opened_at) == 600
    world.link_up()
    world.start()
    world.run(HOUR)
    assert world.story[1:] == [("ingest_impaired", "resolved", 4200.0 + 600)], "it has lasted for ten minutes"
    assert world.pages == ["ingest_impaired"]


def test_a_link_regained_within_half_a_minute_calls_nobody() -> None:
    world = town()
    world.link_down()
    world.run(29)
    world.link_up()
    world.run(HOUR)
    assert world.words == []


def test_a_flapping_link_is_told_once_and_hides_no_silence_for_ever() -> None:
    world = town()
    world.stop(*CUT)
    for _ in range(20):
        world.link_down()
        world.run(20)
        world.link_up()
        world.run(40)
    assert world.words == ["ingest_impaired firing"]
    world.run(20 * MINUTE)
    assert sorted(world.words[1:]) == [f"{OUTAGE} firing", "ingest_impaired resolved"]
    assert world.pages == ["ingest_impaired", OUTAGE]


@pytest.mark.parametrize(("down_s", "up_s"), [(60, 240), (360, 360), (600, 500)])
def test_a_link_that_comes_and_goes_calls_once(down_s: int, up_s: int) -> None:
    world = town()
    for _ in range(6):
        world.link_down()
        world.run(down_s)
        world.link_up()
        world.run(up_s)
    assert world.words == ["ingest_impaired firing"]
    world.run(HOUR)
    assert world.words == ["ingest_impaired firing", "ingest_impaired resolved"]
    assert world.pages == ["ingest_impaired"]


def test_after_the_link_returns_everyone_has_a_fresh_grace() -> None:
    world = town()
    world.link_down()
    world.stop()
    world.run(HOUR)
    world.link_up()
    world.run(2 * MINUTE)
    assert {one.kind for one in world.engine.incidents} == {"ingest_impaired"}
    world.run(3 * MINUTE)
    assert [one.kind for one in world.engine.incidents if one.fired_at] != []


def test_incidents_that_wait_when_the_link_is_lost_are_decided_after_it_returned() -> None:
    world = town()
    world.stop("north0-1")
    world.run(150)  # down and pending
    assert [one.status.value for one in world.engine.incidents] == ["pending"]
    world.link_down()
    world.run(HOUR)
    assert world.words == ["ingest_impaired firing"]
    world.start()
    world.link_up()
    world.run(HOUR)
    assert world.words == ["ingest_impaired firing", "ingest_impaired resolved"]


def test_an_outage_is_neither_resolved_nor_forgotten_while_we_are_deaf() -> None:
    world = town()
    world.stop(*CUT)
    world.run(10 * MINUTE)
    world.link_down()
    world.run(HOUR)
    world.link_up()
    world.run(10 * MINUTE)
    assert world.words == [f"{OUTAGE} firing", "ingest_impaired firing", "ingest_impaired resolved"]
    world.start()
    world.run(10 * MINUTE)
    assert world.words[-1] == f"{OUTAGE} resolved"
    assert not world.engine.incidents


def test_an_opening_that_was_missed_while_we_were_deaf_is_no_incident() -> None:
    world = town(hours=("Mo-Su 09:00-12:30",))
    world.run(30 * MINUTE)
    world.stop()
    world.run(20 * HOUR)
    world.link_down()
    world.run(HOUR - 40 * MINUTE + 20 * MINUTE - 2)  # the terminals come while we are away
    world.start()
    world.link_up()
    world.run(HOUR)
    assert world.words == ["ingest_impaired firing", "ingest_impaired resolved"]
    assert {change.incident.kind for change in world.transitions} == {"ingest_impaired"}


def test_one_terminal_that_promises_hardly_ever_to_beat_does_not_blind_us_for_its_group() -> None:
    world = town()
    world.beat("north0-1", interval_s=604_800)
    world.link_down()
    world.run(20)
    world.link_up()
    world.stop(*CUT[1:])
    world.run(10 * MINUTE)
    assert world.words == [f"{OUTAGE} firing"]


def test_a_stall_of_our_own_opens_nothing() -> None:
    world = town()
    world.now += HOUR * 1000
    world._beats = [(at + HOUR * 1000, key) for at, key in world._beats]
    world.engine.stalled(world.now)
    world.run(HOUR)
    assert world.words == []


# -- restart ---------------------------------------------------------------------------------------


def restarted(world: World, records: list[TerminalRecord], away_s: int, *, back: bool = True) -> None:
    """Killed, and back after `away_s`; if `back`, all terminals speak again by then."""
    world.now += away_s * 1000
    world._beats = sorted((at + away_s * 1000, key) for at, key in world._beats)
    if back:
        world.start()
    world.restart(records)
    world.run(3)
    world.link_up()


@pytest.mark.parametrize("away_s", [1, 60, 150, 600, 36_000])
@pytest.mark.parametrize("old_s", [0, 60, 300])
def test_a_restart_opens_nothing(away_s: int, old_s: int) -> None:
    world = town()
    records = world.records()
    world.run(old_s)
    restarted(world, records, away_s)
    world.run(HOUR)
    assert world.words == []
    assert set(map(world.liveness, world.lives)) == {"up"}


@pytest.mark.parametrize("away_s", [1, 60, 600, 36_000])
@pytest.mark.parametrize("snapshot_s", [0, 60, 300, 600])
def test_an_outage_that_fires_outlives_a_restart_and_resolves_later(away_s: int, snapshot_s: int) -> None:
    world = town()
    world.stop(*CUT)
    world.run(snapshot_s)
    records = world.records()
    world.run(10 * MINUTE - snapshot_s)
    restarted(world, records, away_s, back=False)
    world.run(HOUR)
    assert world.words == [f"{OUTAGE} firing"]
    world.start()
    world.run(HOUR)
    assert world.words == [f"{OUTAGE} firing", f"{OUTAGE} resolved"]
    assert not world.engine.incidents


@pytest.mark.parametrize("snapshot_s", [0, 60, 300, 600])
def test_an_outage_that_ended_while_we_were_away_resolves(snapshot_s: int) -> None:
    world = town()
    world.stop(*CUT)
    world.run(snapshot_s)
    records = world.records()
    world.run(10 * MINUTE - snapshot_s)
    restarted(world, records, 60)
    world.run(10 * MINUTE)
    assert world.words == [f"{OUTAGE} firing", f"{OUTAGE} resolved"]


@pytest.mark.parametrize("snapshot_s", [0, 60, 150, 200, 300, 600])
@pytest.mark.parametrize("back", [True, False])
def test_a_terminal_that_is_down_stays_so_over_a_restart_until_it_is_heard(snapshot_s: int, back: bool) -> None:
    world = town()
    world.stop("north0-1")
    world.run(snapshot_s)
    records = world.records()
    world.run(10 * MINUTE - snapshot_s)
    restarted(world, records, 60, back=back)
    world.run(HOUR)
    if not back:
        assert world.words == ["terminal_offline north0-1 firing"]
        world.start()
        world.run(HOUR)
    assert world.words == ["terminal_offline north0-1 firing", "terminal_offline north0-1 resolved"]


@pytest.mark.parametrize("dies", [True, False])
def test_a_record_that_says_down_while_its_incident_is_over_has_to_prove_it_again(dies: bool) -> None:
    world = town()
    world.stop("north0-1")
    world.run(10 * MINUTE)
    records = world.records()
    world.start()
    world.run(10 * MINUTE)
    assert not world.engine.incidents
    if dies:
        world.stop("north0-1")
    restarted(world, records, 60, back=False)
    world.run(HOUR)
    assert world.words[2:] == (["terminal_offline north0-1 firing"] if dies else [])


def test_a_record_that_was_heard_after_its_incident_opened_still_resolves_it() -> None:
    world = town()
    world.stop("north0-1")
    world.run(10 * MINUTE)
    records = world.records()
    later = [one for one in records if one.id == "north0-1"]
    later[0].last_seen, later[0].liveness = world.now, 1
    restarted(world, records, 60)
    world.run(HOUR)
    assert world.words == ["terminal_offline north0-1 firing", "terminal_offline north0-1 resolved"]


def test_facts_stored_after_the_snapshot_do_not_hide_a_terminal_that_is_down() -> None:
    world = town()
    records = world.records()
    world.run(30)
    fact = world.mention("north0-1")
    world.stop("north0-1")
    world.run(10 * MINUTE)
    world.restart(records, [fact])
    world.run(3)
    world.link_up()
    world.again(fact)
    assert world.outcome.facts == []
    world.run(10 * MINUTE)
    assert world.words == ["terminal_offline north0-1 firing"]
    world.start()
    world.run(HOUR)
    assert world.words == ["terminal_offline north0-1 firing", "terminal_offline north0-1 resolved"]


def test_a_tamper_outlives_a_restart_from_the_snapshot_or_from_the_facts() -> None:
    for fresh in (True, False):
        world = town()
        records = world.records()
        fact = world.device("north0-1", "Tamper", "set")
        world.restart(world.records() if fresh else records, [] if fresh else [fact])
        world.link_up()
        world.run(HOUR)
        assert world.words == ["tamper north0-1 firing"]
        world.device("north0-1", "Tamper", "clear")
        assert world.words == ["tamper north0-1 firing", "tamper north0-1 resolved"]


def test_who_never_beat_but_was_known_from_a_replay_is_not_forgotten_by_a_restart() -> None:
    world = World(shops(PLAN))
    world.start(*CUT[1:])
    world.birth("north0-1", retained=True)
    records = world.records()
    world.restart(records)
    world.link_up()
    world.again(world.script[-1].message or world.beat("north0-2"))
    world.run(HOUR)
    assert world.words == ["terminal_offline north0-1 firing"]


def test_restarting_over_and_over_changes_no_outage() -> None:
    world = town()
    world.stop(*CUT)
    world.run(10 * MINUTE)
    for _ in range(10):
        restarted(world, world.records(), 20, back=False)
        world.run(40)
    world.run(10 * MINUTE)
    assert world.words == [f"{OUTAGE} firing"]


def test_what_is_told_is_told_in_order_of_time() -> None:
    world = town()
    world.stop(*CUT)
    world.run(10 * MINUTE)
    restarted(world, world.records(), 600)
    world.run(HOUR)
    times = [change.at for change in world.transitions]
    assert all(before <= after for before, after in pairwise(times))


@pytest.mark.parametrize("off_s", [HOUR, -HOUR])
def test_a_clock_that_everybody_contradicts_is_ours(off_s: int) -> None:
    world = town()
    world.show("north0-1", at=lambda at: at - 5 * 60_000)
    for key in world.lives.keys() - {"north0-1"}:
        world.show(key, at=lambda at: at - off_s * 1000)
    world.run(HOUR)
    assert world.words == ["clock_skew north0-1 firing"], "nobody else is off by as much as this one"
    assert world.engine.shard.checkup.ahead_ms == off_s * 1000, "and it is told elsewhere"
    for key in world.lives:
        world.show(key)
    world.run(HOUR)
    assert world.engine.shard.checkup.ahead_ms == 0
    assert world.words == ["clock_skew north0-1 firing", "clock_skew north0-1 resolved"]


def test_a_clock_that_few_contradict_is_theirs() -> None:
    world = town()
    for key in CUT[:5]:
        world.show(key, at=lambda at: at - HOUR * 1000)
    world.run(HOUR)
    assert sorted(world.words) == [f"clock_skew {key} firing" for key in CUT[:5]]
    assert world.engine.shard.checkup.ahead_ms == 0


def test_clocks_that_are_wrong_each_in_its_own_way_say_nothing_of_ours() -> None:
    world = town()
    for number, key in enumerate(sorted(world.lives), 1):
        world.show(key, at=lambda at, off_s=number * 600: at - off_s * 1000)
    world.run(HOUR)
    assert world.engine.shard.checkup.ahead_ms == 0


def test_of_a_clock_that_stands_still_one_number_is_kept() -> None:
    world = town()
    stopped = world.now - 24 * HOUR * 1000
    world.show("north0-1", at=lambda _: stopped)
    world.run(HOUR)
    assert len(world.engine.shard.checkup._alike) == 1, "it is wrong by another minute each minute"
