"""Money that is late: one incident a merchant and business date, one page for many, and none while we hear nothing."""

import msgspec
import pytest

from fleetmon.model.events import Posted

from .market import DUE, NUMBER, OVERDUE, TODAY, YUAN, Market, merchants
from .world import HOUR, MINUTE, NOON, World, second

LATE = f"settlement_overdue {TODAY}"


def sold(count: int = 1, amount: int = 20_000 * YUAN) -> Market:
    """Each merchant has sold for that much at noon, and nobody was paid."""
    made = Market(merchants(count))
    for key in list(made.lives):
        made.sell(key, amount=amount)
    return made


def of_money(world: World) -> list[str]:
    return [word for word in world.words if word.startswith("settlement_overdue")]


def paged(world: World) -> list[str]:
    return [page for page in world.pages if page.startswith("settlement_overdue")]


# -- when ------------------------------------------------------------------------------------------


def test_it_opens_when_the_grace_is_over_and_resolves_on_payment() -> None:
    made = sold()
    made.until(OVERDUE)
    assert of_money(made) == [], "to the millisecond"
    made.run(1)
    assert of_money(made) == [f"{LATE} m1 firing"]
    incident = made.last("settlement_overdue")
    assert (second(incident.opened_at), incident.severity, incident.terminals) == (OVERDUE, "critical", 1)
    assert dict(incident.scope) == {"merchant": "m1", "business_date": TODAY}
    made.until(OVERDUE + HOUR)
    made.pay("m1")
    made.run(1)
    assert of_money(made) == [f"{LATE} m1 firing", f"{LATE} m1 resolved"]
    assert second(made.last("settlement_overdue").resolved_at) == OVERDUE + HOUR


@pytest.mark.parametrize("event", ["credited", "short_paid", "carried_over"])
def test_who_is_paid_in_time_or_told_why_not_is_not_late(event: str) -> None:
    made = sold()
    made.until(DUE - HOUR)
    made.pay("m1", event)
    made.until(OVERDUE + HOUR)
    assert of_money(made) == []


@pytest.mark.parametrize("event", ["instructed", "held", "returned"])
def test_a_step_that_brings_no_money_makes_nothing_less_late(event: str) -> None:
    made = sold()
    made.until(DUE - HOUR)
    made.pay("m1", event)
    made.until(OVERDUE + 1)
    assert of_money(made) == [f"{LATE} m1 firing"]


def test_each_business_date_has_its_own() -> None:
    made = sold()
    made.until(12 * HOUR)  # after the cut-off: Friday's, due on Monday
    made.sell("t1", "late")
    made.until(OVERDUE + 1)
    assert of_money(made) == [f"{LATE} m1 firing"]
    made.until(DUE + 73 * HOUR)
    assert of_money(made) == [f"{LATE} m1 firing", "settlement_overdue 2026-09-25 m1 firing"]
    made.pay("m1")
    made.run(1)
    assert of_money(made)[2:] == [f"{LATE} m1 resolved"]


def test_what_is_taken_back_is_late_no_longer() -> None:
    made = sold()
    made.until(OVERDUE + MINUTE)
    made.sell("t1", "x", kind="refund", original="s")
    made.run(1)
    made.pay("m1", "held", "other", business_date="2026-09-25")  # it is looked at again
    made.run(1)
    assert of_money(made)[-1] == f"{LATE} m1 resolved"


def test_money_of_a_terminal_that_nobody_knows_is_nobody_s_page() -> None:
    made = Market(merchants(1))
    made.lives["stray"] = made.lives["t1"]
    made.sell("stray")
    made.until(OVERDUE + HOUR)
    assert of_money(made) == []
    found = list(made.engine.explainer.unpaid(made.now))
    assert [(one.sale.merchant, one.standing.state) for one in found] == [("", "overdue")]


# -- pages -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("amount", "pages"), [(10_000 * YUAN - 1, []), (10_000 * YUAN, [f"{LATE} m1"])])
def test_people_are_called_from_a_sum_on(amount: int, pages: list[str]) -> None:
    made = sold(amount=amount)
    made.until(OVERDUE + 1)
    assert of_money(made) == [f"{LATE} m1 firing"]
    assert paged(made) == pages


