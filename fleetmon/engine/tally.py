"""Who of a group is silent, who was heard since, and who says nothing yet.

Each count walks the whole group once or twice, and a carrier has tens of thousands of members: no
look at one member may cost more than a few comparisons, and none may depend on the number of others.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from fleetmon.detect import TERMINAL_OFFLINE
from fleetmon.engine.fleet import slack
from fleetmon.engine.groups import value
from fleetmon.model.detector import GroupDetector, Tally
from fleetmon.model.terminal import Liveness, Terminal

_AWAKE = (Liveness.UP, Liveness.SUSPECT, Liveness.DOWN)


class Sight(NamedTuple):
    """The members of a group that ought to be heard, at one moment."""

    silent: list[Terminal]  # missed a beat, or left a will unanswered for as long as a reconnection takes
    others: list[Terminal]  # heard lately enough


def look(members: Iterable[Terminal], now: int, heard_since: int) -> Sight:
    """See who is silent, whoever of a group ought to be heard."""
    sight = Sight([], [])
    silent, others = sight.silent.append, sight.others.append
    for terminal in members:
        if terminal.liveness not in _AWAKE:
            continue
        interval, last_seen = terminal.interval_ms, terminal.last_seen
        quiet = now - (last_seen if last_seen > heard_since else heard_since)  # noqa: FURB136 - thrice as fast as max()
        if (quiet > interval and quiet > interval + slack(interval)) or (
            terminal.will_at > heard_since and now >= TERMINAL_OFFLINE.unanswered_at(terminal.will_at, interval)
        ):
            silent(terminal)
        else:
            others(terminal)
    return sight


def burst(silent: Sequence[Terminal]) -> tuple[list[Terminal], int]:
    """Those that one moment explains, and that moment: the largest crowd that can have fallen silent together.

    A terminal can have fallen silent at any time from its last sign of life until its next beat but one (one
    may have been lost before). A few stragglers, before or after, do not move the moment.
    """
    spans = [(_onset(terminal), terminal) for terminal in silent]
    edges = [(onset, 1) for onset, _ in spans]
    edges += [(onset + TERMINAL_OFFLINE.suspect_after(t.interval_ms, slack(t.interval_ms)), -1) for onset, t in spans]
    edges.sort(key=lambda edge: (edge[0], -edge[1]))
    crowd = most = moment = 0
    for at, step in edges:
        crowd += step
        if crowd > most:
            most, moment = crowd, at
    together = [
        t for onset, t in spans
        if onset <= moment <= onset + TERMINAL_OFFLINE.suspect_after(t.interval_ms, slack(t.interval_ms))
    ]  # fmt: skip
    return together, moment


def tally_breach(
    detector: GroupDetector, together: Sequence[Terminal], others: Sequence[Terminal], moment: int
) -> Tally:
    """Count for the question: did they fall silent together? Counter-evidence is who spoke after that moment."""
    return _count(detector, together, others, moment)


def tally_recovery(detector: GroupDetector, sight: Sight, opened_at: int) -> Tally:
    """Count for the question: are they back? Only having been heard since it opened counts; absence proves nothing."""
    heard = [terminal for terminal in sight.others if terminal.last_seen > opened_at]
    not_heard = [terminal for terminal in sight.others if terminal.last_seen <= opened_at]
    return _count(detector, [*sight.silent, *not_heard], heard, opened_at)


def _onset(terminal: Terminal) -> int:
    """When a silence that matters began: after the last sign of life, or when the shop should have opened."""
    if terminal.liveness is not Liveness.DOWN:
        return terminal.last_seen
    patience = TERMINAL_OFFLINE.down_after(terminal.interval_ms, slack(terminal.interval_ms))
    return max(terminal.last_seen, terminal.since - patience)


def _count(detector: GroupDetector, gone: Sequence[Terminal], others: Sequence[Terminal], onset: int) -> Tally:
    """`others` spoke after `onset` or say nothing yet; the worst part is the one with most that are gone."""
    by_part = Counter([_part(detector, terminal) for terminal in gone])
    most = max(by_part.values(), default=0)
    worst = min((part for part, count in by_part.items() if count == most), default="")
    alive = [terminal for terminal in others if terminal.last_seen > onset]
    beside = sum([_part(detector, terminal) != worst for terminal in alive])
    return Tally(len(gone), len(alive), len(others) - len(alive), len(gone) - by_part[worst], beside)


def _part(detector: GroupDetector, terminal: Terminal) -> str:
    return value(terminal.site, terminal.cohort, detector.apart) or terminal.site or terminal.id
