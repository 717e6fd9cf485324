"""The sale was taken back, so there is nothing to pay: reversed, voided or refunded; or keyed wrongly."""

from fleetmon.model.case import Case
from fleetmon.model.cause import Cause, Clue, Suspicion
from fleetmon.model.episode import Evidence
from fleetmon.model.sale import Sale
from fleetmon.model.standing import Wait

SOON = 900_000  # a void within a quarter of an hour is a correction


def cancelled(case: Case) -> Suspicion | None:
    """Something that takes the sale back was approved."""
    undoing = _undoing(case)
    if case.standing.wait is not Wait.CANCELLED or undoing is None:
        return None
    return Suspicion([Clue("rule", 6.0, _cite(undoing))], facts={"by": undoing.kind, "cancelled_at": undoing.at})


def entry_error(case: Case) -> Suspicion | None:
    """A wrong amount or card: refused as such, or voided at once and taken again with another amount."""
    sale, undoing = case.sale, _undoing(case)
    if case.refused and case.meaning == "entry":
        told = (Evidence(f"terminal/{sale.terminal}/transaction", sale.declined, f"declined {sale.response}"),)
        return Suspicion([Clue("code", 5.0, told)], facts={"code": sale.response})
    if undoing is None or undoing.kind != "void" or undoing.at - sale.at > SOON:
        return None
    clues = [Clue("timing", 3.5, _cite(undoing))]
    if case.redone:
        clues.append(Clue("own", 4.0))
    return Suspicion(clues, facts={"by": undoing.kind, "cancelled_at": undoing.at})


def _undoing(case: Case) -> Sale | None:
    return next((one for one in case.linked if one.accepted and one.kind in ("reversal", "void", "refund")), None)


def _cite(sale: Sale) -> tuple[Evidence, ...]:
    return (Evidence(f"terminal/{sale.terminal}/transaction", sale.at, f"{sale.kind} approved"),)


CAUSES = (Cause("cancelled", "nobody", cancelled), Cause("entry_error", "merchant", entry_error))
