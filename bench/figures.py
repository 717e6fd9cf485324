"""The figures of a set of judged explanations, by key."""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from typing import Final

from bench import metrics
from bench.baselines import NAMES
from bench.judge import CALENDAR, ORDINARY, Judged, Watched

COVERED: Final = (0.5, 0.8, 0.9, 0.95)
DIFFICULTIES: Final = ("clean", "confounded", "partial", "undecidable")
Figures = dict[str, float | None]


def headline(judged: Sequence[Judged]) -> list[Judged]:
    """Without what is merely not due and ordinary declines."""
    return [one for one in judged if one.cause not in ORDINARY]


def figures(judged: Sequence[Judged]) -> Figures:
    """All that one table row has a key for; None of nothing."""
    points = [one.point for one in judged if one.said]
    hits = [one.is_right for one in judged]
    stories = defaultdict(list)
    for one in judged:
        stories[one.story].append(one.is_right)
    low, high = metrics.bootstrap(list(stories.values()))
    found: Figures = {
        "explanations": len(judged),
        "stories": len(stories),
        "ac1": metrics.share(hits),
        "ac1_low": low,
        "ac1_high": high,
        "ac1_stories": _mean([sum(story) / len(story) for story in stories.values()]),
        "ac3": _ac(judged, 3),
        "avg3": _mean([hit for places in (1, 2, 3) if (hit := _ac(judged, places)) is not None]),
        "macro_f1": metrics.macro_f1([one.pair for one in judged]),
        **{f"{name}_exact": _exact(judged, name) for name in ("due_at", "state", "stage", "provisional")},
        **_evidence(judged),
        "missing": sum(not one.said for one in judged),
        "confident_wrong": metrics.confident_and_wrong(points),
        "ece": metrics.ece(points),
        "ece_adaptive": metrics.adaptive_ece(points),
        "brier": metrics.brier(points),
        **{f"covered_{part:.0%}": metrics.coverage(points, part) for part in COVERED},
    }
    for level in DIFFICULTIES:
        found[f"ac1_{level}"] = metrics.share([one.is_right for one in judged if one.difficulty == level])
    return found


def baselines(judged: Sequence[Judged]) -> dict[str, Figures]:
    """AC@1, AC@3 and macro-F1 of the cheap methods."""
    frequent = tuple(cause for cause, _ in Counter(one.cause for one in judged).most_common(3))
    asked: dict[str, Callable[[Judged], Sequence[str]]] = {
        NAMES[0]: lambda _: frequent,
        **{name: lambda one, name=name: one.guesses[name] for name in NAMES[1:]},  # type: ignore[misc] # a default
    }
    return {name: _guessed(judged, ask) for name, ask in asked.items()}


def fleet(seen: Sequence[Watched]) -> Figures:
    """Incidents and pages over all recordings."""
    wanted, closing = sum(one.wanted for one in seen), sum(one.resolved[1] for one in seen)
    missed, limited = sum(len(one.missed) for one in seen), [one for one in seen if one.most_pages is not None]
    return {
        "incidents": wanted,
        "incidents_found": 1 - missed / wanted if wanted else None,
        "incidents_exact": sum(one.exact for one in seen) / wanted if wanted else None,
        "incidents_resolved": sum(one.resolved[0] for one in seen) / closing if closing else None,
        "incidents_forbidden": sum(len(one.forbidden) for one in seen),
        "incidents_unexpected": sum(len(one.unexpected) for one in seen),
        "pages": sum(one.pages for one in seen),
        "pages_most": sum(one.most_pages or 0 for one in limited),
        "pages_exceeded": sum(one.pages > (one.most_pages or 0) for one in limited),
        "explained_paid": sum(len(one.stray) for one in seen),
        "explained_unjudged": sum(one.unjudged for one in seen),
        "recordings": len(seen),
        "messages": sum(one.messages for one in seen),
    }


def _ac(judged: Sequence[Judged], places: int) -> float | None:
    return metrics.share([metrics.is_hit(one.ranked, one.right, places) for one in judged])


def _exact(judged: Sequence[Judged], name: str) -> float | None:
    return metrics.share([one.exact[name] for one in judged if name in one.exact])


def _evidence(judged: Sequence[Judged]) -> Figures:
    asked = [one for one in judged if one.grounded is not None]
    facts = [one for one in asked if one.cause not in CALENDAR]
    return {
        "evidence": metrics.share([bool(one.grounded) for one in asked]),
        "evidence_facts": metrics.share([bool(one.grounded) for one in facts]),
        "right_with_evidence": metrics.share([bool(one.grounded) and one.is_right for one in facts]),
    }


def _guessed(judged: Sequence[Judged], ask: Callable[[Judged], Sequence[str]]) -> Figures:
    said = [(one, ask(one)) for one in judged]
    return {
        "ac1": metrics.share([metrics.is_hit(ranked, one.right, 1) for one, ranked in said]),
        "ac3": metrics.share([metrics.is_hit(ranked, one.right, 3) for one, ranked in said]),
        "macro_f1": metrics.macro_f1(
            [(one.cause, metrics.credited(ranked, one.cause, one.right)) for one, ranked in said]
        ),
    }


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None
