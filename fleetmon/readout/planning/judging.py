"""Whether planned work may be planned: what is wrong with it, whom it touches, what the guard rails say."""

import asyncio
from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec

from fleetmon.engine import Engine
from fleetmon.model.days import day_of
from fleetmon.model.errors import ForbiddenError, GuardError, ScheduleError
from fleetmon.model.schedule import Schedule
from fleetmon.model.terminal import Terminal
from fleetmon.model.terms import time_of_day
from fleetmon.model.window import Occurrence
from fleetmon.planning.checks import scope_problems, text_problems, time_problems
from fleetmon.planning.guards import LOOKED_AT, Objection, Plan, is_holiday, needs_second, objections, too_long
from fleetmon.planning.reach import Reach, reach
from fleetmon.planning.series import Series
from fleetmon.planning.settings import GuardSettings
from fleetmon.readout.planning.planned import draft


class Judgement(NamedTuple):
    """What is to be said of a schedule; `spans` are its times of the next quarter of a year."""

    problems: list[str]
    reach: Reach
    spans: list[Occurrence]
    objections: list[Objection]
    second: bool  # somebody else has to approve it


class Judging:
    """Judges schedules; a great fleet is walked in steps, so that others get their turn."""

    def __init__(self, engine: Engine, guards: Callable[[], GuardSettings], wall: Callable[[], int]) -> None:
        self._engine = engine
        self._wall = wall
        self._guards = guards

    async def judge(self, schedule: Schedule) -> Judgement:
        """As things are now."""
        now, rules = self._wall(), self._guards()
        found = await self._reach(schedule)
        problems = [*time_problems(schedule, now), *text_problems(schedule), *scope_problems(schedule, found)]
        if problems:
            return Judgement(problems, found, [], [], second=False)
        spans = [span for span in Series(schedule).spans(now, now + LOOKED_AT) if span.start < now + LOOKED_AT]
        refused = self.objections(schedule, spans, found)
        return Judgement([], found, spans, refused, needs_second(found, rules))

    async def allowed(self, schedule: Schedule, provider: str | None) -> Judgement:
        """Raises ScheduleError, GuardError, or ForbiddenError, for what must not be planned."""
        found = await self.judge(schedule)
        if found.problems:
            raise ScheduleError(found.problems)
        if provider is not None:
            own = all(cohort.provider == provider for cohort in found.reach.cohorts)
            if not own or schedule.host not in ("", provider):
                raise ForbiddenError("It touches terminals of others, too; narrow it by provider.")
        if found.objections:
            raise GuardError([(one.rule, one.facts) for one in found.objections])
        return found

    async def of_event(self, schedule: Schedule, now: int, known: dict[object, Reach]) -> Judgement:
        """Of what a calendar says; `known`: whom its other events touch. A host's own work passes the guard rails."""
        key = msgspec.json.encode((schedule.selector, schedule.host))
        found = known[key] if key in known else await self._reach(schedule)
        known[key] = found
        if problems := [*text_problems(schedule), *scope_problems(schedule, found)]:
            return Judgement(problems, found, [], [], second=False)
        spans = Series(schedule).spans(now, now + LOOKED_AT)
        if schedule.host:
            return Judgement([], found, spans, [], second=False)
        return Judgement([], found, spans, self.objections(schedule, spans, found), needs_second(found, self._guards()))

    def objections(self, schedule: Schedule, spans: list[Occurrence], found: Reach) -> list[Objection]:
        """What the guard rails refuse; flexible work may go on after its time to begin."""
        longer = (schedule.flexible_s or 0) * 1000
        ends = [Occurrence(span.start, span.end + longer) for span in spans]
        days = self._engine.explainer.ledger.directory.days
        return objections(Plan(ends, found, self._cutoffs(found)), self._guards(), days)

    def lasts(self, length: int) -> None:
        """Raises GuardError for work that would last longer, in ms, than any may; black-outs it is in already."""
        if found := too_long(length, self._guards()):
            raise GuardError([(one.rule, one.facts) for one in found])

    def is_free(self, terminals: Sequence[Terminal]) -> Callable[[Occurrence], bool]:
        """Whether single terminals may be worked on then: no holiday, and no black-out of the guard rails."""
        days, rules = self._engine.explainer.ledger.directory.days, self._guards()
        found = Reach(0, 0, merchants=frozenset(one.merchant for one in terminals))
        cutoffs = self._cutoffs(found)

        def free(span: Occurrence) -> bool:
            black = objections(Plan([span], found, cutoffs), rules, days)
            return not black and not is_holiday(day_of(span.start), days)

        return free

    async def _reach(self, schedule: Schedule) -> Reach:
        hosts = self._engine.explainer.ledger.directory.hosts
        steps = reach(self._engine.fleet, draft(schedule), hosts)
        while True:
            try:
                next(steps)
            except StopIteration as done:
                return done.value  # type: ignore[no-any-return]
            await asyncio.sleep(0)

    def _cutoffs(self, found: Reach) -> set[int]:
        """Of the merchants that are touched; of all, where nobody has looked which these are."""
        directory = self._engine.explainer.ledger.directory
        usual, merchants = directory.terms("").cutoff, directory.merchants
        rows = merchants.values() if found.merchants is None else filter(None, map(merchants.get, found.merchants))
        return {usual if row.cutoff is None else time_of_day(row.cutoff) for row in rows} or {usual}
