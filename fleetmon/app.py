"""The daemon: configuration -> objects -> one TaskGroup. The only clock of the house.

The flow of one batch: the subscriber hands over what one read brought; it is decoded, observed by the
engine, and submitted to the store; when that has committed, the broker gets its acknowledgements and
the sinks are woken. Everything but the store's thread runs on the event loop, so there are no locks.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from functools import partial

import mqtt5
import structlog

from fleetmon.config import Loaded
from fleetmon.detect import POLICIES
from fleetmon.engine import Engine, Outcome
from fleetmon.engine.snapshot import record
from fleetmon.ingest.intake import Intake, Packet
from fleetmon.ingest.mqtt import Connection, Subscriber
from fleetmon.ingest.quarantine import Quarantine
from fleetmon.model.errors import DecodeError
from fleetmon.model.incident import Incident, Status, Transition
from fleetmon.model.terminal import PARTITIONS
from fleetmon.model.topics import Topics
from fleetmon.sinks.alertmanager import Alertmanager
from fleetmon.sinks.board import RESOLVED_KEPT_MS, Board
from fleetmon.sinks.metrics import Readings, render
from fleetmon.store import Store, Work
from fleetmon.web.web import Ports, listen, serve

TICK_S = 0.1
STALL_MS = 2_000  # a longer pause of our own is deafness
SNAPSHOT_EVERY_S = 120.0 / PARTITIONS
log = structlog.get_logger("fleetmon")


class Daemon:
    """One running fleetmon. `subscribe=False` leaves the broker out; then `accept` is the way in."""

    def __init__(
        self, loaded: Loaded, *, subscribe: bool = True, on_transition: Callable[[Transition], None] = lambda _: None
    ) -> None:
        """Open the store and take the port; raises ConfigError or StoreError. Call `run` next."""
        config = loaded.config
        self.config = config
        self.topics = Topics(config.mqtt.prefix)
        self.listener = listen(config.web)
        self.store = Store(config.store)
        self.engine = Engine(loaded.registry, max_unregistered=config.max_unregistered)
        self.board = Board()
        self.quarantine = Quarantine()
        self.subscriber = Subscriber(
            config.mqtt, (loaded.username, loaded.password), self._deliver, self._on_link, time.monotonic
        )
        self.intake = Intake(
            self.topics,
            self.quarantine,
            max_routes=len(loaded.registry.terminals) + config.max_unregistered,
            own={self.subscriber.canary_topic: self.subscriber.canary_heard},
        )
        self.alertmanagers = [
            Alertmanager(url, config.alertmanager, self._current, self._accepted) for url in config.alertmanager.urls
        ]
        self._subscribe = subscribe
        self._on_transition = on_transition
        self._started = time.time_ns() // 1_000_000 - int(time.monotonic() * 1000)
        self._looked = 0
        self._link_trouble: str | None = "not connected yet"
        self._uncommitted = 0
        self._outbox: dict[tuple[str, str], int] = {}
        self._loop_lag_s = 0.0
        self._failure: asyncio.Future[None] | None = None
        self._connection: Connection | None = None

    @property
    def port(self) -> int:
        """The port of the HTTP server."""
        return int(self.listener.getsockname()[1])

    async def run(self) -> None:
        """Restore, watch, until cancelled; then write everything down. Raises what made it impossible."""
        self._loop = asyncio.get_running_loop()
        self._failure = self._loop.create_future()
        try:
            self._restore()
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(serve(self.listener, self._ports()))
                for alertmanager in self.alertmanagers:
                    tasks.create_task(alertmanager.run())
                tasks.create_task(self._tick())
                tasks.create_task(self._snapshots())
                tasks.create_task(self._fail())
                if self._subscribe:
                    tasks.create_task(self.subscriber.run())
                else:
                    self._on_link(None)  # what comes through `accept` is all there is
        finally:
            self._close()

    def accept(self, packets: Sequence[Packet]) -> None:
        """The batch entry without a broker: publications of a fleet in the same process."""
        self._handle(self.engine.observe(self.intake.take(packets, self._now())), None, [])

    # -- in ----------------------------------------------------------------------------------------

    def _deliver(self, connection: Connection, packets: list[mqtt5.PublishPacket]) -> None:
        """Called by the transport with all that one read brought."""
        try:
            outcome = self.engine.observe(self.intake.take(packets, self._now()))
            ids = [packet.packet_id for packet in packets if packet.packet_id is not None]
            self._handle(outcome, connection, ids)
        except Exception as error:  # noqa: BLE001 - ours, whatever it is: crash loudly, in `run`
            self._crash(error)

    def _on_link(self, trouble: str | None) -> None:
        self._link_trouble = trouble
        now = self._now()
        if trouble is None:
            log.info("link up", broker=f"{self.config.mqtt.host}:{self.config.mqtt.port}")
            self._handle(self.engine.link_up(now), None, [])
        elif not self.engine.deaf:
            log.warning("link down", reason=trouble)
            self._handle(self.engine.link_down(now), None, [])

    def _handle(self, outcome: Outcome, connection: Connection | None, ids: list[int]) -> None:
        """Have it stored; everything visible from outside waits for `_committed`."""
        for refusal in outcome.refusals:
            message = refusal.message
            error = DecodeError(refusal.reason, "too many terminals that the registry lacks; see max_unregistered")
            self.quarantine.put(message.received_at, message.topic, message.payload, error)
        refused = self.quarantine.take()
        if not (outcome or refused or ids):
            return
        self._uncommitted += len(ids)
        if connection is not None and self._uncommitted > self.config.mqtt.max_uncommitted:
            connection.pause()
        done = partial(self._loop.call_soon_threadsafe, self._committed, outcome.transitions, connection, ids)
        self.store.submit(Work(done, outcome.facts, outcome.transitions, refused))

    def _committed(self, transitions: list[Transition], connection: Connection | None, ids: list[int]) -> None:
        """Safe on the disk: acknowledge, then tell."""
        self._uncommitted -= len(ids)
        if connection is not None:
            connection.acknowledge(ids)
            if connection.paused and self._uncommitted < self.config.mqtt.max_uncommitted // 2:
                connection.resume()
        if transitions:
            self._tell(transitions)

    # -- out ---------------------------------------------------------------------------------------

    def _tell(self, transitions: list[Transition]) -> None:
        for change in transitions:
            incident = change.incident
            moved = change.before is not incident.status
            self._on_transition(change)
            if incident.fired_at is None or not moved:
                continue
            log.info(
                "incident", status=incident.status.value, kind=incident.kind, incident=incident.id,
                scope=dict(incident.scope), terminals=incident.terminals, reason=change.reason,
            )  # fmt: skip
            if incident.paged_at is not None:
                self._outbox[incident.id, incident.status.value] = change.at
        self.board.put(change.incident for change in transitions)
        if any(change.incident.paged_at is not None for change in transitions):
            for alertmanager in self.alertmanagers:
                alertmanager.wake()
        if not self.alertmanagers:
            self._accepted(list(self._outbox))  # nobody is to be told

    def _current(self) -> tuple[int, list[Incident]]:
        now = self._wall()
        return now, self.board.current(now)

    def _accepted(self, told: list[tuple[str, str]]) -> None:
        """One Alertmanager has it; the others get it with their own re-sends."""
        news = [key for key in told if self._outbox.pop(key, None) is not None]
        if news:
            self.store.submit(Work(lambda: None, delivered=news, at=self._wall()))

    # -- time --------------------------------------------------------------------------------------

    def _wall(self) -> int:
        """Milliseconds since 1970, from the wall clock at the start and the monotonic one since."""
        return self._started + int(time.monotonic() * 1000)

    def _now(self) -> int:
        """The time for the engine; if nobody looked for a while, that was deafness of our own."""
        now = self._wall()
        if self._looked and now - self._looked > STALL_MS:
            log.warning("stalled", for_ms=now - self._looked)
            self.engine.stalled(now)
        self._looked = now
        return now

    async def _tick(self) -> None:
        while True:
            before = self._loop.time()
            self._handle(self.engine.advance(self._now()), None, [])
            await asyncio.sleep(TICK_S)
            lag = self._loop.time() - before - TICK_S
            self._loop_lag_s = max(lag, self._loop_lag_s * 0.99)  # fades within about a minute

    async def _snapshots(self) -> None:
        """One partition after the other, all of them within two minutes."""
        while True:
            for partition in range(PARTITIONS):
                self._snapshot(partition)
                await asyncio.sleep(SNAPSHOT_EVERY_S)

    def _snapshot(self, partition: int) -> None:
        shard = self.engine.shard
        records = [record(shard, terminal) for terminal in self.engine.fleet.partitions[partition]]
        self.store.submit(Work(lambda: None, partition=partition, records=records))

    # -- start and end -----------------------------------------------------------------------------

    def _restore(self) -> None:
        now = self._now()
        partitions = {key: terminal.partition for key, terminal in self.engine.fleet.terminals.items()}
        found = self.store.restore(partitions, now - RESOLVED_KEPT_MS)
        self.engine.restore(found.records, found.facts, found.firing)
        self.board.put([*found.firing, *found.resolved])
        self._outbox = {(incident, status): at for incident, status, at in self.store.undelivered()}
        self._handle(self.engine.link_down(now), None, [])  # deaf until the broker says otherwise
        log.info("restored", terminals=len(found.records), facts=len(found.facts), incidents=len(found.firing))

    def _crash(self, error: Exception) -> None:
        if self._failure is not None and not self._failure.done():
            self._failure.set_exception(error)

    async def _fail(self) -> None:
        assert self._failure is not None
        await self._failure

    def _close(self) -> None:
        self.listener.close()
        for partition in range(PARTITIONS):
            self._snapshot(partition)
        if not self.store.close():
            log.error("store not written in time; the broker still has what was not acknowledged")

    # -- what the web asks -------------------------------------------------------------------------

    def _ports(self) -> Ports:
        return Ports(
            metrics=lambda: partial(render, self._readings()), not_ready=self.not_ready, incidents=self._incidents
        )

    def not_ready(self) -> list[str]:
        """What is missing before fleetmon can be relied on; empty when nothing is."""
        missing = []
        if self._link_trouble is not None:
            missing.append(f"broker: {self._link_trouble}")
        if self.store.failing is not None:
            missing.append(f"store: {self.store.failing}")
        if self.alertmanagers and all(one.sends == one.failures for one in self.alertmanagers):
            missing.append("alertmanager: none was reached yet")
        return missing

    async def _incidents(self, status: str | None, kind: str | None, limit: int) -> list[Incident]:
        pending = [
            incident
            for incident in self.engine.incidents
            if incident.status is Status.PENDING and status in (None, "pending") and kind in (None, incident.kind)
        ]
        stored = await asyncio.to_thread(self.store.incidents, status, kind, limit)
        return sorted([*pending, *stored], key=lambda incident: (-incident.opened_at, incident.id))[:limit]

    def _readings(self) -> Readings:
        return Readings(
            census=dict(self.engine.fleet.census.counts),
            unregistered=self.engine.fleet.census.unregistered,
            deaf=self.engine.deaf,
            kinds=tuple(POLICIES),
            incidents=self.engine.incidents,
            messages=dict(self.intake.counts),
            refused=dict(self.quarantine.counts),
            order=dict(self.engine.shard.counts),
            connects=self.subscriber.connects,
            canary_lag_s=self.subscriber.canary_lag_s,
            uncommitted=self._uncommitted,
            commits=self.store.commits,
            outbox=len(self._outbox),
            outbox_oldest_s=min(self._outbox.values()) / 1000 if self._outbox else None,
            alertmanagers={one.url: (one.sends, one.failures) for one in self.alertmanagers},
            loop_lag_s=self._loop_lag_s,
            cpu_s=time.process_time(),
        )
