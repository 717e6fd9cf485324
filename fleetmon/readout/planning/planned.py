"""Planned work as it is to be seen: of people and calendars from the books, of hosts and technicians from the core.

Whoever is confined to a provider sees what covers any of its terminals. Where it can be wrong: work on merchants is
judged by who serves these merchants, not by each of their terminals.
"""

from collections.abc import Callable, Sequence
from typing import Final, Protocol

from msgspec.structs import replace

from fleetmon.engine import Engine, Outcome
from fleetmon.engine.groups import covers
from fleetmon.engine.work.windows import Windows, candidates
from fleetmon.model.incident import Incident
from fleetmon.model.schedule import Entry, Schedule
from fleetmon.model.terminal import Cohort, Terminal
from fleetmon.model.window import Occurrence, Window, values, window_id
from fleetmon.planning.guards import LOOKED_AT
from fleetmon.planning.horizon import window_of
from fleetmon.planning.plans import Plans
from fleetmon.planning.reach import Reach
from fleetmon.planning.series import Series
from fleetmon.readout.names import names
from fleetmon.readout.planning.touched import touched
from fleetmon.readout.sight import Sight
from fleetmon.readout.slices import slowly
from fleetmon.web.ports import WindowFilter
from fleetmon.web.views import IncidentView
from fleetmon.web.windows import ShopView, SpanView, WindowState, WindowView

SHOWN: Final = 10  # times to come


class Commit(Protocol):
    """Writes versions down and has them in force; called where the engine may be changed.

    Of each: the entry, what was done (a verb in the past tense), and the version before.
    """

    def __call__(self, versions: Sequence[tuple[Entry, str, Entry | None]], now: int, /) -> Outcome: ...  # noqa: D102


