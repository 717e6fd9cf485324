"""A small fleet in virtual time: a test says who falls silent when, and asks what was announced.

Times in tests are seconds since noon (Asia/Shanghai) of a Thursday; the engine's are milliseconds. Everything that
reaches the engine is kept in `script`, so that the same story can be told again in other portions.
"""

from collections.abc import Iterable
from heapq import heappop, heappush
from typing import Any, Literal, NamedTuple

import msgspec

from fleetmon.engine import Engine, Message, Outcome
from fleetmon.engine.outcome import TerminalChange
from fleetmon.engine.snapshot import TerminalRecord, record
from fleetmon.model.episode import Episode
from fleetmon.model.events import DeviceEvent, Event, Heartbeat, State, Transaction
from fleetmon.model.incident import Incident, Status, Transition
from fleetmon.model.registry import Registry, Site, Terminal

NOON = 1_790_222_400_000
MINUTE, HOUR, DAY = 60, 3600, 86_400


class Step(NamedTuple):
    """One thing that reached the engine."""

    at: int
    what: Literal["message", "down", "up"]
    message: Message | None = None


class Life(msgspec.Struct):
    """What a terminal counts itself."""

    phase: int
    interval: int
    boot: int = 1
    seq: int = -1
    session: int = 1
    beating: bool = False


def shops(
    plan: dict[str, list[str]], *, hours: tuple[str, ...] = (), interval_s: int = 60, region: str = "north"
) -> Registry:
    """Shops with their terminals, one for each network named: a carrier, or `wifi`. Ids: `shop-1`, `shop-2`, ..."""
    return Registry(
        sites=[Site(shop, region=shop.partition(".")[2] or region, hours=list(hours)) for shop in plan],
        terminals=[
            Terminal(
                f"{shop.partition('.')[0]}-{number}",
                site=shop,
                region=shop.partition(".")[2] or region,
                carrier="CMCC" if network == "wifi" else network,
                network="wifi" if network == "wifi" else "4g",
                interval_s=interval_s,
            )
            for shop, networks in plan.items()
            for number, network in enumerate(networks, 1)
        ],
    )


