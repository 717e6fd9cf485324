"""The metrics of `make score`, as functions of plain lists: what each one counts is said in its docstring.

A *point* is a confidence with whether the answer was right.
"""

import itertools
import random
from collections import Counter
from collections.abc import Collection, Sequence
from typing import Final, NamedTuple

BINS: Final = 10
RESAMPLES: Final = 1_000

Point = tuple[float, bool]


class Quality(NamedTuple):
    """How well one cause is told; NaN-free: what cannot be said is 0."""

    cause: str
    wanted: int  # how often it is the truth
    said: int  # how often it was answered
    precision: float
    recall: float
    f1: float


def is_hit(ranked: Sequence[str], right: Collection[str], places: int) -> bool:
    """AC@k of one answer: is one of the first `places` causes a right one? No answer is a miss."""
    return any(cause in right for cause in ranked[:places])


def share(hits: Sequence[bool]) -> float | None:
    """The part that is true; None of nothing."""
    return sum(hits) / len(hits) if hits else None


def credited(ranked: Sequence[str], cause: str, right: Collection[str]) -> str:
    """What an answer counts as: an accepted alternative counts as the truth, no answer as `(none)`."""
    if not ranked:
        return "(none)"
    return cause if ranked[0] in right else ranked[0]


def qualities(pairs: Sequence[tuple[str, str]]) -> list[Quality]:
    """Precision, recall and F1 of every cause that is true somewhere; pairs of (truth, said)."""
    wanted, said = Counter(truth for truth, _ in pairs), Counter(word for _, word in pairs)
    both = Counter(truth for truth, word in pairs if truth == word)
    found = []
    for cause in sorted(wanted):
        precision = both[cause] / said[cause] if said[cause] else 0.0
        recall, f1 = both[cause] / wanted[cause], 2 * both[cause] / (wanted[cause] + said[cause])
        found.append(Quality(cause, wanted[cause], said[cause], precision, recall, f1))
    return found


def macro_f1(pairs: Sequence[tuple[str, str]]) -> float | None:
    """The mean F1 over the causes that are true somewhere, however seldom."""
    found = qualities(pairs)
    return sum(one.f1 for one in found) / len(found) if found else None


def ece(points: Sequence[Point], bins: int = BINS) -> float | None:
    """Expected calibration error: |mean confidence - accuracy| in bins of equal width, weighted by their size."""
    boxes: list[list[Point]] = [[] for _ in range(bins)]
    for point in points:
        boxes[min(int(point[0] * bins), bins - 1)].append(point)
    return _gap(boxes, len(points))


def adaptive_ece(points: Sequence[Point], bins: int = BINS) -> float | None:
    """The same in bins of equal size, which do not stay empty where nobody answers."""
    ordered, count = sorted(points), len(points)
    edges = [count * number // bins for number in range(bins + 1)]
    return _gap([ordered[low:high] for low, high in itertools.pairwise(edges)], count)


def _gap(boxes: Sequence[Sequence[Point]], count: int) -> float | None:
    if not count:
        return None
    return sum(abs(sum(confidence - right for confidence, right in box)) for box in boxes) / count


def brier(points: Sequence[Point]) -> float | None:
    """Mean squared distance between confidence and being right (1) or wrong (0)."""
    return sum((confidence - right) ** 2 for confidence, right in points) / len(points) if points else None


def confident_and_wrong(points: Sequence[Point], above: float = 0.9) -> float | None:
    """The part of all answers that is wrong at a confidence above the line."""
    return share([confidence > above and not right for confidence, right in points])


def coverage(points: Sequence[Point], part: float) -> float | None:
    """Accuracy of the most confident part, if the rest were left to people."""
    ordered = sorted(points, key=lambda point: -point[0])
    return share([right for _, right in ordered[: max(round(part * len(ordered)), 1)]])


def bootstrap(clusters: Sequence[Sequence[bool]], seed: int = 1, resamples: int = RESAMPLES) -> tuple[float, float]:
    """95 % percentile interval of the share of hits, drawing whole clusters: the sales of a story are alike."""
    sums = [(sum(cluster), len(cluster)) for cluster in clusters if cluster]
    if not sums:
        return 0.0, 1.0
    chance, shares = random.Random(seed), []
    for _ in range(resamples):
        drawn = chance.choices(sums, k=len(sums))
        shares.append(sum(hits for hits, _ in drawn) / sum(size for _, size in drawn))
    shares.sort()
    return shares[round(0.025 * (resamples - 1))], shares[round(0.975 * (resamples - 1))]
