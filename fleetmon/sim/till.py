"""The till of one simulated terminal: customers come, sales are made, refused, stored, uploaded, reversed.

One sale at a time. With the network gone a card is taken all the same: the sale is stored in the terminal
and sent later under its own id, first the word that it was stored, some seconds later the upload. A QR
code needs the network, so those customers go away. A request that nobody answered is reversed, again
and again until the host says yes; so is one whose answer the network took with it, or, if the habits
say so, that sale is stored like any other.
Where it can be wrong: nobody returns goods.
"""

from collections import deque
from typing import Final, NamedTuple

from fleetmon.model.events import Batch, Transaction
from fleetmon.sim.chance import Chance
from fleetmon.sim.demand import Demand
from fleetmon.sim.drawer import Drawer, Taking
from fleetmon.sim.pace import Moment
from fleetmon.sim.scenario import HostOutage
from fleetmon.sim.settings import SimSettings

BINS: Final = ("622848", "621700", "622202", "622588", "621661", "622150", "625969", "436742")
UPLOAD_AFTER_S: Final = 8.0  # from the return of the network to the first upload, scenario time
UPLOAD_EVERY_S: Final = 1.5
PATIENCE_S: Final = 60.0  # for an answer, and between two attempts to reverse
APPROVED: Final = "00"
UNANSWERED: Final = "68"  # as the host counts what it answered too late
INOPERATIVE: Final = "91"
_UNNUMBERED: Final = 0  # the terminal numbers what it says


class Sale(NamedTuple):
    """One sale, or the reversal of one; `at` by the terminal's clock, amount in fen."""

    id: str
    at: int
    amount: int
    stan: int
    card: str | None  # None: by QR code
    original: str | None = None  # what is reversed


class Answer(NamedTuple):
    """What the host answered, and how long it took."""

    response: str
    took_ms: float


