"""What is known of payouts: told over MQTT, imported before, or found earlier in the same run.

A payout too long for one message is cut into parts (`ID.1of3`), which the bank pays as one: a `Group`.
Where it can be wrong: only what is stored when the import begins is known; what is still on its way to the
store is told apart by its id alone, which is why ids follow from the content.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from msgspec import Struct

from fleetmon.model.days import day_from
from fleetmon.model.events import Payout
from fleetmon.model.registry import Merchant, Registry

_PART: Final = re.compile(r"\.[0-9]+of[0-9]+$")


class Said(Payout, frozen=True, gc=False, omit_defaults=True):
    """A payout's event with the bank entry that it came from, so that no entry counts twice.

    `source` is a field of ours: others ignore it, as the contract lets them.
    """

    source: str | None = None


class Claim(NamedTuple):
    """A sale that a payout lists."""

    payout: str
    amount: int
    fee: int


class Group(Struct):
    """One payout with all its parts: the last word on each, and the events there were."""

    merchant: str
    name: str
    parts: dict[str, Said] = {}
    events: set[str] = set()
    told_by_bank: bool = False  # whether a statement has told of the credit

    @property
    def key(self) -> tuple[str, str]:
        """What tells it from all others."""
        return self.merchant, self.name

    @property
    def amount(self) -> int:
        """What is paid for all parts, in minor units."""
        return sum(part.amount for part in self.parts.values())

    @property
    def day(self) -> int:
        """The business date as a day number."""
        return max(day_from(part.business_date) for part in self.parts.values())


class Payouts:
    """All payouts of the merchants that were asked for."""

    def __init__(self, tell: Callable[[Iterable[str]], Iterable[tuple[str, Said]]]) -> None:
        """`tell`: what is stored about these merchants, as (merchant, event)."""
        self.sources: set[str] = set()
        self.by_name: defaultdict[str, list[Group]] = defaultdict(list)  # by id, and by id without the part
        self.by_batch: defaultdict[str, list[Group]] = defaultdict(list)
        self.by_merchant: defaultdict[str, list[Group]] = defaultdict(list)
        self._tell = tell
        self._read: set[str] = set()
        self._groups: dict[tuple[str, str], Group] = {}
        self._claims: dict[tuple[str, str, str], Claim] = {}

    def read(self, merchants: Iterable[str]) -> None:
        """Learn what is stored about these, once."""
        new = sorted(set(merchants) - self._read)
        self._read.update(new)
        for merchant, event in self._tell(new):
            self.add(merchant, event)

    def add(self, merchant: str, event: Said) -> None:
        """Learn one event."""
        name = _PART.sub("", event.id)
        group = self._groups.get((merchant, name))
        if group is None:
            group = self._groups[merchant, name] = Group(merchant, name)
            self.by_merchant[merchant].append(group)
            self.by_name[name].append(group)
        if event.event not in ("credited", "returned") or event.id not in group.parts:
            group.parts[event.id] = event
        group.events.add(event.event)
        if event.source is not None:
            self.sources.add(event.source)
            group.told_by_bank = True
        for batch in event.batches or ():
            self.by_batch[batch].append(group)
        for row in event.rows or ():
            if row.rrn:
                claim = Claim(name, row.amount or 0, row.fee or 0)
                self._claims.setdefault((merchant, event.business_date, row.rrn), claim)

    def group(self, merchant: str, name: str) -> Group | None:
        """One payout by its id."""
        return self._groups.get((merchant, name))

    def claim(self, merchant: str, business_date: str, rrn: str) -> Claim | None:
        """The payout that lists this sale already; an RRN is unique within an acquirer's day."""
        return self._claims.get((merchant, business_date, rrn))


class Merchants:
    """The merchants of the registry by their number, or by their id."""

    def __init__(self, registry: Registry) -> None:
        self._defaults = registry.defaults
        self._found = {row.id: row for row in registry.merchants}
        self._found |= {row.number: row for row in registry.merchants if row.number}

    def find(self, name: str) -> Merchant | None:
        """The merchant whose number or id this is."""
        return self._found.get(name)

    def cutoff(self, merchant: Merchant) -> str:
        """The time of day after which a card sale counts as the next day."""
        return merchant.cutoff or self._defaults.cutoff

    def ids(self) -> set[str]:
        """Of all of them."""
        return {row.id for row in self._found.values()}
