"""Terminal capture, and the day was not closed: its sales wait in the terminal's batch.

Looked at half an hour after the cut-off by which the batch had to be closed; over when it is closed.
Where it can be wrong: a merchant that closes its batches later than its cut-off every day, and is paid a day later by
its own choice.
"""

from typing import Final

from fleetmon.model.detector import MoneyDetector
from fleetmon.model.incident import Policy

PATIENCE: Final = 1_800_000  # after the cut-off

BATCH_NOT_CLOSED = MoneyDetector(
    kind="batch_not_closed", policy=Policy(severity="warning", pages=False, hold_ms=0, keep_ms=0)
)
