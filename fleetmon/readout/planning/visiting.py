"""Where technicians ought to go: one visit for each site and provider, ranked by what it costs not to go.

The list is worked out for the whole fleet every few minutes when somebody asks, times are chosen for what is shown.
Rank: the sales that are lost in a day as expected, twice of what is wrong for a week, and money that waits there as so
many sales. Where it can be wrong: a sale counts the same whatever its amount; that technicians cannot be in two places
is seen to within one answer, not from page to page.
"""

import asyncio
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, Literal, NamedTuple
from zoneinfo import ZoneInfo

from fleetmon.engine import Engine
from fleetmon.engine.fleet import ALWAYS_OPEN
from fleetmon.engine.money.book import MONEY
from fleetmon.engine.terminal.usage import Usage
from fleetmon.locale import Language, fill, texts
from fleetmon.locale.errands import errand, spares
from fleetmon.model.days import DAY, date_of, day_of
from fleetmon.model.schedule import CHINA, Entry, Schedule
from fleetmon.model.terminal import Terminal
from fleetmon.model.window import Occurrence
from fleetmon.planning import zones
from fleetmon.planning.errands import REASONS
from fleetmon.planning.plans import Plans
from fleetmon.planning.quiet_hours import (
    Course,
    Shop,
    Slot,
    Week,
    attended,
    choose,
    is_attended,
    length,
    per_day,
)
from fleetmon.planning.rota import Rota, Team
from fleetmon.planning.settings import VisitSettings
from fleetmon.planning.versions import over_at
from fleetmon.readout.planning.errands import Errand, errands
from fleetmon.readout.planning.judging import Judging
from fleetmon.readout.planning.planned import Planned
from fleetmon.readout.planning.prospects import AGAIN, Prospects
from fleetmon.readout.planning.visit_files import calendar, table
from fleetmon.readout.slices import slowly
from fleetmon.web.ports import VisitFilter, VisitPlace
from fleetmon.web.visits import ErrandView, PlannedVisitView, ProposalView, VisitedTerminal, VisitView
from fleetmon.web.windows import SpanView

REFERENCE: Final = "visit"
MOST: Final = 1_000  # visits in a file
_LATE: Final = ("overdue", "held", "returned")
_TICKET: Final = 10_000  # fen; so much waiting money counts as one sale
_OLD: Final = 7 * DAY  # from then on a fault counts twice
_TIE: Final = 0.01  # sales a day: what costs none, as old software and dormancy, decides between equals alone
_LEAD: Final = 7_200_000  # nobody can be there before
_ZONE: Final = ZoneInfo(CHINA)


class Stop(NamedTuple):
    """One site, for one provider."""

    place: VisitPlace
    provider: str
    region: str
    terminals: Sequence[tuple[Terminal, Sequence[Errand]]]
    at_risk: int

    @property
    def team(self) -> Team:
        """Whoever goes there."""
        return Team(self.provider, self.region)


