"""One merchant's book: its open sales, its batches and its payouts, joined.

Nothing is decided when a message arrives; where a sale stands follows from what is in the book, so the
order of arrival does not matter. A payout covers a sale by RRN, by batch, or as a whole business date; it
cannot cover what reached the host after it was instructed.
"""

from collections.abc import Iterator
from typing import Final

from msgspec import Struct, field
from msgspec.structs import replace

from fleetmon.model.case import AccountWord, Batch
from fleetmon.model.days import DAY, WorkingDays, midnight
from fleetmon.model.events import Account, Payout, Transaction
from fleetmon.model.events import Batch as BatchEvent
from fleetmon.model.payout import History
from fleetmon.model.sale import Sale
from fleetmon.model.standing import Stage, Standing, State, Wait
from fleetmon.model.terms import Due, Terms, due, last_chance, trade_day

ANSWER: Final = 120_000  # a request without an answer for so long was not answered
NEAR: Final = 45 * DAY  # batch numbers and RRNs come again; further apart they are others
MONEY: Final = ("sale", "completion", "refund")
_MOST: Final = 64


class _Path(Struct, frozen=True, gc=False):
    """How far a sale is, and when it could have been."""

    stage: Stage  # the first step not known to be passed
    waits: Wait  # what it waits for, or waited for too long
    begun: int  # when it could go on
    in_time: int  # when it had to
    settled: int  # from when it does or would settle


