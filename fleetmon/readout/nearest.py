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
from fleetmon.engine.book import Book
from fleetmon.locale import LANGUAGES, Glimpse, Hush, Language, Miss, fill, missed, texts
from fleetmon.model.days import DAY, day_of, midnight
from fleetmon.model.sale import Sale
from fleetmon.model.terminal import NO_DEADLINE
from fleetmon.readout.clientele import Clientele
from fleetmon.readout.remembered import AROUND, apart, is_of_amount, taken_at
from fleetmon.readout.slices import slowly
from fleetmon.web.explanations import MerchantView, NearestView
from fleetmon.web.ports import SettlementFilter

HOUR: Final = 3_600_000
_OF_AMOUNT: Final = 3  # told of the same amount
_OF_TIME: Final = 5  # and of the time
_SILENT: Final = 10  # terminals
_UNDOING: Final = ("reversal", "void")  # told with the sale that they undo, where there is one


class Nearest:
    """Looks for it in one engine."""

    def __init__(self, engine: Engine, clientele: Clientele) -> None:
        self._engine = engine
        self._clientele = clientele

    async def of(self, provider: str | None, wanted: SettlementFilter) -> NearestView | None:
        """What comes nearest; None where nothing is remembered by which one could tell, or of whom."""
        if wanted.merchant is None or (wanted.amount is None and wanted.time is None):
            return None
        meant = await self._clientele.meant(wanted.merchant)
        if len(meant) != 1 or await self._clientele.find(provider, meant[0].id) is None:
            return None
        ours = await self._terminals(provider, meant[0].id)
        book = self._engine.explainer.ledger.books.get(meant[0].id)
        tried = await _tried(book) if book else []
        visible = [one for one in tried if provider is None or one.terminal in ours]
        near = [self._glimpse(one) for one in _near(visible, wanted)]
        silent = self._silent(sorted(ours), wanted)
        held = wanted.day is None or any(day_of(taken_at(one)) <= wanted.day for one in visible)
        told = {
            language: missed(
                Miss(_named(meant[0], language), wanted.amount, wanted.day, wanted.time, near, silent, held), language
            )
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


async def _tried(book: Book) -> list[Sale]:
    """All of it; what undoes a sale that is there is told with that."""
    sales = book.sales
    return [
        one
        async for one in slowly(list(sales.values()))
        if one.kind not in _UNDOING or (one.terminal, one.original) not in sales
    ]


def _near(sales: Sequence[Sale], wanted: SettlementFilter) -> list[Sale]:
    """In order of time: those of the amount, and those of the time; with neither, whatever is next to it."""

    def rank(one: Sale) -> tuple[int, int]:
        return apart(one, wanted), abs(one.amount - (wanted.amount or 0))

    of_amount = [one for one in sales if wanted.amount is not None and is_of_amount(one, wanted)]
    within = None if wanted.time is wanted.day is None else HOUR if wanted.time is not None else 0
    others = [one for one in sales if wanted.amount is None or not is_of_amount(one, wanted)]
    of_time = [one for one in others if within is not None and apart(one, wanted) <= within]
    found = [*nsmallest(_OF_AMOUNT, of_amount, key=rank), *nsmallest(_OF_TIME, of_time, key=rank)]
    found = found or nsmallest(_OF_AMOUNT, sales, key=rank)
    return sorted(found, key=lambda one: (taken_at(one), one.terminal, one.id))


def _named(merchant: MerchantView, language: Language) -> str:
    name = {"name": merchant.name} if merchant.name else {}
    return fill(texts(language)["desk.merchant"], {"id": merchant.id, **name})
