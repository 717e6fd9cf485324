"""One row of a settlement file, as its mapping reads it."""

import contextlib
from collections.abc import Sequence
from datetime import datetime, time, timedelta
from typing import Final

from msgspec import Struct

from fleetmon.ingest.files.amounts import fen, shown
from fleetmon.ingest.files.known import Merchants
from fleetmon.ingest.files.mapping import Mapping, Role
from fleetmon.ingest.files.outcome import RowError
from fleetmon.model.cards import masked
from fleetmon.model.events import PayoutRow
from fleetmon.model.registry import Merchant

_MASK: Final = "******"


class Line(Struct):
    """A row that can be used. Amounts in minor units, `at` in ms; `net` is what of it is paid."""

    line: int
    cells: list[str]  # as they came, until the line is kept aside
    merchant: Merchant
    role: Role
    at: int
    day: str  # business date
    rrn: str
    amount: int
    net: int
    payout: str
    reference: str
    row: PayoutRow


class Reader:
    """Reads the rows under one header."""

    def __init__(self, mapping: Mapping, header: Sequence[str], merchants: Merchants, currency: str) -> None:
        self.total: int | None = None  # as the line of totals says
        self._plain = self._netted = 0  # of all amounts, as written and with refunds taken off
        self._spoilt = False
        self._mapping = mapping
        self._width = len(header)
        self._places = mapping.places(header)
        self._first = {thing: places[0] for thing, places in self._places.items()}
        named = ((thing, place) for thing, places in self._places.items() for place in places)
        self._numbers = frozenset(place for thing, place in named if thing not in ("card", "type"))
        self._merchants = merchants
        self._currency = currency

    def line(self, number: int, cells: list[str]) -> Line:
        """Read one row; raises RowError."""
        try:
            amount, net, fee = self._written(cells)
            role = self._role(cells)
        except RowError:
            self.spoil()
            raise
        self._plain += amount
        if role == "refund" and "amount" in self._places:  # in one column some write a refund as negative, some do not
            amount, net = -abs(amount), None if net is None else -abs(net)
        self._netted += amount
        net = _paid(role, amount, net, fee)
        for place in self._places.get("currency", ()):
            if (currency := cells[place]) not in ("", self._currency):
                raise RowError("currency", f'"{currency}" is not {self._currency}; see --currency')
        moment = self._moment(cells)
        merchant = self._merchant(cells)
        rrn = self._rrn(cells, role)
        number_of = self._cell(cells, "merchant")
        mcc = self._cell(cells, "mcc") or None
        return Line(
            line=number,
            cells=cells,
            merchant=merchant,
            role=role,
            at=int(moment.timestamp()) * 1000,
            day=self._business_date(cells, moment, merchant),
            rrn=rrn,
            amount=amount,
            net=net,
            payout=self._cell(cells, "payout"),
            reference=self._cell(cells, "reference"),
            row=PayoutRow(rrn=rrn, amount=amount, fee=amount - net, mcc=mcc and mcc[:4], merchant=number_of),
        )

    def is_total(self, cells: Sequence[str]) -> bool:
        """Whether a row is the line of totals."""
        start = self._mapping.total
        return bool(start) and next((cell for cell in cells if cell), "").startswith(start)

    def spoil(self) -> None:
        """An amount could not be read: the totals prove nothing any more."""
        self._spoilt = True

    def lacking(self) -> str | None:
        """What the totals say that the rows do not: the file is cut, or was changed."""
        if self._spoilt or self.total in (None, self._plain, self._netted):
            return None
        told, found = shown(self.total or 0), shown(self._netted)
        return f"the totals say {told}, the rows add up to {found}: rows are missing; fetch it again"

    def take_total(self, cells: Sequence[str]) -> None:
        """Note the total, where the line of totals has it under the amounts."""
        place = self._places.get("amount", [len(cells)])[0]
        with contextlib.suppress(RowError):  # a count or a word
            self.total = fen(cells[place]) if place < len(cells) else None

    def kept(self, cells: list[str]) -> list[str]:
        """The cells without card numbers: where the columns may be shifted, in any cell."""
        fit = len(cells) == self._width
        card = "".join(self._cell(cells, "card").split()) if fit else ""
        shown = [_mask(card) if card and "".join(cell.split()) == card else cell for cell in cells]
        exempt = self._numbers if fit else frozenset()
        return [cell if place in exempt else masked(cell) for place, cell in enumerate(shown)]

    def _cell(self, cells: Sequence[str], thing: str) -> str:
        place = self._first.get(thing)
        return "" if place is None else cells[place]

    def _role(self, cells: Sequence[str]) -> Role:
        if not self._mapping.types or "type" not in self._places:
            return "sale"
        kind = self._cell(cells, "type")
        if kind not in self._mapping.types:
            raise RowError("type", f'"{kind}" is no known kind of row; add it to `types` of a mapping of your own')
        return self._mapping.types[kind]

    def _written(self, cells: Sequence[str]) -> tuple[int, int | None, int | None]:
        """Amount, what of it is paid, and fee, as they stand there."""
        net = self._signed(cells, "net", "net_credit", "net_debit")
        amount = self._signed(cells, "amount", "credit", "debit")
        fee = fen(text) if (text := self._cell(cells, "fee")) else None
        if amount is None:
            amount = net
        if amount is None:
            raise RowError("amount", "there is no amount")
        return amount, net, fee

    def _signed(self, cells: Sequence[str], single: str, credit: str, debit: str) -> int | None:
        if text := self._cell(cells, single):
            return fen(text)
        plus, minus = self._cell(cells, credit), self._cell(cells, debit)
        if plus and minus:
            raise RowError("amount", "there is a debit and a credit; one of them is right")
        return fen(plus) if plus else -fen(minus) if minus else None

    def _moment(self, cells: Sequence[str]) -> datetime:
        """The time as the file writes it, with its offset."""
        mapping = self._mapping
        zone = self._cell(cells, "zone")
        if zone and zone not in mapping.zones:
            raise RowError("time", f'the zone "{zone}" is not known; add it to `zones` of a mapping of your own')
        offset = mapping.zones.get(zone, mapping.offset)
        text = self._cell(cells, "time")
        for written in (text, f"{self._cell(cells, 'day')} {text}"):
            for form in mapping.time_formats:
                try:
                    found = datetime.strptime(f"{written}{offset}", f"{form}%z")
                except ValueError:
                    continue
                if 1970 < found.year < 9999:
                    return found
        raise RowError("time", f'"{text[:40]}" is no time of the form {", ".join(mapping.time_formats)}')

    def _business_date(self, cells: Sequence[str], moment: datetime, merchant: Merchant) -> str:
        """As the file says, else by the cut-off: for cards only, and strictly later than it."""
        if written := self._cell(cells, "date"):
            plain = written.replace("-", "").replace("/", "")
            try:
                return datetime.strptime(f"{plain}+0000", "%Y%m%d%z").date().isoformat()
            except ValueError:
                raise RowError("time", f'"{written[:40]}" is no date') from None
        card = "card" not in self._places or bool(self._cell(cells, "card"))
        cutoff = time.fromisoformat(self._merchants.cutoff(merchant))
        late = self._mapping.cutoff == "registry" and card and moment.time() > cutoff
        return (moment.date() + timedelta(days=late)).isoformat()

    def _merchant(self, cells: Sequence[str]) -> Merchant:
        name = self._cell(cells, "merchant")
        found = self._merchants.find(name)
        if found is None:
            raise RowError("merchant", f'the registry has no merchant with the number "{name}"; add it, import again')
        return found

    def _rrn(self, cells: Sequence[str], role: Role) -> str:
        if role not in ("sale", "refund"):
            return ""
        rrn = (self._cell(cells, "refund") if role == "refund" else "") or self._cell(cells, "rrn")
        if not 1 <= len(rrn) <= 64:
            raise RowError("field", "there is no reference number by which the sale could be found")
        if (card := "".join(self._cell(cells, "card").split())) and rrn == card:
            raise RowError("field", "the reference number is the card number; the columns are mixed up")
        return rrn


def _paid(role: Role, amount: int, net: int | None, fee: int | None) -> int:
    """What of an amount is paid; raises RowError where amount, fee and payment contradict each other."""
    if role == "sale" and (amount < 0 or (net or 0) < 0):
        raise RowError("amount", f"a sale of {shown(amount)} is negative; if it is a refund its type has to say so")
    if net is None:
        if role == "refund" and fee:
            raise RowError("sum", "whether a refund's fee comes back is not said: the paid amount is missing")
        net = amount - abs(fee or 0)
    elif fee is not None and amount - net not in (fee, -fee):
        raise RowError("sum", f"{shown(amount)} less the fee {shown(fee)} is not {shown(net)}")
    if role == "sale" and not 0 <= net <= amount:
        raise RowError("sum", f"of {shown(amount)} sold {shown(net)} cannot be paid")
    return net


def _mask(card: str) -> str:
    """First 6 and last 4 of a card number; of what is masked already, or is none, no more than that."""
    return f"{card[:6]}{_MASK}{card[-4:]}" if len(card) >= 13 else card if "*" in card else _MASK
