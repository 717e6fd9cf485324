"""Something was so from then to then: the stuff of evidence.

An episode knows the topic that tells of it and the times at which it was told first and last, so whoever
doubts it can look the messages up.
"""

from collections.abc import Iterable
from typing import NamedTuple

from msgspec import Struct

from fleetmon.model.terminal import NO_DEADLINE


class Episode(Struct, gc=False):
    """`end` is NO_DEADLINE while it lasts. `worst` is in the unit of its kind (dBm, ms, km, fen, seconds)."""

    kind: str
    topic: str  # below the prefix
    begin: int
    end: int = NO_DEADLINE
    code: str = ""
    count: int = 1
    worst: float = 0.0

    def overlap(self, start: int, stop: int) -> int:
        """Milliseconds of the span in which it was so; an instant counts as one."""
        if self.begin == self.end:
            return int(start <= self.begin <= stop)
        return max(min(self.end, stop) - max(self.begin, start), 0)

    def touches(self, start: int, stop: int) -> bool:
        """Whether it was so at any time of the span, ends included."""
        return self.begin <= stop and self.end >= start


class Evidence(NamedTuple):
    """A message, or the span of many, that anybody can look up; `fact` says what it told."""

    topic: str
    at: int
    fact: str

    def __str__(self) -> str:
        """As the contract's `evidence` lists it."""
        return f"{self.topic}@{self.at} {self.fact}"


def share(episodes: Iterable[Episode], start: int, stop: int) -> float:
    """The part of the span, 0..1, in which at least one of the episodes was so."""
    covered, reached = 0, start
    for one in sorted(episodes, key=lambda one: one.begin):
        begin, end = max(one.begin, reached), min(one.end, stop)
        if end > begin:
            covered += end - begin
            reached = end
    return covered / (stop - start) if stop > start else 0.0
