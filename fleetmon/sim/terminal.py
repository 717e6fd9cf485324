"""One simulated terminal: its session, its numbering, its heartbeats and what befell it.

No I/O and no clock: it is handed the time and fills `outbox`. Messages of QoS 1 stay there until the
broker has them, so they are repeated with the same numbers after a broken connection, as the contract
allows; heartbeats are not repeated, and those that its line loses never get there.
"""

import enum
from collections import Counter, deque
from typing import Final, Literal, NamedTuple

import msgspec

from fleetmon.model.events import (
    Attribute,
    Heartbeat,
    Net,
    Pending,
    Poi,
    Sequenced,
    State,
)
from fleetmon.model.hours import Hours
from fleetmon.model.registry import CELLULAR, Terminal
from fleetmon.model.terms import Terms
from fleetmon.model.topics import Kind, Topics
from fleetmon.sim.air import Air
from fleetmon.sim.chance import Chance, log_uniform
from fleetmon.sim.demand import Demand, course_of
from fleetmon.sim.drawer import Drawer
from fleetmon.sim.pace import Moment
from fleetmon.sim.roster import FIRMWARE
from fleetmon.sim.scenario import Device, Effect, HostOutage, Loss, Skew, Step, Swap
from fleetmon.sim.settings import SimSettings
from fleetmon.sim.till import Till
from fleetmon.sim.wear import USELESS, Body

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
    mcc: str = ""
    hours: Hours | None = None  # None: nobody knows or keeps them
    trade: float = 1.0  # of its merchant, in proportion to the average
    batches: Terms | None = None  # of its merchant, under terminal capture


