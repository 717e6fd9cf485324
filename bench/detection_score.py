"""`make score-detection`, or `python -m bench.detection_score`: how soon and how surely is silence told from loss?

Generated lives of terminals (`beats.py`) go through the engine, and beside it through what is usual: a fixed
timeout of three beats, phi accrual with threshold 8, and nothing but the last will. A mistake is to call a
terminal down that lives and is expected; delays count from a power cut. Development seeds may be looked at
while detection is improved; test seeds are only figures.

    python -m bench.detection_score [--seeds dev|test|both] [--traces NAME ...] [--quick] [--json FILE]
"""

import argparse
import json
import multiprocessing
import os
import random
import statistics
from collections import deque
from collections.abc import Callable, Sequence
from heapq import merge
from pathlib import Path
from typing import Final, Literal, NamedTuple

from bench.beats import DAY, HOUR, START, Life, Link, Plan, Signal, Span, cuts, live, nights
from bench.report import say
from fleetmon.engine import Engine, Message
from fleetmon.model.events import Heartbeat, State
from fleetmon.model.registry import Registry, Site, Terminal

_SEEDS: Final = {"dev": (1, 2), "test": (101, 102)}
_WARM: Final = START + 10 * DAY  # what a detector knows by then it has learned
_FOUND: Final = 3 * HOUR  # a missed opening is of use within that time
_PHI_8: Final = 5.612  # standard deviations that a normal law exceeds once in 1e8


class Down(NamedTuple):
    """A detector's verdict on one terminal."""

    begin: int
    end: int


Verdicts = dict[str, list[Down]]


class Score(NamedTuple):
    """One detector on one trace; everything that is asked of it."""

    trace: str
    seeds: str
    detector: str
    mistakes: float  # per terminal and open day
    learned: float  # the same after ten days
    after_beat_s: float  # from the last beat until down, mean: the worst case of a delay
    p50_s: float
    p99_s: float
    found: float  # of power cuts
    night_falses: float  # per 1,000 terminal-nights, after ten days
    openings: float  # missed ones that were found
    true_share: float  # of open time in which the verdict is right


# -- traces ------------------------------------------------------------------------------------------


def _steady(link: Callable[[random.Random], Link], interval: int, keep_alive: int = 0) -> "Maker":
    def make(terminal: str, days: int, chance: random.Random) -> Life:
        plan = Plan(interval, days, link(chance), [], cuts(days, 6, chance), [], keep_alive)
        return live(terminal, plan, chance)

    return make


def _nightly(terminal: str, days: int, chance: random.Random) -> Life:
    off, absent = nights(days, chance)
    return live(terminal, Plan(60_000, days, _good(chance), off, [], absent), chance)


def _good(chance: random.Random) -> Link:
    return Link(0.002 + 0.004 * chance.random(), 0.2)


def _any(chance: random.Random) -> Link:
    """Log-uniform from 0.2 to 5 %, and three in a hundred from 10 to 35 %."""
    poor = chance.random() < 0.03
    loss = 0.10 + 0.25 * chance.random() if poor else 0.002 * 25 ** chance.random()
    return Link(loss, 0.16 + 0.25 * chance.random(), fades=0.02)


def _one(loss: float, again: float, fades: float = 0.0) -> Callable[[random.Random], Link]:
    return lambda _: Link(loss, again, fades)


Maker = Callable[[str, int, random.Random], Life]


class Trace(NamedTuple):
    """A fleet of one kind."""

    make: Maker
    terminals: int
    days: int


_TRACES: Final = {
    "bursts 2.5 %": Trace(_steady(_one(0.025, 0.16), 60_000), 20, 30),
    "mixed links": Trace(_steady(_any, 60_000), 30, 30),
    "good link 0.6 %": Trace(_steady(_one(0.006, 0.16), 60_000), 10, 40),
    "bad link 31.7 %": Trace(_steady(_one(0.317, 0.40, 0.1), 60_000), 12, 40),
    "30 s, wills at 45 s": Trace(_steady(_good, 30_000, 45_000), 20, 20),
    "undeclared nights": Trace(_nightly, 30, 49),
}


# -- detectors ---------------------------------------------------------------------------------------