class Till:
    """Sales of one terminal; it is handed the time, and says what there is to report."""

    def __init__(
        self,
        number: int,
        acquirer: str,
        settings: SimSettings,
        chance: Chance,
        first_stan: int,
        demand: Demand,
        drawer: Drawer | None = None,
    ) -> None:
        self.acquirer = acquirer
        self.drawer = drawer  # under terminal capture only
        self.stored: deque[Sale] = deque()  # not at the host yet
        self.reversals: deque[Sale] = deque()  # not answered yet
        self.answers: list[Answer] = []
        self.takings: list[Taking] = []  # that nobody has collected yet
        self.troubles: list[HostOutage] = []
        self.made = self.amount = self.declined = self.uploaded = 0
        self.unanswered = settings.habits.sales.unanswered
        self._number = number
        self._settings = settings
        self._habits = settings.habits.sales
        self._chance = chance
        self._demand = demand
        self._stan = first_stan
        self._open: Sale | None = None
        self._response = APPROVED  # to the open one
        self._answer_s = self._sale_s = self._upload_s = self._reverse_s = 0.0
        self._asked = False  # to reverse the first of `reversals`
        self._unreported: list[tuple[Sale, str]] = []

    def expect(self, now: Moment) -> None:
        """Draw when the next customer comes."""
        self._sale_s = self._demand.next_s(now, self._chance)

    def interrupt(self) -> None:
        """The network or the power went: what becomes of a sale under way."""
        self._asked = False
        sale, self._open = self._open, None
        if sale is None:
            return
        if self._habits.reverses or sale.card is None:
            self._unreported.append((sale, "unanswered"))
            self._revoke(sale, 0.0)
        else:
            self._store(sale)

    def next_s(self, *, online: bool) -> float:
        """When there is something to do."""
        due = self._sale_s if self._open is None else self._answer_s
        if self.drawer is not None and self._can_close(online=online):
            due = min(due, self.drawer.close_s)
        if online and self.stored:
            due = min(due, self._upload_s)
        return min(due, self._reverse_s) if online and self.reversals else due

    def work(self, now: Moment, clock: int, *, online: bool) -> list[Transaction]:
        """Do what is due; the reports are not numbered yet. `clock` is the terminal's own, in ms."""
        reports = []
        if online and self._unreported:
            reports += [self._report(sale, sale.at, stage) for sale, stage in self._unreported]
            self._unreported = []
            self._upload_s = self._reverse_s = now.s + UPLOAD_AFTER_S
        if online and self.stored and now.s >= self._upload_s:
            reports += self._upload(now, clock)
        if online and self.reversals and now.s >= self._reverse_s:
            reports += self._reverse(now, clock)
        if self._open is not None and now.s >= self._answer_s:
            reports.append(self._answered(self._open, now, clock))
        elif self._open is None and now.s >= self._sale_s:
            reports += self._begin(now, clock, online=online)
        return reports

    def close(self, now: Moment, clock: int, *, online: bool) -> list[Batch]:
        """Close the batch if that is due; its sales then settle."""
        if self.drawer is None or now.s < self.drawer.close_s or not self._can_close(online=online):
            return []
        said, taken = self.drawer.close(now, clock)
        self.takings += taken
        return said

    def _can_close(self, *, online: bool) -> bool:
        return online and self._open is None and not self.stored and not self._unreported

    def _begin(self, now: Moment, clock: int, *, online: bool) -> list[Transaction]:
        by_code = self._habits.qr > 0 and self._chance.random() < self._habits.qr
        if by_code and not online:
            self.expect(now)
            return []
        sale = self._ring_up(clock, by_code=by_code)
        if not online:
            self._store(sale)
            self.expect(now)
            return []
        self._open = sale
        self._response = self._draw_response()
        wait_s = PATIENCE_S if self._response == UNANSWERED else self._chance.uniform(0.4, 2.5)
        self._answer_s = now.s + wait_s
        return [self._report(sale, clock, "requested")]

    def _ring_up(self, clock: int, *, by_code: bool) -> Sale:
        self.made += 1
        card = None if by_code else f"{self._chance.choice(BINS)}******{self._chance.randrange(10_000):04d}"
        amount = min(max(round(self._chance.lognormvariate(8.8, 0.9)), 100), 2_000_000)
        self.amount += amount
        return self._number_next(clock, amount, card)

    def _number_next(self, clock: int, amount: int, card: str | None, original: str | None = None) -> Sale:
        self._stan += 1
        return Sale(f"{'r' if original else 's'}{clock:x}-{self._stan}", clock, amount, self._stan, card, original)

    def _draw_response(self) -> str:
        drawn = self._chance.random()
        for trouble in self.troubles:
            if drawn < trouble.swallows:
                return UNANSWERED
            if drawn < trouble.swallows + trouble.refuses:
                return INOPERATIVE
        if self.unanswered and self._chance.random() < self.unanswered:
            return UNANSWERED
        if self._chance.random() >= self._settings.declined:
            return APPROVED
        codes = self._habits.refusals
        return self._chance.choices(list(codes), list(codes.values()))[0]

    def _answered(self, sale: Sale, now: Moment, clock: int) -> Transaction:
        self._open = None
        self.expect(now)
        slow = self._response in (UNANSWERED, INOPERATIVE)
        self.answers.append(Answer(self._response, 30_000.0 if slow else self._chance.gauss(420, 90)))
        if self._response == APPROVED:
            return self._accepted(sale, now, clock, "approved")
        if self._response == UNANSWERED:
            self._revoke(sale, now.s + self._chance.uniform(1, 3))
            return self._report(sale, clock, "unanswered")
        self.declined += 1
        return self._report(sale, clock, "declined")

    def _upload(self, now: Moment, clock: int) -> list[Transaction]:
        if self._chance.random() < self._failing:
            self._upload_s = now.s + PATIENCE_S
            return []
        self._upload_s = now.s + UPLOAD_EVERY_S
        self.uploaded += 1
        self.answers.append(Answer(APPROVED, self._chance.gauss(420, 90)))
        return [self._accepted(self.stored.popleft(), now, clock, "uploaded")]

    def _accepted(self, sale: Sale, now: Moment, clock: int, stage: str) -> Transaction:
        report = self._report(sale, clock, stage, now.at)
        taking = Taking(report.rrn or "", sale.amount, now.at, report.rail)
        if self.drawer is None:
            self.takings.append(taking)
        else:
            self.drawer.put(taking, now, clock)
        return report

    def _revoke(self, sale: Sale, at_s: float) -> None:
        if not self.reversals:
            self._reverse_s = at_s
        self.reversals.append(self._number_next(sale.at, sale.amount, sale.card, sale.id))

    def _reverse(self, now: Moment, clock: int) -> list[Transaction]:
        """Ask for the first reversal; the next time, take the answer or ask again."""
        if not self._asked:
            self._asked = True
            self._reverse_s = now.s + self._chance.uniform(0.4, 2.5)
            return [self._report(self.reversals[0], clock, "requested")]
        self._asked = False
        if self._chance.random() < self._failing:
            self._reverse_s = now.s + PATIENCE_S
            return []
        self._reverse_s = now.s + UPLOAD_EVERY_S
        self.answers.append(Answer(APPROVED, self._chance.gauss(420, 90)))
        return [self._report(self.reversals.popleft(), clock, "approved", now.at)]

    @property
    def _failing(self) -> float:
        """The share of requests that the host does not serve now."""
        return max((trouble.swallows + trouble.refuses for trouble in self.troubles), default=0.0)

    def _store(self, sale: Sale) -> None:
        self.stored.append(sale)
        self._unreported.append((sale, "stored"))

    def _report(self, sale: Sale, at: int, stage: str, host_at: int | None = None) -> Transaction:
        """`host_at` is the host's approval: with it come the reference and authorisation numbers."""
        approved = host_at is not None
        return Transaction(
            at=at,
            boot=_UNNUMBERED,
            seq=_UNNUMBERED,
            id=sale.id,
            kind="reversal" if sale.original else "sale",
            stage=stage,  # type: ignore[arg-type]
            amount=sale.amount,
            rail="card" if sale.card else "qr",
            stan=f"{sale.stan % 1_000_000:06d}",
            # Unique for the acquirer: the terminal's number and its count of sales.
            rrn=f"{self._number % 100_000:05d}{sale.stan % 10_000_000:07d}" if approved else None,
            auth=f"{self._chance.randrange(1_000_000):06d}" if approved else None,
            batch=self.drawer.no if self.drawer is not None and not sale.original else None,
            response=APPROVED if approved else self._response if stage == "declined" else None,
            host_at=host_at,
            acquirer=self.acquirer or None,
            card=sale.card,
            original=sale.original,
        )