class Visiting:
    """The list of one engine."""

    def __init__(
        self,
        engine: Engine,
        plans: Plans,
        planned: Planned,
        judging: Judging,
        settings: Callable[[], VisitSettings],
        wall: Callable[[], int],
    ) -> None:  # fmt: skip
        """`wall` tells the time."""
        self.prospects = Prospects(engine)
        self._engine = engine
        self._plans = plans
        self._planned = planned
        self._judging = judging
        self._settings = settings
        self._wall = wall
        self._ranked: list[Stop] = []
        self._asked_at: int | None = None
        self._turn = asyncio.Lock()

    async def page(
        self, provider: str | None, wanted: VisitFilter, after: VisitPlace | None, limit: int, language: Language
    ) -> list[VisitView]:
        """The first `limit` visits after a place, of those that are to be seen."""
        async with self._turn:
            await self._refresh()
        start = 0 if after is None else bisect_right(self._ranked, _order(after), key=lambda one: _order(one.place))
        known, found = _by_site(self._plans), list[VisitView]()
        rota = self._rota(known)
        async for stop in slowly(self._ranked[start:]):
            if provider in (None, stop.provider) and _fits(stop, wanted) and self._is_current(stop):
                entries = known.get((stop.provider, stop.place.site), ())
                found.append(self._view(stop, wanted, entries, rota, language))
                if len(found) == limit:
                    break
        return found

    def _rota(self, known: Mapping[tuple[str, str], Sequence[Entry]]) -> Rota | None:
        """When technicians are out by what is planned; None where nobody says how many there are."""
        most, now = self._settings().technicians, self._wall()
        if most is None:
            return None
        fleet, rota = self._engine.fleet, Rota(most)
        for (provider, site), entries in known.items():
            entry = self._coming(provider, entries)
            first = next(iter(fleet.groups.shop(site)), None) or fleet.terminals.get(site)
            if entry is not None and first is not None:
                spans = [span for span in self._plans.occurrences(entry.id) if span.end > now]
                rota.take(Team(provider, first.cohort.region), site, spans)
        return rota

    async def file(
        self, provider: str | None, wanted: VisitFilter, form: Literal["csv", "ics"], language: Language
    ) -> bytes:
        """All of them in one file, `csv` or `ics`."""
        visits = await self.page(provider, wanted, None, MOST, language)
        if form == "csv":
            return table(visits, language)
        return await asyncio.to_thread(calendar, visits, self._wall(), language)

    def _is_current(self, stop: Stop) -> bool:
        """Whether these are the provider's terminals still: another registry counts at once, but in the ranks."""
        terminals = self._engine.fleet.terminals
        return all(terminals.get(one.id) is one and one.cohort.provider == stop.provider for one, _ in stop.terminals)

    async def _refresh(self) -> None:
        now = self._wall()
        if self._asked_at is not None and self._asked_at <= now < self._asked_at + AGAIN:
            return
        sites: dict[tuple[str, str], list[tuple[Terminal, Sequence[Errand]]]] = defaultdict(list)
        found = await errands(self._engine, self.prospects)
        for key in sorted(found):
            terminal = self._engine.fleet.terminals[key]
            if any(one.reason != "old_firmware" for one in found[key]):
                sites[terminal.cohort.provider, terminal.site or key].append((terminal, found[key]))
        ranked = []
        async for (provider, site), rows in slowly(sites.items()):
            at_risk = self._at_risk([terminal for terminal, _ in rows])
            score = round(sum(_weight(*row, now) for row in rows) + at_risk / _TICKET, 2)
            region = rows[0][0].cohort.region
            ranked.append(Stop(VisitPlace(score, provider, site), provider, region, rows, at_risk))
        self._ranked, self._asked_at = sorted(ranked, key=lambda one: _order(one.place)), now

    def _at_risk(self, terminals: Iterable[Terminal]) -> int:
        """Money of their sales that is late, or will be unless something happens."""
        ledger, outlook, now = self._engine.explainer.ledger, self._engine.arrears.outlook, self._engine.now
        by_merchant: dict[str, set[str]] = defaultdict(set)
        for terminal in terminals:
            by_merchant[terminal.merchant].add(terminal.id)
        total = 0
        for merchant, keys in by_merchant.items():
            book = ledger.books.get(merchant) if merchant else None
            for sale in book.sales.values() if book is not None else ():
                if sale.terminal in keys and sale.kind in MONEY and (sale.accepted or sale.stored):
                    standing = ledger.standing(sale, now)
                    waits = standing.state in _LATE or outlook.risk(sale, standing, now) is not None
                    total += sale.amount if waits and sale.kind != "refund" else 0
        return total

    # -- one of them -------------------------------------------------------------------------------

    def _view(
        self, stop: Stop, wanted: VisitFilter, entries: Sequence[Entry], rota: Rota | None, language: Language
    ) -> VisitView:
        planned = self._coming(stop.provider, entries)
        week = self._week(stop)
        slot = self._slot(stop, week, wanted, rota)
        if rota is not None and slot is not None and planned is None:
            rota.take(stop.team, stop.place.site, [slot.span])
        since = [one.since for _, found in stop.terminals for one in found if one.since]
        return VisitView(
            provider=stop.provider,
            region=stop.region,
            site=stop.place.site,
            name=self._name(stop),
            merchants=sorted({terminal.merchant for terminal, _ in stop.terminals} - {""}),
            score=stop.place.score,
            at_risk=stop.at_risk,
            since=min(since, default=None),
            parts=_parts(stop),
            terminals=[_terminal(*row) for row in stop.terminals],
            zone=CHINA,
            proposal=None if slot is None else self._proposal(stop, week, slot, planned, language),
            planned=None if planned is None else self._planned_view(planned),
        )

    def _slot(self, stop: Stop, week: Week, wanted: VisitFilter, rota: Rota | None) -> Slot | None:
        settings, terminals = self._settings(), [terminal for terminal, _ in stop.terminals]
        used = [(Usage.of(terminal.usage), max(one.lost for one in found)) for terminal, found in stop.terminals]
        works = Course([(usage, 1 - lost) for usage, lost in used], week)
        shop = Shop(length(len(terminals), settings), week, works, Course(used, week))
        begin = max(wanted.begin or 0, self._wall() + _LEAD)
        allowed = self._judging.is_free(terminals)

        def free(span: Occurrence) -> bool:
            return (rota is None or rota.is_free(stop.team, stop.place.site, span)) and allowed(span)

        return choose(shop, begin, begin + wanted.days * DAY, settings, free)

    def _week(self, stop: Stop) -> Week:
        """When somebody is there; also by the terminals of the shop that need nobody."""
        first = stop.terminals[0][0]
        hours, shop = self._engine.fleet.hours(first), self._engine.fleet.groups.shop(first.site) or [first]
        usages = [Usage.of(terminal.usage) for terminal in shop]
        return attended(None if hours is ALWAYS_OPEN else hours, usages)

    def _proposal(self, stop: Stop, week: Week, slot: Slot, planned: Entry | None, language: Language) -> ProposalView:
        span, site = slot.span, stop.place.site
        fresh = f"{REFERENCE}/{stop.provider}/{site}/{date_of(day_of(span.start))}"
        why = {one.reason: errand(one.reason, language) for _, found in stop.terminals for one in found}
        said = {"name": self._name(stop) or site, "why": texts(language)["spare.between"].join(why.values())}
        said |= {"parts": spares(parts, language)} if (parts := _parts(stop)) else {}
        schedule = Schedule(
            starts=zones.written(span.start, _ZONE),
            duration_s=(span.end - span.start) // 1000,
            owner=stop.provider,
            selector={"terminal": sorted(terminal.id for terminal, _ in stop.terminals)},
            reason=fill(texts(language)["visit.reason"], said),
            reference=fresh if planned is None else planned.schedule.reference,
        )
        before = not is_attended(week, span.start)
        return ProposalView(SpanView(*span), round(slot.sales, 1), round(slot.usual, 1), before, schedule)

    def _name(self, stop: Stop) -> str:
        row = self._engine.explainer.ledger.directory.merchants.get(stop.terminals[0][0].merchant)
        return "" if row is None else row.name

    def _coming(self, provider: str, entries: Sequence[Entry]) -> Entry | None:
        """What is planned there and not over; the latest word on it. Others may give their work any reference, too."""
        now = self._wall()
        entries = [one for one in entries if self._planned.sees(provider, self._planned.window(one))]
        coming = [one for one in entries if any(span.end > now for span in self._plans.occurrences(one.id))]
        waiting = [one for one in entries if one.state == "proposed" and ((end := over_at(one)) is None or end > now)]
        return max([*coming, *waiting], key=lambda one: (one.since, one.id), default=None)

    def _planned_view(self, entry: Entry) -> PlannedVisitView | None:
        view = self._planned.view(None, entry.id)
        if view is None:
            return None
        return PlannedVisitView(view.id, view.state, view.occurrences[0] if view.occurrences else None)


