"""What the server may ask and have done about planned work; `fleetmon.web.ports.PlanningPorts` says what each means."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from fleetmon.engine import Engine
from fleetmon.model.errors import ConfigError, ForbiddenError, ScheduleError
from fleetmon.planning.plans import Plans
from fleetmon.planning.settings import CalendarSettings, PlanningSettings
from fleetmon.readout.acknowledging import Act
from fleetmon.readout.planning.feeding import Feeding
from fleetmon.readout.planning.importing import Importing
from fleetmon.readout.planning.judging import Judging
from fleetmon.readout.planning.maintaining import Maintaining
from fleetmon.readout.planning.planned import Commit, Planned
from fleetmon.readout.planning.visited import Visited
from fleetmon.readout.planning.visiting import Visiting
from fleetmon.sinks import planned as metrics
from fleetmon.store import Store
from fleetmon.web.ports import Caller
from fleetmon.web.windows import CalendarList, CalendarView, ImportView, ImportWish


class Books(NamedTuple):
    """What is planned, and how it is changed: see `upkeep.Upkeep`."""

    plans: Plans
    commit: Commit
    act: Act


class Planning:
    """One object for all of it."""

    def __init__(
        self,
        engine: Engine,
        store: Store,
        books: Books,
        settings: Callable[[], PlanningSettings],
        secret: bytes | None,
        wall: Callable[[], int],
    ) -> None:
        """`settings` as they are now; `secret` of the links to feeds; `wall` tells the time."""
        plans, commit, act = books
        planned = Planned(engine, plans, wall)
        judging = Judging(engine, lambda: settings().guards, wall)
        maintaining = Maintaining(store, plans, commit, act, planned, judging)
        self.importing = Importing(plans, planned, judging, commit, maintaining.write, wall)
        self._wall = wall
        self._engine, self._plans, self._settings = engine, plans, settings
        feeding = Feeding(engine, plans, planned, secret)
        self.page, self.view = planned.page, planned.view
        self.preview, self.create, self.change = maintaining.preview, maintaining.create, maintaining.change
        self.approve, self.cancel = maintaining.approve, maintaining.cancel
        self.end, self.extend = maintaining.end, maintaining.extend
        self.link, self.feed = feeding.link, feeding.calendar
        self.visiting = Visiting(engine, plans, planned, judging, lambda: settings().visits, wall)
        self.visits, self.visit_file = self.visiting.page, self.visiting.file
        self.outcomes = Visited(engine, planned, wall).outcomes
        self.subscribed: Callable[[], Sequence[CalendarView]] = tuple

    def readings(self) -> metrics.Planned:
        """For a scrape."""
        works = self._engine.correlator.works
        now, windows = self._wall(), works.windows
        states = dict(windows.by_state(now)) | {"proposed": sum(one.state == "proposed" for one in self._plans)}
        calendars = [
            metrics.Calendar(
                one.name,
                None if one.read_at is None else one.read_at / 1000,
                one.failures,
                len(one.report.refused) if one.report is not None else 0,
            )
            for one in self.subscribed()
        ]
        covered = self._engine.covered.counts.total()
        providers = {cohort.provider for cohort, _ in self._engine.fleet.census.counts}
        lost = {name: works.losses.by_provider[name] / 1000 for name in providers}  # nought, so that the first shows
        return metrics.Planned(states, works.overdue.windows, covered, calendars, lost)

    def calendars(self) -> CalendarList:
        """Those of the configuration."""
        return CalendarList(list(self.subscribed()))

    async def take(self, caller: Caller, wish: ImportWish) -> ImportView:
        """A calendar of the configuration keeps to what that says, whoever brings it."""
        binding = self._binding(caller, wish)
        try:
            return await self.importing.take(
                wish.ical.encode(),
                binding,
                whole=wish.whole,
                author=caller.name,
                provider=caller.provider,
                dry_run=wish.dry_run,
            )
        except ConfigError as error:
            raise ScheduleError(error.problems) from None

    def _binding(self, caller: Caller, wish: ImportWish) -> CalendarSettings:
        settings = self._settings()
        known: Mapping[str, CalendarSettings] = {one.name: one for one in settings.calendars}
        if wish.calendar in known:
            if caller.provider is not None:
                raise ForbiddenError(f"The calendar {wish.calendar} is of the configuration; choose another name.")
            return known[wish.calendar]
        binding = CalendarSettings(
            name=wish.calendar,
            owner=wish.owner or caller.name,
            file="",
            selector=wish.selector,
            host=wish.host,
            everything=wish.everything,
            zone=wish.zone,
            zones=wish.zones,
        )
        if problems := PlanningSettings(calendars=[binding]).problems():
            raise ScheduleError([problem.removeprefix("planning.calendars[0].") for problem in problems])
        return binding