def test_many_merchants_of_one_cause_are_one_page() -> None:
    made = sold(5)
    made.until(OVERDUE + 1)
    assert len(of_money(made)) == 5
    assert paged(made) == [f"{LATE} m1"]
    fired = [change.incident for change in made.transitions if change.incident.kind == "settlement_overdue"]
    first = next(one.id for one in fired if one.paged_at is not None)
    assert {one.suppressed_by for one in fired if one.status == "firing" and one.paged_at is None} == {first}


def test_small_sums_add_up_to_a_page() -> None:
    made = sold(4, amount=3_000 * YUAN)
    made.until(OVERDUE + 1)
    assert paged(made) == [f"{LATE} m4"]


def test_another_acquirer_or_cause_is_another_page() -> None:
    made = sold(2)
    made.until(DUE - HOUR)
    made.pay("m2", "held", reason="risk_review")
    made.until(OVERDUE + 1)
    assert paged(made) == [f"{LATE} m1", f"{LATE} m2"]


def test_the_same_is_no_page_twice_not_even_when_the_first_was_paid() -> None:
    registry = merchants(2)
    registry.merchants[1] = msgspec.structs.replace(registry.merchants[1], payout_by="20:00:00")
    made = Market(registry)
    made.sell("t1")
    made.sell("t2")
    made.until(OVERDUE + MINUTE)
    made.pay("m1")
    made.until(OVERDUE + 3 * HOUR)
    assert of_money(made) == [f"{LATE} m1 firing", f"{LATE} m1 resolved", f"{LATE} m2 firing"]
    assert paged(made) == [f"{LATE} m1"]
    assert made.last("settlement_overdue").suppressed_by is not None
    made.pay("m1", "returned")
    made.run(MINUTE)
    assert paged(made) == [f"{LATE} m1"] * 2, "that is another cause"


def test_planned_work_never_pages() -> None:
    made = sold(3)
    made.announce(DUE - HOUR, OVERDUE + HOUR)
    made.until(OVERDUE + MINUTE)
    assert len(of_money(made)) == 3
    assert {change.incident.paged_at for change in made.transitions} == {None}


def test_what_a_paged_incident_explains_is_not_paged_again() -> None:
    made = sold()
    made.until(DUE - 2 * HOUR)
    made.file("late")
    made.until(OVERDUE + MINUTE)
    assert made.pages == ["interface_fault ACQ"]
    assert of_money(made) == [f"{LATE} m1 firing"]
    assert made.last("settlement_overdue").suppressed_by == made.last("interface_fault").id


# -- while we hear nothing -------------------------------------------------------------------------


def test_while_we_are_deaf_nothing_is_called_late() -> None:
    made = sold()
    made.until(DUE - HOUR)
    made.link_down()
    made.until(OVERDUE + 10 * HOUR)
    assert of_money(made) == []


def test_what_waited_comes_first_and_what_is_late_then_is_told() -> None:
    made = sold(3)
    made.until(DUE - HOUR)
    made.link_down()
    made.until(OVERDUE + HOUR)
    made.link_up()
    made.run(20)
    made.pay("m1")
    made.pay("m2", "instructed")
    made.run(20)
    assert of_money(made) == [], "half of it may still be on its way"
    made.pay("m2")
    made.run(HOUR)
    assert of_money(made) == [f"{LATE} m3 firing"]


def test_links_that_flap_make_nobody_forget_to_look() -> None:
    made = sold(4)
    for _ in range(3):
        made.run(HOUR)
        made.link_down()
        made.run(10)
        made.link_up()
    made.until(OVERDUE - 10)
    made.link_down()
    made.run(5)
    made.link_up()
    made.run(HOUR)
    assert sorted(of_money(made)) == [f"{LATE} m{number} firing" for number in (1, 2, 3, 4)]


# -- files, numbers, payers, batches ---------------------------------------------------------------


