"""Who of a group is silent, who was heard since, and who says nothing yet.

Each count walks the whole group once or twice, and a carrier has tens of thousands of members: no
look at one member may cost more than a few comparisons, none may depend on the number of others, and
every count pauses after each part of the group (see `engine/agenda.py`).
"""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple, TypeVar

from fleetmon.detect import TERMINAL_OFFLINE
from fleetmon.engine.agenda import PART, Parts
from fleetmon.engine.fleet import slack, suspicion
from fleetmon.engine.groups import value
from fleetmon.model.detector import Tally
from fleetmon.model.terminal import Liveness, Terminal

_AWAKE = (Liveness.UP, Liveness.SUSPECT, Liveness.DOWN)
_TOGETHER: Final = 0.8  # of those that fell silent at one moment: by then it was so
_BEGUN: Final = 0.2  # of those that did one by one: by then it was no chance any longer
_CHANCE: Final = 2  # terminals of a network that are heard although it is down
T = TypeVar("T")
_Link = tuple[str, str]  # carrier and kind of network


class Sight(NamedTuple):
    """The members of a group that ought to be heard, at one moment."""

    silent: list[Terminal]  # missed a beat, or left a will unanswered for as long as a reconnection takes
    others: list[Terminal]  # heard lately enough


def parts(members: Sequence[T]) -> Iterator[Sequence[T]]:
    """The members, so many at a time."""
    for start in range(0, len(members), PART):
        yield members[start : start + PART]


def look(members: Sequence[Terminal], now: int, heard_since: int) -> Parts[Sight]:
    """See who is silent, whoever of a group ought to be heard."""
    sight = Sight([], [])
    for part in parts(members):
        _see(sight, part, now, heard_since)
        yield len(part)
    return sight


def look_at_once(members: Iterable[Terminal], now: int, heard_since: int) -> Sight:
    """See the same of a few, as of one shop."""
    sight = Sight([], [])
    _see(sight, members, now, heard_since)
    return sight


def burst(silent: Sequence[Terminal]) -> Parts[tuple[list[Terminal], int]]:
    """Those that one moment explains, and that moment: the largest crowd that can have fallen silent together.

    A terminal can have fallen silent at any time from its last sign of life until its next beat but one (one
    may have been lost before). A few stragglers, before or after, do not move the moment.
    """
    starts, ends = Counter[int](), Counter[int]()
    for part in parts(silent):
        onsets = [_onset(terminal) for terminal in part]
        starts.update(onsets)
        ends.update([onset + suspicion(terminal) for onset, terminal in zip(onsets, part, strict=True)])
        yield len(part)
    crowd = most = moment = 0
    for times in parts(sorted(starts.keys() | ends.keys())):
        for at in times:  # whoever falls silent at the very end of another's time is still together with it
            crowd += starts[at]
            if crowd > most:
                most, moment = crowd, at
            crowd -= ends[at]
        yield len(times)
    together: list[Terminal] = []
    for part in parts(silent):
        together += [terminal for terminal in part if 0 <= moment - _onset(terminal) <= suspicion(terminal)]
        yield len(part)
    return together, moment


def silent_since(silent: Sequence[Terminal], *, at_once: bool) -> Parts[int]:
    """By when so many of them had been heard for the last time: since when, as far as we know, they are silent.

    Of those that fall silent `at_once` the last are heard right before the fault, so four fifths are closer to it than
    half would be; a few that live on for a while, on a battery say, do not count. Where it can be wrong: by a beat
    where all beat in step, and by more where many of the last beats were lost.
    """
    onsets: list[int] = []
    for part in parts(silent):
        onsets += [_onset(terminal) for terminal in part]
        yield len(part)
    return sorted(onsets)[math.ceil((_TOGETHER if at_once else _BEGUN) * len(onsets)) - 1]


