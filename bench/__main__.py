"""`make bench`, or `python -m bench [--quick] [--only PART ...]`: measure, print the table, write the results.

The whole takes about a quarter of an hour. `--quick` runs every part with small numbers, to see that
the benchmark itself works; its figures mean nothing and go nowhere.
"""

import argparse
import signal
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from bench.dashboards import dashboards
from bench.detection import detection
from bench.drain import drain
from bench.memory import memory
from bench.money import money
from bench.planned import planned
from bench.report import Report, machine, peers, say
from bench.restart import restart
from bench.visits import visits

Part = Callable[[Report, Path], None]


def _parts(*, quick: bool) -> dict[str, list[Part]]:
    if quick:
        return {
            "drain": [lambda report, folder: drain(report, folder, 1_000, 5, 2, 1_000)],
            "money": [lambda report, folder: money(report, folder, 1_000, 2_000)],
            "memory": [lambda report, folder: memory(report, folder, 5_000)],
            "detection": [lambda report, folder: detection(report, folder, 2_000, 50)],
            "planned": [lambda report, folder: planned(report, folder, 500, 1_000)],
            "visits": [lambda report, folder: visits(report, folder, 12, 1)],
            "restart": [lambda report, folder: restart(report, folder, 2_000, "restart_s", 2, 1_000)],
            "dashboards": [lambda report, folder: dashboards(report, folder, 0.5)],
        }
    return {
        "drain": [lambda report, folder: drain(report, folder, 10_000, 20, 7, 50_000)],
        "money": [lambda report, folder: money(report, folder, 10_000, 200_000)],
        "memory": [lambda report, folder: memory(report, folder, 1_000_000)],
        "detection": [lambda report, folder: detection(report, folder, 100_000, 2_000)],
        "planned": [lambda report, folder: planned(report, folder, 10_000, 20_000)],
        "visits": [lambda report, folder: visits(report, folder, 120, 4)],
        "restart": [
            lambda report, folder: restart(report, folder, 100_000, "restart_100k_s", 3, 50_000),
            lambda report, folder: restart(report, folder, 1_000_000, "restart_s", 3, 0),
        ],
        "dashboards": [lambda report, folder: dashboards(report, folder, 24)],
    }


def main() -> None:
    """Says on standard error which targets are missed."""
    options = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    options.add_argument("--quick", action="store_true", help="small numbers, nothing is written")
    options.add_argument(
        "--only",
        nargs="+",
        metavar="PART",
        help="drain, money, memory, detection, planned, visits, restart, dashboards",
    )
    options.add_argument("--output", type=Path, default=Path(__file__).parent / "results.json")
    chosen = options.parse_args()
    parts = _parts(quick=chosen.quick)
    if unknown := set(chosen.only or ()) - set(parts):
        options.error(f"no such part: {', '.join(sorted(unknown))}; there are {', '.join(parts)}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("bench: stopped"))  # so that every server is stopped, too
    report = Report()
    report.facts |= machine() | peers()
    for name in chosen.only or parts:
        for number, part in enumerate(parts[name]):
            with tempfile.TemporaryDirectory(prefix="fleetmon-bench-") as folder:
                say(f"== {name}{f' {number + 1}' if number else ''}")
                part(report, Path(folder))
    print(f"\n{report.table()}\n")
    print("; ".join(f"{name} {value}" for name, value in report.facts.items()))
    if not (chosen.quick or chosen.only):
        report.write(chosen.output)
    if missed := [row.key for row in report.rows if row.passed is False and not chosen.quick]:
        print(f"bench: missed: {', '.join(missed)}", file=sys.stderr)


if __name__ == "__main__":
    main()
