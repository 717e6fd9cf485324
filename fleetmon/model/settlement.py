"""What a merchant is owed for one business date, and what became of it."""

from msgspec import Struct


class Settlement(Struct, frozen=True, gc=False):
    """As its book showed it at `updated_at`. Times in ms; amounts in fen, without refunds.

    `at_risk` is not late yet, and will be unless something happens. `cause` is the first cause of what is
    overdue, empty while nothing is.
    """

    merchant: str
    business_date: str
    acquirer: str
    cause: str
    due_at: int  # of the first sale
    expected_count: int
    expected: int
    paid_count: int
    paid: int
    overdue_count: int
    overdue: int
    at_risk_count: int
    at_risk: int
    updated_at: int
