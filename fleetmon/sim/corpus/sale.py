"""Sales as they were, what went wrong with them, and how their money was paid or not."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from fleetmon.sim.corpus.dates import Due, base_of, due
from fleetmon.sim.corpus.device import Closing, Device

if TYPE_CHECKING:
    from fleetmon.sim.corpus.shop import Shop

CARD_FAULTS: Final = ("51", "61", "65", "55", "54", "41", "43", "57", "62", "75", "05", "38")


class Other(NamedTuple):
    """Another answer that is right as well, and why."""

    cause: str
    why: str


@dataclass(frozen=True, eq=False)
class Fault:
    """What went wrong, so that without it the money were there, or the sale made.

    `basis`: when the host had taken the sale without it (empty: when it did); `doubt`: other answers while
    the grace runs; `told_at`: other times from which a reader may count, where the terminal's clock lies.
    """

    cause: str
    why: str
    group: str
    difficulty: str
    start: int
    end: int
    terminals: tuple[str, ...] = ()
    basis: int | None = None
    accept: tuple[Other, ...] = ()
    doubt: tuple[Other, ...] = ()
    stages: tuple[str, ...] = ()
    told_at: int | None = None


@dataclass(frozen=True, eq=False)
class Way:
    """How money is paid or kept.

    Kinds: normal, silent, instructed, returned, held, carried_over, short_paid, underpaid (the credit itself
    is less). `covers`: rows, batches or date, where a story wants one of them.
    """

    kind: str = "normal"
    fault: Fault | None = None
    reason: str | None = None
    payer: str | None = None
    share: float = 0.0
    covers: str = ""
    posted: tuple[str, str] | None = None


NORMAL: Final = Way()


@dataclass(eq=False)
class Sale:
    """One sale. `host_at`: when the host took it; None: it never did."""

    shop: "Shop"
    device: Device
    id: str
    at: int
    amount: int
    outcome: str  # approved, declined, unanswered, stored
    rail: str = "card"
    response: str = "00"
    host_at: int | None = None
    issuer: str = ""
    card: str = ""
    stan: str = ""
    rrn: str = ""
    auth: str = ""
    posted: tuple[str, str] | None = None
    fault: Fault | None = None
    way: Way = NORMAL
    cancelled: Fault | None = None
    over: bool = False  # the instant limit
    group: str = "ordinary"
    difficulty: str = "clean"
    batch: str | None = None
    shown_at: int | None = None  # when a payout event first told what became of the money
    paid_at: int | None = None

    @property
    def is_money(self) -> bool:
        """Whether money has to come for it."""
        return self.outcome in ("approved", "stored") and self.cancelled is None

    @property
    def closing(self) -> Closing | None:
        """Under terminal capture, the closing that took it to the host."""
        return self.device.closed_after(self.host_at) if self.host_at is not None else None

    @property
    def basis(self) -> int | None:
        """The moment from which settlement counts; None while it has not come."""
        if self.host_at is None or self.shop.terms.capture == "host":
            return self.host_at
        closing = self.closing
        return None if closing is None or closing.at is None else max(self.host_at, closing.at)

    def due(self, basis: int, *, cutoff: bool = True, rests: bool = True, over: bool | None = None) -> Due:
        """When the money is due, if settlement counts from `basis`."""
        exceeds = self.over if over is None else over
        scene = self.device.scene
        return due(self.shop.terms, scene.week, basis, self.rail, cutoff=cutoff, rests=rests, over=exceeds)

    def planned(self) -> Closing | None:
        """The closing it would have fallen into by the terminal's habit."""
        if self.host_at is None:
            return None
        coming = [closing for closing in self.device.closings.values() if closing.planned > self.host_at]
        return min(coming, key=lambda closing: closing.planned, default=None)

    def base(self) -> str:
        """The business date its money belongs to; empty while it has none."""
        return "" if self.basis is None else base_of(self.shop.terms, self.basis, self.rail).isoformat()

    def heard_at(self) -> int:
        """When the listener first hears of it."""
        return self.device.back_after(self.at)