def fleetmon(lives: Sequence[Life], per_30_days: float) -> Verdicts:
    """The engine, each terminal in a shop, a region and with a carrier of its own: nothing is shared."""
    registry = Registry(
        sites=[Site(f"s-{one.terminal}") for one in lives],
        terminals=[
            Terminal(
                one.terminal,
                site=f"s-{one.terminal}",
                region=f"r-{one.terminal}",
                carrier="CMCC",
                network="4g",
                interval_s=one.interval // 1000,
            )
            for one in lives
        ],
    )
    engine = Engine(registry)
    engine.shard.habits.patience.allow(per_30_days)
    engine.link_up(START)
    verdicts: Verdicts = {one.terminal: [] for one in lives}
    batch: list[Message] = []
    for signal in merge(*(one.signals for one in lives)):
        batch.append(_message(signal))
        if len(batch) == 1_000:
            _note(engine, batch, verdicts)
            batch.clear()
    _note(engine, batch, verdicts)
    end = START + lives[0].days * DAY
    engine.advance(end)
    return {key: [down if down.end else Down(down.begin, end) for down in downs] for key, downs in verdicts.items()}


def _message(signal: Signal) -> Message:
    if signal.what != "beat":
        state: Literal["online", "offline"] = "online" if signal.what == "birth" else "offline"
        reason: Literal["lost"] | None = "lost" if signal.what == "will" else None
        said = State(at=signal.at, state=state, boot=signal.boot, session=f"s{signal.boot}", reason=reason)
        return Message(signal.at, signal.terminal, said, retained=False, topic="", payload=b"")
    beat = Heartbeat(signal.at, signal.boot, signal.seq)
    return Message(signal.at, signal.terminal, beat, retained=False, topic="", payload=b"")


def _note(engine: Engine, batch: Sequence[Message], verdicts: Verdicts) -> None:
    for change in engine.observe(batch).changes:
        downs = verdicts[change.terminal]
        if change.after == "down":
            downs.append(Down(change.at, 0))
        elif change.before == "down":
            downs[-1] = Down(downs[-1].begin, change.at)


def three_beats(life: Life) -> list[Down]:
    """Down when nothing came for three intervals and a little."""
    return _timed(life, lambda _: int(3.05 * life.interval))


def phi_accrual(life: Life) -> list[Down]:
    """Down when the silence is too long for a normal law of the last thousand intervals."""
    window: deque[int] = deque()
    total = squares = 0

    def patience(interval: int) -> int:
        nonlocal total, squares
        window.append(interval)
        total, squares = total + interval, squares + interval * interval
        if len(window) > 1_000:
            oldest = window.popleft()
            total, squares = total - oldest, squares - oldest * oldest
        mean = total / len(window)
        deviation = max(squares / len(window) - mean * mean, 0.0) ** 0.5
        return int(mean + _PHI_8 * max(deviation, life.interval / 10))

    return _timed(life, patience)


def _timed(life: Life, patience: Callable[[int], int]) -> list[Down]:
    """Down when a beat is late by what `patience` makes of the last interval."""
    downs: list[Down] = []
    beats = [signal.at for signal in life.signals if signal.what != "will"]
    wait = 3 * life.interval
    for last, at in zip(beats, [*beats[1:], START + life.days * DAY], strict=True):
        if last + wait < at:
            downs.append(Down(last + wait, at))
        wait = patience(at - last)
    return downs


def last_will(life: Life) -> list[Down]:
    """Down from the will until the next beat."""
    downs: list[Down] = []
    for signal in life.signals:
        if signal.what == "will":
            downs.append(Down(signal.at, START + life.days * DAY))
        elif downs and downs[-1].end > signal.at:
            downs[-1] = Down(downs[-1].begin, signal.at)
    return downs


# -- judgement ---------------------------------------------------------------------------------------


