"""`make score-detection`, or `python -m bench.detection_score`: how soon and how surely is silence understood?

Two parts. *liveness*: is the silence of one terminal told from loss, on generated lives (`liveness.py`)? *shared*: are
outages that terminals share told as one, by what they share, on generated fleets (`outages.py`)? Beside the engine
stand a fixed timeout of three beats, phi accrual with threshold 8, and nothing but the last will. Development seeds
may be looked at while detection is improved; test seeds are only figures.

    python -m bench.detection_score [--seeds dev|test|both] [--part liveness|shared|both] [--traces NAME ...]
                                    [--foreign FILE] [--quick] [--large] [--wrong] [--json FILE]

Columns of the second part: recall and precision of outages that take five terminals or more; p50 and p99 of the time
from when an outage could be told until it was, less one beat; how often a cause that pages paged; how often people
were told of one (paged or by ticket, of single terminals, too) while it lasted, after its end, and the share told
exactly once; how often per coming and going of a group, and of a terminal, that flaps; what is asked of single
terminals as in the first part.
"""

import argparse
import json
import multiprocessing
import os
from pathlib import Path
from typing import Final

from bench import liveness, outage_figures, outages
from bench.outages import Judged
from bench.report import say

SEEDS: Final = {"dev": (1, 2), "test": (101, 102)}
_FLEETS: Final = ((300, 60), (300, 30), (600, 60), (1_000, 60))  # terminals, interval in s
_LARGE: Final = ((600, 30), (2_000, 60))  # beside those, when asked for: they take as long as all others
_PARTS: Final = ("liveness", "shared")


def _lives(job: tuple[str, str, bool]) -> list[liveness.Score]:
    trace, seeds, quick = job
    found = liveness.scored(trace, seeds, SEEDS[seeds], quick=quick)
    say(f"{trace}, {seeds} seeds")
    return found


def _fleet(job: tuple[str, int, int]) -> dict[str, Judged]:
    seed, size, interval = job
    found = outages.scored(seed, size, interval)
    say(f"fleet {seed}: {size} terminals, a beat every {interval // 1000} s")
    return found


def _fleets(seeds: str, *, quick: bool, large: bool) -> list[tuple[str, int, int]]:
    if quick:
        return [(f"{seeds} quick", 300, 60_000)]
    first, second = SEEDS[seeds]
    drawn = [(first, *kind) for kind in _FLEETS] + [(second, *kind) for kind in _FLEETS[:-1]]
    drawn += [(number, *kind) for number in SEEDS[seeds] for kind in _LARGE if large]
    return [(f"{seeds} {number} {size} {every}", size, every * 1000) for number, size, every in drawn]


def main() -> None:
    """Prints the tables."""
    options = argparse.ArgumentParser(prog="python -m bench.detection_score", description=__doc__)
    options.add_argument("--seeds", choices=[*SEEDS, "both"], default="both")
    options.add_argument("--part", choices=[*_PARTS, "both"], default="both")
    options.add_argument("--traces", nargs="+", choices=list(liveness.TRACES), default=list(liveness.TRACES))
    options.add_argument("--foreign", type=Path, help="beats of others: a table with terminal,at,boot,seq,interval_s")
    options.add_argument("--quick", action="store_true", help="a few short lives and a small fleet: does it work?")
    options.add_argument("--large", action="store_true", help="fleets of 2,000 as well")
    options.add_argument("--wrong", action="store_true", help="name what was missed, misnamed or made up")
    options.add_argument("--json", type=Path, metavar="FILE")
    chosen = options.parse_args()
    seeds = list(SEEDS) if chosen.seeds == "both" else [chosen.seeds]
    parts = _PARTS if chosen.part == "both" else (chosen.part,)
    if chosen.foreign:
        print(liveness.table(liveness.foreign(chosen.foreign)))
        return
    scores: list[liveness.Score] = []
    shared: dict[tuple[str, str], Judged] = {}
    with multiprocessing.Pool(os.cpu_count() or 1) as pool:
        if "liveness" in parts:
            lives = [(trace, part, chosen.quick) for trace in chosen.traces for part in seeds]
            scores = [score for some in pool.imap(_lives, lives, 1) for score in some]
            print(liveness.table(scores))
        if "shared" in parts:
            fleets = [(part, job) for part in seeds for job in _fleets(part, quick=chosen.quick, large=chosen.large)]
            for (part, (seed, _, _)), found in zip(
                fleets, pool.imap(_fleet, [job for _, job in fleets], 1), strict=True
            ):
                if chosen.wrong:
                    _show(seed, found["fleetmon"])
                for detector, judged in found.items():
                    shared.setdefault((part, detector), judged.none()).add(judged)
            _print(shared)
    if chosen.json:
        told = {key: outage_figures.figures(judged) for key, judged in shared.items()}
        flat = [{"seeds": part, "detector": detector, **one} for (part, detector), one in told.items()]
        known = {"liveness": [score._asdict() for score in scores], "shared": flat}
        chosen.json.write_text(json.dumps(known, indent=1) + "\n")


def _show(seed: str, judged: Judged) -> None:
    print(f"fleet {seed}")
    for line in [one.wrong for one in judged.outages if one.wrong] + [f"not so: {claim}" for claim in judged.false]:
        print(f"  {line}")


def _print(shared: dict[tuple[str, str], Judged]) -> None:
    print(f"\n{outage_figures.table({key: outage_figures.figures(judged) for key, judged in shared.items()})}")
    for (part, detector), judged in shared.items():
        if detector == "fleetmon" and part == "dev":
            print(f"\n{outage_figures.families(judged)}")


if __name__ == "__main__":
    main()