class Book(Struct):
    """All of one merchant that is not settled long ago."""

    merchant: str
    sales: dict[tuple[str, str], Sale] = {}
    payouts: dict[str, History] = {}
    batches: dict[tuple[str, str], Batch] = {}
    links: dict[tuple[str, str], list[Sale]] = {}  # what refers to a transaction
    account: list[AccountWord] = []
    by_rrn: dict[str, list[History]] = {}
    conflicts: int = 0  # rows that two payouts claim
    over: dict[int, frozenset[tuple[str, str]]] = field(default_factory=dict)  # by day: over the instant limit

    def take_stage(self, terminal: str, told: Transaction, heard_at: int) -> Sale:
        """Take in one stage of a transaction."""
        key = terminal, told.id
        sale = self.sales.get(key)
        if sale is None:
            sale = self.sales[key] = Sale(self.merchant, terminal, told.id, told.kind)
        sale.take(told, heard_at)
        if told.original and sale not in (known := self.links.setdefault((terminal, told.original), [])):
            known.append(sale)
        self.over.clear()
        return sale

    def take_batch(self, terminal: str, told: BatchEvent, heard_at: int) -> None:
        """Take in what happened to a batch. A clock that is off does not date its closing."""
        batch = self.batches.setdefault((terminal, told.no), Batch(told.no))
        at = told.at if abs(told.at - heard_at) <= SLOW else heard_at
        if told.event == "closed" and (not batch.closed_at or at < batch.closed_at):
            batch.closed_at, batch.told_at = at, told.at
        elif told.event == "uploaded":
            batch.uploaded_at = max(batch.uploaded_at, at)
        elif told.event == "failed":
            batch.failed_at = max(batch.failed_at, at)
        if told.event == "opened":
            return
        if told.result and (at, told.result) > (batch.result_at, batch.result):
            batch.result_at, batch.result = at, told.result
        batch.count = told.count if told.count is not None else batch.count
        batch.uploaded_count = told.uploaded_count if told.uploaded_count is not None else batch.uploaded_count

    def take_payout(self, told: Payout, heard_at: int) -> None:
        """Take in what was done with the money."""
        history = self.payouts.setdefault(told.id, History(self.merchant, told.id, 0))
        if not history.take(told, heard_at):
            return
        for rrn in history.rows:
            claims = self.by_rrn.setdefault(rrn, [])
            if history not in claims:
                self.conflicts += any(one.last.event not in ("returned", "carried_over") for one in claims)
                claims.append(history)

    def take_account(self, told: Account, heard_at: int) -> None:
        """Take in the state of the settlement account."""
        at = told.at if abs(told.at - heard_at) <= DAY else heard_at
        word = AccountWord(at, told.status, told.reason or "")
        if word not in self.account:
            self.account = sorted([*self.account, word])[-_MOST:]

    def batch_of(self, sale: Sale) -> Batch | None:
        """The batch of a sale: by its number, else the first that was closed after it."""
        if sale.batch:
            return self.batches.get((sale.terminal, sale.batch))
        closed = [
            one
            for (terminal, _), one in self.batches.items()
            if terminal == sale.terminal and one.closed_at >= sale.settles_from
        ]
        return min(closed, key=lambda one: one.closed_at, default=None)

    def forget(self, before: int) -> None:
        """Drop payouts and batches that nothing was told of since before this time."""
        for payout in [one for one in self.payouts.values() if one.last.at < before]:
            del self.payouts[payout.id]
            for rrn in payout.rows:
                left = [one for one in self.by_rrn.pop(rrn, ()) if one is not payout]
                if left:
                    self.by_rrn[rrn] = left
        for key in [key for key, one in self.batches.items() if one.last_at < before]:
            del self.batches[key]
        for key in [key for key, found in self.links.items() if all(one.at < before for one in found)]:
            del self.links[key]

    # -- where a sale stands -----------------------------------------------------------------------

    def standing(self, sale: Sale, now: int, terms: Terms, days: WorkingDays) -> Standing:
        """Where a transaction stands at `now`."""
        if (undoing := self.undone(sale)) is not None:
            paid = self._money(sale, now, terms, days) if undoing.kind == "refund" and sale.accepted else None
            if paid is not None and paid.state == "paid":
                return paid  # the refund goes its own way
            return Standing("cancelled", "done", Wait.CANCELLED, terms)
        if not sale.accepted:
            if sale.declined:
                return Standing("declined", "done", Wait.REFUSED, terms)
            if not sale.stored:
                return Standing("unknown", "host", Wait.ANSWER, terms)
        return self._money(sale, now, terms, days)

    def undone(self, sale: Sale) -> Sale | None:
        """What reversed, voided or wholly refunded it."""
        referring = self.links.get((sale.terminal, sale.id))
        if referring is None:
            return None
        undoing = [one for one in referring if one.accepted]
        back = sum(one.amount for one in undoing if one.kind == "refund")
        for one in undoing:
            if one.kind in ("reversal", "void") or (one.kind == "refund" and back >= sale.amount):
                return one
        return None

    def _money(self, sale: Sale, now: int, terms: Terms, days: WorkingDays) -> Standing:
        over_limit = self._is_over(sale, terms)

        def when(at: int) -> Due:
            return due(at, terms, sale.rail, days, over_limit=over_limit)

        path = self._path(sale, terms)
        expected = when(path.settled)
        provisional = expected.provisional or path.stage != "clearing"
        found = Standing(
            "not_due", path.stage, Wait.CALENDAR, terms, expected.at, provisional, expected.day, path.settled, None,
            over_limit,
        )  # fmt: skip
        if sale.accepted and (covers := self.covering(sale, expected.day, path)):
            found = self._covered(sale, found, covers, now)
            if found.wait is not Wait.CALENDAR:
                return found
        late = now >= expected.at
        state: State = "not_due" if not late else "due" if now <= expected.at + terms.grace else "overdue"
        if path.stage != "clearing":
            waits = path.waits if late else Wait.NOTHING
            blocked = _blocked(path, now, now, sale, terms, days)
            return replace(found, state=state, wait=waits, blocked=blocked)
        if late:
            return replace(found, state=state, wait=Wait.CLEARING)
        if path.settled - path.in_time > _MOMENT and when(path.in_time).at <= now:
            blocked = _blocked(path, path.settled, now, sale, terms, days)
            return replace(found, wait=path.waits, blocked=blocked)
        return found

    def _path(self, sale: Sale, terms: Terms) -> _Path:
        """How far it is. What is not done yet counts as done in time: an upload at once, a closing by the cut-off."""
        begun = sale.swiped_at if sale.stored else min(sale.heard_at or sale.settles_from, sale.settles_from)
        if not sale.accepted:
            return _Path("terminal", Wait.UPLOAD, begun, begun, sale.at)
        reached = sale.settles_from
        if terms.capture == "host":
            return _Path("clearing", Wait.UPLOAD, begun, begun, reached)
        evening = _evening(begun, sale, terms)
        batch = self.batch_of(sale)
        if batch is None or not batch.closed_at:
            return _Path("batch", Wait.CLOSING, begun, evening, _evening(reached, sale, terms))
        waits = Wait.UPLOAD if reached > evening else Wait.CLOSING
        return _Path("clearing", waits, begun, evening, max(reached, batch.closed_at))

    def _covered(self, sale: Sale, found: Standing, covers: list[History], now: int) -> Standing:
        """What the payouts made of it. The earliest counts, and later ones make up for what it left open."""
        payout = covers[0]
        if self._is_paid(sale, covers):
            return replace(found, state="paid", stage="done", wait=Wait.DONE, payout=payout)
        payout = next((one for one in covers if one.last.event not in ("returned", "carried_over")), covers[-1])
        found = replace(found, payout=payout)
        ended: dict[str, State] = {
            "held": "held", "returned": "returned", "carried_over": "carried_over", "short_paid": "short_paid",
            "credited": "short_paid",
        }  # fmt: skip
        if payout.last.event in ended:
            return replace(found, state=ended[payout.last.event], stage="payout", wait=Wait.PAYOUT)
        due_at = found.due_at or 0
        if now < due_at:
            return replace(found, stage="bank", wait=Wait.CALENDAR)
        overdue = now > due_at + found.terms.grace
        return replace(found, state="overdue" if overdue else "due", stage="bank", wait=Wait.BANK)

    def _is_paid(self, sale: Sale, covers: list[History]) -> bool:
        first = covers[0]
        credited = [one for one in covers if one.last.event in ("credited", "short_paid")]
        if not credited:
            return False
        is_less = credited[0].missing or credited[0].last.event == "short_paid"  # by the figures, or by its word
        if not is_less or not _is_short(sale, credited[0]):
            return True
        rest = sum(one.last.amount for one in credited if one is not credited[0])
        return bool(rest) and rest >= credited[0].missing and first.day == credited[-1].day

    def covering(self, sale: Sale, day: int, path: _Path) -> list[History]:
        """The payouts that cover a sale of this business date, earliest first.

        A whole business date is what was ready to be cleared when the payout was made.
        """
        if not self.payouts:
            return []
        found = [one for one in self.by_rrn.get(sale.rrn, ()) if abs(one.day - day) * DAY < NEAR] if sale.rrn else []
        for one in self.payouts.values():
            if one.rows or one in found:
                continue
            if one.batches:
                if sale.batch in one.batches and abs(one.day - day) * DAY < NEAR and sale.settles_from <= one.began:
                    found.append(one)
            elif one.whole and one.day == day and path.stage == "clearing" and path.settled <= one.began:
                found.append(one)
        return sorted(found, key=lambda one: (one.began, one.id))

    # -- the instant limit -------------------------------------------------------------------------

    def _is_over(self, sale: Sale, terms: Terms) -> bool:
        if terms.cycle != "D+0" or terms.instant_limit is None or sale.kind not in MONEY:
            return False
        day = trade_day(sale.settles_from, terms, sale.rail)
        if day not in self.over:
            self.over[day] = frozenset(self._beyond(day, terms, terms.instant_limit))
        return (sale.terminal, sale.id) in self.over[day]

    def _beyond(self, day: int, terms: Terms, limit: int) -> Iterator[tuple[str, str]]:
        """The sale that takes the sum of the day over the limit, and those after it."""
        sales = [
            one
            for one in self.sales.values()
            if (one.accepted or (one.stored and not one.declined))
            and one.kind in ("sale", "completion")
            and abs(one.settles_from - midnight(day)) <= 2 * DAY
            and trade_day(one.settles_from, terms, one.rail) == day
            and not self.undone(one)
        ]
        total = 0
        for one in sorted(sales, key=lambda one: (one.settles_from, one.terminal, one.id)):
            total += one.amount
            if total > limit:
                yield one.terminal, one.id


SLOW: Final = 60_000  # a clock so far off dates nothing
_MOMENT: Final = 60_000  # an upload after so short a time was not held up


def _is_short(sale: Sale, payout: History) -> bool:
    """Whether what is missing is missing from this sale: where the rows add up to what was paid, by its row."""
    row = payout.rows.get(sale.rrn)
    gross = sum(one.amount or 0 for one in payout.rows.values())
    net = gross - sum(one.fee or 0 for one in payout.rows.values())
    if row is None or row.amount is None or payout.last.amount not in (gross, net):
        return True
    return row.amount < sale.amount - (row.fee or 0)


def _evening(at: int, sale: Sale, terms: Terms) -> int:
    """By when the day of a sale has to be closed."""
    return max(at, midnight(trade_day(at, terms, sale.rail)) + terms.cutoff)


def _blocked(path: _Path, ended: int, now: int, sale: Sale, terms: Terms, days: WorkingDays) -> tuple[int, int]:
    """From when the sale could have gone on to when it had to, for the money to be there now."""
    latest = last_chance(now, path.in_time, terms, sale.rail, days)
    return path.begun, max(min(ended, latest if latest is not None else ended), path.begun)
