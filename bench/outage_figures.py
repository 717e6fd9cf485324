"""The figures of shared outages, from what was made of each: for people and for programs."""

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from bench.outages import LARGE, Judged, Told

_SIZES: Final = ((3, 7), (8, 10_000))
_PLACES: Final = (1, 3, 5)
Figures = dict[str, Any]


def _rate(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f} s"


_COLUMNS: Final[tuple[tuple[str, str, Callable[[Any], str]], ...]] = (
    ("recall", "recall", _rate),
    ("precision", "precision", _rate),
    ("p50", "delay_beyond_beat_p50_s", _seconds),
    ("p99", "delay_beyond_beat_p99_s", _seconds),
    ("pages", "pages_per_cause", _number),
    ("told", "told_per_cause", _number),
    ("after", "told_after_its_end", _number),
    ("once", "told_exactly_once", _rate),
    ("flaps", "told_per_group_flap", _number),
    ("alone", "told_per_terminal_flap", _number),
    ("mistakes", "mistakes_per_terminal_day", _rate),
    ("night/1000", "night_falses_per_1000", _number),
    ("openings", "missed_openings_found", _rate),
    ("P_A", "accuracy", lambda value: f"{value:.5f}"),
    ("right", "right_share", lambda value: f"{value:.5f}"),
)


def figures(judged: Judged) -> Figures:
    """Everything that is asked of one detector. Rates are None where nothing was asked."""
    plain = [one for one in judged.outages if one.cycles == 1]
    large = [one for one in plain if one.size >= LARGE]
    delays = sorted(one.delay for one in large if one.delay is not None)
    right, wrong = judged.claims["large right"], judged.claims["large wrong"]
    score = judged.tally.score("", "", "")
    return {
        "outages": len(judged.outages),
        "large": len(large),
        "recall": _share(large, lambda one: one.delay is not None),
        "precision": right / (right + wrong) if right + wrong else None,
        "wrong": judged.claims["wrong"],
        "delay_beyond_beat_p50_s": _at(delays, 0.5),
        "delay_beyond_beat_p99_s": _at(delays, 0.99),
        "pages_per_cause": _mean(one.pages for one in plain if one.pages),
        "told_per_cause": _mean(one.shared + one.alone for one in plain),
        "told_after_its_end": _mean(one.late for one in plain),
        "told_exactly_once": _share(plain, lambda one: (one.shared, one.alone, one.late) == (1, 0, 0)),
        "told_per_group_flap": _ratio((one.shared + one.alone, one.cycles) for one in judged.outages if one.cycles > 1),
        "told_per_terminal_flap": _ratio(judged.flaps),
        "mistakes_per_terminal_day": score.mistakes,
        "night_falses_per_1000": score.night_falses,
        "missed_openings_found": score.openings,
        "accuracy": score.accuracy,
        "right_share": score.true_share,
        "scopes": {
            f"{low}-{high}" if high < 1_000 else f">= {low}": _scopes([one for one in plain if low <= one.size <= high])
            for low, high in _SIZES
        },
    }


def _scopes(outages: Sequence[Told]) -> Figures:
    return {
        "outages": len(outages),
        **{f"top_{k}": _share(outages, lambda one, k=k: 0 < one.place <= k) for k in _PLACES},  # type: ignore[misc]
    }


def families(judged: Judged) -> str:
    """How each kind of outage fared, for whoever improves the engine."""
    lines = ["family                      outages  found  delay beyond a beat  scope right  told"]
    for family in sorted({one.family for one in judged.outages}):
        some = [one for one in judged.outages if one.family == family]
        delays = sorted(one.delay for one in some if one.delay is not None)
        lines.append(
            f"{family:27}{len(some):8}{_rate(_share(some, lambda one: one.delay is not None)):>7}"
            f"{_seconds(_at(delays, 0.5)):>21}{_rate(_share(some, lambda one: one.place == 1)):>13}"
            f"{_number(_mean(one.shared + one.alone + one.late for one in some)):>6}"
        )
    return "\n".join(lines)


def table(found: Mapping[tuple[str, str], Figures]) -> str:
    """For people; by seeds and detector."""
    lines = [f"{'shared outages':15}{'seeds':6}{'detector':17}" + "".join(f"{head:>11}" for head, _, _ in _COLUMNS)]
    for (seeds, detector), one in found.items():
        cells = "".join(f"{say(one[key]):>11}" for _, key, say in _COLUMNS)
        lines.append(f"{one['large']:4} of {one['outages']:<7}{seeds:6}{detector:17}{cells}")
    lines.append(f"\n{'scope exact':15}{'seeds':6}{'detector':17}    outages      top-1      top-3      top-5")
    for (seeds, detector), one in found.items():
        if detector == "fleetmon":
            lines += [
                f"{size + ' taken':15}{seeds:6}{detector:17}{part['outages']:11}"
                + "".join(f"{_rate(part[f'top_{k}']):>11}" for k in _PLACES)
                for size, part in one["scopes"].items()
            ]
    return "\n".join(lines)


def _share(some: Sequence[Told], holds: Callable[[Told], bool]) -> float | None:
    return sum(map(holds, some)) / len(some) if some else None


def _mean(numbers: Iterable[float]) -> float | None:
    known = list(numbers)
    return statistics.fmean(known) if known else None


def _ratio(pairs: Iterable[tuple[int, int]]) -> float | None:
    known = list(pairs)
    came = sum(count for _, count in known)
    return sum(told for told, _ in known) / came if came else None


def _at(values: Sequence[int], share: float) -> float | None:
    return values[int(len(values) * share)] / 1_000 if values else None
