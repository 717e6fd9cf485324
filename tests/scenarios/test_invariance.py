"""What holds for every fleet and every pattern of faults."""

import random
from collections.abc import Callable
from itertools import pairwise
from typing import Any
from unittest.mock import patch

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from fleetmon.engine import Engine, Message, Outcome, agenda, deadlines, tally
from fleetmon.model.events import Heartbeat, HostHealth, Notice, Poi, Transaction
from fleetmon.model.incident import LEGAL, Status, Transition
from fleetmon.model.registry import Registry
from fleetmon.model.terminal import NO_DEADLINE, Liveness
from fleetmon.working_days import working_days

from .telling import told
from .test_conditions import restart
from .test_reloads import reload
from .world import HOUR, NOON, Step, World, name, shops

NETWORKS = st.lists(st.sampled_from(["CMCC", "CMCC", "CUCC", "wifi"]), min_size=1, max_size=5)
PLANS = st.lists(NETWORKS, min_size=1, max_size=6)
SETTINGS = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def lived(plan: list[list[str]], faults: list[tuple[str, int, int]], interval_s: int, *, hours: bool) -> World:
    """A fleet to which all of this happens, after which everything is well again for two hours."""
    world = troubled(plan, faults, interval_s, hours=hours)
    world.start()
    for row in world.registry.terminals:
        world.lives[row.id].interval = interval_s * 1000
        world.birth(row.id, interval_s=interval_s, carrier=row.carrier)
    for key in world.lives:
        world.device(key, "Tamper", "clear")
        world.show(key)
    for _ in range(12):
        for key in world.lives:
            world.beat(key)
            ask(world, key, "approved")
        report(world, {"00": 100}, signed_on=True, cutover="end")
        world.run(30)
    world.run(2 * HOUR)
    return world


def troubled(plan: list[list[str]], faults: list[tuple[str, int, int]], interval_s: int, *, hours: bool) -> World:
    named = {f"shop{number}.{'ab'[number % 2]}": networks for number, networks in enumerate(plan)}
    opening = ("Mo-Su 09:00-12:30", "Mo-Su 12:40-08:00") if hours else ()
    world = World(shops(named, interval_s=interval_s, hours=opening))
    world.start()
    for key in world.lives:
        world.birth(key, serial=f"SN-{key}")
    world.run(5 * interval_s)
    for what, which, pause in faults:
        (HAPPENS | UPSETS)[what](world, sorted(world.lives)[which % len(world.lives)])
        world.run(pause * interval_s / 60)
    return world


def ask(world: World, key: str, stage: Any, response: str | None = None) -> None:
    """A request to the only host ends like this."""
    life = world.lives[key]
    life.seq += 1
    number = f"x{life.boot}-{life.seq}-{world.now}"
    said = Transaction(
        at=world.now, boot=life.boot, seq=life.seq, id=number, kind="sale", stage=stage, amount=1,
        acquirer="ACQ", issuer=("icbc", "ccb")[life.seq % 2], response=response,
    )  # fmt: skip
    world.say(key, said)


def report(world: World, codes: dict[str, int], **fields: Any) -> None:
    """The host tells of its health."""
    said = HostHealth(at=world.now, window_s=60, requests=sum(codes.values()), codes=codes, **fields)
    world.again(Message(world.now, "ACQ", said, False, "pos/v1/host/ACQ/health", msgspec.json.encode(said)))


def work(world: World, _: str) -> None:
    """The host announces ten minutes of work."""
    said = Notice(at=world.now, id=f"n{world.now}", event="scheduled", starts_at=world.now, ends_at=world.now + 600_000)
    topic = f"pos/v1/host/ACQ/notice/{said.id}"
    world.again(Message(world.now, "ACQ", said, True, topic, msgspec.json.encode(said)))


def asked(stage: str, response: str | None = None) -> Callable[[World, str], object]:
    """Whoever lives asks its host three times."""

    def happens(world: World, _: str) -> None:
        for _round in range(3):
            for key in [key for key, life in world.lives.items() if life.beating]:
                ask(world, key, stage, response)
            world.run(17)

    return happens


def around(world: World, key: str) -> list[str]:
    """The terminals of its region."""
    region = {row.id: row.region for row in world.registry.terminals}
    return [other for other in world.lives if region.get(other) == region.get(key)]


