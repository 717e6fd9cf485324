"""The settlement file between institutions is late, partial or rejected; the next one that is ready ends it."""

from typing import Final

from fleetmon.model.detector import MoneyDetector
from fleetmon.model.incident import Policy

BAD: Final = frozenset({"late", "partial", "rejected"})
GOOD: Final = frozenset({"ready"})

INTERFACE_FAULT = MoneyDetector(
    kind="interface_fault", policy=Policy(severity="critical", pages=True, hold_ms=0, keep_ms=0)
)
