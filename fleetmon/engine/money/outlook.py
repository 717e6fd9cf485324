"""Money on its way: what is expected when, and what of it will be late unless something happens.

Kept sale by sale as messages come, so that whoever asks reads a few sums and nobody walks the sales. What
turns late, or is paid, leaves when its merchant is looked at (`arrears`), which is at the latest when the
first of its sales is overdue. Money may count under several reasons: a blocked account and a late file.
Where it can be wrong: a batch that is closed every night at the last minute is shown before.
"""

from collections import Counter
from collections.abc import Collection, Container, Iterator
from typing import Final, Literal, NamedTuple, TypeVar

from msgspec import Struct

from fleetmon.detect.interface_fault import BAD
from fleetmon.engine.money.ledger import Ledger
from fleetmon.model.days import day_of
from fleetmon.model.events import Transaction
from fleetmon.model.responses import meaning
from fleetmon.model.sale import Sale
from fleetmon.model.standing import Standing
from fleetmon.model.terminal import NO_DEADLINE

Reason = Literal["in_terminal", "batch_open", "account_blocked", "file_late"]
SHORTLY: Final = 3_600_000  # a batch that is open so long before its day ends may stay open
ELSEWHERE: Final = "__other__"
_MONEY_IN: Final = ("sale", "completion")
_ACQUIRERS: Final = 200  # counted by themselves; a stranger may name any number
_SETTLED: Final = ("paid", "cancelled", "declined", "unknown")
K = TypeVar("K")


class _Share(Struct, frozen=True, gc=False):
    """What one sale adds to the sums."""

    merchant: str
    acquirer: str
    stage: str
    day: int
    due_at: int
    closes_at: int  # by when its batch has to be closed
    amount: int


class Endangered(NamedTuple):
    """A sale whose money is not late, and will be unless something happens."""

    terminal: str
    transaction: str
    merchant: str
    amount: int
    due_at: int
    reason: Reason


class Inside(NamedTuple):
    """A sale that is not late, and that only its terminal can bring further; `closes_at` 0: it is in no batch yet."""

    amount: int
    closes_at: int
    due_at: int


