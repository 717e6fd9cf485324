"""Which answer is right for a sale that is not paid: the contract's rule, applied to what really happened.

What, had it not happened, would have brought the money by the end? Every reason is tried by asking when the
money were due without it; what then still comes after the end explains nothing.
"""

from dataclasses import dataclass, field
from typing import Final, NamedTuple

from fleetmon.sim.corpus.dates import DAY, due
from fleetmon.sim.corpus.sale import Fault, Other, Sale
from fleetmon.sim.corpus.world import World

_STATES: Final = {"underpaid": "short_paid"}
_VISIBLE: Final = ("held", "returned", "carried_over", "short_paid", "underpaid")


@dataclass
class Verdict:
    """The right answer."""

    cause: str
    why: str
    accept: list[Other] = field(default_factory=list)
    states: list[str] | None = None
    stages: list[str] | None = None
    dues: list[int] | None = None
    provisional: bool | None = None
    fault: Fault | None = None


class Reason(NamedTuple):
    """Something without which the money were due at `clean`; it cost `cost` milliseconds."""

    cause: str
    why: str
    clean: int
    cost: int
    rank: int
    fault: Fault | None


def judge(sale: Sale, world: World) -> Verdict | None:
    """The verdict; None where nothing has to be explained: paid, never heard of, or refused on an earlier day."""
    if sale.paid_at is not None:
        return None
    if sale.cancelled is not None:
        return _ended(sale.cancelled, "cancelled")
    if sale.outcome in ("declined", "unanswered"):
        if sale.at < world.midnight or sale.fault is None:
            return None
        return _ended(sale.fault, "declined" if sale.outcome == "declined" else "unknown")
    verdict = _money(sale, world)
    fault = verdict.fault
    if fault is not None:
        verdict.accept += [other for other in fault.accept if other.cause != verdict.cause]
        verdict.stages = list(fault.stages) or verdict.stages
    verdict.accept = list({other.cause: other for other in verdict.accept}.values())
    return verdict


def _ended(fault: Fault, state: str) -> Verdict:
    states = [state, "cancelled"] if state == "unknown" else [state]
    stages = list(fault.stages) or (["done"] if state != "unknown" else None)
    return Verdict(fault.cause, fault.why, list(fault.accept), states, stages, fault=fault)


def _money(sale: Sale, world: World) -> Verdict:
    basis = sale.basis
    if basis is None:
        return _stuck(sale, world)
    until, promised = world.scene.until, sale.due(basis)
    blocked = sale.way.fault
    if blocked is not None and sale.shown_at is not None and sale.way.kind in _VISIBLE:
        state = _STATES.get(sale.way.kind, sale.way.kind)
        verdict = Verdict(blocked.cause, blocked.why, [], [state], ["payout"], fault=blocked)
    elif until < promised.at:
        verdict = _calendar(sale, basis, world)
    else:
        assert blocked is not None, f"{sale.id} should have been paid"
        verdict = Verdict(blocked.cause, blocked.why, _doubts(sale, blocked, promised.at, until), fault=blocked)
        if sale.way.kind == "instructed" and sale.shown_at is None:
            verdict.stages = ["bank"]
    verdict.dues, verdict.provisional = [promised.at], promised.provisional
    verdict.states = verdict.states or [_state(sale, promised.at, until)]
    if sale.fault is not None and sale.fault.told_at is not None:
        told = sale.due(sale.fault.told_at).at
        verdict.dues = sorted({promised.at, told})
        verdict.states = sorted({*verdict.states, _state(sale, told, until)})
    return verdict


def _doubts(sale: Sale, fault: Fault, due_at: int, until: int) -> list[Other]:
    return list(fault.doubt) if until <= due_at + sale.shop.terms.grace_s * 1000 else []


def _state(sale: Sale, due_at: int, until: int) -> str:
    if until < due_at:
        return "not_due"
    return "due" if until <= due_at + sale.shop.terms.grace_s * 1000 else "overdue"


