"""When no sale fits what people remember: what comes nearest, and who was silent then.

Told are sales of the same amount, and what was tried within an hour of the time or on the day, whatever became of it,
so that a refusal, a reversal or a pre-authorisation is not taken for nothing. Where it can be wrong: what a terminal
has taken and not told is known to nobody; what is settled is held for some days.
"""

from collections.abc import Sequence
from heapq import nsmallest
from operator import itemgetter
from typing import Final

from fleetmon.engine import Engine
from fleetmon.engine.money.book import Book
from fleetmon.locale import LANGUAGES, Glimpse, Hush, Language, Miss, fill, missed, texts
from fleetmon.model.days import DAY, day_of, midnight
from fleetmon.model.sale import Sale
from fleetmon.model.terminal import NO_DEADLINE
from fleetmon.readout.enquiry.clientele import Clientele
from fleetmon.readout.enquiry.remembered import AROUND, apart, is_of_amount, taken_at
from fleetmon.readout.slices import slowly
from fleetmon.web.explanations import MerchantView, NearestView
from fleetmon.web.ports import SettlementFilter

HOUR: Final = 3_600_000
_OF_AMOUNT: Final = 3  # told of the same amount
_OF_TIME: Final = 5  # and of the time
_SILENT: Final = 10  # terminals
_KEPT: Final = 100  # sales, before all but the nearest are let go
_UNDOING: Final = ("reversal", "void")  # told with the sale that they undo, where there is one


class Nearest:
    """Looks for it in one engine."""

    def __init__(self, engine: Engine, clientele: Clientele) -> None:
        self._engine = engine
        self._clientele = clientele

    async def of(self, provider: str | None, wanted: SettlementFilter) -> NearestView | None:
        """What comes nearest; None without a merchant or anything to tell by, or if only some were asked for."""
        if wanted.merchant is None or (wanted.amount is None and wanted.time is None) or wanted.asks_how_it_stands:
            return None
        fitting = await self._clientele.meant(wanted.merchant)
        meant = [one async for one in slowly(fitting) if await self._clientele.find(provider, one.id) is not None]
        if len(meant) != 1:
            return None
        ours = await self._terminals(provider, meant[0].id)
        found = _Found(wanted)
        book = self._engine.explainer.ledger.books.get(meant[0].id)
        async for sale in slowly(list(book.sales.values()) if book else ()):
            if (provider is None or sale.terminal in ours) and not _is_told_with_another(sale, book):
                found.look_at(sale)
        near = [self._glimpse(one) for one in found.nearest()]
        silent = self._silent(sorted(ours), wanted)
        numbered = wanted.rrn is not None or wanted.transaction is not None
        asked = wanted.amount, wanted.day, wanted.time, numbered
        told = {
            language: missed(Miss(_named(meant[0], language), *asked, near, silent, found.held), language)
            for language in LANGUAGES
        }
        return NearestView(near, silent, told)

    async def _terminals(self, provider: str | None, merchant: str) -> set[str]:
        """Those of a merchant that are to be seen."""
        found = set()
        async for one in slowly(list(self._engine.fleet.terminals.values())):
            if one.merchant == merchant and provider in (None, one.cohort.provider):
                found.add(one.id)
        return found

    def _glimpse(self, sale: Sale) -> Glimpse:
        ledger = self._engine.explainer.ledger
        state = ledger.standing(sale, self._engine.now).state if ledger.moves_money(sale) else None
        at, rrn, code = taken_at(sale), sale.rrn or None, sale.response or None
        return Glimpse(sale.terminal, sale.id, sale.kind, at, sale.amount, sale.currency, rrn, state, code)

    def _silent(self, terminals: Sequence[str], wanted: SettlementFilter) -> list[Hush]:
        """Who was silent then; where the day is not known, who is silent now."""
        begin = end = self._engine.now
        if wanted.day is not None:
            begin = midnight(wanted.day) if wanted.time is None else midnight(wanted.day) + wanted.time - AROUND
            end = begin + (DAY if wanted.time is None else 2 * AROUND)
        timeline = self._engine.explainer.timeline
        found = [
            (key, episode)
            for key in terminals
            for episode in timeline.of(f"terminal/{key}", begin, end)
            if episode.kind == "silent"
        ]
        longest = nsmallest(_SILENT, found, key=lambda one: -one[1].overlap(begin, end))
        return [
            Hush(key, one.begin, None if one.end == NO_DEADLINE else one.end)
            for key, one in sorted(longest, key=itemgetter(0))
        ]


class _Found:
    """What was seen so far that comes near, and little more of it than is told."""

    def __init__(self, wanted: SettlementFilter) -> None:
        self.held = wanted.day is None  # whether there is anything of that day, or before it
        self._wanted = wanted
        self._of_amount: list[Sale] = []
        self._of_time: list[Sale] = []
        self._others: list[Sale] = []
        self._within = HOUR if wanted.time is not None else 0

    def look_at(self, sale: Sale) -> None:
        """Keep it, if it comes near."""
        wanted = self._wanted
        self.held = self.held or (wanted.day is not None and day_of(taken_at(sale)) <= wanted.day)
        is_timed = wanted.time is not None or wanted.day is not None
        if wanted.amount is not None and is_of_amount(sale, wanted):
            kept, most = self._of_amount, _OF_AMOUNT
        elif is_timed and apart(sale, wanted) <= self._within:
            kept, most = self._of_time, _OF_TIME
        else:
            kept, most = self._others, _OF_AMOUNT
        kept.append(sale)
        if len(kept) > _KEPT:
            kept[:] = nsmallest(most, kept, key=self._rank)

    def nearest(self) -> list[Sale]:
        """In order of time: those of the amount, and those of the time; with neither, whatever is next to it."""
        found = [
            *nsmallest(_OF_AMOUNT, self._of_amount, key=self._rank),
            *nsmallest(_OF_TIME, self._of_time, key=self._rank),
        ]
        found = found or nsmallest(_OF_AMOUNT, self._others, key=self._rank)
        return sorted(found, key=lambda one: (taken_at(one), one.terminal, one.id))

    def _rank(self, one: Sale) -> tuple[int, int]:
        return apart(one, self._wanted), abs(one.amount - (self._wanted.amount or 0))


def _is_told_with_another(sale: Sale, book: Book | None) -> bool:
    """What undoes a sale that is there."""
    return sale.kind in _UNDOING and book is not None and (sale.terminal, sale.original) in book.sales


def _named(merchant: MerchantView, language: Language) -> str:
    name = {"name": merchant.name} if merchant.name else {}
    return fill(texts(language)["desk.merchant"], {"id": merchant.id, **name})
