"""How soon and how surely is the silence of one terminal told from loss? One part of `bench.detection_score`.

A mistake is to call a terminal down that lives and is expected; delays count from a power cut. Each terminal
stands in a shop, a region and with a carrier of its own, so nothing is shared. Two shares of time say how far a
verdict can be trusted: how much of the time in which a terminal lives and is expected it is not called down (the query
accuracy P_A of Chen, Toueg and Aguilera), and how much of all open time the verdict is right, in which it is also
wrong from each fault until that is told.
"""

import csv
import random
import statistics
from collections.abc import Callable, Collection, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Final, NamedTuple

from bench.beats import DAY, HOUR, START, Life, Link, Plan, Signal, Span, cuts, live, nights
from bench.watchers import Down, fleetmon, usual
from fleetmon.model.registry import Registry, Site, Terminal

_WARM: Final = START + 10 * DAY  # what a detector knows by then it has learned
_STOPPED: Final = 2 * HOUR  # what is looked at of a terminal that stops
_FOUND: Final = 3 * HOUR  # a missed opening is of use within that time


class Score(NamedTuple):
    """One detector on one trace; everything that is asked of it."""

    trace: str
    seeds: str
    detector: str
    mistakes: float  # per terminal and open day on which it lives
    learned: float  # the same after ten days
    after_beat_s: float  # from the last beat until down, mean: the worst case of a delay
    p50_s: float
    p99_s: float
    found: float  # of power cuts
    night_falses: float  # per 1,000 terminal-nights, after ten days
    openings: float  # missed ones that were found
    accuracy: float  # of the time in which it lives and is expected, the share without a mistake
    true_share: float  # of open time in which the verdict is right


# -- traces ------------------------------------------------------------------------------------------


def _steady(link: Callable[[random.Random], Link], interval: int, keep_alive: int = 0) -> "Maker":
    def make(terminal: str, days: int, chance: random.Random) -> Life:
        span = Span(START, START + days * DAY)
        plan = Plan(interval, span, link(chance), [], cuts(days, 6, chance), [], keep_alive)
        return live(terminal, plan, chance)

    return make


def _nightly(terminal: str, days: int, chance: random.Random) -> Life:
    off, absent = nights(days, chance)
    return live(terminal, Plan(60_000, Span(START, START + days * DAY), good(chance), off, [], absent), chance)


def good(chance: random.Random) -> Link:
    """An ordinary link."""
    return Link(0.002 + 0.004 * chance.random(), 0.2)


def mixed(chance: random.Random) -> Link:
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


TRACES: Final = {
    "bursts 2.5 %": Trace(_steady(_one(0.025, 0.16), 60_000), 20, 30),
    "mixed links": Trace(_steady(mixed, 60_000), 30, 30),
    "good link 0.6 %": Trace(_steady(_one(0.006, 0.16), 60_000), 10, 40),
    "bad link 31.7 %": Trace(_steady(_one(0.317, 0.40, 0.1), 60_000), 12, 40),
    "30 s, wills at 45 s": Trace(_steady(good, 30_000, 45_000), 20, 20),
    "undeclared nights": Trace(_nightly, 30, 49),
}


def scored(trace: str, seeds: str, numbers: Sequence[int], *, quick: bool) -> list[Score]:
    """All detectors on one trace."""
    maker = TRACES[trace]
    count, days = (3, 14) if quick else (maker.terminals, maker.days)
    lives: dict[str, Life] = {}
    for seed in numbers:
        chance = random.Random(f"{trace} {seed}")
        lives |= {f"T{seed}-{number}": maker.make(f"T{seed}-{number}", days, chance) for number in range(count)}
    return _scores(trace, seeds, lives)


def foreign(path: Path) -> list[Score]:
    """All detectors on beats of others: a table with terminal, at (ms), boot, seq and interval_s.

    A silence after which a terminal has counted on was loss. With the last beat of each it stops for good.
    """
    beats: dict[str, list[tuple[Signal, int]]] = {}
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            signal = Signal(int(row["at"]), row["terminal"], int(row["boot"]), int(row["seq"]))
            beats.setdefault(signal.terminal, []).append((signal, int(row["interval_s"]) * 1000))
    shift = START - min(signal.at for known in beats.values() for signal, _ in known)
    lives = {}
    for key, known in beats.items():
        signals = sorted(signal._replace(at=signal.at + shift) for signal, _ in known)
        last = signals[-1].at
        pairs = [(one, other) for one, other in pairwise(signals) if other.at - one.at > 2 * known[0][1]]
        dead = [Span(one.at, other.at) for one, other in pairs if other.boot != one.boot or other.seq == one.seq + 1]
        whole = Span(signals[0].at, last + _STOPPED)
        lives[key] = Life(key, known[0][1], whole, signals, [], [*dead, Span(last + 1, whole.end)], [])
    return _scores(path.stem, "-", lives)


