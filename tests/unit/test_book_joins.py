"""Which payout covers which sale, terminal capture, the instant limit, and what is forgotten."""

import pytest

from fleetmon.engine.directory import Directory
from fleetmon.engine.money.ledger import Ledger
from fleetmon.model.events import PayoutRow
from fleetmon.model.registry import Merchant, Registry
from fleetmon.model.standing import Wait

from .till import (
    DAY,
    DUE,
    FRIDAY,
    GRACE,
    HOUR,
    MINUTE,
    MONDAY,
    NOON,
    SATURDAY,
    TUESDAY,
    Heard,
    agreed,
    at,
    batch,
    book,
    paid,
    put,
    rows,
    said,
    sale,
    stands,
)

SOLD = (sale("requested", NOON - 2000), sale("approved", NOON, batch="b1"))
EARLY = MONDAY + 10 * HOUR
CAPTURED = agreed(capture="terminal")
EVENING = FRIDAY + 22 * HOUR
INSTANT = agreed(cycle="D+0", instant_limit=25_000)

# -- joins -----------------------------------------------------------------------------------------


def test_rows_cover_whom_they_name() -> None:
    assert stands([*SOLD, paid("credited", EARLY, rows=rows(("r-s", 10_000)))], DUE).state == "paid"
    assert stands([*SOLD, paid("credited", EARLY, rows=rows(("r-other", 10_000)))], DUE).state == "due"


def test_rows_that_name_nobody_cover_nobody() -> None:
    assert stands([*SOLD, paid("credited", EARLY, rows=[PayoutRow(amount=10_000)])], DUE).state == "due"


def test_a_row_covers_across_business_dates_but_not_a_number_of_months_ago() -> None:
    far, near = FRIDAY - 46 * DAY, FRIDAY - 44 * DAY
    assert stands([*SOLD, paid("credited", EARLY, day=near, rows=rows(("r-s", 10_000)))], DUE).state == "paid"
    assert stands([*SOLD, paid("credited", EARLY, day=far, rows=rows(("r-s", 10_000)))], DUE).state == "due"


def test_batches_cover_what_the_host_had_when_they_were_paid() -> None:
    assert stands([*SOLD, paid("credited", EARLY, batches=["b1", "b9"])], DUE).state == "paid"
    assert stands([*SOLD, paid("credited", EARLY, batches=["b2"])], DUE).state == "due"
    assert stands([*SOLD, paid("credited", NOON - 1, batches=["b1"])], DUE).state == "due"


def test_a_whole_date_covers_what_was_ready() -> None:
    assert stands([*SOLD, paid("credited", EARLY)], DUE).state == "paid"
    assert stands([*SOLD, paid("credited", EARLY, day=MONDAY)], DUE).state == "due"
    assert stands([*SOLD, paid("credited", NOON - 1)], DUE).state == "due", "it was instructed before the sale"
    kept = [sale("stored", NOON), paid("credited", EARLY)]
    assert said(stands(kept, DUE)) == ("due", "terminal"), "nobody pays what the host has not"


def test_a_sale_of_after_the_cut_off_belongs_to_the_next_date() -> None:
    late = [sale("approved", FRIDAY + 23 * HOUR + 1)]
    assert stands([*late, paid("credited", EARLY, day=FRIDAY)], DUE).state == "due"
    assert stands([*late, paid("credited", EARLY, day=SATURDAY)], DUE).state == "paid"


def test_the_acquirer_can_be_ahead_of_the_terminal() -> None:
    """The payout names a sale of which its terminal has told nothing but the request."""
    made = book([paid("credited", EARLY, rows=rows(("r-s", 10_000))), sale("requested", NOON)])
    assert stands(made, DUE).state == "unknown"
    put(made, sale("approved", NOON))
    assert stands(made, DUE).state == "paid"


def test_conflicts_are_counted_once_and_not_for_what_came_back() -> None:
    claim = rows(("r-s", 10_000))
    two = [paid("credited", EARLY, name, rows=claim) for name in ("p", "p2")]
    assert book([*SOLD, *two, *two]).conflicts == 1
    returned = [two[0], paid("returned", EARLY + HOUR, "p"), two[1]]
    assert book([*SOLD, *returned]).conflicts == 0


