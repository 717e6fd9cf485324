"""The daemon: configuration -> objects -> one TaskGroup. The only clock of the house.

The flow of one batch: the subscriber hands over what one read brought; in turns of a few milliseconds it
is decoded, observed by the engine, and submitted to the store; when that has committed, the broker gets
its acknowledgements and the sinks are woken. Everything but the store's thread runs on the event loop, so
there are no locks.
"""

import asyncio
import gc
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial

import structlog

from fleetmon import logs
from fleetmon.announcements import Announcements
from fleetmon.clock import Clock, utc
from fleetmon.config import Config, Loaded, nothing_to_read
from fleetmon.dispatch import Dispatch
from fleetmon.engine import Engine, Outcome
from fleetmon.enrolment import Enrolment
from fleetmon.ingest.intake import Intake, Packet
from fleetmon.ingest.mqtt import Connection, Subscriber
from fleetmon.ingest.quarantine import Quarantine
from fleetmon.maintenance import Maintenance
from fleetmon.model.days import WorkingDays
from fleetmon.model.errors import ConfigError, DecodeError
from fleetmon.model.incident import Transition
from fleetmon.model.topics import Topics
from fleetmon.morning import Morning
from fleetmon.readout import Readout, Vitals
from fleetmon.recollection import Recollection
from fleetmon.sinks.silences import mirrors
from fleetmon.snapshots import Snapshots
from fleetmon.store import Store, Work
from fleetmon.supervision import UNSUPERVISED, Supervision
from fleetmon.turns import Portion, Turns
from fleetmon.vigil import Vigil
from fleetmon.web.web import listen, serve

TICK_S = 0.1
TELL_AT_ONCE = 500  # transitions, and then others get their turn
GIL_S = 0.000_5  # the writer's thread lets go of the interpreter after so long; by itself after 5 ms
log = structlog.get_logger("fleetmon")
_REMEDIES = {
    "unregistered_limit": "too many terminals that the registry lacks; see max_unregistered",
    "unknown_host": '"{key}" is no host, provider or carrier of the registry; correct the topic, or add it to the '
    "registry: the notice is kept, and holds from then on",
}  # for what the engine would not take


