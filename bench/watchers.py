"""Who tells silence from loss: the engine, and beside it what is usual, for `bench.detection_score`.

The usual: a fixed timeout of three beats, phi accrual with threshold 8, and nothing but the last will. None of
them knows of shops that close, nor that terminals share anything.
"""

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from heapq import merge
from typing import Final, NamedTuple

from bench.beats import Life, Signal
from fleetmon.engine import Engine, Message, Outcome
from fleetmon.engine.terminal.patience import SUSPICIONS
from fleetmon.model.events import Heartbeat, State
from fleetmon.model.incident import Transition
from fleetmon.model.registry import Registry

_PHI_8: Final = 5.612  # standard deviations that a normal law exceeds once in 1e8
_BATCH: Final = 1_000


class Down(NamedTuple):
    """A detector's verdict on one terminal."""

    begin: int
    end: int


Verdicts = dict[str, list[Down]]
Firmware = Callable[[str, int], str]  # what a terminal runs at a time


class Watched(NamedTuple):
    """What the engine said of a fleet."""

    verdicts: Verdicts
    transitions: list[Transition]


def fleetmon(
    registry: Registry,
    lives: Mapping[str, Life],
    per_30_days: float = SUSPICIONS,
    firmware: Firmware = lambda _key, _at: "",
) -> Watched:
    """Let the engine watch terminals live; as shipped, or with another budget of mistakes."""
    engine = Engine(registry)
    engine.shard.habits.patience.allow(per_30_days)
    engine.link_up(min(life.span.begin for life in lives.values()))
    watched = Watched({key: [] for key in lives}, [])
    batch: list[Message] = []
    for signal in merge(*(life.signals for life in lives.values())):
        batch.append(_message(signal, firmware))
        if len(batch) == _BATCH:
            _note(engine.observe(batch), watched)
            batch.clear()
    _note(engine.observe(batch), watched)
    _note(engine.advance(max(life.span.end for life in lives.values())), watched)
    for key, downs in watched.verdicts.items():
        watched.verdicts[key] = [down if down.end else Down(down.begin, lives[key].span.end) for down in downs]
    return watched


def _message(signal: Signal, firmware: Firmware) -> Message:
    at, key, boot, seq, what = signal
    if what == "beat":
        return Message(at, key, Heartbeat(at, boot, seq), retained=False, topic="", payload=b"")
    said = State(
        at=at,
        state="online" if what == "birth" else "offline",
        boot=boot,
        session=f"s{boot}-{seq}",
        reason={"will": "lost", "farewell": "shutdown"}.get(what),  # type: ignore[arg-type]
        firmware=firmware(key, at) or None if what == "birth" else None,
    )
    return Message(at, key, said, retained=False, topic="", payload=b"")


def _note(outcome: Outcome, watched: Watched) -> None:
    watched.transitions.extend(outcome.transitions)
    for change in outcome.changes:
        downs = watched.verdicts[change.terminal]
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
    beats = [signal.at for signal in life.signals if signal.what in {"beat", "birth"}]
    wait = 3 * life.interval
    for last, at in zip(beats, [*beats[1:], life.span.end], strict=False):
        if last + wait < at:
            downs.append(Down(last + wait, at))
        wait = patience(at - last)
    return downs


def last_will(life: Life) -> list[Down]:
    """Down from the will until the next beat."""
    downs: list[Down] = []
    for signal in life.signals:
        if signal.what == "will":
            downs.append(Down(signal.at, life.span.end))
        elif downs and downs[-1].end > signal.at:
            downs[-1] = Down(downs[-1].begin, signal.at)
    return downs


USUAL: Final[dict[str, Callable[[Life], list[Down]]]] = {
    "fixed 3 beats": three_beats,
    "phi accrual 8": phi_accrual,
    "last will only": last_will,
}


def usual(lives: Iterable[Life]) -> dict[str, Verdicts]:
    """What the usual detectors say of the same lives."""
    known = list(lives)
    return {name: {life.terminal: watch(life) for life in known} for name, watch in USUAL.items()}
