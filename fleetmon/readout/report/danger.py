"""Late money and money at risk, by merchant and by terminal; whoever is confined is told of their terminals' sales."""

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

from msgspec import Struct, field

from fleetmon.engine import Engine
from fleetmon.engine.money.outlook import Reason
from fleetmon.explain import CAUSES
from fleetmon.locale import LANGUAGES, remedy, texts
from fleetmon.model.cause import Actor
from fleetmon.model.incident import Status
from fleetmon.model.sale import Sale
from fleetmon.readout.sight import Sight, concerns
from fleetmon.readout.slices import slowly
from fleetmon.web.report.views import CauseSum, Level, MerchantRiskView, MoneyView

SHOWN: Final = 20  # merchants
CAUSED: Final[Mapping[str, Actor]] = {cause.id: cause.actor for cause in CAUSES}
UNKNOWN: Final = "unknown"  # the cause of what nothing fits
_ACTORS: Final[Mapping[Reason, Actor]] = {
    "in_terminal": "provider", "batch_open": "merchant", "account_blocked": "merchant", "file_late": "acquirer",
}  # fmt: skip
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

    async def merchants(self, today_ends: int, moment: Callable[[int], datetime]) -> list[MerchantRiskView]:
        """Those whose money is due today first, then those with the most."""
        order = sorted(
            self.risks.items(), key=lambda one: (one[1].due_at >= today_ends, -one[1].amount, one[0])
        )  # fmt: skip
        found = [self._merchant(key, risk, today_ends, moment) async for key, risk in slowly(order[:SHOWN])]
        return [one for one in found if one is not None]

    def _merchant(
        self, key: str, risk: Risk, today_ends: int, moment: Callable[[int], datetime]
    ) -> MerchantRiskView | None:
        explainer = self._engine.explainer
        _, terminal, transaction = risk.largest
        book = explainer.ledger.books.get(key)
        sale = book.sales.get((terminal, transaction)) if book else None
        if sale is None:
            return None  # paid since we looked
        reason = max(risk.reasons, key=lambda one: risk.reasons[one])
        cause, actor = self._wrong(sale, reason)
        row = explainer.ledger.directory.merchants.get(key)
        return MerchantRiskView(
            merchant=key,
            name=row.name if row else "",
            number=row.number if row else "",
            amount=risk.amount,
            due_at=moment(risk.due_at),
            today=risk.due_at < today_ends,
            reasons=dict(risk.reasons),
            cause=cause,
            actor=actor,
            next_step={
                language: texts(language)[f"report.step.{reason}"] if cause is None else remedy(cause, language)
                for language in LANGUAGES
            },
        )

    def _wrong(self, sale: Sale, reason: Reason) -> tuple[str | None, Actor]:
        """What is wrong, and who acts: an open incident of the terminal that holds it, else what explains the sale."""
        terminal = self._engine.fleet.terminals.get(sale.terminal)
        if reason == "in_terminal" and terminal is not None:
            open_ = [one for one in self._engine.incidents if one.kind in CAUSED and one.status is Status.FIRING]
            taking = [one for one in open_ if concerns(one, terminal)]
            if taking:
                kind = max(taking, key=lambda one: (one.suppressed_by is None, one.terminals, one.id)).kind
                return kind, CAUSED[kind]
        findings = self._engine.explainer.explanation(sale, self._engine.now).findings
        wrong = next((one for one in findings if one.actor != "nobody" and one.cause != UNKNOWN), None)
        return (None, _ACTORS[reason]) if wrong is None else (wrong.cause, wrong.actor)

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
