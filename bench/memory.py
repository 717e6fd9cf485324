"""What a million terminals take in memory, and what looking at their deadlines costs.

A process of its own (`python -m bench.memory REGISTRY`) reads the registry, packed as the daemon keeps it, builds
the whole engine and the intake, drops the registry, and lets every terminal be born and then beat once a minute.
Births are spread evenly over two minutes, which is how often the deadline of a terminal that beats is looked at.
Memory is the growth of the resident set since before the registry was read. A sweep is `Engine.advance` at each 100 ms
tick of the last two minutes. Times are CPU times, for the machine is shared.
"""

import ctypes
import gc
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from bench.load import birth, heartbeat
from bench.report import Report, say
from bench.servers import ROOT, rss_bytes
from fleetmon import accepted
from fleetmon.engine import Engine
from fleetmon.ingest.intake import Intake, Publication
from fleetmon.ingest.quarantine import Quarantine
from fleetmon.model.topics import Topics
from fleetmon.sim.synthesis import synthesise

_INTERVAL_S = 60
_TICK_MS = 100
_TICKS = _INTERVAL_S * 1000 // _TICK_MS  # in a minute
_MINUTES = 5
_MEASURED = 2
_START = 1_790_000_000_000


def memory(report: Report, folder: Path, terminals: int) -> None:
    """Run it in a process that has done nothing else, and take over what it found."""
    say(f"{terminals:,} terminals in memory, {_MINUTES} minutes of their lives")
    file = folder / "registry"
    file.write_bytes(accepted.pack(synthesise(terminals, interval_s=_INTERVAL_S)))
    command = [sys.executable, "-m", "bench.memory", str(file)]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True)
    found = json.loads(done.stdout)
    report.facts["memory_terminals"] = terminals
    report.add("bytes_per_terminal", [found["bytes"]], f"memory per terminal, of {terminals:,}", "B", most=700)
    report.add("bytes_per_terminal_unheard", [found["unheard"]], "the same before the first message", "B")
    sweeps = found["sweeps"]
    report.add("sweep_ms", sweeps, f"sweep every {_TICK_MS} ms, of {terminals:,}", "ms", most=2)
    report.add("sweep_p99_ms", [statistics.quantiles(sweeps, n=100)[98]], "the same, p99", "ms")
    report.add("engine_us_per_heartbeat", found["beats"], f"decode and observe one heartbeat, of {terminals:,}", "µs")


def _resident() -> int:
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    return rss_bytes("self")


class _Fleet:
    """The engine with its intake, and a fleet that talks to it."""

    def __init__(self, registry: Path) -> None:
        self.engine = Engine(accepted.unpack(registry.read_bytes()))
        self.count = len(self.engine.fleet.terminals)
        self.intake = Intake(Topics(), Quarantine(), known=self.engine.fleet.terminals)
        self.sweeps: list[float] = []  # ms
        self.beats: list[float] = []  # µs each, by tick

    def hear(self, packets: list[Publication], now: int) -> None:
        """What the daemon does at a tick: first the deadlines, then what has come."""
        started = time.thread_time()
        self.engine.advance(now)
        swept = time.thread_time()
        self.engine.observe(self.intake.take(packets, now))
        self.sweeps.append((swept - started) * 1e3)
        if packets:
            self.beats.append((time.thread_time() - swept) / len(packets) * 1e6)

    def minute(self, number: int) -> Iterator[tuple[int, list[Publication]]]:
        """The ticks of one minute, each with those whose turn it is; every other one is born a minute later."""
        for tick in range(_TICKS):
            now = _START + (number * _TICKS + tick) * _TICK_MS
            turns = range(self.count * tick // _TICKS, self.count * (tick + 1) // _TICKS)
            yield now, [_say(f"T{turn + 1:06d}", number - turn % 2, now) for turn in turns if number >= turn % 2]


def _say(terminal: str, age: int, now: int) -> Publication:
    head = f"pos/v1/terminal/{terminal}/"
    if age:
        return Publication(f"{head}heartbeat", heartbeat(terminal, age, now, _INTERVAL_S))
    return Publication(f"{head}state", birth(terminal, now, _INTERVAL_S))


def main() -> None:
    """Print the figures as JSON."""
    before = _resident()
    fleet = _Fleet(Path(sys.argv[1]))
    unheard = _resident() - before
    fleet.engine.link_up(_START)
    for number in range(_MINUTES):
        for now, packets in fleet.minute(number):
            fleet.hear(packets, now)
        print(f"  minute {number + 1} of {_MINUTES}", file=sys.stderr, flush=True)
    sweeps, beats = fleet.sweeps[-_MEASURED * _TICKS :], fleet.beats[-_MEASURED * _TICKS :]
    fleet.sweeps, fleet.beats = [], []
    heard = _resident() - before
    figures = {"bytes": heard / fleet.count, "unheard": unheard / fleet.count, "sweeps": sweeps, "beats": beats}
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
