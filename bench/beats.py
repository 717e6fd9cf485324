"""Traces of heartbeats with a known truth, made independently of the simulator, for `bench.detection_score`.

Loss follows Gilbert and Elliott: a beat that follows a lost one is lost with a probability of its own, and
now and then the link fades for many beats. A terminal counts every beat that it tries to send, so what is
lost leaves a gap in its numbers; a power cut leaves none and begins another boot.
"""

import random
from collections.abc import Iterator, Sequence
from typing import Final, Literal, NamedTuple

SECOND: Final = 1_000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR
START: Final = 1_790_524_800_000  # midnight in Shanghai before a Monday


class Signal(NamedTuple):
    """A heartbeat, a birth or a last will, at its arrival."""

    at: int
    terminal: str
    boot: int
    seq: int  # of a beat; of the others the number of the session
    what: Literal["beat", "birth", "will", "farewell"] = "beat"


class Link(NamedTuple):
    """How a link loses: P(lost), P(lost | the one before was), fades a day and their mean length in beats."""

    loss: float
    again: float
    fades: float = 0.0
    fade_beats: int = 12


class Span(NamedTuple):
    """From `begin` until before `end`."""

    begin: int
    end: int


class Life(NamedTuple):
    """One terminal: what arrives of it, and what was so."""

    terminal: str
    interval: int
    span: Span
    signals: list[Signal]
    off: list[Span]  # switched off for the night or longer; a fault may lie in it
    dead: list[Span]  # silent by a fault: to be found, and found late if it begins when nobody expects a beat
    absent: list[Span]  # did not come at its opening: from then on


class Plan(NamedTuple):
    """What a life is made of. Spans in which it is off or dead must be in order and apart."""

    interval: int
    span: Span
    link: Link
    off: list[Span]
    dead: list[Span]  # without power
    absent: list[Span]
    keep_alive: int = 0  # the broker tells a will so long after the last beat; 0: neither wills nor births
    unheard: Sequence[Span] = ()  # without network: it goes on counting, and comes back in another session
    polite: bool = False  # says goodbye when it is switched off


def live(terminal: str, plan: Plan, chance: random.Random) -> Life:
    """Let a terminal live by its plan."""
    signals: list[Signal] = []
    silent = sorted([*plan.off, *plan.dead, *plan.unheard])
    begin, boot, seq, session = plan.span.begin + chance.randrange(plan.interval), 1, 0, 0
    for span in [*silent, Span(plan.span.end, 0)]:
        known = plan.keep_alive and begin < span.begin
        if known:
            signals.append(Signal(begin, terminal, boot, session, "birth"))
        signals += _beats(terminal, plan, Span(begin, span.begin), (boot, seq), chance)
        if known and span.end:
            signals += _parting(terminal, plan, span, (boot, session), signals[-1].at)
        back = span.end + chance.randrange(plan.interval)
        if span in plan.unheard:
            seq, session = seq + max(back - begin, 0) // plan.interval + 1, session + 1
        else:
            boot, seq, session = boot + 1, 0, 0
        begin = back
    signals.sort()
    return Life(terminal, plan.interval, plan.span, signals, plan.off, sorted([*plan.dead, *plan.unheard]), plan.absent)


def _parting(terminal: str, plan: Plan, span: Span, known: tuple[int, int], last: int) -> Iterator[Signal]:
    """What is told when a terminal goes: its goodbye, or by the broker its will."""
    boot, session = known
    if plan.polite and span in plan.off:
        yield Signal(max(span.begin, last), terminal, boot, session, "farewell")
    elif last + plan.keep_alive < span.end:
        yield Signal(last + plan.keep_alive, terminal, boot, session, "will")


def _beats(terminal: str, plan: Plan, span: Span, first: tuple[int, int], chance: random.Random) -> Iterator[Signal]:
    """The beats of one session that arrive: late by a little, rarely by more."""
    link, lost, fade = plan.link, False, 0
    boot, number = first
    first_lost = link.loss * (1 - link.again) / (1 - link.loss)  # so that `loss` is the share in the long run
    fades = link.fades * plan.interval / DAY
    for seq, sent in enumerate(range(span.begin, span.end, plan.interval), number):
        if fade == 0 and fades and chance.random() < fades:
            fade = 1 + int(chance.expovariate(1 / link.fade_beats))
        lost = fade > 0 or chance.random() < (link.again if lost else first_lost)
        fade = max(fade - 1, 0)
        if not lost:
            yield Signal(sent + int(chance.expovariate(1 / 250)), terminal, boot, seq)


def cuts(days: int, mean_days: float, chance: random.Random, *, lasts: int = 2 * HOUR) -> list[Span]:
    """Power cuts at any time, some days apart."""
    found: list[Span] = []
    at = START + DAY
    while (at := at + int((0.5 + chance.random()) * mean_days * DAY)) < START + days * DAY - lasts:
        found.append(Span(at, at + lasts))
        at += lasts
    return found


def nights(days: int, chance: random.Random) -> tuple[list[Span], list[Span]]:
    """When a shop is off, and from when on it ought to be open on days that it misses.

    Shops keep about the same hours each day; some close earlier on Saturday, some are shut on Sunday. From the
    fourth week on one day in twenty is missed.
    """
    opening = chance.choice((7, 8, 9, 10)) * HOUR + chance.randrange(4) * 15 * MINUTE
    closing = chance.choice((18, 20, 21, 22, 23)) * HOUR + chance.randrange(4) * 15 * MINUTE
    saturday = chance.choice((0, 0, 4 * HOUR))
    sunday = chance.random() < 0.3
    spans: list[Span] = []
    absent: list[Span] = []
    gone = START  # since when it is off
    for day in range(days):
        opens = START + day * DAY + opening + int(chance.gauss(0, 6) * MINUTE)
        closes = START + day * DAY + closing - saturday * (day % 7 == 5) + int(chance.gauss(0, 10) * MINUTE)
        if day % 7 == 6 and sunday:
            continue
        if day >= 21 and chance.random() < 0.05:
            absent.append(Span(START + day * DAY + opening, closes))
            continue
        spans.append(Span(gone, opens))
        gone = closes
    spans.append(Span(gone, START + days * DAY))
    return spans, absent