def test_a_bad_file_is_one_page_until_the_next_good_one() -> None:
    made = Market(merchants(1))
    for event in ("late", "partial", "rejected"):
        made.file(event)
        made.run(MINUTE)
    assert made.words == ["interface_fault ACQ firing"]
    assert made.pages == ["interface_fault ACQ"]
    made.file("expected", "2026-09-25")
    made.run(MINUTE)
    assert made.words == ["interface_fault ACQ firing"]
    made.file("ready")
    assert made.words == ["interface_fault ACQ firing", "interface_fault ACQ resolved"]
    assert dict(made.last("interface_fault").scope) == {"host": "ACQ"}


def test_words_of_files_that_come_again_or_late_open_nothing() -> None:
    made = Market(merchants(1))
    late = made.file("late")
    made.run(MINUTE)
    ready = made.file("ready")
    made.run(20)
    made.again(late)
    made.again(ready)
    assert made.words == ["interface_fault ACQ firing", "interface_fault ACQ resolved"]
    other = Market(merchants(1))
    other.run(2 * MINUTE)
    other.again(ready)
    other.again(late)
    assert other.words == [], "it was over before we heard of it"


@pytest.mark.parametrize(
    "posted", [Posted(merchant="800" + "4403" + "5812" + "0001"), Posted(merchant=NUMBER, mcc="8211")]
)
def test_a_merchant_that_is_posted_as_another_is_a_ticket_for_a_day(posted: Posted) -> None:
    registry = merchants(1)
    registry.fee_classes.zero.append("8211")
    made = Market(registry)
    for name in ("a", "b"):
        made.sell("t1", name, posted=posted)
        made.run(HOUR)
    made.pay("m1")
    made.run(HOUR)
    assert made.words == ["merchant_rewritten m1 firing"], "paid or not"
    made.run(22 * HOUR)
    assert made.words == ["merchant_rewritten m1 firing", "merchant_rewritten m1 resolved"]
    assert second(made.last("merchant_rewritten").resolved_at) == 25 * HOUR
    assert made.pages == []


def test_a_right_number_is_no_ticket() -> None:
    made = Market(merchants(1))
    made.sell("t1", posted=Posted(merchant=NUMBER, mcc="5812"))
    made.run(HOUR)
    assert made.words == []


def test_an_unlicensed_payer_is_one_page_for_all_its_merchants() -> None:
    made = Market(merchants(3))
    made.pay("m3", payer="ACQ")
    for merchant in ("m1", "m2"):
        made.pay(merchant, payer="OLD")
        made.run(MINUTE)
    assert made.words == ["provider_unlicensed m1 firing", "provider_unlicensed m2 firing"]
    assert made.pages == ["provider_unlicensed m1"]
    first, second_ = (change.incident for change in made.transitions if change.incident.status == "firing")
    assert second_.suppressed_by == first.id
    made.run(25 * HOUR)
    assert made.words[2:] == ["provider_unlicensed m1 resolved", "provider_unlicensed m2 resolved"]


@pytest.mark.parametrize("told", [{"result": "not_agree"}, {"result": "error"}, {"count": 5, "uploaded_count": 4}])
def test_totals_that_differ_are_a_ticket_until_they_agree(told: dict[str, object]) -> None:
    made = Market(merchants(1))
    made.close("t1", **told)
    made.run(HOUR)
    assert made.words == ["batch_mismatch t1 firing"]
    made.close("t1", "uploaded", count=5)
    assert made.words == ["batch_mismatch t1 firing"], "that says nothing of agreeing"
    made.close("t1", result="agree", count=5, uploaded_count=5)
    assert made.words == ["batch_mismatch t1 firing", "batch_mismatch t1 resolved"]
    assert made.pages == []


def test_what_arrives_in_one_millisecond_is_judged_together() -> None:
    """A sale of long ago is told late, and its payout with it: nobody was late, however it is portioned."""
    for together in (True, False):
        made = Market(merchants(1))
        made.until(OVERDUE + HOUR)
        made.sell("t1", host_at=NOON)
        if not together:
            made.take(made.engine.advance(made.now))
        made.pay("m1")
        made.run(HOUR)
        assert of_money(made) == []