def shutdown(world: World, key: str) -> None:
    world.farewell(key, "shutdown")
    world.stop(key)


def swap(world: World, key: str) -> None:
    world.run(60)  # unscrewing takes longer than a message may be late
    world.birth(key, boot=1, serial=f"SN{world.now}")


def deafness(world: World, _: str) -> None:
    world.link_down()
    world.run(45)
    world.link_up()


def broker_drops(world: World, _: str) -> None:
    """The broker closes all connections, some of them just after a word."""
    for key in [key for key, life in world.lives.items() if life.beating]:
        world.beat(key)
        world.farewell(key, "lost")


def lose(world: World, key: str) -> None:
    """It goes on beating, and three beats do not arrive."""
    life = world.lives[key]
    beating, life.beating = life.beating, False
    world.run(3 * life.interval / 1000)
    life.seq += 3
    life.beating = beating


def slower(world: World, key: str) -> None:
    world.lives[key].interval = 120_000
    world.beat(key, interval_s=120)


HAPPENS: dict[str, Callable[[World, str], object]] = {
    "stop": lambda world, key: world.stop(key),
    "stop too": lambda world, key: world.stop(key),
    "start": lambda world, key: world.start(key),
    "lose": lose,
    "lose more": lose,
    "all stop": lambda world, _: world.stop(),
    "all start": lambda world, _: world.start(),
    "region stop": lambda world, key: world.stop(*around(world, key)),
    "region start": lambda world, key: world.start(*around(world, key)),
    "broker drops": broker_drops,
    "will": lambda world, key: world.farewell(key, "lost"),
    "birth": lambda world, key: world.birth(key),
    "shutdown": shutdown,
    "reboot": lambda world, key: world.birth(key, boot=world.lives[key].boot + 1),
    "swap": swap,
    "carrier": lambda world, key: world.birth(key, carrier="CTCC"),
    "tamper": lambda world, key: world.device(key, "Tamper", "set"),
    "clear": lambda world, key: world.device(key, "Tamper", "clear"),
    "link": deafness,
    "stray": lambda world, _: world.say("stray", Heartbeat(at=1, boot=1, seq=world.now - NOON)),
    "once": lambda world, key: world.device(key, "CardJam", "oneshot", component="reader"),
    "breaks": lambda world, key: world.show(key, poi=Poi(reader=False)),
    "mends": lambda world, key: world.show(key),
    "interval": slower,
    "host fails": asked("declined", "91"),
    "host swallows": asked("unanswered"),
    "host works": asked("approved", "00"),
    "host tells bad": lambda world, _: report(world, {"00": 10, "96": 90}),
    "host tells good": lambda world, _: report(world, {"00": 98, "51": 2}),
    "host signs off": lambda world, _: report(world, {}, signed_on=False),
    "host cuts over": lambda world, _: report(world, {"90": 40}, cutover="start"),
    "host is worked on": work,
}


def drop(world: World, key: str) -> None:
    """The registry has it no longer."""
    reload(world, terminal=lambda row: None if row.id == key else row)


def rename(world: World, _: str) -> None:
    """Every region gets another name."""
    reload(
        world,
        lambda row: replace(row, region=f"{row.region}x"),
        lambda row: replace(row, region=f"{row.region}x"),
    )


UPSETS: dict[str, Callable[[World, str], object]] = {
    "restart": lambda world, _: restart(world),
    "drop": drop,
    "rename": rename,
}
OF_HOSTS = [what for what in HAPPENS if what.startswith("host")]


def some(whats: list[str]) -> st.SearchStrategy[list[tuple[str, int, int]]]:
    return st.lists(st.tuples(st.sampled_from(whats), st.integers(0, 40), st.integers(0, 400)), max_size=25)


EVENTS = some(list(HAPPENS)) | some([*OF_HOSTS, *OF_HOSTS, "link", "stop", "start", "will", "birth"])