class World:
    """The fleet, its clock, and the engine that watches it."""

    def __init__(self, registry: Registry, *, max_unregistered: int = 10, listening: bool = True) -> None:
        self.registry = registry
        self.engine = Engine(registry, max_unregistered=max_unregistered)
        self.now = NOON
        self.transitions: list[Transition] = []
        self.outcome = Outcome()
        self.changes: list[TerminalChange] = []
        self.episodes: dict[tuple[str, str, str, int], Episode] = {}
        self.script: list[Step] = []
        self.deaf: dict[int, int] = {}  # until when the engine held that nobody could be heard, by since when
        self.muted: set[str] = set()  # whose messages are lost on the way to us
        self.lives: dict[str, Life] = {}
        self.says: dict[str, dict[str, Any]] = {}  # what their heartbeats say; what is callable is asked for each
        self._beats: list[tuple[int, str]] = []
        for number, row in enumerate(registry.terminals):
            interval = (row.interval_s or 60) * 1000
            self.lives[row.id] = Life(number * 7919 % interval, interval)
            heappush(self._beats, (NOON + number * 7919 % interval, row.id))
        if listening:
            self.link_up()

    # -- the fleet ---------------------------------------------------------------------------------

    def start(self, *who: str) -> None:
        """These beat from now on, in the session they have; nobody named means everyone."""
        for key in who or self.lives:
            self.lives[key].beating = True

    def stop(self, *who: str) -> None:
        for key in who or self.lives:
            self.lives[key].beating = False

    def mute(self, *who: str) -> None:
        """These go on, but nothing that they say arrives; nobody named means everyone."""
        self.muted.update(who or self.lives)

    def unmute(self, *who: str) -> None:
        self.muted.difference_update(who or self.lives)

    def run(self, seconds: float) -> None:
        """Let time pass, with the heartbeats of those that beat."""
        end = self.now + round(seconds * 1000)
        while self._beats[0][0] < end:
            at, key = heappop(self._beats)
            life = self.lives[key]
            heappush(self._beats, (at + life.interval, key))
            self.now = at
            if life.beating:
                fields = self.says.get(key, {}).items()
                self.beat(key, **{name: value(at) if callable(value) else value for name, value in fields})
        self.now = end
        self.take(self.engine.advance(end))

    def say(self, key: str, event: Event, *, retained: bool = False) -> Message:
        topic = f"pos/v1/terminal/{key}/{type(event).__name__.lower()}"
        message = Message(self.now, key, event, retained, topic, msgspec.json.encode(event))
        if key not in self.muted:
            self.again(message)
        return message

    def again(self, message: Message) -> None:
        """A message arrives now, as if the broker had kept or repeated it."""
        message = msgspec.structs.replace(message, received_at=self.now)
        self.script.append(Step(self.now, "message", message))
        self.take(self.engine.observe([message]))

    def beat(self, key: str, **fields: Any) -> Message:
        life = self.lives[key]
        life.seq += 1
        return self.say(key, Heartbeat(**{"at": self.now, "boot": life.boot, "seq": life.seq, **fields}))

    def show(self, key: str, **fields: Any) -> None:
        """From now on its heartbeats say this."""
        self.says[key] = fields

    def trade(self, key: str, name: str, stage: Any = "approved", **fields: Any) -> Message:
        """A stage of a transaction."""
        life = self.lives[key]
        life.seq += 1
        fields = {"kind": "sale", "amount": 1_000, **fields}
        return self.say(key, Transaction(at=self.now, boot=life.boot, seq=life.seq, id=name, stage=stage, **fields))

    def birth(self, key: str, *, retained: bool = False, boot: int | None = None, **fields: Any) -> Message:
        """A new connection; with another boot the counter starts anew."""
        life = self.lives[key]
        life.session += 1
        if boot is not None:
            life.boot, life.seq = boot, -1
        said = State(at=self.now, state="online", boot=life.boot, session=f"s{life.session}", **fields)
        return self.say(key, said, retained=retained)

    def farewell(self, key: str, reason: Any, *, retained: bool = False) -> Message:
        """The connection ends with its will (`lost`) or on purpose."""
        life = self.lives[key]
        said = State(at=self.now, state="offline", boot=life.boot, session=f"s{life.session}", reason=reason)
        return self.say(key, said, retained=retained)

    def device(self, key: str, code: str, action: Any, *, component: Any = "security", severity: Any = None) -> Message:
        life = self.lives[key]
        life.seq += 1
        return self.say(key, DeviceEvent(self.now, life.boot, life.seq, component, code, action, severity))

    def mention(self, key: str) -> Message:
        """A device event that nothing follows from."""
        return self.device(key, "TimeSet", "oneshot", component="clock", severity="info")

    # -- ourselves ---------------------------------------------------------------------------------

    def link_down(self) -> None:
        self.script.append(Step(self.now, "down"))
        self.take(self.engine.link_down(self.now))

    def link_up(self) -> None:
        self.script.append(Step(self.now, "up"))
        self.take(self.engine.link_up(self.now))

    def stall(self, seconds: float) -> None:
        """We do not look for a while, and what was said meanwhile is lost."""
        self.now += round(seconds * 1000)
        while self._beats[0][0] < self.now:
            at, key = heappop(self._beats)
            heappush(self._beats, (at + self.lives[key].interval, key))
            self.lives[key].seq += self.lives[key].beating
        self.engine.stalled(self.now)

    def take(self, outcome: Outcome) -> None:
        self.outcome = outcome
        if (since := self.engine.shard.deaf_since) is not None:
            self.deaf[since] = self.now
        self.transitions += outcome.transitions
        self.changes += outcome.changes
        self.episodes |= {(one.topic, one.kind, one.code, one.begin): one for one in outcome.episodes}

    def records(self) -> list[TerminalRecord]:
        """A snapshot, as it comes back from the disk."""
        written = msgspec.json.encode([record(self.engine.shard, one) for one in self.engine.fleet.terminals.values()])
        return msgspec.json.decode(written, type=list[TerminalRecord])

    def restart(self, records: Iterable[TerminalRecord], facts: Iterable[Message] = ()) -> None:
        """The daemon is killed and comes back: soft state from the records, firing incidents from the store."""
        firing = msgspec.json.encode([one for one in self.engine.incidents if one.status is Status.FIRING])
        self.engine = Engine(self.registry, max_unregistered=10)
        self.engine.advance(self.now)
        self.engine.restore(list(records), list(facts), msgspec.json.decode(firing, type=list[Incident]))
        self.take(self.engine.link_down(self.now))

    # -- what was announced ------------------------------------------------------------------------

    @property
    def story(self) -> list[tuple[str, str, float]]:
        """What was announced: kind or `kind scope`, `firing` or `resolved`, second of the fact."""
        return [
            (name(change.incident), change.incident.status.value, (change.at - NOON) / 1000)
            for change in self.transitions
            if change.incident.status in (Status.FIRING, Status.RESOLVED)
            and change.before is not change.incident.status
        ]

    @property
    def words(self) -> list[str]:
        """The story without its times."""
        return [f"{what} {status}" for what, status, _ in self.story]

    @property
    def pages(self) -> list[str]:
        """Whom people were called for."""
        return [
            name(change.incident)
            for change in self.transitions
            if change.calls and change.incident.status is Status.FIRING
        ]

    def shown(self, key: str) -> str:
        return self.engine.shown(self.engine.fleet.terminals[key])

    def liveness(self, key: str) -> str:
        return self.engine.fleet.terminals[key].liveness.name.lower()

    def last(self, kind: str) -> Incident:
        """The newest word on the newest incident of a kind."""
        return next(change.incident for change in reversed(self.transitions) if change.incident.kind == kind)


def name(incident: Incident) -> str:
    return " ".join([incident.kind, *(value for _, value in incident.scope)])


def second(at: int | None) -> float:
    """A time of the engine as tests count."""
    assert at is not None
    return (at - NOON) / 1000


ALONE = shops({"corner": ["CMCC"]})


def corner(registry: Registry = ALONE) -> World:
    """A shop with one terminal that has been heard for some minutes."""
    world = World(registry)
    world.start()
    world.run(10 * MINUTE + 1)
    return world


def suspicions(world: World) -> int:
    """How often a terminal was called down."""
    return sum(change.before is None and change.incident.kind == "terminal_offline" for change in world.transitions)