def test_what_is_said_of_merchants_that_nobody_knows_is_kept_and_pays_nobody() -> None:
    ledger = Ledger(Directory(Registry(merchants=[Merchant("m")])))
    ledger.observe("t", "m", SOLD[1].event, NOON)
    ledger.observe("stranger", "", paid("credited", EARLY).event, EARLY)
    assert set(ledger.books["stranger"].payouts) == {"p"}
    assert [found.state for _, found in ledger.unpaid(DUE)] == ["due"]


def test_terminals_that_nobody_knows_have_a_book_without_a_name() -> None:
    ledger = Ledger(Directory(Registry()))
    ledger.observe("stray", "", SOLD[1].event, NOON)
    ((sold, found),) = ledger.unpaid(DUE)
    assert (sold.merchant, sold.terminal, found.state, found.due_at) == ("", "stray", "due", DUE)


@pytest.mark.parametrize(
    ("told", "listed"),
    [
        ([sale("approved", NOON)], True),
        ([sale("approved", NOON, kind="completion")], True),
        ([sale("approved", NOON, kind="refund")], True),
        ([sale("approved", NOON, kind="preauth")], False),
        ([sale("approved", NOON, kind="void")], False),
        ([sale("declined", NOON, kind="preauth")], True),
        ([sale("unanswered", NOON)], True),
        ([sale("unanswered", NOON, kind="reversal")], False),
        ([sale("requested", NOON + 12 * HOUR - 119_999)], False),
        ([sale("requested", NOON + 10 * HOUR)], True),
        ([sale("declined", FRIDAY - 1)], False),
    ],
)
def test_what_is_listed_as_unpaid(told: list[Heard], listed: bool) -> None:
    ledger = Ledger(Directory(Registry()))
    for one in told:
        ledger.observe(one.terminal, "m", one.event, one.at)
    assert bool(list(ledger.unpaid(FRIDAY + DAY - 1))) == listed


# -- terminal capture ------------------------------------------------------------------------------


def test_under_terminal_capture_it_counts_from_the_closing() -> None:
    in_time = stands([*SOLD, batch("closed", EVENING)], DUE - 1, on=CAPTURED)
    assert (in_time.stage, in_time.due_at, in_time.provisional) == ("clearing", DUE, False)
    late = stands([*SOLD, batch("closed", MONDAY + HOUR)], DUE - 1, on=CAPTURED)
    assert (late.stage, late.due_at) == ("clearing", TUESDAY + 18 * HOUR)
    late = stands([*SOLD, batch("closed", MONDAY + HOUR)], DUE, on=CAPTURED)
    assert (late.state, late.wait) == ("not_due", Wait.CLOSING)
    assert late.blocked is not None
    assert late.blocked[1] <= SATURDAY + 23 * HOUR + DAY, "by Sunday's cut-off it would have been paid on Monday"


@pytest.mark.parametrize("told", [[], [batch("opened", FRIDAY)], [batch("failed", EVENING, result="error")]])
def test_a_batch_that_is_never_closed_keeps_the_money(told: list[Heard]) -> None:
    found = stands([*SOLD, *told], DUE + GRACE + 1, on=CAPTURED)
    assert (found.state, found.stage, found.wait, found.due_at) == ("overdue", "batch", Wait.CLOSING, DUE)
    assert found.provisional


def test_a_batch_that_was_closed_before_the_approval_delays_nothing() -> None:
    found = stands([*SOLD, batch("closed", NOON - HOUR)], DUE - 1, on=CAPTURED)
    assert (found.stage, found.due_at) == ("clearing", DUE)


def test_without_a_number_the_next_closing_of_the_same_terminal_counts() -> None:
    sold = [sale("approved", NOON)]
    others = [batch("closed", EVENING, who="t2"), batch("closed", NOON - HOUR, "b0")]
    assert stands([*sold, *others], DUE, on=CAPTURED).stage == "batch"
    assert stands([*sold, *others, batch("closed", EVENING)], DUE, on=CAPTURED).stage == "clearing"


def test_under_host_capture_an_open_batch_is_nothing() -> None:
    assert stands([*SOLD, batch("opened", FRIDAY)], DUE).stage == "clearing"


