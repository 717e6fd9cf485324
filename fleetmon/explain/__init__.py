"""Why has the money not come? One family of causes a file; a new one is one line in `CAUSES`."""

from fleetmon.explain import (
    account,
    backoffice,
    batch,
    calendar,
    cancelled,
    card,
    compliance,
    device,
    host,
    maintenance,
    network,
    payout,
    pending,
    unknown,
)
from fleetmon.explain.score import Candidate, rank, weigh
from fleetmon.model.case import Case
from fleetmon.model.cause import Cause, Finding, cite_sale

CAUSES: tuple[Cause, ...] = (
    *calendar.CAUSES,
    *cancelled.CAUSES,
    *network.CAUSES,
    *pending.CAUSES,
    *batch.CAUSES,
    *device.CAUSES,
    *maintenance.CAUSES,
    *host.CAUSES,
    *backoffice.CAUSES,
    *account.CAUSES,
    *payout.CAUSES,
    *card.CAUSES,
    *compliance.CAUSES,
    *unknown.CAUSES,
)


def explain(case: Case) -> list[Finding]:
    """Every cause is asked; the findings are ranked, and there is at least one."""
    found = [(cause, suspicion) for cause in CAUSES if (suspicion := cause.suspect(case)) is not None]
    candidates = [Candidate(cause, suspicion, weigh(suspicion.clues)) for cause, suspicion in found]
    return rank(candidates, cite_sale(case))


__all__ = ["CAUSES", "explain"]
