"""How many terminals are in which state, kept as they change so that a scrape never walks the fleet."""

from collections import Counter
from collections.abc import Iterable
from operator import attrgetter
from typing import Final

from fleetmon.model.terminal import Cohort, Liveness, Terminal

_STATES: Final = tuple(Liveness)
_UP: Final = Liveness.UP
_counted: Final = attrgetter("cohort", "liveness", "interval_ms", "registered")


class Census:
    """Counts of terminals by cohort and liveness; by provider and liveness; by interval, of those that are up."""

    def __init__(self) -> None:
        self.counts: Counter[tuple[Cohort, Liveness]] = Counter()
        self.providers: Counter[tuple[str, Liveness]] = Counter()
        self.beating: Counter[int] = Counter()
        self.unregistered = 0

    def add(self, terminal: Terminal) -> None:
        """Count a terminal that was not counted before."""
        self.enter(terminal)
        self.unregistered += not terminal.registered

    def take(self, terminals: Iterable[Terminal]) -> None:
        """Count these instead of who was counted before."""
        self.counts, self.providers, self.beating, self.unregistered = Counter(), Counter(), Counter(), 0
        for (cohort, liveness, pace, registered), count in Counter(map(_counted, terminals)).items():
            self.counts[cohort, liveness] += count
            self.providers[cohort.provider, liveness] += count
            if liveness is _UP:
                self.beating[pace] += count
            if not registered:
                self.unregistered += count

    def leave(self, terminal: Terminal) -> None:
        """Take a terminal out, before its state, cohort or interval changes."""
        group = (terminal.cohort, terminal.liveness)
        self.counts[group] -= 1
        if not self.counts[group]:
            del self.counts[group]  # terminals make up firmware names; the memory shall not keep them all
        self.providers[terminal.cohort.provider, terminal.liveness] -= 1
        if terminal.liveness is _UP:
            self.beating[terminal.interval_ms] -= 1
            if not self.beating[terminal.interval_ms]:
                del self.beating[terminal.interval_ms]  # and intervals

    def knows(self, cohort: Cohort) -> bool:
        """Whether any terminal is of this cohort."""
        counts = self.counts
        return any((cohort, state) in counts for state in _STATES)

    def enter(self, terminal: Terminal) -> None:
        """Put it back after the change."""
        self.counts[terminal.cohort, terminal.liveness] += 1
        self.providers[terminal.cohort.provider, terminal.liveness] += 1
        if terminal.liveness is _UP:
            self.beating[terminal.interval_ms] += 1

    @property
    def beats_per_second(self) -> float:
        """How many heartbeats those that are up promise in a second."""
        return sum([1_000 * count / pace for pace, count in self.beating.items()])