def _scores(trace: str, seeds: str, lives: dict[str, Life]) -> list[Score]:
    registry = _alone(lives.values())
    verdicts = {
        "fleetmon": fleetmon(registry, lives).verdicts,
        "fleetmon, 1 in 30 days": fleetmon(registry, lives, 1).verdicts,
        "fleetmon, 3 a day": fleetmon(registry, lives, 90).verdicts,
        **usual(lives.values()),
    }
    found = []
    for detector, said in verdicts.items():
        tally = Tally(_WARM)
        for key, life in lives.items():
            tally.judge(life, said[key])
        found.append(tally.score(trace, seeds, detector))
    return found


def _alone(lives: Collection[Life]) -> Registry:
    return Registry(
        sites=[Site(f"s-{life.terminal}") for life in lives],
        terminals=[
            Terminal(
                life.terminal,
                site=f"s-{life.terminal}",
                region=f"r-{life.terminal}",
                carrier="CMCC",
                network="4g",
                interval_s=life.interval // 1000,
            )
            for life in lives
        ],
    )


# -- judgement ---------------------------------------------------------------------------------------


class Tally:
    """What one detector did with many lives."""

    def __init__(self, warm: int) -> None:
        """From `warm` on it has learned what there is to learn."""
        self._warm = warm
        self.mistakes = self.learned = self.cuts = self.night_falses = self.openings = self.missed = 0
        self.days = self.learned_days = self.nights = 0.0
        self.wrong = self.open = self.mistaken = 0
        self.delays: list[int] = []
        self.after_beat: list[int] = []

    def judge(self, life: Life, downs: Sequence[Down]) -> None:
        """Hold what was said of one terminal against its life."""
        begin, end = life.span
        closed = [(span, _away(span, life.absent)) for span in life.off]
        off_ms = sum(span.end - span.begin for span in life.off)
        silent = [*life.off, *life.dead]  # when no mistake can be made
        self.open += end - begin - off_ms
        self.days += (end - begin - sum(span.end - span.begin for span in silent)) / DAY
        late = sum(max(span.end - max(span.begin, self._warm), 0) for span in silent)
        self.learned_days += (max(end - max(begin, self._warm), 0) - late) / DAY
        self.nights += sum(span.begin >= self._warm for span, absent in closed if not absent)
        for down in downs:
            if any(span.begin <= down.begin < span.end for span in life.dead):
                continue
            inside = next((one for one in closed if one[0].begin <= down.begin < one[0].end), None)
            if inside is None:
                self.mistakes += 1
                self.learned += down.begin >= self._warm
                gone = min((span.begin for span in silent if span.begin > down.begin), default=down.end)
                self.mistaken += min(down.end, gone) - down.begin
                self.wrong += down.end - down.begin
            elif not any(one.begin <= down.begin < one.end for one in inside[1]):
                self.night_falses += down.begin >= self._warm
        for span in life.dead:
            self._cut(span, life, downs)
        for span in life.absent:
            self.openings += 1
            self.missed += not any(one.begin < span.begin + _FOUND and one.end > span.begin for one in downs)

    def add(self, other: "Tally") -> None:
        """Take in what it did with other lives."""
        for name, value in vars(other).items():
            if name != "_warm":
                setattr(self, name, getattr(self, name) + value)

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
        """The figures."""
        delays = sorted(self.delays) or [0]
        return Score(
            trace,
            seeds,
            detector,
            self.mistakes / self.days,
            self.learned / self.learned_days if self.learned_days else 0.0,
            statistics.fmean(self.after_beat or [0]) / 1000,
            delays[len(delays) // 2] / 1000,
            delays[int(len(delays) * 0.99)] / 1000,
            len(self.delays) / self.cuts if self.cuts else 1.0,
            1_000 * self.night_falses / self.nights if self.nights else 0.0,
            1 - self.missed / self.openings if self.openings else 1.0,
            1 - self.mistaken / (self.days * DAY) if self.days else 1.0,
            1 - self.wrong / self.open,
        )


def _away(span: Span, absent: Sequence[Span]) -> list[Span]:
    """The days on which it did not come, within one long silence."""
    return [one for one in absent if span.begin <= one.begin < span.end]


def table(scores: Sequence[Score]) -> str:
    """For people."""
    head = (
        "trace                seeds detector                mistakes/day  learned  after beat    p50    p99  found"
        "  night/1000  openings     P_A   right"
    )
    lines = [
        f"{one.trace:20} {one.seeds:5} {one.detector:23} {one.mistakes:12.3f} {one.learned:8.3f}"
        f" {one.after_beat_s:9.0f} s {one.p50_s:4.0f} s {one.p99_s:4.0f} s {one.found:6.3f} {one.night_falses:11.2f}"
        f" {one.openings:9.3f} {one.accuracy:.5f} {one.true_share:.5f}"
        for one in scores
    ]
    return "\n".join([head, *lines])
