"""The acquirers' money: what they took in is cleared in the morning and paid when it is due.

Handed the time like the tills; says what there is to say. For each business date a settlement file is
`ready` in the morning after it. What is due to a merchant at one time is instructed about an hour before
and credited some minutes later; a D+0 or T+0 sale that came too late for that is paid at the due time
itself. While a host does not work its payouts and files wait. Due times are wall time, whatever the speed.
Where it can be wrong: there are no fees, and nothing is held, returned or netted; what an earlier run sold
is unknown to this one and never paid; sales of nobody's terminal are paid to nobody.
"""

from array import array
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from functools import partial
from heapq import heappop, heappush
from typing import Final, Literal, NamedTuple

import msgspec
from msgspec import Struct

from fleetmon.model.days import WorkingDays, date_of, midnight
from fleetmon.model.events import Event, Payout, PayoutRow, SettlementFile
from fleetmon.model.registry import Merchant, Registry
from fleetmon.model.terms import Terms, due, terms, trade_day
from fleetmon.model.topics import Kind, Topics
from fleetmon.sim.chance import Chance
from fleetmon.sim.drawer import Taking
from fleetmon.sim.terminal import Outgoing
from fleetmon.sim.till import Till

MINUTE: Final = 60_000
LEAD: Final = (45 * MINUTE, 75 * MINUTE)  # from the instruction to the due time
BOOKING: Final = (10 * MINUTE, 40 * MINUTE)  # from the instruction to the credit
FILE_AT: Final = (360 * MINUTE, 390 * MINUTE)  # after midnight
MOST_ROWS: Final = 200  # of one payout


class Payee(Struct):
    """A merchant, what was agreed with it, and its tills. `instant` is its sum of D+0 sales by business date."""

    row: Merchant
    terms: Terms
    tills: list[Till] = []
    instant: dict[int, int] = {}


class Lot(NamedTuple):
    """What belongs in the same payouts."""

    merchant: str
    acquirer: str
    day: int  # business date
    due_at: int


class Pile:
    """The sales of a lot; as numbers in a row, because a large fleet sells millions a day."""

    __slots__ = ("amounts", "rrns")

    def __init__(self) -> None:
        self.rrns = array("Q")
        self.amounts = array("Q")

    def rows(self, merchant: Merchant) -> Iterator[list[PayoutRow]]:
        """As the settlement file has them, so many at a time."""
        number, mcc = merchant.number or None, merchant.mcc or None
        pairs = list(zip(self.rrns, self.amounts, strict=True))
        for first in range(0, len(pairs), MOST_ROWS):
            yield [PayoutRow(f"{rrn:012d}", amount, 0, mcc, number) for rrn, amount in pairs[first : first + MOST_ROWS]]


Duty = Callable[[int], Iterable[Outgoing]]