class _Tally:
    """What one detector did with many lives."""

    def __init__(self) -> None:
        self.mistakes = self.learned = self.cuts = self.night_falses = self.openings = self.missed = 0
        self.days = self.learned_days = self.nights = 0.0
        self.wrong = self.open = 0
        self.delays: list[int] = []
        self.after_beat: list[int] = []

    def judge(self, life: Life, downs: Sequence[Down]) -> None:
        end = START + life.days * DAY
        closed = [(span, _away(span, life.absent)) for span in life.off]
        off_ms = sum(span.end - span.begin for span in life.off)
        self.open += end - START - off_ms
        self.days += (end - START - off_ms) / DAY
        late = sum(max(span.end - max(span.begin, _WARM), 0) for span in life.off)
        self.learned_days += (end - _WARM - late) / DAY
        self.nights += sum(span.begin >= _WARM for span, absent in closed if not absent)
        for down in downs:
            if any(span.begin <= down.begin < span.end for span in life.dead):
                continue
            inside = next((one for one in closed if one[0].begin <= down.begin < one[0].end), None)
            if inside is None:
                self.mistakes += 1
                self.learned += down.begin >= _WARM
                self.wrong += down.end - down.begin
            elif not any(one.begin <= down.begin < one.end for one in inside[1]):
                self.night_falses += down.begin >= _WARM
        for span in life.dead:
            self._cut(span, life, downs)
        for span in life.absent:
            self.openings += 1
            self.missed += not any(one.begin < span.begin + _FOUND and one.end > span.begin for one in downs)

    def _cut(self, span: Span, life: Life, downs: Sequence[Down]) -> None:
        self.cuts += 1
        found = next((one for one in downs if one.begin < span.end and one.end > span.begin + life.interval), None)
        if found is None:
            self.wrong += span.end - span.begin
            return
        self.delays.append(max(found.begin - span.begin, 0))
        self.wrong += max(found.begin - span.begin, 0)
        last = max((one.at for one in life.signals if one.what != "will" and one.at < span.begin + 10_000), default=0)
        self.after_beat.append(max(found.begin - last, 0))

    def score(self, trace: str, seeds: str, detector: str) -> Score:
        delays = sorted(self.delays) or [0]
        return Score(
            trace,
            seeds,
            detector,
            self.mistakes / self.days,
            self.learned / self.learned_days,
            statistics.fmean(self.after_beat or [0]) / 1000,
            delays[len(delays) // 2] / 1000,
            delays[int(len(delays) * 0.99)] / 1000,
            len(self.delays) / self.cuts if self.cuts else 1.0,
            1_000 * self.night_falses / self.nights if self.nights else 0.0,
            1 - self.missed / self.openings if self.openings else 1.0,
            1 - self.wrong / self.open,
        )


def _away(span: Span, absent: Sequence[Span]) -> list[Span]:
    """The days on which it did not come, within one long silence."""
    return [one for one in absent if span.begin <= one.begin < span.end]


Job = tuple[str, str, bool]


def scored(job: Job) -> list[Score]:
    """All detectors on one trace."""
    name, seeds, quick = job
    trace = _TRACES[name]
    count, days = (4, 21) if quick else (trace.terminals, trace.days)
    lives: list[Life] = []
    for seed in _SEEDS[seeds]:
        chance = random.Random(f"{name} {seed}")
        lives += [trace.make(f"T{seed}-{number}", days, chance) for number in range(count)]
    verdicts = {
        "fleetmon, 1 in 30 days": fleetmon(lives, 1),
        "fleetmon, 3 a day": fleetmon(lives, 90),
        "fixed 3 beats": {life.terminal: three_beats(life) for life in lives},
        "phi accrual 8": {life.terminal: phi_accrual(life) for life in lives},
        "last will only": {life.terminal: last_will(life) for life in lives},
    }
    found = []
    for detector, said in verdicts.items():
        tally = _Tally()
        for life in lives:
            tally.judge(life, said[life.terminal])
        found.append(tally.score(name, seeds, detector))
    say(f"{name}, {seeds}: {len(lives)} terminals, {sum(len(life.signals) for life in lives):,} signals")
    return found


def table(scores: Sequence[Score]) -> str:
    """For people."""
    head = (
        "trace                seeds detector                mistakes/day  learned  after beat    p50    p99  found"
        "  night/1000  openings  right"
    )
    lines = [
        f"{one.trace:20} {one.seeds:5} {one.detector:23} {one.mistakes:12.3f} {one.learned:8.3f}"
        f" {one.after_beat_s:9.0f} s {one.p50_s:4.0f} s {one.p99_s:4.0f} s {one.found:6.3f} {one.night_falses:11.2f}"
        f" {one.openings:9.3f} {one.true_share:.5f}"
        for one in scores
    ]
    return "\n".join([head, *lines])


def main() -> None:
    """Prints the table."""
    options = argparse.ArgumentParser(prog="python -m bench.detection_score", description=__doc__)
    options.add_argument("--seeds", choices=[*_SEEDS, "both"], default="both")
    options.add_argument("--traces", nargs="+", choices=list(_TRACES), default=list(_TRACES))
    options.add_argument("--quick", action="store_true", help="a few short lives, to see that it works")
    options.add_argument("--json", type=Path, metavar="FILE")
    chosen = options.parse_args()
    seeds = list(_SEEDS) if chosen.seeds == "both" else [chosen.seeds]
    jobs = [(name, part, chosen.quick) for name in chosen.traces for part in seeds]
    with multiprocessing.Pool(min(os.cpu_count() or 1, len(jobs))) as pool:
        scores = [score for part in pool.imap(scored, jobs) for score in part]
    print(table(scores))
    if chosen.json:
        chosen.json.write_text(json.dumps([score._asdict() for score in scores], indent=1) + "\n")


if __name__ == "__main__":
    main()
