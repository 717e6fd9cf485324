"""`make score`, or `python -m bench.score`: how often is the explanation right?

Recordings with a known truth go through the code of `fleetmon replay`, in memory, and every explanation is
judged (`judge.py` says how), beside what three cheap methods would have said (`baselines.py`). The headline
leaves out what is merely not due and ordinary declines; everything stands beside it.

    python -m bench.score [--seeds 1-20,200-219] [--families NAME ...] [--folder DIR ...]
                          [--quick] [--show-wrong N] [--markdown] [--json FILE]

`--show-wrong` leaves out the test seeds: they are to stay unseen. A full run (no `--seeds`, `--families`,
`--folder` or `--quick`) writes `bench/score.json`.
"""

import argparse
import multiprocessing
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from bench.corpora import Source, load, numbers
from bench.judge import Judged, Watched, explanations, watched
from bench.report import say
from bench.rerun import Pace, timed
from bench.scorecard import Scorecard
from bench.wrong import confusions, strays
from fleetmon.model.topics import Topics
from fleetmon.replay import replay

SEEDS: Final = "1-20,200-219"
_QUICK: Final = "1,200"


def scored(source: Source) -> tuple[list[Judged], Watched, float]:
    """Replay one recording and judge it; with the seconds that took."""
    began = time.perf_counter()
    recording = load(source)
    out = replay(recording.lines, recording.registry, None, Topics())
    judged = list(explanations(source.part, source.label, out, recording))
    return judged, watched(source.part, source.label, out, recording), time.perf_counter() - began


def run(sources: Sequence[Source]) -> Iterator[tuple[list[Judged], Watched]]:
    """All of them, on all cores, in their order."""
    with multiprocessing.Pool(min(os.cpu_count() or 1, len(sources))) as pool:
        for number, (judged, seen, took) in enumerate(pool.imap(scored, sources), 1):
            hits = sum(one.is_right for one in judged)
            told = f"{seen.messages:,} messages, {hits} of {len(judged)} right, {took:.1f} s"
            say(f"{number}/{len(sources)} {seen.recording}: {told}")
            yield judged, seen


def pace(source: Source) -> Pace:
    """How fast it is when nothing else runs."""
    say(f"the clock: {source.label} once more, alone")
    return timed(load(source))


def chosen_sources(chosen: argparse.Namespace) -> list[Source]:
    """By the options."""
    folders = [Source(folder=folder) for folder in chosen.folder or ()]
    families = tuple(chosen.families) if chosen.families else None
    text = chosen.seeds or (_QUICK if chosen.quick else "" if folders else SEEDS)
    return folders + [Source(seed, families) for seed in (numbers(text) if text else ())]


def main() -> None:
    options = argparse.ArgumentParser(
        prog="python -m bench.score", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--seeds", help=f"default: {SEEDS}")
    options.add_argument("--families", nargs="+", metavar="NAME", help="of the corpus; default: all")
    options.add_argument("--folder", nargs="+", type=Path, help="recording.ndjson, registry.yml and truth.json")
    options.add_argument("--quick", action="store_true", help=f"seeds {_QUICK} only, to see that it works")
    options.add_argument("--show-wrong", type=int, default=0, metavar="N", help="the N most frequent confusions")
    options.add_argument("--markdown", action="store_true", help="only the table for the README")
    options.add_argument("--json", type=Path, help="write the figures there")
    chosen = options.parse_args()
    sources = chosen_sources(chosen)
    results = list(run(sources))
    judged = [one for found, _ in results for one in found]
    card = Scorecard(judged, [seen for _, seen in results], pace(sources[0]))
    print(card.markdown() if chosen.markdown else card.text())
    if chosen.show_wrong:
        print(f"\n{confusions([one for one in judged if one.part != 'test'], chosen.show_wrong)}")
        print(f"\n{strays([seen for _, seen in results if seen.part != 'test'], chosen.show_wrong)}")
    full = not (chosen.seeds or chosen.families or chosen.folder or chosen.quick)
    if chosen.json or full:
        card.write(chosen.json or Path(__file__).parent / "score.json")


if __name__ == "__main__":
    main()
