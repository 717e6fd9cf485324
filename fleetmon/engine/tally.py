"""Who of a group is silent, who was heard since, and who says nothing yet.

Each count walks the whole group once or twice, and a carrier has tens of thousands of members: no
look at one member may cost more than a few comparisons, and none may depend on the number of others.
"""

from collections import Counter
from collections.abc import Callable, Iterable

from fleetmon.detect import TERMINAL_OFFLINE
from fleetmon.engine.fleet import slack, value
from fleetmon.model.detector import GroupDetector, Tally
from fleetmon.model.terminal import Liveness, Terminal

_AWAKE = (Liveness.UP, Liveness.SUSPECT, Liveness.DOWN)


def is_silent(terminal: Terminal, now: int, heard_since: int) -> bool:
    """Whether the terminal missed a beat, or left a will unanswered for as long as a reconnection takes."""
    interval, will_at = terminal.interval_ms, terminal.will_at
    quiet = now - max(terminal.last_seen, heard_since)
    if quiet > interval and quiet > interval + slack(interval):
        return True
    return will_at > heard_since and now >= TERMINAL_OFFLINE.unanswered_at(will_at, interval)


def missing(members: Iterable[Terminal], now: int, heard_since: int) -> list[Terminal]:
    """Those that ought to be heard and are silent."""
    return [t for t in members if t.liveness in _AWAKE and is_silent(t, now, heard_since)]


def not_heard(members: Iterable[Terminal], since: int) -> list[Terminal]:
    """Those that ought to be heard and were not since; it may not have been their turn."""
    return [t for t in members if t.liveness in _AWAKE and t.last_seen <= since]


def burst(members: Iterable[Terminal], now: int, heard_since: int) -> list[Terminal]:
    """The silent ones that fell silent together: those silent for much longer are another matter."""
    silent = [(terminal, _onset(terminal)) for terminal in missing(members, now, heard_since)]
    if not silent:
        return []
    last = max(onset for _, onset in silent)
    return [t for t, onset in silent if onset >= last - TERMINAL_OFFLINE.down_after(t.interval_ms, 2 * t.interval_ms)]


def _onset(terminal: Terminal) -> int:
    """When a silence that matters began: after the last sign of life, or when the shop should have opened."""
    if terminal.liveness is not Liveness.DOWN:
        return terminal.last_seen
    patience = TERMINAL_OFFLINE.down_after(terminal.interval_ms, slack(terminal.interval_ms))
    return max(terminal.last_seen, terminal.since - patience)


def tally_breach(
    detector: GroupDetector, members: Iterable[Terminal], silent: list[Terminal], now: int, heard_since: int
) -> Tally:
    """Count for the question: did they fall silent together? Counter-evidence is who spoke after them."""
    onset = max(map(_onset, silent), default=0)
    return _count(detector, members, silent, lambda t: t.last_seen > onset, now, heard_since)


def tally_recovery(
    detector: GroupDetector, members: Iterable[Terminal], opened_at: int, now: int, heard_since: int
) -> Tally:
    """Count for the question: are they back? Only having been heard since it opened counts; absence proves nothing."""
    awake = [terminal for terminal in members if terminal.liveness in _AWAKE]
    gone = [t for t in awake if t.last_seen <= opened_at or is_silent(t, now, heard_since)]
    return _count(detector, awake, gone, lambda t: t.last_seen > opened_at, now, heard_since)


def _count(
    detector: GroupDetector,
    members: Iterable[Terminal],
    silent: list[Terminal],
    spoke: Callable[[Terminal], bool],
    now: int,
    heard_since: int,
) -> Tally:
    gone = {terminal.id for terminal in silent}
    by_part = Counter([_part(detector, terminal) for terminal in silent])
    most = max(by_part.values(), default=0)
    worst = min((part for part, count in by_part.items() if count == most), default="")
    alive = waiting = alive_worst = 0
    for terminal in members:
        if terminal.id in gone or terminal.liveness not in _AWAKE:
            continue
        if is_silent(terminal, now, heard_since):
            continue  # silent for long, another matter
        if spoke(terminal):
            alive += 1
            alive_worst += _part(detector, terminal) == worst
        else:
            waiting += 1
    return Tally(len(silent), alive, waiting, len(silent) - by_part[worst], alive - alive_worst)


def _part(detector: GroupDetector, terminal: Terminal) -> str:
    return value(terminal.site, terminal.cohort, detector.apart) or terminal.site or terminal.id
