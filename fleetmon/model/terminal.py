"""What is known of one terminal now: identity, message order, liveness.

One small mutable record per terminal; a million of them are alive at once, so fields are plain
integers and interned strings, and the record is left out of garbage collection.
"""

import enum
from typing import Final, Literal, cast

from msgspec import Struct
from msgspec.structs import asdict

from fleetmon.model.events import Attribute

WINDOW: Final = 48  # sequence numbers below the newest that are remembered one by one
FULL: Final = (1 << WINDOW) - 1
PARTITIONS: Final = 256
NEVER: Final = 0
NO_DEADLINE: Final = 2**62


class Liveness(enum.IntEnum):
    """What the silence of a terminal means."""

    NEVER_SEEN = 0
    UP = 1
    SUSPECT = 2
    DOWN = 3
    ASLEEP = 4


_NAMES: Final[dict[Liveness, "Shown"]] = {
    Liveness.NEVER_SEEN: "never_seen",
    Liveness.UP: "up",
    Liveness.SUSPECT: "suspect",
    Liveness.DOWN: "down",
    Liveness.ASLEEP: "asleep",
}
Shown = Literal["never_seen", "up", "suspect", "down", "asleep", "unknown", "maintenance"]


def shown(liveness: Liveness, *, heard: bool, planned: bool) -> Shown:
    """The state as people see it: `unknown` while we do not hear, unless it is not concluded from silence."""
    if not heard and liveness not in (Liveness.NEVER_SEEN, Liveness.ASLEEP):
        return "unknown"
    return "maintenance" if planned and liveness is not Liveness.NEVER_SEEN else _NAMES[liveness]


class Cohort(Struct, frozen=True, gc=False):
    """The attributes that many terminals share; the words are those of the contract's selector."""

    region: str = ""
    carrier: str = ""
    acquirer: str = ""
    provider: str = ""
    model: str = ""
    firmware: str = ""
    network: str = ""


class Order(enum.IntEnum):
    """How a counted message stands to those already seen of its terminal."""

    NEW = 0
    LATE = 1  # unseen, but older than the newest of this boot
    REPEATED = 2
    OLD_BOOT = 3  # from a boot that is over
    TOO_LATE = 4  # so far back in this boot that nobody remembers whether it was seen


class Terminal(Struct, gc=False):
    """State of one terminal. Times are integer milliseconds since 1970, by arrival, never by its own clock."""

    id: str
    merchant: str
    site: str
    cohort: Cohort
    interval_ms: int
    wait_ms: int  # the silence after which it is late
    serial: str = ""
    registered: bool = True
    liveness: Liveness = Liveness.NEVER_SEEN
    since: int = NEVER  # of `liveness`
    last_seen: int = NEVER  # by any message
    beat_at: int = NEVER  # by a heartbeat
    promised: bool = False  # its interval is its own word, not the registry's
    due: int = NO_DEADLINE  # when silence means the next worse state
    armed: int = NO_DEADLINE  # the time at which the deadline wheel looks at `due`
    will_at: int = NEVER  # arrival of a last will that nothing has answered yet
    epoch: int = 0
    boot: int = -1
    seq: int = -1
    window: int = 0  # bit n-1: message seq-n was seen
    former: int = -1  # the last boot of the epoch before
    born: int = -1  # the first boot of this epoch
    overslept: bool = False  # down since its shop opened without it, so no network is to blame
    session: str = ""
    session_at: int = NEVER  # when it began, by the terminal's own clock
    ended: str = ""  # the session that is over, whose repeated birth or will is no news
    runs: int = 0  # what engine/terminal/patience remembers
    watched_from: int = NEVER  # the open time since then is not in `runs` yet
    nights: int = 0  # what engine/terminal/presence remembers
    usage: bytes = b""  # what engine/terminal/usage remembers; nothing of those that never sell

    @property
    def partition(self) -> int:
        """One of 256 parts of the fleet; terminals of a site, else of a merchant, stay together."""
        return partition_of(self.site or self.merchant or self.id)

    def place(self, boot: int, seq: int) -> Order:
        """Note a counted message and say how it stands to the others."""
        if boot < self.boot:
            return Order.OLD_BOOT
        if boot > self.boot:
            if boot <= self.former:
                return Order.OLD_BOOT  # a straggler of the device that stood here before
            self.boot, self.seq, self.window = boot, seq, 0
            return Order.NEW
        step = seq - self.seq
        if step > 0:
            self.window = (self.window << step | 1 << step - 1) & FULL if step <= WINDOW else 0
            self.seq = seq
            return Order.NEW
        if step < -WINDOW:
            return Order.TOO_LATE
        bit = 1 << (-step - 1) if step else 0
        order = Order.LATE if bit and not self.window & bit else Order.REPEATED
        self.window |= bit
        return order

    def attributes(self) -> dict[Attribute, str]:
        """What a selector can ask for."""
        shared = cast("dict[Attribute, str]", asdict(self.cohort))
        return {**shared, "terminal": self.id, "merchant": self.merchant, "site": self.site}


def partition_of(key: str) -> int:
    """The 64-bit FNV-1a hash modulo 256: its last eight bits, which need no others to be reckoned."""
    value = 0x25
    for byte in key.encode():
        value = (value ^ byte) * 0xB3 & 0xFF
    return value
