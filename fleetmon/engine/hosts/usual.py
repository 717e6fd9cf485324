"""A mean that fades: what is usual of something, learned in whatever order it is told.

What is a week old counts half, unless a shorter memory is wanted. The past that is read back after a start comes
in any order, so each part is weighed by its own time.
"""

from typing import Final

from msgspec import Struct

from fleetmon.model.days import DAY

HALF_LIFE: Final = 7 * DAY


class Usual(Struct, gc=False):
    """The weighted mean of `total / weight`; times in ms."""

    weight: float = 0.0
    total: float = 0.0
    at: int = 0  # up to when it has faded
    half_life: int = HALF_LIFE

    def learn(self, at: int, total: float, weight: float = 1.0) -> None:
        """Take in what was so at `at`."""
        faded = 2.0 ** (-abs(at - self.at) / self.half_life)
        if at > self.at:
            self.at = at
            self.weight, self.total = self.weight * faded + weight, self.total * faded + total
        else:
            self.weight, self.total = self.weight + weight * faded, self.total + total * faded

    def mean(self, unknown: float = 0.0, trust: float = 0.0) -> float:
        """The mean, where `unknown` counts as much as a weight of `trust`."""
        weight = self.weight + trust
        return (self.total + unknown * trust) / weight if weight else unknown
