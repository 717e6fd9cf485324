"""Nothing fits: the evidence is shown, and no cause is invented."""

from fleetmon.model.case import Case
from fleetmon.model.cause import Cause, Clue, Suspicion, cite_sale

PRIOR = 1.6  # what a cause has to outweigh


def unknown(case: Case) -> Suspicion:
    """Always possible."""
    return Suspicion([Clue("absence", PRIOR, cite_sale(case))], facts={"amount": case.sale.amount})


CAUSES = (Cause("unknown", "on-call", unknown),)
