"""Joins money and devices: takes the facts, and says of any transaction where it stands and why.

An explanation is worked out when somebody asks, from all that is known then; nothing of it is kept, so a
message that comes late changes the answer and not the history.
"""

from collections.abc import Iterator

from fleetmon.engine.directory import Directory
from fleetmon.engine.fleet import Fleet
from fleetmon.engine.hosts.words import Words
from fleetmon.engine.incidents import Incidents
from fleetmon.engine.money.gather import Gather
from fleetmon.engine.money.ledger import Ledger
from fleetmon.engine.outcome import Fact
from fleetmon.engine.timeline import Timeline
from fleetmon.engine.work.works import Works
from fleetmon.explain import explain
from fleetmon.model.cause import Explanation
from fleetmon.model.days import DAY
from fleetmon.model.events import DeviceEvent, MaintenanceMark, State
from fleetmon.model.sale import Sale

AHEAD = 60_000  # a clock so far ahead dates nothing


class Explainer:
    """The ledger, the timeline, and the causes."""

    def __init__(self, fleet: Fleet, incidents: Incidents, directory: Directory, works: Works, words: Words) -> None:
        self.ledger = Ledger(directory)
        self.timeline = Timeline(directory.places)
        self.fleet = fleet
        self._incidents = incidents
        self._works = works
        self._words = words
        self.register(directory)

    def register(self, directory: Directory) -> None:
        """Take another registry; with other terms other sales are over a limit."""
        for book in self.ledger.books.values():
            book.over.clear()
        self.ledger.directory = directory
        self.timeline.places = directory.places
        self._gather = Gather(
            self.fleet, directory, self.ledger, self.timeline, self._incidents, self._works, self._words
        )

    def observe(self, fact: Fact) -> Sale | None:
        """Take in a fact, and give the sale if it is of one; repetitions change nothing."""
        message = fact.message
        now, key, event = message.received_at, message.key, message.event
        terminal = self.fleet.terminals.get(key)
        if isinstance(event, State):
            self.timeline.state(terminal.id if terminal else key, event, now)
        elif isinstance(event, DeviceEvent):
            self.timeline.device(key, event, _dated(event.at, now), fact.epoch)
        elif isinstance(event, MaintenanceMark):
            self.timeline.mark(key, event, _dated(event.at, now), fact.epoch)
        else:
            merchant, acquirer = (terminal.merchant, terminal.cohort.acquirer) if terminal else ("", "")
            return self.ledger.observe(key, merchant, event, now, acquirer)
        return None

    def recall(self, fact: Fact) -> Sale | None:
        """Take in a fact of the past, in any order and beside those of the present."""
        message = fact.message
        if not isinstance(message.event, State):
            return self.observe(fact)
        self.timeline.recall_state(message.key, message.event, message.received_at)
        return None

    def merchant_of(self, terminal: str) -> str:
        """Whose terminal it is; empty where nobody knows."""
        found = self.fleet.terminals.get(terminal)
        return found.merchant if found else ""

    def explanation(self, sale: Sale, now: int) -> Explanation:
        """Where a transaction stands at `now`, and why it is not paid."""
        standing = self.ledger.standing(sale, now)
        return Explanation(sale, standing, tuple(explain(self._gather.case(sale, standing, now))))

    def unpaid(self, now: int, merchant: str | None = None) -> Iterator[Explanation]:
        """Everything that the contract wants explained, of one merchant or of all."""
        for sale, standing in self.ledger.unpaid(now, merchant):
            yield Explanation(sale, standing, tuple(explain(self._gather.case(sale, standing, now))))


def _dated(at: int, heard_at: int) -> int:
    """When it was, by the terminal, which may tell late; its future is an error of its clock."""
    return at if -AHEAD <= heard_at - at <= DAY else heard_at
