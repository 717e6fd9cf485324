"""What happens to planned work as time passes: starting soon, started, ending soon, ended.

Each is told once, with the time at which it was to happen, however late somebody looks; told again after a restart it
is the same to the letter, so the audit keeps one.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from heapq import heappop, heappush
from typing import Final

from fleetmon.model.audit import AuditEntry
from fleetmon.model.window import Occurrence

ENDING_SOON: Final = 900_000  # before the end; of what is shorter than twice that, when half of it is over
AGAIN: Final = 86_400_000  # so much of the past is told again after a restart
_Moment = tuple[int, str, str, Occurrence]  # when, whose, what, and of which time


class Lifecycle:
    """Moments to come, by windows. Times in milliseconds."""

    def __init__(self, now: int) -> None:
        self._told = now - AGAIN  # what was to be told until then is told
        self._moments: list[_Moment] = []
        self._waiting = Counter[str]()  # of them, by window
        self._spans: dict[str, frozenset[tuple[str, Occurrence]]] = {}  # of those that wait, as they are now

    def put(
        self, key: str, occurrences: Iterable[Occurrence], spans: Sequence[Occurrence], lead: int, since: int = 0
    ) -> None:
        """The times of a window are these: when it may begin, and when it is in force. It is planned `since` then."""
        soon = [(span.start - lead, "starting_soon", span) for span in occurrences] if lead else []
        late = [(since, "started", span) for span in spans if span.start < since < span.end]
        moments = [*soon, *late, *(moment for span in spans for moment in _of(span))]
        moments = [moment for moment in moments if moment[0] >= since]
        known = self._spans.get(key, frozenset())
        for at, action, span in moments:
            if at > self._told and (action, span) not in known:
                heappush(self._moments, (at, key, action, span))
                self._waiting[key] += 1
        if self._waiting[key]:
            self._spans[key] = frozenset((action, span) for _, action, span in moments)
        else:
            del self._waiting[key]

    def due(self, now: int) -> list[AuditEntry]:
        """What has happened since the last call, in order of time."""
        found = []
        while self._moments and self._moments[0][0] <= now:
            at, key, action, span = heappop(self._moments)
            if (action, span) in self._spans[key]:
                found.append(AuditEntry(at, None, action, "window", key, {"start": span.start, "end": span.end}))
            self._waiting[key] -= 1
            if not self._waiting[key]:  # what is over is forgotten
                del self._waiting[key], self._spans[key]
        self._told = max(self._told, now)
        return found


def _of(span: Occurrence) -> Iterable[tuple[int, str, Occurrence]]:
    yield span.start, "started", span
    yield span.end - min(ENDING_SOON, (span.end - span.start) // 2), "ending_soon", span
    yield span.end, "ended", span
