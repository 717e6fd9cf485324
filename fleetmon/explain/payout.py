"""The acquirer has the money and does not pay it, or not all: a review, a deposit, a balance, a fee, or silence."""

from fleetmon.model.case import Case
from fleetmon.model.cause import Cause, Clue, Suspicion
from fleetmon.model.days import DAY
from fleetmon.model.episode import Evidence
from fleetmon.model.standing import Wait


def risk_hold(case: Case) -> Suspicion | None:
    """Held for a risk review."""
    return _by(case, {"held": ("risk_review", ""), "short_paid": ("risk_review",)}, 5.2)


def deposit_hold(case: Case) -> Suspicion | None:
    """Kept as activation deposit or reserve."""
    return _by(case, {"held": ("deposit",), "short_paid": ("deposit",), "carried_over": ("deposit",)}, 6.0)


def carried_over(case: Case) -> Suspicion | None:
    """Net negative or below the minimum: paid with the next payout."""
    return _by(case, {"carried_over": ("net_negative", "below_minimum", "")}, 6.0)


def short_paid(case: Case) -> Suspicion | None:
    """A fee, a chargeback or another deduction was taken."""
    return _by(case, {"short_paid": ("fee", "chargeback", "")}, 6.0)


def credit_missing(case: Case) -> Suspicion | None:
    """The acquirer says paid, and the bank shows no credit."""
    payout = case.standing.payout
    if case.standing.wait is not Wait.BANK or payout is None:
        return None
    weight = 5.0 if case.standing.state == "overdue" else 3.5
    return Suspicion(
        [Clue("message", weight, _cite(case))], facts={"told_at": payout.last.at, "expected": payout.expected}
    )


def _by(case: Case, reasons: dict[str, tuple[str, ...]], weight: float) -> Suspicion | None:
    """By the step at which the payout stands, or stood until lately, and the reason that the acquirer gave."""
    payout = case.standing.payout
    if payout is None or case.standing.wait not in (Wait.PAYOUT, Wait.BANK):
        return None
    state = case.standing.state
    if case.standing.wait is Wait.BANK:  # released, and not credited yet
        released = payout.first("released")
        state = "held" if released is not None and case.now - released.at < DAY else state
    if state not in reasons:
        return None
    facts: dict[str, int | str] = {
        "told_at": payout.last.at, "expected": payout.expected, "missing": payout.missing, "reason": payout.reason(),
    }  # fmt: skip
    fits = payout.reason() in reasons[state]
    sure = weight if fits and payout.reason() else weight - 1.5 if fits else weight - 3.0
    return Suspicion([Clue("message", sure, _cite(case))], facts=facts)


def _cite(case: Case) -> tuple[Evidence, ...]:
    topic = f"merchant/{case.sale.merchant}/settlement"
    told = case.standing.payout.told[-2:] if case.standing.payout else ()
    return tuple(Evidence(topic, one.at, f"{one.event} {one.reason}".strip()) for one in told)


CAUSES = (
    Cause("risk_hold", "merchant", risk_hold),
    Cause("deposit_hold", "provider", deposit_hold),
    Cause("carried_over", "merchant", carried_over),
    Cause("short_paid", "acquirer", short_paid),
    Cause("credit_missing", "acquirer", credit_missing),
)
