"""The terminal's day was not closed, or its totals and the host's differ.

Under host capture the host settles from its own log, so an open batch there explains nothing.
"""

from fleetmon.model.case import Batch, Case
from fleetmon.model.cause import Cause, Clue, Suspicion
from fleetmon.model.episode import Evidence
from fleetmon.model.standing import Wait


def batch_not_closed(case: Case) -> Suspicion | None:
    """Terminal capture, and no end of day in time although the terminal could have done it."""
    if case.standing.wait is not Wait.CLOSING:
        return None
    clues = [Clue("rule", 2.4), Clue("own", 2.0 * (0.4 - case.unheard))]
    if case.batch is not None and case.batch.closed_at:
        clues.append(Clue("message", 0.3, _cite(case, case.batch.closed_at, "closed")))
    facts: dict[str, int | str] = {"batch": case.sale.batch, "closed_at": case.batch.closed_at if case.batch else 0}
    return Suspicion(clues, case.incident_id("batch_not_closed"), facts)


def batch_mismatch(case: Case) -> Suspicion | None:
    """The host found other totals than the terminal, or the upload of the details failed."""
    batch = case.batch
    if batch is None or not _differs(batch) or case.standing.wait not in (Wait.CLOSING, Wait.CLEARING):
        return None
    at = batch.closed_at or batch.failed_at or batch.uploaded_at
    weight = 5.0 if case.standing.terms.capture == "terminal" else 4.5
    facts: dict[str, int | str] = {"batch": batch.no, "closed_at": at, "result": batch.result or "failed"}
    clues = [Clue("message", weight, _cite(case, at, batch.result or "failed"))]
    return Suspicion(clues, case.incident_id("batch_mismatch"), facts)


def _differs(batch: Batch) -> bool:
    counted = batch.count is not None and batch.uploaded_count is not None and batch.count != batch.uploaded_count
    return batch.result in ("not_agree", "error") or counted or batch.failed_at > batch.uploaded_at


def _cite(case: Case, at: int, fact: str) -> tuple[Evidence, ...]:
    return (Evidence(f"terminal/{case.sale.terminal}/batch", at, fact),)


CAUSES = (Cause("batch_not_closed", "merchant", batch_not_closed), Cause("batch_mismatch", "acquirer", batch_mismatch))
