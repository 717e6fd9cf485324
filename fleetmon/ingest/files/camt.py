"""Bank statements: the few elements of camt.053 and camt.054 that tell of money received, in any version.

Element names have stayed the same since version 2, so the namespace is not looked at; where versions differ
(status, booking date, amount of a detail) both forms are read. A document type declaration is refused before
anything in it is used: statements have none, and it is what XML bombs and stolen files are made of.
"""

import io
import re
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from itertools import zip_longest
from typing import Final

from lxml import etree
from msgspec import Struct

from fleetmon.ingest.files.amounts import fen, shown
from fleetmon.ingest.files.outcome import FileError, RowError
from fleetmon.model.cards import masked
from fleetmon.model.days import UTC_OFFSET, day_from, midnight

HEADER: Final = ["sign", "amount", "currency", "booked", "references", "text"]
_STATEMENTS: Final = {"Stmt", "Ntfctn"}
_KINDS: Final = {"BkToCstmrStmt", "BkToCstmrDbtCdtNtfctn"}
_DATES: Final = ("BookgDt/DtTm", "BookgDt/Dt", "ValDt/DtTm", "ValDt/Dt")
_ROOT: Final = "Document"
_HERE: Final = timezone(timedelta(milliseconds=UTC_OFFSET))
_NAME: Final = re.compile(r"\w+")
_Element = etree._Element  # noqa: SLF001 - lxml's only name for the type


class Entry(Struct, frozen=True):
    """One payment on an account as the bank tells it. `at` in ms, `amount` in minor units, never negative."""

    line: int
    cells: list[str]  # under HEADER, without card numbers
    amount: int
    currency: str
    credit: bool
    booked: bool
    returned: str | None  # a payment that came back: the ISO 20022 reason, empty where none is given
    day: int  # booking date as a day number
    at: int
    bank_reference: str  # the account servicer's own; empty where there is none
    references: frozenset[str]
    text: str


class Unusable(Struct, frozen=True):
    """An entry that cannot be read."""

    line: int
    cells: list[str]
    error: RowError


