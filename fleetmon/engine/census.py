"""How many terminals are in which state, kept as they change so that a scrape never walks the fleet."""

from collections import Counter
from collections.abc import Collection
from operator import attrgetter
from typing import Final

from fleetmon.model.terminal import Cohort, Liveness, Terminal

_STATES: Final = tuple(Liveness)


class Census:
    """Counts of terminals by cohort and liveness."""

    def __init__(self) -> None:
        self.counts: Counter[tuple[Cohort, Liveness]] = Counter()
        self.unregistered = 0

    def add(self, terminal: Terminal) -> None:
        """Count a terminal that was not counted before."""
        self.counts[terminal.cohort, terminal.liveness] += 1
        self.unregistered += not terminal.registered

    def take(self, terminals: Collection[Terminal]) -> None:
        """Count these instead of who was counted before."""
        self.counts = Counter(map(attrgetter("cohort", "liveness"), terminals))
        self.unregistered = len(terminals) - sum(map(attrgetter("registered"), terminals))

    def leave(self, terminal: Terminal) -> None:
        """Take a terminal out, before its state or cohort changes."""
        group = (terminal.cohort, terminal.liveness)
        self.counts[group] -= 1
        if not self.counts[group]:
            del self.counts[group]  # terminals make up firmware names; the memory shall not keep them all

    def knows(self, cohort: Cohort) -> bool:
        """Whether any terminal is of this cohort."""
        counts = self.counts
        return any((cohort, state) in counts for state in _STATES)

    def enter(self, terminal: Terminal) -> None:
        """Put it back after the change."""
        self.counts[terminal.cohort, terminal.liveness] += 1
