"""A simulated fleet: every terminal a client of its own, all living through one scenario.

A large fleet shares connections (`gateway.py`). One task for each terminal, one for the hosts, one that tells
the progress, and the director's, which lets happen what is fated. Ends with farewells, so that the end of a
simulation is no outage.
"""

import asyncio
import random
import resource
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Final, NamedTuple

from fleetmon.model.errors import ConfigError
from fleetmon.model.hours import Hours
from fleetmon.model.registry import Registry
from fleetmon.model.terms import terms
from fleetmon.model.topics import Topics
from fleetmon.sim.chance import seeded
from fleetmon.sim.driver import Driver
from fleetmon.sim.fate import Fate, Happening, Span, Why
from fleetmon.sim.gateway import Gateways
from fleetmon.sim.hosts import Hosts
from fleetmon.sim.link import LinkFactory, MqttLink
from fleetmon.sim.pace import Pace
from fleetmon.sim.payers import Payers
from fleetmon.sim.roster import attributes
from fleetmon.sim.scenario import Device, HostOutage, Scenario, Step
from fleetmon.sim.settings import SimSettings
from fleetmon.sim.terminal import Birthmarks, SimTerminal
from fleetmon.working_days import working_days

CONNECTING: Final = 32  # connections being made at the same time
SPARE_FILES: Final = 128  # what a process needs besides its connections
GRAIN_S: Final = 0.02  # real time; of fleets that share connections
TELL_EVERY_S: Final = 1.0  # real time
TOLD_PER_S: Final = 2000  # a larger fleet is counted less often


class Underway(NamedTuple):
    """A step that is happening, and to how many terminals."""

    step: Step
    terminals: int


class Progress(NamedTuple):
    """How far a simulation is. Times in scenario seconds, amounts in fen; counts are since the start.

    `stored` sales are in the terminals now and not at the host yet.
    """

    elapsed_s: float
    duration_s: float
    terminals: int
    connected: int
    messages: int
    sales: int
    sales_amount: int
    declined: int
    stored: int
    stored_amount: int
    uploaded: int
    underway: tuple[Underway, ...]


OnProgress = Callable[[Progress], None]


async def simulate(
    registry: Registry, scenario: Scenario, settings: SimSettings, on_progress: OnProgress | None = None
) -> Progress:
    """Play a scenario against a broker; raises ConfigError, or SinkError when the broker cannot be reached."""
    terminals = len(registry.terminals)
    links: LinkFactory = partial(MqttLink, settings)
    if terminals > settings.gateways_above:
        links = Gateways(settings).link
    else:
        _allow_files(terminals + SPARE_FILES)
    return await Simulator(registry, scenario, settings, links, wall_clock, on_progress).run()


def wall_clock() -> int:
    """Milliseconds since 1970."""
    return time.time_ns() // 1_000_000


