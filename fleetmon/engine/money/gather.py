"""Lays together everything that is known about one transaction, so that causes can be asked."""

from collections.abc import Iterator, Sequence
from typing import Final

from fleetmon.engine.directory import Directory
from fleetmon.engine.fleet import Fleet
from fleetmon.engine.groups import covers
from fleetmon.engine.hosts.words import Words
from fleetmon.engine.incidents import Incidents
from fleetmon.engine.money.ledger import Ledger
from fleetmon.engine.timeline import Timeline
from fleetmon.engine.work.works import Works
from fleetmon.model.case import Announcement, Answer, Case, Silence
from fleetmon.model.days import DAY, UTC_OFFSET, day_of, midnight
from fleetmon.model.episode import Episode, share
from fleetmon.model.incident import Incident, Scope
from fleetmon.model.registry import CELLULAR, selects
from fleetmon.model.responses import meaning
from fleetmon.model.sale import Sale
from fleetmon.model.standing import Standing, Wait
from fleetmon.model.terminal import NO_DEADLINE, Terminal

MINUTE: Final = 60_000
AROUND: Final = 300_000  # a fault this near to a request may have spoilt it
BEFORE, AFTER = 600_000, 2_400_000  # around the usual end of day
HOUR: Final = 3_600_000
SOON: Final = 900_000  # a sale taken again within a quarter of an hour
LOOKED_AT: Final = 30  # neighbours, when there are many
BEHIND_S: Final = 600.0  # a merchant's system that lags so far is behind
_COMPONENTS: Final = frozenset(
    {"reader", "ped", "printer", "battery", "power", "storage", "clock", "sim", "security", "software", "keys"}
)


