"""What a merchant must hear of even before the money: posted as somebody else, or paid by nobody licensed."""

from fleetmon.model.case import Case
from fleetmon.model.cause import Cause, Clue, Suspicion, cite_sale
from fleetmon.model.compliance import is_cheaper, is_licensed, is_other_number, is_other_place_or_trade
from fleetmon.model.episode import Evidence
from fleetmon.model.standing import Wait

_WAITING = (Wait.CLEARING, Wait.BANK, Wait.PAYOUT)


def merchant_rewritten(case: Case) -> Suspicion | None:
    """The host or the file names another merchant, region or trade than the registry."""
    if case.standing.wait not in _WAITING or case.merchant is None:
        return None
    payout = case.standing.payout
    row = payout.rows.get(case.sale.rrn) if payout else None
    posted = case.sale.posted_merchant or (row.merchant if row else None) or ""
    trade = case.sale.posted_mcc or (row.mcc if row else None) or ""
    clues, facts = [], dict[str, int | str]()
    if is_other_number(case.merchant, posted):
        weight = 6.2 if is_other_place_or_trade(case.merchant, posted) else 4.5
        clues.append(Clue("message", weight, cite_sale(case)))
        facts |= {"posted": posted, "number": case.merchant.number}
    if is_cheaper(case.merchant, trade, case.fees):
        clues.append(Clue("message", 6.2, cite_sale(case)))
        facts |= {"posted_mcc": trade, "mcc": case.merchant.mcc}
    incident = case.incident_of("merchant_rewritten")
    if incident is not None and not clues:
        clues.append(Clue("incident", 5.2, cite_sale(case)))  # others of this merchant were, at the time
    return Suspicion(clues, incident.id if incident else None, facts) if clues else None


def provider_unlicensed(case: Case) -> Suspicion | None:
    """Whoever pays has no licence, or none that is valid."""
    payout = case.standing.payout
    if case.standing.wait not in (Wait.BANK, Wait.PAYOUT) or payout is None or not payout.payer:
        return None
    host = case.hosts.get(payout.payer)
    if is_licensed(host, payout.last.at):
        return None
    ends = (host.licence_valid_to if host else None) or ""
    told = Evidence(f"merchant/{payout.merchant}/settlement", payout.last.at, f"payer {payout.payer}")
    incident = case.incident_of("provider_unlicensed")
    facts: dict[str, int | str] = {"host": payout.payer, "valid_to": ends}
    return Suspicion([Clue("message", 6.4, (told,))], incident.id if incident else None, facts)


CAUSES = (
    Cause("merchant_rewritten", "acquirer", merchant_rewritten),
    Cause("provider_unlicensed", "acquirer", provider_unlicensed),
)