class Payers:
    """All acquirers of a fleet. Times in ms since 1970, amounts in fen."""

    def __init__(
        self,
        registry: Registry,
        owners: Iterable[tuple[str, Till]],
        days: WorkingDays,
        topics: Topics,
        chance: Chance,
    ) -> None:
        rows = {row.id: row for row in registry.merchants}
        self._payees: dict[str, Payee] = {}
        for merchant, till in owners:
            payee = self._payees.get(merchant)
            if payee is None:
                row = rows.get(merchant)
                payee = Payee(row or Merchant(merchant), terms(row, registry.defaults))
                self._payees[merchant] = payee
            payee.tills.append(till)
        self._licensed = {host.id for host in registry.hosts if host.licence}  # of others it is not said who paid
        self._days = days
        self._topics = topics
        self._chance = chance
        self._piles: dict[Lot, Pile] = {}
        self._files: dict[tuple[str, int], list[int]] = {}  # records and sum, by acquirer and business date
        self._agenda: list[tuple[int, int, str, Duty]] = []  # when, in which order, whose
        self._duties = 0
        self._waiting: dict[str, list[Duty]] = {}  # of hosts that do not work
        self._failing: Counter[str] = Counter()
        self._paid = 0

    def fail(self, acquirers: Collection[str]) -> None:
        """These hosts do not work from now on."""
        self._failing.update(acquirers)

    def recover(self, acquirers: Collection[str]) -> None:
        """One trouble of these hosts is over."""
        self._failing.subtract(acquirers)

    def work(self, now: int) -> list[Outgoing]:
        """Collect what the tills took, and do what is due."""
        for payee in self._payees.values():
            self._collect(payee, now)
        said: list[Outgoing] = []
        for acquirer in [name for name in self._waiting if not self._failing[name]]:
            said += [word for duty in self._waiting.pop(acquirer) for word in duty(now)]
        while self._agenda and self._agenda[0][0] <= now:
            _, _, acquirer, duty = heappop(self._agenda)
            if self._failing[acquirer]:
                self._waiting.setdefault(acquirer, []).append(duty)
            else:
                said += duty(now)
        return said

    def _collect(self, payee: Payee, now: int) -> None:
        taken: list[tuple[Taking, str]] = []
        for till in payee.tills:
            if till.takings:
                taken += [(taking, till.acquirer) for taking in till.takings]
                till.takings.clear()
        if payee.row.id:
            for taking, acquirer in sorted(taken, key=lambda one: one[0].at):
                self._owe(payee, taking, acquirer, now)

    def _owe(self, payee: Payee, taking: Taking, acquirer: str, now: int) -> None:
        over = self._is_over(payee, taking)
        owed = due(taking.at, payee.terms, taking.rail, self._days, over_limit=over)
        lot = Lot(payee.row.id, acquirer, owed.day, owed.at)
        pile = self._piles.get(lot)
        if pile is None:
            pile = self._piles[lot] = Pile()
            ahead = owed.at - round(self._chance.uniform(*LEAD))
            self._plan(ahead if ahead > now else owed.at, acquirer, partial(self._instruct, payee, lot))
        pile.rrns.append(int(taking.rrn))
        pile.amounts.append(taking.amount)
        file = self._files.get((acquirer, owed.day))
        if file is None:
            file = self._files[acquirer, owed.day] = [0, 0]
            ready_at = midnight(owed.day + 1) + round(self._chance.uniform(*FILE_AT))
            self._plan(ready_at, acquirer, partial(self._clear, acquirer, owed.day))
        file[0] += 1
        file[1] += taking.amount

    def _is_over(self, payee: Payee, taking: Taking) -> bool:
        limit = payee.terms.instant_limit
        if limit is None or payee.terms.cycle != "D+0":
            return False
        day = trade_day(taking.at, payee.terms, taking.rail)
        total = payee.instant.get(day, 0) + taking.amount
        payee.instant = {known: sum_ for known, sum_ in payee.instant.items() if known >= day - 1} | {day: total}
        return total > limit

    def _plan(self, at: int, acquirer: str, duty: Duty) -> None:
        self._duties += 1
        heappush(self._agenda, (at, self._duties, acquirer, duty))

    # -- what they say -----------------------------------------------------------------------------

    def _instruct(self, payee: Payee, lot: Lot, now: int) -> Iterator[Outgoing]:
        """Pay what there is; what comes later makes a pile of its own."""
        hurry = lot.due_at + payee.terms.grace // 2
        for rows in self._piles.pop(lot).rows(payee.row):
            self._paid += 1
            id_ = f"p{now:x}-{self._paid}"  # no run repeats another's
            at = now + round(self._chance.uniform(*BOOKING))
            self._plan(min(at, hurry) if now < hurry else at, lot.acquirer, partial(self._credit, lot, id_, rows))
            yield self._payout(lot, id_, rows, "instructed", now)

    def _credit(self, lot: Lot, id_: str, rows: list[PayoutRow], now: int) -> Iterator[Outgoing]:
        yield self._payout(lot, id_, rows, "credited", now)

    def _payout(
        self, lot: Lot, id_: str, rows: list[PayoutRow], event: Literal["instructed", "credited"], now: int
    ) -> Outgoing:
        amount = sum(row.amount or 0 for row in rows)
        payer = lot.acquirer if lot.acquirer in self._licensed else None
        said = Payout(now, id_, date_of(lot.day), event, amount, amount, payer=payer, rows=rows)
        return self._outgoing(Kind.SETTLEMENT, lot.merchant, said)

    def _clear(self, acquirer: str, day: int, now: int) -> Iterator[Outgoing]:
        records, amount = self._files.pop((acquirer, day))
        if acquirer:
            yield self._outgoing(Kind.FILE, acquirer, SettlementFile(now, date_of(day), "ready", records, amount))

    def _outgoing(self, kind: Kind, key: str, event: Event) -> Outgoing:
        return Outgoing(self._topics.topic(kind, key), msgspec.json.encode(event), kind.qos, kind.retained)
