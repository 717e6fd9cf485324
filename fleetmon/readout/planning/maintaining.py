"""Planned work as people change it: may they, does it still hold what they have seen, and is it safe on the disk.

Whom it touches may be long in the finding, so that comes first; then, in one step, what is there is compared with what
the writer has seen, and the new version is in force.
"""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

from msgspec.structs import replace

from fleetmon.engine import Outcome
from fleetmon.locale import LANGUAGES, objection
from fleetmon.model.errors import ConflictError, ForbiddenError, StoreError
from fleetmon.model.schedule import Entry, Schedule
from fleetmon.planning import versions
from fleetmon.planning.plans import Plans
from fleetmon.readout.planning.judging import Judging
from fleetmon.readout.planning.planned import SHOWN, Commit, Planned, draft
from fleetmon.readout.planning.visiting import REFERENCE
from fleetmon.store import Store, Work
from fleetmon.web.ports import Caller
from fleetmon.web.preconditions import Check
from fleetmon.web.windows import ObjectionView, PreviewView, SpanView, WindowView

PATIENCE_S: Final = 5.0  # until a write is on the disk
_EXTENDABLE: Final = 86_400_000  # so long after its end work can be given more time
Act = Callable[[Callable[[int], Outcome]], Awaitable[None]]
Make = Callable[[Entry, str, int], Entry]  # of an entry, by whom, when: its next version


