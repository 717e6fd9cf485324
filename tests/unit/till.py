"""A merchant's book by hand: a test says what was told when, and asks where a sale stands.

Times are written as people say them, in Shanghai; the merchant is paid T+1 at 18:00 and closes at 23:00 unless
a test says otherwise.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta, timezone
from typing import Any, NamedTuple

from fleetmon.engine.money.book import Book
from fleetmon.model.days import date_of, day_of
from fleetmon.model.events import Account, Batch, Payout, PayoutRow, Transaction
from fleetmon.model.registry import Calendar, Defaults, Merchant
from fleetmon.model.standing import Standing
from fleetmon.model.terms import Terms, terms
from fleetmon.working_days import working_days

CHINA = timezone(timedelta(hours=8))
DAYS = working_days(Calendar())
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
SOON = 300  # ms from a terminal to us


def at(text: str) -> int:
    """`2026-11-20 12:00` in ms."""
    return round(datetime.fromisoformat(text).replace(tzinfo=CHINA).timestamp() * 1000)


FRIDAY, SATURDAY, MONDAY, TUESDAY = at("2026-11-20"), at("2026-11-21"), at("2026-11-23"), at("2026-11-24")
NOON = FRIDAY + 12 * HOUR
DUE = MONDAY + 18 * HOUR
GRACE = 1800_000


def agreed(**changes: Any) -> Terms:
    return terms(Merchant("m", **changes), Defaults())


def rows(*told: tuple[str, int], fee: int | None = None) -> list[PayoutRow]:
    return [PayoutRow(rrn=rrn, amount=amount, fee=fee) for rrn, amount in told]


class Heard(NamedTuple):
    """One message of the merchant, a terminal of it, or its acquirer."""

    at: int
    terminal: str
    event: Transaction | Batch | Payout | Account


def sale(stage: Any, when: int, name: str = "s", *, heard: int | None = None, who: str = "t", **fields: Any) -> Heard:
    """One stage; approvals are dated by the host at the same time unless said otherwise."""
    if stage in ("approved", "uploaded"):
        fields.setdefault("host_at", when)
        fields.setdefault("rrn", f"r-{name}")
    fields.setdefault("kind", "sale")
    fields.setdefault("amount", 10_000)
    told = Transaction(at=when, boot=1, seq=0, id=name, stage=stage, **fields)
    return Heard(when + SOON if heard is None else heard, who, told)


def batch(event: Any, when: int, no: str = "b1", *, heard: int | None = None, who: str = "t", **fields: Any) -> Heard:
    return Heard(
        when + SOON if heard is None else heard, who, Batch(at=when, boot=1, seq=0, no=no, event=event, **fields)
    )


def paid(event: Any, when: int, name: str = "p", *, day: int = FRIDAY, **fields: Any) -> Heard:
    """One message of a payout; `day` is any time of the business date."""
    fields.setdefault("amount", 10_000)
    return Heard(when, "", Payout(at=when, id=name, business_date=date_of(day_of(day)), event=event, **fields))


def book(told: Iterable[Heard]) -> Book:
    made = Book("m")
    for one in told:
        put(made, one)
    return made


def put(made: Book, one: Heard) -> None:
    if isinstance(one.event, Transaction):
        made.take_stage(one.terminal, one.event, one.at)
    elif isinstance(one.event, Batch):
        made.take_batch(one.terminal, one.event, one.at)
    elif isinstance(one.event, Payout):
        made.take_payout(one.event, one.at)
    else:
        made.take_account(one.event, one.at)


def stands(
    told: Iterable[Heard] | Book, now: int, name: str = "s", *, who: str = "t", on: Terms | None = None
) -> Standing:
    """Where a sale stands at `now`."""
    made = told if isinstance(told, Book) else book(told)
    return made.standing(made.sales[who, name], now, on or agreed(), DAYS)


def said(found: Standing) -> tuple[str, str]:
    return found.state, found.stage
