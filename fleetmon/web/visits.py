"""Visits as JSON: where to go, why, what to take along and when; and what became of those that were made."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from fleetmon.model.schedule import Schedule
from fleetmon.web.paging import Next
from fleetmon.web.views import Time
from fleetmon.web.windows import SpanView, WindowState

Fen = Annotated[int, Meta(description="In fen.")]
Outcome = Literal["fixed", "not_fixed", "not_done", "in_progress"]


class ErrandView(Struct, frozen=True):
    """One reason to see to a terminal."""

    reason: Annotated[str, Meta(description="E.g. `reader`, `battery`, `tamper`, `dormant`, `old_firmware`.")]
    since: Annotated[Time | None, Meta(description="Since when it is so; null where nobody knows.")]
    part: Annotated[str, Meta(description="What to take along; empty for nothing.")]
    probability: Annotated[float | None, Meta(description="Of a failure within a week; null for what is so already.")]
    incident: Annotated[str | None, Meta(description="The incident that tells of it.")]


class VisitedTerminal(Struct, frozen=True):
    """A terminal to be seen to."""

    terminal: str
    merchant: str
    model: str
    firmware: str
    sales_per_day: Annotated[float, Meta(description="That it usually makes.")]
    errands: Annotated[list[ErrandView], Meta(description="The one that costs most sales comes first.")]


class ProposalView(Struct, frozen=True):
    """The quietest time that is allowed, and its plan: send `schedule` to `/api/v1/windows`, and it is planned."""

    span: SpanView
    sales: Annotated[float, Meta(description="That it disturbs, as far as the terminals learned.")]
    usual_sales: Annotated[float, Meta(description="That any other allowed time would disturb on the average.")]
    before_opening: Annotated[bool, Meta(description="Whether it begins before the shop opens: make an appointment.")]
    schedule: Annotated[Schedule, Meta(description="Its `reference` makes sure that it is planned once.")]


class PlannedVisitView(Struct, frozen=True):
    """What is planned already."""

    window: Annotated[str, Meta(description="Its id at `/api/v1/windows`.")]
    state: WindowState
    span: SpanView | None


class VisitView(Struct, frozen=True):
    """A site to go to."""

    provider: str
    region: str
    site: Annotated[str, Meta(description="Where it is; a terminal without a shop stands for itself.")]
    name: Annotated[str, Meta(description="Of the merchant; empty where the registry has none.")]
    merchants: list[str]
    score: Annotated[float, Meta(description="Sales lost in a day if nobody goes, as expected; old faults count more.")]
    at_risk: Annotated[Fen, Meta(description="Money of its terminals that is late or will be, in fen.")]
    since: Annotated[Time | None, Meta(description="Of the oldest reason.")]
    parts: Annotated[dict[str, int], Meta(description="What to take along, and how many of it.")]
    terminals: list[VisitedTerminal]
    zone: Annotated[str, Meta(description="Of the clocks there.")]
    proposal: Annotated[
        ProposalView | None, Meta(description="Null where no time is allowed, or all technicians are out at those.")
    ]
    planned: Annotated[PlannedVisitView | None, Meta(description="Null while it is not.")]


class VisitPage(Struct, frozen=True):
    """Sites to go to, the most urgent first."""

    visits: list[VisitView]
    next: Next


class FaultView(Struct, frozen=True):
    """What was wrong when somebody came, or should have."""

    kind: str
    incident: str
    cleared_at: Annotated[Time | None, Meta(description="When it was over; null while it is not.")]
    came_back: Annotated[bool, Meta(description="Whether the same was wrong again within a day.")]


class WorkedView(Struct, frozen=True):
    """What became of one terminal."""

    terminal: str
    outcome: Outcome
    begun_at: Time | None
    ended_at: Annotated[Time | None, Meta(description="By the mark of the terminal; null where none came.")]
    by: str
    lost_s: Annotated[int, Meta(description="Seconds of the work in which it could take no payment in trading hours.")]
    faults: list[FaultView]


class OutcomeView(Struct, frozen=True):
    """A visit that was planned, or made, or both."""

    provider: str
    region: str
    site: str
    date: str
    outcome: Annotated[Outcome, Meta(description="`fixed` if all its terminals are, `not_done` if nobody came.")]
    window: Annotated[str | None, Meta(description="The plan; null for a visit that nobody had planned.")]
    planned: SpanView | None
    missing: Annotated[bool, Meta(description="Whether terminals did not come back from the work.")]
    terminals: list[WorkedView]


class OutcomeList(Struct, frozen=True):
    """Visits that are over, the latest first."""

    visits: list[OutcomeView]
