"""A merchant's sales are posted under another number, region or cheaper trade (跳码), paid or not.

One incident a merchant, over after a day without such a sale.
"""

from typing import Final

from fleetmon.model.detector import MoneyDetector
from fleetmon.model.incident import Policy

LASTS: Final = 86_400_000

MERCHANT_REWRITTEN = MoneyDetector(
    kind="merchant_rewritten", policy=Policy(severity="warning", pages=False, hold_ms=0, keep_ms=LASTS)
)
