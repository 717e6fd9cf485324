"""Causes, and what speaks for and against them.

A cause looks at a case and says nothing, or offers a suspicion: clues with log-odds (natural logarithm)
for and against. Clues of one family say the same thing in several ways, so their sum is capped; suspicions
then compete, and `unknown` competes with them.
"""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Literal, NamedTuple

from msgspec import Struct

from fleetmon.model.case import Case
from fleetmon.model.episode import Episode, Evidence
from fleetmon.model.sale import Sale
from fleetmon.model.standing import Standing
from fleetmon.model.terminal import NO_DEADLINE

Actor = Literal["nobody", "merchant", "carrier", "provider", "acquirer", "cardholder", "on-call", "issuer"]
Family = Literal["rule", "message", "own", "neighbours", "incident", "timing", "code", "link", "absence"]


class Clue(NamedTuple):
    """One observation; a negative weight speaks against the cause."""

    family: Family
    weight: float
    evidence: tuple[Evidence, ...] = ()


class Suspicion(NamedTuple):
    """A cause that may be it, and why."""

    clues: Sequence[Clue]
    incident: str | None = None
    facts: Mapping[str, int | str] = MappingProxyType({})  # for the text: times in ms (`*_at`), fen, counts, codes


class Cause(NamedTuple):
    """One row of the contract's table of causes."""

    id: str
    actor: Actor
    suspect: Callable[[Case], Suspicion | None]


class Finding(Struct, frozen=True):
    """A ranked cause with its calibrated confidence, 0..1."""

    cause: str
    confidence: float
    actor: Actor
    incident: str | None
    evidence: tuple[Evidence, ...]
    against: tuple[Evidence, ...]
    facts: Mapping[str, int | str]


class Explanation(Struct, frozen=True):
    """Where one transaction stands, and why it is not paid."""

    sale: Sale
    standing: Standing
    findings: tuple[Finding, ...]


def cite(episode: Episode, fact: str = "") -> tuple[Evidence, ...]:
    """The first and, if it is over, the last message of an episode."""
    said = " ".join(word for word in (fact or episode.kind, episode.code) if word)
    first = Evidence(episode.topic, episode.begin, f"{said} since")
    over = episode.begin < episode.end < NO_DEADLINE
    return (first, Evidence(episode.topic, episode.end, f"{said} until")) if over else (first,)


def cite_all(episodes: Sequence[Episode], fact: str = "") -> tuple[Evidence, ...]:
    """The messages of the three longest episodes, in order of time."""
    longest = sorted(episodes, key=lambda one: (one.begin - one.end, one.begin))[:3]
    return tuple(said for one in sorted(longest, key=lambda one: one.begin) for said in cite(one, fact))


def cite_sale(case: Case) -> tuple[Evidence, ...]:
    """The stages of the sale itself."""
    sale, topic = case.sale, f"terminal/{case.sale.terminal}/transaction"
    stages = ("stored", "uploaded", "approved", "declined", "unanswered", "requested")
    told = [Evidence(topic, at, stage) for stage in stages if (at := getattr(sale, stage))]
    return tuple(told[:2])
