"""Whom planned work covers now: asked when terminals are shown and counted, never by a heartbeat.

Which windows are in force is worked out anew when one begins, ends or changes, or when the fleet does. Work on a
region or a provider is asked about once for each cohort, work on shops and terminals looks at these alone, so a
scrape never walks the fleet.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Final

from fleetmon.engine.fleet import Fleet
from fleetmon.engine.work.windows import Windows, candidates
from fleetmon.model.terminal import NO_DEADLINE, Cohort, Liveness, Terminal
from fleetmon.model.window import Window

_NARROW: Final = frozenset({"terminal", "site", "merchant"})
_COHORTS: Final = 20_000  # terminals make up firmware names; the memory shall not keep them all


class Covered:
    """Those whom some windows cover."""

    def __init__(self, fleet: Fleet, windows: Sequence[Window]) -> None:
        self._fleet = fleet
        self._wide: list[Window] = []
        self._known: dict[Cohort, bool] = {}
        self._named: set[str] = set()  # terminals
        self._asked: dict[str, list[Window]] = {}  # by terminal, work on some of its shop, say, with a firmware
        for window in windows:
            if not window.selector.keys() & _NARROW:
                self._wide.append(window)
            elif window.selector.keys() <= _NARROW:
                self._named.update([one.id for one in candidates(fleet, window) if window.covers(one)])
            else:
                for terminal in candidates(fleet, window):
                    self._asked.setdefault(terminal.id, []).append(window)

    def __bool__(self) -> bool:
        return bool(self._wide or self._named or self._asked)

    def __contains__(self, terminal: Terminal) -> bool:
        return (bool(self._wide) and self._shares(terminal.cohort)) or self._is_own(terminal)

    @property
    def counts(self) -> Counter[tuple[Cohort, Liveness]]:
        """How many they are, by cohort and liveness."""
        counts, find = Counter[tuple[Cohort, Liveness]](), self._fleet.terminals.get
        if self._wide:
            census = self._fleet.census.counts
            counts.update({group: count for group, count in census.items() if self._shares(group[0])})
        own = [one for one in map(find, self._named | self._asked.keys()) if one is not None and self._is_own(one)]
        counts.update([(one.cohort, one.liveness) for one in own if not (self._wide and self._shares(one.cohort))])
        return counts

    def _is_own(self, terminal: Terminal) -> bool:
        asked = self._asked.get(terminal.id)
        return terminal.id in self._named or (asked is not None and any(one.covers(terminal) for one in asked))

    def _shares(self, cohort: Cohort) -> bool:
        found = self._known.get(cohort)
        if found is None:
            if len(self._known) >= _COHORTS:
                self._known.clear()
            anybody = Terminal("", "", "", cohort, 0, 0)
            found = self._known[cohort] = any(window.covers(anybody) for window in self._wide)
        return found


class Coverage:
    """Remembers whom planned work covers, until that changes."""

    def __init__(self, fleet: Fleet, windows: Windows) -> None:
        self._fleet = fleet
        self._windows = windows
        self._state = -1, -1  # of the windows and of the fleet
        self._until = 0
        self._covered = Covered(fleet, ())

    def at(self, now: int) -> Covered:
        """Whom planned work covers; `now` never goes back."""
        state = self._windows.changes, self._fleet.changes
        if state != self._state or now >= self._until:
            self._state = state
            self._covered = Covered(self._fleet, self._windows.in_force(now))
            edges = (self._windows.edge(window, now) for window in self._windows)
            self._until = min(edges, default=NO_DEADLINE)
        return self._covered
