"""`make calibrate`, or `python -m bench.calibrate`: one temperature, fitted on seeds that are used for nothing else.

Every recording of the calibration seeds is replayed once; the scores of the suspected causes are kept, and
ranked anew for each temperature tried. What is minimised is the negative log-likelihood of the first finding
being right. An isotonic curve laid over the fitted confidence is tried on the halves of the seeds that it
was not fitted on, and recommended only where it is clearly better there.

    python -m bench.calibrate [--seeds 100-199] [--families NAME ...]
"""

import argparse
import itertools
import math
import multiprocessing
import os
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from bench import metrics
from bench.corpora import Source, load, numbers
from bench.judge import ORDINARY
from bench.metrics import Point
from bench.report import say
from bench.rerun import candidates
from bench.scorecard import table
from fleetmon.explain import CAUSES
from fleetmon.explain.score import TEMPERATURE, Candidate, rank
from fleetmon.model.cause import Suspicion
from fleetmon.model.topics import Topics
from fleetmon.replay import play

_COLDEST, _HOTTEST = 0.2, 20.0
_STEPS: Final = 30  # of the golden section: to a millionth of the range
_SECTION: Final = (math.sqrt(5) - 1) / 2
_EDGE: Final = 0.0005  # confidences are rounded to thousandths, and no logarithm is infinite
_CLEARLY: Final = 0.01  # of ECE, before a curve is worth more than one parameter
_LEAST_IN_KNOT: Final = 0.03  # of all answers
_CAUSES: Final = {cause.id: cause for cause in CAUSES}


class Scored(NamedTuple):
    """One explanation before its ranking, and which answers are right."""

    seed: int
    scores: tuple[tuple[str, float], ...]
    cause: str
    right: frozenset[str]


def collect(source: Source) -> list[Scored]:
    """All explanations of one recording that the truth judges."""
    recording = load(source)
    played = play(recording.lines, recording.registry, None, Topics())
    wanted: dict[tuple[str, str], dict[str, Any]] = {
        (one["terminal"], one["transaction"]): one for one in recording.truth["explanations"]
    }
    found = []
    for sale, suspected in candidates(played.engine, played.until):
        told = wanted.get((sale.terminal, sale.id))
        if told is not None:
            right = frozenset([told["cause"], *(other["cause"] for other in told["accept"])])
            found.append(
                Scored(source.seed, tuple((one.cause.id, one.score) for one in suspected), told["cause"], right)
            )
    return found


def points(scored: Sequence[Scored], temperature: float) -> list[Point]:
    """Confidence of the first finding, and whether it is right, at a temperature."""
    found = []
    for one in scored:
        first = rank(
            [Candidate(_CAUSES[cause], Suspicion(()), score) for cause, score in one.scores], temperature=temperature
        )[0]
        found.append((first.confidence, first.cause in one.right))
    return found


def nll(judged: Sequence[Point]) -> float:
    """Negative log-likelihood of being right, per answer."""
    sure = [confidence if right else 1 - confidence for confidence, right in judged]
    return -sum(math.log(min(max(one, _EDGE), 1 - _EDGE)) for one in sure) / len(sure)


def coolest(cost: Callable[[float], float]) -> float:
    """The temperature of least cost, by golden section over its logarithm."""
    low, high = math.log(_COLDEST), math.log(_HOTTEST)
    left, right = high - _SECTION * (high - low), low + _SECTION * (high - low)
    costs = cost(math.exp(left)), cost(math.exp(right))
    for _ in range(_STEPS):
        if costs[0] <= costs[1]:
            high, right = right, left
            left = high - _SECTION * (high - low)
            costs = cost(math.exp(left)), costs[0]
        else:
            low, left = left, right
            right = low + _SECTION * (high - low)
            costs = costs[1], cost(math.exp(right))
    return math.exp((low + high) / 2)


