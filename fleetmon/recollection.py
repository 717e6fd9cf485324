"""Takes up where an earlier run ended: what goes on at once, and then, beside everything else, the past.

The ledger does not depend on the order in which it learns, so it is read back while live messages go on:
first the days of which anything may still be asked, then what is older, of which only what is still open
stays. In the end what need not be held is dropped, as it is now and then for as long as fleetmon runs.
Until all is read no money is called late: a payout that was not read yet may have been made.
"""

import asyncio
import gc
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, TypeVar

import structlog

from fleetmon.engine import Engine, Fact
from fleetmon.engine.incidents import PAST
from fleetmon.engine.timeline import KEPT
from fleetmon.model.days import DAY, day_of, midnight
from fleetmon.model.episode import Episode
from fleetmon.model.errors import StoreError
from fleetmon.sinks.board import RESOLVED_KEPT_MS
from fleetmon.store import Restored, Store

RECENT_DAYS: Final = 6  # longer than the ledger holds what is paid
SLICE_S: Final = 0.005  # then others get their turn
TIDY_EVERY_S: Final = 6 * 3600.0
RETRY_S: Final = 5.0
_AT_ONCE: Final = 2_000  # rows read with one question
_FACTS: Final = 25  # taken in between two looks at the clock
log = structlog.get_logger("fleetmon")
T = TypeVar("T")


class Recollection:
    """Reads the store into one engine. Times in milliseconds since 1970."""

    def __init__(self, engine: Engine, store: Store, days: int, wall: Callable[[], int]) -> None:
        """`days` of the past are read back."""
        self.complete = False
        self._engine = engine
        self._store = store
        self._days = days
        self._wall = wall
        self._newest = 0
        self._read = 0
        self._unreadable = 0
        self._turn_ends = 0.0

    def restore(self, now: int) -> Restored:
        """Take up what goes on, before the first message; raises StoreError."""
        known = self._engine.fleet.terminals
        found = self._store.restore(
            lambda key: known[key].partition if key in known else -1, resolved_after=now - RESOLVED_KEPT_MS
        )
        self._engine.advance(now)
        self._engine.restore(found.records, found.facts, found.firing)
        self._engine.resume(found.episodes, found.notices, found.late)
        self._newest = found.newest
        return found

    async def run(self) -> None:
        """Recall the past, then tidy up for ever."""
        await self._recall()
        while True:
            await asyncio.sleep(TIDY_EVERY_S)
            await self._forget(self._wall())

    async def _recall(self) -> None:
        began, now = time.monotonic(), self._wall()
        since = midnight(day_of(now) - self._days)
        past = await self._ask(partial(self._store.past_incidents, since, PAST))
        self._engine.recall((), past=past)
        await self._recall_episodes(now - KEPT)
        first = await self._ask(partial(self._store.facts_before, since))
        recent = await self._ask(partial(self._store.facts_before, now - RECENT_DAYS * DAY))
        await self._recall_facts(recent, self._newest, dropping=False)
        await self._recall_facts(first, recent, dropping=True)
        await self._forget(now)
        self._engine.recalled(since)
        self.complete = True
        seconds = round(time.monotonic() - began, 1)
        log.info("ledger recalled", facts=self._read, unreadable=self._unreadable, seconds=seconds)

    async def _recall_facts(self, after: int, until: int, *, dropping: bool) -> None:
        """In order of arrival; with `dropping` what was settled then is dropped day by day."""
        day = 0
        while after < until:
            part = await self._ask(partial(self._store.facts, after, until, _AT_ONCE))
            after = part.last
            self._read += len(part.facts)
            self._unreadable += part.unreadable
            await self._take(part.facts)
            gc.freeze()  # nearly all of it stays: the collector need not walk it, which would hold up the loop
            reached = part.facts[-1].message.received_at if part.facts else 0
            if dropping and day_of(reached) > day:
                day = day_of(reached)
                await self._forget(reached)

    async def _recall_episodes(self, since: int) -> None:
        last: Episode | None = None
        while found := await self._ask(partial(self._store.episodes, since, last, _AT_ONCE)):
            last = found[-1]
            self._engine.recall((), found)
            await self._breathe()

    async def _take(self, facts: Sequence[Fact]) -> None:
        for start in range(0, len(facts), _FACTS):
            self._engine.recall(facts[start : start + _FACTS])
            await self._breathe()

    async def _forget(self, now: int) -> None:
        for _ in self._engine.forget(now):
            await self._breathe()

    async def _breathe(self) -> None:
        """Let others have their turn, if ours was long enough."""
        if time.monotonic() > self._turn_ends:
            await asyncio.sleep(0)
            self._turn_ends = time.monotonic() + SLICE_S

    async def _ask(self, question: Callable[[], T]) -> T:
        """An answer of the store, however long that takes."""
        while True:
            try:
                return await asyncio.to_thread(question)
            except StoreError as error:
                log.warning("the past cannot be read, trying again", error=str(error))
                await asyncio.sleep(RETRY_S)
