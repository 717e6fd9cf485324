"""The merchant's own system is behind: it sends its sales and closes its batches late."""

from fleetmon.model.case import Case
from fleetmon.model.cause import Cause, Clue, Suspicion, cite_all


def backoffice_backlog(case: Case) -> Suspicion | None:
    """A queue stood in the merchant's system at the time."""
    if not case.backlog or not (case.kept_back or case.at_host):
        return None
    weight = 5.0 * case.hindrance(case.backlog) - 2.5 * case.unheard if case.kept_back else 3.0
    worst = max(case.backlog, key=lambda one: one.worst)
    facts: dict[str, int | str] = {"minutes": round(worst.worst / 60), "count": worst.count}
    return Suspicion([Clue("message", weight, cite_all(case.backlog))], facts=facts)


CAUSES = (Cause("backoffice_backlog", "merchant", backoffice_backlog),)
