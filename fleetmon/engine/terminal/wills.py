"""Wills that come together: of so many that they prove nothing of one, or of nearly all, whom the broker dropped.

Each terminal counts once, by its newest: two clients that fight for one name leave a will every few seconds.
"""

from collections import OrderedDict
from typing import Final

from fleetmon.detect import INGEST_IMPAIRED
from fleetmon.engine.census import Census
from fleetmon.model.terminal import NEVER, Liveness, Terminal

_TOGETHER: Final = 60_000  # wills within so many ms
_ANEW: Final = 900_000  # after which a broker that drops everybody again is told of; else nothing would ever be missed
_STORM, _ONE_IN = 8, 4  # are one of all connections if there are so many, of such a part of those awake


class Wills:
    """Those of the last minute, and the newest storm of them. Times in ms."""

    def __init__(self, census: Census) -> None:
        self.last = NEVER  # the newest of a storm
        self._first = NEVER
        self._census = census
        self._lately: OrderedDict[str, tuple[int, bool]] = OrderedDict()  # when, and if soon after a word
        self._soon = 0  # how many of these
        self._dropped_at = NEVER

    def note(self, terminal: Terminal, now: int) -> bool:
        """Take in a will; whether it is the one that shows that nearly all lost connections, and not their networks."""
        lately, soon = self._lately, INGEST_IMPAIRED.soon(now - terminal.last_seen)
        self._soon += soon - lately.pop(terminal.id, (NEVER, False))[1]
        lately[terminal.id] = now, soon
        while (oldest := next(iter(lately.values()))[0]) < now - _TOGETHER:
            self._soon -= lately.popitem(last=False)[1][1]
        if len(lately) < _STORM:
            return False
        states = self._census.providers.items()
        awake = sum([count for (_, liveness), count in states if liveness in (Liveness.UP, Liveness.SUSPECT)])
        if len(lately) * _ONE_IN >= awake:
            self._first, self.last = (self._first if now <= self.last + _TOGETHER else oldest), now
        known = self._dropped_at and now < self._dropped_at + _ANEW
        if known or not INGEST_IMPAIRED.dropped(len(lately), self._soon, awake):
            return False
        self._dropped_at = now
        return True

    def in_storm(self, will_at: int) -> bool:
        """Whether a will of that time was one of very many."""
        return will_at > NEVER and self._first <= will_at <= self.last
