"""Money that is late, and other incidents that only the ledger can tell.

A merchant is looked at when the first of its open sales is overdue, and again whenever a payout or a file
may have changed that. One incident a merchant and business date; the pages are one for each first cause,
acquirer and business date. While we are deaf nothing is called late: the payout may have been told.
A look is dated by its millisecond and happens right after it, when all that arrived in it is known, in
whatever portions it came.
"""

from collections import Counter
from collections.abc import Iterable, KeysView, Mapping
from heapq import heapify, heappop, heappush
from typing import Final

from fleetmon.detect.batch_mismatch import BATCH_MISMATCH, agrees, differs
from fleetmon.detect.interface_fault import BAD, GOOD, INTERFACE_FAULT
from fleetmon.detect.merchant_rewritten import MERCHANT_REWRITTEN
from fleetmon.detect.provider_unlicensed import PROVIDER_UNLICENSED
from fleetmon.detect.settlement_overdue import NEVER_PAGED, PAGED_FROM, SETTLEMENT_OVERDUE
from fleetmon.engine.book import MONEY
from fleetmon.engine.explainer import Explainer
from fleetmon.engine.incidents import Incidents
from fleetmon.engine.outcome import Fact
from fleetmon.engine.outlook import Outlook
from fleetmon.model.cause import Explanation, Finding
from fleetmon.model.compliance import is_cheaper, is_licensed, is_other_place_or_trade
from fleetmon.model.days import date_of
from fleetmon.model.events import Account, Batch, Payout, SettlementFile, Transaction
from fleetmon.model.incident import Incident, Scope, Status
from fleetmon.model.sale import Sale
from fleetmon.model.standing import Standing
from fleetmon.model.terminal import NO_DEADLINE

CATCH_UP: Final = 60_000  # what waited at the broker while we were deaf comes first
REMEMBERED: Final = 60  # days for which a page is known
ASKED: Final = 3  # the largest sales of a merchant's day tell its first cause
_LATE: Final = ("overdue", "held", "returned")

Group = tuple[str, str, int]  # first cause, acquirer, business date
Late = dict[int, list[tuple[Sale, Standing]]]  # by business date


