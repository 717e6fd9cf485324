"""From suspicions to ranked findings: clues are added up, suspicions compete, confidence is calibrated.

The clues of one family are capped, because they tell the same thing in several ways. What the sum of
log-odds gives is overconfident wherever clues depend on each other, so one temperature, fitted on seeds that
are used for nothing else (`make calibrate`), flattens it.
Where it can be wrong: two true causes share the confidence that either would have alone.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from fleetmon.model.cause import Cause, Clue, Finding, Suspicion
from fleetmon.model.episode import Evidence

CAP: Final = 6.5
TEMPERATURE: Final = 0.5
SHOWN: Final = 5
LEAST: Final = 0.005


class Candidate(NamedTuple):
    """A cause, why it is suspected, and its log-odds."""

    cause: Cause
    suspicion: Suspicion
    score: float


def weigh(clues: Sequence[Clue]) -> float:
    """The sum of log-odds, each family capped."""
    families: dict[str, float] = {}
    for clue in clues:
        families[clue.family] = families.get(clue.family, 0.0) + clue.weight
    return sum(max(min(value, CAP), -CAP) for value in families.values())


def rank(
    candidates: Sequence[Candidate], own: tuple[Evidence, ...] = (), temperature: float = TEMPERATURE
) -> list[Finding]:
    """The most likely first, with confidences that add up to one over all that compete.

    `own` are the messages of the sale itself, which stand behind every finding.
    """
    ordered = sorted(candidates, key=lambda one: (-one.score, one.cause.id))
    best = ordered[0].score
    odds = [math.exp((one.score - best) / temperature) for one in ordered]
    total = sum(odds) + math.exp(-best / temperature)  # and what nobody thought of
    found = [_finding(one, round(odd / total, 3), own) for one, odd in zip(ordered, odds, strict=True)]
    return [one for place, one in enumerate(found[:SHOWN]) if not place or one.confidence >= LEAST]


def _finding(candidate: Candidate, confidence: float, own: tuple[Evidence, ...]) -> Finding:
    cause, suspicion, _ = candidate
    return Finding(
        cause=cause.id,
        confidence=confidence,
        actor=cause.actor,
        incident=suspicion.incident,
        evidence=tuple(dict.fromkeys([*own, *_cited(clue for clue in suspicion.clues if clue.weight > 0)])),
        against=tuple(dict.fromkeys(_cited(clue for clue in suspicion.clues if clue.weight < 0))),
        facts=suspicion.facts,
    )


def _cited(clues: Iterable[Clue]) -> Iterator[Evidence]:
    return (said for clue in clues for said in clue.evidence)
