"""One transaction as its stages tell it, whatever order they arrive in.

Stages come out of order, twice, or a day late from a terminal that was cut off; each sets its own fields,
so the record is the same in the end. `at` is dated as the contract says: by the sender, unless that is
more than a day from the arrival; an approval that is to come in more than a day is not told. A sale that
was kept in a terminal for days is told by `swiped_at`, which believes the sender for ten days back.
"""

from operator import attrgetter
from typing import Final

from msgspec import Struct

from fleetmon.model.days import DAY
from fleetmon.model.events import Posted, Transaction

KEPT: Final = 10 * DAY  # a terminal may hold a sale for so long
_SLIP: Final = 3_600_000
_RANK: Final = {"requested": 1, "stored": 2, "unanswered": 3, "declined": 4, "approved": 5, "uploaded": 6}
_SETTLING: Final = ("approved", "uploaded")
_NOTHING: Final = Posted()
_NAMED_ALIKE: Final = (
    "amount", "currency", "rail", "response", "rrn", "stan", "batch", "acquirer", "issuer", "original",
)  # fmt: skip
_FIELDS: Final = tuple(
    (name, 4 * place) for place, name in enumerate((*_NAMED_ALIKE, "posted_merchant", "posted_mcc", "host_at"))
)
_said: Final = attrgetter(*_NAMED_ALIKE)


class Sale(Struct, gc=False):
    """State of one transaction. Times in ms, amounts in fen; 0 is "did not happen"."""

    merchant: str
    terminal: str
    id: str
    kind: str
    rail: str = "card"
    amount: int = 0
    currency: str = "CNY"
    at: int = 0
    swiped_at: int = 0
    requested: int = 0
    approved: int = 0  # as told by the terminal, at its own clock
    declined: int = 0
    unanswered: int = 0
    stored: int = 0
    uploaded: int = 0
    heard_at: int = 0  # arrival of the first message
    stored_heard: int = 0  # arrival of the word that it was stored
    host_at: int = 0  # approval at the host; settlement counts from it
    rrn: str = ""
    stan: str = ""
    batch: str = ""
    response: str = ""
    acquirer: str = ""
    issuer: str = ""
    original: str = ""
    posted_merchant: str = ""
    posted_mcc: str = ""
    ranks: int = 0  # of the stages that told the fields, four bits each

    @property
    def accepted(self) -> bool:
        """Whether the host has said yes."""
        return bool(self.approved or self.uploaded)

    @property
    def settles_from(self) -> int:
        """The approval at the host; where that is not told, the terminal's word, else the swipe."""
        return self.host_at or self.approved or self.uploaded or self.at

    def take(self, told: Transaction, heard_at: int) -> None:
        """Take in one stage. A repetition changes nothing."""
        dated = told.at if abs(told.at - heard_at) <= DAY else heard_at
        if getattr(self, told.stage):
            return
        setattr(self, told.stage, dated)
        if not self.at or dated < self.at:
            self.at = dated
        kept = told.at if told.stage == "stored" and -_SLIP <= heard_at - told.at <= KEPT else dated
        if not self.swiped_at or kept < self.swiped_at:
            self.swiped_at = kept
        self.heard_at = min(self.heard_at or heard_at, heard_at)
        if told.stage == "stored":
            self.stored_heard = heard_at
        self._describe(told, heard_at)

    def _describe(self, told: Transaction, heard_at: int) -> None:
        """Take its fields. Where two stages differ the later one of a sale's life is right, whichever came first."""
        posted, rank, ranks = told.posted or _NOTHING, _RANK[told.stage], self.ranks
        host_at = told.host_at if told.stage in _SETTLING and (told.host_at or 0) <= heard_at + DAY else None
        said = (*_said(told), posted.merchant, posted.mcc, host_at)
        for (name, place), value in zip(_FIELDS, said, strict=True):
            if (value or name == "amount") and rank > (told_by := ranks >> place & 15):
                setattr(self, name, value)
                ranks += rank - told_by << place
        self.ranks = ranks
