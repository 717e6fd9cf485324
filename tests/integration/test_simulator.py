"""Simulated terminals against a real broker: births, wills, stored sales, and a broker that goes away."""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any, NamedTuple, Protocol

import aiomqtt
import msgspec
import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from fleetmon.model.errors import SinkError
from fleetmon.model.events import Event, Heartbeat, HostHealth, Sequenced, State, Transaction
from fleetmon.model.registry import selects
from fleetmon.model.topics import Topics
from fleetmon.sim.roster import attributes
from fleetmon.sim.scenario import CarrierOutage, NetworkOutage, Scenario, Shutdown, Silence, Step
from fleetmon.sim.settings import SimSettings
from fleetmon.sim.simulator import Progress, simulate
from fleetmon.sim.synthesis import synthesise

FLEET = synthesise(30, 1, 10)
OUTAGE = NetworkOutage(at_s=30, for_s=40, who={"carrier": "CMCC"})
STRUCK = {key for key, row in attributes(FLEET).items() if selects(OUTAGE.who, row)}


class Broker(Protocol):
    port: int

    def restart(self) -> None: ...


class Heard(NamedTuple):
    key: str
    event: Event
    retained: bool


class Listener:
    """A subscriber that keeps all it hears."""

    def __init__(self) -> None:
        self.heard: list[Heard] = []

    def of(self, kind: type[Event]) -> list[tuple[str, Any]]:
        return [(key, event) for key, event, retained in self.heard if isinstance(event, kind) and not retained]

    async def listen(self, client: aiomqtt.Client) -> None:
        async for message in client.messages:
            route = Topics().route(message.topic.value)
            assert route is not None
            assert isinstance(message.payload, bytes)
            event = msgspec.json.decode(message.payload, type=route.kind.struct)
            self.heard.append(Heard(route.key, event, message.retain))


@contextlib.asynccontextmanager
async def listening(port: int, *, keep_s: int = 0) -> AsyncIterator[Listener]:
    """Subscribe; for `keep_s` afterwards the broker keeps what comes."""
    listener = Listener()
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call] # paho has no annotation there
    properties.SessionExpiryInterval = keep_s
    async with aiomqtt.Client(
        "127.0.0.1",
        port,
        identifier="listener",
        protocol=aiomqtt.ProtocolVersion.V5,
        clean_start=not keep_s,
        properties=properties,
    ) as client:
        await client.subscribe("pos/v1/#", qos=1)
        task = asyncio.create_task(listener.listen(client))
        try:
            yield listener
        finally:
            task.cancel()
            await asyncio.wait((task,))


async def until(true: Callable[[], object], timeout_s: float = 20) -> None:
    async with asyncio.timeout(timeout_s):
        while not true():
            await asyncio.sleep(0.02)


def play(
    port: int, duration_s: float, *steps: Step, tell: Callable[[Progress], None] | None = None
) -> Coroutine[None, None, Progress]:
    settings = SimSettings(host="127.0.0.1", port=port, speed=10, sales_per_hour=360)
    return simulate(FLEET, Scenario("test", duration_s, steps), settings, tell)


async def test_an_outage_tells_wills_and_then_the_stored_sales(mosquitto: Broker) -> None:
    async with listening(mosquitto.port) as listener:
        summary = await play(mosquitto.port, 150, OUTAGE)
        await until(lambda: len(listener.heard) >= summary.messages + len(STRUCK))

    births: dict[str, list[State]] = defaultdict(list)
    wills = {}
    for key, state in listener.of(State):
        if state.state == "online":
            births[key].append(state)
        elif state.reason == "lost":
            wills[key] = state
    assert set(births) == {terminal.id for terminal in FLEET.terminals}
    assert set(wills) == STRUCK
    for key, will in wills.items():
        first, second = births[key]
        assert (will.session, will.at, will.boot) == (first.session, first.at, first.boot)
        assert second.session != first.session
        assert second.boot == first.boot

    sales = [(key, sale) for key, sale in listener.of(Transaction) if sale.stage in ("stored", "uploaded")]
    stored = {(key, sale.id) for key, sale in sales if sale.stage == "stored"}
    assert stored == {(key, sale.id) for key, sale in sales if sale.stage == "uploaded"}
    assert len(stored) == summary.uploaded > 0
    assert {key for key, _ in stored} <= STRUCK
    assert any(beat.pending for key, beat in listener.of(Heartbeat) if key in STRUCK)

    numbers = defaultdict(list)
    for key, event in listener.of(Sequenced):
        numbers[key].append(event.seq)
    assert len(numbers) == len(FLEET.terminals)
    assert all(sorted(seqs) == list(range(len(seqs))) for seqs in numbers.values())
    assert listener.of(HostHealth)


async def test_births_and_farewells_are_retained(mosquitto: Broker) -> None:
    shots: list[Progress] = []
    off = Shutdown(at_s=20, who={"carrier": "CUCC"})
    running = asyncio.create_task(play(mosquitto.port, 9999, off, tell=shots.append))
    await until(lambda: shots and shots[-1].underway and shots[-1].connected == 30 - shots[-1].underway[0].terminals)
    async with listening(mosquitto.port) as late:
        await until(lambda: sum(heard.retained for heard in late.heard) == len(FLEET.terminals))
        states = {key: event for key, event, retained in late.heard if retained}
    running.cancel()
    await asyncio.wait((running,))
    assert all(isinstance(state, State) for state in states.values())
    closed = {key for key, state in states.items() if isinstance(state, State) and state.reason == "shutdown"}
    assert closed == {key for key, row in attributes(FLEET).items() if row["carrier"] == "CUCC"}


