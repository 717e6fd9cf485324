"""The occurrences of all schedules for the next two days, kept as time goes on.

Schedules that say the same about time share one list, worked out once. Of each the horizon holds what was over for
less than the core remembers, what comes within `AHEAD`, and the next one after that. An edit costs what it touches;
as time goes on each rule is worked out again about once a day, a few at a time.

What was in force before an entry's last version stays as it was: it is kept by itself, cut at the moment of the edit.
"""

from collections.abc import Iterable, Sequence
from heapq import heappop, heappush
from typing import Final

from msgspec import Struct

from fleetmon.model.days import DAY
from fleetmon.model.schedule import Entry, Schedule
from fleetmon.model.terminal import NO_DEADLINE
from fleetmon.model.window import Begun, Occurrence, Window, window_id
from fleetmon.planning.series import Series

AHEAD: Final = 2 * DAY
KEPT: Final = 20 * DAY  # as long as the core's timeline
_SPARE: Final = DAY  # worked out beyond what is promised, so that it need not be done again soon
_TIMES: Final = ("starts", "ends", "duration_s", "zone", "rrule", "rdate", "exdate", "changes")
_Key = tuple[object, ...]


class _Times(Struct):
    """What schedules of the same times share."""

    series: Series
    spans: tuple[Occurrence, ...] = ()
    stale_at: int = NO_DEADLINE
    users: set[str] = set()


class Horizon:
    """Entries by id, and their times. Moments in milliseconds."""

    def __init__(self) -> None:
        self._entries: dict[str, Entry] = {}
        self._keys: dict[str, _Key] = {}
        self._times: dict[_Key, _Times] = {}
        self._kept: dict[str, tuple[Occurrence, ...]] = {}  # from before the present version
        self._stopped: dict[str, tuple[Begun, ...]] = {}  # flexible work that a version put an end to
        self._stale: list[tuple[int, int, _Key]] = []
        self._turn = 0
        self.worked_out = 0  # series, so far

    def put(
        self, entry: Entry, now: int, before: Iterable[Occurrence] | None = None, begun: Iterable[Begun] = ()
    ) -> Window:
        """Take in an entry, new or changed. `before` and `begun`: what was in force, where that is not known here."""
        if before is None:
            old = self._entries.get(entry.id)
            before = self._occurrences(old) if old is not None else ()
        stopped = {one.start: one for one in (*self._stopped.get(entry.id, ()), *begun)}
        kept = tuple(Occurrence(one.start, min(one.end, entry.since)) for one in before if one.start < entry.since)
        self.drop(entry.id)
        self._entries[entry.id] = entry
        if entry.in_force:
            self._share(entry, now)
        if kept:
            self._kept[entry.id] = kept
            goes_on = {one.start for one in self._present(entry)}
            for one in kept if _flexible_ms(entry) else ():
                if one.start not in goes_on and one.end + _flexible_ms(entry) > entry.since:
                    known = stopped.get(one.start, Begun(one.start, entry.since))
                    stopped[one.start] = known._replace(until=min(known.until, entry.since))
        if stopped:
            self._stopped[entry.id] = tuple(sorted(stopped.values()))
        return self._window(entry)

    def drop(self, entry_id: str) -> None:
        """Nothing is known of it any longer."""
        self._entries.pop(entry_id, None)
        self._kept.pop(entry_id, None)
        self._stopped.pop(entry_id, None)
        key = self._keys.pop(entry_id, None)
        if key is not None:
            times = self._times[key]
            times.users.discard(entry_id)
            if not times.users:
                del self._times[key]

    def roll(self, now: int, most: int) -> list[Window]:
        """Work out anew at most so many series whose times run out; the windows that are other than before."""
        changed: list[Window] = []
        while self._stale and self._stale[0][0] <= now and most:
            stale_at, _, key = heappop(self._stale)
            times = self._times.get(key)
            if times is None or times.stale_at != stale_at:
                continue  # nobody has these times any more, or they were worked out since
            before = times.spans
            self._work_out(key, times, now)
            most -= 1
            if times.spans != before:
                changed += [self._window(self._entries[user]) for user in sorted(times.users)]
        return changed

    def behind(self, now: int) -> bool:
        """Whether there is something to roll."""
        return bool(self._stale) and self._stale[0][0] <= now

    def occurrences(self, entry_id: str) -> Sequence[Occurrence]:
        """When it was, is and will be in force, as far as it is kept."""
        entry = self._entries.get(entry_id)
        return () if entry is None else self._occurrences(entry)

    def forget(self, now: int) -> list[str]:
        """Drop entries all of whose times are over for so long that nobody asks; their ids."""
        over = [
            entry.id
            for entry in self._entries.values()
            if max((one.end for one in self._occurrences(entry)), default=entry.since) < now - KEPT
        ]
        for entry_id in over:
            self.drop(entry_id)
        for entry_id, kept in list(self._kept.items()):
            self._kept[entry_id] = tuple(one for one in kept if one.end >= now - KEPT)
        return over

    def _share(self, entry: Entry, now: int) -> None:
        key = _key(entry.schedule)
        times = self._times.get(key)
        if times is None:
            times = self._times[key] = _Times(Series(entry.schedule))
            self._work_out(key, times, now)
        times.users.add(entry.id)
        self._keys[entry.id] = key

    def _work_out(self, key: _Key, times: _Times, now: int) -> None:
        until = now + AHEAD + _SPARE
        times.spans = tuple(times.series.spans(now - KEPT, until))
        self.worked_out += 1
        if times.spans and times.spans[-1].start >= until:  # else these are all that there are
            times.stale_at = times.spans[-1].start - AHEAD
            self._turn += 1
            heappush(self._stale, (times.stale_at, self._turn, key))

    def _present(self, entry: Entry) -> tuple[Occurrence, ...]:
        """The times of the present version: what was over before it is not its own."""
        spans: tuple[Occurrence, ...] = ()
        since = entry.since - _flexible_ms(entry)  # flexible work may go on after its time to begin
        if (key := self._keys.get(entry.id)) is not None:
            spans = self._times[key].spans
            if spans and spans[0].end <= since:
                spans = tuple(one for one in spans if one.end > since)
        return spans

    def _occurrences(self, entry: Entry) -> tuple[Occurrence, ...]:
        spans = self._present(entry)
        kept = self._kept.get(entry.id, ())
        if not kept:
            return spans
        found = {one.start: one for one in (*kept, *spans)}  # what goes on has its present end
        return tuple(sorted(found.values()))

    def _window(self, entry: Entry) -> Window:
        return window_of(entry, self._occurrences(entry), self._stopped.get(entry.id, ()))


def _flexible_ms(entry: Entry) -> int:
    return (entry.schedule.flexible_s or 0) * 1000


def window_of(entry: Entry, occurrences: tuple[Occurrence, ...], begun: tuple[Begun, ...] = ()) -> Window:
    """The core's window of an entry."""
    schedule = entry.schedule
    return Window(
        id=window_id("operator", entry.id),
        owner=schedule.owner,
        provenance="operator",
        occurrences=occurrences,
        selector=schedule.selector,
        host=schedule.host,
        reason=schedule.reason,
        reference=schedule.reference,
        flexible_ms=_flexible_ms(entry) or None,
        begun=begun,
        cancelled=entry.state == "cancelled",
    )


def _key(schedule: Schedule) -> _Key:
    return tuple(tuple(said) if isinstance(said := getattr(schedule, name), list) else said for name in _TIMES)