def test_a_second_closing_does_not_date_the_first() -> None:
    told = [*SOLD, batch("closed", EVENING), batch("closed", MONDAY + HOUR)]
    assert stands(told, DUE, on=CAPTURED).due_at == DUE


# -- the instant limit -----------------------------------------------------------------------------


def three() -> list[Heard]:
    return [sale("approved", NOON + number * MINUTE, f"s{number}") for number in (1, 2, 3, 4)]


def test_the_sale_that_crosses_the_limit_and_those_after_it_are_paid_as_t1() -> None:
    made = book([*three(), sale("approved", NOON + HOUR, "small", amount=1)])
    over = {name: stands(made, NOON, name, on=INSTANT).over_limit for name in ("s1", "s2", "s3", "s4", "small")}
    assert over == {"s1": False, "s2": False, "s3": True, "s4": True, "small": True}
    assert stands(made, NOON, "s2", on=INSTANT).due_at == FRIDAY + 18 * HOUR
    assert stands(made, NOON, "s3", on=INSTANT).due_at == DUE


def test_the_limit_itself_is_not_over_it() -> None:
    made = book([sale("approved", NOON, "s1"), sale("approved", NOON + 1, "s2", amount=15_000)])
    assert not stands(made, NOON, "s2", on=INSTANT).over_limit


@pytest.mark.parametrize(
    "gone",
    [
        [sale("approved", NOON + HOUR, "x", kind="void", original="s1")],
        [sale("approved", NOON + HOUR, "x", kind="reversal", original="s1")],
    ],
)
def test_what_was_taken_back_counts_no_longer(gone: list[Heard]) -> None:
    made = book(three())
    assert stands(made, NOON, "s3", on=INSTANT).over_limit
    for one in gone:
        put(made, one)
    assert not stands(made, NOON, "s3", on=INSTANT).over_limit
    assert stands(made, NOON, "s4", on=INSTANT).over_limit


def test_what_was_refused_or_is_of_another_day_or_kind_does_not_count() -> None:
    others = [
        sale("declined", NOON, "a"),
        sale("stored", NOON, "b"), sale("declined", NOON + 1, "b"),
        sale("approved", NOON, "c", kind="preauth"), sale("approved", NOON, "d", kind="refund"),
        sale("approved", FRIDAY - HOUR + 0, "e"),
    ]  # fmt: skip
    made = book([*others, *three()])
    assert not stands(made, NOON, "s2", on=INSTANT).over_limit
    assert stands(made, NOON, "s3", on=INSTANT).over_limit
    assert not stands(made, NOON, "d", on=INSTANT).over_limit


def test_only_d0_knows_a_limit() -> None:
    assert not stands(book(three()), NOON, "s4", on=agreed(cycle="T+0", instant_limit=1)).over_limit


# -- forgetting ------------------------------------------------------------------------------------


def test_an_old_payout_takes_no_newer_claim_with_it() -> None:
    old = paid("returned", EARLY - 50 * DAY, "old", day=FRIDAY - 50 * DAY, rows=rows(("r-s", 10_000)))
    made = book([old, *SOLD, paid("credited", EARLY, rows=rows(("r-s", 10_000)))])
    made.forget(EARLY - 40 * DAY)
    assert set(made.payouts) == {"p"}
    assert stands(made, DUE).state == "paid"


def test_what_nobody_waits_for_is_dropped_and_what_is_open_stays() -> None:
    ledger = Ledger(Directory(Registry(merchants=[Merchant("m")])))
    for one in (
        *SOLD,
        paid("credited", EARLY, rows=rows(("r-s", 10_000))),
        sale("approved", MONDAY, "open"),
        sale("approved", NOON, "x", kind="void", original="nowhere"),
        batch("failed", EVENING),
    ):
        ledger.observe(one.terminal or "m", "m", one.event, one.at)
    kept = ledger.books["m"]
    assert sorted(ledger.forget(TUESDAY + 5 * DAY, "m")) == [("t", "s"), ("t", "x")]
    assert set(kept.sales) == {("t", "open")}
    ledger.forget(at("2027-02-01"), "m")
    assert [kept.sales, kept.payouts, kept.by_rrn, kept.batches, kept.links] == [{}] * 5
    assert not ledger.books
