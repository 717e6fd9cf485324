"""How much silence is usual: the share of terminals of a cohort that are late at an hour of the day.

Each beat that a terminal lived without counts for its time, in the hour in which it was heard again; days fade. A
cohort of which little is known is believed to be like the fleet, of which a half percent is believed at first.
It is not kept over a restart: a day teaches it anew.
"""

from collections.abc import Callable
from typing import Final

from fleetmon.model.days import DAY, UTC_OFFSET
from fleetmon.model.terminal import Cohort, Terminal

_HOUR: Final = 3_600_000
_HOURS: Final = 24
_FADE: Final = 0.8  # a day
_UNKNOWN: Final = 0.005  # share of beats lost, of which nothing is known
_TRUSTED: Final = 5.0  # terminal-hours that the wider habit is worth
_MOST: Final = 0.5
_COHORTS: Final = 10_000  # terminals make up firmware names; the memory shall not keep them all
_LITTLE: Final = 0.01  # terminal-hours that are not worth keeping


class Lateness:
    """Lost time by cohort and hour of the day, in terminal-hours; times in ms."""

    def __init__(self) -> None:
        self._lost: dict[Cohort, list[float]] = {}
        self._fleet = [0.0] * _HOURS
        self._watched = [0.0] * _HOURS  # hours, by hour of the day
        self._since = 0

    def note(self, terminal: Terminal, beats: int, at: int) -> None:
        """A terminal lived through so many missed beats."""
        self._pass(at)
        if terminal.cohort not in self._lost and len(self._lost) < _COHORTS:
            self._lost[terminal.cohort] = [0.0] * _HOURS
        for lost in (self._fleet, self._lost.get(terminal.cohort)):
            if lost is not None:
                lost[_hour(at)] += beats * terminal.interval_ms / _HOUR

    def at(self, now: int, everybody: int) -> Callable[[Cohort, int], float]:
        """(cohort, its members) -> the share that is late at this hour as a rule; `everybody` is the size of the fleet.

        What is the same for all cohorts is worked out once, for there are thousands.
        """
        self._pass(now)
        hour, lost = _hour(now), self._lost
        watched = sum(self._watched), self._watched[hour]
        fleet = _shrunk(self._fleet, watched, everybody, hour, _UNKNOWN)

        def share(cohort: Cohort, members: int) -> float:
            known = lost.get(cohort)
            return min(_shrunk(known, watched, members, hour, fleet) if known else fleet, _MOST)

        return share

    def _pass(self, at: int) -> None:
        self._since = self._since or at
        while self._since < at:
            step = min(at, (self._since // _HOUR + 1) * _HOUR)
            self._watched[_hour(self._since)] += (step - self._since) / _HOUR
            self._since = step
            if step % DAY == 0:
                for hours in (self._watched, self._fleet, *self._lost.values()):
                    hours[:] = [one * _FADE for one in hours]
                self._lost = {cohort: lost for cohort, lost in self._lost.items() if sum(lost) > _LITTLE}


def _shrunk(lost: list[float], watched: tuple[float, float], members: int, hour: int, share: float) -> float:
    """The share as known of all hours, then of this one, each shrunk to what is known more widely."""
    share = (sum(lost) + _TRUSTED * share) / (watched[0] * members + _TRUSTED)
    return (lost[hour] + _TRUSTED * share) / (watched[1] * members + _TRUSTED)


def _hour(at: int) -> int:
    return (at + UTC_OFFSET) // _HOUR % _HOURS
