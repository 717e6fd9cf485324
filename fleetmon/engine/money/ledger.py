"""Every sale from the card to the merchant's account, and what its hosts and files told.

Takes the same facts that the store keeps, in any order and any number of times. It holds what is open;
what is settled and old is forgotten here and stays in the store.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from operator import itemgetter
from typing import Final, TypeVar

from msgspec import Struct, field

from fleetmon.engine.directory import Directory
from fleetmon.engine.money.book import ANSWER, MONEY, Book
from fleetmon.model.case import FileWord, Pulse
from fleetmon.model.days import DAY, day_from, day_of, midnight
from fleetmon.model.events import (
    Account,
    Backoffice,
    Batch,
    Event,
    HostHealth,
    Notice,
    Payout,
    SettlementFile,
    Transaction,
)
from fleetmon.model.sale import Sale
from fleetmon.model.standing import Standing

PAID_KEPT: Final = 4 * DAY  # settled sales, for repetitions and late corrections
OPEN_KEPT: Final = 40 * DAY  # whatever it is, the store has it
BUCKET: Final = 300_000
STRANGERS: Final = 1_000  # books of merchants that nobody knows, so that a liar cannot fill the memory
FAILED: Final = frozenset({"68", "90", "91", "92", "96", "98", "C1"})  # the host's or the switch's fault (F39)


_ENOUGH: Final = 4
_CODES: Final = 64
_PROMPT: Final = 120_000


class _Answers(Struct):
    """How one host answered within five minutes."""

    requests: int = 0
    failures: int = 0
    stored: int = 0
    storing: set[str] = field(default_factory=set)  # merchants; a few tell enough
    codes: dict[str, int] = field(default_factory=dict)  # with which it declined; no more than a host has

    def decline(self, code: str) -> None:
        if code in self.codes or len(self.codes) < _CODES:
            self.codes[code] = self.codes.get(code, 0) + 1


class Ledger:
    """Books by merchant, words of hosts, and how hosts answered."""

    def __init__(self, directory: Directory) -> None:
        self.directory = directory
        self.books: dict[str, Book] = {}
        self.files: dict[tuple[str, int], list[FileWord]] = {}  # by host and business date
        self.notices: dict[str, dict[str, list[Notice]]] = {}
        self.health: dict[str, list[tuple[int, HostHealth]]] = {}
        self.backoffice: dict[str, list[tuple[int, Backoffice]]] = {}
        self.conflicts = 0  # rows that two payouts claim
        self._strangers: set[str] = set()  # merchants that the registry lacks
        self._pulse: defaultdict[str, defaultdict[int, _Answers]] = defaultdict(lambda: defaultdict(_Answers))

    # -- in ----------------------------------------------------------------------------------------

    def observe(self, key: str, merchant: str, event: Event, heard_at: int, acquirer: str = "") -> Sale | None:
        """Take in one fact of the terminal, host or merchant `key`; the sale when it was a stage of one."""
        if isinstance(event, Transaction):
            sale = self.book(merchant).take_stage(key, event, heard_at)
            self._count_answer({event.acquirer or acquirer, event.issuer or ""} - {""}, event, merchant, heard_at)
            return sale
        if isinstance(event, Batch):
            self.book(merchant).take_batch(key, event, heard_at)
        elif isinstance(event, Payout):
            book = self.book(key)
            before = book.conflicts
            book.take_payout(event, heard_at)
            self.conflicts += book.conflicts - before
        elif isinstance(event, Account):
            self.book(key).take_account(event, heard_at)
        elif isinstance(event, Backoffice):
            _keep_last(self.backoffice.setdefault(key, []), (_sane(event.at, heard_at), event))
        else:
            self._host_word(key, event, heard_at)
        return None

    def _host_word(self, host: str, event: Event, heard_at: int) -> None:
        if isinstance(event, SettlementFile):
            self._file(host, event, heard_at)
        elif isinstance(event, Notice):
            told = self.notices.setdefault(host, {}).setdefault(event.id, [])
            if event not in told:
                told.append(event)
                told.sort(key=lambda one: one.at)
        elif isinstance(event, HostHealth):
            _keep_last(self.health.setdefault(host, []), (_sane(event.at, heard_at), event))

    def book(self, merchant: str) -> Book:
        """The merchant's book, begun if it is new; beyond so many that nobody knows, one for all of them."""
        found = self.books.get(merchant)
        if found is None:
            if merchant not in self.directory.merchants:
                if len(self._strangers) >= STRANGERS:
                    merchant = ""
                self._strangers.add(merchant)
            found = self.books.setdefault(merchant, Book(merchant))
        return found

    def _file(self, host: str, event: SettlementFile, heard_at: int) -> None:
        words = self.files.setdefault((host, day_from(event.business_date)), [])
        word = FileWord(host, _sane(event.at, heard_at), event.event, event.code or "")
        if word not in words:
            words.append(word)
            words.sort(key=lambda one: one.at)

    def _count_answer(self, hosts: Iterable[str], told: Transaction, merchant: str, heard_at: int) -> None:
        is_stored = told.stage == "stored"
        if told.stage == "requested" or (is_stored and heard_at - told.at > _PROMPT):
            return  # a terminal that was cut off itself tells nothing of the host
        fails = told.stage == "unanswered" or (told.stage == "declined" and told.response in FAILED)
        number = _sane(told.at, heard_at) // BUCKET
        for host in hosts:
            bucket = self._pulse[host][number]
            if not is_stored:
                bucket.requests += 1
                bucket.failures += fails
                if told.stage == "declined" and told.response:
                    bucket.decline(told.response)
                continue
            bucket.stored += 1
            if len(bucket.storing) < _ENOUGH:
                bucket.storing.add(merchant)

    # -- out ---------------------------------------------------------------------------------------

    def standing(self, sale: Sale, now: int) -> Standing:
        """Where a transaction stands."""
        book, directory = self.books[sale.merchant], self.directory
        return book.standing(sale, now, directory.terms(sale.merchant), directory.days)

    def acquirer_of(self, sale: Sale) -> str:
        """Who pays this sale: its merchant's acquirer, else the one that the terminal named."""
        return self.directory.acquirer(sale.merchant) or sale.acquirer

    def pulse(self, host: str, start: int, stop: int, code: str = "") -> Pulse:
        """How a host answered the whole fleet from five minutes before `start` to five after `stop`."""
        buckets: Mapping[int, _Answers] = self._pulse.get(host, {})
        span = range(start // BUCKET - 1, stop // BUCKET + 2)
        near = span if len(span) < len(buckets) else buckets
        found = [buckets[one] for one in near if one in span and one in buckets]
        return Pulse(
            sum(one.requests for one in found),
            sum(one.failures for one in found),
            sum(one.stored for one in found),
            len(set().union(*[one.storing for one in found])),
            sum(one.codes.get(code, 0) for one in found),
        )

    def unpaid(self, now: int, merchant: str | None = None) -> Iterator[tuple[Sale, Standing]]:
        """What the contract wants explained: money not paid, and what was declined or unanswered today."""
        books = self.books.values() if merchant is None else filter(None, [self.books.get(merchant)])
        for book in books:
            for sale in book.sales.values():
                if self.moves_money(sale):
                    standing = self.standing(sale, now)
                    if self.is_waited_for(sale, standing, now):
                        yield sale, standing

    def moves_money(self, sale: Sale) -> bool:
        """Whether there is anything to explain: money that moves, or a transaction that was not made."""
        return sale.kind in MONEY or not (sale.accepted or sale.stored or sale.kind == "reversal")

    def is_waited_for(self, sale: Sale, standing: Standing, now: int, day: int | None = None) -> bool:
        """Whether its money has not come, or it was refused or not answered today, or on the day that is asked for."""
        if sale.accepted or sale.stored:
            return standing.state != "paid"
        answered = sale.declined or sale.unanswered or now >= sale.at + ANSWER
        return bool(answered) and day_of(sale.at) == (day_of(now) if day is None else day)

    def forget(self, now: int, merchant: str) -> list[tuple[str, str]]:
        """Drop of a merchant what is settled, or so old that nobody waits for it in memory; the sales dropped."""
        book = self.books[merchant]
        dropped = list(self._over(book, now))
        for key in dropped:
            del book.sales[key]
            book.links.pop(key, None)
        book.forget(now - OPEN_KEPT)
        if not (book.sales or book.payouts or book.account):
            del self.books[merchant]
        return dropped

    def forget_words(self, now: int) -> None:
        """Drop old words of hosts."""
        oldest, declined = (now - OPEN_KEPT) // BUCKET, (now - PAID_KEPT - DAY) // BUCKET
        for buckets in self._pulse.values():
            for bucket in [one for one in buckets if one < declined]:
                buckets[bucket].codes.clear()  # no declined sale is so old
                if bucket < oldest:
                    del buckets[bucket]
        self.files = {key: words for key, words in self.files.items() if key[1] >= day_of(now - OPEN_KEPT)}

    def _over(self, book: Book, now: int) -> Iterator[tuple[str, str]]:
        """The sales to be dropped. Those of a business date go together, so that its sums stay true."""
        settled: dict[int, list[tuple[str, str]]] = {}
        waiting = set()
        for key, sale in book.sales.items():
            age = now - max(sale.at, sale.settles_from)
            if age <= PAID_KEPT:
                continue
            standing = self.standing(sale, now)
            if age > OPEN_KEPT or sale.kind not in MONEY or not standing.day:
                yield key
            elif standing.state not in _SETTLED or now < midnight(standing.day + 1) + PAID_KEPT:
                waiting.add(standing.day)
            else:
                settled.setdefault(standing.day, []).append(key)
        for day in settled.keys() - waiting:
            yield from settled[day]


T = TypeVar("T")
_SETTLED: Final = ("paid", "cancelled", "declined", "unknown")
_REPORTS: Final = 1_000  # of one host or merchant: a week at ten minutes


def _sane(at: int, heard_at: int) -> int:
    """The sender's time, unless it is more than a day off: then the arrival dates the fact."""
    return at if abs(at - heard_at) <= DAY else heard_at


def _keep_last(kept: list[tuple[int, T]], word: tuple[int, T]) -> None:
    """Put a word in its place by time, once; only the newest are kept."""
    if word not in kept:
        kept.append(word)
        kept.sort(key=itemgetter(0))
        del kept[:-_REPORTS]
