"""Where a sale stands, in plain cases: the states and stages of the contract."""

from typing import Any

import pytest

from fleetmon.engine.money.totals import Totals
from fleetmon.model.days import day_of
from fleetmon.model.events import INT64_MAX
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
    rows,
    said,
    sale,
    stands,
)

SOLD = (sale("requested", NOON - 2000), sale("approved", NOON))
EARLY = MONDAY + 10 * HOUR


@pytest.mark.parametrize(
    ("now", "state"),
    [
        (NOON + MINUTE, "not_due"),
        (DUE - 1, "not_due"),
        (DUE, "due"),
        (DUE + GRACE, "due"),
        (DUE + GRACE + 1, "overdue"),
        (DUE + 30 * DAY, "overdue"),
    ],
)
def test_a_sale_is_due_to_the_millisecond(now: int, state: str) -> None:
    found = stands(SOLD, now)
    assert (found.state, found.stage, found.due_at, found.provisional) == (state, "clearing", DUE, False)
    assert found.wait is (Wait.CALENDAR if state == "not_due" else Wait.CLEARING)


def test_a_merchant_may_grant_no_grace() -> None:
    assert stands(SOLD, DUE, on=agreed(grace_s=0)).state == "due"
    assert stands(SOLD, DUE + 1, on=agreed(grace_s=0)).state == "overdue"


@pytest.mark.parametrize(
    ("now", "state", "wait"),
    [
        (DUE - 1, "not_due", Wait.CALENDAR),
        (DUE + GRACE, "due", Wait.BANK),
        (DUE + GRACE + 1, "overdue", Wait.BANK),
    ],
)
def test_an_instructed_payout_waits_for_the_bank(now: int, state: str, wait: Wait) -> None:
    found = stands([*SOLD, paid("instructed", EARLY)], now)
    assert (found.state, found.stage, found.wait) == (state, "bank", wait)


def test_a_credit_pays_whenever_it_comes() -> None:
    for credited in (EARLY, DUE + 2 * DAY):
        told = [*SOLD, paid("instructed", EARLY), paid("credited", credited)]
        assert said(stands(told, DUE + 3 * DAY)) == ("paid", "done")


@pytest.mark.parametrize(
    ("event", "state"),
    [("held", "held"), ("returned", "returned"), ("carried_over", "carried_over"), ("short_paid", "short_paid")],
)
def test_what_the_acquirer_does_instead_is_the_state(event: str, state: str) -> None:
    for now in (EARLY + HOUR, DUE + DAY):
        found = stands([*SOLD, paid("instructed", EARLY), paid(event, EARLY + MINUTE, expected=10_000)], now)
        assert (found.state, found.stage, found.wait) == (state, "payout", Wait.PAYOUT)


def test_a_released_hold_is_on_its_way_again() -> None:
    told = [*SOLD, paid("held", EARLY, reason="risk_review"), paid("released", EARLY + HOUR)]
    assert said(stands(told, DUE - 1)) == ("not_due", "bank")
    assert said(stands(told, DUE + GRACE + 1)) == ("overdue", "bank")
    assert said(stands([*told, paid("credited", DUE)], DUE)) == ("paid", "done")


def test_a_returned_credit_is_paid_by_another_payout() -> None:
    told = [*SOLD, paid("credited", EARLY, rows=rows(("r-s", 10_000))), paid("returned", EARLY + HOUR)]
    assert said(stands(told, DUE + DAY)) == ("returned", "payout")
    again = paid("instructed", TUESDAY, "p2", rows=rows(("r-s", 10_000)))
    assert said(stands([*told, again], DUE + DAY)) == ("overdue", "bank")
    assert said(stands([*told, again, paid("credited", TUESDAY + HOUR, "p2")], DUE + DAY)) == ("paid", "done")


def test_a_return_of_the_same_moment_comes_after_the_credit() -> None:
    told = [paid("returned", EARLY), paid("credited", EARLY)]
    assert stands([*SOLD, *told], DUE).state == stands([*SOLD, *reversed(told)], DUE).state == "returned"


def test_what_is_carried_over_is_paid_when_a_later_payout_names_it() -> None:
    told = [*SOLD, paid("carried_over", EARLY, reason="below_minimum")]
    later = paid("credited", TUESDAY + 10 * HOUR, "p2", day=MONDAY, rows=rows(("r-s", 10_000)))
    assert said(stands([*told, later], TUESDAY + DAY)) == ("paid", "done")


# -- amounts ---------------------------------------------------------------------------------------


def test_less_than_expected_is_paid_short() -> None:
    found = stands([*SOLD, paid("credited", EARLY, amount=9_000, expected=9_940, reason="fee")], DUE)
    assert said(found) == ("short_paid", "payout")
    assert found.payout is not None
    assert (found.payout.missing, found.payout.reason()) == (940, "fee")


def test_without_an_expectation_the_instruction_is_one() -> None:
    told = [*SOLD, paid("instructed", EARLY, amount=10_000), paid("credited", EARLY + HOUR, amount=9_999)]
    assert stands(told, DUE).state == "short_paid"


