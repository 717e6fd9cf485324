"""The settlement account does not take the money: wrong or closed, frozen, or over the limit of its class."""

from fleetmon.model.case import Case
from fleetmon.model.cause import Cause, Clue, Suspicion
from fleetmon.model.episode import Evidence
from fleetmon.model.standing import Wait

LIMITS = {2: 1_000_000, 3: 200_000}  # fen a day into accounts of class II and III (PBC rules on personal accounts)
_WAITING = (Wait.CLEARING, Wait.BANK, Wait.PAYOUT)


def account_invalid(case: Case) -> Suspicion | None:
    """Wrong or closed; the credit came back."""
    return _judge(case, "account_invalid", ("closed", "invalid"))


def account_frozen(case: Case) -> Suspicion | None:
    """Frozen by the bank or an authority."""
    return _judge(case, "account_frozen", ("frozen",))


def account_limit(case: Case) -> Suspicion | None:
    """The class of the account takes no more today."""
    found = _judge(case, "account_limit", ())
    payout, merchant = case.standing.payout, case.merchant
    limit = LIMITS.get(merchant.account_class or 1) if merchant else None
    if found is not None or payout is None or limit is None or case.standing.wait is not Wait.PAYOUT:
        return found
    if payout.reason() or payout.last.event not in ("returned", "held") or payout.expected <= limit:
        return None
    return Suspicion([Clue("own", 4.0, _cite_payout(case))], facts={"limit": limit, "expected": payout.expected})


def _judge(case: Case, reason: str, statuses: tuple[str, ...]) -> Suspicion | None:
    """By the reason the acquirer gave, or by the last word on the account."""
    if case.standing.wait not in _WAITING:
        return None
    clues = []
    payout = case.standing.payout
    if payout is not None and payout.reason() == reason:
        clues.append(Clue("code", 6.0, _cite_payout(case)))
    told = [one for one in case.account if one.at <= case.now]
    lately = [one for one in told if one.at >= case.span[0]] or told[-1:]
    if stop := next((one for one in reversed(lately) if one.status in statuses), None):
        said = Evidence(f"merchant/{case.sale.merchant}/account", stop.at, stop.status)
        weight = 5.5 if stop is told[-1] else 3.8  # it may take credits again since
        clues.append(Clue("message", weight if payout is None or not payout.reason() else 1.0, (said,)))
    elif (
        case.standing.state == "returned" and payout is not None and not payout.reason() and reason.endswith("invalid")
    ):
        clues.append(Clue("own", 3.0, _cite_payout(case)))
    if not clues:
        return None
    facts: dict[str, int | str] = {"expected": payout.expected} if payout else {}
    if told and told[-1].reason:
        facts["reason"] = told[-1].reason
    return Suspicion(clues, facts=facts)


def _cite_payout(case: Case) -> tuple[Evidence, ...]:
    payout = case.standing.payout
    if payout is None:
        return ()
    said = f"{payout.last.event} {payout.reason()}".strip()
    return (Evidence(f"merchant/{payout.merchant}/settlement", payout.last.at, said),)


CAUSES = (
    Cause("account_invalid", "merchant", account_invalid),
    Cause("account_frozen", "merchant", account_frozen),
    Cause("account_limit", "merchant", account_limit),
)