def tally_breach(sight: Sight, together: Sequence[Terminal], moment: int, now: int) -> Parts[Tally]:
    """Count for the question: did they fall silent together? Counter-evidence is who spoke after that moment.

    Be it that it is silent now as well: it fell silent later, and of something else.
    """
    later = list[Terminal]()
    for part in parts(sight.silent):
        later += [terminal for terminal in part if terminal.last_seen > moment]
        yield len(part)
    gone = len(sight.silent) - len(later) - len(together)
    return (yield from _count(together, [*sight.others, *later], moment, now, gone))


def tally_recovery(sight: Sight, opened_at: int, now: int) -> Parts[Tally]:
    """Count for the question: are they back? Only who is up and was heard since it opened is; absence proves nothing.

    Who came back and went down again has a fresh grace after we were deaf, and is silent all the same.
    """
    gone, heard = list(sight.silent), list[Terminal]()
    for part in parts(sight.others):
        for terminal in part:
            back = terminal.liveness is Liveness.UP and terminal.last_seen > opened_at
            (heard if back else gone).append(terminal)
        yield len(part)
    return (yield from _count(gone, heard, opened_at, now))


def all_late(silent: Sequence[Terminal]) -> int:
    """When everybody is late who fell silent with these, so that the name of an outage is its last: one beat on.

    Who is late first was heard last a beat before they fell silent, and is a suspect when the others are late.
    """
    return min(terminal.last_seen + suspicion(terminal) for terminal in silent)


def missed_since(silent: Sequence[Terminal]) -> int | None:
    """When those who did not come at their opening were due at last, if all are such: it began then, not when shown."""
    return max(map(_onset, silent)) if silent and all(map(_overslept, silent)) else None


def _see(sight: Sight, members: Iterable[Terminal], now: int, heard_since: int) -> None:
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


def _onset(terminal: Terminal) -> int:
    """When a silence that matters began: after the last sign of life, or when the shop should have opened."""
    if not _overslept(terminal):
        return terminal.last_seen
    patience = TERMINAL_OFFLINE.down_after(terminal.interval_ms, slack(terminal.interval_ms))
    return max(terminal.last_seen, terminal.since - patience)


def _overslept(terminal: Terminal) -> bool:
    return terminal.liveness is Liveness.DOWN and terminal.overslept


def _count(silent: Sequence[Terminal], others: Sequence[Terminal], onset: int, now: int, gone: int = 0) -> Parts[Tally]:
    """`others` spoke after `onset` or say nothing yet; the worst shop is the one with most that are silent."""
    by_shop, mute, sound, beats = Counter[str](), Counter[_Link](), Counter[_Link](), 0
    for members in parts(silent):
        by_shop.update([_shop(terminal) for terminal in members])
        mute.update([_link(terminal) for terminal in members])
        beats += sum([_beats(terminal, now) for terminal in members])
        yield len(members)
    most = max(by_shop.values(), default=0)
    worst = min((shop for shop, count in by_shop.items() if count == most), default="")
    beside = 0
    for members in parts(others):
        speaking = [terminal for terminal in members if terminal.last_seen > onset]
        sound.update([_link(terminal) for terminal in speaking])
        beside += sum([_shop(terminal) != worst for terminal in speaking])
        yield len(members)
    alive, well = sum(sound.values()), sum(count > max(mute[link], _CHANCE) for link, count in sound.items())
    rest = len(silent) - by_shop[worst]
    return Tally(len(silent), beats, alive, len(others) - alive, gone, len(mute), well, rest, beside)


def _link(terminal: Terminal) -> _Link:
    return value(terminal.cohort, "carrier"), terminal.cohort.network


def _beats(terminal: Terminal, now: int) -> int:
    """How many beats it has missed, as far as that matters; a will that nobody answered is worth one more."""
    return min((now - terminal.last_seen) // terminal.interval_ms, 2) + bool(terminal.will_at)


def _shop(terminal: Terminal) -> str:
    return terminal.site or terminal.id