class SimTerminal:
    """A terminal that is handed the time, and says what it has to say."""

    def __init__(
        self, row: Terminal, marks: Birthmarks, settings: SimSettings, chance: Chance, started_at: int
    ) -> None:
        habits = settings.habits
        # Boots and sales count on from an earlier simulation's, or all of this one's would pass for repetitions.
        self.boot = max(started_at // 1000 - EPOCH_S, 0)
        self.attributes = marks.attributes
        course = course_of(marks.mcc) if habits.sales.course else None
        demand = Demand(settings.sales_per_hour * marks.trade, course, marks.hours, settings.speed)
        drawer = Drawer(marks.batches, marks.hours, settings.speed, self.boot) if marks.batches else None
        acquirer = marks.attributes.get("acquirer", "")
        self.till = Till(marks.number, acquirer, settings, chance, self.boot, demand, drawer)
        self.outbox: deque[Outgoing] = deque()
        self.offset_ms = _error(settings, chance)
        self.air = Air(habits.line, chance)
        self.till.unanswered *= 1 + 100 * self.air.loss
        self._body = Body(habits.wear, chance)
        self._hours = marks.hours
        self._row = row
        self._serial = row.serial
        self._chance = chance
        self._interval_s = marks.interval_s
        self._beat_every_s = marks.interval_s * settings.speed
        topics = Topics(settings.prefix)
        self._topics = {kind: topics.topic(kind, row.id) for kind in Kind if kind.sender == "terminal"}
        self._seq = 0
        self._sessions = 0
        self._session = ""
        self._booted_at = started_at
        self._reboots = 0
        self._swaps = 0
        self._rhythm_s = self._beat_s = float("inf")  # when the next heartbeat ought to go and when it will
        self._cut_off = False  # from the loss of the network until the first connection after it
        self._flat = False
        self.reach = Reach.ONLINE
        self._stuck = False  # nothing can be sold, whatever the network
        self._befallen: Counter[Effect] = Counter()
        self._faults: Counter[str] = Counter()

    @property
    def id(self) -> str:
        """As registered."""
        return self._row.id

    def next_s(self, *, connected: bool) -> float:
        """The scenario time at which `advance` has something to do."""
        if self._flat and self._body.battery is not None:
            return 0.0 if connected else self._body.battery.flat_until_s
        beat = self._beat_s if connected and self.reach is Reach.ONLINE else float("inf")
        return min(beat, self.till.next_s(online=self._host_reached)) if self._sells else beat

    def advance(self, now: Moment, *, connected: bool) -> None:
        """Do what is due."""
        clock = self._clock(now)
        if self._flat:
            self._charge(now)
        if self._sells:
            for report in self.till.work(now, clock, online=self._host_reached):
                self._use(report.stage, by_card=report.card is not None)
                self._say(Kind.TRANSACTION, report)
            for said in self.till.close(now, clock, online=self._host_reached):
                self._say(Kind.BATCH, said)
        if connected and self.reach is Reach.ONLINE and now.s >= self._beat_s:
            self._beat(now, clock)

    def open_session(self, now: Moment) -> tuple[Outgoing, Outgoing]:
        """The last will and the birth of a new connection."""
        clock = self._clock(now)
        self._sessions += 1
        self._cut_off = False
        self._session = f"{self.boot}-{self._sessions}"
        if self._sessions == 1:
            self._booted_at = now.at
            self._rhythm_s = now.s + self._chance.uniform(0, self._beat_every_s)  # spreads the load
            self.till.expect(now)
        else:
            self._rhythm_s = now.s  # says at once what it has stored
        self._beat_s = self._rhythm_s
        return self._state(self._will(clock)), self._state(self._birth(clock))

    def farewell(self, now: Moment) -> Outgoing:
        """The last word before being switched off."""
        return self._state(self._will(self._clock(now), "shutdown"))

    def begin(self, step: Step, now: Moment) -> None:
        """A step befalls the terminal."""
        match step:
            case Device():
                self._fault(step, now, cleared=False)
            case Skew():
                self.offset_ms += round(step.by_s * 1000)
            case Loss():
                self.air.storm += step.rate
            case HostOutage():
                self.till.troubles.append(step)
            case _:
                self._strike(step.effect)

    def end(self, step: Step, now: Moment) -> None:
        """A step is over."""
        match step:
            case Device():
                self._fault(step, now, cleared=True)
            case Skew():
                self.offset_ms -= round(step.by_s * 1000)
            case Loss():
                self.air.storm = max(self.air.storm - step.rate, 0.0)
            case HostOutage():
                self.till.troubles.remove(step)
            case _:
                self._recover(step.effect, now)
        if isinstance(step, Swap):
            self._replace()

    def _strike(self, effect: Effect) -> None:
        self._befallen[effect] += 1
        self._judge()
        self._cut_off |= effect is Effect.NETWORK
        if self.reach in (Reach.LOST, Reach.OFF):
            self.till.interrupt()

    def _recover(self, effect: Effect, now: Moment) -> None:
        self._befallen[effect] -= 1
        self._judge()
        if effect in (Effect.OFF, Effect.POWER):
            self._boot(now)
        if effect is not Effect.NETWORK:
            self.till.expect(now)

    def _judge(self) -> None:
        """The worst of what befell it counts."""
        befallen = self._befallen
        if befallen[Effect.OFF]:
            self.reach = Reach.OFF
        elif befallen[Effect.NETWORK] or befallen[Effect.POWER]:
            self.reach = Reach.LOST
        else:
            self.reach = Reach.MUTE if befallen[Effect.HANG] else Reach.ONLINE
        hangs = befallen[Effect.HANG] or befallen[Effect.POWER] or befallen[Effect.OFF]
        self._stuck = bool(hangs) or self._locked

    def _boot(self, now: Moment) -> None:
        self.boot += 1
        self._reboots += 1
        self._seq = 0
        self._booted_at = now.at
        self._body.restart()
        if self._body.battery is not None:
            self._body.battery.rest(now)

    def _replace(self) -> None:
        """Another device: its own serial, and boots that it counted elsewhere."""
        self._swaps += 1
        self._serial = f"{self._row.serial or self.id}-{self._swaps}"
        self.boot = min(self._chance.randint(1, 40), max(self.boot - 2, 0))
        self._faults.clear()
        self._judge()
        self.outbox.clear()

    def _beat(self, now: Moment, clock: int) -> None:
        self._rhythm_s = max(self._rhythm_s + self._beat_every_s, now.s)
        self._beat_s = self._rhythm_s + self.air.jitter()
        working = self._hours is None or self._hours.is_open(now.at)
        for note in self._body.look(now, working=working):
            self._say(Kind.DEVICE, note.event(clock))
        if self.air.loses(now.at):
            self._seq += 1
        else:
            self._say(Kind.HEARTBEAT, self._heartbeat(clock))
        if self._body.battery is not None and self._body.battery.flat_until_s > now.s:
            self._flat = True
            self._strike(Effect.POWER)

    def _charge(self, now: Moment) -> None:
        if self._body.battery is not None and now.s >= self._body.battery.flat_until_s:
            self._flat = False
            self._recover(Effect.POWER, now)

    def _use(self, stage: str, *, by_card: bool) -> None:
        if stage in ("requested", "stored") and by_card:
            self._body.read_card()
        if stage in ("approved", "declined", "stored"):
            self._body.print_receipt()

    def _clock(self, now: Moment) -> int:
        return max(now.at + self.offset_ms, 0)

    @property
    def _sells(self) -> bool:
        battery = self._body.battery
        charged = battery is None or battery.level >= USELESS or battery.charging
        return not self._stuck and self._sessions > 0 and charged

    @property
    def _locked(self) -> bool:
        return any(self._faults[component] > 0 for component in _LOCKING)

    @property
    def _host_reached(self) -> bool:
        return not self._cut_off

    def _fault(self, step: Device, now: Moment, *, cleared: bool) -> None:
        self._say(Kind.DEVICE, step.event(self._clock(now), cleared=cleared))
        if cleared or step.action == "clear":
            self._faults[step.component] = 0
            self.till.expect(now)
        elif step.action == "set":
            self._faults[step.component] += 1
        self._judge()

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
            serial=self._serial or None,
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
            power=self._body.power,
            poi=self._poi(),
            pending=self._pending(),
            reversals=len(self.till.reversals) or None,
            batch=self.till.drawer.open_batch if self.till.drawer is not None else None,
            counters=self._body.counters(self._reboots),
            signed_on=not self._faults["keys"],
        )

    def _net(self) -> Net:
        row, chance, loss = self._row, self._chance, min(self.air.loss + self.air.storm, 1.0)
        network = row.network or "4g"
        return Net(
            type=network,
            carrier=row.carrier or None,
            rssi_dbm=round(chance.gauss(-78 - 60 * loss, 5)) if network in CELLULAR else None,
            rtt_ms=round(max(chance.gauss(70, 15), 8) * (1 + 10 * loss)),
            loss=round(loss, 4),
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
            printer="OutOfOrder" if faults["printer"] else self._body.printer,
        )

    def _pending(self) -> Pending | None:
        stored = self.till.stored
        if not stored:
            return None
        return Pending(len(stored), sum(sale.amount for sale in stored), stored[0].at)


def _error(settings: SimSettings, chance: Chance) -> int:
    """How wrong the clock is, in ms."""
    error = chance.randint(-settings.clock_spread_ms, settings.clock_spread_ms)
    clocks = settings.habits.clocks
    if clocks.wrong_share and chance.random() < clocks.wrong_share:
        error += round(log_uniform(chance, clocks.wrong_s) * chance.choice((-1000, 1000)))
    return error
