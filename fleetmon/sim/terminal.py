"""One simulated terminal: its session, its numbering, its heartbeats and what befell it.

No I/O and no clock: it is handed the time and fills `outbox`. Messages of QoS 1 stay there until the
broker has them, so they are repeated with the same numbers after a broken connection, as the contract
allows; heartbeats are not repeated.
"""

import enum
import random
from collections import Counter, deque
from typing import Final, Literal, NamedTuple

import msgspec

from fleetmon.model.events import (
    Attribute,
    Counters,
    Heartbeat,
    Net,
    Pending,
    Poi,
    Power,
    Sequenced,
    State,
)
from fleetmon.model.registry import CELLULAR, Terminal
from fleetmon.model.topics import Kind, Topics
from fleetmon.sim.pace import Moment
from fleetmon.sim.roster import FIRMWARE
from fleetmon.sim.scenario import Device, NetworkOutage, Reboot, Shutdown, Silence, Step
from fleetmon.sim.settings import SimSettings
from fleetmon.sim.till import Till

EPOCH_S: Final = 1_767_225_600  # 2026-01-01, from which boots are counted
_LOCKING: Final = frozenset({"security", "keys", "ped", "reader"})  # without these no card can be taken
_ENCODE: Final = msgspec.json.Encoder().encode


class Outgoing(NamedTuple):
    """A message ready to be published."""

    topic: str
    payload: bytes
    qos: int
    retain: bool


class Reach(enum.Enum):
    """What is left of the way from the terminal to us."""

    ONLINE = "online"
    MUTE = "mute"  # connected, and says nothing
    LOST = "lost"  # no network, or no power: the connection dies without a word
    OFF = "off"  # switched off in good order


class Birthmarks(NamedTuple):
    """What distinguishes a terminal from the others: number in the fleet, attributes, promised interval in seconds."""

    number: int
    attributes: dict[Attribute, str]
    interval_s: int


