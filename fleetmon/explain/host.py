"""The other side: a host that fails, a file between institutions that does not come, a merchant that was stopped."""

from fleetmon.model.case import Case, Pulse
from fleetmon.model.cause import Cause, Clue, Suspicion, cite_all, cite_sale
from fleetmon.model.episode import Episode, Evidence
from fleetmon.model.incident import DECLINES, Incident
from fleetmon.model.standing import Wait

MANY, OFTEN = 3, 0.3  # failures that are no accident, and their share
LONG = 3_600_000  # a host that was down for less does not miss a payout
_BANKS = ("acquirer", "issuer", "switch", "institution")
_BAD = ("late", "partial", "rejected")


def host_outage(case: Case) -> Suspicion | None:
    """The acquirer or the issuer failed at the time, and nothing was announced."""
    asked = case.kept_back or case.answerless or case.refused
    swept = case.refused and _declines_all(case)
    if not (asked or case.at_host) or (case.refused and not swept and case.meaning not in ("host", "cutover", "")):
        return None
    told = [one for one in case.health if one.kind in ("failing", "signed_off")]
    near = [one for one in told if one.touches(case.span[0], case.span[1])]
    incident = case.incident_of("host_outage")
    clues = [*_answers(case), *([Clue("code", 5.0, cite_sale(case))] if swept else [])]
    if near and case.kept_back:
        clues.append(Clue("message", 4.5 * case.hindrance(near), cite_all(near)))
    elif near and case.at_host:
        paying = (case.standing.due_at or 0) - LONG, case.standing.due_at or 0
        missed = sum(one.overlap(*case.span) for one in near) >= LONG or any(one.touches(*paying) for one in near)
        weight = 3.0 if missed else 0.5
        clues.append(Clue("message", weight - 2.0 * any(one.event == "ready" for one in case.files), cite_all(near)))
    elif near:
        clues.append(Clue("message", 3.0, cite_all(near)))
    elif case.answerless and (slow := [one for one in case.health if one.kind == "slow" and one.touches(*case.span)]):
        clues.append(Clue("message", 1.0, cite_all(slow)))  # it may have answered too late
    if incident is not None and not case.at_host:
        clues.append(Clue("incident", 1.5))
    announced = [Episode("notice", "", one.begin, one.end) for one in case.announced if one.kind in _BANKS]
    if planned := case.hindrance(announced):
        clues.append(Clue("timing", -10.0 * planned))  # it was announced, so it is no outage
    facts = _numbers(case, near, incident)
    return Suspicion(clues, incident.id if incident else None, facts) if clues else None


def _numbers(case: Case, near: list[Episode], incident: Incident | None) -> dict[str, int | str]:
    """Which host it was, since when, and how many of the fleet's requests it failed."""
    host = case.sale.acquirer or case.terminal.get("acquirer", "")
    facts: dict[str, int | str] = {}
    if near:
        host = near[0].code
        facts = {"since_at": near[0].begin}
        if incident is None or dict(incident.scope)["host"] != host:
            facts["until_at"] = near[-1].end
        elif incident.resolved_at is not None:
            facts["until_at"] = max(near[-1].end, incident.resolved_at)
    elif incident is not None:
        host = dict(incident.scope)["host"]
        facts = {"since_at": incident.opened_at}
        if incident.resolved_at is not None:
            facts["until_at"] = incident.resolved_at
    facts["host"] = host
    if case.refused:
        facts["code"] = case.sale.response
    if (pulse := case.pulse.get(host)) is not None and (failed := max(pulse.failures, pulse.alike)):
        facts |= {"failures": failed, "requests": pulse.requests}
    return facts


