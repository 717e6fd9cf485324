"""A merchant with its terms, its sites and terminals, its sales, and what befalls its payouts."""

from dataclasses import dataclass, field
from datetime import date

from fleetmon.model.registry import Merchant
from fleetmon.sim.chance import Chance
from fleetmon.sim.corpus.dates import MINUTE, Terms, due, moment
from fleetmon.sim.corpus.device import Device
from fleetmon.sim.corpus.sale import Sale, Way
from fleetmon.sim.corpus.scene import Scene


@dataclass(eq=False)
class Shop:
    """One merchant of the corpus; `day` is the trade day its story is about."""

    row: Merchant
    terms: Terms
    scene: Scene
    chance: Chance
    devices: list[Device]
    day: date
    fee: float
    covers: str  # how its payouts say what they cover: rows, batches or date
    trade: float = 1.0  # how many ordinary sales it makes
    sales: list[Sale] = field(default_factory=list)
    ways: dict[date, Way] = field(default_factory=dict)  # by business date
    account_events: list[tuple[int, str, str]] = field(default_factory=list)

    @property
    def id(self) -> str:
        """Its id in the registry."""
        return self.row.id

    def due_of(self, day: date, clock_s: float = 43_200) -> int:
        """When a sale of that day, at noon if nothing is said, is due."""
        return due(self.terms, self.scene.week, moment(day, clock_s)).at

    def settled(self, day: date) -> bool:
        """Whether the money of that day has to be there by the end."""
        return self.due_of(day) <= self.scene.until

    def block(self, way: Way, since: date) -> None:
        """Let the money of that business date, and all that is due then or later, go that way."""
        for day in self.scene.days:
            if self.due_of(day) >= self.due_of(since):
                self.ways[day] = way

    def latest(self, device: Device, day: date) -> int:
        """Until when a sale surely belongs to the day: before the cut-off and before the batch is closed."""
        latest = self.cut(day) - 5 * MINUTE
        planned = device.closings[day].planned - 3 * MINUTE
        return min(latest, planned) if self.terms.capture == "terminal" else latest

    def cut(self, day: date) -> int:
        """The moment after which a card sale of that day counts later: the cut-off, or the instant payout."""
        return moment(day, self.terms.payout_by_s if self.terms.instant else self.terms.cutoff_s)