class SimTerminal:
    """State of one terminal. `now` is scenario seconds and wall time; its own clock is `offset_ms` off the wall's."""

    def __init__(
        self, row: Terminal, marks: Birthmarks, settings: SimSettings, rng: random.Random, started_at: int
    ) -> None:
        # Boots and sales count on from an earlier simulation's, or all of this one's would pass for repetitions.
        self.boot = max(started_at // 1000 - EPOCH_S, 0)
        self.attributes = marks.attributes
        self.till = Till(marks.number, marks.attributes.get("acquirer", ""), settings, rng, self.boot)
        self.outbox: deque[Outgoing] = deque()
        self.offset_ms = rng.randint(-settings.clock_spread_ms, settings.clock_spread_ms)
        self._row = row
        self._rng = rng
        self._interval_s = marks.interval_s
        self._beat_every_s = marks.interval_s * settings.speed
        topics = Topics(settings.prefix)
        self._topics = {kind: topics.topic(kind, row.id) for kind in Kind if kind.sender == "terminal"}
        self._seq = 0
        self._sessions = 0
        self._session = ""
        self._booted_at = started_at
        self._reboots = 0
        self._beat_s = float("inf")
        self._cut_off = False  # from the loss of the network until the first connection after it
        self._befallen: Counter[type[Step]] = Counter()
        self._faults: Counter[str] = Counter()

    @property
    def id(self) -> str:
        """As registered."""
        return self._row.id

    @property
    def reach(self) -> Reach:
        """The worst of what befell it counts."""
        befallen = self._befallen
        if befallen[Shutdown]:
            return Reach.OFF
        if befallen[NetworkOutage] or befallen[Reboot]:
            return Reach.LOST
        return Reach.MUTE if befallen[Silence] else Reach.ONLINE

    def next_s(self, *, connected: bool) -> float:
        """The scenario time at which `advance` has something to do."""
        beat = self._beat_s if connected and self.reach is Reach.ONLINE else float("inf")
        return min(beat, self.till.next_s(online=self._host_reached)) if self._sells else beat

    def advance(self, now: Moment, *, connected: bool) -> None:
        """Do what is due."""
        clock = now.at + self.offset_ms
        if self._sells:
            for report in self.till.work(now, clock, online=self._host_reached):
                self._say(Kind.TRANSACTION, report)
        if connected and self.reach is Reach.ONLINE and now.s >= self._beat_s:
            self._beat_s = max(self._beat_s + self._beat_every_s, now.s)
            self._say(Kind.HEARTBEAT, self._heartbeat(clock))

    def open_session(self, now: Moment) -> tuple[Outgoing, Outgoing]:
        """The last will and the birth of a new connection."""
        clock = now.at + self.offset_ms
        self._sessions += 1
        self._cut_off = False
        self._session = f"{self.boot}-{self._sessions}"
        if self._sessions == 1:
            self._booted_at = now.at
            self._beat_s = now.s + self._rng.uniform(0, self._beat_every_s)  # spreads the load
            self.till.expect(now)
        else:
            self._beat_s = now.s  # says at once what it has stored
        return self._state(self._will(clock)), self._state(self._birth(clock))

    def farewell(self, now: Moment) -> Outgoing:
        """The last word before being switched off."""
        return self._state(self._will(now.at + self.offset_ms, "shutdown"))

    def begin(self, step: Step, now: Moment) -> None:
        """A step befalls the terminal."""
        if isinstance(step, Device):
            self._fault(step, now, cleared=False)
            return
        self._befallen[type(step)] += 1
        self._cut_off |= isinstance(step, NetworkOutage)
        if self.reach in (Reach.LOST, Reach.OFF):
            self.till.interrupt()

    def end(self, step: Step, now: Moment) -> None:
        """A step is over."""
        if isinstance(step, Device):
            self._fault(step, now, cleared=True)
            return
        self._befallen[type(step)] -= 1
        if isinstance(step, Shutdown | Reboot):
            self.boot += 1
            self._reboots += 1
            self._seq = 0
            self._booted_at = now.at
        if not isinstance(step, NetworkOutage):
            self.till.expect(now)

    @property
    def _sells(self) -> bool:
        hangs = self._befallen[Silence] or self._befallen[Reboot] or self._befallen[Shutdown]
        return not hangs and not self._locked and self._sessions > 0

    @property
    def _locked(self) -> bool:
        return any(self._faults[component] > 0 for component in _LOCKING)

    @property
    def _host_reached(self) -> bool:
        return not self._cut_off

    def _fault(self, step: Device, now: Moment, *, cleared: bool) -> None:
        self._say(Kind.DEVICE, step.event(now.at + self.offset_ms, cleared=cleared))
        if cleared or step.action == "clear":
            self._faults[step.component] = 0
            self.till.expect(now)
        elif step.action == "set":
            self._faults[step.component] += 1

    def _say(self, kind: Kind, event: Sequenced) -> None:
        numbered = msgspec.structs.replace(event, boot=self.boot, seq=self._seq)
        self._seq += 1
        self.outbox.append(Outgoing(self._topics[kind], _ENCODE(numbered), kind.qos, kind.retained))

    def _state(self, state: State) -> Outgoing:
        return Outgoing(self._topics[Kind.STATE], _ENCODE(state), Kind.STATE.qos, Kind.STATE.retained)

    def _will(self, clock: int, reason: Literal["lost", "shutdown"] = "lost") -> State:
        return State(clock, "offline", self.boot, self._session, reason, self._interval_s)

    def _birth(self, clock: int) -> State:
        row = self._row
        return State(
            at=clock,
            state="online",
            boot=self.boot,
            session=self._session,
            interval_s=self._interval_s,
            model=row.model or None,
            firmware=FIRMWARE,
            serial=row.serial or None,
            carrier=row.carrier or None,
        )

    def _heartbeat(self, clock: int) -> Heartbeat:
        return Heartbeat(
            at=clock,
            boot=self.boot,
            seq=0,
            interval_s=self._interval_s,
            uptime_s=max(clock - self.offset_ms - self._booted_at, 0) / 1000,
            net=self._net(),
            power=Power(battery=0.97, charging=True),
            poi=self._poi(),
            pending=self._pending(),
            counters=Counters(card_inserts=self.till.made, reboots=self._reboots),
            signed_on=not self._faults["keys"],
        )

    def _net(self) -> Net:
        row, rng = self._row, self._rng
        network = row.network or "4g"
        return Net(
            type=network,
            carrier=row.carrier or None,
            rssi_dbm=round(rng.gauss(-78, 5)) if network in CELLULAR else None,
            rtt_ms=round(max(rng.gauss(70, 15), 8)),
            loss=0.0,
            link=True,
            internet=True,
            host=True,
            reconnects=self._sessions - 1,
        )

    def _poi(self) -> Poi:
        faults = self._faults
        return Poi(
            status="Unreachable" if self._locked else "OK",
            security=not faults["security"],
            ped=not faults["ped"],
            reader=not faults["reader"],
            communication=True,
            printer="OutOfOrder" if faults["printer"] else "OK",
        )

    def _pending(self) -> Pending | None:
        stored = self.till.stored
        if not stored:
            return None
        return Pending(len(stored), sum(sale.amount for sale in stored), stored[0].at)