class Gather:
    """Reads what the engine's parts hold; changes nothing."""

    def __init__(
        self,
        fleet: Fleet,
        directory: Directory,
        ledger: Ledger,
        timeline: Timeline,
        incidents: Incidents,
        works: Works,
        words: Words,
    ) -> None:
        self._fleet = fleet
        self._directory = directory
        self._ledger = ledger
        self._timeline = timeline
        self._incidents = incidents
        self._works = works
        self._words = words

    def case(self, sale: Sale, standing: Standing, now: int) -> Case:
        """The case of one transaction at `now`."""
        case = Case(now, sale, standing, self._directory.days, self._directory.merchants.get(sale.merchant))
        case.fees = self._directory.fees
        case.meaning = meaning(sale.response, self._directory.overlays.get(sale.acquirer)) if sale.response else ""
        case.span = self._span(sale, standing, now)
        if standing.wait in (Wait.NOTHING, Wait.CALENDAR, Wait.DONE):
            return case
        terminal = self._fleet.terminals.get(sale.terminal)
        case.terminal = terminal.attributes() if terminal else {"terminal": sale.terminal}
        book = self._ledger.book(sale.merchant)
        case.linked = book.links.get((sale.terminal, sale.id), [])
        case.account = book.account
        case.batch = book.batch_of(sale)
        self._device(case)
        self._hosts(case)
        if standing.wait in (Wait.UPLOAD, Wait.CLOSING, Wait.ANSWER, Wait.REFUSED) and terminal is not None:
            case.silence = self._silence(terminal, *case.span)
        if standing.wait in (Wait.ANSWER, Wait.REFUSED, Wait.CANCELLED):
            self._answers(case, list(book.sales.values()))
        if standing.wait is Wait.CLEARING:
            case.turned_away = sum(
                meaning(one.response) == "merchant" and bool(one.declined) and one.at > now - 2 * DAY
                for one in book.sales.values()
            )
        case.incidents = list(self._concerning(case, terminal))
        return case

    def _device(self, case: Case) -> None:
        start, stop = case.span
        found = self._timeline.of(f"terminal/{case.sale.terminal}", start - 2 * DAY, stop + HOUR)
        case.faults = [one for one in found if one.kind in _COMPONENTS]
        case.works = [one for one in found if one.kind == "mark"]
        case.visits = self._works.visits.of(case.sale.terminal)
        case.signs = [one for one in found if one.kind not in _COMPONENTS and one.kind != "mark"]

    def _silence(self, terminal: Terminal, start: int, stop: int) -> Silence:
        shop = [one for one in self._fleet.groups.shop(terminal.site) if one is not terminal] if terminal.site else []
        peers: Sequence[Terminal] = ()
        if terminal.cohort.network in CELLULAR:
            scope = ("carrier", terminal.cohort.carrier), ("region", terminal.cohort.region)
            peers = [
                one
                for one in self._fleet.groups.members(scope)[: 4 * LOOKED_AT]
                if one.site != terminal.site or not terminal.site
            ]
        return Silence(
            self._silent([terminal], start, stop) or 0.0,
            self._silent(shop, start, stop),
            self._silent(peers, start, stop),
        )

    def _silent(self, terminals: Sequence[Terminal], start: int, stop: int) -> float | None:
        """The share of the span in which they were silent, of the time in which their shops were open."""
        shares = [
            share(
                [one for one in self._timeline.of(f"terminal/{key}", start, until) if one.kind == "silent"],
                start,
                until,
            )
            for key, until in self._expected(terminals, start, stop)
        ]
        return round(sum(shares) / len(shares), 2) if shares else None

    def _expected(self, terminals: Sequence[Terminal], start: int, stop: int) -> Iterator[tuple[str, int]]:
        """Who ought to have been heard from `start` on, and until when."""
        for terminal in terminals[:LOOKED_AT]:
            hours = self._fleet.hours(terminal)
            if hours.is_open(start):
                closing = hours.next_closing(start)
                yield terminal.id, stop if closing is None else min(stop, closing)

    def _hosts(self, case: Case) -> None:
        sale, (start, stop) = case.sale, case.span
        payout = case.standing.payout
        acquirer = sale.acquirer or case.terminal.get("acquirer", "") or self._directory.acquirer(sale.merchant)
        payers = [one.payer for one in self._ledger.book(sale.merchant).payouts.values() if one.payer][-3:]
        named = (acquirer, sale.issuer, payout.payer if payout else "", *payers, *self._directory.switches)
        behind = [host for host in dict.fromkeys(named) if host]
        case.hosts = {host: row for host in behind if (row := self._directory.hosts.get(host))}
        case.pulse = {
            host: self._ledger.pulse(host, start, stop, sale.response) for host in (acquirer, sale.issuer) if host
        }
        case.health = [episode for host in behind for episode in self._health(host, start, stop)]
        for host in behind:
            case.files += self._ledger.files.get((host, case.standing.day), [])
        case.files.sort(key=lambda one: one.at)
        case.announced = list(self._announced(case, behind))
        case.backlog = list(self._backlog(sale.merchant, start, stop))

    def _health(self, host: str, start: int, stop: int) -> Iterator[Episode]:
        topic = f"host/{host}/health"
        for at, word in self._ledger.health.get(host, ()):
            begin = at - round(word.window_s * 1000)
            if at < start or begin > stop:
                continue
            if word.signed_on is False:
                yield Episode("signed_off", topic, begin, at, host)
            said = self._words.said(host, word)
            if said.fails:
                yield Episode("failing" if word.peer is None else "link_failing", topic, begin, at, host)
            elif said.slow:
                yield Episode("slow", topic, begin, at, host, worst=word.p95_ms or 0.0)
            elif said.works:
                yield Episode("well", topic, begin, at, host)
            if word.cutover == "start":
                yield Episode("cutover", topic, at, at, host)

    def _announced(self, case: Case, behind: list[str]) -> Iterator[Announcement]:
        terminal = self._fleet.terminals.get(case.sale.terminal)
        for window in self._works.windows.about(terminal) if terminal is not None else ():
            for span in self._works.windows.spans(window):
                yield Announcement(window.owner, "operator", window.id, span.start, span.end, frozenset())
        provider, carrier = case.terminal.get("provider", ""), case.terminal.get("carrier", "")
        for host in [*behind, provider, carrier]:
            for told in self._ledger.notices.get(host, {}).values():
                last = told[-1]
                if last.event == "cancelled" or (last.select and not selects(last.select, case.terminal)):
                    continue
                begin = next((one.at for one in told if one.event == "started"), last.starts_at)
                end = next((one.at for one in told if one.event == "ended"), last.ends_at)
                row = self._directory.hosts.get(host)
                kind = row.kind if row else "carrier" if host == carrier else "provider"
                begin, services = min(begin, last.starts_at), frozenset(last.services or ())
                yield Announcement(host, kind, last.id, begin, end, services, min(end, last.ends_at))

    def _backlog(self, merchant: str, start: int, stop: int) -> Iterator[Episode]:
        topic = f"merchant/{merchant}/backoffice"
        words = self._ledger.backoffice.get(merchant, [])
        for index, (at, word) in enumerate(words):
            lag = max(word.lag_s or 0.0, (at - word.oldest_at) / 1000 if word.oldest_at else 0.0)
            until = words[index + 1][0] if index + 1 < len(words) else min(at + HOUR, NO_DEADLINE)
            if lag >= BEHIND_S and at <= stop and until >= start:
                yield Episode("backlog", topic, at - round(lag * 1000), until, count=word.queue_depth, worst=lag)

    def _answers(self, case: Case, sales: list[Sale]) -> None:
        sale = case.sale
        for one in sales:
            if one.terminal != sale.terminal or one is sale or abs(one.at - sale.at) > 6 * HOUR:
                continue
            outcome = "approved" if one.accepted else "declined" if one.declined else "unanswered"
            if one.kind != "reversal":
                case.answers.append(Answer(one.at, outcome, one.response))
            later = 0 < one.at - sale.at <= SOON
            case.redone = case.redone or (later and one.kind == sale.kind and one.amount != sale.amount)
        case.answers.sort()

    def _concerning(self, case: Case, terminal: Terminal | None) -> Iterator[Incident]:
        start, stop = case.span
        scopes: list[Scope] = [(("host", host),) for host in (*case.hosts, *case.pulse)]
        scopes += [(("terminal", case.sale.terminal),), (("merchant", case.sale.merchant),)]
        if terminal is not None:
            scopes += [scope for scope in self._incidents.shared if covers(scope, terminal.cohort)]
            scopes.append((("site", terminal.site),))
        for scope in dict.fromkeys(scopes):
            for incident in self._incidents.about(scope):
                if incident.opened_at <= stop and (incident.resolved_at or stop) >= start:
                    yield incident

    def _span(self, sale: Sale, standing: Standing, now: int) -> tuple[int, int]:
        """When a fault would have mattered; not while the shop was closed, nor long before its usual end of day."""
        if standing.wait in (Wait.ANSWER, Wait.REFUSED, Wait.CANCELLED):
            return sale.at - AROUND, sale.at + AROUND
        if standing.blocked is None:
            return standing.settled_from or sale.at, now
        start, stop = standing.blocked
        if standing.wait is Wait.CLOSING:
            usual = self._usual_closing(sale, stop)
            start, stop = max(start, usual - BEFORE), min(stop, usual + AFTER)
        if (terminal := self._fleet.terminals.get(sale.terminal)) is not None:
            closing = self._fleet.hours(terminal).next_closing(start)
            stop = stop if closing is None else min(stop, closing)
        return start, max(stop, start + MINUTE)

    def _usual_closing(self, sale: Sale, latest: int) -> int:
        """When this terminal's day is closed as a rule, at or before `latest`: as on the days before, else then."""
        told = [
            (one.closed_at + UTC_OFFSET) % DAY
            for (terminal, number), one in self._ledger.book(sale.merchant).batches.items()
            if terminal == sale.terminal and one.closed_at and number != sale.batch
        ]
        if not told:
            return latest
        usual = midnight(day_of(latest)) + sorted(told)[len(told) // 2]
        return usual if usual <= latest else usual - DAY
