"""The line of one terminal while it stands: which heartbeats are lost, and how late the others are.

A loss makes the next one more likely (a Gilbert chain with the terminal's own loss rate), most at busy
hours, and everywhere at once when the carrier's network is in trouble. Only heartbeats get lost: all
else is sent until it is acknowledged. Where it can be wrong: real lines have more than two time scales.
"""

import math
from typing import Final

from fleetmon.sim.chance import Chance, log_uniform
from fleetmon.sim.habits import Line

_P99: Final = 2.326  # of the standard normal distribution
_MOST: Final = 0.95
HOUR: Final = 3_600_000
_BUSIEST: Final = 14 - 8  # o'clock, UTC


class Air:
    """What happens to heartbeats under way."""

    __slots__ = ("_again", "_chance", "_late", "_lost", "_swing", "loss", "storm")

    def __init__(self, line: Line, chance: Chance) -> None:
        bad = line.bad_share > 0 and chance.random() < line.bad_share
        self.loss = log_uniform(chance, line.bad_loss if bad else line.loss)
        self.storm = 0.0  # what the carrier loses on top
        self._again = chance.uniform(*line.again) if self.loss else 0.0
        p99 = log_uniform(chance, line.jitter_p99_s)
        self._late = math.log(p99) - _P99 if p99 else None
        self._swing = line.swing
        self._lost = False
        self._chance = chance

    def loses(self, at: int) -> bool:
        """Whether the heartbeat that is due at `at` (ms since 1970) gets lost."""
        rate = self.loss * (1 + self._swing * math.cos((at / HOUR - _BUSIEST) * math.tau / 24)) + self.storm
        if not rate:
            return False
        rate = min(rate, _MOST)
        # Entered so often from a success that `rate` of all are lost in the long run.
        again = max(self._again, rate) if self.storm else self._again
        odds = again if self._lost else min(rate * (1 - again) / (1 - rate), 1.0)
        self._lost = self._chance.random() < odds
        return self._lost

    def jitter(self) -> float:
        """By how many seconds the next heartbeat is late: nearly nothing, and seldom much more."""
        return 0.0 if self._late is None else self._chance.lognormvariate(self._late, 1.0)
