"""The lines that are paid together become one payout, in as many messages as it takes.

The id is the acquirer's where the file has one, else it follows from the rows: the same rows give the same
id, so a file that is imported twice has its effect once. A payout that is known already must agree.
"""

import hashlib
import re
from collections.abc import Sequence
from typing import Final, Literal

import msgspec

from fleetmon.ingest.files.amounts import shown
from fleetmon.ingest.files.known import Payouts, Said
from fleetmon.ingest.files.outcome import RowError
from fleetmon.ingest.files.reader import Line

MOST_ROWS: Final = 300  # of one message, which has to stay below 64 KiB with the longest numbers
_NO_ID: Final = re.compile(r"[^A-Za-z0-9._-]+")
_LONGEST: Final = 48  # of a name, so that there is room for the part
_WITHHELD: Final = ("fee", "deposit")


def named(lines: Sequence[Line], day: str, known: Payouts, payout_id: str) -> list[Said]:
    """The events of a payout that the acquirer names; none when it is known. Raises RowError for all its lines."""
    paid = [line for line in lines if line.role == "payout"]
    left = sum(line.net for line in lines)
    if left and not paid:
        raise RowError("unbalanced", f"{lines[0].payout}: neither paid nor carried over: rows are missing")
    amount = -sum(line.net for line in lines if line.role == ("payout" if paid else "carried"))
    name = _name(paid, lines[0].payout, payout_id)
    before = known.group(lines[0].merchant.id, name)
    if before is None:
        return _events(lines, name, day, amount, at=(paid or lines)[-1].at, paid=bool(paid))
    if before.amount != amount:
        said = f"payout {name} is known with {shown(before.amount)}, this file says {shown(amount)}"
        raise RowError("changed", f"{said}; ask the acquirer which is right")
    return []


def unnamed(lines: Sequence[Line], day: str) -> list[Said]:
    """The events of a payout that only its rows tell of: one merchant's business date."""
    rows = sorted(msgspec.json.encode(line.row) for line in lines)
    content = b"\n".join([lines[0].merchant.id.encode(), day.encode(), *rows])
    amount = sum(line.net for line in lines)
    name = f"imp-{hashlib.sha256(content).hexdigest()[:24]}"
    return _events(lines, name, day, amount, at=max(line.at for line in lines), paid=amount > 0)


def _name(paid: Sequence[Line], batch: str, payout_id: str) -> str:
    """What the bank will call it, else the acquirer's number."""
    found = re.search(payout_id, paid[-1].reference) if payout_id and paid else None
    return _NO_ID.sub("-", found[0] if found else f"batch-{batch}")[:_LONGEST]


def _events(lines: Sequence[Line], name: str, day: str, amount: int, *, at: int, paid: bool) -> list[Said]:
    sold = sorted((line for line in lines if line.rrn), key=lambda line: (line.rrn, line.amount))
    parts = [sold[start : start + MOST_ROWS] for start in range(0, len(sold), MOST_ROWS)]
    withheld = -sum(line.net for line in lines if line.role in _WITHHELD)
    left = amount
    events = []
    for number, part in enumerate(parts, 1):
        last = number == len(parts)
        share = left if last else sum(line.net for line in part)
        left -= share
        event = Said(
            at=at,
            id=name if len(parts) == 1 else f"{name}.{number}of{len(parts)}",
            business_date=day,
            event="instructed" if paid else "carried_over",
            amount=share,
            expected=share + withheld if last and withheld > 0 else None,
            reason=_reason(lines, amount, paid=paid),
            payer=lines[0].merchant.acquirer or None,
            rows=[line.row for line in part],
        )
        events.append(event)
    return events


def _reason(lines: Sequence[Line], amount: int, *, paid: bool) -> Literal["fee", "deposit", "net_negative"] | None:
    """Why less is paid than was sold; None where the file does not say."""
    if not paid:
        return "net_negative" if amount <= 0 else None
    if any(line.role == "deposit" and line.net < 0 for line in lines):
        return "deposit"
    return "fee" if any(line.role == "fee" and line.net < 0 for line in lines) else None
