"""A world whose terminals ask hosts: a test says how the requests of each end, and who sells how often."""

import random
from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

import msgspec

from fleetmon.engine import Message
from fleetmon.model.events import HostHealth, Notice, Transaction
from fleetmon.model.registry import Host, Registry, Site, Terminal

from .world import MINUTE, World

ISSUERS = ("icbc", "ccb", "abc", "boc")
GOOD = {"00": 95, "51": 5}
BAD = {"00": 20, "91": 60, "96": 20}


class Sold(NamedTuple):
    """A request, before it is known how it ends."""

    terminal: str
    acquirer: str
    issuer: str
    at: int


Fate = Callable[[Sold], tuple[Any, str | None]]  # stage and response
WELL: Fate = lambda _: ("approved", "00")  # noqa: E731
DOWN: Fate = lambda _: ("declined", "91")  # noqa: E731
LOST: Fate = lambda _: ("unanswered", None)  # noqa: E731


def fleet(
    count: int,
    *,
    acquirers: Sequence[str] = ("ACQ",),
    carriers: Sequence[str] = ("CMCC", "CUCC", "CTCC"),
    shop: int = 2,
    interval_s: int = 600,
    network: Literal["4g", "wifi"] = "4g",
    hosts: Sequence[Host] = (),
) -> Registry:
    """`t0`, `t1`, ... in shops of `shop` terminals, with acquirers and carriers in turn."""
    return Registry(
        hosts=[*(Host(one, "acquirer") for one in acquirers), *hosts],
        sites=[Site(f"s{number}", region="north") for number in range(-(-count // shop))],
        terminals=[
            Terminal(
                f"t{number}",
                site=f"s{number // shop}",
                region="north",
                carrier=carriers[number % len(carriers)],
                network=network,
                acquirer=acquirers[number // shop % len(acquirers)],
                interval_s=interval_s,
            )
            for number in range(count)
        ],
    )


class Trade(World):
    """Requests come by chance, the same whenever a test is run."""

    def __init__(self, registry: Registry, *, seed: int = 1, issuers: Sequence[str] = ()) -> None:
        super().__init__(registry)
        self.chance = random.Random(seed)
        self.issuers = issuers
        self.acquirer = {row.id: row.acquirer for row in registry.terminals}
        self.carrier = {row.id: row.carrier for row in registry.terminals}
        self.sold = 0
        self.start()
        for key in self.lives:
            self.birth(key)

    def deal(
        self,
        seconds: float,
        fate: Fate = WELL,
        *,
        a_minute: float = 40,
        who: Sequence[str] = (),
        wait_s: Callable[[str], float] | None = None,
    ) -> None:
        """Requests of these (nobody: everyone) end like this for so long; `wait_s` after they were sent, if given."""
        end, keys = self.now + round(seconds * 1000), who or list(self.lives)
        while (pause := self.chance.expovariate(a_minute / 60)) * 1000 < end - self.now:
            self.run(pause)
            key = self.chance.choice(keys)
            issuer = self.chance.choice(self.issuers) if self.issuers else ""
            if wait_s is not None:
                self.end(key, "requested", late_s=wait_s(key))
                self.sold -= 1  # the same request ends
            self.end(key, *fate(Sold(key, self.acquirer[key], issuer, self.now)), issuer=issuer)
        self.run((end - self.now) / 1000)

    def mixed(self, failing: float, code: str | None = "91") -> Fate:
        """By chance so many fail at the host, and some cards are declined, as everywhere."""

        def fate(_: Sold) -> tuple[str, str | None]:
            drawn = self.chance.random()
            if drawn < failing:
                return ("declined", code) if code else ("unanswered", None)
            return ("declined", "51") if drawn < failing + 0.05 else ("approved", "00")

        return fate

    def end(
        self, key: str, stage: Any, response: str | None = None, *, issuer: str = "", late_s: float = 0, **more: Any
    ) -> Message:
        """A request ended, told `late_s` after that."""
        life = self.lives[key]
        life.seq += 1
        self.sold += 1
        fields = {"acquirer": self.acquirer[key] or None, "issuer": issuer or None, **more}
        at = self.now - round(late_s * 1000)
        said = Transaction(
            at=at, boot=life.boot, seq=life.seq, id=f"x{self.sold}", kind="sale", stage=stage, amount=100, **fields
        )
        return self.say(key, msgspec.structs.replace(said, response=response))

    def report(self, codes: dict[str, int], host: str = "ACQ", *, window_s: float = 60, **fields: Any) -> None:
        """A host tells of its own health."""
        said = HostHealth(at=self.now, window_s=window_s, requests=sum(codes.values()), codes=codes, **fields)
        topic = f"pos/v1/host/{host}/health"
        self.again(Message(self.now, host, said, retained=False, topic=topic, payload=msgspec.json.encode(said)))

    def announce(self, seconds: float, host: str = "ACQ", **fields: Any) -> None:
        """A host tells of planned work that begins now."""
        until = self.now + round(seconds * 1000)
        said = Notice(at=self.now, id="n1", event="scheduled", starts_at=self.now, ends_at=until, **fields)
        topic = f"pos/v1/host/{host}/notice/n1"
        self.again(Message(self.now, host, said, retained=True, topic=topic, payload=msgspec.json.encode(said)))

    @property
    def hosts(self) -> list[str]:
        """What was announced of hosts."""
        return [words for words in self.words if words.startswith("host_outage")]


def trading(count: int = 100, *, issuers: tuple[str, ...] = ISSUERS, a_minute: float = 40, **plan: Any) -> Trade:
    """A fleet that has sold for twenty minutes."""
    made = Trade(fleet(count, **plan), issuers=issuers)
    made.deal(20 * MINUTE, a_minute=a_minute)
    return made


def for_some(which: Callable[[Sold], bool], fate: Fate = DOWN) -> Fate:
    """These fare like that, the others well."""
    return lambda sold: fate(sold) if which(sold) else ("approved", "00")
