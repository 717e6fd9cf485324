"""What an acquirer did with a merchant's money, as the messages of one payout tell it.

Messages are put in order of their own time, so late and repeated ones change nothing in the end. A payout
names what it covers: rows of the settlement file, batches, or a whole business date.
"""

from typing import Final, Literal

from msgspec import Struct

from fleetmon.model.days import DAY, day_from
from fleetmon.model.events import Payout, PayoutRow

Step = Literal["instructed", "credited", "returned", "held", "released", "carried_over", "short_paid"]
_RANK: Final = {
    "instructed": 0, "held": 1, "released": 2, "carried_over": 3, "short_paid": 4, "credited": 5, "returned": 6,
}  # fmt: skip


class Told(Struct, frozen=True):
    """One message of a payout; times in ms, amounts in fen."""

    at: int
    event: Step
    amount: int
    expected: int | None
    reason: str
    payer: str


class History(Struct):
    """One payout from its instruction to the bank."""

    merchant: str
    id: str
    day: int  # business date
    told: list[Told] = []
    rows: dict[str, PayoutRow] = {}  # by RRN
    batches: frozenset[str] = frozenset()
    whole: bool = True  # it names neither rows nor batches, so it is for the whole business date

    def take(self, said: Payout, heard_at: int) -> bool:
        """Take in one message; False for a repetition."""
        if any(one.event == said.event for one in self.told):
            return False
        at = said.at if abs(said.at - heard_at) <= DAY else heard_at
        told = Told(at, said.event, said.amount, said.expected, said.reason or "", said.payer or "")
        self.told = sorted([*self.told, told], key=lambda one: (one.at, _RANK[one.event]))
        rows = {row.rrn: row for row in said.rows or () if row.rrn}
        if self.last is told:
            self.day = day_from(said.business_date)
            self.rows |= rows
        else:
            self.rows = rows | self.rows
        self.batches |= frozenset(said.batches or ())
        self.whole = self.whole and not said.batches and not said.rows
        return True

    @property
    def last(self) -> Told:
        """Where it stands."""
        return self.told[-1]

    @property
    def began(self) -> int:
        """When the acquirer first spoke of it."""
        return self.told[0].at

    @property
    def payer(self) -> str:
        """The paying institution, as last told."""
        return next((one.payer for one in reversed(self.told) if one.payer), "")

    @property
    def expected(self) -> int:
        """What should be paid, net of the contractual fee."""
        return next((one.expected for one in reversed(self.told) if one.expected is not None), self.told[0].amount)

    @property
    def missing(self) -> int:
        """What was credited too little."""
        return max(self.expected - self.last.amount, 0) if self.last.event in ("credited", "short_paid") else 0

    def reason(self) -> str:
        """Why it is held, returned, carried over or short."""
        return next((one.reason for one in reversed(self.told) if one.reason), "")

    def first(self, event: Step) -> Told | None:
        """The message of this kind."""
        return next((one for one in self.told if one.event == event), None)
