"""Money that is late.

A merchant is looked at when the first of its open sales is overdue, and again whenever a payout or a file
may have changed that. One incident a merchant and business date; the pages are one for each first cause,
acquirer and business date. While we are deaf, or have not read all of the past again, nothing is called
late: the payout may have been told. What a look finds is told by merchant and business date.
A look is dated by its millisecond and happens right after it, when all that arrived in it is known, in
whatever portions it came.
"""

from collections import Counter
from collections.abc import KeysView, Mapping
from heapq import heapify, heappop, heappush
from typing import Final, Literal, NamedTuple

from fleetmon.detect.settlement_overdue import NEVER_PAGED, PAGED_FROM, SETTLEMENT_OVERDUE
from fleetmon.engine.incidents import Incidents
from fleetmon.engine.money.book import MONEY
from fleetmon.engine.money.evenings import Evenings
from fleetmon.engine.money.explainer import Explainer
from fleetmon.engine.money.irregularities import Irregularities
from fleetmon.engine.money.ledger import OPEN_KEPT
from fleetmon.engine.money.outlook import Outlook
from fleetmon.engine.money.punctuality import Punctuality
from fleetmon.engine.money.totals import Totals
from fleetmon.engine.outcome import Fact
from fleetmon.model.cause import Explanation, Finding
from fleetmon.model.days import date_of, day_from, day_of
from fleetmon.model.events import Account, Batch, Payout, Transaction
from fleetmon.model.incident import Incident, Scope
from fleetmon.model.sale import Sale
from fleetmon.model.settlement import Settlement
from fleetmon.model.standing import Stage, Standing
from fleetmon.model.terminal import NO_DEADLINE

CATCH_UP: Final = 60_000  # what waited at the broker while we were deaf comes first
SPACE: Final = 5  # between two looks that had to wait for that, so that messages get their turn
REMEMBERED: Final = 60  # days for which a page is known
ASKED: Final = 3  # the largest sales of a merchant's day tell its first cause
_LATE: Final = ("overdue", "held", "returned")

Unheard = Literal["link", "past"]
Group = tuple[str, str, int]  # first cause, acquirer, business date
Late = dict[int, list[tuple[Sale, Standing]]]  # by business date


class _Day(NamedTuple):
    """Late money of a merchant's business date."""

    group: Group
    amount: int
    stages: Mapping[Stage, int]  # where it stands; empty until somebody has looked