@SETTINGS
@given(PLANS, EVENTS, st.sampled_from([15, 60, 300]), st.booleans(), st.integers(0, 2**32))
def test_portions_and_ticks_change_nothing(
    plan: list[list[str]], faults: list[tuple[str, int, int]], interval_s: int, hours: bool, seed: int
) -> None:
    world = lived(plan, faults, interval_s, hours=hours)
    chance = random.Random(seed)
    again = told(
        world.registry,
        world.script,
        world.now,
        batch=lambda: chance.choice((1, 2, 10, 300)),
        ticks=lambda: chance.choice((0, 0, 100, 7777)),
    )
    assert [words(change) for change in again] == [words(change) for change in world.transitions]
    assert again == world.transitions


@SETTINGS
@given(PLANS, EVENTS, st.sampled_from([15, 60, 300]), st.integers(1, 3), st.integers(1, 3))
def test_nothing_depends_on_how_much_is_done_at_a_time(
    plan: list[list[str]], faults: list[tuple[str, int, int]], interval_s: int, most: int, part: int
) -> None:
    world = lived(plan, faults, interval_s, hours=False)
    with patch.object(agenda, "PART", part), patch.object(tally, "PART", part), patch.object(deadlines, "_PART", part):
        again = told(world.registry, world.script, world.now, ticks=lambda: 7777, most=most)
    assert again == world.transitions


def words(change: Transition) -> tuple[int, str, str, str]:
    return change.at, name(change.incident), change.incident.status.value, change.reason


@SETTINGS
@given(PLANS, EVENTS, st.sampled_from([15, 60, 300]), st.booleans())
def test_whatever_lost_its_cause_is_over(
    plan: list[list[str]], faults: list[tuple[str, int, int]], interval_s: int, hours: bool
) -> None:
    world = lived(plan, faults, interval_s, hours=hours)
    open_ = [name(one) for one in world.engine.incidents if name(one) != "terminal_offline stray"]
    weak = [one for one in open_ if one.startswith("weak_signal")]  # that is believed for longer
    assert open_ == weak
    correlator = world.engine.correlator
    stray = world.engine.fleet.terminals.get("stray")
    if stray is None:
        assert not list(correlator.outages._known)
        timers = [action for *_, action, _ in correlator._agenda._timers]
        assert len(timers) - timers.count("host") == len(weak)  # hosts are looked at a day later
    assert not correlator.hosts._troubles
    check_counts(world)


def check_counts(world: World) -> None:
    """The counts that are kept as things change are those of a recount, and nobody's deadline will be missed."""
    fleet = world.engine.fleet
    census = dict(fleet.census.counts)
    recount: dict[object, int] = {}
    for one in fleet.terminals.values():
        recount[one.cohort, one.liveness] = recount.get((one.cohort, one.liveness), 0) + 1
    assert census == recount
    assert set(fleet._cohorts) == {one.cohort for one in fleet.terminals.values()}
    awaited = [one for one in fleet.terminals.values() if one.due < NO_DEADLINE]
    assert [one.id for one in awaited if one.armed > one.due] == [], "the wheel looks at each in time"


@SETTINGS
@given(PLANS, EVENTS, st.sampled_from([15, 60, 300]), st.booleans())
def test_every_incident_lives_by_its_table_and_in_order_of_time(
    plan: list[list[str]], faults: list[tuple[str, int, int]], interval_s: int, hours: bool
) -> None:
    world = lived(plan, faults, interval_s, hours=hours)
    assert all(before.at <= after.at for before, after in pairwise(world.transitions))
    lives: dict[str, list[Transition]] = {}
    for change in world.transitions:
        lives.setdefault(change.incident.id, []).append(change)
    for changes in lives.values():
        status: Status | None = None
        for change in changes:
            assert change.before is status
            assert change.incident.status is status or (status, change.incident.status) in LEGAL
            status = change.incident.status
        assert changes[-1].at >= changes[0].incident.opened_at
        assert sum(change.before is Status.PENDING and change.incident.fired_at is not None for change in changes) <= 1


@SETTINGS
@given(PLANS, EVENTS, st.sampled_from([60, 300]), st.sampled_from([0, 1, 29_000]))
def test_messages_repeated_within_half_a_minute_change_nothing(
    plan: list[list[str]], faults: list[tuple[str, int, int]], interval_s: int, delay: int
) -> None:
    world = lived(plan, faults, interval_s, hours=False)
    twice = []
    for step in world.script:
        twice.append(step)
        message = step.message
        if message is not None and not isinstance(message.event, Heartbeat):
            twice.append(
                Step(step.at + delay, "message", msgspec.structs.replace(message, received_at=step.at + delay))
            )
    twice.sort(key=lambda step: step.at)
    again = told(world.registry, [step for step in twice if step.at <= world.now], world.now)
    assert [words(change) for change in again] == [words(change) for change in world.transitions]


