"""Not late at all, or only by a cut-off, a holiday or a limit.

Asked as the contract does: what, had it not been, would have brought the money by now? Where several alone
would have done, the one that costs more days.
"""

from fleetmon.model.case import Case
from fleetmon.model.cause import Cause, Clue, Suspicion
from fleetmon.model.days import DAY
from fleetmon.model.standing import Wait
from fleetmon.model.terms import Waiver, due, trade_day

SURE = 6.0
_WAITING = (Wait.NOTHING, Wait.CALENDAR)


def _in_grace(case: Case) -> bool:
    return case.standing.state == "due" and case.standing.wait in (Wait.CLEARING, Wait.BANK)


def not_due(case: Case) -> Suspicion | None:
    """The due time has not come, and nothing has cost time yet."""
    if case.standing.wait in _WAITING:
        weight = SURE if case.standing.wait is Wait.NOTHING else 4.0
    elif _in_grace(case):
        weight = 0.5  # the due time has come, so something has cost time
    else:
        return None
    return Suspicion([Clue("rule", weight)], facts={"due_at": case.standing.due_at or 0})


def after_cutoff(case: Case) -> Suspicion | None:
    """Taken after the cut-off, and otherwise the money would be there."""
    facts: dict[str, int | str] = {"cutoff": case.standing.terms.cutoff}
    return _moved(case, Waiver(cutoff=True), over_limit=case.standing.over_limit, facts=facts)


def holiday(case: Case) -> Suspicion | None:
    """Non-working days lie between, and otherwise the money would be there."""
    return _moved(case, Waiver(holidays=True), over_limit=case.standing.over_limit, facts={})


def instant_limit(case: Case) -> Suspicion | None:
    """Over the limit of the day, and otherwise the money would be there."""
    if not case.standing.over_limit:
        return None
    facts: dict[str, int | str] = {"limit": case.standing.terms.instant_limit or 0}
    return _moved(case, Waiver(), over_limit=False, facts=facts)


def _moved(case: Case, waiver: Waiver, *, over_limit: bool, facts: dict[str, int | str]) -> Suspicion | None:
    standing, sale = case.standing, case.sale
    if standing.due_at is None or not (standing.wait is Wait.CALENDAR or _in_grace(case)):
        return None
    otherwise = due(standing.settled_from, standing.terms, sale.rail, case.days, over_limit=over_limit, waiver=waiver)
    if otherwise.at > case.now or otherwise.at >= standing.due_at:
        return None
    days = (standing.due_at - otherwise.at) / DAY
    weight = (SURE if standing.wait is Wait.CALENDAR else 0.8) + min(days, 10) / 4
    moved = {"due_at": standing.due_at, "otherwise_at": otherwise.at}
    day = trade_day(standing.settled_from, standing.terms, sale.rail)
    return Suspicion([Clue("rule", weight)], facts={**facts, **moved, "day": day})


CAUSES = (
    Cause("not_due", "nobody", not_due),
    Cause("after_cutoff", "nobody", after_cutoff),
    Cause("holiday", "nobody", holiday),
    Cause("instant_limit", "merchant", instant_limit),
)
