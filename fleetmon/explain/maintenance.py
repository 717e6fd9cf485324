"""Planned work: on the terminal or by its provider, or at a bank or payment system that announced it."""

from collections.abc import Iterable

from fleetmon.model.case import Announcement, Case
from fleetmon.model.cause import Cause, Clue, Suspicion, cite_all
from fleetmon.model.episode import Episode, Evidence
from fleetmon.model.standing import Wait
from fleetmon.model.window import Visit

EARLY = 600_000
PAYING = 21_600_000  # payouts are made in the hours before they are due
_IN_TIME = 60_000  # what ends so little later ended in time
_SERVICE = ("provider", "operator")
_BANKS = ("acquirer", "issuer", "switch", "institution")


def terminal_maintenance(case: Case) -> Suspicion | None:
    """A technician was at work, or the provider had announced it."""
    if not (case.kept_back or case.answerless or case.refused):
        return None
    works = [*case.works, *case.signs_of("maintenance", "maintenance_status")]
    works = [one for one in works if one.touches(*case.span)]
    notices = [one for one in case.announced if one.kind in _SERVICE and _episode(one).touches(*case.decisive)]
    planned = [_episode(one) for one in notices]
    share = case.hindrance([*works, *planned])
    if not share:
        return None
    clues = [Clue("message", 5.5 * share if works else 4.8 * share, cite_all([*works, *planned]))]
    silences = case.signs_of("silent")
    if any(one.begin - EARLY <= silence.begin <= one.end for one in [*works, *planned] for silence in silences):
        clues.append(Clue("timing", 3.5))  # it went silent when the work began, so the work is why
    visits = [one for one in case.visits if one.begin <= case.span[1] and (one.ended or case.now) >= case.span[0]]
    facts: dict[str, int | str] = {"since_at": [*works, *planned][0].begin}
    if visits:
        return Suspicion(clues, facts=facts | _visit(visits[-1], case.now) | _owners(visit.by for visit in visits))
    if notices:
        last = max(notices, key=lambda one: one.until or one.end)
        return Suspicion(clues, facts=facts | _work(last) | _owners(notice.host for notice in notices))
    return Suspicion(clues, facts=facts)


def host_maintenance(case: Case) -> Suspicion | None:
    """A bank or payment system had announced work for that time, or was at its day's cut-over."""
    needed = _needed(case)
    of_banks = [one for one in case.announced if one.kind in _BANKS and _serves(one, case)]
    notices = [one for one in of_banks if _episode(one).touches(*needed)]
    episodes = [_episode(one) for one in notices]
    if notices and (weight := _weight(case, notices, case.hindrance(episodes))):
        most = max(notices, key=lambda one: _episode(one).overlap(*needed))
        facts: dict[str, int | str] = {"host": most.host, "since_at": most.begin}
        return Suspicion([Clue("message", weight, cite_all(episodes, "notice"))], facts=facts | _work(most))
    cutover = [one for one in case.health if one.kind == "cutover"]
    if case.refused and case.meaning == "cutover":
        told = Evidence(f"terminal/{case.sale.terminal}/transaction", case.sale.declined, "declined 90")
        clues = [Clue("code", 3.5, (told,)), *([Clue("message", 1.0, cite_all(cutover))] if cutover else [])]
        return Suspicion(clues, facts={"host": case.sale.acquirer})
    return None


def _owners(names: Iterable[str]) -> dict[str, int | str]:
    """All who answer for work that overlaps, each once."""
    return {"owner": " / ".join(dict.fromkeys(name for name in names if name))}


def _visit(visit: Visit, now: int) -> dict[str, int | str]:
    """Who was at work, until when, and by how much that ran over."""
    over = (visit.ended or now) - visit.until if visit.until else 0
    end = min(visit.until, visit.ended) if visit.until and visit.ended else visit.until or visit.ended
    return {"owner": visit.by, "until_at": end, "overran": over if over > _IN_TIME else 0}


def _work(notice: Announcement) -> dict[str, int | str]:
    over = notice.end - notice.until if notice.until else 0
    return {
        "owner": notice.host,
        "until_at": notice.until or notice.end,
        "overran": over if over > _IN_TIME else 0,
    }


def _weight(case: Case, notices: list[Announcement], share: float) -> float:
    if case.refused:
        return 6.0 if case.meaning in ("host", "cutover", "") else 0.0
    if case.answerless:
        return 5.5
    if case.kept_back:
        return 6.0 * share
    if case.standing.wait in (Wait.CLEARING, Wait.BANK):
        return 5.0 if any("payout" in one.services for one in notices) else 3.5
    return 0.0


def _needed(case: Case) -> tuple[int, int]:
    """When the host had to work: at the request, or in the hours before the money was due."""
    standing = case.standing
    if standing.wait not in (Wait.CLEARING, Wait.BANK):
        return case.decisive
    instructed = standing.payout.began if standing.payout else 0
    return max((standing.due_at or 0) - PAYING, instructed), case.now


def _serves(notice: Announcement, case: Case) -> bool:
    if not notice.services:
        return True
    if case.standing.wait in (Wait.CLEARING, Wait.BANK):
        return "payout" in notice.services
    return case.sale.rail in notice.services


def _episode(notice: Announcement) -> Episode:
    if notice.kind == "operator":
        return Episode("notice", notice.id, notice.begin, notice.end)
    return Episode("notice", f"host/{notice.host}/notice/{notice.id}", notice.begin, notice.end)


CAUSES = (
    Cause("terminal_maintenance", "provider", terminal_maintenance),
    Cause("host_maintenance", "acquirer", host_maintenance),
)
