"""A merchant is paid by an institution without a valid licence.

One incident a merchant, over after a day without such a payout. Many merchants of one payer are one page.
"""

from typing import Final

from fleetmon.model.detector import MoneyDetector
from fleetmon.model.incident import Policy

LASTS: Final = 86_400_000

PROVIDER_UNLICENSED = MoneyDetector(
    kind="provider_unlicensed", policy=Policy(severity="critical", pages=True, hold_ms=0, keep_ms=LASTS)
)