class Simulator:
    """One run of one scenario. `clock` is the wall's, in ms since 1970; `links` makes the line of each client."""

    def __init__(
        self,
        registry: Registry,
        scenario: Scenario,
        settings: SimSettings,
        links: LinkFactory,
        clock: Callable[[], int] = wall_clock,
        on_progress: OnProgress | None = None,
    ) -> None:
        problems = scenario.problems(registry)
        if problems:
            raise ConfigError([f"scenario {scenario.name}: {problem}" for problem in problems])
        self._registry = registry
        self._scenario = scenario
        self._settings = settings
        self._links = links
        self._on_progress = on_progress
        self._clock = clock
        self._drivers: list[Driver] = []
        self._hosts: Hosts | None = None
        self._pace: Pace | None = None
        self._underway: list[Underway] = []
        self.lived: list[Span] = []  # what befell the fleet

    @property
    def progress(self) -> Progress:
        """A snapshot of now."""
        tills = [driver.terminal.till for driver in self._drivers]
        stuck = [till.stored for till in tills if till.stored]
        return Progress(
            elapsed_s=self._pace.now().s if self._pace else 0.0,
            duration_s=self._scenario.duration_s,
            terminals=len(self._registry.terminals),
            connected=sum([driver.connected for driver in self._drivers]),
            messages=sum([driver.sent for driver in self._drivers]) + (self._hosts.sent if self._hosts else 0),
            sales=sum([till.made for till in tills]),
            sales_amount=sum([till.amount for till in tills]),
            declined=sum([till.declined for till in tills]),
            stored=sum([len(stored) for stored in stuck]),
            stored_amount=sum([sale.amount for stored in stuck for sale in stored]),
            uploaded=sum([till.uploaded for till in tills]),
            underway=tuple(self._underway),
        )

    async def run(self) -> Progress:
        """Play the scenario to its end; the progress then. Raises SinkError when the line cannot be had at all."""
        grain = GRAIN_S if len(self._registry.terminals) > self._settings.gateways_above else 0.0
        pace = self._pace = Pace(self._clock, self._settings.speed, grain)
        self._drivers = self._enlist(pace)
        self._hosts = hosts = self._host_side()
        await hosts.open()
        each_s = self._settings.speed / self._settings.connects_per_s
        async with asyncio.TaskGroup() as tasks:
            for index, driver in enumerate(self._drivers):
                tasks.create_task(driver.run(index * each_s))
            tasks.create_task(hosts.run(pace))
            telling = None if self._on_progress is None else tasks.create_task(self._tell())
            await self._direct(pace)
            for driver in self._drivers:
                driver.stop()
            hosts.stop()
            if telling is not None:
                telling.cancel()
        return self.progress

    async def _direct(self, pace: Pace) -> None:
        """Let happen what is fated, in its time."""
        nobody = asyncio.Event()
        for happening in Fate(self._registry, self._scenario, self._settings, pace.now().at).happenings():
            if happening.at_s > pace.now().s:
                await pace.wait(happening.at_s, nobody)
            self._happen(happening)
        await pace.wait(self._scenario.duration_s, nobody)

    def _happen(self, happening: Happening) -> None:
        begins, span = happening.begins, happening.span
        for number in span.struck:
            driver = self._drivers[number]
            (driver.begin if begins else driver.end)(span.step)
        if isinstance(span.step, HostOutage) and self._hosts is not None:
            payers = self._hosts.payers
            struck = {self._drivers[number].terminal.till.acquirer for number in span.struck}
            (payers.fail if begins else payers.recover)(struck)
        if begins:
            self.lived.append(span)
        if span.why is not Why.STORY:
            return
        if not begins:
            self._underway.remove(Underway(span.step, len(span.struck)))
        elif not (isinstance(span.step, Device) and span.step.action != "set"):
            self._underway.append(Underway(span.step, len(span.struck)))
        self._report()

    async def _tell(self) -> None:
        while True:
            self._report()
            await asyncio.sleep(TELL_EVERY_S * max(1.0, len(self._drivers) / TOLD_PER_S))

    def _report(self) -> None:
        if self._on_progress is not None:
            self._on_progress(self.progress)

    def _enlist(self, pace: Pace) -> list[Driver]:
        settings, started_at = self._settings, pace.now().at
        gate = asyncio.Semaphore(CONNECTING)
        back_s = settings.habits.line.back_within_s
        drivers = []
        for marks, row in zip(self._birthmarks(), self._registry.terminals, strict=True):
            chance = random.Random(settings.seed * 1_000_003 + marks.number)  # noqa: S311 - a play, no secrets
            terminal = SimTerminal(row, marks, settings, chance, started_at)
            drivers.append(Driver(terminal, self._links, pace, gate, chance, back_s))
        return drivers

    def _birthmarks(self) -> Iterator[Birthmarks]:
        settings, defaults = self._settings, self._registry.defaults
        habits, known = settings.habits, attributes(self._registry)
        trades = {merchant.id: merchant.mcc for merchant in self._registry.merchants}
        agreed = {merchant.id: terms(merchant, defaults) for merchant in self._registry.merchants}
        batches = {merchant: one for merchant, one in agreed.items() if one.capture == "terminal"}
        hours = {site.id: Hours(site.hours) for site in self._registry.sites if site.hours and habits.shops.kept}
        luck = seeded(settings.seed, "trade")
        frailty = habits.sales.frailty
        trade = {merchant: luck.gammavariate(frailty, 1 / frailty) if frailty else 1.0 for merchant in trades}
        for number, row in enumerate(self._registry.terminals):
            interval_s = max(round((row.interval_s or defaults.interval_s) / settings.speed), 1)
            mcc, share = trades.get(row.merchant, ""), trade.get(row.merchant, 1.0)
            batch = batches.get(row.merchant)
            yield Birthmarks(number, known[row.id], interval_s, mcc, hours.get(row.site), share, batch)

    def _host_side(self) -> Hosts:
        acquirers = sorted({driver.terminal.till.acquirer for driver in self._drivers} - {""})
        tills = [driver.terminal.till for driver in self._drivers]
        topics = Topics(self._settings.prefix)
        owners = [(row.merchant, till) for row, till in zip(self._registry.terminals, tills, strict=True)]
        chance = seeded(self._settings.seed, "payouts")
        payers = Payers(self._registry, owners, working_days(self._registry.calendar), topics, chance)
        return Hosts(acquirers, tills, payers, topics, self._links("simulated-hosts", lambda: None))


def _allow_files(wanted: int) -> None:
    """Raise the soft limit of open files where it is too low for a socket per terminal."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < wanted:
        raise ConfigError([f"{wanted} open files are needed and {hard} allowed: raise `ulimit -n`, or ask for less"])
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