def test_more_than_expected_is_paid() -> None:
    assert stands([*SOLD, paid("credited", EARLY, amount=12_000, expected=9_940)], DUE).state == "paid"


def test_a_short_row_is_its_own_sale_s() -> None:
    two = [*SOLD, sale("approved", NOON + HOUR, "s2", amount=5_000)]
    short = paid("credited", EARLY, amount=13_000, expected=15_000, rows=rows(("r-s", 8_000), ("r-s2", 5_000)))
    assert stands([*two, short], DUE, "s").state == "short_paid"
    assert stands([*two, short], DUE, "s2").state == "paid"
    vague = paid("credited", EARLY, amount=12_345, expected=15_000, rows=rows(("r-s", 10_000), ("r-s2", 5_000)))
    assert stands([*two, vague], DUE, "s").state == stands([*two, vague], DUE, "s2").state == "short_paid"


def test_the_contractual_fee_is_no_shortage() -> None:
    net = paid("credited", EARLY, amount=9_940, expected=9_940, rows=rows(("r-s", 10_000), fee=60))
    assert stands([*SOLD, net], DUE).state == "paid"


def test_what_was_short_is_made_up_by_the_rest() -> None:
    first = paid("credited", EARLY, amount=6_000, expected=10_000)
    for rest, state in ((3_999, "short_paid"), (4_000, "paid")):
        second = paid("credited", EARLY + HOUR, "p2", amount=rest)
        assert stands([*SOLD, first, second], DUE).state == state


@pytest.mark.parametrize("amount", [0, -10_000, 2**62])
def test_no_amount_upsets_a_book(amount: int) -> None:
    told = [sale("approved", NOON, amount=amount)]
    assert said(stands(told, DUE + DAY)) == ("overdue", "clearing")
    assert stands([*told, paid("credited", EARLY, amount=amount)], DUE).state == "paid"


def test_other_money_stands_like_any() -> None:
    told = [sale("approved", NOON, currency="HKD")]
    assert stands(told, DUE + DAY).due_at == DUE
    assert stands([*told, paid("credited", EARLY)], DUE).state == "paid"


# -- no sale, or none any more ---------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["reversal", "void", "refund"])
@pytest.mark.parametrize(
    ("stage", "state"), [("approved", "cancelled"), ("requested", "not_due"), ("declined", "not_due")]
)
def test_it_is_cancelled_by_what_was_approved(kind: str, stage: str, state: str) -> None:
    back = sale(stage, NOON + HOUR, "x", kind=kind, original="s")
    found = stands([*SOLD, back], NOON + 2 * HOUR)
    assert found.state == state
    assert found.stage == ("done" if state == "cancelled" else "clearing")


def test_a_part_refunded_leaves_the_sale() -> None:
    part = sale("approved", NOON + HOUR, "x", kind="refund", original="s", amount=9_999)
    assert stands([*SOLD, part], NOON + 2 * HOUR).state == "not_due"


def test_refunds_in_parts_that_make_the_whole_cancel_it() -> None:
    parts = [sale("approved", NOON + HOUR, name, kind="refund", original="s", amount=5_000) for name in ("x", "y")]
    assert stands([*SOLD, parts[0]], NOON + 2 * HOUR).state == "not_due"
    assert stands([*SOLD, *parts], NOON + 2 * HOUR).state == "cancelled"


def test_a_refund_after_the_payment_leaves_it_paid() -> None:
    back = sale("approved", DUE + DAY, "x", kind="refund", original="s")
    assert stands([*SOLD, paid("credited", EARLY), back], DUE + 2 * DAY).state == "paid"
    void = sale("approved", DUE + DAY, "x", kind="void", original="s")
    assert stands([*SOLD, paid("credited", EARLY), void], DUE + 2 * DAY).state == "cancelled"


def test_another_terminal_s_void_is_another_sale_s() -> None:
    other = sale("approved", NOON + HOUR, "x", kind="void", original="s", who="t2")
    assert stands([*SOLD, other], NOON + 2 * HOUR).state == "not_due"


def test_the_answer_decides_what_it_is() -> None:
    asked = sale("requested", NOON)
    assert said(stands([asked], NOON + HOUR)) == ("unknown", "host")
    assert said(stands([asked, sale("unanswered", NOON + MINUTE)], NOON + HOUR)) == ("unknown", "host")
    assert said(stands([asked, sale("declined", NOON + 1000, response="51")], DUE)) == ("declined", "done")
    assert stands([asked, sale("unanswered", NOON + MINUTE), sale("approved", NOON + 2 * MINUTE)], DUE).state == "due"
    assert stands([asked], DUE).due_at is None


def test_a_stored_sale_that_the_host_refuses_is_declined() -> None:
    told = [sale("stored", NOON), sale("declined", NOON + DAY, response="54")]
    assert said(stands(told, DUE)) == ("declined", "done")


# -- kept in the terminal --------------------------------------------------------------------------