class Arrears:
    """Looks at merchants when their money may be late. Times in ms, amounts in fen."""

    def __init__(self, explainer: Explainer, incidents: Incidents) -> None:
        self.outlook = Outlook(explainer.ledger)
        self._explainer = explainer
        self._incidents = incidents
        self._looks: list[tuple[int, str]] = []
        self._planned: dict[str, int] = {}
        self._ends: list[tuple[int, str, Scope]] = []  # incidents that are over unless it happens again
        self._last: dict[tuple[str, Scope], int] = {}
        self._open_days: dict[str, dict[int, tuple[Group, int]]] = {}  # by merchant: group and amount of each day
        self._totals: Counter[Group] = Counter()
        self._merchant_days: Counter[Group] = Counter()
        self._pages: dict[Group, str] = {}  # the incident that people were called for
        self._payers: dict[str, str] = {}  # unlicensed payers and the incident that told of them
        self._ready = 0  # what waited at the broker has arrived by then
        self.deaf = False

    @property
    def totals(self) -> Mapping[Group, int]:
        """Overdue money in fen by first cause, acquirer and business date."""
        return self._totals

    @property
    def merchant_days(self) -> Mapping[Group, int]:
        """How many merchants' days these are, by the same."""
        return self._merchant_days

    @property
    def late_merchants(self) -> KeysView[str]:
        """Whose money is late."""
        return self._open_days.keys()

    @property
    def next(self) -> int:
        """When somebody is to be looked at."""
        if self.deaf:
            return NO_DEADLINE
        looks = self._looks[0][0] + 1 if self._looks else NO_DEADLINE
        return min(looks, self._ends[0][0] if self._ends else NO_DEADLINE)

    def hear(self, at: int) -> None:
        """We hear again: give what was told meanwhile its time to arrive."""
        self.deaf = False
        self._ready = ready = at + CATCH_UP
        self._looks = [(max(due, ready), merchant) for due, merchant in self._looks]
        self._planned = {merchant: max(due, ready) for merchant, due in self._planned.items()}
        self._ends = [(max(due, ready), kind, scope) for due, kind, scope in self._ends]
        self._last = {key: max(due, ready) for key, due in self._last.items()}
        heapify(self._looks)
        heapify(self._ends)

    def observe(self, facts: Iterable[Fact]) -> None:
        """Take in facts that the ledger has taken already."""
        for fact in facts:
            message = fact.message
            event, key, now = message.event, message.key, message.received_at
            if isinstance(event, Transaction):
                self._sale(key, event, now)
            elif isinstance(event, Batch):
                self._batch(key, event, now)
            elif isinstance(event, (Payout, Account)):
                self._plan(key, now)
                if isinstance(event, Payout):
                    self._payer(key, event, now)
                else:
                    self.outlook.note_account(key)
            elif isinstance(event, SettlementFile):
                self._file(key, now)

    def recall(self, facts: Iterable[Fact]) -> None:
        """Plan the looks that follow from facts of the past; whatever else followed from them is known."""
        for fact in facts:
            message = fact.message
            if isinstance(message.event, Transaction):
                self._expect(message.key, message.event, message.received_at)
            elif isinstance(message.event, Batch):
                self._closed(message.key, message.received_at)
            elif isinstance(message.event, Account):
                self.outlook.note_account(message.key)
            elif isinstance(message.event, Payout):
                self._plan(message.key, message.received_at)

    def restore(self, incident: Incident, now: int) -> None:
        """Take up a firing incident that was read back: what lasts a day lasts another one."""
        if incident.kind in (MERCHANT_REWRITTEN.kind, PROVIDER_UNLICENSED.kind):
            self._last[incident.kind, incident.scope] = until = now + MERCHANT_REWRITTEN.policy.keep_ms
            heappush(self._ends, (until, incident.kind, incident.scope))

    def advance(self, now: int) -> None:
        """Look at whoever is first, if it is time."""
        if self._looks and self._looks[0][0] < now:
            self._look_at_first()
        elif self._ends and self._ends[0][0] <= now:
            due, kind, scope = heappop(self._ends)
            incident = self._incidents.find(kind, scope)
            if incident is not None and self._last.get((kind, scope), 0) <= due:
                self._incidents.end(incident, due, "not again", due)
                self._last.pop((kind, scope), None)

    def finish(self, now: int) -> None:
        """Nothing more arrives at `now`, so whoever has to be looked at can be."""
        while not self.deaf and self._looks and self._looks[0][0] <= now:
            self._look_at_first()

    def _look_at_first(self) -> None:
        due, merchant = heappop(self._looks)
        if self._planned.get(merchant) == due:
            del self._planned[merchant]
            self._look(merchant, due)

    # -- late money --------------------------------------------------------------------------------

    def _expect(self, terminal: str, told: Transaction, now: int) -> None:
        """Plan a look at the merchant for when the sale will be overdue."""
        ledger = self._explainer.ledger
        merchant = self._explainer.merchant_of(terminal)
        sales = ledger.book(merchant).sales
        if told.original and (undone := sales.get((terminal, told.original))) is not None:
            self.outlook.see(undone, ledger.standing(undone, now))
        sale = sales.get((terminal, told.id))
        if sale is not None and (sale.accepted or sale.stored) and sale.kind in MONEY:
            standing = ledger.standing(sale, now)
            self.outlook.see(sale, standing)
            if standing.due_at is not None and standing.state != "paid":
                self._plan(merchant, max(standing.due_at + standing.terms.grace + 1, now))

    def _sale(self, terminal: str, told: Transaction, now: int) -> None:
        self._expect(terminal, told, now)
        self.outlook.note_code(told)
        ledger, merchant = self._explainer.ledger, self._explainer.merchant_of(terminal)
        row = ledger.directory.merchants.get(merchant)
        if row is not None and told.posted is not None:
            posted, trade = told.posted.merchant or "", told.posted.mcc or ""
            if is_other_place_or_trade(row, posted) or is_cheaper(row, trade, ledger.directory.fees):
                self._lasting(MERCHANT_REWRITTEN.kind, (("merchant", merchant),), now, "posted as another", terminal)

    def _plan(self, merchant: str, at: int) -> None:
        """Nobody can tell of money that belongs to nobody known, so it is not called late."""
        at = max(at, self._ready)
        if merchant and at < self._planned.get(merchant, NO_DEADLINE):
            self._planned[merchant] = at
            heappush(self._looks, (at, merchant))

    def _look(self, merchant: str, now: int) -> None:
        late: Late = {}
        following = NO_DEADLINE
        ledger = self._explainer.ledger
        for sale in ledger.book(merchant).sales.values():
            if sale.kind not in MONEY or not (sale.accepted or sale.stored):
                continue
            standing = ledger.standing(sale, now)
            self.outlook.see(sale, standing)
            if standing.due_at is None or standing.state in ("paid", "cancelled"):
                continue
            overdue_at = standing.due_at + standing.terms.grace + 1
            if overdue_at > now:
                following = min(following, overdue_at)
            elif standing.state in _LATE:
                late.setdefault(standing.day, []).append((sale, standing))
        for day in sorted(late):
            self._open(merchant, day, late[day], now)
        self._close(merchant, late, now)
        if following < NO_DEADLINE:
            self._plan(merchant, following)

    def _open(self, merchant: str, day: int, late: list[tuple[Sale, Standing]], now: int) -> None:
        scope: Scope = (("business_date", date_of(day)), ("merchant", merchant))
        amount = sum(sale.amount for sale, _ in late)
        first = self._first_cause(late, now).findings[0]
        acquirer = self._explainer.ledger.directory.acquirer(merchant) or late[0][0].acquirer
        group = first.cause, acquirer, day
        self._count(merchant, day, group, amount)
        known = self._incidents.find(SETTLEMENT_OVERDUE.kind, scope)
        if known is not None:
            if known.paged_at is not None:
                self._pages.setdefault(group, known.id)
            return
        by = self._paged_for(first, group)
        pages = first.cause not in NEVER_PAGED and (by is not None or self._totals[group] >= PAGED_FROM)
        again = self._incidents.about(scope)
        overdue_at = min(standing.due_at or now for _, standing in late) + late[0][1].terms.grace
        incident = self._incidents.open(
            SETTLEMENT_OVERDUE.kind, scope, now if again else min(overdue_at, now), first.cause,
            sorted({sale.terminal for sale, _ in late}), pages=pages, suppressed_by=by,
        )  # fmt: skip
        if incident.paged_at is not None:
            self._pages = {one: page for one, page in self._pages.items() if one[2] > day - REMEMBERED}
            self._pages[group] = incident.id

    def _count(self, merchant: str, day: int, group: Group, amount: int) -> None:
        before = self._open_days.setdefault(merchant, {}).get(day)
        if before is not None:
            self._discount(*before)
        self._totals[group] += amount
        self._merchant_days[group] += 1
        self._open_days[merchant][day] = group, amount

    def _discount(self, group: Group, amount: int) -> None:
        """The page stays known, so that the same is none twice."""
        self._totals[group] -= amount
        self._merchant_days[group] -= 1
        if not self._merchant_days[group]:
            del self._totals[group], self._merchant_days[group]

    def _paged_for(self, first: Finding, group: Group) -> str | None:
        """The incident for which people were called already."""
        explained = self._incidents.named(first.incident) if first.incident else None
        if explained is not None and explained.paged_at is not None:
            return explained.id
        return self._pages.get(group)

    def _close(self, merchant: str, late: Late, now: int) -> None:
        days = self._open_days.get(merchant, {})
        for day in [day for day in days if day not in late]:
            group, amount = days.pop(day)
            self._discount(group, amount)
            scope: Scope = (("business_date", date_of(day)), ("merchant", merchant))
            incident = self._incidents.find(SETTLEMENT_OVERDUE.kind, scope)
            if incident is not None:
                self._incidents.end(incident, now, "paid")
        if not days:
            self._open_days.pop(merchant, None)

    def _first_cause(self, late: list[tuple[Sale, Standing]], now: int) -> Explanation:
        """The explanation of the most money, among the largest sales."""
        largest = sorted(late, key=lambda one: (-one[0].amount, one[0].terminal, one[0].id))[:ASKED]
        found = [self._explainer.explanation(sale, now) for sale, _ in largest]
        weights: Counter[str] = Counter()
        for one in found:
            weights[one.findings[0].cause] += one.sale.amount
        cause = max(sorted(weights), key=lambda name: weights[name])
        return next(one for one in found if one.findings[0].cause == cause)

    # -- what else the money tells -----------------------------------------------------------------

    def _closed(self, terminal: str, now: int) -> None:
        """Sales whose batch may have been closed are where it took them."""
        ledger = self._explainer.ledger
        sales = ledger.book(self._explainer.merchant_of(terminal)).sales
        for id_ in self.outlook.unclosed(terminal):
            if (sale := sales.get((terminal, id_))) is not None:
                self.outlook.see(sale, ledger.standing(sale, now))

    def _batch(self, terminal: str, told: Batch, now: int) -> None:
        self._closed(terminal, now)
        scope: Scope = (("terminal", terminal),)
        incident = self._incidents.find(BATCH_MISMATCH.kind, scope)
        if differs(told) and incident is None:
            self._incidents.open(BATCH_MISMATCH.kind, scope, now, told.result or "counts differ", [terminal])
        elif agrees(told) and incident is not None:
            self._incidents.end(incident, now, "totals agree")

    def _file(self, host: str, now: int) -> None:
        """The newest word counts; what is repeated or comes late changes nothing."""
        scope: Scope = (("host", host),)
        files = self._explainer.ledger.files.items()
        words = [word for (whose, _), told in files if whose == host for word in told if word.event in BAD | GOOD]
        if not words:
            return
        newest = max(words, key=lambda word: (word.at, word.event in GOOD))
        incident = self._incidents.find(INTERFACE_FAULT.kind, scope)
        if newest.event in BAD and incident is None:
            self._incidents.open(INTERFACE_FAULT.kind, scope, now, newest.event)
        elif newest.event in GOOD and incident is not None:
            self._incidents.end(incident, now, "file ready")

    def _payer(self, merchant: str, told: Payout, now: int) -> None:
        hosts = self._explainer.ledger.directory.hosts
        if not told.payer or not hosts or is_licensed(hosts.get(told.payer), told.at):
            return
        scope: Scope = (("merchant", merchant),)
        first = self._incidents.named(self._payers.get(told.payer, ""))
        by = first.id if first is not None and first.status is Status.FIRING and first.scope != scope else None
        incident = self._lasting(PROVIDER_UNLICENSED.kind, scope, now, f"payer {told.payer}", suppressed_by=by)
        if by is None:
            self._payers[told.payer] = incident.id

    def _lasting(
        self, kind: str, scope: Scope, now: int, reason: str, terminal: str = "", suppressed_by: str | None = None
    ) -> Incident:
        """It is so now, and for a day after the last time."""
        incident = self._incidents.find(kind, scope)
        if incident is None:
            terminals = [terminal] if terminal else []
            incident = self._incidents.open(kind, scope, now, reason, terminals, suppressed_by=suppressed_by)
        until = now + MERCHANT_REWRITTEN.policy.keep_ms
        self._last[kind, scope] = until
        heappush(self._ends, (until, kind, scope))
        return incident
