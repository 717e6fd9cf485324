"""The morning report: what happened in a span up to now, what it cost, what is open, whose money is at risk.

The store is read, and the fleet's time summed up, in a thread; the ledger is walked on the loop in short steps. All
of it is as of the moment of the question. Whoever is confined to a provider is told of their terminals alone.
Where it can be wrong: a fleet whose planned work was changed afterwards is told by the work as it stands now.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta, tzinfo
from functools import partial
from typing import Final, NamedTuple, Protocol, TypeVar

from fleetmon.detect.settlement_overdue import SETTLEMENT_OVERDUE
from fleetmon.engine import Engine
from fleetmon.model.days import LAST, day_from
from fleetmon.model.incident import Incident
from fleetmon.model.terminal import Liveness
from fleetmon.planning.ical.scope import selector_text
from fleetmon.planning.zones import EPOCH, instant, local
from fleetmon.readout.names import names
from fleetmon.readout.report.availability import KINDS, Attendance, Columns, attendance
from fleetmon.readout.report.costs import Cost, Costs
from fleetmon.readout.report.danger import CAUSED, Danger
from fleetmon.readout.report.gaps import Gaps, PlannedTimes
from fleetmon.readout.report.spans import Span, length, merged, within
from fleetmon.readout.report.takings import Missed, Takings
from fleetmon.readout.sight import Sight, concerns
from fleetmon.readout.slices import slowly
from fleetmon.store import Night, Store
from fleetmon.web.ports import WindowFilter
from fleetmon.web.report.views import (
    DataView,
    GapView,
    HappenedView,
    HourView,
    Level,
    PaymentsView,
    PlannedView,
    ReportView,
)
from fleetmon.web.windows import WindowView

FORMAT: Final = 1
SHOWN: Final = 50  # incidents
WORKS: Final = 200  # times of planned work
_ALL: Final = 2**31  # windows: which of them are of today is seen only when all are looked at
GOOD, WARNING = 0.95, 0.8  # the share of the fleet that can pay, as on the overview dashboard
_HOUR: Final = 3_600_000
_MOST: Final = 72  # columns
T = TypeVar("T")


class Present(NamedTuple):
    """What we know of ourselves now. Times in milliseconds."""

    trouble: str | None
    last_message: int | None
    canary_age_s: float | None


class Work(Protocol):
    """Planned work as it is to be seen."""

    async def page(self, provider: str | None, wanted: WindowFilter, after: str | None, limit: int) -> list[WindowView]:
        """By id."""


class Reckoned(NamedTuple):
    """What the store tells."""

    night: Night
    gaps: Gaps
    attendance: Attendance
    costs: Costs
    cost: dict[str, Cost]


class Reports:
    """Makes reports of one daemon."""

    def __init__(
        self,
        engine: Engine,
        store: Store,
        ask: Callable[[Callable[[], Reckoned]], Awaitable[Reckoned]],
        work: Work,
        present: Callable[[], Present],
        zone: tzinfo,
    ) -> None:
        """`ask` puts a question to the store in a thread; times are told in the zone."""
        self._engine = engine
        self._store = store
        self._ask = ask
        self._work = work
        self._present = present
        self._zone = zone

    async def make(self, provider: str | None, begin: int) -> ReportView:
        """The report on everything since `begin` (ms)."""
        engine, now, zone = self._engine, self._engine.now, self._zone
        span, sight = (begin, now), Sight(engine.fleet, provider)
        windows = self._windows(span)
        heard = {one.id: one.clear_since for one in engine.incidents if one.clear_since is not None}
        found = await self._ask(partial(self._reckon, span, provider, windows, (engine.shard.deaf_since, heard)))
        danger = Danger(engine, sight, confined=provider is not None)
        await danger.look()
        moment = partial(_moment, zone)
        seen = [one for one in found.night.incidents if sight.concerned(one)]
        happened = await self._happened(found, seen, danger, moment)
        today_ends = _tomorrow(now, zone)
        windows_now = await self._work.page(provider, WindowFilter(), None, _ALL)
        planned = _planned(windows_now, now, today_ends, moment)
        return ReportView(
            format=FORMAT,
            made_at=moment(now),
            begin=moment(begin),
            end=moment(now),
            zone=str(zone),
            provider=provider,
            payments=self._payments(provider, found),
            money=danger.money(),
            data=self._data(provider, found.gaps, moment),
            hours=_hours(found.attendance.columns, moment),
            happened=happened[:SHOWN],
            happened_left_out=max(len(happened) - SHOWN, 0),
            open=[one.id for one in happened[:SHOWN] if one.end is None],
            at_risk=await danger.merchants(today_ends, moment),
            planned=planned[:WORKS],
            open_left_out=sum(one.end is None for one in happened[SHOWN:]),
            planned_left_out=max(len(planned) - WORKS, 0),
        )

    # -- in a thread -------------------------------------------------------------------------------

    def _reckon(
        self, span: Span, provider: str | None, windows: PlannedTimes, deaf: tuple[int | None, Mapping[str, int]]
    ) -> Reckoned:
        night = self._store.night(*span)
        gaps = Gaps(night, span, *deaf)
        found = attendance(night, _edges(span, self._zone), provider, gaps.blind, windows.of)
        costs = Costs(night.incidents, span[1])
        return Reckoned(night, gaps, found, costs, costs.of(found.lost))

    def _windows(self, span: Span) -> PlannedTimes:
        windows = self._engine.correlator.works.windows
        touching = [(window, within(span, merged(windows.spans(window)))) for window in windows if not window.cancelled]
        return PlannedTimes([(window, spans) for window, spans in touching if spans])

    # -- its parts ---------------------------------------------------------------------------------

    def _payments(self, provider: str | None, found: Reckoned) -> PaymentsView:
        now, columns = self._now(provider), found.attendance.columns
        sums = {kind: sum(columns.sums(kind)) for kind in ("up", "down", "idle", "planned")}
        possible = sums["up"] + sums["down"]
        unexplained = found.cost.get("", Cost()).lost_ms
        return PaymentsView(
            level=self._level(now),
            terminals=now["all"],
            expected=now["expected"],
            paying=now["up"] - now["idle"],
            idle=now["idle"],
            quiet=now["quiet"],
            availability=(sums["up"] - sums["idle"]) / possible if possible else None,
            lost_s=(sums["down"] + sums["idle"]) / 1000,
            lost_terminals=len({one.terminal.id for one in found.attendance.lost}),
            planned_s=sums["planned"] / 1000,
            unexplained_s=unexplained / 1000,
        )

    def _now(self, provider: str | None) -> Counter[str]:
        """Terminals as they are now: all, expected, not proven down, and of these not able to pay, or sold nothing."""
        engine, found = self._engine, Counter[str]()
        covered, unheard = engine.covered.counts, engine.shard.unheard
        for (cohort, liveness), count in engine.fleet.census.counts.items():
            if provider not in (None, cohort.provider):
                continue
            found["all"] += count
            open_ = count - covered.get((cohort, liveness), 0)
            if liveness in (Liveness.UP, Liveness.SUSPECT, Liveness.DOWN) and not engine.deaf:
                found["unheard" if cohort.provider in unheard else "expected"] += open_
                found["up"] += open_ if liveness is not Liveness.DOWN and cohort.provider not in unheard else 0
        terminals = engine.fleet.terminals
        for key, why in engine.shard.checkup.not_paying.items():
            terminal = terminals.get(key)
            if terminal is not None and provider in (None, terminal.cohort.provider) and engine.shown(terminal) == "up":
                found["quiet" if why == "quiet" else "idle"] += 1
        return found

    def _level(self, now: Counter[str]) -> Level:
        if not now["expected"]:
            return "unknown" if self._engine.deaf or now["unheard"] else "good"
        share = (now["up"] - now["idle"]) / now["expected"]
        return "good" if share >= GOOD else "warning" if share >= WARNING else "bad"

    def _data(self, provider: str | None, gaps: Gaps, moment: Callable[[int], datetime]) -> DataView:
        present, engine = self._present(), self._engine
        shown = {name: spans for name, spans in gaps.deaf.items() if provider is None or name in ("", provider)}
        told = [GapView(moment(a), moment(b), "deaf", name or None) for name, spans in shown.items() for a, b in spans]
        told += [GapView(moment(begin), moment(end), "unwatched", None) for begin, end in gaps.unwatched]
        deaf = merged([*gaps.deaf[""], *(gaps.deaf.get(provider, ()) if provider else ())])
        bad = (
            engine.deaf
            or present.trouble is not None
            or bool(engine.shard.unheard and provider in (None, *engine.shard.unheard))
        )
        return DataView(
            level="bad" if bad else "warning" if told else "good",
            trouble=present.trouble,
            last_message_at=None if present.last_message is None else moment(present.last_message),
            canary_age_s=present.canary_age_s,
            deaf_s=length(deaf) / 1000,
            unwatched_s=length(gaps.unwatched) / 1000,
            gaps=sorted(told, key=lambda one: (one.begin, one.provider or "")),
        )

    async def _happened(
        self, found: Reckoned, seen: Sequence[Incident], danger: Danger, moment: Callable[[int], datetime]
    ) -> list[HappenedView]:
        """The incidents that explain themselves, the worst first."""
        families: dict[str, list[Incident]] = {}
        for one in seen:
            families.setdefault(found.costs.root(one).id, []).append(one)
        takings, views = Takings(self._engine), list[HappenedView]()
        async for one in slowly(found.night.incidents):
            family = families.get(one.id)
            if family:
                cost = found.cost.get(one.id, Cost())
                missed = await takings.missed(cost)
                views.append(self._view(one, family, cost, missed, danger, moment))
        return sorted(views, key=_worst_first)

    def _view(
        self,
        one: Incident,
        family: Sequence[Incident],
        cost: Cost,
        missed: Missed,
        danger: Danger,
        moment: Callable[[int], datetime],
    ) -> HappenedView:
        known = one.acknowledgement
        return HappenedView(
            id=one.id,
            kind=one.kind,
            scope=dict(one.scope),
            severity=one.severity,
            status=one.status.value,
            begin=moment(one.began),
            end=None if one.resolved_at is None else moment(one.resolved_at),
            terminals=one.terminals,
            explains=sum(other.id != one.id for other in family),
            actor=CAUSED.get(one.kind, "on-call"),
            paged=one.paged_at is not None,
            acknowledged_by=None if known is None else known.author,
            planned=(one.suppressed_by or "").startswith("window"),
            lost_s=cost.lost_ms / 1000 if cost.stretches else None,
            lost_terminals=len(cost.terminals),
            missed_sales=None if missed.sales is None else round(missed.sales, 1),
            missed=missed.amount,
            unjudged=missed.unjudged,
            waiting=self._waiting(one, danger) if one.resolved_at is None else 0,
            late=_late(family, danger),
            names=names(self._engine, one.scope),
            failing=one.failing.sign if one.failing is not None else "",
        )

    def _waiting(self, incident: Incident, danger: Danger) -> int:
        terminals = self._engine.fleet.terminals
        if [name for name, _ in incident.scope] == ["terminal"]:  # most are, and there may be thousands
            return danger.waiting[incident.scope[0][1]]
        waiting = ((terminals.get(key), amount) for key, amount in danger.waiting.items())
        return sum(amount for terminal, amount in waiting if terminal is not None and concerns(incident, terminal))


def _moment(zone: tzinfo, at: int) -> datetime:
    return (EPOCH + timedelta(milliseconds=min(at, LAST))).astimezone(zone)


def _tomorrow(now: int, zone: tzinfo) -> int:
    """When the day ends there."""
    return instant(local(now, zone).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1), zone)


def _edges(span: Span, zone: tzinfo) -> list[int]:
    """Of columns that begin with the hour there, or every few hours or days of a long span."""
    begin, end = span
    width = next((hours * _HOUR for hours in (1, 6, 24) if (end - begin) <= _MOST * hours * _HOUR), 24 * _HOUR)
    offset = instant(local(begin, zone).replace(hour=0, minute=0, second=0, microsecond=0), zone)
    first = begin + (offset - begin) % width
    return sorted({begin, *range(first, end, width), end})


def _hours(columns: Columns, moment: Callable[[int], datetime]) -> list[HourView]:
    up, down, idle, planned, blind = ([part / 1000 for part in columns.sums(kind)] for kind in KINDS)
    return [
        HourView(
            moment(columns.edges[place]), moment(columns.edges[place + 1]), up[place] - idle[place], down[place],
            idle[place], planned[place], blind[place],
        )
        for place in range(len(up))
    ]  # fmt: skip


def _late(family: Sequence[Incident], danger: Danger) -> int | None:
    """The late money of these incidents; None where none is about money."""
    scopes = [dict(one.scope) for one in family if one.kind == SETTLEMENT_OVERDUE.kind]
    if not scopes:
        return None
    days = {(scope["merchant"], day_from(scope["business_date"])) for scope in scopes}
    return sum(danger.late[day][1] for day in days if day in danger.late)


def _worst_first(one: HappenedView) -> tuple[float, float, int, datetime, str]:
    money = (one.missed or 0) + one.waiting + (one.late or 0)
    return -money, -(one.lost_s or 0), ("critical", "warning", "info").index(one.severity), one.begin, one.id


def _planned(found: Sequence[WindowView], now: int, until: int, moment: Callable[[int], datetime]) -> list[PlannedView]:
    times = [
        PlannedView(
            one.id, moment(span.start), moment(span.end), one.owner, one.reason,
            selector_text(one.selector) or (f"host={one.host}" if one.host else ""), one.state,
        )
        for one in found
        if one.state in ("scheduled", "active")
        for span in one.occurrences
        if span.start < until and span.end > now
    ]  # fmt: skip
    return sorted(times, key=lambda one: (one.begin, one.id))
