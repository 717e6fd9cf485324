"""A merchant's money of one business date has not come by its due time and grace.

Judged from the ledger at the time itself. It is a page at most once for each first cause, acquirer and
business date, from `PAGED_FROM` on, and never when a paged incident or planned work explains it.
"""

from typing import Final

from fleetmon.model.detector import MoneyDetector
from fleetmon.model.incident import Policy

PAGED_FROM: Final = 1_000_000  # fen: 10,000 yuan of one cause, acquirer and business date
NEVER_PAGED: Final = frozenset({"host_maintenance", "terminal_maintenance"})

SETTLEMENT_OVERDUE = MoneyDetector(
    kind="settlement_overdue", policy=Policy(severity="critical", pages=True, hold_ms=0, keep_ms=0)
)
