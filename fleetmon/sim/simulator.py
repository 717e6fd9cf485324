"""A simulated fleet: every terminal a client of its own, all living through one scenario.

One task for each terminal, one for the hosts, one that tells the progress, and the director's, which
lets the steps of the scenario happen. Ends with farewells, so that the end of a simulation is no outage.
"""

import asyncio
import random
import resource
import time
from collections.abc import Callable
from functools import partial
from typing import Final, NamedTuple

from fleetmon.model.errors import ConfigError
from fleetmon.model.registry import Registry, selects
from fleetmon.model.topics import Topics
from fleetmon.sim.driver import Driver
from fleetmon.sim.hosts import Hosts
from fleetmon.sim.link import LinkFactory, MqttLink
from fleetmon.sim.pace import Pace
from fleetmon.sim.roster import attributes
from fleetmon.sim.scenario import Device, Scenario, Step
from fleetmon.sim.settings import SimSettings
from fleetmon.sim.terminal import Birthmarks, SimTerminal

CONNECTING: Final = 32  # connections being made at the same time
SPARE_FILES: Final = 128  # what a process needs besides its connections
TELL_EVERY_S: Final = 1.0  # real time


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
    _allow_files(len(registry.terminals) + SPARE_FILES)
    return await Simulator(registry, scenario, settings, partial(MqttLink, settings), wall_clock, on_progress).run()


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
        self._underway: dict[int, Underway] = {}

    @property
    def progress(self) -> Progress:
        """A snapshot of now."""
        tills = [driver.terminal.till for driver in self._drivers]
        return Progress(
            elapsed_s=self._pace.now().s if self._pace else 0.0,
            duration_s=self._scenario.duration_s,
            terminals=len(self._registry.terminals),
            connected=sum(driver.connected for driver in self._drivers),
            messages=sum(driver.sent for driver in self._drivers) + (self._hosts.sent if self._hosts else 0),
            sales=sum(till.made for till in tills),
            sales_amount=sum(till.amount for till in tills),
            declined=sum(till.declined for till in tills),
            stored=sum(len(till.stored) for till in tills),
            stored_amount=sum(sale.amount for till in tills for sale in till.stored),
            uploaded=sum(till.uploaded for till in tills),
            underway=tuple(self._underway.values()),
        )

    async def run(self) -> Progress:
        """Play the scenario to its end; the progress then. Raises SinkError when the line cannot be had at all."""
        pace = self._pace = Pace(self._clock, self._settings.speed)
        self._drivers = self._enlist(pace)
        self._hosts = hosts = self._host_side()
        await hosts.open()
        over = asyncio.Event()
        each_s = self._settings.speed / self._settings.connects_per_s
        async with asyncio.TaskGroup() as tasks:
            for index, driver in enumerate(self._drivers):
                tasks.create_task(driver.run(index * each_s))
            tasks.create_task(hosts.run(pace, over))
            telling = tasks.create_task(self._tell())
            await self._direct(pace, over)
            for driver in self._drivers:
                driver.stop()
            over.set()
            telling.cancel()
        return self.progress

    async def _direct(self, pace: Pace, over: asyncio.Event) -> None:
        """Let the steps begin and end; on equal times an end comes before a beginning."""
        agenda = []
        for index, step in enumerate(self._scenario.steps):
            agenda.append((step.at_s, 1, index))
            if step.for_s is not None:
                agenda.append((step.at_s + step.for_s, 0, index))
        for at_s, begins, index in sorted(agenda):
            if at_s < self._scenario.duration_s:
                await pace.wait(at_s, over)
                self._happen(index, begins=bool(begins))
        await pace.wait(self._scenario.duration_s, over)

    def _happen(self, index: int, *, begins: bool) -> None:
        step = self._scenario.steps[index]
        struck = [driver for driver in self._drivers if selects(step.who, driver.terminal.attributes)]
        for driver in struck:
            (driver.begin if begins else driver.end)(step)
        if not begins:
            del self._underway[index]
        elif not (isinstance(step, Device) and step.action != "set"):
            self._underway[index] = Underway(step, len(struck))
        self._report()

    async def _tell(self) -> None:
        while True:
            self._report()
            await asyncio.sleep(TELL_EVERY_S)

    def _report(self) -> None:
        if self._on_progress is not None:
            self._on_progress(self.progress)

    def _enlist(self, pace: Pace) -> list[Driver]:
        settings, defaults = self._settings, self._registry.defaults
        known, started_at = attributes(self._registry), pace.now().at
        gate = asyncio.Semaphore(CONNECTING)
        drivers = []
        for number, row in enumerate(self._registry.terminals):
            rng = random.Random(settings.seed * 1_000_003 + number)  # noqa: S311 - a play, no secrets
            interval_s = max(round((row.interval_s or defaults.interval_s) / settings.speed), 1)
            marks = Birthmarks(number, known[row.id], interval_s)
            drivers.append(Driver(SimTerminal(row, marks, settings, rng, started_at), self._links, pace, gate, rng))
        return drivers

    def _host_side(self) -> Hosts:
        acquirers = sorted({driver.terminal.till.acquirer for driver in self._drivers} - {""})
        tills = [driver.terminal.till for driver in self._drivers]
        link = self._links("simulated-hosts", lambda: None)
        return Hosts(acquirers, tills, Topics(self._settings.prefix), link)


def _allow_files(wanted: int) -> None:
    """Raise the soft limit of open files where it is too low for a socket per terminal."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < wanted:
        raise ConfigError([f"{wanted} open files are needed and {hard} allowed: raise `ulimit -n`, or ask for less"])
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
