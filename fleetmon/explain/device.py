"""The terminal itself: a broken part, no power, a tripped security lock, no keys, bad software.

Which part matters depends on what had to happen: a jammed printer stops an end of day, a dead reader stops
a sale, and either is no excuse for a sale that lay in a storage that works.
"""

from fleetmon.model.case import Case
from fleetmon.model.cause import Cause, Clue, Suspicion, cite_all, cite_sale
from fleetmon.model.episode import Episode
from fleetmon.model.incident import Incident
from fleetmon.model.standing import Wait

UPDATE = 2 * 86_400_000  # after an update its faults show within two days
BEFORE = 1_800_000
LOOP, CRASHES = 3_600_000, 3
AGAIN = 900_000  # a loop that has just crashed will crash again
_PARTS = ("storage", "power", "printer", "ped", "reader")
_SHOWN = ("printer", "no_ped", "no_reader", "no_communication")


def device_fault(case: Case) -> Suspicion | None:
    """A part that was needed was broken at the time."""
    told = [one for one in case.faults_of(*_PARTS) if not _is_power_loss(one)]
    shown = case.signs_of(*_SHOWN)
    if not _concerned(case) or not (told or shown):
        return None
    share = case.hindrance([*told, *shown])
    weight = 4.2 * max(share, 0.3) if case.kept_back else 3.2 if case.answerless else _refusing(case)
    return _suspicion(case, "device_fault", weight, [*told, *shown])


def _refusing(case: Case) -> float:
    """A part that does not work shows as a refusal of the terminal's own, seldom as one of the card's bank."""
    return {"card": 1.5, "entry": 1.5, "host": 0.5, "cutover": 0.5}.get(case.meaning, 4.0)


def battery(case: Case) -> Suspicion | None:
    """The battery ran flat or the power went, and then the terminal was silent."""
    told = [*case.faults_of("battery"), *filter(_is_power_loss, case.faults_of("power"))]
    told += _just_before(case, "low_battery")
    if not told or not (case.kept_back or case.answerless):
        return None
    gone = max(case.unheard, case.hindrance(told))
    return _suspicion(case, "battery", 6.0 * max(gone, 0.2), told)


def tamper(case: Case) -> Suspicion | None:
    """The security lock tripped: nothing works until the device is replaced."""
    told = [*case.faults_of("security"), *case.signs_of("insecure")]
    if not told or not _concerned(case):
        return None
    return _suspicion(case, "tamper", 6.0 * max(case.hindrance(told), 0.4), told)


def keys(case: Case) -> Suspicion | None:
    """Not signed on, or its keys are missing or expired."""
    told = [*case.faults_of("keys"), *case.signs_of("unsigned")]
    by_code = case.refused and case.meaning == "keys"
    if not _concerned(case) or not (told or by_code):
        return None
    clues = [Clue("message", 5.0 * (case.hindrance(told) if case.kept_back else 1.0), cite_all(told))] if told else []
    if by_code:
        clues.append(Clue("code", 4.0, cite_sale(case)))
    elif case.refused:
        clues.append(Clue("code", -2.0))
    return Suspicion(clues, case.incident_id("keys"), {"code": case.sale.response})


def software_fault(case: Case) -> Suspicion | None:
    """It cannot pay since an update, or its application crashes again and again."""
    told = [*case.faults_of("software"), *_crashes(case)]
    updated = [one for one in case.signs if one.kind == "updated" and 0 <= case.span[1] - one.begin <= UPDATE]
    by_code = case.refused and case.meaning in ("software", "state", "merchant", "")
    shared = _fails_together(case)
    known = told or shared or (updated and (by_code or case.kept_back)) or case.meaning == "software"
    if not _concerned(case) or not known:
        return None
    clues = []
    if shared is not None and case.unheard:
        silences = cite_all(case.signs_of("silent")) + cite_sale(case)
        clues += [Clue("own", 4.0 * case.unheard, silences), Clue("incident", 3.0)]
    if told:
        clues.append(Clue("message", 4.4 * (case.hindrance(told) if case.kept_back else 1.0), cite_all(told)))
    if updated:
        clues.append(Clue("timing", 1.5 if case.meaning or not case.refused else 0.3, cite_all(updated)))
    if case.refused:
        weight = 3.5 if case.meaning == "software" else 1.0 if by_code else -3.0
        clues.append(Clue("code", weight, cite_sale(case)))
    incident = shared.id if shared else case.incident_id("software_fault")
    return Suspicion(clues, incident, {"code": case.sale.response})


