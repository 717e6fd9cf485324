"""The host found other totals than the terminal at the end of its day; the next batch that agrees ends it."""

from fleetmon.model.detector import MoneyDetector
from fleetmon.model.events import Batch
from fleetmon.model.incident import Policy

BATCH_MISMATCH = MoneyDetector(
    kind="batch_mismatch", policy=Policy(severity="warning", pages=False, hold_ms=0, keep_ms=0)
)


def differs(batch: Batch) -> bool:
    """Whether the totals or the counts differ."""
    counts = batch.count, batch.uploaded_count
    return batch.result in ("not_agree", "error") or (None not in counts and counts[0] != counts[1])


def agrees(batch: Batch) -> bool:
    """Whether the host agreed."""
    return batch.result == "agree" and not differs(batch)
