"""What acquirers pay, when, and how they tell of it: payouts by rows, by batches or for a whole date."""

from collections import defaultdict
from collections.abc import Callable
from datetime import date
from typing import Final

from fleetmon.sim.chance import Chance
from fleetmon.sim.corpus.dates import MINUTE, day_of, due, moment
from fleetmon.sim.corpus.device import Fields
from fleetmon.sim.corpus.sale import NORMAL, Sale, Way
from fleetmon.sim.corpus.shop import Shop

Tell = Callable[[int, str, Fields], None]
_STOPS: Final = ("returned", "held", "carried_over", "short_paid")
_LAST: Final = MINUTE  # a payout event later than so long before the end is not heard


class Payouts:
    """The payouts of one merchant."""

    def __init__(self, shop: Shop, tell: Tell) -> None:
        self._shop = shop
        self._tell = tell
        self._chance: Chance = shop.chance
        self._until = shop.scene.until
        self._made = 0
        self.credited: dict[date, int] = {}  # when the money of a business date came

    def pay(self) -> None:
        """Decide what becomes of the money of each business date, and tell it until the end."""
        _find_over_limit(self._shop)
        groups: dict[tuple[date, int, int, int], list[Sale]] = defaultdict(list)
        for sale in self._shop.sales:
            basis = sale.basis
            if sale.is_money and basis is not None:
                due = sale.due(basis)
                if sale.way is NORMAL:
                    sale.way = self._shop.ways.get(due.base, NORMAL)
                at_once = self._shop.terms.instant and not sale.over and day_of(basis) == day_of(due.at)
                alone = basis if at_once else 0
                groups[due.base, due.at, id(sale.way), alone].append(sale)
        for (base, due_at, _, alone), sales in sorted(groups.items(), key=lambda item: (item[0][1], item[1][0].id)):
            self._group(base, due_at, alone, sales)

    def _group(self, base: date, due_at: int, alone: int, sales: list[Sale]) -> None:
        way = sales[0].way
        paid_at = self._time(due_at, alone)
        if way.kind == "silent":
            return
        instructed_at = paid_at - self._chance.randint(4, 100) * MINUTE
        if alone:
            instructed_at = alone + self._chance.randint(20_000, 200_000)
            paid_at = max(paid_at, instructed_at + 30_000)
        self._made += 1
        common = self._common(base, sales, way)
        if way.kind not in ("carried_over", "held"):
            self._say(instructed_at, {**common, "event": "instructed"})
        if way.kind == "instructed":
            if way.payer or way.posted:
                _shown(sales, instructed_at, self._until)
            return
        self._end(paid_at, common, way, sales)
        if way.kind == "normal" and paid_at < self._until - _LAST:
            self.credited.setdefault(base, paid_at)
            for sale in sales:
                sale.paid_at = paid_at

    def _end(self, at: int, common: Fields, way: Way, sales: list[Sale]) -> None:
        """The last event of a payout."""
        told: Fields = {**common, "event": "credited"}
        if way.kind in _STOPS:
            told = {**common, "event": way.kind} | ({"reason": way.reason} if way.reason else {})
        if way.kind in ("short_paid", "underpaid"):
            told["amount"] = round(common["amount"] * way.share)
        if way.kind == "carried_over":
            told["amount"] = 0 if way.reason == "below_minimum" else -round(common["amount"] * way.share)
            told["expected"] = told["amount"]
        self._say(at, told)
        if way.kind != "normal":
            _shown(sales, at, self._until)

    def _time(self, due_at: int, alone: int) -> int:
        """When the money comes: in the hours before it is due, or minutes after an instant sale."""
        if alone:
            return min(alone + self._chance.randint(3, 40) * MINUTE, due_at - MINUTE)
        morning = moment(day_of(due_at), 8.75 * 3600)
        return max(due_at - self._chance.randint(20, 420) * MINUTE, min(morning, due_at - 10 * MINUTE))

    def _common(self, base: date, sales: list[Sale], way: Way) -> Fields:
        shop = self._shop
        fees = [round(sale.amount * shop.fee) for sale in sales]
        net = sum(sale.amount for sale in sales) - sum(fees)
        common: Fields = {
            "id": f"p-{shop.id}-{self._made}", "business_date": base.isoformat(), "amount": net, "expected": net,
            "payer": way.payer or shop.row.acquirer,
        }  # fmt: skip
        covers = self._covers(base, sales, way)
        if covers == "rows":
            number, mcc = way.posted or (shop.row.number, shop.row.mcc)
            common["rows"] = [
                {"rrn": sale.rrn, "amount": sale.amount, "fee": fee, "mcc": mcc, "merchant": number}
                for sale, fee in zip(sales, fees, strict=True)
            ]
        if covers == "batches":
            common["batches"] = sorted({sale.batch for sale in sales if sale.batch})
        return common

    def _covers(self, base: date, sales: list[Sale], way: Way) -> str:
        """What says it without a doubt: a date only if all its sales go the same way, batches likewise."""
        wanted = way.covers or self._shop.covers
        mine = set(map(id, sales))
        others = [sale for sale in self._shop.sales if id(sale) not in mine and sale.is_money and sale.host_at]
        if wanted == "date" and all(sale.base() != base.isoformat() for sale in others):
            return "date"
        numbers = {sale.batch for sale in sales}
        if wanted == "batches" and None not in numbers and not any(sale.batch in numbers for sale in others):
            return "batches"
        return "rows"

    def _say(self, at: int, payload: Fields) -> None:
        if at < self._until - _LAST:
            self._tell(at, f"merchant/{self._shop.id}/settlement", {"at": at, **payload})


def _shown(sales: list[Sale], at: int, until: int) -> None:
    if at < until - _LAST:
        for sale in sales:
            sale.shown_at = at


def _find_over_limit(shop: Shop) -> None:
    """Mark what falls to T+1: the sale that would exceed the instant limit of its base day, and all after it."""
    limit = shop.terms.instant_limit
    if limit is None or shop.terms.cycle != "D+0":
        return
    taken: dict[date, int] = defaultdict(int)
    for sale in sorted((s for s in shop.sales if s.is_money and s.host_at), key=lambda sale: sale.host_at or 0):
        base = due(shop.terms, shop.scene.week, sale.host_at or 0, sale.rail).base
        taken[base] += sale.amount
        sale.over = taken[base] > limit
