"""A merchant's money counted by business date, while its sales are looked through one by one."""

from msgspec import Struct

from fleetmon.model.days import date_of
from fleetmon.model.events import INT64_MAX
from fleetmon.model.sale import Sale
from fleetmon.model.settlement import Settlement
from fleetmon.model.standing import Standing


class Totals(Struct, gc=False):
    """Of one business date. Amounts in fen."""

    due_at: int
    acquirer: str
    expected_count: int = 0
    expected: int = 0
    paid_count: int = 0
    paid: int = 0
    overdue_count: int = 0
    overdue: int = 0
    at_risk_count: int = 0
    at_risk: int = 0

    def take(self, sale: Sale, standing: Standing, *, late: bool, at_risk: bool) -> None:
        """Count a sale that brings money and was not cancelled."""
        amount = sale.amount
        self.due_at = min(self.due_at, standing.due_at or self.due_at)
        self.expected_count += 1
        self.expected += amount
        if standing.state == "paid":
            self.paid_count += 1
            self.paid += amount
        elif late:
            self.overdue_count += 1
            self.overdue += amount
        elif at_risk:
            self.at_risk_count += 1
            self.at_risk += amount

    def settlement(self, merchant: str, day: int, cause: str, now: int) -> Settlement:
        """What is told of it."""
        return Settlement(
            merchant, date_of(day), self.acquirer, cause, self.due_at, self.expected_count, _fen(self.expected),
            self.paid_count, _fen(self.paid), self.overdue_count, _fen(self.overdue), self.at_risk_count,
            _fen(self.at_risk), now,
        )  # fmt: skip


def _fen(total: int) -> int:
    """No more than one amount may be: a terminal may tell of several as large, and no database holds their sum."""
    return min(max(total, -INT64_MAX), INT64_MAX)
