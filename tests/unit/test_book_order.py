"""A book does not care in which order, how often and how late it is told."""

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from fleetmon.engine.money.book import Book
from fleetmon.model.events import Posted
from fleetmon.model.terms import Terms

from .till import (
    DAYS,
    DUE,
    FRIDAY,
    HOUR,
    MINUTE,
    MONDAY,
    NOON,
    TUESDAY,
    Heard,
    agreed,
    batch,
    book,
    paid,
    put,
    rows,
    sale,
    stands,
)  # fmt: skip

CAPTURED, INSTANT = agreed(capture="terminal"), agreed(cycle="D+0", instant_limit=25_000)
EARLY = MONDAY + 10 * HOUR
STORIES: dict[str, tuple[Terms, list[Heard]]] = {
    "stored, uploaded, paid with a short row": (
        agreed(),
        [
            sale("stored", NOON, batch="b0", response="Y3", heard=NOON + HOUR),
            sale("uploaded", NOON + HOUR, batch="b1", response="00", posted=Posted(merchant="1" * 15, mcc="5411")),
            paid("instructed", EARLY, rows=rows(("r-s", 10_000))),
            paid("held", EARLY + 1, rows=rows(("r-s", 10_000))),
            paid("short_paid", EARLY + HOUR, amount=9_000, expected=10_000, rows=rows(("r-s", 9_000)), reason="fee"),
        ],
    ),
    "approved for less than was asked": (
        agreed(),
        [
            sale("requested", NOON, amount=20_000, rail="qr", stan="1"),
            sale("unanswered", NOON + MINUTE, amount=20_000),
            sale("approved", NOON + 2 * MINUTE, amount=15_000, response="10", stan="2"),
            paid("credited", EARLY, amount=15_000),
            paid("returned", EARLY + HOUR, reason="account_invalid"),
            paid("credited", TUESDAY, "p2", rows=rows(("r-s", 15_000)), amount=15_000),
        ],
    ),
    "terminal capture, closed twice": (
        CAPTURED,
        [
            sale("requested", NOON - 1), sale("approved", NOON, batch="b1"),
            batch("opened", NOON - HOUR, count=0), batch("closed", FRIDAY + 22 * HOUR, count=1),
            batch("uploaded", FRIDAY + 22 * HOUR + 1, count=1, uploaded_count=1, result="not_agree"),
            batch("closed", FRIDAY + 22 * HOUR + MINUTE, count=1, result="agree"),
            paid("instructed", EARLY, batches=["b1"]), paid("released", EARLY + 2), paid("held", EARLY + 1),
        ],
    ),
    "over the limit, until one is reversed": (
        INSTANT,
        [
            sale("approved", NOON, "a"), sale("approved", NOON + MINUTE, "b"), sale("approved", NOON + HOUR),
            sale("requested", NOON + 2 * HOUR, "x", kind="reversal", original="a"),
            sale("approved", NOON + 2 * HOUR + 1, "x", kind="reversal", original="a"),
        ],
    ),
    "declined after it was stored, and taken back in part": (
        agreed(),
        [
            sale("requested", NOON), sale("approved", NOON + 1, response="00"),
            sale("approved", NOON + HOUR, "x", kind="refund", original="s", amount=1_000),
            sale("stored", NOON, "y"), sale("declined", NOON + HOUR, "y", response="51"),
        ],
    ),
}  # fmt: skip


def summary(made: Book, on: Terms) -> list[Any]:
    """Everything that a reader sees of the book, at several times."""
    looks = []
    for now in (NOON + 3 * HOUR, EARLY + 3 * HOUR, DUE, DUE + HOUR, TUESDAY + HOUR):
        for key in sorted(made.sales):
            found = made.standing(made.sales[key], now, on, DAYS)
            payout = found.payout and (found.payout.id, found.payout.missing, found.payout.reason(), found.payout.rows)
            looks.append((key, replace(found, payout=None), payout))
    kept = {key: (one.amount, one.currency, one.rail, one.response, one.rrn, one.batch, one.stan, one.posted_merchant,
                  one.at, one.swiped_at, one.host_at) for key, one in sorted(made.sales.items())}  # fmt: skip
    batches = {key: (one.closed_at, one.result, one.count, one.uploaded_count) for key, one in made.batches.items()}
    return [looks, kept, batches]


@pytest.mark.parametrize("name", STORIES)
@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_order_and_any_repetition_give_the_same(name: str, data: st.DataObject) -> None:
    on, told = STORIES[name]
    wanted = summary(book(told), on)
    again = data.draw(st.lists(st.sampled_from(told), max_size=len(told)))
    order = data.draw(st.permutations([*told, *again]))
    assert summary(book(order), on) == wanted


@pytest.mark.parametrize("name", STORIES)
def test_what_is_asked_in_between_changes_nothing(name: str) -> None:
    on, told = STORIES[name]
    for seed in range(20):
        made = Book("m")
        for one in random.Random(seed).sample(told, len(told)):
            put(made, one)
            summary(made, on)
        assert summary(made, on) == summary(book(told), on)


@pytest.mark.parametrize("late", [0, 29_000, 20 * HOUR])
def test_stages_and_payouts_that_arrive_late_date_nothing(late: int) -> None:
    told = [sale("requested", NOON - 1), sale("approved", NOON), paid("instructed", EARLY), paid("credited", DUE)]
    delayed = [one._replace(at=one.at + late) for one in told]
    for now in (EARLY - 1, DUE + late):
        found, wanted = stands(delayed, now), stands(told, now)
        assert (found.state, found.stage, found.due_at) == (wanted.state, wanted.stage, wanted.due_at)


def test_two_tellings_of_the_same_are_equal_and_those_of_another_are_not() -> None:
    summaries = [str(summary(book(told), on)) for on, told in STORIES.values()]
    assert len(set(summaries)) == len(STORIES)