def _answers(case: Case) -> list[Clue]:
    """What this and other requests at the time tell."""
    clues = []
    if case.kept_back and not case.unheard and not case.signs_of("weak"):
        clues += [Clue("neighbours", 4.0, cite_sale(case)) for pulse in case.pulse.values() if _is_cut_off(pulse)]
        if case.hindrance(case.signs_of("no_host")):
            clues.append(Clue("own", 1.5, cite_all(case.signs_of("no_host"))))
    if case.refused:
        clues.append(Clue("code", {"host": 2.4, "cutover": 1.0}.get(case.meaning, 0.0), cite_sale(case)))
    usual = case.meaning == "cutover" and case.incident_of("host_outage") is None  # others are told the same every day
    for pulse in case.pulse.values():
        often = pulse.failures >= MANY and pulse.failures >= OFTEN * pulse.requests
        if often and not (usual or case.at_host or case.kept_back):
            clues.append(Clue("neighbours", 2.0 if case.meaning or case.answerless else 0.8, cite_sale(case)))
    return clues


def _declines_all(case: Case) -> bool:
    """Whether a host declined nearly everything at the time, and with this code: then it says nothing of the card."""
    known = any(one.failing is not None and one.failing.sign == DECLINES for one in case.incidents)
    return known and any(MANY <= one.alike >= OFTEN * one.requests for one in case.pulse.values())


def _is_cut_off(pulse: Pulse) -> bool:
    """Whether several shops stored their sales at the time, and nearly nobody got an answer."""
    return pulse.storing >= 2 and pulse.requests - pulse.failures <= pulse.stored * OFTEN


def interface_fault(case: Case) -> Suspicion | None:
    """The host took the sale, and the settlement file between institutions is late, partial or rejected."""
    if not case.at_host or not case.files:
        return None
    bad = [one for one in case.files if one.event in _BAD]
    ready = [one for one in case.files if one.event == "ready" and (not bad or one.at > bad[-1].at)]
    if bad:
        weight = 5.5 if not ready else 4.0
    elif ready:
        return None
    else:
        weight = 3.8  # expected, and nothing came
    words = bad or case.files
    told = tuple(Evidence(f"host/{one.host}/file", one.at, f"{one.event} {one.code}".strip()) for one in words[-2:])
    incident = case.incident_of("interface_fault")
    facts: dict[str, int | str] = {"host": words[-1].host, "event": words[-1].event, "told_at": words[-1].at}
    return Suspicion([Clue("message", weight, told)], incident.id if incident else None, facts)


def merchant_suspended(case: Case) -> Suspicion | None:
    """The acquirer stopped this merchant."""
    waiting = case.standing.wait in (Wait.CLEARING, Wait.BANK, Wait.PAYOUT)
    told = [one for one in case.account if one.at <= case.span[1]]
    lately = [one for one in told if one.at >= case.span[0]] or told[-1:]
    stopped = any(one.status == "suspended" for one in lately)
    by_code = case.refused and case.meaning == "merchant"
    if not ((stopped and (waiting or case.refused)) or by_code or case.turned_away >= 2):
        return None
    clues = []
    if case.turned_away >= 2:
        clues.append(Clue("neighbours", 4.2, cite_sale(case)))
    if stopped:
        stop = next(one for one in reversed(lately) if one.status == "suspended")
        said = Evidence(f"merchant/{case.sale.merchant}/account", stop.at, "suspended")
        weight = 5.6 if told[-1].status == "suspended" else 3.8  # it may have gone on since
        clues.append(Clue("message", weight if not case.refused or by_code else 2.0, (said,)))
    if by_code:
        clues.append(Clue("code", 3.2, cite_sale(case)))
    facts: dict[str, int | str] = {"code": case.sale.response} if case.refused else {}
    if stopped:
        facts |= {"told_at": told[-1].at, "reason": told[-1].reason}
    return Suspicion(clues, facts=facts)


CAUSES = (
    Cause("host_outage", "acquirer", host_outage),
    Cause("interface_fault", "acquirer", interface_fault),
    Cause("merchant_suspended", "acquirer", merchant_suspended),
)
