"""The times of one schedule: its rule, what is added, left out and changed, as the core's half-open spans.

Everything is compared as moments, so what is left out is found whatever zone it was written in. How long it lasts is
the same number of seconds every time, also across a change of clocks.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

from fleetmon.model.days import DAY
from fleetmon.model.schedule import Schedule
from fleetmon.model.window import Occurrence
from fleetmon.planning import zones
from fleetmon.planning.rules import Rule

_SLACK: Final = timedelta(days=2)  # clocks of a zone are never further from their moment


class Series:
    """A schedule that was checked. Raises ValueError for one that was not."""

    def __init__(self, schedule: Schedule) -> None:
        zone = zones.find(schedule.zone)
        if zone is None:
            raise ValueError(f"{schedule.zone} is no zone")
        self._zone = zone
        start = datetime.fromisoformat(schedule.starts)
        self.start = zones.instant(start, zone)
        self.length = (
            (schedule.duration_s or 0) * 1000
            if schedule.ends is None
            else zones.stamp(schedule.ends, zone) - self.start
        )
        self.rule = Rule(schedule.rrule, start, zone) if schedule.rrule else None
        self._added = {self.start, *(zones.stamp(text, zone) for text in schedule.rdate)}
        self._changed = {change.of: change for change in schedule.changes}
        self._left_out = {zones.stamp(text, zone) for text in schedule.exdate} | self._changed.keys()

    @property
    def looked_at(self) -> int:
        """What it has cost so far, see `Rule`."""
        return self.rule.looked_at if self.rule is not None else 0

    def runs_into_itself(self, spans: Sequence[Occurrence], times: int = 1) -> bool:
        """Whether it would still go on when it has begun again so often; what was moved may lie anywhere."""
        moved = {change.start for change in self._changed.values()}
        kept = [span for span in spans if span.start not in moved]
        return any(span.end > after.start for span, after in zip(kept, kept[times:], strict=False))

    @property
    def over_at(self) -> int | None:
        """When all of its times are over, or somewhat later; None: never."""
        ends = [max(self._added) + self.length, *(change.end for change in self._changed.values())]
        if self.rule is not None:
            last = self.rule.last
            if last is None:
                return None
            ends.append(last + self.length)
        return max(ends)

    def spans(self, since: int, until: int) -> list[Occurrence]:
        """All that end after `since` and begin before `until`, and the next one after these."""
        moved = [Occurrence(one.start, one.end) for one in self._changed.values() if one.end > since]
        found = sorted({*moved, *self._planned(since, until)})
        return found[: sum(span.start < until for span in found) + 1]

    def _planned(self, since: int, until: int) -> Iterator[Occurrence]:
        first = since - self.length
        added = sorted(at for at in self._added if at > first)
        for moments in (added, self._of_rule(first)):
            for at in moments:
                if at > first and at not in self._left_out:
                    yield Occurrence(at, at + self.length)
                    if at >= until + DAY:
                        break

    def _of_rule(self, since: int) -> Iterator[int]:
        if self.rule is not None:
            earliest = max(since, self.start)
            yield from self.rule.moments(zones.local(earliest, self._zone) - _SLACK)
