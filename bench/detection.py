"""How long after its deadline is the silence of a terminal known?

A fleet beats through a real broker into a whole daemon, everybody at a phase of its own; some fall
silent. The deadline is reckoned here, from the moment of the terminal's last publication; the end is
when the change of state can be read in the daemon's database by somebody else. So the figure holds
everything: broker, decoding, the tick, the store's queue and its commit.
"""

import random
import sqlite3
import sys
import time
from pathlib import Path
from typing import Final, NamedTuple

from bench.load import Publisher, heartbeat, packet
from bench.report import Report, say
from bench.servers import Home, broker, cpu_s
from fleetmon.detect import TERMINAL_OFFLINE
from fleetmon.engine.fleet import slack
from fleetmon.sim.synthesis import synthesise

_INTERVAL_S: Final = 10
_STEP_S: Final = 0.01
_TALKING: Final = 2  # intervals in which everybody beats, before the first fall silent


class _Silent(NamedTuple):
    """A terminal that fell silent: when its last beat was sent, in ms."""

    terminal: str
    last: int


def detection(report: Report, folder: Path, terminals: int, silent: int) -> None:
    """One fleet, one daemon; both steps, suspect and down, count."""
    say(f"detection: {terminals:,} terminals beating every {_INTERVAL_S} s, {silent:,} of them fall silent")
    registry = synthesise(terminals, interval_s=_INTERVAL_S)
    with broker(folder / "broker") as port:
        home = Home(folder / "daemon", port, registry)
        with home.daemon() as process, Publisher(port) as publisher:
            watch = _Watch(home, process.pid)
            gone = _talk(publisher, [row.id for row in registry.terminals], silent, watch)
            seen, lags, cpu = watch.seen, watch.lags, watch.cpu_share()
    delays = _delays(gone, seen)
    if len(delays) < 2 * silent:
        sys.exit(f"bench: {2 * silent} changes of state are due, {len(delays)} were found in terminal_change")
    delays.sort()
    report.facts["detection_terminals"] = terminals
    report.add("detection_p50_s", [delays[len(delays) // 2]], f"detection after the deadline, {terminals:,} (p50)", "s")
    worst = delays[int(len(delays) * 0.99)]
    report.add("detection_p99_s", [worst], f"detection after the deadline, {terminals:,} (p99)", "s", most=1)
    report.add("detection_max_s", [delays[-1]], f"detection after the deadline, {terminals:,} (worst)", "s")
    report.add("loop_lag_ms", [max(lags) * 1e3], f"event loop blocked, {terminals:,} (worst)", "ms", most=50)
    rate = terminals / _INTERVAL_S
    report.add("cpu_share_steady", [cpu * 100], f"CPU of the daemon at {rate:,.0f} heartbeats a second", "% of a core")


class _Watch:
    """Looks at the daemon from outside while the fleet talks."""

    def __init__(self, home: Home, pid: int) -> None:
        self.seen: dict[tuple[str, str], int] = {}  # (terminal, state) -> when it could be read, in ms
        self.lags = [0.0]
        self._home = home
        self._pid = pid
        self._store = sqlite3.connect(f"file:{home.store}?mode=ro", uri=True, timeout=10)
        self._row = 0
        self._scraped = self._began = time.time()
        self._cpu = cpu_s(pid)

    def look(self) -> None:
        query = "SELECT id, terminal, after FROM terminal_change WHERE id > ? ORDER BY id"
        rows = self._store.execute(query, (self._row,)).fetchall()
        now = time.time_ns() // 1_000_000
        for self._row, terminal, after in rows:
            self.seen.setdefault((terminal, after), now)
        if time.time() - self._scraped > 2:
            self._scraped = time.time()
            self.lags.append(self._home.metrics()["fleetmon_event_loop_lag_seconds"])

    def cpu_share(self) -> float:
        return (cpu_s(self._pid) - self._cpu) / (time.time() - self._began)


def _talk(publisher: Publisher, fleet: list[str], silent: int, watch: _Watch) -> list[_Silent]:
    """Beat until all who fell silent must be known to be down; at least one of each shop goes on."""
    rng = random.Random(1)
    rng.shuffle(fleet)
    leaving = {terminal: _TALKING + rng.randrange(2) for terminal in rng.sample(fleet, silent)}
    steps = round(_INTERVAL_S / _STEP_S)
    share = -(-len(fleet) // steps)
    rounds = _TALKING + 2 + round(_patience_ms("down") / 1000 / _INTERVAL_S) + 1
    began, gone = time.time(), []
    for number in range(rounds):
        for step in range(steps):
            due = began + number * _INTERVAL_S + step * _STEP_S
            watch.look()
            time.sleep(max(0.0, due - time.time()))
            turn = [one for one in fleet[step * share : (step + 1) * share] if leaving.get(one, number) >= number]
            now = time.time_ns() // 1_000_000
            publisher.send(b"".join(_beat(one, number, now) for one in turn))
            gone += [_Silent(one, now) for one in turn if leaving.get(one) == number]
        lag = watch.lags[-1] * 1e3
        done = f"{(number + 1) * _INTERVAL_S} of {rounds * _INTERVAL_S} s"
        say(f"detection: {done}, {len(watch.seen):,} changes seen, event loop blocked for up to {lag:.0f} ms")
    return gone


def _beat(terminal: str, number: int, now: int) -> bytes:
    return packet(f"pos/v1/terminal/{terminal}/heartbeat", heartbeat(terminal, number, now, _INTERVAL_S))


def _patience_ms(state: str) -> int:
    """Silence that makes a terminal suspect, or down."""
    interval = _INTERVAL_S * 1000
    step = TERMINAL_OFFLINE.suspect_after if state == "suspect" else TERMINAL_OFFLINE.down_after
    return int(step(interval, slack(interval)))


def _delays(gone: list[_Silent], seen: dict[tuple[str, str], int]) -> list[float]:
    """Seconds between deadline and knowledge, of every change that came."""
    return [
        (seen[terminal, state] - last - _patience_ms(state)) / 1000
        for terminal, last in gone
        for state in ("suspect", "down")
        if (terminal, state) in seen
    ]
