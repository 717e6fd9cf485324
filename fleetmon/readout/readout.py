"""The daemon's answers to the web: the fleet from memory, the past from the store.

What is read from the engine is taken on the event loop, between two batches, so it is of one moment;
what is read from the store waits in threads of its own, so that a slow database delays neither health
nor metrics, and gives up after `PATIENCE_S`; a report, which reads far more, after `REPORT_PATIENCE_S`.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Final, TypeVar
from zoneinfo import ZoneInfo

from msgspec import Struct

from fleetmon.detect import POLICIES
from fleetmon.detect.not_paying import REASONS
from fleetmon.engine import Engine
from fleetmon.ingest.intake import Intake
from fleetmon.ingest.mqtt import Subscriber
from fleetmon.locale import Audience
from fleetmon.model.errors import StoreError
from fleetmon.model.incident import Incident, Status
from fleetmon.model.schedule import CHINA
from fleetmon.model.topics import Topics
from fleetmon.readout import refusals
from fleetmon.readout.acknowledging import Acknowledging, Act, audit_view
from fleetmon.readout.enquiry.clientele import Clientele
from fleetmon.readout.enquiry.nearest import Nearest
from fleetmon.readout.enquiry.settlements import Settlements
from fleetmon.readout.names import names
from fleetmon.readout.owed import owed
from fleetmon.readout.planning.excuses import excuses
from fleetmon.readout.planning.planning import Planning
from fleetmon.readout.portrait import Portrait
from fleetmon.readout.report.report import Present, Reports
from fleetmon.readout.roster import Roster
from fleetmon.readout.sight import Sight
from fleetmon.readout.situations import Situations
from fleetmon.readout.slices import slowly
from fleetmon.sinks.alertmanager import Alertmanager
from fleetmon.sinks.metrics import Readings, render
from fleetmon.sinks.route import Route
from fleetmon.sinks.silences import Silences
from fleetmon.store import QuarantineRow, Store
from fleetmon.web.access import Tokens
from fleetmon.web.explanations import MerchantSettlements, MerchantView, SettlementView
from fleetmon.web.ports import (
    Page,
    Place,
    ProspectFilter,
    ProspectPlace,
    SalePlace,
    SettlementFilter,
    TerminalFilter,
)
from fleetmon.web.report.views import ReportView
from fleetmon.web.views import (
    AcknowledgementView,
    ChangeView,
    IncidentDetail,
    IncidentView,
    ProspectView,
    RefusedView,
    TerminalDetail,
    TerminalView,
    TransitionView,
    acknowledgement_view,
)

PATIENCE_S: Final = 5.0  # with the store, for one question
REPORT_PATIENCE_S: Final = 60.0  # a month of a large fleet is long in the reading
LATEST_CHANGES: Final = 50  # shown with a terminal or an incident
_BATCH: Final = 200  # rows looked through at a time for those that may be seen
T = TypeVar("T")


class Vitals(Struct, frozen=True):
    """What the daemon knows of itself. Times in milliseconds since 1970."""

    link_trouble: str | None  # why we hear nothing; None when we do
    last_message: int | None
    last_canary_s: float | None  # in seconds since 1970
    uncommitted: int
    outbox: Mapping[tuple[str, str], int]  # (incident, status) that nobody was told yet -> since when
    loop_lag_s: float
    reload_succeeded: bool  # the last one
    reloaded_s: float  # when one did, in seconds since 1970


@dataclass
class Readout:
    """What the daemon lets be read; `fleetmon.web.ports.Ports` says what each method answers."""

    engine: Engine
    store: Store
    intake: Intake
    topics: Topics
    subscriber: Subscriber
    alertmanagers: Sequence[Alertmanager]
    silences: Sequence[Silences]
    routes: Sequence[Route]
    vitals: Callable[[], Vitals]
    tokens: Callable[[], Tokens | None]
    reload: Callable[[], Awaitable[None]]
    act: Act
    planning: Planning
    zone: str = CHINA  # of the fleet, in which the report is told
    _readers: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(max_workers=4, thread_name_prefix="store-reader"), init=False
    )
    _reporter: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(max_workers=1, thread_name_prefix="reporter"), init=False
    )

    def __post_init__(self) -> None:
        """What is kept between two questions."""
        self._roster = Roster(self.engine.fleet.terminals)
        self._portrait = Portrait(self.engine)
        self._situations = Situations(self.engine)
        self._prospects = self.planning.visiting.prospects
        self._clientele = Clientele(self.engine)
        self._settlements = Settlements(self.engine, self._clientele)
        self.nearest = Nearest(self.engine, self._clientele).of
        acknowledging = Acknowledging(self.engine, self.store, self._ask, self.act)
        self.acknowledge, self.unacknowledge = acknowledging.put, acknowledging.withdraw
        self.audit = acknowledging.audit
        zone = ZoneInfo(self.zone)
        self.reports = Reports(self.engine, self.store, self._reckon, self.planning, self._present, zone)

    def close(self) -> None:
        """Take no more questions to the store; whoever waits for an answer gets none."""
        for pool in (self._readers, self._reporter):
            pool.shutdown(wait=False, cancel_futures=True)

    # -- the daemon itself -------------------------------------------------------------------------

    def metrics(self) -> Page:
        """A page of metrics as of now."""
        return partial(render, self._readings())

    def not_ready(self) -> list[str]:
        """What is missing before fleetmon can be relied on; empty when nothing is."""
        missing, trouble = [], self.vitals().link_trouble
        if trouble is not None:
            missing.append(f"broker: {trouble}")
        if self.store.failing is not None:
            missing.append(f"store: {self.store.failing}")
        if self.alertmanagers and all(one.sends == one.failures for one in self.alertmanagers):
            missing.append("alertmanager: none was reached yet")
        return missing

    def now(self) -> int:
        """The time that the engine has reached."""
        return self.engine.now

    def recalled(self) -> bool:
        """Whether all is known again that was told before the start."""
        return self.engine.arrears.recalled

    def _readings(self) -> Readings:
        vitals, fleet = self.vitals(), self.engine.fleet
        idle = Counter(self.engine.shard.checkup.not_paying.values())
        return Readings(
            census=dict(fleet.census.counts),
            covered=self.engine.covered.counts,
            unregistered=fleet.census.unregistered,
            not_paying={str(reason): idle[reason] for reason in REASONS},
            clock_ahead_s=self.engine.shard.checkup.ahead_ms / 1000,
            deaf=self.engine.deaf,
            unheard=frozenset(self.engine.shard.unheard),
            kinds=tuple(POLICIES),
            incidents=self.engine.incidents,
            money=owed(self.engine),
            planned=self.planning.readings(),
            messages=dict(self.intake.counts),
            refused=dict(self.intake.quarantine.counts),
            order=dict(self.engine.shard.counts),
            connects=self.subscriber.connects,
            beats_per_second=fleet.census.beats_per_second,
            last_message_s=vitals.last_message / 1000 if vitals.last_message is not None else None,
            canary_lag_s=self.subscriber.canary_lag_s,
            last_canary_s=vitals.last_canary_s,
            uncommitted=vitals.uncommitted,
            commits=self.store.commits,
            store_failing=self.store.failing is not None,
            outbox=len(vitals.outbox),
            outbox_oldest_s=min(vitals.outbox.values()) / 1000 if vitals.outbox else None,
            alertmanagers={one.url: (one.sends, one.failures) for one in self.alertmanagers},
            silences={one.url: (dict(one.states), one.failures) for one in self.silences},
            routes=[one.reading for one in self.routes],
            loop_lag_s=vitals.loop_lag_s,
            reload_succeeded=vitals.reload_succeeded,
            reloaded_s=vitals.reloaded_s,
        )

    # -- terminals ---------------------------------------------------------------------------------

    async def terminals(
        self, provider: str | None, wanted: TerminalFilter, after: str | None, limit: int
    ) -> list[TerminalView]:
        """Terminals by id."""
        fits = self._portrait.chooser(wanted, provider)
        return [self._portrait.view(terminal) for terminal in await self._roster.page(after, limit, fits)]

    async def terminal(self, provider: str | None, key: str) -> TerminalDetail | None:
        """One terminal; its present is told even when the store does not answer."""
        changes = None
        try:
            found = await self.changes(provider, key, None, LATEST_CHANGES)
            changes = None if found is None else [change for _, change in found]
        except StoreError:
            pass
        sight = Sight(self.engine.fleet, provider)
        terminal = sight.terminal(key)
        return None if terminal is None else self._portrait.detail(terminal, sight, changes)

    async def prospects(
        self, provider: str | None, wanted: ProspectFilter, after: ProspectPlace | None, limit: int
    ) -> list[ProspectView]:
        """Terminals that are due for service."""
        return await self._prospects.page(provider, wanted, after, limit)

    async def changes(
        self, provider: str | None, key: str, before: int | None, limit: int
    ) -> list[tuple[int, ChangeView]] | None:
        """How a terminal's state changed, newest first."""
        if Sight(self.engine.fleet, provider).terminal(key) is None:
            return None
        rows = await self._ask(lambda: self.store.changes(key, before, limit))
        return [(row.id, ChangeView(row.at, row.before, row.after)) for row in rows]

    # -- incidents ---------------------------------------------------------------------------------

    async def incidents(
        self, provider: str | None, status: str | None, kind: str | None, before: Place | None, limit: int
    ) -> list[IncidentView]:
        """The pending ones from memory, all others from the store."""
        sight = Sight(self.engine.fleet, provider)
        # Memory first: what fires meanwhile is then found twice, and counts once, instead of not at all.
        found = {one.id: one for one in self._pending(status, kind, before) if sight.concerned(one)}
        visible = 0
        while visible < limit:
            ask = partial(self.store.incidents, status, kind, _BATCH, before)
            rows = await self._ask(ask)
            seen = [one for one in rows if sight.concerned(one)]
            found |= {one.id: one for one in seen}
            visible += len(seen)
            if len(rows) < _BATCH:
                break
            before = Place(rows[-1].opened_at, rows[-1].id)
        return [self._view(sight, one) for one in sorted(found.values(), key=_newest_first)[:limit]]

    def _view(self, sight: Sight, incident: Incident) -> IncidentView:
        return sight.view(incident, names(self.engine, incident.scope), excuses(self.engine, sight, incident))

    async def incident(self, provider: str | None, key: str) -> IncidentDetail | None:
        """One incident, with how it went and what people did about it."""
        sight = Sight(self.engine.fleet, provider)
        found = await self._incident(sight, key)
        if found is None:
            return None
        rows = await self._ask(lambda: self.store.transitions(key))
        audit = await self._ask(lambda: self.store.audit("incident", key, None, LATEST_CHANGES))
        transitions = [TransitionView(row.at, row.before, row.after, row.reason, row.terminals) for row in rows]
        view = self._view(sight, found)
        fields = {name: getattr(view, name) for name in IncidentView.__struct_fields__}
        return IncidentDetail(
            **fields,
            acknowledgement=acknowledgement_view(found),
            situation=self._situations.of(found, provider),
            transitions=transitions,
            audit=[audit_view(row) for row in reversed(audit)],
        )

    async def acknowledgement(self, provider: str | None, key: str) -> AcknowledgementView | None:
        """Who sees to an incident."""
        found = await self._incident(Sight(self.engine.fleet, provider), key)
        return None if found is None else acknowledgement_view(found)

    async def _incident(self, sight: Sight, key: str) -> Incident | None:
        """The store's word, for it has the past; a pending incident is in memory only."""
        held = next((one for one in self.engine.incidents if one.id == key), None)
        found = await self._ask(lambda: self.store.incident(key)) or held
        return found if found is not None and sight.concerned(found) else None

    def _pending(self, status: str | None, kind: str | None, before: Place | None) -> list[Incident]:
        if status not in (None, "pending"):
            return []
        return [
            incident
            for incident in self.engine.incidents
            if incident.status is Status.PENDING
            and kind in (None, incident.kind)
            and (before is None or _newest_first(incident) > (-before.opened_at, before.id))
        ]

    # -- refused messages --------------------------------------------------------------------------

    async def quarantine(
        self, provider: str | None, reason: str | None, before: int | None, limit: int
    ) -> list[RefusedView]:
        """Whoever is confined sees what terminals of the provider sent, as far as the topic tells."""
        sight, found = Sight(self.engine.fleet, provider), list[QuarantineRow]()
        while len(found) < limit:
            rows = await self._ask(partial(self.store.quarantine, _BATCH, before))
            for row in rows:
                if reason in (None, row.reason) and (provider is None or self._is_from(row.topic, sight)):
                    found.append(row)
            if len(rows) < _BATCH:
                break
            before = rows[-1].id
        return [refusals.view(row, self.topics) async for row in slowly(found[:limit])]

    def _is_from(self, topic: str, sight: Sight) -> bool:
        route = self.topics.route(topic)
        return route is not None and route.kind.sender == "terminal" and sight.terminal(route.key) is not None

    # -- money -------------------------------------------------------------------------------------

    async def settlements(
        self, provider: str | None, wanted: SettlementFilter, after: SalePlace | None, limit: int, audience: Audience
    ) -> list[SettlementView]:
        """Transactions whose money has not come."""
        return await self._settlements.page(provider, wanted, after, limit, audience)

    async def explanation(
        self, provider: str | None, terminal: str, transaction: str, audience: Audience
    ) -> SettlementView | None:
        """One transaction, as long as the ledger holds it."""
        return await self._settlements.one(provider, terminal, transaction, audience)

    async def merchants(self, provider: str | None, said: str, after: str | None, limit: int) -> list[MerchantView]:
        """Merchants by id."""
        return await self._clientele.page(provider, said, after, limit)

    async def merchant(self, provider: str | None, key: str) -> MerchantSettlements | None:
        """One merchant's money by business date."""
        return await self._settlements.of_merchant(provider, key)

    # -- all of it ---------------------------------------------------------------------------------

    async def report(self, provider: str | None, hours: int) -> ReportView:
        """What happened in the last hours."""
        return await self.reports.make(provider, self.engine.now - hours * 3_600_000)

    def _present(self) -> Present:
        vitals = self.vitals()
        age_s = None if vitals.last_canary_s is None else self.engine.now / 1000 - vitals.last_canary_s
        return Present(vitals.link_trouble or self.store.failing, vitals.last_message, age_s)

    # -- the store ---------------------------------------------------------------------------------

    async def _ask(self, question: Callable[[], T]) -> T:
        return await _answer(self._readers, PATIENCE_S, question)

    async def _reckon(self, question: Callable[[], T]) -> T:
        """For a report, one at a time: however many are asked for, other questions are answered meanwhile."""
        return await _answer(self._reporter, REPORT_PATIENCE_S, question)


async def _answer(pool: ThreadPoolExecutor, patience_s: float, question: Callable[[], T]) -> T:
    try:
        async with asyncio.timeout(patience_s):
            return await asyncio.get_running_loop().run_in_executor(pool, question)
    except TimeoutError:
        raise StoreError(f"no answer within {patience_s:g} s", retryable=True) from None


def _newest_first(incident: Incident) -> tuple[int, str]:
    return -incident.opened_at, incident.id