class Maintaining:
    """Plans and changes for those who may. What is not to be seen is None."""

    def __init__(
        self, store: Store, plans: Plans, commit: Commit, act: Act, planned: Planned, judging: Judging
    ) -> None:
        """`act` has the engine do something, between two rounds of its own, and has that stored."""
        self.planned = planned
        self.judging = judging
        self._store = store
        self._plans = plans
        self._commit = commit
        self._act = act

    async def preview(self, caller: Caller, schedule: Schedule) -> PreviewView:
        """What it would do; nothing is written."""
        schedule = _owned(schedule, caller)
        found = await self.judging.judge(schedule)
        sites, shops = await self.planned.shops(caller.provider, draft(schedule))
        return PreviewView(
            problems=found.problems,
            terminals=found.reach.terminals,
            share=found.reach.share,
            incidents=self.planned.incidents(caller.provider, draft(schedule), found.reach),
            occurrences=[SpanView(*span) for span in found.spans[:SHOWN]],
            objections=[
                ObjectionView(one.rule, {language: objection(one.rule, one.facts, language) for language in LANGUAGES})
                for one in found.objections
            ],
            second_person=found.second,
            sites=sites,
            shops=shops,
        )

    async def create(self, caller: Caller, schedule: Schedule) -> tuple[WindowView, bool]:
        """Plan it, and whether it is new: the same reference again is the next version of the same."""
        schedule = _owned(schedule, caller)
        second = (await self.judging.allowed(schedule, caller.provider)).second
        done: list[tuple[str, bool]] = []

        def step(now: int) -> Outcome:
            entry = self._plans.named(schedule.reference) if schedule.reference else None
            if entry is not None:
                if not self.planned.owns(caller.provider, self.planned.window(entry)):
                    raise ConflictError(f"reference: {schedule.reference} is somebody else's; choose another.")
                done.append((entry.id, False))
                return self._rewrite(entry, schedule, caller, now, second=second)
            fresh = versions.written(schedule, caller.name, now, "proposed" if second else "approved")
            done.append((fresh.id, True))
            return self._commit([(fresh, "created", None)], now)

        await self.write(step)
        key, is_new = done[0]
        return self._shown(key), is_new

    async def change(self, caller: Caller, key: str, schedule: Schedule, check: Check) -> WindowView | None:
        """Write it anew."""
        if not self._is_own(caller, key):
            return None
        schedule = _owned(schedule, caller)
        second = (await self.judging.allowed(schedule, caller.provider)).second

        def step(now: int) -> Outcome:
            check(self._shown(key))
            return self._rewrite(self._found(key), schedule, caller, now, second=second)

        await self.write(step)
        return self._shown(key)

    async def approve(self, caller: Caller, key: str, check: Check) -> WindowView | None:
        """As the second person."""
        return await self._next(caller, key, check, "approved", versions.approved)

    async def cancel(self, caller: Caller, key: str, check: Check) -> WindowView | None:
        """All times to come, and what is in force."""
        return await self._next(caller, key, check, "cancelled", versions.cancelled)

    async def end(self, caller: Caller, key: str, check: Check) -> WindowView | None:
        """The time that is in force; later ones stay."""

        def ended(entry: Entry, author: str, now: int) -> Entry:
            found = self.planned.in_force(entry, now, now)
            if found is None:
                raise ConflictError(f"Window {key} is not in force now; cancel it, if it is not to happen.")
            return versions.ended(entry, found[0], author, now)

        return await self._next(caller, key, check, "ended_early", ended)

    async def extend(self, caller: Caller, key: str, until: int, check: Check) -> WindowView | None:
        """The time that is in force, or was in the last day."""

        def extended(entry: Entry, author: str, now: int) -> Entry:
            found = self.planned.in_force(entry, now, now - _EXTENDABLE)
            if found is None:
                raise ConflictError(f"Window {key} was not in force in the last day; change its schedule instead.")
            span, begun = found
            self.judging.lasts(until - (span.start if begun is None else begun))
            return versions.extended(entry, span, begun, until, author, now)

        return await self._next(caller, key, check, "extended", extended)

    async def _next(self, caller: Caller, key: str, check: Check, action: str, make: Make) -> WindowView | None:
        if not self._is_own(caller, key):
            return None

        def step(now: int) -> Outcome:
            check(self._shown(key))
            entry = self._found(key)
            return self._commit([(make(entry, caller.name, now), action, entry)], now)

        await self.write(step)
        return self._shown(key)

    def _rewrite(self, entry: Entry, schedule: Schedule, caller: Caller, now: int, *, second: bool) -> Outcome:
        if entry.schedule == schedule and entry.state != "cancelled":
            return Outcome()  # it was only said again
        fresh = versions.rewritten(entry, schedule, caller.name, now, "proposed" if second else "approved")
        return self._commit([(fresh, "changed", entry)], now)

    def _is_own(self, caller: Caller, key: str) -> bool:
        """Whether it is to be seen; raises ForbiddenError if it is not the caller's to change."""
        if self.planned.view(caller.provider, key) is None:
            return False
        entry = self._plans.find(key)
        if entry is None:
            raise ForbiddenError("It was announced by a host, or marked by a technician; it is theirs to change.")
        if not self.planned.owns(caller.provider, self.planned.window(entry)):
            raise ForbiddenError("It touches terminals of others, too; whoever runs fleetmon can change it.")
        return True

    def _found(self, key: str) -> Entry:
        entry = self._plans.find(key)
        if entry is None:
            raise ConflictError(f"Window {key} is over and forgotten.")
        return entry

    def _shown(self, key: str) -> WindowView:
        view = self.planned.view(None, self._found(key).id)
        assert view is not None, "what is in the books is to be seen by whoever is not confined"
        return view

    async def write(self, do: Callable[[int], Outcome]) -> None:
        """Have it done between two rounds of the engine; back when it is on the disk."""
        await self._act(do)
        written = asyncio.Event()
        self._store.submit(Work(partial(asyncio.get_running_loop().call_soon_threadsafe, written.set)))
        try:
            async with asyncio.timeout(PATIENCE_S):
                await written.wait()
        except TimeoutError:
            raise StoreError(f"not written within {PATIENCE_S:g} s", retryable=True) from None


def _owned(schedule: Schedule, caller: Caller) -> Schedule:
    """Whoever writes it answers for it, unless somebody is named; the visits of others are theirs to plan."""
    kind, _, proposed = (schedule.reference or "").partition("/")
    if kind == REFERENCE and caller.provider not in (None, proposed.partition("/")[0]):
        raise ConflictError(f"reference: {schedule.reference} is somebody else's; choose another.")
    return schedule if schedule.owner else replace(schedule, owner=caller.name)
