"""Runs of missed beats: how often a terminal that lives is not heard, and for how long.

Two numbers describe a link badly, for its losses come in bursts of several time scales; so the lengths of
the runs themselves are counted. How often they begin is first believed of its neighbours: those of the same shop,
carrier, network and firmware. How long they go on is first believed of all that share its network, then of its
neighbours. Then both are believed of the terminal itself, and a length that was seen outranks all.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

LENGTHS: Final = (1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 15, 19, 24, 30, 38, 48)  # beats; longer ones are told apart less
USUAL_PER_DAY: Final = 0.8  # runs of which nothing is known
USUAL_ONWARD: Final = 0.2  # of the runs of one length are of the next as well; 0.16 was measured at 2.5 % loss
_OFTEN_TRUSTED: Final = 0.4  # runs that the usual rate is worth: half a day of nothing known, minutes of a bad link
_RUNS_TRUSTED: Final = 4  # that the habit of others is worth
_DAY_AT_LEAST: Final = 1.0


class Runs(NamedTuple):
    """What is remembered of one terminal; what is long ago counts less."""

    days: float  # watched, without nights and outages
    counts: Sequence[float]  # runs at least as long as each of LENGTHS
    onward: Sequence[float]  # of others like it: the share of the runs of each length that are of the next as well
    often: float = USUAL_PER_DAY  # runs that begin in an open day of others like it

    def rates(self, chance: float = 0.0) -> list[float]:
        """How many runs at least as long as each of LENGTHS are to be expected in an open day.

        What shorter runs make likely, or what was seen, whichever is more; of no more than `chance` only the first.
        """
        rate = often(self.counts[0], self.days, self.often)
        found = [rate]
        for count, longer, usual in zip(self.counts, self.counts[1:], self.onward, strict=False):
            rate *= (longer + _RUNS_TRUSTED * usual) / (count + _RUNS_TRUSTED)
            found.append(rate)
        days = max(self.days, _DAY_AT_LEAST)
        return [
            max(rate, count / days if count > chance else 0) for rate, count in zip(found, self.counts, strict=True)
        ]


def often(count: float, days: float, usual: float = USUAL_PER_DAY) -> float:
    """How many runs begin in an open day, after so many in so many; the usual rate is worth a part of one run."""
    return (count + _OFTEN_TRUSTED) / (days + _OFTEN_TRUSTED / usual)


def onward(counts: Sequence[float], usual: Sequence[float], trusted: int) -> list[float]:
    """The share of runs that go on, of many with these counts; `usual` is worth so many runs."""
    return [
        (longer + trusted * share) / (count + trusted)
        for count, longer, share in zip(counts, counts[1:], usual, strict=False)
    ]