def knots(judged: Sequence[Point]) -> list[tuple[float, float]]:
    """Isotonic regression (pool adjacent violators) as few steps: (mean confidence, accuracy)."""
    least = _LEAST_IN_KNOT * len(judged)
    pools: list[list[float]] = []  # sum of confidences, hits, size
    for confidence, right in sorted(judged):
        pools.append([confidence, float(right), 1.0])
        while len(pools) > 1 and (pools[-2][1] * pools[-1][2] >= pools[-1][1] * pools[-2][2] or pools[-2][2] < least):
            total, hits, size = pools.pop()
            pools[-1] = [pools[-1][0] + total, pools[-1][1] + hits, pools[-1][2] + size]
    return [(round(total / size, 3), round(hits / size, 3)) for total, hits, size in pools]


def bent(curve: Sequence[tuple[float, float]], confidence: float) -> float:
    """A confidence laid on the curve: straight between its knots, level beyond them."""
    if confidence <= curve[0][0]:
        return curve[0][1]
    for (low, at_low), (high, at_high) in itertools.pairwise(curve):
        if confidence <= high:
            return at_low + (at_high - at_low) * (confidence - low) / (high - low)
    return curve[-1][1]


def crossed(scored: Sequence[Scored]) -> tuple[list[Point], list[Point]]:
    """Points of both methods, each half of the seeds judged by what was fitted on the other."""
    by_temperature: list[Point] = []
    by_curve: list[Point] = []
    for odd in (0, 1):
        fitted_on = [one for one in scored if one.seed % 2 == odd]
        temperature = coolest(lambda hot, half=fitted_on: nll(points(half, hot)))  # type: ignore[misc] # a default
        curve = knots(points(fitted_on, temperature))
        judged = points([one for one in scored if one.seed % 2 != odd], temperature)
        by_temperature += judged
        by_curve += [(bent(curve, confidence), right) for confidence, right in judged]
    return by_temperature, by_curve


def _line(name: str, judged: Sequence[Point]) -> tuple[str, ...]:
    values = (metrics.ece(judged), metrics.adaptive_ece(judged), metrics.brier(judged), nll(judged))
    confident = metrics.confident_and_wrong(judged)
    return (name, *(f"{value:.4f}" for value in (*values, confident) if value is not None))


def _is_clearly_better(judged: Sequence[Point], than: Sequence[Point]) -> bool:
    ece, brier = metrics.ece(judged), metrics.brier(judged)
    other_ece, other_brier = metrics.ece(than), metrics.brier(than)
    assert ece is not None
    assert brier is not None
    assert other_ece is not None
    assert other_brier is not None
    return other_ece - ece > _CLEARLY and brier <= other_brier


def main() -> None:
    options = argparse.ArgumentParser(
        prog="python -m bench.calibrate", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--seeds", default="100-199")
    options.add_argument("--families", nargs="+", metavar="NAME")
    chosen = options.parse_args()
    families = tuple(chosen.families) if chosen.families else None
    sources = [Source(seed, families) for seed in numbers(chosen.seeds)]
    scored: list[Scored] = []
    with multiprocessing.Pool(min(os.cpu_count() or 1, len(sources))) as pool:
        for number, found in enumerate(pool.imap(collect, sources), 1):
            scored += found
            say(f"{number}/{len(sources)} {sources[number - 1].label}: {len(found)} explanations")
    say("fitting")
    fitted = coolest(lambda temperature: nll(points(scored, temperature)))
    straight, curved = crossed(scored)
    lines = [
        ("", "ECE", "ECE, equal size", "Brier", "NLL", "wrong at > 0.9"),
        _line(f"as it is, T = {TEMPERATURE:g}", points(scored, TEMPERATURE)),
        _line(f"fitted, T = {fitted:.2f}", points(scored, fitted)),
        _line("the same, of the headline alone", points([one for one in scored if one.cause not in ORDINARY], fitted)),
        _line("fitted on one half, judged on the other", straight),
        _line("the same, with an isotonic curve", curved),
    ]
    print(
        f"{table(lines)}\n\n{len(scored):,} explanations of {len(sources)} recordings. For fleetmon/explain/score.py:\n"
    )
    print(f"TEMPERATURE: Final = {fitted:.2f}")
    if _is_clearly_better(curved, straight):
        print(f"KNOTS: Final = {tuple(knots(points(scored, fitted)))}  # clearly better; straight between the knots")


if __name__ == "__main__":
    main()
