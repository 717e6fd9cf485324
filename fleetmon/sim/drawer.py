"""The open batch of a terminal under terminal capture, and when it is closed: once a day, in time for its sales.

Closed half a minute after the shop closes, or else a minute before the day of a sale in it ends; a terminal
that cannot then does so as soon as it can. Where it can be wrong: totals always agree.
"""

import math
from typing import Final, NamedTuple

from fleetmon.model.days import DAY, midnight
from fleetmon.model.events import Batch, OpenBatch
from fleetmon.model.hours import Hours
from fleetmon.model.terms import Terms, trade_day
from fleetmon.sim.pace import Moment

_BEFORE: Final = 60_000  # the end of the day
_AFTER: Final = 30_000  # the shop closed
_LEAST: Final = 5_000  # after a sale
_UNNUMBERED: Final = 0  # the terminal numbers what it says


class Taking(NamedTuple):
    """What the host owes the merchant for one sale, and since when."""

    rrn: str
    amount: int
    at: int
    rail: str


class Drawer:
    """What was taken since the last closing; `hours` None where nobody keeps any."""

    def __init__(self, agreed: Terms, hours: Hours | None, speed: float, first_no: int) -> None:
        self.close_s = math.inf  # scenario time
        self._agreed = agreed
        self._hours = hours
        self._speed = speed
        self._no = first_no
        self._opened_at = 0
        self._takings: list[Taking] = []

    @property
    def no(self) -> str:
        """The number of the batch."""
        return f"{self._no % 1_000_000:06d}"

    @property
    def open_batch(self) -> OpenBatch | None:
        """As a heartbeat tells it."""
        if not self._takings:
            return None
        return OpenBatch(self.no, self._opened_at, len(self._takings), self._amount)

    def put(self, taking: Taking, now: Moment, clock: int) -> None:
        """One more sale."""
        if not self._takings:
            self._opened_at = clock
        self._takings.append(taking)
        day = trade_day(taking.at, self._agreed, taking.rail)
        ends_at = midnight(day) + (self._agreed.cutoff if taking.rail == "card" else DAY) - _BEFORE
        closing = self._hours.next_closing(taking.at) if self._hours is not None else None
        if closing is not None:
            ends_at = min(ends_at, closing + _AFTER)
        wait_ms = max(ends_at - now.at, _LEAST)
        self.close_s = min(self.close_s, now.s + wait_ms / 1000 * self._speed)

    def close(self, now: Moment, clock: int) -> tuple[list[Batch], list[Taking]]:
        """What is said of it, and what it held, which settles from now on."""
        count, amount = len(self._takings), self._amount
        said = [
            Batch(clock, _UNNUMBERED, _UNNUMBERED, self.no, "closed", "agree", count, amount),
            Batch(clock, _UNNUMBERED, _UNNUMBERED, self.no, "uploaded", "agree", count, amount, count),
        ]
        taken, self._takings = [taking._replace(at=now.at) for taking in self._takings], []
        self.close_s = math.inf
        self._no += 1
        return said, taken

    @property
    def _amount(self) -> int:
        return sum(taking.amount for taking in self._takings)