class Planned:
    """Looks at planned work, and changes nothing."""

    def __init__(self, engine: Engine, plans: Plans, wall: Callable[[], int]) -> None:
        """`wall` tells the time: the engine's own stands still while nothing is due."""
        self._engine = engine
        self._wall = wall
        self._plans = plans

    @property
    def windows(self) -> Windows:
        """What the core knows."""
        return self._engine.correlator.works.windows

    async def page(self, provider: str | None, wanted: WindowFilter, after: str | None, limit: int) -> list[WindowView]:
        """By id, those after `after`; in short steps, for whoever is confined is looked for among all."""
        others = {window.id for window in self.windows if window.provenance != "operator"}
        found: list[WindowView] = []
        async for key in slowly(sorted({entry.id for entry in self._plans} | others)):
            if after is None or key > after:
                view = self.view(provider, key)
                found += [view] if view is not None and _fits(view, wanted) else []
                if len(found) == limit:
                    break
        return found

    def view(self, provider: str | None, key: str) -> WindowView | None:
        """One of them; None where there is none to be seen."""
        entry, window = self._plans.find(key), self.windows.find(key)
        if entry is not None:
            window = self.windows.find(window_id("operator", entry.id)) or self.window(entry)
        if window is None or not self.sees(provider, window):
            return None
        return self.shown(entry, window)

    def shown(self, entry: Entry | None, window: Window) -> WindowView:
        """How it stands now."""
        now, overdue = self._wall(), self._engine.correlator.works.overdue
        state: WindowState = self.windows.state(window, now)
        spans: Sequence[Occurrence] = window.occurrences
        if entry is not None and entry.state == "proposed":  # whoever is to approve it has to see when it would be
            spans = Series(entry.schedule).spans(now, now + LOOKED_AT)
        coming = [span for span in spans if span.end > now][:SHOWN]
        if entry is not None and entry.state != "approved":
            state = entry.state
        view = WindowView(
            id=window.id if entry is None else entry.id,
            window=window.id,
            provenance=window.provenance,
            state=state,
            owner=window.owner,
            reason=window.reason,
            selector=window.selector,
            host=window.host,
            occurrences=[SpanView(*span) for span in coming],
            overdue=overdue.is_missed(window.id),
        )
        return view if entry is None else _with_entry(view, entry)

    def window(self, entry: Entry) -> Window:
        """The core's window of an entry, also of one that is not in force."""
        return window_of(entry, tuple(self._plans.occurrences(entry.id)))

    def sees(self, provider: str | None, window: Window) -> bool:
        """Whether it covers any terminal that is to be seen."""
        return provider is None or provider in providers(self._engine, window)

    def owns(self, provider: str | None, window: Window) -> bool:
        """Whether it covers no others."""
        return provider is None or providers(self._engine, window) == {provider}

    def serves(self, window: Window, host: str) -> bool:
        """Whether it covers terminals whose sales this host takes."""
        fleet, named = self._engine.fleet, window.selector
        if "terminal" in named or "site" in named:
            return any(one.cohort.acquirer == host for one in candidates(fleet, window) if window.covers(one))
        if "merchant" in named:
            directory = self._engine.explainer.ledger.directory
            return any(directory.acquirer(key) == host for key in values(named["merchant"]))
        return any(cohort.acquirer == host and window.covers(_one_of(cohort)) for cohort, _ in fleet.census.counts)

    def incidents(self, provider: str | None, window: Window, reach: Reach) -> list[IncidentView]:
        """The open ones of terminals that planned work would cover, as far as they are to be seen."""
        sight = Sight(self._engine.fleet, provider)
        touched = [one for one in self._engine.incidents if self._touches(window, reach, one)]
        return [sight.view(one, names(self._engine, one.scope)) for one in touched if sight.concerned(one)]

    async def shops(self, provider: str | None, window: Window) -> tuple[int, list[ShopView]]:
        """How many planned work would touch, and the largest, as far as they are to be seen."""
        return await touched(self._engine, provider, window)

    def _touches(self, window: Window, reach: Reach, incident: Incident) -> bool:
        fleet, scope = self._engine.fleet, dict(incident.scope)
        if "terminal" in scope:
            terminal = fleet.terminals.get(scope["terminal"])
            return terminal is not None and window.covers(terminal)
        if "site" in scope:
            return any(window.covers(terminal) for terminal in fleet.groups.shop(scope["site"]))
        if "merchant" in scope:
            return scope["merchant"] in (reach.merchants or ())
        if "host" in scope:
            return any(cohort.acquirer == scope["host"] for cohort in reach.cohorts)
        return bool(scope) and any(covers(incident.scope, cohort) for cohort in reach.cohorts)

    def in_force(self, entry: Entry, now: int, since: int) -> tuple[Occurrence, int | None] | None:
        """The last time in force since then, until its real end; and when flexible work in it began."""
        window = self.windows.find(window_id("operator", entry.id))
        if window is None:
            return None
        begun = {one.start: one.at for one in self.windows.told(window).begun}
        for span in reversed(window.occurrences):
            at = span.start if window.flexible_ms is None else begun.get(span.start)
            end = span.end if window.flexible_ms is None or at is None else at + window.flexible_ms
            if at is not None and at <= now and end > since:
                return Occurrence(span.start, end), begun.get(span.start)
        return None


def providers(engine: Engine, window: Window) -> set[str]:
    """Of the terminals that planned work covers."""
    fleet, named = engine.fleet, window.selector
    if window.behind or (window.host and not named):
        own = {cohort.provider for cohort, _ in fleet.census.counts if window.covers(_one_of(cohort))}
        return own | {window.host}
    if "terminal" in named or "site" in named:
        return {one.cohort.provider for one in candidates(fleet, window) if window.covers(one)}
    if "merchant" in named:
        merchants = engine.explainer.ledger.directory.merchants
        return {row.provider for key in values(named["merchant"]) if (row := merchants.get(key)) is not None}
    return {cohort.provider for cohort, _ in fleet.census.counts if window.covers(_one_of(cohort))}


def draft(schedule: Schedule) -> Window:
    """The window that a schedule would be."""
    return window_of(Entry("draft", schedule, "proposed", 0, 0, "", 0, ""), ())


def _one_of(cohort: Cohort) -> Terminal:
    return Terminal("", "", "", cohort, 0, 0)


def _fits(view: WindowView, wanted: WindowFilter) -> bool:
    return all(getattr(view, name) == value for name, value in wanted._asdict().items() if value is not None)


def _with_entry(view: WindowView, entry: Entry) -> WindowView:
    return replace(
        view,
        schedule=entry.schedule,
        version=entry.version,
        since=entry.since,
        author=entry.author,
        created_at=entry.created_at,
        created_by=entry.created_by,
        approved_by=entry.approved_by or None,
        calendar=entry.calendar or None,
    )
