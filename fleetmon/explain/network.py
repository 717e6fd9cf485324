"""The way from the terminal to the host was cut: by the terminal, the shop, the carrier, the signal or the SIM.

Only what was so while the sale could still have gone counts; a fault that came later explains nothing.
Who else was silent tells them apart: nobody, the shop, or others of the same carrier in other shops.
"""

from fleetmon.model.case import Case
from fleetmon.model.cause import Cause, Clue, Suspicion, cite_all, cite_sale
from fleetmon.model.incident import Incident

ALONE, TOGETHER = 0.2, 0.5  # shares of silent neighbours
SLIGHT = 0.2


def terminal_offline(case: Case) -> Suspicion | None:
    """Silent, or without a way to its host, while its neighbours were heard."""
    cut = max(case.unheard, case.hindrance(case.signs_of("no_host")))
    if not _concerned(case) or cut < SLIGHT:
        return None
    clues = _own(case, cut)
    shop = case.silence.site
    if shop is not None:
        clues.append(Clue("neighbours", 1.0 if shop < ALONE else -3.0 * shop))
    if (case.silence.peers or 0.0) >= TOGETHER:
        clues.append(Clue("link", -2.0))
    return _suspicion(case, clues, _incident(case, "terminal", "terminal_offline"))


def site_outage(case: Case) -> Suspicion | None:
    """All of the shop was silent, whatever its carriers."""
    shop, incident = case.silence.site, _incident(case, "site", "site_outage")
    if not _concerned(case) or case.unheard < SLIGHT or (incident is None and (shop is None or shop < TOGETHER)):
        return None
    clues = _own(case, case.unheard)
    if shop is not None:
        clues.append(Clue("neighbours", 2.5 * (shop - 0.4)))
    if (case.silence.peers or 0.0) >= TOGETHER:
        clues.append(Clue("link", -2.0))
    if incident is not None:
        clues.append(Clue("incident", 2.0))
    return _suspicion(case, clues, incident)


def carrier_outage(case: Case) -> Suspicion | None:
    """Others of the same carrier in other shops were silent too."""
    peers, incident = case.silence.peers, _carrier_incident(case)
    if not _concerned(case) or case.unheard < SLIGHT or (incident is None and (peers is None or peers < TOGETHER)):
        return None
    clues = _own(case, case.unheard)
    if peers is not None:
        clues.append(Clue("neighbours", 3.0 * (peers - 0.3)))
    if incident is not None:
        clues.append(Clue("incident", 3.0))
    return _suspicion(case, clues, incident)


def _carrier_incident(case: Case) -> Incident | None:
    """The outage of the carrier, of the area, or of what is on this carrier."""
    return case.incident_of("carrier_outage", "region_outage") or _incident(case, "carrier", "attribute_outage")


def weak_signal(case: Case) -> Suspicion | None:
    """The signal was poor or answers slow at the time."""
    weak = case.signs_of("weak")
    if not weak or not (_concerned(case) or (case.refused and case.sale.response in ("68", "98"))):
        return None
    share = case.hindrance(weak) if case.kept_back else 1.0
    clues = [Clue("own", 4.5 * share, cite_all(weak) + cite_sale(case))]
    if case.kept_back:
        clues.append(Clue("link", -2.0 * case.unheard))
    found = _suspicion(case, clues, case.incident_of("weak_signal"))
    worst = max(weak, key=lambda one: abs(one.worst)).worst
    return found._replace(facts={**found.facts, "dbm" if worst < 0 else "rtt_ms": round(worst)})


def sim_problem(case: Case) -> Suspicion | None:
    """The SIM was deactivated, changed or out of data."""
    told = [*case.faults_of("sim"), *case.signs_of("sim_changed")]
    if not _concerned(case) or not told:
        return None
    clues = [Clue("message", 4.5, cite_all(told)), *_own(case, max(case.unheard, case.hindrance(told)))]
    return _suspicion(case, clues, case.incident_of("sim_problem"))


def _concerned(case: Case) -> bool:
    return case.kept_back or case.answerless


def _incident(case: Case, about: str, kind: str) -> Incident | None:
    """The incident about the terminal, its shop, or its carrier; when it came and went, that tells as much."""
    return case.incident_of(kind, about=about) or case.incident_of("flapping", about=about)


def _own(case: Case, share: float) -> list[Clue]:
    return [Clue("own", 4.0 * share, cite_sale(case) + cite_all(case.signs_of("silent", "no_host")))]


def _suspicion(case: Case, clues: list[Clue], incident: Incident | None) -> Suspicion:
    facts: dict[str, int | str] = {}
    if incident is not None:
        facts = {**dict(incident.scope), "since_at": incident.began, "terminals": incident.terminals}
        if incident.resolved_at is not None:
            facts["until_at"] = incident.resolved_at
    elif silences := case.signs_of("silent", "no_host"):
        longest = max(silences, key=lambda one: min(one.end, case.now) - one.begin)
        facts["since_at"] = longest.begin
        if longest.end <= case.now:
            facts["until_at"] = longest.end
    return Suspicion(clues, incident.id if incident else None, facts)


CAUSES = (
    Cause("terminal_offline", "merchant", terminal_offline),
    Cause("site_outage", "merchant", site_outage),
    Cause("carrier_outage", "carrier", carrier_outage),
    Cause("weak_signal", "merchant", weak_signal),
    Cause("sim_problem", "provider", sim_problem),
)
