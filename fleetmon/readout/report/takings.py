"""What was not sold while terminals took no payments: an estimate, and on what it rests.

A terminal whose usual hours are known (`engine/terminal/usage`) would usually have made so many sales; those that it
made all the same, kept inside, are taken off; what is left is told at the average sale of its merchant in the ledger.
Of a terminal or a merchant of whom too little is known nothing is estimated, and they are counted.
Where it can be wrong: a holiday, or customers who came back an hour later, who are no loss.
"""

from typing import Final, NamedTuple

from fleetmon.engine import Engine
from fleetmon.engine.terminal.usage import Usage
from fleetmon.readout.report.availability import Lost
from fleetmon.readout.report.costs import Cost
from fleetmon.readout.slices import slowly

FEW: Final = 5  # sales that make an average


class Missed(NamedTuple):
    """What one incident kept from being sold. `sales` and `amount` are None where nothing could be estimated."""

    sales: float | None
    amount: int | None
    unjudged: int  # terminals left out


class _Takings(NamedTuple):
    """What a merchant sold, as far as the ledger has it."""

    average: float | None
    times: dict[str, list[int]]  # by terminal


class Takings:
    """Estimates by one engine; made anew for each report."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._known: dict[str, _Takings] = {}

    async def missed(self, cost: Cost) -> Missed:
        """What was missed in all stretches of one incident."""
        sales, amount, judged = 0.0, 0.0, set[str]()
        async for lost in slowly(cost.stretches):
            found = self._of_stretch(lost)
            if found is not None:
                judged.add(lost.terminal.id)
                sales += found[0]
                amount += found[1]
        left_out = len(cost.terminals - judged)
        return Missed(sales, round(amount), left_out) if judged else Missed(None, None, left_out)

    def _of_stretch(self, lost: Lost) -> tuple[float, float] | None:
        terminal = self._engine.fleet.terminals.get(lost.terminal.id)
        usage = Usage.of(terminal.usage) if terminal is not None else Usage()
        if not usage.is_known:
            return None
        known = self._takings(lost.terminal.merchant)
        if known.average is None:
            return None
        made = sum(lost.begin <= at < lost.end for at in known.times.get(lost.terminal.id, ()))
        sales = max(usage.missed(lost.begin, lost.end) - made, 0.0)
        return sales, sales * known.average

    def _takings(self, merchant: str) -> _Takings:
        found = self._known.get(merchant)
        if found is None:
            found = self._known[merchant] = self._read(merchant)
        return found

    def _read(self, merchant: str) -> _Takings:
        book = self._engine.explainer.ledger.books.get(merchant)
        times: dict[str, list[int]] = {}
        amounts = []
        for sale in list(book.sales.values()) if book else ():
            if sale.kind in ("sale", "completion") and (sale.accepted or sale.stored):
                amounts.append(sale.amount)
                times.setdefault(sale.terminal, []).append(sale.swiped_at or sale.at)
        return _Takings(sum(amounts) / len(amounts) if len(amounts) >= FEW else None, times)
