"""Which terminals are due for service, worked out for all of the fleet every few minutes, in short steps.

What follows which codes is learned anew each time from what the timeline remembers, so nothing has to be kept.
"""

import asyncio
from bisect import bisect_right
from typing import Final

from fleetmon.detect.prognosis import Cases, Codes, History, Prognosis, foresee, learn
from fleetmon.engine import Engine
from fleetmon.engine.terminal.histories import history
from fleetmon.model.terminal import Terminal
from fleetmon.readout.sight import Sight
from fleetmon.readout.slices import slowly
from fleetmon.web.ports import ProspectFilter, ProspectPlace
from fleetmon.web.views import ProspectView, ServiceReason

AGAIN: Final = 300_000
LEAST: Final = 0.1  # a probability below is nobody's errand
_KIND: Final = "terminal/"


class Prospects:
    """The list of one engine."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._ranked: list[tuple[float, str, Prognosis]] = []  # by falling probability, then by id
        self._asked_at: int | None = None
        self._turn = asyncio.Lock()

    async def page(
        self, provider: str | None, wanted: ProspectFilter, after: ProspectPlace | None, limit: int
    ) -> list[ProspectView]:
        """The first `limit` terminals after a place, of those that are to be seen."""
        async with self._turn:
            await self._refresh()
        ranked, found = self._ranked, list[ProspectView]()
        sight = Sight(self._engine.fleet, provider)
        start = (
            0 if after is None else bisect_right(ranked, (-after.probability, after.terminal), key=lambda one: one[:2])
        )
        async for _, key, prognosis in slowly(ranked[start:]):
            terminal = sight.terminal(key)
            if terminal is not None and _fits(terminal, wanted):
                found.append(_view(terminal, prognosis))
                if len(found) == limit:
                    break
        return found

    async def all(self) -> list[tuple[str, Prognosis]]:
        """Every terminal on the list."""
        async with self._turn:
            await self._refresh()
        return [(key, prognosis) for _, key, prognosis in self._ranked if key in self._engine.fleet.terminals]

    async def _refresh(self) -> None:
        now = self._engine.now
        if self._asked_at is not None and self._asked_at <= now < self._asked_at + AGAIN:
            return
        timeline, told = self._engine.explainer.timeline, dict[str, History]()
        rates: dict[Codes, Cases] = {}
        async for subject in slowly(timeline.subjects):
            if subject.startswith(_KIND):
                known = history(timeline, subject.removeprefix(_KIND), now)
                if known.codes or known.failures:
                    told[subject.removeprefix(_KIND)] = known
                    learn(known, now, rates)
        ranked = []
        async for key, known in slowly(told.items()):
            prognosis = foresee(known, rates, now)
            if prognosis is not None and prognosis.probability >= LEAST:
                ranked.append((-prognosis.probability, key, prognosis))
        self._ranked, self._asked_at = sorted(ranked, key=lambda one: one[:2]), now


def _fits(terminal: Terminal, wanted: ProspectFilter) -> bool:
    cohort = terminal.cohort
    return wanted.provider in (None, cohort.provider) and wanted.region in (None, cohort.region)


def _view(terminal: Terminal, prognosis: Prognosis) -> ProspectView:
    cohort = terminal.cohort
    return ProspectView(
        terminal=terminal.id,
        merchant=terminal.merchant,
        site=terminal.site,
        region=cohort.region,
        provider=cohort.provider,
        model=cohort.model,
        probability=prognosis.probability,
        failed_at=prognosis.failed_at,
        reasons=[ServiceReason(*reason) for reason in prognosis.reasons],
        cases=prognosis.cases.told,
        cases_failed=prognosis.cases.failed,
    )