class Outlook:
    """The sums. Times in ms, amounts in fen."""

    def __init__(self, ledger: Ledger) -> None:
        self._unknown_codes: Counter[str] = Counter()  # by acquirer
        self._ledger = ledger
        self._open: dict[tuple[str, str], _Share | None] = {}  # None: late already, in no sum
        self._unclosed: dict[str, set[str]] = {}  # by terminal: sales in batches that are not closed
        self._stored: dict[str, set[str]] = {}  # by terminal: sales that are not uploaded
        self._blocked: set[str] = set()  # merchants whose account takes no money
        self._in_terminals: Counter[str] = Counter()  # by acquirer
        self._in_batches: Counter[tuple[str, int]] = Counter()  # by acquirer and when they have to be closed
        self._in_clearing: Counter[tuple[str, int]] = Counter()  # by acquirer and business date
        self._owed: Counter[str] = Counter()  # by merchant: what its acquirer has, or will get from open batches
        self._dues: Counter[int] = Counter()  # by due time

    @property
    def open_sales(self) -> int:
        """Sales that are neither paid nor cancelled."""
        return len(self._open)

    @property
    def unknown_codes(self) -> dict[str, int]:
        """Answers with codes that nobody knows, by acquirer; those known begin at nought, so that the first shows."""
        hosts = self._ledger.directory.hosts.values()
        acquirers = [row.id for row in hosts if row.kind == "acquirer"][:_ACQUIRERS]
        return dict.fromkeys(acquirers, 0) | self._unknown_codes

    # -- in ----------------------------------------------------------------------------------------

    def see(self, sale: Sale, standing: Standing) -> bool:
        """A sale stands somewhere, perhaps elsewhere than before; gives whether it was waited for until now.

        Nobody looks after money of merchants unknown.
        """
        if sale.kind not in _MONEY_IN or not sale.merchant:
            return False
        key = sale.terminal, sale.id
        waited = key in self._open
        if waited:
            self.leave(key)
        if standing.state in _SETTLED or standing.due_at is None:
            return waited
        if standing.stage in ("batch", "terminal"):
            held = self._unclosed if standing.stage == "batch" else self._stored
            held.setdefault(sale.terminal, set()).add(sale.id)
        if standing.state not in ("not_due", "due"):
            self._open[key] = None
            return waited
        closes_at = standing.settled_from if standing.stage == "batch" else 0
        acquirer = self._ledger.acquirer_of(sale)
        due_at, stage, day = standing.due_at, standing.stage, standing.day
        share = _Share(sale.merchant, acquirer, stage, day, due_at, closes_at, sale.amount)
        self._open[key] = share
        self._count(share, 1)
        return waited

    def leave(self, key: tuple[str, str]) -> None:
        """A sale is no longer waited for."""
        share = self._open.pop(key, None)
        if share is not None:
            self._count(share, -1)
        for held in (self._unclosed, self._stored):
            if sales := held.get(key[0]):
                sales.discard(key[1])
                if not sales:
                    del held[key[0]]

    def inside(self, terminals: Collection[str]) -> Iterator[Inside]:
        """The sales that only these terminals can bring further: stored in them, or in batches not closed."""
        for held in (self._stored, self._unclosed):
            for terminal in filter(held.__contains__, terminals):  # few of those who are asked for
                for id_ in held[terminal]:
                    if (share := self._open.get((terminal, id_))) is not None:
                        yield Inside(share.amount, share.closes_at, share.due_at)

    def unclosed(self, terminal: str, by: int = NO_DEADLINE) -> list[str]:
        """The sales of a terminal that wait for the closing of a batch that had to be closed by then."""
        shares = {id_: self._open.get((terminal, id_)) for id_ in self._unclosed.get(terminal, ())}
        return [id_ for id_, share in shares.items() if share is None or share.closes_at <= by]

    def unclosed_at(self, at: int) -> list[str]:
        """The terminals with batches that had to be closed by then, and are not."""
        return [terminal for terminal in self._unclosed if self.unclosed(terminal, at)]

    def note_account(self, merchant: str) -> None:
        """Something was told of the settlement account."""
        if self._is_blocked(merchant):
            self._blocked.add(merchant)
        else:
            self._blocked.discard(merchant)

    def note_code(self, told: Transaction) -> None:
        """Count an answer whose code stands in no table."""
        acquirer = told.acquirer or ""
        if told.response and not meaning(told.response, self._ledger.directory.overlays.get(acquirer)):
            known = acquirer in self._unknown_codes or len(self._unknown_codes) < _ACQUIRERS
            self._unknown_codes[acquirer if known else ELSEWHERE] += 1

    def _count(self, share: _Share, times: int) -> None:
        amount = share.amount * times
        if share.stage == "terminal":
            _add(self._in_terminals, share.acquirer, amount)
        else:
            _add(self._owed, share.merchant, amount)
            if share.stage == "batch":
                _add(self._in_batches, (share.acquirer, share.closes_at), amount)
            else:
                _add(self._in_clearing, (share.acquirer, share.day), amount)
        _add(self._dues, share.due_at, amount)

    # -- out ---------------------------------------------------------------------------------------

    def next_due(self, now: int) -> int | None:
        """When the next money has to be there; None while none is expected."""
        return min((at for at in self._dues if at > now), default=None)

    def due_days(self, now: int) -> Counter[int]:
        """Money that is not late yet, by the local days from today until it has to be there."""
        today, found = day_of(now), Counter[int]()
        for at, amount in self._dues.items():
            found[max(day_of(at) - today, 0)] += amount
        return found

    @property
    def expected(self) -> Counter[tuple[str, str]]:
        """Money that is not late yet, by where it stands and by acquirer."""
        found: Counter[tuple[str, str]] = Counter()
        for acquirer, amount in self._in_terminals.items():
            found["terminal", acquirer] += amount
        for (acquirer, _), amount in self._in_batches.items():
            found["batch", acquirer] += amount
        for (acquirer, _), amount in self._in_clearing.items():
            found["clearing", acquirer] += amount
        return found

    def at_risk(self, now: int) -> Counter[tuple[str, str]]:
        """Money that is not late yet, and will be unless something happens, by reason and acquirer."""
        found: Counter[tuple[str, str]] = Counter()
        for reason, acquirer, amount in self._risks(now):
            found[reason, acquirer] += amount
        return found

    def endangered(self, now: int) -> Iterator[Endangered | None]:
        """The sales behind `at_risk`, each with its nearest reason, and None for each other one; a long walk."""
        late = {key for key in self._in_clearing if self._is_late(*key)}
        for key in list(self._open):  # some may go while somebody walks
            share = self._open.get(key)
            reason = None if share is None else self._threat(share, late, now)
            if share is None or reason is None:
                yield None
            else:
                yield Endangered(*key, share.merchant, share.amount, share.due_at, reason)

    def _threat(self, share: _Share, late: Container[tuple[str, int]], now: int) -> Reason | None:
        if share.stage == "terminal":
            return "in_terminal"
        if share.stage == "batch" and now >= share.closes_at - SHORTLY:
            return "batch_open"
        if share.merchant in self._blocked:
            return "account_blocked"
        return "file_late" if share.stage != "batch" and (share.acquirer, share.day) in late else None

    def risk(self, sale: Sale, standing: Standing, now: int) -> Reason | None:
        """Why the money of a sale that is not late will be late unless something happens; the nearest reason."""
        if standing.state not in ("not_due", "due") or sale.kind not in _MONEY_IN:
            return None
        if standing.stage == "terminal":
            return "in_terminal"
        if standing.stage == "batch" and now >= standing.settled_from - SHORTLY:
            return "batch_open"
        if self._is_blocked(sale.merchant):
            return "account_blocked"
        cleared = standing.stage != "batch"
        return "file_late" if cleared and self._is_late(self._ledger.acquirer_of(sale), standing.day) else None

    def _risks(self, now: int) -> Iterator[tuple[Reason, str, int]]:
        for acquirer, amount in self._in_terminals.items():
            yield "in_terminal", acquirer, amount
        for (acquirer, closes_at), amount in self._in_batches.items():
            if now >= closes_at - SHORTLY:
                yield "batch_open", acquirer, amount
        for merchant in self._blocked:
            if amount := self._owed[merchant]:
                yield "account_blocked", self._ledger.directory.acquirer(merchant), amount
        for (acquirer, day), amount in self._in_clearing.items():
            if self._is_late(acquirer, day):
                yield "file_late", acquirer, amount

    def _is_blocked(self, merchant: str) -> bool:
        book = self._ledger.books.get(merchant)
        return book is not None and bool(book.account) and book.account[-1].status != "active"

    def _is_late(self, host: str, day: int) -> bool:
        words = self._ledger.files.get((host, day))
        return words is not None and words[-1].event in BAD


def _add(counter: Counter[K], key: K, amount: int) -> None:
    total = counter[key] + amount
    if total:
        counter[key] = total
    else:
        counter.pop(key, None)
