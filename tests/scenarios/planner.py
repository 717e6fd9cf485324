"""A planner at work: a few shops, and what may be asked about visits to them."""

import asyncio
from typing import Any

from msgspec.structs import replace

from fleetmon.engine import Outcome
from fleetmon.model.events import MaintenanceMark
from fleetmon.model.registry import Merchant, Provider
from fleetmon.model.schedule import Entry
from fleetmon.planning.plans import Plans
from fleetmon.planning.settings import GuardSettings, PlanningSettings, VisitSettings
from fleetmon.planning.versions import written
from fleetmon.readout.planning.planning import Books, Planning
from fleetmon.web.ports import VisitFilter
from fleetmon.web.visits import OutcomeView, VisitView

from .world import MINUTE, World, shops

SHOPS = {"bakery": ["CMCC", "CMCC"], "cafe": ["CMCC"], "kiosk": ["CMCC", "CMCC"], "inn": ["CMCC"]}
GUARDS = GuardSettings(cutoff_before_s=0, cutoff_after_s=0)


class Planner:
    """A world, and what a planner may ask of it."""

    def __init__(self, hours: tuple[str, ...] = ("Mo-Su 09:00-21:00",), guards: GuardSettings = GUARDS) -> None:
        registry = shops(SHOPS, hours=hours)
        rows = [
            replace(row, provider="B" if row.site == "inn" else "A", merchant=row.site) for row in registry.terminals
        ]
        merchants = [Merchant(site, name=site.title()) for site in SHOPS]
        registry = replace(registry, terminals=rows, merchants=merchants, providers=[Provider("A"), Provider("B")])
        self.registry, self.world = registry, World(registry)
        self.plans = Plans()
        self.settings = PlanningSettings(guards=guards, visits=VisitSettings(["Mo-Fr 09:00-18:00"], 0))
        books = Books(self.plans, self._commit, self._act)
        store: Any = None  # nothing is written
        self.port = Planning(self.world.engine, store, books, lambda: self.settings, None, lambda: self.world.now)
        self.world.start()
        self.world.run(10 * MINUTE)

    def _commit(self, *_: Any) -> Outcome:
        raise AssertionError("nothing is changed here")

    async def _act(self, *_: Any) -> None:
        raise AssertionError("nothing is changed here")

    def visits(self, confined_to: str | None = None, **wanted: Any) -> list[VisitView]:
        self.port.visiting._asked_at = None
        return asyncio.run(self.port.visits(confined_to, VisitFilter(**wanted), None, 100, "en"))

    def outcomes(self, provider: str | None = None) -> list[OutcomeView]:
        return asyncio.run(self.port.outcomes(provider, 7)).visits

    def plan(self, visit: VisitView) -> Entry:
        """What POST /api/v1/windows does with the schedule of a proposal."""
        assert visit.proposal is not None
        entry = written(visit.proposal.schedule, "li", self.world.now, "approved")
        self.world.take(self.world.engine.plan([self.plans.put(entry, self.world.now)], self.world.now))
        return entry

    def mark(self, key: str, event: Any, **fields: Any) -> None:
        life = self.world.lives[key]
        life.seq += 1
        said = MaintenanceMark(at=self.world.now, boot=life.boot, seq=life.seq, event=event, by="Li", **fields)
        self.world.say(key, said)

    def break_reader(self, key: str, action: str = "set") -> None:
        self.world.device(key, "ReaderFault", action, component="reader")
