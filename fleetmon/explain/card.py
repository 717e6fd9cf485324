"""The card was refused, so no sale was made and there is nothing to pay."""

from fleetmon.model.case import Case
from fleetmon.model.cause import Cause, Clue, Suspicion, cite_sale


def card_declined(case: Case) -> Suspicion | None:
    """By the response code: limit, funds, lost, expired, not permitted."""
    if not case.refused or case.meaning != "card":
        return None
    return Suspicion([Clue("code", 5.0, cite_sale(case))], facts={"code": case.sale.response})


CAUSES = (Cause("card_declined", "cardholder", card_declined),)
