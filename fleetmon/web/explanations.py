"""Why the money of one sale has not come, as JSON. Times are milliseconds since 1970; amounts are minor units."""

from typing import Annotated

from msgspec import Meta, Struct

from fleetmon.locale import Language, Told
from fleetmon.model.cause import Actor
from fleetmon.model.standing import Stage, State
from fleetmon.web.views import Time


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

    rrn: str | None
    at: Annotated[Time, Meta(description="When the sale was taken.")]
    day: Annotated[str | None, Meta(description="The business date; null where no money is expected.")]
    texts: Annotated[dict[Language, Told], Meta(description="For the audience that was asked for.")]
