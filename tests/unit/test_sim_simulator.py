"""The whole simulation in virtual time, over lines within the process."""

import asyncio
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from fleetmon.model.errors import ConfigError, SinkError
from fleetmon.model.events import Event, Heartbeat, HostHealth, Sequenced, State, Transaction
from fleetmon.model.registry import selects
from fleetmon.model.topics import Topics
from fleetmon.sim.leap import leap, virtual_clock
from fleetmon.sim.link import DirectLink
from fleetmon.sim.roster import attributes
from fleetmon.sim.scenario import NetworkOutage, Reboot, Scenario, Shutdown, shipped
from fleetmon.sim.settings import SimSettings
from fleetmon.sim.simulator import Progress, Simulator
from fleetmon.sim.synthesis import synthesise
from fleetmon.sim.terminal import Outgoing

T0 = 1_795_000_000_000
FLEET = synthesise(100, 1, 10)
DEMO = shipped("carrier-outage")
EXACT = SimSettings(clock_spread_ms=0, sales_per_hour=60)
clock = virtual_clock(T0)


class Listener:
    """Hears everything, with the time of arrival."""

    def __init__(self) -> None:
        self.heard: list[tuple[int, str, Event]] = []

    def deliver(self, batch: list[tuple[str, bytes]]) -> None:
        for topic, payload in batch:
            route = Topics().route(topic)
            assert route is not None
            self.heard.append((clock(), route.key, msgspec.json.decode(payload, type=route.kind.struct)))

    def of(self, kind: type[Event]) -> list[tuple[int, str, Any]]:
        return [heard for heard in self.heard if isinstance(heard[2], kind)]


def play(
    scenario: Scenario, settings: SimSettings = EXACT, on_progress: Callable[[Progress], None] | None = None
) -> tuple[Listener, Progress]:
    listener = Listener()

    async def run() -> Progress:
        links = lambda _id, _lost: DirectLink(listener.deliver)  # noqa: E731
        return await Simulator(FLEET, scenario, settings, links, clock, on_progress).run()

    return listener, leap(run())


def test_the_fleet_comes_up_speaks_and_says_farewell() -> None:
    listener, summary = play(Scenario("quiet", 60))
    states = defaultdict(list)
    for _, key, state in listener.of(State):
        states[key].append((state.state, state.reason))
    assert len(states) == 100
    assert all(said == [("online", None), ("offline", "shutdown")] for said in states.values())
    assert 500 <= len(listener.of(Heartbeat)) <= 600
    assert summary.messages == len(listener.heard)
    assert summary.connected == 0
    assert summary.sales > 50
    assert summary.elapsed_s == pytest.approx(60, abs=1)


def test_numbers_are_gapless_whatever_happens() -> None:
    story = Scenario(
        "wild",
        300,
        (
            NetworkOutage(at_s=30, for_s=60, who={"carrier": "CMCC"}),
            Reboot(at_s=50, who={"region": "changsha-yuhua"}),
            Shutdown(at_s=100, for_s=30, who={"model": "A920"}),
            NetworkOutage(at_s=200),
        ),
    )
    listener, _ = play(story)
    numbers = defaultdict(list)
    for _, key, event in listener.of(Sequenced):
        numbers[key, event.boot].append(event.seq)
    assert len(numbers) > 120
    assert all(seqs == list(range(len(seqs))) for seqs in numbers.values())


def test_the_demonstration_strikes_those_selected_and_nobody_else() -> None:
    struck = {key for key, row in attributes(FLEET).items() if selects(DEMO.steps[0].who, row)}
    snapshots: list[Progress] = []
    listener, summary = play(DEMO, on_progress=snapshots.append)
    lost = [(at, key) for at, key, state in listener.of(State) if state.reason == "lost"]
    assert {key for _, key in lost} == struck
    assert len(lost) == len(struck) >= 10
    assert all(40_000 <= at - T0 <= 41_000 for at, _ in lost)
    assert not [key for at, key, _ in listener.of(Sequenced) if 41_000 < at - T0 < 100_000 and key in struck]
    stored = [sale.id for _, _, sale in listener.of(Transaction) if sale.stage == "stored"]
    uploaded = [sale.id for _, _, sale in listener.of(Transaction) if sale.stage == "uploaded"]
    assert sorted(stored) == sorted(uploaded) != []
    during = [shot for shot in snapshots if 42 < shot.elapsed_s < 99]
    assert all(shot.connected == 100 - len(struck) for shot in during)
    assert all(shot.underway[0].terminals == len(struck) for shot in during)
    assert 0 < max(shot.stored for shot in during) <= len(stored)
    assert max(shot.stored_amount for shot in during) > 0
    assert summary.uploaded == len(stored)
    assert summary.stored == 0
    assert summary.underway == ()


def test_the_same_seed_gives_the_same_life() -> None:
    assert play(DEMO)[0].heard == play(DEMO)[0].heard


def test_speed_shortens_the_promise_and_not_the_story() -> None:
    listener, summary = play(DEMO, SimSettings(speed=5, clock_spread_ms=0, sales_per_hour=60))
    assert {state.interval_s for _, _, state in listener.of(State)} == {2}
    assert max(at for at, _, _ in listener.heard) - T0 == pytest.approx(170_000 / 5, abs=1000)
    assert summary.uploaded > 0
    assert all(abs(event.at - at) < 100 for at, _, event in listener.of(Heartbeat))  # wall time, not scenario time


def test_hosts_report_the_answers_they_gave() -> None:
    listener, summary = play(Scenario("quiet", 180.5))
    reports = [health for _, _, health in listener.of(HostHealth)]
    assert len(reports) == 3 * 3
    assert all(health.window_s == pytest.approx(60, abs=0.1) for health in reports)
    assert all(sum(health.codes.values()) == health.requests for health in reports)
    answered = sum(health.requests for health in reports)
    assert 0.9 * summary.sales < answered <= summary.sales


def test_a_selector_for_nobody_is_refused_before_anything_starts() -> None:
    with pytest.raises(ConfigError, match="selects no terminal"):
        play(Scenario("x", 10, (Shutdown(at_s=1, who={"terminal": "nobody"}),)))


def test_an_interrupted_simulation_still_says_farewell() -> None:
    listener = Listener()

    async def run() -> None:
        links = lambda _id, _lost: DirectLink(listener.deliver)  # noqa: E731
        running = asyncio.create_task(Simulator(FLEET, Scenario("long", 9999), EXACT, links, clock).run())
        await asyncio.sleep(30)
        running.cancel()
        await asyncio.wait((running,))

    leap(run())
    assert sum(state.reason == "shutdown" for _, _, state in listener.of(State)) == 100


def test_a_cut_direct_line_delivers_the_will_once_and_before_what_is_newer() -> None:
    listener: list[bytes] = []

    async def run() -> None:
        link = DirectLink(lambda batch: listener.extend(payload for _, payload in batch))
        will = Outgoing("t", b"will", 1, retain=True)
        await link.connect(will)
        await link.cut()
        with pytest.raises(SinkError):
            await link.publish(will)
        assert listener == []
        await link.connect(will)
        assert listener == [b"will"]
        await link.close()
        await asyncio.sleep(5)

    leap(run())
    assert listener == [b"will"]
