"""How long the silence of each terminal is waited out, learned from the silences that it lived through.

All that is remembered of a terminal is one integer of some 50 bytes, 0 for most: how many runs of missed beats
there were, by length, and in how much time. Both fade with the open time that passes, so that nights
and outages let nothing be forgotten and old trouble is forgiven in weeks. Of whom little is known yet, that is
believed which is known of its neighbours (same shop, carrier, network and firmware): they are asked when it is
needed, never itself through them. How long runs go on is also counted for each network.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Final

from fleetmon.detect import TERMINAL_OFFLINE, WEAK_SIGNAL
from fleetmon.model.days import DAY
from fleetmon.model.runs import LENGTHS, USUAL_ONWARD, Runs, often, onward
from fleetmon.model.terminal import NEVER, Terminal

SUSPICIONS: Final = 12.0  # mistakes that a terminal may cause in thirty open days, by default (ADR 31)
TICKETS: Final = 1.0  # those of them that people may be told
_MINUTE: Final = 60_000
_DAY: Final = 1_440  # minutes
_FADE: Final = 14  # days: each takes a fourteenth away
_FORGOTTEN: Final = 150  # days after which nothing is left
# From the low end: minutes watched (they fade, too), minutes since the last fading, then a count for each of LENGTHS.
_MINUTES: Final = (1 << 20) - 1
_FRESH: Final = (1 << 12) - 1
_FRESH_AT: Final = 20
_COUNTS_AT: Final = 32
_BITS: Final = 22  # of each count
_ONE: Final = 16  # counts are in sixteenths
_MOST: Final = (1 << _BITS) - 1
_ENOUGH: Final = 4_096  # runs of a network, after which the old ones count half
_NETWORKS: Final = 1_000  # terminals name carriers; the memory shall not keep them all
_TRUSTED: Final = 20  # runs that the usual habit is worth to the fleet, and each one's to the next smaller part of it
_NEIGHBOURS: Final = 8  # are enough to ask; thousands may fall silent together
_NEAR: Final = 64  # of a shop, among whom they are looked for
_USUAL: Final = [USUAL_ONWARD] * (len(LENGTHS) - 1)


class Patience:
    """What is known of the links of all terminals, and what follows from it."""

    def __init__(self, shop: Callable[[str], Sequence[Terminal]] = lambda _: ()) -> None:
        """Who is in a shop, by its id, `shop` tells."""
        self._shop = shop
        self.allow(SUSPICIONS, TICKETS)
        self._fleet = [0] * len(LENGTHS)
        self._networks: dict[tuple[str, str], list[int]] = {}

    def allow(self, suspicions: float, tickets: float = TICKETS) -> None:
        """Set how often one terminal may be called down by mistake in thirty open days, and people be told of it."""
        self._suspicions, self._tickets = suspicions / 30, tickets / 30

    def note(self, terminal: Terminal, beats: int) -> None:
        """A terminal lived through a silence of so many missed beats."""
        place = bisect_right(LENGTHS, beats) - 1
        shift = _COUNTS_AT + _BITS * place
        if terminal.runs >> shift & _MOST < _MOST - _ONE:
            terminal.runs += _ONE << shift
        self._share(terminal, place, 1)

    def recall(self, terminal: Terminal) -> None:
        """Count what was read back for the terminal's network."""
        for place, count in enumerate(_counts(terminal.runs)):
            if count >= _ONE:
                self._share(terminal, place, count // _ONE)

    def watch(self, terminal: Terminal, until: int, since: int) -> None:
        """The time up to `until` was open and undisturbed; that from `since` on will be, unless it is `NEVER`."""
        if terminal.watched_from != NEVER and until - terminal.watched_from >= _MINUTE:
            terminal.runs = _pass(terminal.runs, (until - terminal.watched_from) // _MINUTE)
        terminal.watched_from = since

    def beats(self, terminal: Terminal, at: int, *, told: bool = False) -> int:
        """How many missed beats prove the terminal down, or down so surely that people may be told."""
        runs, interval = self._runs(terminal, at), terminal.interval_ms
        budget = self._tickets if told else self._suspicions
        weak = WEAK_SIGNAL.breached(runs, TERMINAL_OFFLINE.most_beats(interval), budget)
        return TERMINAL_OFFLINE.beats(runs, interval, budget, weak=weak)

    def is_weak(self, terminal: Terminal, at: int) -> bool:
        """Whether no allowed patience keeps the budget, by far."""
        most = TERMINAL_OFFLINE.most_beats(terminal.interval_ms)
        return WEAK_SIGNAL.breached(self._runs(terminal, at), most, self._tickets)

    def is_well(self, terminal: Terminal, at: int) -> bool:
        """Whether the budget is kept with an allowed patience."""
        most = TERMINAL_OFFLINE.most_beats(terminal.interval_ms)
        return WEAK_SIGNAL.recovered(self._runs(terminal, at), most, self._tickets)

    def _runs(self, terminal: Terminal, at: int) -> Runs:
        days, counts = self._remembered(terminal, at)
        usual = onward(_sums(self._fleet), _USUAL, _TRUSTED)
        if network := self._networks.get(_network(terminal)):
            usual = onward(_sums(network), usual, _TRUSTED)
        known = [self._remembered(one, min(at, one.last_seen)) for one in self._neighbours(terminal)]
        if not known:
            return Runs(days, counts, usual)
        theirs = [sum(column) for column in zip(*[one for _, one in known], strict=True)]
        begin = often(theirs[0], sum([watched for watched, _ in known]))
        return Runs(days, counts, onward(theirs, usual, _TRUSTED), begin)

    def _remembered(self, terminal: Terminal, at: int) -> tuple[float, list[float]]:
        """The open days for which it was watched, and its runs at least as long as each of LENGTHS."""
        if terminal.watched_from != NEVER and at - terminal.watched_from >= DAY:
            whole = (at - terminal.watched_from) // _MINUTE * _MINUTE
            self.watch(terminal, at, terminal.watched_from + whole)
        days = (terminal.runs & _MINUTES) / _DAY
        if terminal.watched_from != NEVER:
            days += max(at - terminal.watched_from, 0) / DAY
        return days, [count / _ONE for count in _sums(_counts(terminal.runs))]

    def _neighbours(self, terminal: Terminal) -> Iterator[Terminal]:
        """Some that ought to lose as much as it does."""
        near, like = islice(self._shop(terminal.site), _NEAR), _place(terminal)
        return islice((one for one in near if one is not terminal and _place(one) == like), _NEIGHBOURS)

    def _share(self, terminal: Terminal, place: int, count: int) -> None:
        key = _network(terminal)
        if key not in self._networks and len(self._networks) < _NETWORKS:
            self._networks[key] = [0] * len(LENGTHS)
        for counts in (self._fleet, self._networks.get(key)):
            if counts is not None:
                counts[place] += count
                if counts[place] > _ENOUGH:
                    counts[:] = [one // 2 for one in counts]


def _network(terminal: Terminal) -> tuple[str, str]:
    return terminal.cohort.carrier, terminal.cohort.network


def _place(terminal: Terminal) -> tuple[str, str, str]:
    return terminal.cohort.carrier, terminal.cohort.network, terminal.cohort.firmware


def _counts(runs: int) -> list[int]:
    counts = runs >> _COUNTS_AT
    return [counts >> _BITS * place & _MOST for place in range(len(LENGTHS))]


def _sums(counts: list[int]) -> list[int]:
    """From runs of each length, those of at least that length."""
    total, sums = 0, []
    for count in reversed(counts):
        total += count
        sums.append(total)
    return sums[::-1]


def _pass(runs: int, minutes: int) -> int:
    """Let open time pass, at the end of each day of which everything fades."""
    if minutes >= _FORGOTTEN * _DAY:
        return _FADE * _DAY
    watched, fresh, counts = runs & _MINUTES, runs >> _FRESH_AT & _FRESH, _counts(runs)
    while minutes:
        step = min(minutes, _DAY - fresh)
        minutes, watched, fresh = minutes - step, watched + step, fresh + step
        if fresh == _DAY:
            fresh, watched = 0, watched * (_FADE - 1) // _FADE
            counts = [count * (_FADE - 1) // _FADE for count in counts]
    packed = sum([count << _BITS * place for place, count in enumerate(counts)])
    return packed << _COUNTS_AT | fresh << _FRESH_AT | watched