async def test_the_silent_stay_connected(mosquitto: Broker) -> None:
    async with listening(mosquitto.port) as listener:
        shots: list[Progress] = []
        await play(mosquitto.port, 60, Silence(at_s=20, for_s=30), tell=shots.append)
    during = [shot for shot in shots if 21 < shot.elapsed_s < 49]
    assert len({shot.messages for shot in during}) == 1
    assert all(shot.connected == len(FLEET.terminals) for shot in during)
    assert not [state for _, state in listener.of(State) if state.reason == "lost"]


async def test_a_restart_of_the_broker_loses_no_sale(mosquitto: Broker) -> None:
    shots: list[Progress] = []
    async with listening(mosquitto.port, keep_s=600):
        pass  # from here on the broker keeps everything for the listener
    running = asyncio.create_task(play(mosquitto.port, 120, tell=shots.append))
    await until(lambda: shots and shots[-1].sales > 20)
    await asyncio.to_thread(mosquitto.restart)
    summary = await running
    async with listening(mosquitto.port, keep_s=600) as listener:
        await until(lambda: len(said(listener.heard, "requested")) == summary.sales)
        told = listener.heard
    assert len(said(told, "approved") | said(told, "declined")) > 0.8 * summary.sales
    assert not said(told, "stored")


def said(told: list[Heard], stage: str) -> set[tuple[str, str]]:
    return {(key, event.id) for key, event, _ in told if isinstance(event, Transaction) and event.stage == stage}


LARGE = synthesise(3000, 1, 10)


def play_large(
    port: int, duration_s: float, *steps: Step, tell: Callable[[Progress], None] | None = None
) -> Coroutine[None, None, Progress]:
    settings = SimSettings(host="127.0.0.1", port=port, speed=2, sales_per_hour=20, connects_per_s=1000)
    return simulate(LARGE, Scenario("large", duration_s, steps), settings, tell)


async def test_three_thousand_terminals_share_connections_and_keep_their_wills(mosquitto: Broker) -> None:
    outage = CarrierOutage(at_s=20, for_s=8, who={"carrier": "CMCC"})
    struck = {key for key, row in attributes(LARGE).items() if outage.strikes(row)}
    shots: list[Progress] = []
    async with listening(mosquitto.port) as listener:
        running = asyncio.create_task(play_large(mosquitto.port, 50, outage, tell=shots.append))
        await until(lambda: shots and shots[-1].connected == 3000)
        connections = await clients(mosquitto.port)
        summary = await running
        await until(lambda: len(listener.heard) >= summary.messages + len(struck), 60)
    assert connections <= 6 + 5  # gateways; the hosts, the listener, and who asked

    said: dict[str, list[State]] = defaultdict(list)
    for key, state in listener.of(State):
        said[key].append(state)
    assert set(said) == {terminal.id for terminal in LARGE.terminals}
    for key, states in said.items():
        told = [(state.state, state.reason, state.session) for state in states]
        first, last = states[0].session, states[-1].session
        between = [("offline", "lost", first), ("online", None, last)] if key in struck else []
        assert told == [("online", None, first), *between, ("offline", "shutdown", last)]
    numbers = defaultdict(set)
    for key, event in listener.of(Sequenced):
        numbers[key].add(event.seq)
    assert all(seqs == set(range(len(seqs))) for seqs in numbers.values())


async def test_gateways_come_back_after_a_restart_of_the_broker(mosquitto: Broker) -> None:
    shots: list[Progress] = []
    running = asyncio.create_task(play_large(mosquitto.port, 9999, tell=shots.append))
    await until(lambda: shots and shots[-1].connected == 3000)
    await asyncio.to_thread(mosquitto.restart)
    await until(lambda: shots[-1].connected < 3000)
    await until(lambda: shots[-1].connected == 3000, 90)
    async with listening(mosquitto.port) as late:
        await until(lambda: sum(heard.retained for heard in late.heard) == 3000)
        assert len({heard.key for heard in late.heard if heard.retained}) == 3000, "each has said so for itself"
    running.cancel()
    await asyncio.wait((running,))


async def clients(port: int) -> int:
    """How many connections the broker has, from its own count."""
    async with aiomqtt.Client("127.0.0.1", port, protocol=aiomqtt.ProtocolVersion.V5) as client:
        await client.subscribe("$SYS/broker/clients/connected")
        async with asyncio.timeout(20):
            async for message in client.messages:
                assert isinstance(message.payload, bytes)
                return int(message.payload)
    raise AssertionError


async def test_a_broker_that_is_not_there_is_told_at_once() -> None:
    with pytest.raises(SinkError, match=r"broker 127\.0\.0\.1:1: ") as raised:
        await play(1, 5)
    assert raised.value.retryable
