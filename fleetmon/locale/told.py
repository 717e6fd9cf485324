"""What a merchant, the team on call or a service provider is told of one sale.

The answer to "is it late?" comes first, whatever the cause. What a fault did to the sale (it is still in the
terminal, it came late, nobody knows whether it went through) is a clause of its own, so that each cause is
one sentence. While a reversal may be open every next step begins with the warning not to pay twice.
"""

from collections.abc import Mapping
from typing import Final, Literal, NamedTuple

from msgspec import Struct

from fleetmon.locale.catalogue import Language, fill, texts
from fleetmon.locale.spoken import Facts, spoken

Audience = Literal["merchant", "on-call", "provider"]
AUDIENCES: Final[tuple[Audience, ...]] = ("merchant", "on-call", "provider")
Situation = Literal["kept", "unclosed", "open", "refused", "moving", "stuck"]
_DOUBTFUL: Final = ("68", "94", "98")  # no answer from the card's bank, or sent twice: the first may have gone through
_OF_BATCHES: Final = ("batch_not_closed", "batch_mismatch")  # whose own steps tell what to do with the batch
_BEYOND_THE_SHOP: Final = ("clearing", "payout", "bank")
_OVER: Final = ("cancelled", "declined", "paid")


class Matter(NamedTuple):
    """One sale and the first finding on it. `facts` as `spoken` says them."""

    cause: str
    actor: str
    state: str
    stage: str
    provisional: bool
    facts: Facts
    is_refund: bool = False  # of money that goes to the customer: nothing of it comes


class Told(Struct, frozen=True):
    """One answer for one audience in one language; headlines have no full stop."""

    headline: str
    sentence: str
    evidence: str
    next_step: str
    who: str
    call_again: str


def tell(matter: Matter, language: Language, audience: Audience) -> Told:
    """The answer; no part of it is empty."""
    book = texts(language)
    situation = _situation(matter)
    said = spoken(matter.facts, language)
    said["so"] = fill(book.get(f"so.{situation}", ""), said)
    listener = "merchant" if audience == "merchant" else "staff"
    cause = "refund" if _is_taken_off(matter) else "paid" if matter.state == "paid" else matter.cause
    evidence = (book[f"evidence.{listener}"], book.get(f"{cause}.evidence", ""))
    return Told(
        headline=fill(_headline(book, matter, situation), said),
        sentence=fill(book[f"{cause}.sentence.{listener}"], said),
        evidence=fill(
            book["stop"], {"text": book["join"].join(text for part in evidence if (text := fill(part, said)))}
        ),
        next_step=fill(_next_step(book, cause, situation, audience), said),
        who=fill(_who(book, matter, situation, audience), said),
        call_again=fill(book[f"again.{listener}.{_waits(matter, situation)}"], said),
    )


def remedy(cause: str, language: Language) -> str:
    """The next step for whoever sees to the cause, without any facts."""
    return fill(texts(language)[f"{cause}.next.on-call"], {})


def name(cause: str, language: Language) -> str:
    """The cause in a few words."""
    return texts(language)[f"{cause}.name"]


def word(kind: Literal["state", "stage"], value: str, language: Language) -> str:
    """The word for a state or a stage of the contract."""
    return texts(language)[f"{kind}.{value}"]


def _situation(matter: Matter) -> Situation:
    if matter.state == "unknown" or (matter.state == "declined" and _is_doubtful(matter.facts)):
        return "open"
    if matter.state == "declined":
        return "refused"
    if matter.stage == "terminal":
        return "kept"
    if matter.stage == "batch":
        return "unclosed"
    return "moving" if matter.state in ("not_due", "due") and matter.facts.get("settled_at") else "stuck"


def _is_doubtful(facts: Facts) -> bool:
    """Whether a refusal leaves open what became of the money; an acquirer's own meaning of the code outranks ours."""
    own = facts.get("class")
    return own in ("host", "duplicate") if own else facts.get("code") in _DOUBTFUL


def _is_taken_off(matter: Matter) -> bool:
    """Whether it is a refund that was made; what became of one that was not is told like a sale's."""
    return matter.is_refund and matter.state not in ("declined", "unknown", "cancelled")


def _headline(book: Mapping[str, str], matter: Matter, situation: Situation) -> str:
    if _is_taken_off(matter):
        return book["headline.refund"]
    key = f"headline.{matter.state}"
    detail = book.get(f"{key}.{situation}")
    if detail is None and matter.provisional:
        detail = book.get(f"{key}.provisional")
    return detail or book[key]


def _next_step(book: Mapping[str, str], cause: str, situation: Situation, audience: Audience) -> str:
    key = f"{cause}.next.{audience}"
    step = book.get(f"{key}.{situation}")
    if step is None and situation == "open":
        guard = book["guard.merchant" if audience == "merchant" else "guard.staff"]
        return book["pair"].format(first=guard, second=book[key])
    if step is None and situation == "unclosed" and audience == "merchant" and cause not in _OF_BATCHES:
        return book["pair"].format(first=book[key], second=book["close.merchant"])
    return step or book[key]


def _who(book: Mapping[str, str], matter: Matter, situation: Situation, audience: Audience) -> str:
    if _is_taken_off(matter):
        return book["who.nobody"]
    passed = matter.state == "not_due" and matter.stage in _BEYOND_THE_SHOP
    if matter.actor != "nobody" and (passed or situation == "moving"):
        return book["who.moving"]
    return book.get(f"who.{matter.actor}.{audience}", book[f"who.{matter.actor}"])


def _waits(matter: Matter, situation: Situation) -> str:
    if _is_taken_off(matter) or (matter.state in _OVER and situation != "open"):
        return "none"
    return "wait" if matter.state in ("not_due", "due") else "act"
