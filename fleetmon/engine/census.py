"""How many terminals are in which state, kept as they change so that a scrape never walks the fleet."""

from collections import Counter

from fleetmon.model.terminal import Cohort, Liveness, Terminal


class Census:
    """Counts of terminals by cohort and liveness."""

    def __init__(self) -> None:
        self.counts: Counter[tuple[Cohort, Liveness]] = Counter()
        self.unregistered = 0

    def add(self, terminal: Terminal) -> None:
        """Count a terminal that was not counted before."""
        self.counts[terminal.cohort, terminal.liveness] += 1
        self.unregistered += not terminal.registered

    def leave(self, terminal: Terminal) -> None:
        """Take a terminal out, before its state or cohort changes."""
        group = (terminal.cohort, terminal.liveness)
        self.counts[group] -= 1
        if not self.counts[group]:
            del self.counts[group]  # terminals make up firmware names; the memory shall not keep them all

    def knows(self, cohort: Cohort) -> bool:
        """Whether any terminal is of this cohort."""
        return any((cohort, liveness) in self.counts for liveness in Liveness)

    def enter(self, terminal: Terminal) -> None:
        """Put it back after the change."""
        self.counts[terminal.cohort, terminal.liveness] += 1
