"""What became of visits: was anybody there, and is well what was wrong?

A visit is planned work that refers to a proposal, or the marks that a terminal tells while somebody works on it; those
of one site and day are one visit. What was wrong when it began, or should have, are the incidents of its terminals. It
is fixed when all are over and none came back within a day.
Where it can be wrong: who sends no marks was not there; a fault that ended by itself meanwhile counts as fixed.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from itertools import product
from typing import Final, NamedTuple

from msgspec import Struct, field

from fleetmon.engine import Engine
from fleetmon.engine.work.losses import UNABLE
from fleetmon.engine.work.visits import UNSAID
from fleetmon.engine.work.windows import candidates
from fleetmon.model.days import DAY, date_of, day_of
from fleetmon.model.episode import share
from fleetmon.model.incident import Incident
from fleetmon.model.terminal import Terminal
from fleetmon.model.window import Occurrence, Visit
from fleetmon.readout.planning.errands import reasons_of
from fleetmon.readout.planning.planned import Planned
from fleetmon.readout.planning.visiting import REFERENCE
from fleetmon.readout.slices import slowly
from fleetmon.web.visits import FaultView, Outcome, OutcomeList, OutcomeView, WorkedView
from fleetmon.web.windows import SpanView

MINUTE: Final = 60_000
_BACK: Final = DAY  # what is wrong again by then was not repaired


class _Key(NamedTuple):
    day: int
    provider: str
    site: str


class _Job(Struct):
    """A visit, put together from its plan and from marks."""

    terminals: dict[str, Terminal] = field(default_factory=dict)
    marks: dict[str, Visit] = field(default_factory=dict)
    window: str | None = None
    span: Occurrence | None = None


class Visited:
    """Looks back; keeps nothing."""

    def __init__(self, engine: Engine, planned: Planned, wall: Callable[[], int]) -> None:
        """`wall` tells the time."""
        self._engine = engine
        self._planned = planned
        self._wall = wall

    async def outcomes(self, provider: str | None, days: int) -> OutcomeList:
        """Those of the last days that are to be seen, the latest first."""
        jobs: dict[_Key, _Job] = defaultdict(_Job)
        now = self._wall()
        marked, since = list[str](), now - days * DAY
        async for window in slowly(list(self._planned.windows)):
            is_visit = window.provenance == "operator" and window.reference.startswith(f"{REFERENCE}/")
            spans = [span for span in window.occurrences if since < span.end and span.start <= now]
            if is_visit and spans and not window.cancelled:
                for terminal, span in product(candidates(self._engine.fleet, window), spans):
                    job = jobs[_key(terminal, span.start)]
                    job.terminals[terminal.id] = terminal
                    job.window, job.span = window.id, span
            elif window.provenance == "mark":
                marked.append(str(window.selector["terminal"]))
        async for key in slowly(marked):
            self._marks(key, since, jobs)
        seen = [key for key in sorted(jobs, reverse=True) if provider in (None, key.provider)]
        return OutcomeList([self._view(key, jobs[key]) async for key in slowly(seen)])

    def _marks(self, key: str, since: int, jobs: dict[_Key, _Job]) -> None:
        """Of one terminal, after what was planned: who comes after midnight may come as planned before it."""
        terminal = self._engine.fleet.terminals.get(key)
        for visit in self._engine.correlator.works.visits.of(key) if terminal is not None else ():
            if terminal is not None and visit.begin > since:
                of_day = _key(terminal, visit.begin)
                before = of_day._replace(day=of_day.day - 1)
                span = jobs[before].span if before in jobs else None
                job = jobs[before if span is not None and visit.begin < span.end else of_day]
                job.terminals[key] = terminal
                job.marks[key] = visit

    def _view(self, key: _Key, job: _Job) -> OutcomeView:
        worked = [self._worked(job.terminals[name], job) for name in sorted(job.terminals)]
        overdue = self._engine.correlator.works.overdue
        window = self._planned.windows.find(job.window) if job.window is not None else None
        return OutcomeView(
            provider=key.provider,
            region=next(iter(job.terminals.values())).cohort.region,
            site=key.site,
            date=date_of(key.day),
            outcome=_outcome([one.outcome for one in worked]),
            window=None if window is None else window.id.rpartition(":")[2],
            planned=None if job.span is None else SpanView(*job.span),
            missing=job.window is not None and overdue.is_missed(job.window),
            terminals=worked,
        )

    def _worked(self, terminal: Terminal, job: _Job) -> WorkedView:
        mark = job.marks.get(terminal.id)
        begin = mark.begin if mark is not None else job.span.start if job.span is not None else 0
        faults = list(self._faults(terminal, begin))
        outcome: Outcome = "fixed"
        if (mark is None or not mark.ended) and self._wall() < _limit(mark, job.span):
            outcome = "in_progress"
        elif mark is None:
            outcome = "not_done"
        elif any(one.came_back or one.cleared_at is None for one in faults):
            outcome = "not_fixed"
        ended = mark.ended or None if mark is not None else None
        by = mark.by if mark is not None else ""
        begun = None if mark is None else mark.begin
        end = min(ended or _limit(mark, job.span), self._wall())
        return WorkedView(terminal.id, outcome, begun, ended, by, self._lost_s(terminal, begin, end), faults)

    def _lost_s(self, terminal: Terminal, begin: int, end: int) -> int:
        """Minute by minute, how long it could take no payment while its shop traded."""
        told = self._engine.explainer.timeline.of(f"terminal/{terminal.id}", begin, end)
        lost = [one for one in told if one.kind in UNABLE]
        is_open = self._engine.shard.checkup.trade.is_open
        minutes = range(begin, end, MINUTE) if lost else range(0)
        return round(sum(share(lost, at, min(at + MINUTE, end)) for at in minutes if is_open(terminal, at)) * 60)

    def _faults(self, terminal: Terminal, begin: int) -> Iterator[FaultView]:
        """What a visit could repair and was wrong when it began."""
        told = self._engine.correlator.incidents.about((("terminal", terminal.id),))
        for one in told:
            lasted = one.opened_at < begin and (one.resolved_at is None or one.resolved_at >= begin)
            if lasted and (reasons_of(self._engine, one) or one.kind == "device_fault"):
                back = any(_came_back(one, other) for other in told)
                yield FaultView(one.kind, one.id, one.resolved_at, back)


def _limit(mark: Visit | None, span: Occurrence | None) -> int:
    """Until when somebody may be there who has not said that it is done."""
    marked = (mark.until or mark.begin + UNSAID) if mark is not None else 0
    return max(marked, span.end if span is not None else 0)


def _came_back(fault: Incident, other: Incident) -> bool:
    ended = fault.resolved_at
    return ended is not None and other.kind == fault.kind and ended <= other.opened_at < ended + _BACK


def _key(terminal: Terminal, at: int) -> _Key:
    return _Key(day_of(at), terminal.cohort.provider, terminal.site or terminal.id)


def _outcome(found: list[Outcome]) -> Outcome:
    """Of all terminals: nobody was there, somebody is, all is well, or not."""
    for one in ("in_progress", "not_fixed"):
        if one in found:
            return one
    if all(one == "not_done" for one in found):
        return "not_done"
    return "not_fixed" if "not_done" in found else "fixed"
