"""The time in which nobody could pay inside planned work: terminals that it covers, gone or unable, in trading hours.

Asked every minute or so, and only while planned work is in force does anybody look at anything: at those of whom
something unusual goes on. A silence counts from its beginning, which is known only later, and to the last look before
its end. Where it can be wrong: by less than the time between two looks for each silence; who was switched off in good
order, and did not say that it is for maintenance, is not counted.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Final

from fleetmon.engine.fleet import Fleet
from fleetmon.engine.timeline import Timeline
from fleetmon.engine.work.coverage import Covered
from fleetmon.engine.work.windows import Windows
from fleetmon.model.terminal import Terminal

UNABLE: Final = ("silent", "not_paying", "maintenance")  # episodes of who takes no payment
_PART: Final = 500  # terminals at a time


class Losses:
    """Milliseconds by provider, since somebody first looked."""

    def __init__(self, fleet: Fleet, windows: Windows, is_open: Callable[[Terminal, int], bool]) -> None:
        self.by_provider: Counter[str] = Counter()
        self._fleet = fleet
        self._windows = windows
        self._is_open = is_open
        self._counted: dict[str, int] = {}  # of terminals that cannot take payments now, until when
        self._since = 0  # before then nobody looked

    def look(self, timeline: Timeline, covered: Covered, now: int, *, deaf: bool) -> Iterator[None]:
        """Count what was lost since the last look, a part at a time; while we hear nothing nobody knows."""
        self._since = now if deaf else self._since or now
        before, self._counted = self._counted, {}
        if deaf or not covered:
            return
        for number, (key, begin) in enumerate(timeline.going_on(UNABLE)):
            terminal = self._fleet.terminals.get(key)
            inside = terminal is not None and terminal in covered
            cover = self._windows.cover(terminal, now) if terminal is not None and inside else None
            if terminal is not None and cover is not None:
                since = max(begin, cover.start, self._since, before.get(key, 0))
                if self._is_open(terminal, now):
                    self.by_provider[terminal.cohort.provider] += max(now - since, 0)
                self._counted[key] = now  # in a closed shop as well: the night is not lost when it opens
            if number % _PART == 0:
                yield
