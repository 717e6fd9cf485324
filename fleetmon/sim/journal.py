"""What a recording tells of money: each sale as far as it came, and which of them were credited.

Kept while the recording is written, so it knows what a listener can know, and not what arrives after the end.
"""

from collections.abc import Collection
from typing import Final

import msgspec
from msgspec import Struct

from fleetmon.model.events import Payout, Transaction

_TRANSACTION: Final = msgspec.json.Decoder(Transaction)
_PAYOUT: Final = msgspec.json.Decoder(Payout)


class Entry(Struct, gc=False):
    """One sale. Times in ms; `at` by the terminal's clock, `heard_at` the first arrival, 0 is "did not happen"."""

    terminal: str
    id: str
    acquirer: str
    rail: str
    amount: int
    at: int
    heard_at: int
    stored: bool = False
    host_at: int = 0
    rrn: str = ""
    response: str = ""  # of a refusal
    unanswered: bool = False
    is_reversed: bool = False


class Journal:
    """The sales of a recording."""

    def __init__(self) -> None:
        self.sales: dict[tuple[str, str], Entry] = {}
        self.credited: dict[str, int] = {}  # when, by RRN
        self.clocks: dict[str, int] = {}  # by how much the terminal's was ahead when its host last said yes

    def take(self, topic: str, payload: bytes, heard_at: int) -> None:
        """Take in a message of the recording; repetitions change nothing."""
        if topic.endswith("/transaction"):
            self._transaction(topic.split("/")[-2], _TRANSACTION.decode(payload), heard_at)
        elif topic.endswith("/settlement"):
            said = _PAYOUT.decode(payload)
            if said.event == "credited":
                for row in said.rows or ():
                    self.credited.setdefault(row.rrn or "", said.at)

    def made(self, acquirers: Collection[str], since: int, for_s: float) -> float:
        """How many sales a second were asked of these hosts."""
        times = [one.heard_at for one in self.sales.values() if one.acquirer in acquirers]
        return sum(since <= at < since + for_s * 1000 for at in times) / for_s

    def _transaction(self, terminal: str, said: Transaction, heard_at: int) -> None:
        if said.kind == "reversal":
            undone = self.sales.get((terminal, said.original or ""))
            if undone is not None and said.stage == "approved":
                undone.is_reversed = True
            return
        entry = self.sales.get((terminal, said.id))
        if entry is None:
            entry = Entry(terminal, said.id, said.acquirer or "", said.rail, said.amount, said.at, heard_at)
            self.sales[terminal, said.id] = entry
        entry.at = min(entry.at, said.at)
        if said.host_at is not None:
            entry.host_at, entry.rrn = said.host_at, said.rrn or ""
            self.clocks[terminal] = said.at - said.host_at
        entry.stored |= said.stage == "stored"
        entry.unanswered |= said.stage == "unanswered"
        if said.stage == "declined":
            entry.response = said.response or ""
