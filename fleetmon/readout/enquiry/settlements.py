"""Where the money is: unpaid transactions with their explanations, merchants, and sums by business date.

All of it is worked out from the ledger in memory when somebody asks, in short steps between which messages
are taken in; a row is of the moment at which it was reached. Whoever is confined to a provider sees the
transactions of that provider's terminals, and sums of those.
"""

from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Final

from fleetmon.engine import Engine
from fleetmon.engine.directory import Directory
from fleetmon.engine.money.book import Book
from fleetmon.locale import Audience
from fleetmon.model.cause import Explanation
from fleetmon.model.days import date_of
from fleetmon.model.payout import History
from fleetmon.model.sale import Sale
from fleetmon.model.standing import Standing
from fleetmon.readout.enquiry.clientele import Clientele
from fleetmon.readout.enquiry.remembered import fits
from fleetmon.readout.enquiry.telling import Telling
from fleetmon.readout.slices import in_order, slowly
from fleetmon.web.explanations import BusinessDayView, MerchantSettlements, PayoutView, SettlementView, Sum
from fleetmon.web.ports import SalePlace, SettlementFilter

_LATE: Final = ("overdue", "held", "returned")


class Settlements:
    """Reads the ledger of one engine."""

    def __init__(self, engine: Engine, clientele: Clientele) -> None:
        self._engine = engine
        self._clientele = clientele

    async def page(
        self, provider: str | None, wanted: SettlementFilter, after: SalePlace | None, limit: int, audience: Audience
    ) -> list[SettlementView]:
        """The first `limit` transactions after a place."""
        found: list[SettlementView] = []
        telling = Telling(self._directory, audience)
        async for sale in self._sales(wanted, after):
            if not (self._is_visible(provider, sale.terminal) and fits(sale, wanted) and self._stands(sale, wanted)):
                continue
            explained = self._engine.explainer.explanation(sale, self._engine.now)
            if wanted.cause in (None, explained.findings[0].cause):
                found.append(self._view(explained, telling))
                if len(found) == limit:
                    break
        return found

    async def one(
        self, provider: str | None, terminal: str, transaction: str, audience: Audience
    ) -> SettlementView | None:
        """A transaction that moves money, or was to."""
        ledger, key = self._engine.explainer.ledger, (terminal, transaction)
        if not self._is_visible(provider, terminal):
            return None
        usual = ledger.books.get(self._engine.explainer.merchant_of(terminal))
        book = usual if usual and key in usual.sales else None
        if book is None:  # sold for another merchant, whose terminal it was then
            async for other in slowly(list(ledger.books.values())):
                book = other if key in other.sales else book
        sale = book.sales.get(key) if book else None
        if sale is None or not ledger.moves_money(sale):
            return None
        explained = self._engine.explainer.explanation(sale, self._engine.now)
        return self._view(explained, Telling(self._directory, audience))

    async def of_merchant(self, provider: str | None, key: str) -> MerchantSettlements | None:
        """Sums by business date."""
        party = await self._clientele.find(provider, key)
        if party is None:
            return None
        days: dict[int, BusinessDayView] = {}
        next_due: int | None = None
        ledger = self._engine.explainer.ledger
        book = ledger.books.get(key)
        async for sale in slowly(list(book.sales.values()) if book else ()):
            if sale.kind == "refund" or not ledger.moves_money(sale) or not self._is_visible(provider, sale.terminal):
                continue
            standing = ledger.standing(sale, self._engine.now)
            if standing.due_at is not None:
                self._add(days, sale, standing)
                if standing.state != "paid" and standing.due_at > self._engine.now:
                    next_due = min(next_due or standing.due_at, standing.due_at)
        told = [days[day] for day in sorted(days, reverse=True)]
        fields = {name: getattr(party, name) for name in party.__struct_fields__}
        return MerchantSettlements(**fields, next_due_at=next_due, days=told)

    # -- which -------------------------------------------------------------------------------------

    @property
    def _directory(self) -> Directory:
        return self._engine.explainer.ledger.directory

    def _is_visible(self, provider: str | None, terminal: str) -> bool:
        found = self._engine.fleet.terminals.get(terminal)
        return provider is None or (found is not None and found.cohort.provider == provider)

    async def _sales(self, wanted: SettlementFilter, after: SalePlace | None) -> AsyncIterator[Sale]:
        """The sales of everybody who is asked for, after a place, in their order."""
        books = self._engine.explainer.ledger.books
        names: Iterable[str] = books if not wanted.late else self._engine.arrears.late_merchants & books.keys()
        if wanted.merchant is not None:
            names = [one.id for one in await self._clientele.meant(wanted.merchant)]
        start = after or SalePlace("", "", "")
        async for name in slowly(await in_order(names, start.merchant)):
            book = books.get(name)
            begin = start[1:] if name == start.merchant else ("", "")
            async for sale in slowly(_in_order(book, begin) if book else ()):
                yield sale

    def _stands(self, sale: Sale, wanted: SettlementFilter) -> bool:
        """Whether it stands where those stand who are asked for."""
        ledger, now = self._engine.explainer.ledger, self._engine.now
        if not ledger.moves_money(sale) or wanted.acquirer not in (None, ledger.acquirer_of(sale)):
            return False
        standing = ledger.standing(sale, now)
        if not (wanted.names_single or ledger.is_waited_for(sale, standing, now, wanted.day)):
            return False
        if wanted.late not in (None, _is_late(standing, now)):
            return False
        risk = self._engine.arrears.outlook.risk(sale, standing, now)
        return wanted.at_risk in (None, risk is not None)

    # -- what is told ------------------------------------------------------------------------------

    def _view(self, found: Explanation, telling: Telling) -> SettlementView:
        sale, now = found.sale, self._engine.now
        told, payout = telling.view(found, now), found.standing.payout
        row = self._directory.merchants.get(sale.merchant)
        return SettlementView(
            **{name: getattr(told, name) for name in told.__struct_fields__},
            name=row.name if row else "",
            number=row.number if row else "",
            acquirer=self._engine.explainer.ledger.acquirer_of(sale),
            at_risk=self._engine.arrears.outlook.risk(sale, found.standing, now),
            payout=None if payout is None else _payout(payout),
        )

    def _add(self, days: dict[int, BusinessDayView], sale: Sale, standing: Standing) -> None:
        now, due_at = self._engine.now, standing.due_at or 0
        day = days.get(standing.day)
        if day is None:
            day = days[standing.day] = BusinessDayView(date_of(standing.day), due_at, Sum(), Sum(), Sum(), Sum())
        day.due_at = min(day.due_at, due_at)
        sums = [day.expected]
        if standing.state == "paid":
            sums.append(day.paid)
        elif _is_late(standing, now):
            sums.append(day.overdue)
        elif self._engine.arrears.outlook.risk(sale, standing, now):
            sums.append(day.at_risk)
        for one in sums:
            one.count += 1
            one.amount += sale.amount


def _in_order(book: Book, after: tuple[str, ...]) -> Iterator[Sale]:
    """The sales of a book after a place, by terminal and id; some may go while it is read."""
    for key in sorted(key for key in book.sales if key > after):
        if (sale := book.sales.get(key)) is not None:
            yield sale


def _payout(payout: History) -> PayoutView:
    last = payout.last
    return PayoutView(payout.id, last.event, last.at, last.amount, payout.payer, payout.reason())


def _is_late(standing: Standing, now: int) -> bool:
    """Late is what an incident is opened for: overdue, or held or returned when it is overdue."""
    return standing.state in _LATE and standing.due_at is not None and now > standing.due_at + standing.terms.grace