def _stuck(sale: Sale, world: World) -> Verdict:
    """Still in the terminal, or in a batch that nobody has closed."""
    fault = sale.fault
    if fault is None:
        return _open_yet(sale, world)
    until = world.scene.until
    sold = sale.at if sale.host_at is None else sale.host_at
    basis = fault.basis or sold
    clean, shown = sale.due(basis), sale.due(sold)
    if until >= clean.at:
        accept = list(fault.doubt) if until <= clean.at + sale.shop.terms.grace_s * 1000 else []
        verdict = Verdict(fault.cause, fault.why, accept, fault=fault)
    elif until >= sale.due(basis, rests=False).at and clean.at > sale.due(basis, rests=False).at:
        also = Other(fault.cause, "the money would still be missing after a working day")
        verdict = Verdict("holiday", "non-working days moved the due date", [also])
    else:
        verdict = Verdict("not_due", "nothing has cost time yet")
    in_terminal = sale.host_at is None
    verdict.stages = ["terminal"] if in_terminal else ["batch"]
    verdict.states = [_state(sale, shown.at, until)]
    if in_terminal:
        verdict.dues, verdict.provisional = [shown.at], True
    else:
        verdict.states = sorted({*verdict.states, _state(sale, clean.at, until), "not_due"})
    return verdict


def _open_yet(sale: Sale, world: World) -> Verdict:
    """Under terminal capture: the batch is still open, as it has to be at this hour."""
    planned = sale.planned()
    verdict = _calendar(sale, planned.planned if planned else sale.host_at or sale.at, world)
    verdict.states = ["not_due"]
    return verdict


def _calendar(sale: Sale, basis: int, world: World) -> Verdict:
    """Not due yet: because of what?"""
    until = world.scene.until
    reasons = [reason for reason in _reasons(sale, basis) if reason.cost > 0]
    enough = [reason for reason in reasons if reason.clean <= until]
    if not enough:
        return _early(sale, basis, world, reasons)
    best = max(enough, key=lambda reason: (reason.cost // DAY, reason.rank))
    accept = [
        Other(other.cause, "without it alone the money would be there, too")
        for other in enough
        if other is not best
        and (best.rank > 1 or other.rank > 1 or other.cost // DAY == best.cost // DAY)
        and not (best.rank == 2 and other.cause == "after_cutoff")
    ]  # fmt: skip
    if until <= best.clean + sale.shop.terms.grace_s * 1000:
        accept.append(Other("not_due", "without it the money would be within its grace"))
    return Verdict(best.cause, best.why, accept, fault=best.fault)


def _early(sale: Sale, basis: int, world: World, reasons: list[Reason]) -> Verdict:
    """No reason alone has cost time yet; two together may have, or money came before its due time."""
    until = world.scene.until
    fault = sale.fault if any(reason.fault for reason in reasons) else None
    start = fault.basis if fault is not None and fault.basis is not None else basis
    if len(reasons) > 1 and sale.due(start, cutoff=False, rests=False, over=False).at <= until:
        best = max(reasons, key=lambda reason: (reason.cost // DAY, reason.rank))
        also = [Other(other.cause, "only both together cost the time") for other in reasons if other is not best]
        also.append(Other("not_due", "neither alone has cost the time"))
        return Verdict(best.cause, best.why, also, fault=best.fault)
    verdict = Verdict("not_due", "nothing has cost time yet")
    for reason in reasons:
        base = sale.due(start, cutoff=reason.cause != "after_cutoff").base
        came = world.credited.get((sale.shop.id, base))
        if came is not None and came <= until:
            verdict.accept.append(Other(reason.cause, "the money of that day came before it was due"))
    return verdict


def _reasons(sale: Sale, basis: int) -> list[Reason]:
    promised = sale.due(basis).at
    found = []
    if sale.fault is not None and sale.fault.basis is not None:
        clean = sale.due(sale.fault.basis).at
        found.append(Reason(sale.fault.cause, sale.fault.why, clean, promised - clean, 2, sale.fault))
    if sale.over:
        clean = sale.due(basis, over=False).at
        found.append(Reason("instant_limit", "over the limit of instant payout", clean, promised - clean, 3, None))
    clean = sale.due(basis, rests=False).at
    found.append(Reason("holiday", "non-working days moved the due date", clean, promised - clean, 1, None))
    clean = sale.due(basis, cutoff=False).at
    found.append(Reason("after_cutoff", "taken after the cut-off", clean, promised - clean, 1, None))
    return found


def business_date(sale: Sale) -> str:
    """The date under which its money is expected."""
    if sale.basis is not None:
        return sale.base()
    return due(sale.shop.terms, sale.device.scene.week, sale.host_at or sale.at, sale.rail).base.isoformat()