def _fails_together(case: Case) -> Incident | None:
    """The outage of this model or firmware, or of this provider's terminals."""
    found = [case.incident_of("attribute_outage", about=name) for name in ("model", "firmware", "provider")]
    return case.incident_of("model_fault") or next(filter(None, found), None)


def _crashes(case: Case) -> list[Episode]:
    """A loop of crashes: from the first to the last of at least three within an hour or so."""
    start, stop = case.span
    told = [one for one in case.faults if one.kind == "software" and one.begin == one.end]
    crashes = [*told, *[one for one in case.signs if one.kind == "crashed"]]
    crashes = sorted((one for one in crashes if one.touches(start - LOOP, stop + LOOP)), key=lambda one: one.begin)
    if sum(one.count for one in crashes) < CRASHES:
        return []
    loop = Episode("crashed", crashes[0].topic, crashes[0].begin, crashes[-1].end + AGAIN, count=len(crashes))
    return [loop] if loop.touches(start, stop) else []


def clock_skew(case: Case) -> Suspicion | None:
    """Its clock was wrong, so its end of day came when it was too late, or was not understood."""
    told = [*case.faults_of("clock"), *case.signs_of("skewed")]
    batch = case.batch
    early = bool(batch and batch.told_at and abs(batch.closed_at - batch.told_at) > 60_000)
    if not (case.kept_back or case.refused or case.answerless) or not (told or early):
        return None
    clues = [Clue("message", 2.5, cite_all(told))]
    if case.standing.wait is Wait.CLOSING:
        clues.append(Clue("timing", 3.5 if early else 2.0))
    elif not case.kept_back:
        clues.append(Clue("code", -1.0))
    seconds = round(max((abs(one.worst) for one in told), default=0.0))
    return Suspicion(clues, case.incident_id("clock_skew"), {"seconds": seconds} if seconds else {})


def terminal_moved(case: Case) -> Suspicion | None:
    """Used away from its registered place, for which money is held and sales are refused."""
    told = [one for one in case.signs if one.kind == "moved" and one.begin <= case.now]
    if not told:
        return None
    payout = case.standing.payout
    held = case.standing.wait is Wait.PAYOUT and payout is not None and payout.reason() in ("risk_review", "")
    unfit = case.refused and case.meaning in ("merchant", "card")
    weight = 5.6 if held else 4.0 if unfit else 3.5 if case.at_host else 0.0
    facts: dict[str, int | str] = {"km": round(max(one.worst for one in told))}
    clues = [Clue("message", weight, cite_all(told, "moved"))]
    return Suspicion(clues, case.incident_id("terminal_moved"), facts) if weight else None


def _concerned(case: Case) -> bool:
    return case.kept_back or case.answerless or case.refused


def _just_before(case: Case, kind: str) -> list[Episode]:
    start, stop = case.span
    return [one for one in case.signs if one.kind == kind and one.touches(start - BEFORE, stop)]


def _is_power_loss(fault: Episode) -> bool:
    return fault.kind == "power" and "lost" in fault.code.lower()


def _suspicion(case: Case, kind: str, weight: float, told: list[Episode]) -> Suspicion:
    facts: dict[str, int | str] = {"since_at": told[0].begin, "part": told[0].kind}
    return Suspicion([Clue("message", weight, cite_all(told) + cite_sale(case))], case.incident_id(kind), facts)


CAUSES = (
    Cause("device_fault", "provider", device_fault),
    Cause("battery", "merchant", battery),
    Cause("tamper", "provider", tamper),
    Cause("keys", "merchant", keys),
    Cause("software_fault", "provider", software_fault),
    Cause("clock_skew", "provider", clock_skew),
    Cause("terminal_moved", "merchant", terminal_moved),
)
