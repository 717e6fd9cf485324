"""Calendars of others, taken into the books: read, compared with what was known, judged, written down.

A host's own work is a fact and passes the guard rails; everything else has to keep to them, or is refused with the
reason. What people here changed meanwhile is not overwritten: such an event is taken the next time.
Thousands of events are judged in short steps and written a portion at a time, for the fleet is watched meanwhile. Where
it can be wrong: whoever looks in between sees a part of the calendar; killed in between, the rest is taken next time.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import Final

from msgspec.structs import replace

from fleetmon.engine import Outcome
from fleetmon.locale import objection
from fleetmon.model.errors import ForbiddenError
from fleetmon.model.schedule import Entry
from fleetmon.planning.ical.merge import Merged, merge
from fleetmon.planning.ical.read import Refused, read
from fleetmon.planning.plans import Plans
from fleetmon.planning.reach import Reach
from fleetmon.planning.settings import CalendarSettings
from fleetmon.readout.planning.judging import Judging
from fleetmon.readout.planning.planned import Commit, Planned
from fleetmon.readout.slices import slowly
from fleetmon.web.windows import EventView, ImportView, RefusedEventView

_SHOWN: Final = 500  # events of each kind that are named
_PORTION: Final = 50  # written at once: some 20 ms
Write = Callable[[Callable[[int], Outcome]], Awaitable[None]]


class Importing:
    """Takes calendars in. Raises ConfigError for what is none."""

    def __init__(
        self, plans: Plans, planned: Planned, judging: Judging, commit: Commit, write: Write, wall: Callable[[], int]
    ) -> None:
        """`write` has the engine do something between two rounds of its own, and is back when that is on the disk."""
        self._wall = wall
        self._plans = plans
        self._planned = planned
        self._judging = judging
        self._commit = commit
        self._write = write

    async def take(
        self,
        data: bytes,
        binding: CalendarSettings,
        *,
        whole: bool,
        author: str = "",
        provider: str | None = None,
        dry_run: bool = False,
    ) -> ImportView:
        """What became of it; the author is the calendar itself, unless somebody brings it."""
        now = self._wall()
        reading = await asyncio.to_thread(read, data, binding.name, binding, now)
        known_before = self._plans.of_calendar(binding.name)
        merged = await asyncio.to_thread(merge, reading, known_before, binding.name, now, whole=whole)
        lines = {event.uid: event.line for event in reading.events}
        known: dict[object, Reach] = {}
        for part in (merged.taken, merged.changed):
            part[:] = [
                kept
                async for entry in slowly(list(part))
                if (kept := await self._judged(entry, merged, lines, known, provider))
            ]
        if provider is not None and merged.cancelled:
            raise ForbiddenError("A calendar that cancels work can only be read by whoever runs fleetmon.")
        changes = [
            (entry, action)
            for part, action in (
                (merged.taken, "created"), (merged.changed, "changed"), (merged.cancelled, "cancelled"),
            )
            for entry in part
        ]  # fmt: skip
        for start in range(0, len(changes) if not dry_run else 0, _PORTION):
            await self._write(partial(self._written, changes[start : start + _PORTION], author))
        return report(merged)

    async def _judged(
        self, entry: Entry, merged: Merged, lines: dict[str, int], known: dict[object, Reach], provider: str | None
    ) -> Entry | None:
        """The entry, perhaps to be approved by somebody first; None when it is refused."""
        found = await self._judging.of_event(entry.schedule, self._wall(), known)
        reasons = found.problems + [objection(one.rule, one.facts, "en") for one in found.objections]
        if provider is not None and not self._is_own(entry, provider, found.reach):
            reasons.append("touches terminals of others, too")
        if reasons:
            merged.refused.append(Refused(lines[entry.uid], entry.uid, "; ".join(reasons)))
            return None
        return replace(entry, state="proposed") if found.second and entry.state == "approved" else entry

    def _is_own(self, entry: Entry, provider: str, touched: Reach) -> bool:
        """Whether it is a provider's to plan, as it is and as it was: others may use the same name for a calendar."""
        before = self._plans.find(entry.id)
        was_own = before is None or self._planned.owns(provider, self._planned.window(before))
        host = entry.schedule.host
        return was_own and host in ("", provider) and all(cohort.provider == provider for cohort in touched.cohorts)

    def _written(self, changes: Iterable[tuple[Entry, str]], author: str, now: int) -> Outcome:
        versions: list[tuple[Entry, str, Entry | None]] = []
        for entry, action in changes:
            before = self._plans.find(entry.id)
            if (before.version if before is not None else 0) == entry.version - 1:
                versions.append((_by(entry, author, now), action, before))
        return self._commit(versions, now)


def _by(entry: Entry, author: str, now: int) -> Entry:
    """As of now, and by whom it was brought."""
    first = entry.version == 1
    name = author or entry.author
    return replace(
        entry,
        since=now,
        author=name,
        created_at=now if first else entry.created_at,
        created_by=name if first else entry.created_by,
    )


def report(merged: Merged) -> ImportView:
    """What became of each event."""

    def told(entries: list[Entry]) -> list[EventView]:
        return [EventView(one.uid, one.id, one.schedule.reason) for one in entries[:_SHOWN]]

    return ImportView(
        taken=told(merged.taken),
        changed=told(merged.changed),
        cancelled=told(merged.cancelled),
        refused=[RefusedEventView(*one) for one in sorted(merged.refused)[:_SHOWN]],
        unchanged=merged.unchanged,
        older=merged.older,
        over=merged.over,
    )