def _by_site(plans: Plans) -> Mapping[tuple[str, str], list[Entry]]:
    """Visits in the books that are not cancelled, by provider and site."""
    found: dict[tuple[str, str], list[Entry]] = defaultdict(list)
    for entry in plans:
        word, *rest = entry.schedule.reference.split("/")
        if word == REFERENCE and len(rest) == 3 and entry.state != "cancelled":
            found[rest[0], rest[1]].append(entry)
    return found


def _weight(terminal: Terminal, found: Sequence[Errand], now: int) -> float:
    """The sales that one terminal loses in a day, and twice as many of what is wrong for a week."""
    sold = max(per_day(Usage.of(terminal.usage)), 1.0)
    lost = [one.lost * (1 + min(max(now - one.since, 0) / _OLD, 1)) for one in found]
    return sold * max(lost) + _TIE * sum(one.lost == 0 for one in found)


def _terminal(terminal: Terminal, found: Sequence[Errand]) -> VisitedTerminal:
    views = [
        ErrandView(one.reason, one.since or None, REASONS[one.reason].part, one.probability, one.incident)
        for one in found
    ]
    cohort = terminal.cohort
    sold = round(per_day(Usage.of(terminal.usage)), 1)
    return VisitedTerminal(terminal.id, terminal.merchant, cohort.model, cohort.firmware, sold, views)


def _parts(stop: Stop) -> dict[str, int]:
    """What to take along, and how many of it: one for each terminal that needs it."""
    needed = [{REASONS[one.reason].part for one in found} - {""} for _, found in stop.terminals]
    return dict(sorted(Counter(part for parts in needed for part in parts).items()))


def _fits(stop: Stop, wanted: VisitFilter) -> bool:
    return wanted.provider in (None, stop.provider) and wanted.region in (None, stop.region)


def _order(place: VisitPlace) -> tuple[float, str, str]:
    return -place.score, place.provider, place.site
