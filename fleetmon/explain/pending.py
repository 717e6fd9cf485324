"""Money in between: sales kept in a terminal that could have sent them, and sales that only one side knows."""

from fleetmon.model.case import Case
from fleetmon.model.cause import Cause, Clue, Suspicion, cite_all, cite_sale
from fleetmon.model.episode import Evidence
from fleetmon.model.standing import Wait


def offline_pending(case: Case) -> Suspicion | None:
    """Stored in the terminal and not sent although it was reachable."""
    if case.standing.wait is not Wait.UPLOAD:
        return None
    reachable = 1.0 - max(case.unheard, case.hindrance(case.signs_of("no_host")))
    if reachable < 0.2:
        return None
    waiting = case.signs_of("pending")
    excused = case.hindrance([*case.faults_of("keys", "software", "storage", "security"), *case.signs_of("unsigned")])
    clues = [Clue("own", 3.5 * reachable * (1 - excused / 2), cite_sale(case) + cite_all(waiting))]
    if waiting:
        clues.append(Clue("message", 0.7))
    facts: dict[str, int | str] = {"stored_at": case.sale.swiped_at, "amount": case.sale.amount}
    return Suspicion(clues, case.incident_id("offline_pending"), facts)


def one_sided(case: Case) -> Suspicion | None:
    """The answer did not come and the reversal is not answered, so the cardholder may be debited."""
    reversed_ = [one for one in case.linked if one.kind == "reversal"]
    if not case.answerless or any(one.accepted for one in reversed_):
        return None
    sale = case.sale
    clues = [Clue("own", 2.6, cite_sale(case))]
    if reversed_:
        told = Evidence(f"terminal/{sale.terminal}/transaction", reversed_[-1].at, "reversal without an answer")
        clues.append(Clue("message", 1.4, (told,)))
    elif counted := case.signs_of("reversals"):
        clues.append(Clue("message", 1.2, cite_all(counted)))
    return Suspicion(clues, facts={"amount": sale.amount})


CAUSES = (Cause("offline_pending", "merchant", offline_pending), Cause("one_sided", "acquirer", one_sided))