class Daemon:
    """One running fleetmon. `subscribe=False` leaves the broker out; then `accept` is the way in."""

    def __init__(
        self,
        loaded: Loaded,
        *,
        subscribe: bool = True,
        on_transition: Callable[[Transition], None] = lambda _: None,
        reread: Callable[[], Loaded] | None = None,
        supervision: Supervision = UNSUPERVISED,
    ) -> None:
        """Open the store and take the port; raises ConfigError or StoreError. Call `run` next.

        `reread` reads the configuration again, for `reload`.
        """
        config = loaded.config
        self.config = config
        self.tokens = loaded.tokens
        self.topics = Topics(config.mqtt.prefix)
        self.listener = listen(config.web)
        self.store = Store(config.store, loaded.store_password, self._writer_crashed)
        self.engine = Engine(loaded.registry, loaded.days, config.response_codes)
        self._tune(config)
        clock = self._clock = Clock(self.engine.stalled)
        self._enrolment = Enrolment(self.engine.fleet)
        self._snapshots = Snapshots(self.engine, self.store, self._enrolment, clock.wall)
        self._recollection = Recollection(self.engine, self.store, config.ledger_days, clock.wall)
        self.quarantine = Quarantine()
        self._turns = Turns(
            self.engine, now=clock.now, take=self._take, keep=self._keep, caught_up=self._read_on, crash=self._crash
        )
        self.subscriber = Subscriber(
            config.mqtt, (loaded.username, loaded.password), self._turns.deliver, self._on_link, time.monotonic
        )
        self.intake = Intake(
            self.topics,
            self.quarantine,
            known=self.engine.fleet.terminals,
            own={self.subscriber.canary_topic: self.subscriber.canary_heard},
        )
        self.announcements = Announcements(config.alertmanager, self.engine, self.store, clock.wall)
        self.silences = mirrors(config.alertmanager, config.mqtt.client_id, self.engine, utc)
        self.dispatch = Dispatch(loaded, self.engine, self.store)
        act = self._turns.between
        self.maintenance = Maintenance(loaded, self.engine, self.store, act, clock.wall, self.dispatch)
        self.readout = self._read_out()
        self._vigil = Vigil(self.store, clock.wall)
        self._morning = Morning(
            config.report, self._working_days, self.store, partial(self.readout.reports.make, None),
            self.dispatch.send, clock.wall, self.readout.recalled,
        )  # fmt: skip
        self._subscribe, self._supervision = subscribe, supervision
        self._on_transition = on_transition
        self._link_trouble: str | None = "not connected yet"
        self._last_message: int | None = None
        self._uncommitted = 0
        self._loop_lag_s = 0.0
        self._failure: asyncio.Future[None] | None = None
        self._connection: Connection | None = None  # the latest that brought something
        self._written: deque[tuple[list[Transition], Connection | None, list[int]]] = deque()  # committed, not told yet
        self._reread = reread or nothing_to_read
        self._reloads: tuple[bool, float] = (True, clock.wall() / 1000)  # whether the last succeeded; when one did

    @property
    def port(self) -> int:
        """The port of the HTTP server."""
        return int(self.listener.getsockname()[1])

    async def run(self) -> None:
        """Restore, watch, until cancelled; then write everything down. Raises what made it impossible."""
        self._loop = asyncio.get_running_loop()
        self._failure = self._loop.create_future()
        sys.setswitchinterval(GIL_S)
        in_order = False
        try:
            self._restore()
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(serve(self.listener, self.readout, self.config.web))
                self.announcements.start(tasks)
                for mirror in self.silences:
                    tasks.create_task(mirror.run())
                watch = self._supervision.watch(self._progress, self.not_ready)
                for endless in (self._tick(), self._fail(), watch):
                    tasks.create_task(endless)
                rooms = self._recollection, self._snapshots, self.maintenance, self.dispatch, self._vigil, self._morning
                for one in rooms:
                    tasks.create_task(one.run())
                if self._subscribe:
                    tasks.create_task(self.subscriber.run())
                else:
                    self._on_link(None)  # what comes through `accept` is all there is
        except asyncio.CancelledError:
            in_order = True
            raise
        finally:
            self._close(in_order=in_order)

    def accept(self, packets: Sequence[Packet]) -> None:
        """The batch entry without a broker: publications of a fleet in the same process."""
        self._handle(self._observe(packets, self._clock.now()), None, [])

    async def reload(self) -> None:
        """Take the registry, the tokens and the log level anew; raises ConfigError, and then nothing has changed."""
        with self._supervision.reloading():
            await self._reload()

    async def _reload(self) -> None:
        self._reloads = False, self._reloads[1]
        try:
            loaded = await asyncio.to_thread(self._reread)
            loaded.config.check_reload(self.config)
        except ConfigError as error:
            log.warning("configuration refused, the old one stays", problems=error.problems)
            raise
        self.config, self.tokens = loaded.config, loaded.tokens
        self._tune(loaded.config)
        self.engine.register(loaded.registry, loaded.days, loaded.config.response_codes)
        self.maintenance.reload(loaded.config)
        self._enrolment.begin_anew()
        logs.configure(loaded.config.log)
        self._reloads = True, self._clock.wall() / 1000
        log.info("configuration reloaded", terminals=len(loaded.registry.terminals))

    def _read_out(self) -> Readout:
        return Readout(
            self.engine,
            self.store,
            self.intake,
            self.topics,
            self.subscriber,
            self.announcements.alertmanagers,
            self.silences,
            self.dispatch.routes,
            vitals=self._vitals,
            tokens=lambda: self.tokens,
            reload=self.reload,
            act=self._turns.between,
            planning=self.maintenance.port,
            zone=self.config.report.zone,
        )

    def _working_days(self) -> WorkingDays:
        return self.engine.explainer.ledger.directory.days

    def _tune(self, config: Config) -> None:
        self.engine.fleet.max_unregistered = config.max_unregistered
        self.engine.arrears.paged_from = config.settlement_paged_from
        allowed = config.detection
        patience = self.engine.shard.habits.patience
        patience.allow(allowed.false_suspicions_per_30_days, allowed.false_tickets_per_30_days)

    # -- in ----------------------------------------------------------------------------------------

    def _take(self, portion: Portion, now: int) -> None:
        """Some of what one read brought."""
        connection, packets = portion
        self._connection = connection
        ids = [packet.packet_id for packet in packets if packet.packet_id is not None]
        self._handle(self._observe(packets, now), connection, ids)

    def _keep(self, outcome: Outcome) -> None:
        """What the passing of time brought about."""
        self._handle(outcome, None, [])

    def _observe(self, packets: Sequence[Packet], now: int) -> Outcome:
        messages = self.intake.take(packets, now)
        if messages:
            self._last_message = now
        return self.engine.observe(messages)

    def _on_link(self, trouble: str | None) -> None:
        was_up, self._link_trouble = self._link_trouble is None, trouble
        now = self._clock.now()
        if trouble is None:
            log.info("link up", broker=f"{self.config.mqtt.host}:{self.config.mqtt.port}")
            self._handle(self.engine.link_up(now), None, [])
        elif was_up:
            log.warning("link down", reason=trouble)
            self._handle(self.engine.link_down(now), None, [])

    def _handle(self, outcome: Outcome, connection: Connection | None, ids: list[int]) -> None:
        """Have it stored; everything visible from outside waits for `_committed`."""
        for refusal in outcome.refusals:
            message = refusal.message
            error = DecodeError(refusal.reason, _REMEDIES[refusal.reason].format(key=message.key))
            self.quarantine.put(message.received_at, message.topic, message.payload, error)
        refused = self.quarantine.take()
        for mirror in self.silences if outcome.windows else ():
            mirror.wake()
        if not (outcome or refused or ids):
            return
        self.maintenance.tell(outcome.windows)
        self._uncommitted += len(ids)
        if connection is not None and self._uncommitted > self.config.mqtt.max_uncommitted:
            connection.pause()
        self.store.submit(
            Work(
                partial(self._note_written, (outcome.transitions, connection, ids)),
                facts=outcome.facts,
                transitions=outcome.transitions,
                owners=self.announcements.owners(outcome.transitions),
                notices=self.dispatch.due(outcome.transitions),
                changes=outcome.changes,
                episodes=outcome.episodes,
                settlements=outcome.settlements,
                windows=outcome.windows,
                audit=outcome.audit,
                terminals=self._enrolment.news(outcome),
                refused=refused,
                at=self._clock.wall(),
            )
        )

    def _note_written(self, work: tuple[list[Transition], Connection | None, list[int]]) -> None:
        """In the writer's thread: safe on the disk. One call tells the loop of all that it has not looked at yet."""
        self._written.append(work)
        if len(self._written) == 1:
            self._loop.call_soon_threadsafe(self._committed)

    def _committed(self) -> None:
        """Acknowledge, in one packet to the broker for each connection, then tell."""
        safe: dict[Connection, list[int]] = {}
        told: list[Transition] = []
        while self._written and len(told) < TELL_AT_ONCE:
            transitions, connection, ids = self._written.popleft()
            self._uncommitted -= len(ids)
            told += transitions
            if connection is not None and ids:
                safe.setdefault(connection, []).extend(ids)
        for connection, ids in safe.items():
            connection.acknowledge(ids)
        self._read_on()
        if told:
            self._tell(told)
        if self._written:
            self._loop.call_soon(self._committed)

    def _read_on(self) -> None:
        connection = self._connection
        if connection is None or not connection.paused or self._turns.busy:
            return
        if self._uncommitted < self.config.mqtt.max_uncommitted // 2:
            connection.resume()

    # -- out ---------------------------------------------------------------------------------------

    def _tell(self, transitions: list[Transition]) -> None:
        self.maintenance.tell(transitions=transitions)
        for change in transitions:
            self._on_transition(change)
        self.announcements.tell(transitions)
        self.dispatch.wake()

    # -- time --------------------------------------------------------------------------------------

    async def _tick(self) -> None:
        while True:
            self._turns.tick()
            before = self._loop.time()
            await asyncio.sleep(TICK_S)
            lag = self._loop.time() - before - TICK_S
            self._loop_lag_s = max(lag, self._loop_lag_s * 0.99)  # fades within about a minute

    # -- start and end -----------------------------------------------------------------------------

    def _restore(self) -> None:
        now = self._clock.now()
        found = self._recollection.restore(now)
        self.announcements.restore(found)
        self._handle(self.maintenance.restore(now), None, [])
        self._handle(self.engine.link_down(now), None, [])  # deaf until the broker says otherwise
        gc.enable()
        gc.freeze()  # what was read will stay: the collector need not walk a million terminals again
        self._clock.excuse()  # reading a million terminals back was no stall
        log.info("restored", terminals=len(found.records), facts=len(found.facts), incidents=len(found.firing))

    def _crash(self, error: Exception) -> None:
        if self._failure is not None and not self._failure.done():
            self._failure.set_exception(error)

    def _writer_crashed(self, error: Exception) -> None:
        """Called in the writer's thread."""
        self._loop.call_soon_threadsafe(self._crash, error)

    async def _fail(self) -> None:
        assert self._failure is not None
        await self._failure

    def _close(self, *, in_order: bool) -> None:
        """After a fault of our own the soft state is not to be trusted: the facts are, and a restart reads them."""
        self._supervision.stopping()
        self.readout.close()
        self.listener.close()
        if in_order:
            self._snapshots.write_all()
        if not self.store.close():
            log.error("store not written in time; the broker still has what was not acknowledged")

    # -- what the web asks -------------------------------------------------------------------------

    def not_ready(self) -> list[str]:
        """What is missing before fleetmon can be relied on; empty when nothing is."""
        return self.readout.not_ready()

    def _progress(self) -> tuple[int, ...]:
        return self._turns.rounds, self.store.attempts

    def _vitals(self) -> Vitals:
        age_s = self.subscriber.canary_age_s
        last_canary_s = None if age_s is None else self._clock.wall() / 1000 - age_s
        unheard = self.announcements.unheard
        return Vitals(
            self._link_trouble, self._last_message, last_canary_s, self._uncommitted, unheard, self._loop_lag_s,
            *self._reloads,
        )  # fmt: skip
