"""The morning report as JSON. Times are RFC 3339 in the zone of the report, durations seconds, amounts fen.

The shape is stable: fields are added, and none changes its meaning. `null`: not known, or does not apply.
"""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

from fleetmon.locale import Language
from fleetmon.model.cause import Actor
from fleetmon.model.incident import Severity
from fleetmon.web.explanations import Risk

Level = Annotated[
    Literal["good", "warning", "bad", "unknown"], Meta(description="`unknown` while fleetmon cannot tell; never good.")
]
Seconds = Annotated[float, Meta(description="Of all terminals together, where terminals are counted.")]
Fen = int


class HourView(Struct, frozen=True):
    """A part of the span, an hour or longer: how long terminals that were expected were in which state."""

    begin: datetime
    end: datetime
    paying_s: Seconds
    down_s: Annotated[float, Meta(description="Missed, from the last sign of life until heard again.")]
    idle_s: Annotated[float, Meta(description="Alive, and not able to take a payment.")]
    planned_s: Annotated[float, Meta(description="Missed while planned work covered them.")]
    unknown_s: Annotated[float, Meta(description="Not heard by us, so neither good nor bad.")]


class PaymentsView(Struct, frozen=True):
    """Is the fleet taking payments?"""

    level: Level
    terminals: Annotated[int, Meta(description="All of them.")]
    expected: Annotated[int, Meta(description="Of them now heard or missed, without planned work.")]
    paying: Annotated[int, Meta(description="Of the expected neither proven down nor unable to pay.")]
    idle: Annotated[int, Meta(description="Of the expected alive and not able to take a payment.")]
    quiet: Annotated[int, Meta(description="Of the paying those that sold nothing for far longer than is usual.")]
    availability: Annotated[
        float | None, Meta(description="Part of the expected time in the span in which they could pay, 0..1.")
    ]
    lost_s: Seconds
    lost_terminals: int
    planned_s: Seconds
    unexplained_s: Annotated[float, Meta(description="Of the lost time what fits no incident.")]


class CauseSum(Struct, frozen=True):
    """Late money of one first cause."""

    cause: str
    days: Annotated[int, Meta(description="Merchants' business dates.")]
    amount: Fen


class MoneyView(Struct, frozen=True):
    """Is money late?"""

    level: Level
    overdue_days: Annotated[int, Meta(description="Merchants' business dates whose money is late.")]
    overdue: Fen
    causes: Annotated[list[CauseSum], Meta(description="The most money first.")]
    at_risk: Annotated[Fen, Meta(description="Late soon, unless something happens.")]
    at_risk_merchants: int
    complete: Annotated[bool, Meta(description="False soon after a start, while the past is read.")]


class GapView(Struct, frozen=True):
    """From then to then we do not know."""

    begin: datetime
    end: datetime
    why: Annotated[
        Literal["deaf", "unwatched"], Meta(description="We heard nothing, or fleetmon itself was not running.")
    ]
    provider: Annotated[str | None, Meta(description="Only of this provider's terminals; null: of all.")]


class DataView(Struct, frozen=True):
    """Is the data fresh?"""

    level: Level
    trouble: Annotated[str | None, Meta(description="Why nothing is heard or stored now.")]
    last_message_at: datetime | None
    canary_age_s: Annotated[float | None, Meta(description="Since our own message came back through the broker.")]
    deaf_s: Annotated[float, Meta(description="In the span; of a confined reader's terminals.")]
    unwatched_s: float
    gaps: list[GapView]


class HappenedView(Struct, frozen=True):
    """An incident with all that it explains, and what it cost in the span."""

    id: str
    kind: str
    scope: dict[str, str]
    severity: Severity
    status: str
    begin: datetime
    end: Annotated[datetime | None, Meta(description="Null: it is open.")]
    terminals: Annotated[int, Meta(description="How many it took, of all providers.")]
    explains: Annotated[int, Meta(description="Further incidents that it explains.")]
    actor: Annotated[Actor, Meta(description="Who acts.")]
    paged: Annotated[bool, Meta(description="Whether people were called.")]
    acknowledged_by: str | None
    planned: Annotated[bool, Meta(description="Whether planned work explains it.")]
    lost_s: Annotated[float | None, Meta(description="Time without payments, measured; null: none was lost to it.")]
    lost_terminals: int
    missed_sales: Annotated[
        float | None,
        Meta(
            description="Estimate: what these terminals usually sell at these hours, less what they sold all the same; "
            "null: none of them is known well enough."
        ),
    ]
    missed: Annotated[
        Fen | None, Meta(description="Estimate: the missed sales at the average sale of each merchant in the ledger.")
    ]
    unjudged: Annotated[int, Meta(description="Terminals left out of the estimate, as too little is known of them.")]
    waiting: Annotated[Fen, Meta(description="Sales that wait in its terminals now; 0 when it is over.")]
    late: Annotated[Fen | None, Meta(description="Late money of what it explains; null: it is no matter of money.")]
    names: Annotated[dict[str, list[str]], Meta(description="What the registry knows of the scope, by attribute.")] = {}
    failing: Annotated[str, Meta(description="What is wrong with a host; empty where that is unknown.")] = ""


class MerchantRiskView(Struct, frozen=True):
    """A merchant whose money is not late yet, and will be unless something happens."""

    merchant: str
    name: str
    number: str
    amount: Fen
    due_at: Annotated[datetime, Meta(description="The first of it.")]
    today: Annotated[bool, Meta(description="Whether that is today.")]
    reasons: Annotated[dict[Risk, Fen], Meta(description="Where it is held up.")]
    cause: Annotated[
        str | None, Meta(description="What is wrong with the largest of its sales; null: nothing but where it is.")
    ]
    actor: Actor
    next_step: dict[Language, str]


class PlannedView(Struct, frozen=True):
    """Planned work of today."""

    id: str
    begin: datetime
    end: datetime
    owner: str
    reason: str
    whom: Annotated[str, Meta(description="The selector, or the host; empty: everybody.")]
    state: str


class ReportView(Struct, frozen=True):
    """What happened, what it cost, what is open, and whose money is at risk."""

    format: Annotated[int, Meta(description="1; another number when the shape changes.")]
    made_at: datetime
    begin: datetime
    end: datetime
    zone: Annotated[str, Meta(description="An IANA name.")]
    provider: Annotated[str | None, Meta(description="Whose terminals alone are told of; null: all.")]
    payments: PaymentsView
    money: MoneyView
    data: DataView
    hours: list[HourView]
    happened: Annotated[list[HappenedView], Meta(description="The worst first: by money, then by time lost.")]
    happened_left_out: int
    open: Annotated[list[str], Meta(description="Ids of those in `happened` that are open.")]
    at_risk: Annotated[list[MerchantRiskView], Meta(description="Due today first, then the most money.")]
    planned: list[PlannedView]
    open_left_out: Annotated[int, Meta(description="Open ones among those that `happened` leaves out.")] = 0
    planned_left_out: int = 0
