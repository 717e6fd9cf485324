"""A world whose outcomes are stored, as the daemon does, and which can be reported on."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar
from zoneinfo import ZoneInfo

from fleetmon.engine import Outcome
from fleetmon.engine.terminal.usage import Usage
from fleetmon.model.registry import Host, Merchant, Registry, Site, Terminal
from fleetmon.readout.report.report import Present, Reports
from fleetmon.store import Store, StoreSettings, TerminalRow, Watch, Work
from fleetmon.web.ports import WindowFilter
from fleetmon.web.report.views import ReportView
from fleetmon.web.windows import WindowView

from .market import Market
from .world import HOUR

T = TypeVar("T")
SHOPS = 12


def fleet(*, hours: tuple[str, ...] = (), interval_s: int = 60, merchant: str = "Noodle {number}") -> Registry:
    """Twelve shops of a merchant each, with two terminals: `a3` on CMCC of field-1, `b3` on CUCC of field-2."""
    numbers = range(1, SHOPS + 1)
    return Registry(
        hosts=[Host("ACQ", "acquirer", licence="Z1")],
        sites=[Site(f"shop{number}", region="north", hours=list(hours)) for number in numbers],
        merchants=[
            Merchant(f"m{number}", name=merchant.format(number=number), acquirer="ACQ", number="800430158120001")
            for number in numbers
        ],
        terminals=[
            Terminal(
                f"{letter}{number}", site=f"shop{number}", merchant=f"m{number}", region="north", carrier=carrier,
                provider=provider, network="4g", interval_s=interval_s,
            )
            for letter, carrier, provider in (("a", "CMCC", "field-1"), ("b", "CUCC", "field-2"))
            for number in numbers
        ],
    )  # fmt: skip


class Nowhere:
    """Plans nothing."""

    def __init__(self, *views: WindowView) -> None:
        self.views = list(views)

    async def page(self, _p: str | None, _wanted: WindowFilter, _after: str | None, limit: int) -> list[WindowView]:
        return self.views[:limit]


class Night(Market):
    """Two sales an hour are usual for each terminal, at fifty yuan."""

    def __init__(self, folder: Path, registry: Registry) -> None:
        self.store = Store(StoreSettings(f"sqlite:///{folder}/night.db"))
        self.present = Present(None, None, None)
        super().__init__(registry)
        self.a = [row.id for row in registry.terminals if row.id.startswith("a")]
        self.work = Nowhere()

    def take(self, outcome: Outcome) -> None:
        super().take(outcome)
        if not hasattr(self, "engine"):
            return
        self.store.submit(
            Work(
                lambda: None,
                transitions=outcome.transitions,
                changes=outcome.changes,
                episodes=outcome.episodes,
                settlements=outcome.settlements,
                facts=outcome.facts,
                windows=outcome.windows,
                at=self.now,
            )
        )  # fmt: skip

    def accustom(self) -> None:
        """Everybody is known to sell twice an hour, and has sold."""
        for key, terminal in self.engine.fleet.terminals.items():
            for number in range(5):
                self.sell(key, f"usual{number}", amount=5_000)
            terminal.usage = Usage(hours=bytes([10] * 24), days=40, sold_s=self.now // 1000).packed()

    def watch(self, begin: int, end: int) -> None:
        self.note(Watch("watched", begin, end))

    def note(self, *told: Watch) -> None:
        self.store.submit(Work(lambda: None, episodes=[one.episode for one in told]))

    async def report(self, hours: float = 24, provider: str | None = None, zone: str = "Asia/Shanghai") -> ReportView:
        rows = [TerminalRow.of(one) for one in self.engine.fleet.terminals.values()]
        written = asyncio.Event()
        loop = asyncio.get_running_loop()
        self.store.submit(Work(lambda: loop.call_soon_threadsafe(written.set), terminals=rows))
        await written.wait()
        made = Reports(self.engine, self.store, _ask, self.work, lambda: self.present, ZoneInfo(zone))
        return await made.make(provider, self.now - round(hours * HOUR * 1000))


async def _ask(question: Callable[[], T]) -> T:
    return await asyncio.to_thread(question)


Make = Callable[..., Night]
Reporting = Callable[..., Awaitable[ReportView]]


def silence(made: Night, *who: str, begin: float = 2 * HOUR, lasts: float = HOUR) -> None:
    """These are not heard for a while."""
    made.until(begin)
    made.stop(*who)
    made.until(begin + lasts)
    made.start(*who)
