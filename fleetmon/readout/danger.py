"""Late money and money at risk, by merchant and by terminal; whoever is confined is told of their terminals' sales."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import Final

from msgspec import Struct, field

from fleetmon.engine import Engine
from fleetmon.engine.outlook import Reason
from fleetmon.locale import LANGUAGES
from fleetmon.readout.sight import Sight
from fleetmon.readout.slices import slowly
from fleetmon.readout.telling import Telling
from fleetmon.web.report.views import CauseSum, Level, MerchantRiskView, MoneyView

SHOWN: Final = 20  # merchants
_LATE: Final = ("overdue", "held", "returned")
Late = dict[tuple[str, int], tuple[str, int]]  # by merchant and business date: first cause, fen


class Risk(Struct):
    """Money at risk of one merchant."""

    amount: int = 0
    due_at: int = 2**62
    reasons: Counter[Reason] = field(default_factory=Counter)
    largest: tuple[int, str, str] = (0, "", "")  # amount, terminal, transaction


class Danger:
    """What the ledger fears, as of one moment."""

    def __init__(self, engine: Engine, sight: Sight, *, confined: bool) -> None:
        self._engine = engine
        self._sight = sight
        self._confined = confined
        self.late: Late = {}
        self.risks: dict[str, Risk] = {}
        self.waiting: Counter[str] = Counter()  # fen of sales that wait in a terminal, by terminal

    async def look(self) -> None:
        """Walk the open sales, in short steps."""
        async for one in slowly(self._engine.arrears.outlook.endangered(self._engine.now)):
            if one is None or not self._sees(one.terminal):
                continue
            risk = self.risks.setdefault(one.merchant, Risk())
            risk.amount += one.amount
            risk.due_at = min(risk.due_at, one.due_at)
            risk.reasons[one.reason] += one.amount
            risk.largest = max(risk.largest, (one.amount, one.terminal, one.transaction))
            if one.reason == "in_terminal":
                self.waiting[one.terminal] += one.amount
        self.late = await self._late_days()

    def money(self) -> MoneyView:
        """Is money late?"""
        sums: dict[str, list[int]] = {}
        for cause, amount in self.late.values():
            sums.setdefault(cause, []).append(amount)
        causes = [CauseSum(cause, len(found), sum(found)) for cause, found in sums.items()]
        at_risk, recalled = sum(one.amount for one in self.risks.values()), self._engine.arrears.recalled
        level: Level = "bad" if self.late else "unknown" if not recalled else "warning" if at_risk else "good"
        return MoneyView(
            level=level,
            overdue_days=len(self.late),
            overdue=sum(amount for _, amount in self.late.values()),
            causes=sorted(causes, key=lambda one: (-one.amount, one.cause)),
            at_risk=at_risk,
            at_risk_merchants=len(self.risks),
            complete=recalled,
        )

    def merchants(self, today_ends: int, moment: Callable[[int], datetime]) -> list[MerchantRiskView]:
        """Those whose money is due today first, then those with the most."""
        order = sorted(
            self.risks.items(), key=lambda one: (one[1].due_at >= today_ends, -one[1].amount, one[0])
        )  # fmt: skip
        found = [self._merchant(key, risk, today_ends, moment) for key, risk in order[:SHOWN]]
        return [one for one in found if one is not None]

    def _merchant(
        self, key: str, risk: Risk, today_ends: int, moment: Callable[[int], datetime]
    ) -> MerchantRiskView | None:
        explainer, now = self._engine.explainer, self._engine.now
        _, terminal, transaction = risk.largest
        book = explainer.ledger.books.get(key)
        sale = book.sales.get((terminal, transaction)) if book else None
        if sale is None:
            return None  # paid since we looked
        explained = explainer.explanation(sale, now)
        told = Telling(explainer.ledger.directory, "on-call").view(explained, now)
        row = explainer.ledger.directory.merchants.get(key)
        return MerchantRiskView(
            merchant=key,
            name=row.name if row else "",
            number=row.number if row else "",
            amount=risk.amount,
            due_at=moment(risk.due_at),
            today=risk.due_at < today_ends,
            reasons=dict(risk.reasons),
            cause=explained.findings[0].cause,
            actor=explained.findings[0].actor,
            headline={language: told.texts[language].headline for language in LANGUAGES},
            next_step={language: told.texts[language].next_step for language in LANGUAGES},
        )

    async def _late_days(self) -> Late:
        arrears, ledger, now = self._engine.arrears, self._engine.explainer.ledger, self._engine.now
        known = arrears.late_days
        if not self._confined:
            return dict(known)
        found: Late = {}
        async for merchant in slowly(sorted(arrears.late_merchants)):
            book = ledger.books.get(merchant)
            for sale in list(book.sales.values()) if book else ():
                if not self._sees(sale.terminal) or not ledger.moves_money(sale):
                    continue
                standing = ledger.standing(sale, now)
                overdue = standing.due_at is not None and now > standing.due_at + standing.terms.grace
                if overdue and standing.state in _LATE:
                    cause, amount = found.get(
                        (merchant, standing.day), (known.get((merchant, standing.day), ("", 0))[0], 0)
                    )
                    found[merchant, standing.day] = cause, amount + sale.amount
        return found

    def _sees(self, terminal: str) -> bool:
        return not self._confined or self._sight.terminal(terminal) is not None
