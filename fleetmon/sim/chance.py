"""Draws that several parts of the simulation make."""

import math
import random
from collections.abc import Iterator

Chance = random.Random


def seeded(seed: int, name: str) -> Chance:
    """A sequence of its own for each purpose, so that one habit does not change what another draws."""
    return random.Random(f"{seed}/{name}")  # noqa: S311 - a play, no secrets


def log_uniform(chance: Chance, span: tuple[float, float]) -> float:
    """As likely between 1 and 2 as between 10 and 20."""
    low, high = span
    if low == high:
        return low
    return math.exp(chance.uniform(math.log(low), math.log(high))) if low > 0 else chance.uniform(low, high)


def arrivals(chance: Chance, per_s: float) -> Iterator[float]:
    """The times of a Poisson process, in seconds from its beginning."""
    at = 0.0
    while per_s > 0:
        at += chance.expovariate(per_s)
        yield at