@SETTINGS
@given(PLANS, EVENTS, st.sampled_from([15, 60, 300]), st.booleans())
def test_nothing_happens_without_an_event_or_a_deadline(
    plan: list[list[str]], faults: list[tuple[str, int, int]], interval_s: int, hours: bool
) -> None:
    """Every word has the time of an event, or of a deadline up to which nothing had happened."""
    world = lived(plan, faults, interval_s, hours=hours)
    engine, found = Engine(world.registry, working_days(world.registry.calendar), max_unregistered=10), []
    for step in [*world.script, Step(world.now, "message")]:
        while (due := min(engine.shard.next, engine.correlator.next, engine.arrears.next)) <= step.at and engine.now:
            before = engine.advance(max(due, engine.now) - 1)
            at_it = engine.advance(max(due, engine.now))
            assert not before.transitions
            assert all(change.at == engine.now for change in at_it.transitions)
            found += at_it.transitions
        told_now = Outcome()
        if step.message is not None:
            told_now = engine.observe([step.message])
        elif step.what != "message":
            told_now = (engine.link_down if step.what == "down" else engine.link_up)(step.at)
        assert all(change.at == step.at for change in told_now.transitions)
        found += told_now.transitions
        assert not engine.advance(engine.now)
        assert not engine.observe([])
    assert found == world.transitions


@SETTINGS
@given(PLANS, some([*HAPPENS, *UPSETS, *UPSETS]), st.sampled_from([15, 60, 300]), st.booleans())
def test_whatever_lost_its_cause_is_over_also_with_restarts_and_reloads_in_between(
    plan: list[list[str]], faults: list[tuple[str, int, int]], interval_s: int, hours: bool
) -> None:
    world = lived(plan, faults, interval_s, hours=hours)
    open_ = [one for one in map(name, world.engine.incidents) if one != "terminal_offline stray"]
    assert open_ == [one for one in open_ if one.startswith("weak_signal")]
    assert all(before.at <= after.at for before, after in pairwise(world.transitions))
    check_counts(world)


@SETTINGS
@given(PLANS, some([*HAPPENS, "stop", "region stop", *UPSETS, *UPSETS]), st.sampled_from([15, 60, 300]))
def test_whoever_is_down_is_told_also_with_restarts_and_reloads_in_between(
    plan: list[list[str]], faults: list[tuple[str, int, int]], interval_s: int
) -> None:
    world = troubled(plan, faults, interval_s, hours=False)
    world.run(15 * interval_s)
    correlator = world.engine.correlator
    told = {dict(one.scope).get("terminal") for one in world.engine.incidents}
    down = [one for one in world.engine.fleet.terminals.values() if one.liveness is Liveness.DOWN]
    assert [one.id for one in down if one.id not in told and correlator.outages.explanation(one) is None] == []


@pytest.mark.parametrize("quiet_h", [0, 3])
def test_a_healthy_fleet_tells_nothing_however_often_it_is_asked(quiet_h: int) -> None:
    world = World(shops({"shop": ["CMCC", "CMCC"], "other": ["wifi"]}))
    world.start()
    world.run(quiet_h * HOUR + 600)
    assert world.transitions == []
    for _ in range(100):
        assert not world.engine.advance(world.now)
        assert not world.engine.observe([])


@pytest.mark.parametrize("interval_s", [15, 60, 300])
def test_two_engines_told_the_same_are_the_same(interval_s: int) -> None:
    chance = random.Random(interval_s)
    faults = [
        (chance.choice(["stop", "start", "region stop", "will", "swap"]), chance.randrange(40), 200) for _ in range(40)
    ]
    world = lived([["CMCC"] * 4] * 6, faults, interval_s, hours=False)
    registry: Registry = msgspec.json.decode(msgspec.json.encode(world.registry), type=Registry)
    assert told(registry, world.script, world.now) == world.transitions
    assert world.transitions
