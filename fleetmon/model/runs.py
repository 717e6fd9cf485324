"""Runs of missed beats: how often a terminal that lives is not heard, and for how long.

Two numbers describe a link badly, for its losses come in bursts of several time scales; so the lengths of
the runs themselves are counted. How often runs begin is a terminal's own affair; how long they go on is
first believed of all that share its network, then of itself, and a length that was seen outranks both.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

LENGTHS: Final = (1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 15, 19, 24, 30, 38, 48)  # beats; longer ones are told apart less
USUAL_PER_DAY: Final = 0.8  # runs of which nothing is known
USUAL_ONWARD: Final = 0.2  # of the runs of one length are of the next as well; 0.16 was measured at 2.5 % loss
_DAYS_TRUSTED: Final = 0.5  # that the usual rate is worth
_RUNS_TRUSTED: Final = 4  # that the network's habit is worth
_DAY_AT_LEAST: Final = 1.0


class Runs(NamedTuple):
    """What is remembered of one terminal; what is long ago counts less."""

    days: float  # watched, without nights and outages
    counts: Sequence[float]  # runs at least as long as each of LENGTHS
    onward: Sequence[float]  # of its network: the share of the runs of each length that are of the next as well

    def rates(self, chance: float = 0.0) -> list[float]:
        """How many runs at least as long as each of LENGTHS are to be expected in an open day.

        What shorter runs make likely, or what was seen, whichever is more; of no more than `chance` only the first.
        """
        rate = (self.counts[0] + _DAYS_TRUSTED * USUAL_PER_DAY) / (self.days + _DAYS_TRUSTED)
        found = [rate]
        for count, longer, usual in zip(self.counts, self.counts[1:], self.onward, strict=False):
            rate *= (longer + _RUNS_TRUSTED * usual) / (count + _RUNS_TRUSTED)
            found.append(rate)
        days = max(self.days, _DAY_AT_LEAST)
        return [
            max(rate, count / days if count > chance else 0) for rate, count in zip(found, self.counts, strict=True)
        ]


def onward(counts: Sequence[float], usual: Sequence[float], trusted: int) -> list[float]:
    """The share of runs that go on, of a network with these counts; `usual` is worth so many runs."""
    return [
        (longer + trusted * share) / (count + trusted)
        for count, longer, share in zip(counts, counts[1:], usual, strict=False)
    ]
