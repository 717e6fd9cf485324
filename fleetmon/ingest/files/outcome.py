"""What became of one file: every row is taken, repeated, ignored or kept aside, and the sum is what was read."""

from collections import Counter
from collections.abc import Callable
from typing import Literal

import msgspec
from msgspec import Struct, field

from fleetmon.ingest.intake import Publication
from fleetmon.model.cards import masked
from fleetmon.model.errors import FleetmonError

# Why a row is kept aside.
Reason = Literal[
    "ragged", "quote", "amount", "sum", "currency", "time", "type", "field", "unbalanced",
    "merchant", "claimed", "changed", "date", "unmatched", "ambiguous",
]  # fmt: skip


class FileError(FleetmonError):
    """A file of which nothing can be used; the text says why and what to do."""


class RowError(FleetmonError):
    """A row that is kept aside; `detail` says what is wrong with it and what to do."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


class Rejected(Struct, frozen=True):
    """A row kept aside: its line in the file, why, and its cells, in which no card number is whole."""

    line: int
    reason: Reason
    detail: str
    cells: list[str]


class Outcome(Struct):
    """One file, taken apart. Amounts in minor units."""

    kind: Literal["settlement", "statement"]
    header: list[str]
    read: int = 0
    taken: int = 0
    repeated: int = 0  # known from before
    ignored: Counter[str] = field(default_factory=Counter)  # what moves no merchant's money, by kind
    rejected: list[Rejected] = []
    notes: list[str] = []  # what shows that the file itself lacks rows
    amount: int = 0  # of what was taken
    events: list[Publication] = []
    cut: Callable[[list[str]], list[str]] = list  # takes card numbers out of a row's cells
    payouts: list[str] = []  # (merchant/id/event) of those events, as the store's facts are called

    def reject(self, line: int, cells: list[str], error: RowError) -> None:
        """Keep a row aside."""
        self.rejected.append(Rejected(line, error.reason, masked(error.detail), self.cut(cells)))

    def publish(self, topic: str, event: Struct) -> None:
        """Add an event that follows from the file."""
        self.events.append(Publication(topic, msgspec.json.encode(event)))

    @property
    def idle(self) -> bool:
        """Whether nothing came of a file that was to bring something."""
        return bool(self.read) and not (self.taken or self.repeated or self.ignored)
