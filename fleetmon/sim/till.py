"""The till of one simulated terminal: customers come, sales are made, stored and uploaded.

One sale at a time. With the network gone a sale is stored in the terminal (a sale whose request died
with the network, too) and sent later under its own id: first the word that it was stored, some seconds
later the upload. Where it can be wrong: real terminals would reverse a request that died under way.
"""

import random
from collections import deque
from typing import Final, NamedTuple

from fleetmon.model.events import Transaction
from fleetmon.sim.pace import Moment
from fleetmon.sim.settings import SimSettings

BINS: Final = ("622848", "621700", "622202", "622588", "621661", "622150", "625969", "436742")
UPLOAD_AFTER_S: Final = 8.0  # from the return of the network to the first upload, scenario time
UPLOAD_EVERY_S: Final = 1.5
NO_FUNDS: Final = "51"
_UNNUMBERED: Final = 0  # the terminal numbers what it says


class Sale(NamedTuple):
    """One sale; `at` by the terminal's clock, amount in fen."""

    id: str
    at: int
    amount: int
    stan: int
    card: str


class Answer(NamedTuple):
    """What the host answered, and how long it took."""

    response: str
    took_ms: float


class Till:
    """Sales of one terminal; it is handed the time, and says what there is to report."""

    def __init__(self, number: int, acquirer: str, settings: SimSettings, rng: random.Random, first_stan: int) -> None:
        self.acquirer = acquirer
        self.stored: deque[Sale] = deque()  # not at the host yet
        self.answers: list[Answer] = []
        self.made = self.amount = self.declined = self.uploaded = 0
        self._number = number
        self._settings = settings
        self._rng = rng
        self._stan = first_stan
        self._open: Sale | None = None
        self._answer_s = self._sale_s = self._upload_s = 0.0
        self._unreported: list[Sale] = []

    def expect(self, now: Moment) -> None:
        """Draw when the next customer comes."""
        rate = self._settings.sales_per_hour / 3600
        self._sale_s = now.s + self._rng.expovariate(rate) if rate else float("inf")

    def interrupt(self) -> None:
        """The network or the power went: a sale under way is kept in the terminal."""
        if self._open is not None:
            self._store(self._open)
            self._open = None

    def next_s(self, *, online: bool) -> float:
        """When there is something to do."""
        sale = self._sale_s if self._open is None else self._answer_s
        return min(sale, self._upload_s) if online and self.stored else sale

    def work(self, now: Moment, clock: int, *, online: bool) -> list[Transaction]:
        """Do what is due; the reports are not numbered yet. `clock` is the terminal's own, in ms."""
        reports = []
        if online and self._unreported:
            reports += [self._report(sale, sale.at, "stored") for sale in self._unreported]
            self._unreported = []
            self._upload_s = now.s + UPLOAD_AFTER_S
        if online and self.stored and now.s >= self._upload_s:
            reports.append(self._upload(now, clock))
        if self._open is not None and now.s >= self._answer_s:
            reports.append(self._answered(self._open, now, clock))
        elif self._open is None and now.s >= self._sale_s:
            reports += self._begin(now, clock, online=online)
        return reports

    def _begin(self, now: Moment, clock: int, *, online: bool) -> list[Transaction]:
        sale = self._ring_up(clock)
        if not online:
            self._store(sale)
            self.expect(now)
            return []
        self._open = sale
        self._answer_s = now.s + self._rng.uniform(0.4, 2.5)
        return [self._report(sale, clock, "requested")]

    def _ring_up(self, clock: int) -> Sale:
        self._stan += 1
        self.made += 1
        card = f"{self._rng.choice(BINS)}******{self._rng.randrange(10_000):04d}"
        amount = min(max(round(self._rng.lognormvariate(8.8, 0.9)), 100), 2_000_000)
        self.amount += amount
        return Sale(f"s{clock:x}-{self._stan}", clock, amount, self._stan, card)

    def _answered(self, sale: Sale, now: Moment, clock: int) -> Transaction:
        self._open = None
        self.expect(now)
        refused = self._rng.random() < self._settings.declined
        self.answers.append(Answer(NO_FUNDS if refused else "00", self._rng.gauss(420, 90)))
        if not refused:
            return self._report(sale, clock, "approved", now.at)
        self.declined += 1
        return self._report(sale, clock, "declined")

    def _upload(self, now: Moment, clock: int) -> Transaction:
        self._upload_s = now.s + UPLOAD_EVERY_S
        self.uploaded += 1
        self.answers.append(Answer("00", self._rng.gauss(420, 90)))
        return self._report(self.stored.popleft(), clock, "uploaded", now.at)

    def _store(self, sale: Sale) -> None:
        self.stored.append(sale)
        self._unreported.append(sale)

    def _report(self, sale: Sale, at: int, stage: str, host_at: int | None = None) -> Transaction:
        """`host_at` is the host's approval: with it come the reference and authorisation numbers."""
        approved = host_at is not None
        return Transaction(
            at=at,
            boot=_UNNUMBERED,
            seq=_UNNUMBERED,
            id=sale.id,
            kind="sale",
            stage=stage,  # type: ignore[arg-type]
            amount=sale.amount,
            stan=f"{sale.stan % 1_000_000:06d}",
            # Unique for the acquirer: the terminal's number and its count of sales.
            rrn=f"{self._number % 100_000:05d}{sale.stan % 10_000_000:07d}" if approved else None,
            auth=f"{self._rng.randrange(1_000_000):06d}" if approved else None,
            response="00" if approved else NO_FUNDS if stage == "declined" else None,
            host_at=host_at,
            acquirer=self.acquirer or None,
            card=sale.card,
        )
