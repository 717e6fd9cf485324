"""Planned work as the daemon keeps it: read back at the start, rolled on as time goes, told of when it begins and ends.

Whoever changes it goes through `commit`: the books, the core and the store get the same version in one step. Where it
can be wrong: a machine that was off for long tells afterwards what happened in the last day, and not before.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, Final

import msgspec
import structlog

from fleetmon.detect import MAINTENANCE_OVERDUE
from fleetmon.engine import Engine, Outcome
from fleetmon.engine.timeline import KEPT
from fleetmon.model.audit import AuditEntry
from fleetmon.model.incident import Status, Transition
from fleetmon.model.notice import Notice, Planned
from fleetmon.model.schedule import LEAD_S, Entry
from fleetmon.model.window import Window, window_id
from fleetmon.planning.lifecycle import Lifecycle
from fleetmon.planning.plans import Plans, Times
from fleetmon.planning.versions import over_at
from fleetmon.store import ScheduleRow, Store, Work

LOOK_S: Final = 1.0
AT_ONCE: Final = 10  # series worked out anew before others get their turn: some 10 ms
LOSSES_EVERY_S: Final = 30.0
FORGET_EVERY_S: Final = 6 * 3600.0
_PREFIX: Final = window_id("operator", "")
log = structlog.get_logger("fleetmon")
Version = tuple[Entry, str, Entry | None]  # to be written; what was done, a verb in the past tense; the one before
Act = Callable[[Callable[[int], Outcome]], Awaitable[None]]


class Upkeep:
    """Keeps the books, the core and the store the same. Times in milliseconds since 1970."""

    def __init__(self, engine: Engine, store: Store, act: Act, wall: Callable[[], int]) -> None:
        """`act` has the engine do something, between two rounds of its own, and has that stored."""
        self.plans = Plans()
        self.on_event: Callable[[AuditEntry], None] = _logged
        self.notices: Callable[[Sequence[Planned]], Sequence[Notice]] = _nobody  # to be stored with what they tell
        self.written: Callable[[], None] = _nothing  # they are stored; called in the writer's thread
        self._engine = engine
        self._store = store
        self._act = act
        self._wall = wall
        self._lifecycle = Lifecycle(0)

    def restore(self, now: int) -> Outcome:
        """Take up what is stored, before the first message; raises StoreError."""
        self._lifecycle = Lifecycle(now)
        times: dict[str, Times] = {}
        for key, span, begun in self._store.window_times(now - KEPT):
            known = times.setdefault(key.removeprefix(_PREFIX), Times())
            known.spans.append(span)
            known.begun += [begun] if begun is not None else []
        windows = self.plans.restore(self._store.schedules(now - KEPT), times, now)
        outcome = self._engine.plan(windows)
        stored = {key: set(known.spans) for key, known in times.items()}
        outcome.windows = [one for one in outcome.windows if set(one.occurrences) - stored.get(_key(one), set())]
        self._follow(windows)
        return outcome

    def commit(self, versions: Sequence[Version], now: int) -> Outcome:
        """Write new versions down and have them in force; to be called where the engine may be changed."""
        windows = [self.plans.put(entry, now) for entry, _, _ in versions]
        rows = [ScheduleRow(entry, over_at(entry)) for entry, _, _ in versions]
        audit = [_audit(*version, now) for version in versions]
        self._tell(audit, rows)
        known = self._engine.correlator.works.windows
        windows = [one for one in windows if one.occurrences or known.find(one.id) is not None]
        outcome = self._engine.plan(windows, now)
        self._follow(windows)
        return outcome

    async def run(self) -> None:
        """Roll on and tell, for ever."""
        forgotten = looked = self._wall()
        while True:
            await asyncio.sleep(LOOK_S)
            now = self._wall()
            if self.plans.horizon.behind(now):
                await self._act(self._roll)
            self._tell(self._lifecycle.due(now))
            if now - looked >= LOSSES_EVERY_S * 1000:
                looked = now
                await self._count_losses()
            if now - forgotten > FORGET_EVERY_S * 1000:
                forgotten = now
                self.plans.forget(now)

    async def _count_losses(self) -> None:
        engine = self._engine
        losses, timeline = engine.correlator.works.losses, engine.explainer.timeline
        for _ in losses.look(timeline, engine.covered, engine.now, deaf=engine.deaf):
            await asyncio.sleep(0)

    def told(self, transitions: Iterable[Transition]) -> None:
        """Note whose work is overdue."""
        overdue = self._engine.correlator.works.overdue
        for change in transitions:
            incident = change.incident
            is_news = incident.status is Status.FIRING and change.before is not Status.FIRING
            if incident.kind == MAINTENANCE_OVERDUE.kind and is_news:
                detail = {"incident": incident.id, "terminals": incident.terminals}
                keys = [key.removeprefix(_PREFIX) for key in overdue.windows_of(incident.id)]
                self._tell([AuditEntry(incident.opened_at, None, "overdue", "window", key, detail) for key in keys])

    def begun(self, windows: Iterable[Window]) -> None:
        """Planned work came or changed in the core itself: announced, or flexible and begun."""
        self._follow([one for one in windows if one.provenance == "notice" or one.begun])

    def _roll(self, now: int) -> Outcome:
        changed = self.plans.roll(now, AT_ONCE)
        outcome = self._engine.plan(changed, now)
        self._follow(changed)
        return outcome

    def _follow(self, windows: Iterable[Window]) -> None:
        known = self._engine.correlator.works.windows
        for window in windows:
            entry = self.plans.find(_key(window))
            lead = (entry.schedule.lead_s if entry is not None else LEAD_S) * 1000
            since = entry.created_at if entry is not None else 0
            self._lifecycle.put(_key(window), window.occurrences, known.spans(window), lead, since)

    def _tell(self, entries: Sequence[AuditEntry], rows: Sequence[ScheduleRow] = ()) -> None:
        if not entries:
            return
        notices = self.notices([self._described(entry) for entry in entries])
        self._store.submit(Work(self.written if notices else _nothing, schedules=rows, audit=entries, notices=notices))
        for entry in entries:
            self.on_event(entry)

    def _described(self, event: AuditEntry) -> Planned:
        """What happened, with what the work is; nothing more where it is known no longer."""
        entry, window = self.plans.find(event.subject), self._engine.correlator.works.windows.find(event.subject)
        found = entry.schedule if entry is not None else window
        return (
            Planned(event, "", "")
            if found is None
            else Planned(event, found.owner, found.reason, found.selector, found.host)
        )


def _key(window: Window) -> str:
    """What people call it: an entry's id, else the window's own."""
    return window.id.removeprefix(_PREFIX)


def _audit(entry: Entry, action: str, before: Entry | None, now: int) -> AuditEntry:
    detail: dict[str, Any] = {
        "version": entry.version,
        "before": None if before is None else msgspec.to_builtins(before.schedule),
        "after": msgspec.to_builtins(entry.schedule),
        "state": entry.state,
    }
    return AuditEntry(now, entry.author, action, "window", entry.id, detail)


def _logged(entry: AuditEntry) -> None:
    log.info("window", action=entry.action, window=entry.subject, author=entry.author, at=entry.at)


def _nobody(_: Sequence[Planned]) -> Sequence[Notice]:
    return ()


def _nothing() -> None:
    return