def entries(data: bytes) -> Iterator[Entry | Unusable]:
    """The payments of all statements of a file; raises FileError for what is no whole camt.053 or camt.054."""
    found = etree.iterparse(
        io.BytesIO(data),
        events=("start", "end"),
        resolve_entities=False,
        load_dtd=False,
        no_network=True,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    depth = statements = 0
    try:
        for event, element in found:
            depth += 1 if event == "start" else -1
            if event == "start" and depth <= 2:
                _check_top(element, depth)
            statements += event == "start" and _local(element) in _STATEMENTS
            if event == "end" and depth == 3 and _local(element) == "Ntry":
                yield from _payments(element)
                element.clear(keep_tail=False)
    except etree.XMLSyntaxError as error:
        if "ntity" in str(error):
            raise FileError(f"has entities, which no bank statement has; it is refused ({error.msg})") from None
        raise FileError(f"is no whole XML: {error.msg}; is it truncated? fetch it again") from None
    if not statements:
        raise FileError("holds no statement; ask the bank for it again")


def _check_top(element: _Element, depth: int) -> None:
    if depth == 1 and element.getroottree().docinfo.internalDTD is not None:
        raise FileError("has a document type declaration, which no bank statement has; it is refused")
    name = _local(element)
    if depth == 1 and name != _ROOT:
        raise FileError(f"is XML, but no camt.053 or camt.054: it begins with <{name}>")
    if depth == 2 and name not in _KINDS:
        raise FileError(f"is no camt.053 or camt.054: it holds <{name}>; ask the bank for one of these")


def _local(element: _Element) -> str:
    return etree.QName(element).localname


def _path(names: str) -> str:
    return _NAME.sub(r"{*}\g<0>", names)


def _text(element: _Element, *paths: str) -> str:
    """The text of the first of these that is there and not empty."""
    found = (element.findtext(_path(path)) for path in paths)
    return next((text.strip() for text in found if text and text.strip()), "")


def _texts(element: _Element, path: str) -> list[str]:
    return [text.strip() for one in element.iterfind(_path(path)) if (text := one.text) and text.strip()]


def _payments(element: _Element) -> Iterator[Entry | Unusable]:
    """Each payment of one entry: the entry itself, or its details where it books several in one sum."""
    details = element.findall(_path("NtryDtls/TxDtls"))
    if not _is_credit(element) and not _reversed(element):
        details = details[:1]  # of what was paid out only the sum is told, to be passed over
    try:
        amount, currency = _amount(element, "Amt")
        shares = [amount] if len(details) < 2 else _shares(details, amount, currency, _is_credit(element))
        found = [
            _entry(element, detail, place, share, currency)
            for place, (detail, share) in enumerate(zip_longest(details, shares))
        ]
    except RowError as error:
        yield Unusable(element.sourceline or 0, _cells(element, None, _text(element, "Amt")), error)
    else:
        yield from found


def _shares(details: list[_Element], amount: int, currency: str, credit: bool) -> list[int]:
    """What each detail is of the sum; raises RowError where they do not tell, or do not add up."""
    shares = []
    for detail in details:
        share, unit = _amount(detail, "Amt", "AmtDtls/TxAmt/Amt")
        if unit != currency:
            raise RowError("sum", f"a detail in {unit} of an entry in {currency}; it cannot be divided")
        shares.append(share if _is_credit(detail, credit) == credit else -share)
    if sum(shares) != amount:
        raise RowError("sum", f"the details add up to {shown(sum(shares))}, the entry says {shown(amount)}")
    return [abs(share) for share in shares]


def _amount(element: _Element, *paths: str) -> tuple[int, str]:
    for path in paths:
        found = element.find(_path(path))
        if found is not None:
            amount = fen((found.text or "").strip())
            if amount < 0:
                raise RowError("amount", f"{shown(amount)} is negative, where a sign of its own says so")
            return amount, found.get("Ccy", "")
    raise RowError("sum", "several payments in one entry, and not each has its amount")


def _reversed(element: _Element) -> bool:
    return _text(element, "RvslInd") == "true"


def _is_credit(element: _Element, otherwise: bool = False) -> bool:  # noqa: FBT002 - what holds around it
    sign = _text(element, "CdtDbtInd")
    return sign == "CRDT" if sign else otherwise


def _entry(element: _Element, detail: _Element | None, place: int, amount: int, currency: str) -> Entry:
    own = detail if detail is not None else element
    credit = _is_credit(element)
    written = _text(element, *_DATES)
    if not written and (statement := element.getparent()) is not None:  # a notification may leave it to its head
        written = _text(statement, "CreDtTm")
    day, at = _booked(written)
    came_back = _reversed(element) or (credit and own.find(_path("RtrInf")) is not None)
    bank = _text(own, "Refs/AcctSvcrRef") or _text(element, "AcctSvcrRef")
    return Entry(
        line=own.sourceline or 0,
        cells=_cells(element, detail, shown(amount)),
        amount=amount,
        currency=currency,
        credit=credit and _is_credit(own, credit),
        booked=_text(element, "Sts/Cd", "Sts") == "BOOK",
        returned=_text(own, "RtrInf/Rsn/Cd") if came_back else None,
        day=day,
        at=at,
        bank_reference=f"{bank}#{place}" if bank else "",
        references=frozenset(_references(element, detail)),
        text=" ".join(_words(element, detail)),
    )


def _booked(text: str) -> tuple[int, int]:
    """Booking day and time; a bank that gives no time means the day from its beginning."""
    try:
        day = day_from(text[:10])  # of the bank's place
        if "T" not in text:
            return day, midnight(day)
        moment = datetime.fromisoformat(text)
        at = int((moment if moment.tzinfo else moment.replace(tzinfo=_HERE)).timestamp()) * 1000
    except (ValueError, OverflowError):
        raise RowError("time", f'"{text[:40]}" is no booking date') from None
    if at < 0:
        raise RowError("time", f'"{text[:40]}" is no booking date')
    return day, at


def _references(element: _Element, detail: _Element | None) -> list[str]:
    found = [*_texts(element, "AcctSvcrRef"), *_texts(element, "NtryRef")]
    if detail is not None:
        found += [text for refs in detail.iterfind(_path("Refs")) for text in _texts(refs, "*")]
    return [text for text in found if text != "NOTPROVIDED"]


def _words(element: _Element, detail: _Element | None) -> list[str]:
    found = _texts(element, "AddtlNtryInf")
    if detail is not None:
        for path in ("RmtInf/Ustrd", "RmtInf/Strd//Ref", "RmtInf/Strd/AddtlRmtInf", "AddtlTxInf", "RltdPties//Nm"):
            found += _texts(detail, path)
    return found


def _cells(element: _Element, detail: _Element | None, amount: str) -> list[str]:
    money = element.find(_path("Amt"))
    return [
        _text(element, "CdtDbtInd"),
        amount,
        money.get("Ccy", "") if money is not None else "",
        _text(element, *_DATES),
        masked(" ".join(_references(element, detail))),
        masked(" ".join(_words(element, detail))),
    ]
