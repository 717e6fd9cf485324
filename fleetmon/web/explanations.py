"""Where the money of sales is and why it has not come, as JSON. Times are milliseconds since 1970; amounts are fen."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from fleetmon.locale import Glimpse, Hush, Language, Told
from fleetmon.model.cause import Actor
from fleetmon.model.standing import Stage, State
from fleetmon.web.paging import Next
from fleetmon.web.views import Time

Risk = Literal["in_terminal", "batch_open", "account_blocked", "file_late"]


class FindingView(Struct, frozen=True):
    """One cause, how sure it is, and what speaks for and against it."""

    cause: str
    confidence: Annotated[float, Meta(description="0 to 1.")]
    actor: Actor
    incident: str | None
    evidence: Annotated[list[str], Meta(description="`topic@time fact` of messages that anybody can look up.")]
    against: Annotated[list[str], Meta(description="The same, of what does not fit.")]
    remedy: Annotated[str, Meta(description="The next step, in English.")]


class ExplanationView(Struct, frozen=True):
    """The contract's *Replay* says what each field means."""

    merchant: Annotated[str, Meta(description="Empty where nobody knows it.")]
    terminal: str
    transaction: str
    batch: str | None
    amount: int
    state: State
    stage: Stage
    due_at: Time | None
    provisional: bool
    findings: Annotated[list[FindingView], Meta(description="Ranked; the first is the answer.")]


class ToldExplanationView(ExplanationView, frozen=True, kw_only=True):
    """An explanation with what to tell people."""

    kind: Annotated[str, Meta(description="`sale`, `completion`, `refund`, or what was refused or not answered.")]
    rrn: str | None
    at: Annotated[Time, Meta(description="When the sale was taken.")]
    day: Annotated[str | None, Meta(description="The business date; null where no money is expected.")]
    texts: Annotated[dict[Language, Told], Meta(description="For the audience that was asked for.")]


class PayoutView(Struct, frozen=True):
    """What the acquirer did with the money."""

    id: str
    event: Annotated[str, Meta(description="As last told: `instructed`, `credited`, `returned`, ...")]
    at: Annotated[Time, Meta(description="When that was.")]
    amount: Annotated[int, Meta(description="Of the whole payout, which covers other sales too.")]
    payer: str
    reason: Annotated[str, Meta(description="Why it is held, returned, carried over or short; else empty.")]


class SettlementView(ToldExplanationView, frozen=True, kw_only=True):
    """One transaction and its money."""

    name: Annotated[str, Meta(description="The merchant's; empty where nobody knows it.")]
    number: Annotated[str, Meta(description="The merchant number at the acquirer.")]
    acquirer: str
    at_risk: Annotated[
        Risk | None, Meta(description="Why it will be late unless something happens; null once it is late, or not so.")
    ]
    payout: PayoutView | None


class NearestView(Struct, frozen=True):
    """Where no transaction fits what somebody remembers of it: what was seen instead."""

    sales: Annotated[list[Glimpse], Meta(description="Of the same amount, or about that time, by time.")]
    silent: Annotated[list[Hush], Meta(description="Who was silent then, or is now, where the day is not known.")]
    texts: Annotated[dict[Language, list[str]], Meta(description="The same in words, and what to do.")]


class SettlementPage(Struct, frozen=True):
    """Transactions by merchant, terminal and id."""

    settlements: list[SettlementView]
    next: Next
    complete: Annotated[
        bool, Meta(description="Whether all is known again that was told before the start; soon after it some is not.")
    ]
    nearest: Annotated[
        NearestView | None, Meta(description="When none fits, though one merchant and an amount or time were named.")
    ] = None


class MerchantView(Struct, frozen=True):
    """A merchant; fields may be empty."""

    id: str
    name: str
    number: str
    acquirer: str
    registered: Annotated[bool, Meta(description="Whether the registry has it.")]


class MerchantPage(Struct, frozen=True):
    """Merchants by id."""

    merchants: list[MerchantView]
    next: Next


class Sum(Struct):
    """So many sales, and their money."""

    count: int = 0
    amount: int = 0


class BusinessDayView(Struct):
    """The sales of one business date."""

    date: str
    due_at: Annotated[Time, Meta(description="The first of them.")]
    expected: Annotated[Sum, Meta(description="All that the host has, or will get from the terminals.")]
    paid: Sum
    overdue: Annotated[Sum, Meta(description="Late, held or returned.")]
    at_risk: Annotated[Sum, Meta(description="Late soon, unless something happens.")]


class MerchantSettlements(MerchantView, frozen=True, kw_only=True):
    """A merchant's money by business date, from memory: what is settled is kept for some days."""

    next_due_at: Annotated[Time | None, Meta(description="When the next money has to be there.")]
    days: Annotated[list[BusinessDayView], Meta(description="Newest first. Refunds are not taken off.")]