class Arrears:
    """Looks at merchants when their money may be late. Times in ms, amounts in fen."""

    def __init__(self, explainer: Explainer, incidents: Incidents) -> None:
        self.outlook = Outlook(explainer.ledger)
        self.punctuality = Punctuality()
        self._irregularities = Irregularities(explainer, incidents)
        self._evenings = Evenings(self.outlook, explainer.fleet, incidents)
        self._explainer = explainer
        self._incidents = incidents
        self._looks: list[tuple[int, str]] = []
        self._planned: dict[str, int] = {}
        self._open_days: dict[str, dict[int, _Day]] = {}  # by merchant
        self._totals: Counter[Group] = Counter()
        self._stages: Counter[tuple[str, str]] = Counter()
        self._merchant_days: Counter[Group] = Counter()
        self._pages: dict[Group, str] = {}  # the incident that people were called for
        self._ready = 0  # what waited at the broker has arrived by then
        self._unheard: set[Unheard] = set()
        self._whole_from = 0  # business dates before this one we do not know in full
        self._found: list[Settlement] = []
        self.paged_from = PAGED_FROM

    @property
    def deaf(self) -> bool:
        """Whether a payout may have been told that we do not know of."""
        return bool(self._unheard)

    @property
    def recalled(self) -> bool:
        """Whether everything is known again that was told before the start."""
        return "past" not in self._unheard

    @property
    def totals(self) -> Mapping[Group, int]:
        """Overdue money in fen by first cause, acquirer and business date."""
        return self._totals

    @property
    def stages(self) -> Mapping[tuple[str, str], int]:
        """Overdue money in fen by where it stands and by acquirer."""
        return self._stages

    @property
    def merchant_days(self) -> Mapping[Group, int]:
        """How many merchants' days these are, by the same."""
        return self._merchant_days

    @property
    def late_merchants(self) -> KeysView[str]:
        """Whose money is late."""
        return self._open_days.keys()

    @property
    def late_days(self) -> Mapping[tuple[str, int], tuple[str, int]]:
        """First cause and late money in fen by merchant and business date."""
        found = ((merchant, day, told) for merchant, days in self._open_days.items() for day, told in days.items())
        return {(merchant, day): (told.group[0], told.amount) for merchant, day, told in found}

    @property
    def next(self) -> int:
        """When somebody is to be looked at."""
        if self.deaf:
            return NO_DEADLINE
        return min(self._next_look, self._evenings.next, self._irregularities.next)

    @property
    def _next_look(self) -> int:
        return self._looks[0][0] + 1 if self._looks else NO_DEADLINE

    def lose(self, what: Unheard) -> None:
        """From now on this may tell of payouts without our hearing it."""
        self._unheard.add(what)

    def hear(self, at: int, what: Unheard) -> None:
        """We hear this again; if nothing else is missing, give what was told meanwhile its time to arrive."""
        self._unheard.discard(what)
        if self._unheard:
            return
        self._ready = ready = at + CATCH_UP
        waited = sorted((due, merchant) for merchant, due in self._planned.items() if due < ready)
        self._planned |= {merchant: ready + SPACE * number for number, (_, merchant) in enumerate(waited)}
        self._looks = [(due, merchant) for merchant, due in self._planned.items()]
        heapify(self._looks)
        self._evenings.hear(ready)
        self._irregularities.hear(ready)

    def take(self) -> list[Settlement]:
        """What looks have found since the last call."""
        found, self._found = self._found, []
        return found

    def observe(self, fact: Fact, sale: Sale | None) -> None:
        """Take in a fact that the ledger has taken already, and the sale if it is of one."""
        message = fact.message
        now, key, event = message.received_at, message.key, message.event
        if sale is not None and isinstance(event, Transaction):
            self._expect(sale, event, now)
            self.outlook.note_code(event)
        elif isinstance(event, Batch):
            self._closed(key, now)
        elif isinstance(event, (Payout, Account)):
            self._plan(key, now)
            if isinstance(event, Account):
                self.outlook.note_account(key)
        self._irregularities.observe(key, event, now)

    def recall(self, fact: Fact, sale: Sale | None) -> None:
        """Plan the looks that follow from a fact of the past; whatever else followed from it is known."""
        message = fact.message
        now, key, event = message.received_at, message.key, message.event
        if sale is not None and isinstance(event, Transaction):
            self._expect(sale, event, now)
        elif isinstance(event, Batch):
            self._closed(key, now)
        elif isinstance(event, Account):
            self.outlook.note_account(key)
        elif isinstance(event, Payout):
            self._plan(key, now)
            self.punctuality.read_back(key)
            self._irregularities.recall(key, event)

    def know_from(self, since: int) -> None:
        """What was told before this time we shall not know again."""
        self._whole_from = day_of(since) + 1

    def forget(self, key: tuple[str, str]) -> None:
        """The ledger holds a sale no longer."""
        self.outlook.leave(key)
        self.punctuality.forget(key)

    def restore(self, incident: Incident, now: int, found: Settlement | None = None) -> None:
        """Take up a firing incident that was read back, and what a look had found of that day.

        It counts as late until its merchant is looked at again.
        """
        if incident.kind == SETTLEMENT_OVERDUE.kind:
            scope = dict(incident.scope)
            merchant, day = scope["merchant"], day_from(scope["business_date"])
            group = (found.cause, found.acquirer, day) if found else ("", "", day)
            self._count(merchant, day, _Day(group, found.overdue if found else 0, {}))
            self._note_page(group, incident)
            self._plan(merchant, now)
            self.punctuality.read_back(merchant)
        self._evenings.restore(incident, now)
        self._irregularities.restore(incident, now)

    def advance(self, now: int) -> None:
        """Look at whoever is first, if it is time."""
        first = min(self.next, now)
        if self._next_look <= first:
            self._look_at_first()
        elif self._evenings.next <= first:
            self._evenings.advance(first)
        else:
            self._irregularities.advance(first)

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

    def _expect(self, sale: Sale, told: Transaction, now: int) -> None:
        """Plan a look at the merchant for when the sale will be overdue."""
        ledger = self._explainer.ledger
        if told.original:
            undone = ledger.books[sale.merchant].sales.get((sale.terminal, told.original))
            if undone is not None:
                self.outlook.see(undone, ledger.standing(undone, now))
        if (sale.accepted or sale.stored) and sale.kind in MONEY:
            standing = ledger.standing(sale, now)
            self.outlook.see(sale, standing)
            if standing.stage == "batch":
                self._evenings.expect(standing.settled_from, now)
            if standing.due_at is not None and standing.state != "paid":
                self._plan(sale.merchant, max(standing.due_at + standing.terms.grace + 1, now))

    def _closed(self, terminal: str, now: int) -> None:
        """Sales whose batch may have been closed are where it took them."""
        ledger = self._explainer.ledger
        sales = ledger.book(self._explainer.merchant_of(terminal)).sales
        for id_ in self.outlook.unclosed(terminal):
            if (sale := sales.get((terminal, id_))) is not None:
                self.outlook.see(sale, ledger.standing(sale, now))
        self._evenings.closed(terminal, now)

    def _plan(self, merchant: str, at: int) -> None:
        """Nobody can tell of money that belongs to nobody known, so it is not called late."""
        at = max(at, self._ready)
        if merchant and at < self._planned.get(merchant, NO_DEADLINE):
            self._planned[merchant] = at
            heappush(self._looks, (at, merchant))

    def _look(self, merchant: str, now: int) -> None:
        late: Late = {}
        days: dict[int, Totals] = {}
        following = NO_DEADLINE
        ledger = self._explainer.ledger
        is_new = self.punctuality.counts(merchant)
        for sale in ledger.book(merchant).sales.values():
            if sale.kind not in MONEY or not (sale.accepted or sale.stored):
                continue
            standing = ledger.standing(sale, now)
            waited = self.outlook.see(sale, standing)
            if standing.due_at is None or standing.state == "cancelled":
                continue
            overdue_at = standing.due_at + standing.terms.grace + 1
            is_late = overdue_at <= now and standing.state in _LATE
            if is_late:
                late.setdefault(standing.day, []).append((sale, standing))
            elif overdue_at > now and standing.state != "paid":
                following = min(following, overdue_at)
            if sale.kind != "refund":
                self.punctuality.judge(sale, standing, waited=waited, late=is_late, new=is_new)
                totals = days.setdefault(standing.day, Totals(standing.due_at, ledger.acquirer_of(sale)))
                totals.take(sale, standing, late=is_late, at_risk=self.outlook.risk(sale, standing, now) is not None)
        for day in sorted(late):
            self._open(merchant, day, late[day], now)
        self._close(merchant, late, now)
        self._tell(merchant, days, now)
        if following < NO_DEADLINE:
            self._plan(merchant, following)

    def _tell(self, merchant: str, days: Mapping[int, Totals], now: int) -> None:
        open_days = self._open_days.get(merchant, {})
        for day, totals in days.items():
            if day >= self._first_whole(now):
                cause = open_days[day].group[0] if day in open_days else ""
                self._found.append(totals.settlement(merchant, day, cause, now))

    def _first_whole(self, now: int) -> int:
        """The first business date of which nothing is forgotten."""
        return max(self._whole_from, day_of(now - OPEN_KEPT) + 2)

    def _open(self, merchant: str, day: int, late: list[tuple[Sale, Standing]], now: int) -> None:
        scope: Scope = (("business_date", date_of(day)), ("merchant", merchant))
        stages: Counter[Stage] = Counter()
        for sale, standing in late:
            stages[standing.stage] += sale.amount
        first = self._first_cause(late, now).findings[0]
        acquirer = self._explainer.ledger.directory.acquirer(merchant) or late[0][0].acquirer
        group = first.cause, acquirer, day
        self._count(merchant, day, _Day(group, stages.total(), stages))
        known = self._incidents.find(SETTLEMENT_OVERDUE.kind, scope)
        if known is not None:
            self._note_page(group, known)
            return
        by = self._paged_for(first, group)
        pages = first.cause not in NEVER_PAGED and (by is not None or self._totals[group] >= self.paged_from)
        again = self._incidents.about(scope)
        overdue_at = min(standing.due_at or now for _, standing in late) + late[0][1].terms.grace
        incident = self._incidents.open(
            SETTLEMENT_OVERDUE.kind, scope, now if again else min(overdue_at, now), first.cause,
            sorted({sale.terminal for sale, _ in late}), pages=pages, suppressed_by=by,
        )  # fmt: skip
        if incident.paged_at is not None:
            self._pages = {one: page for one, page in self._pages.items() if one[2] > day - REMEMBERED}
            self._pages[group] = incident.id

    def _note_page(self, group: Group, incident: Incident) -> None:
        """People were called for this group already, by this incident or by the one that it names."""
        by = incident.suppressed_by or ""
        if incident.paged_at is not None:
            self._pages.setdefault(group, incident.id)
        elif by.startswith(SETTLEMENT_OVERDUE.kind):
            self._pages.setdefault(group, by)

    def _count(self, merchant: str, day: int, told: _Day) -> None:
        before = self._open_days.setdefault(merchant, {}).get(day)
        if before is not None:
            self._discount(before)
        self._totals[told.group] += told.amount
        self._merchant_days[told.group] += 1
        for stage, amount in told.stages.items():
            self._stages[stage, told.group[1]] += amount
        self._open_days[merchant][day] = told

    def _discount(self, told: _Day) -> None:
        """The page stays known, so that the same is none twice."""
        group = told.group
        self._totals[group] -= told.amount
        self._merchant_days[group] -= 1
        if not self._merchant_days[group]:
            del self._totals[group], self._merchant_days[group]
        for stage, amount in told.stages.items():
            self._stages[stage, group[1]] -= amount
        self._stages = +self._stages

    def _paged_for(self, first: Finding, group: Group) -> str | None:
        """The incident for which people were called already."""
        explained = self._incidents.named(first.incident) if first.incident else None
        if explained is not None and explained.paged_at is not None:
            return explained.id
        return self._pages.get(group)

    def _close(self, merchant: str, late: Late, now: int) -> None:
        days = self._open_days.get(merchant, {})
        for day in [day for day in days if day not in late]:
            self._discount(days.pop(day))
            scope: Scope = (("business_date", date_of(day)), ("merchant", merchant))
            incident = self._incidents.find(SETTLEMENT_OVERDUE.kind, scope)
            if incident is not None:
                self._incidents.end(incident, now, "paid" if day >= self._first_whole(now) else "too long ago")
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
