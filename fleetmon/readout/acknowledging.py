"""Acknowledgements as people ask for them: is it theirs to do, does it still hold, and is it safe on the disk.

What also concerns terminals of others is not for one provider to acknowledge: it would keep the others' people
from being called.
"""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final, Protocol, TypeVar

from fleetmon.engine import Engine, Outcome
from fleetmon.model.errors import ForbiddenError, StoreError
from fleetmon.model.incident import Incident
from fleetmon.readout.sight import Sight
from fleetmon.store import AuditRow, Store, Work
from fleetmon.web.ports import AuditFilter
from fleetmon.web.preconditions import Check
from fleetmon.web.views import AcknowledgementView, AuditView, acknowledgement_view

PATIENCE_S: Final = 5.0  # until a write is on the disk
_BATCH: Final = 200  # rows looked through at a time for those that may be seen
Act = Callable[[Callable[[int], Outcome]], Awaitable[None]]
T = TypeVar("T")


class Ask(Protocol):
    """Has the store answer a question, without holding anybody up."""

    async def __call__(self, question: Callable[[], T], /) -> T: ...  # noqa: D102


class Acknowledging:
    """Acknowledges for those who may."""

    def __init__(self, engine: Engine, store: Store, ask: Ask, act: Act) -> None:
        """`act` has the engine do something, between two rounds of its own, and has that stored."""
        self._engine = engine
        self._store = store
        self._ask = ask
        self._act = act

    async def put(
        self, provider: str | None, key: str, author: str, until: int, comment: str, check: Check
    ) -> tuple[AcknowledgementView, bool] | None:
        """Acknowledge an incident, and whether that is new; None where there is none to be seen."""
        if await self._own(provider, key) is None:
            return None
        done: list[tuple[AcknowledgementView | None, bool]] = []

        def acknowledge(now: int) -> Outcome:
            before = self._held(key)
            check(before)
            outcome = self._engine.acknowledge(now, key, author, until, comment)
            done.append((self._held(key), before is None))
            return outcome

        await self._write(acknowledge)
        view, is_new = done[0]
        return None if view is None else (view, is_new)

    async def withdraw(self, provider: str | None, key: str, author: str, check: Check) -> bool | None:
        """Take an acknowledgement back; None where there is no incident to be seen."""
        if await self._own(provider, key) is None:
            return None

        def unacknowledge(now: int) -> Outcome:
            check(self._held(key))
            return self._engine.unacknowledge(now, key, author)

        await self._write(unacknowledge)
        return True

    async def audit(
        self, provider: str | None, wanted: AuditFilter, before: int | None, limit: int
    ) -> list[tuple[int, AuditView]]:
        """What was changed; whoever is confined sees that of incidents which fleetmon still has in mind."""
        sight, found = Sight(self._engine.fleet, provider), list[tuple[int, AuditView]]()
        while len(found) < limit:
            rows = await self._ask(partial(self._store.audit, *wanted, _BATCH, before))
            found += [(row.id, audit_view(row)) for row in rows if provider is None or self._is_seen(row, sight)]
            if len(rows) < _BATCH:
                break
            before = rows[-1].id
        return found[:limit]

    def _is_seen(self, row: AuditRow, sight: Sight) -> bool:
        incident = self._engine.correlator.incidents.named(row.subject) if row.kind == "incident" else None
        return incident is not None and sight.concerned(incident)

    def _held(self, key: str) -> AcknowledgementView | None:
        incident = self._engine.correlator.incidents.named(key)
        return None if incident is None else acknowledgement_view(incident)

    async def _own(self, provider: str | None, key: str) -> Incident | None:
        """The incident, if it is to be seen; raises ForbiddenError if it concerns others, too."""
        held = self._engine.correlator.incidents.named(key)
        found = held or await self._ask(partial(self._store.incident, key))
        sight = Sight(self._engine.fleet, provider)
        if found is None or not sight.concerned(found):
            return None
        if not sight.owns(found):
            raise ForbiddenError("It concerns terminals of others, too; whoever runs fleetmon can acknowledge it.")
        return found

    async def _write(self, do: Callable[[int], Outcome]) -> None:
        written = asyncio.Event()
        tell = partial(asyncio.get_running_loop().call_soon_threadsafe, written.set)
        try:
            async with asyncio.timeout(PATIENCE_S):
                await self._act(do)
                self._store.submit(Work(tell))  # which is written after what the engine did
                await written.wait()
        except TimeoutError:
            raise StoreError(f"not written within {PATIENCE_S:g} s", retryable=True) from None


def audit_view(row: AuditRow) -> AuditView:
    """The JSON form of a change."""
    return AuditView(row.at, row.author, row.action, row.kind, row.subject, row.detail)