def test_what_is_not_uploaded_is_due_as_if_it_were_at_once_and_only_provisionally() -> None:
    found = stands([sale("stored", NOON)], NOON + HOUR)
    assert (found.state, found.stage, found.due_at, found.provisional) == ("not_due", "terminal", DUE, True)
    found = stands([sale("stored", NOON)], DUE + GRACE + 1)
    assert (found.state, found.stage, found.wait) == ("overdue", "terminal", Wait.UPLOAD)


def test_the_upload_dates_the_sale_and_the_cut_off_is_strict() -> None:
    for late, due_at in ((0, DUE), (1, DUE)):  # the weekend pays Friday evening and Saturday alike
        told = [sale("stored", NOON), sale("uploaded", FRIDAY + 23 * HOUR + late)]
        assert stands(told, DUE - 1).due_at == due_at
    daily = agreed(cycle="D+1")
    for late, day in ((0, SATURDAY), (1, SATURDAY + DAY)):
        told = [sale("stored", NOON), sale("uploaded", FRIDAY + 23 * HOUR + late)]
        found = stands(told, SATURDAY, on=daily)
        assert (found.due_at, found.provisional) == (day + 18 * HOUR, False)


def test_an_upload_after_the_cut_off_cost_the_time_from_the_sale_to_the_cut_off() -> None:
    told = [sale("stored", NOON), sale("uploaded", FRIDAY + 23 * HOUR + MINUTE)]
    found = stands(told, SATURDAY + 19 * HOUR, on=agreed(cycle="D+1"))
    assert (found.state, found.wait) == ("not_due", Wait.UPLOAD)
    assert found.blocked == (NOON, FRIDAY + 23 * HOUR)
    before = stands(told, SATURDAY + 17 * HOUR, on=agreed(cycle="D+1"))
    assert before.wait is Wait.CALENDAR, "nothing has cost time yet"


def test_the_host_s_word_on_the_time_outranks_the_terminal_s() -> None:
    late = sale("approved", NOON, host_at=FRIDAY + 23 * HOUR + 1)
    assert stands([late], DUE, on=agreed(cycle="D+1")).due_at == SATURDAY + DAY + 18 * HOUR


# -- clocks, kinds, and strangers ------------------------------------------------------------------


@pytest.mark.parametrize("wrong", [0, NOON - 10 * 365 * DAY, NOON + 25 * HOUR, at("2099-01-01")])
def test_a_clock_more_than_a_day_off_dates_nothing(wrong: int) -> None:
    told = [sale("approved", wrong, heard=NOON, host_at=None)]
    assert stands(told, NOON + HOUR).due_at == DUE


def test_a_clock_less_than_a_day_off_is_believed() -> None:
    told = [sale("approved", NOON - 23 * HOUR, heard=NOON, host_at=None)]
    assert stands(told, NOON + HOUR).due_at == FRIDAY + 18 * HOUR


def test_a_host_that_dates_an_approval_in_1970_costs_no_time() -> None:
    told = [sale("approved", NOON, host_at=1)]
    found = stands(told, NOON, on=agreed(capture="terminal"))
    assert (found.state, found.stage) == ("overdue", "batch")
    assert found.blocked is not None


@pytest.mark.parametrize("ahead", [25 * HOUR, INT64_MAX - NOON])
def test_an_approval_that_is_to_come_is_not_told(ahead: int) -> None:
    found = stands([sale("approved", NOON, heard=NOON, host_at=NOON + ahead)], NOON + HOUR)
    assert (found.due_at, found.settled_from) == (DUE, NOON)


@pytest.mark.parametrize("kind", ["sale", "completion", "refund"])
def test_all_money_is_due_alike(kind: Any) -> None:
    assert stands([sale("approved", NOON, kind=kind)], DUE).state == "due"


def conflicting() -> list[Heard]:
    return [*SOLD, *(paid("credited", EARLY, name, rows=rows(("r-s", 10_000))) for name in ("p", "p2"))]


def test_two_payouts_that_claim_a_row_pay_it_once_and_are_counted() -> None:
    told = conflicting()
    found = stands(told, DUE)
    assert found.state == "paid"
    assert found.payout is not None
    assert found.payout.id == "p"


def test_a_batch_of_nobody_pays_nothing() -> None:
    assert stands([*SOLD, paid("credited", EARLY, batches=["nobody"])], DUE).state == "due"
    assert stands([*SOLD, batch("closed", FRIDAY + 22 * HOUR, "nobody")], DUE).state == "due"


@pytest.mark.parametrize("amount", [INT64_MAX, -INT64_MAX])
def test_sums_are_no_larger_than_an_amount_so_that_they_can_be_stored(amount: int) -> None:
    made, totals = book([sale("approved", NOON, amount=amount)]), Totals(DUE, "A")
    for _ in range(3):
        totals.take(made.sales["t", "s"], stands(made, DUE), late=True, at_risk=False)
    found = totals.settlement("m", day_of(FRIDAY), "unknown", DUE)
    assert (found.expected, found.overdue, found.overdue_count) == (amount, amount, 3)
