"""Every cause in its plainest case: money, hosts, accounts and calendar (terminals: `test_causes_terminal.py`)."""

from typing import Any, get_args

import pytest

from fleetmon.explain import CAUSES, explain
from fleetmon.model.case import AccountWord, Announcement, FileWord, Pulse
from fleetmon.model.cause import Actor
from fleetmon.model.events import Posted
from fleetmon.model.incident import DECLINES, SLOW, Failing
from fleetmon.model.registry import FeeClasses, Host, Merchant
from fleetmon.model.standing import Standing, Wait
from fleetmon.model.terms import Terms

from .cases import (
    ACTORS,
    CUTOFF,
    LATER,
    MERCHANT,
    NOW,
    NUMBER,
    asked,
    case,
    cause,
    cited,
    cut_off,
    first,
    incident,
    kept,
    refused,
    settled,
    so,
    taken,
)
from .till import (
    DAY,
    DUE,
    FRIDAY,
    HOUR,
    MINUTE,
    MONDAY,
    NOON,
    SATURDAY,
    Heard,
    agreed,
    at,
    book,
    paid,
    rows,
    sale,
    stands,
)

EARLY = MONDAY + 10 * HOUR
FEES = FeeClasses(standard=["5812"], reduced=["5411"], zero=["8211"])
LICENSED = Host("PAY", "institution", licence="Z1", licence_valid_to="2027-01-01")


def test_the_causes_and_their_actors_are_those_of_the_contract() -> None:
    assert {one.id: one.actor for one in CAUSES} == ACTORS
    assert len(CAUSES) == len(ACTORS) == 40
    assert set(ACTORS.values()) <= set(get_args(Actor))


# -- the calendar ----------------------------------------------------------------------------------


def on_time(now: int, told: list[Heard], on: Terms, name: str = "s") -> Any:
    made = book(told)
    found = case(made.sales["t", name], stands(made, now, name, on=on), (NOON, now))
    found.now = now
    return found


def test_not_due() -> None:
    found = first(on_time(SATURDAY, [sale("approved", NOON)], agreed()))
    assert found.cause == "not_due"
    assert found.facts["due_at"] == DUE


def test_not_due_as_long_as_nothing_has_cost_time() -> None:
    told = [sale("stored", NOON), sale("uploaded", CUTOFF + HOUR)]
    assert cause(on_time(SATURDAY + 17 * HOUR, told, agreed(cycle="D+1"))) == "not_due"
    assert cause(on_time(NOON + HOUR, [sale("stored", NOON)], agreed())) == "not_due"


def test_after_cutoff() -> None:
    told = [sale("approved", CUTOFF + 1)]
    assert cause(on_time(SATURDAY + 18 * HOUR - 1, told, agreed(cycle="D+1"))) == "not_due"
    found = first(on_time(SATURDAY + 18 * HOUR, told, agreed(cycle="D+1")))
    assert (found.cause, found.facts["otherwise_at"]) == ("after_cutoff", SATURDAY + 18 * HOUR)


def test_holiday() -> None:
    eve = at("2026-09-24 12:00")
    assert cause(on_time(at("2026-09-25 17:59"), [sale("approved", eve)], agreed())) == "not_due"
    found = first(on_time(at("2026-09-25 18:00"), [sale("approved", eve)], agreed()))
    assert (found.cause, found.facts["due_at"]) == ("holiday", at("2026-09-28 18:00"))


def test_with_a_cut_off_and_a_holiday_it_is_the_one_that_costs_more() -> None:
    told = [sale("approved", at("2026-09-24 23:30"))]
    assert cause(on_time(at("2026-09-26 19:00"), told, agreed())) == "holiday"
    thursday = [sale("approved", at("2026-11-19 23:30"))]  # on Friday it would be there but for the cut-off alone
    assert cause(on_time(at("2026-11-20 19:00"), thursday, agreed())) == "after_cutoff"
    assert cause(on_time(at("2026-11-21 19:00"), thursday, agreed())) == "after_cutoff", "three days, not two"


def test_instant_limit() -> None:
    told = [sale("approved", NOON, "a"), sale("approved", NOON + MINUTE)]
    limited = agreed(cycle="D+0", instant_limit=15_000)
    found = first(on_time(FRIDAY + 19 * HOUR, told, limited))
    assert (found.cause, found.facts["limit"]) == ("instant_limit", 15_000)
    assert cause(on_time(FRIDAY + 17 * HOUR, told, limited)) == "not_due"


# -- taken back, refused ---------------------------------------------------------------------------


def taken_back(kind: str, when: int, **known: Any) -> Any:
    sold, back = sale("approved", NOON), sale("approved", when, "x", kind=kind, original="s")
    made = book([sold, back])
    linked = [made.sales["t", "x"]]
    return case(made.sales["t", "s"], stands(made, NOW), (NOON, NOON), linked=linked, **known)


@pytest.mark.parametrize("kind", ["void", "refund", "reversal"])
def test_cancelled(kind: str) -> None:
    found = first(taken_back(kind, NOON + 3 * HOUR))
    assert (found.cause, found.facts["by"]) == ("cancelled", kind)
    assert f"{kind} approved" in "\n".join(map(str, found.evidence))


def test_entry_error() -> None:
    assert cause(refused("14")) == "entry_error"
    assert cause(taken_back("void", NOON + 2 * MINUTE, redone=True)) == "entry_error"
    assert cause(taken_back("void", NOON + 2 * MINUTE)) == "cancelled", "nobody took it again"


def test_card_declined() -> None:
    for code in ("51", "54", "41", "57", "61"):
        found = first(refused(code))
        assert (found.cause, found.facts["code"]) == ("card_declined", code)
    assert "declined" in cited(refused("51"))


def test_unknown() -> None:
    assert cause(refused("E7")) == "unknown"
    assert cause(settled()) == "unknown"
    assert cited(settled()), "the evidence is shown"


def test_there_is_always_an_answer() -> None:
    for wait in Wait:
        sold = taken([sale("requested", NOON)])
        assert explain(case(sold, Standing("unknown", "host", wait, agreed()), (NOON, NOON)))


# -- hosts -----------------------------------------------------------------------------------------

WORK = Announcement("ACQ", "acquirer", "n1", NOON - HOUR, NOON + HOUR, frozenset())


def test_host_maintenance() -> None:
    assert cause(asked(announced=[WORK])) == "host_maintenance"
    assert cause(refused("91", announced=[WORK])) == "host_maintenance"
    assert cause(kept(announced=[WORK._replace(end=CUTOFF + HOUR)])) == "host_maintenance"
    assert cause(refused("90")) == "host_maintenance", "the day's cut-over"
    same = {host: Pulse(requests=40, failures=30) for host in ("ACQ", "ISS")}
    assert cause(refused("90", pulse=same)) == "host_maintenance"
    stuck = incident("host_outage", (NOON - MINUTE, NOON + HOUR), scope=(("host", "ACQ"),))
    assert cause(refused("90", pulse=same, incidents=[stuck])) == "host_outage", "it did not end"
    payout = WORK._replace(begin=DUE - HOUR, end=DUE + HOUR, services=frozenset({"payout"}))
    assert cause(settled(announced=[payout])) == "host_maintenance"
    assert "host/ACQ/notice/n1" in cited(asked(announced=[WORK]))


@pytest.mark.parametrize(
    "other",
    [
        WORK._replace(begin=NOON + 2 * HOUR, end=NOON + 3 * HOUR),
        WORK._replace(begin=NOON - 3 * HOUR, end=NOON - 2 * HOUR),
        WORK._replace(services=frozenset({"qr"})),
        WORK._replace(services=frozenset({"payout"})),
    ],
)
def test_work_at_another_time_or_for_another_service_is_no_excuse(other: Announcement) -> None:
    assert cause(asked(announced=[other])) != "host_maintenance"
    assert cause(refused("51", announced=[other])) == "card_declined"


def test_of_several_works_the_one_that_covers_the_moment_is_named() -> None:
    early = WORK._replace(host="ISS", id="n0", begin=NOON - 9 * HOUR, end=NOON - 8 * HOUR)
    late = early._replace(id="n2", begin=NOON + 8 * HOUR, end=NOON + 9 * HOUR)
    for told in ([early, WORK, late], [late, WORK, early]):
        found = first(asked(announced=told))
        assert (found.cause, found.facts["host"], found.facts["owner"]) == ("host_maintenance", "ACQ", "ACQ")
        assert (found.facts["since_at"], found.facts["until_at"]) == (WORK.begin, WORK.end)


def test_of_several_works_at_a_time_the_one_that_took_most_of_it_is_named() -> None:
    short = WORK._replace(host="ISS", id="n0", begin=NOON, end=NOON + MINUTE)
    long = WORK._replace(end=CUTOFF + HOUR)
    assert {first(kept(announced=told)).facts["host"] for told in ([short, long], [long, short])} == {"ACQ"}


def test_work_on_payouts_at_another_time_makes_no_other_work_likelier() -> None:
    now = WORK._replace(begin=DUE - HOUR, end=DUE + HOUR)
    payout = WORK._replace(id="n2", begin=NOON - 2 * HOUR, end=NOON - HOUR, services=frozenset({"payout"}))
    assert explain(settled(announced=[now, payout])) == explain(settled(announced=[now]))


def failing(span: tuple[int, int] = (NOON - MINUTE, NOON + 10 * MINUTE)) -> Any:
    return so("failing", span, topic="host/ACQ/health", code="ACQ")


def test_host_outage() -> None:
    down = {"ACQ": Pulse(requests=40, failures=30)}
    found = first(asked(health=[failing()], pulse=down, incidents=[incident("host_outage", scope=(("host", "ACQ"),))]))
    assert (found.cause, found.incident) == ("host_outage", "host_outage-1")
    assert "host/ACQ/health" in cited(asked(health=[failing()], pulse=down))
    assert cause(refused("91", health=[failing()], pulse=down)) == "host_outage"
    assert cause(kept(health=[failing((NOON - MINUTE, CUTOFF + MINUTE))])) == "host_outage"


def test_an_outage_that_only_terminals_saw_is_cited_with_its_host_and_times() -> None:
    seen = incident("host_outage", (NOON - MINUTE, NOON + HOUR), scope=(("host", "ISS"),))
    found = first(refused("91", incidents=[seen]))
    assert (found.cause, found.incident) == ("host_outage", "host_outage-1")
    assert found.facts["host"] == "ISS"
    assert (found.facts["since_at"], found.facts["until_at"]) == (NOON - MINUTE, NOON + HOUR)


@pytest.mark.parametrize(("resolved_at", "until"), [(None, None), (NOON + HOUR, NOON + HOUR), (NOON, NOON + MINUTE)])
def test_an_outage_that_the_host_told_lasts_until_its_incident_is_over(resolved_at: int | None, until: int) -> None:
    """The host's words nearby end with the sale; the outage does not."""
    stuck = incident("host_outage", (NOON - MINUTE, NOON + HOUR), scope=(("host", "ACQ"),))
    stuck.resolved_at = resolved_at
    words = [failing((NOON - MINUTE, NOON)), failing((NOON, NOON + MINUTE))]
    found = first(asked(health=words, pulse={"ACQ": Pulse(requests=40, failures=30)}, incidents=[stuck]))
    assert found.cause == "host_outage"
    assert (found.facts["since_at"], found.facts.get("until_at")) == (NOON - MINUTE, until)


@pytest.mark.parametrize("code", ["05", "57", "A0", "30", "03"])
def test_a_host_that_declines_everything_is_why_and_not_the_card(code: str) -> None:
    seen = incident("host_outage", (NOON - MINUTE, NOON + HOUR), scope=(("host", "ISS"),))
    seen.failing = Failing(DECLINES, 0.95)
    same, other = {"ACQ": Pulse(requests=40, alike=30)}, {"ACQ": Pulse(requests=40, alike=2)}
    found = first(refused(code, incidents=[seen], pulse=same))
    assert (found.cause, found.incident, found.confidence > 0.8) == ("host_outage", "host_outage-1", True)
    assert found.facts["host"] == "ISS"
    assert cause(refused(code, incidents=[seen], pulse=other)) != "host_outage", "others hear another code"
    assert cause(refused(code, pulse=same)) != "host_outage", "nobody is blamed"
    seen.failing = Failing(SLOW)
    assert cause(refused(code, incidents=[seen], pulse=same)) != "host_outage"


def test_slow_answers_are_evidence_where_none_came() -> None:
    slow = so("slow", (NOON - MINUTE, NOON + MINUTE), topic="host/ACQ/health", code="ACQ", worst=20_000.0)
    down = {"ACQ": Pulse(requests=40, failures=30)}
    assert "host/ACQ/health" in cited(asked(health=[slow], pulse=down))
    assert cause(refused("51", health=[slow])) == "card_declined"


def test_a_host_that_failed_later_or_announced_it_had_no_outage() -> None:
    assert cause(asked(health=[failing((NOON + HOUR, NOON + 2 * HOUR))])) != "host_outage"
    assert cause(asked(health=[failing()], announced=[WORK])) == "host_maintenance"
    assert cause(kept(health=[failing(LATER)])) == "offline_pending"
    assert cause(refused("51", health=[failing()])) == "card_declined"


def test_interface_fault() -> None:
    for event in ("late", "partial", "rejected"):
        found = settled(files=[FileWord("ACQ", SATURDAY, "expected", ""), FileWord("ACQ", EARLY, event, "E1")])
        assert cause(found) == "interface_fault"
        assert f"host/ACQ/file@{EARLY} {event} E1" in cited(found)
    assert cause(settled(files=[FileWord("ACQ", SATURDAY, "expected", "")])) == "interface_fault", "nothing came"
    assert cause(settled(files=[FileWord("ACQ", EARLY, "ready", "")])) != "interface_fault"


def test_a_file_says_nothing_of_money_that_is_on_its_way() -> None:
    late = [FileWord("ACQ", EARLY, "late", "")]
    assert cause(settled("overdue", paid("instructed", EARLY), files=late)) == "credit_missing"


def test_merchant_suspended() -> None:
    stopped = [AccountWord(MONDAY, "suspended", "risk")]
    assert cause(settled(account=stopped)) == "merchant_suspended"
    assert cause(refused("03")) == "merchant_suspended"
    before = [AccountWord(FRIDAY - DAY, "suspended", "risk"), AccountWord(FRIDAY, "active", "")]
    assert cause(settled(account=before)) == "unknown", "it was over before the sale"
    assert f"merchant/m/account@{MONDAY} suspended" in cited(settled(account=stopped))


def test_backoffice_backlog() -> None:
    queue = so("backlog", topic="merchant/m/backoffice", count=300, worst=7_200.0)
    assert cause(kept(backlog=[queue])) == "backoffice_backlog"
    assert "merchant/m/backoffice" in cited(kept(backlog=[queue]))
    assert cause(cut_off(backlog=[so("backlog", LATER, topic="merchant/m/backoffice")])) == "terminal_offline"


# -- accounts and payouts --------------------------------------------------------------------------


def came_back(reason: Any, **known: Any) -> Any:
    return settled("returned", paid("instructed", EARLY), paid("returned", EARLY + HOUR, reason=reason), **known)


def test_account_invalid() -> None:
    assert cause(came_back("account_invalid")) == "account_invalid"
    assert cause(came_back(None, account=[AccountWord(EARLY, "closed", "")])) == "account_invalid"
    assert f"merchant/m/settlement@{EARLY + HOUR} returned account_invalid" in cited(came_back("account_invalid"))


def test_account_frozen() -> None:
    assert cause(came_back("account_frozen")) == "account_frozen"
    assert cause(settled(account=[AccountWord(EARLY, "frozen", "court")])) == "account_frozen"
    thawed = [AccountWord(FRIDAY - DAY, "frozen", "court"), AccountWord(FRIDAY, "active", "")]
    assert cause(settled(account=thawed)) == "unknown"


def test_account_limit() -> None:
    assert cause(came_back("account_limit")) == "account_limit"
    small = Merchant("m", account_class=3)
    much = [sale("approved", NOON, amount=300_000)]
    back = paid("returned", EARLY, amount=300_000)
    assert cause(settled("returned", back, sold=much, merchant=small)) == "account_limit"
    assert cause(settled("returned", back, sold=much)) != "account_limit", "class I has no limit"


def test_carried_over() -> None:
    for reason in ("net_negative", "below_minimum", None):
        assert cause(settled("carried_over", paid("carried_over", EARLY, reason=reason))) == "carried_over"


def test_risk_hold() -> None:
    held = settled("held", paid("held", EARLY, reason="risk_review"))
    assert cause(held) == "risk_hold"
    lately = settled("overdue", paid("held", EARLY, reason="risk_review"), paid("released", DUE - HOUR))
    assert cause(lately) == "risk_hold", "but for the review it would be there"
    assert f"merchant/m/settlement@{EARLY} held risk_review" in cited(held)


def test_deposit_hold() -> None:
    assert cause(settled("held", paid("held", EARLY, reason="deposit"))) == "deposit_hold"
    less = paid("short_paid", EARLY, amount=9_000, expected=10_000, reason="deposit")
    assert cause(settled("short_paid", less)) == "deposit_hold"


def test_short_paid() -> None:
    for reason in ("fee", "chargeback", None):
        found = first(settled("short_paid", paid("short_paid", EARLY, amount=9_000, expected=10_000, reason=reason)))
        assert (found.cause, found.facts["missing"]) == ("short_paid", 1_000)


def test_credit_missing() -> None:
    assert cause(settled("overdue", paid("instructed", EARLY))) == "credit_missing"
    early = paid("held", SATURDAY, reason="risk_review"), paid("released", SATURDAY + HOUR)
    assert cause(settled("overdue", *early)) == "credit_missing", "the review ended in time"


# -- compliance ------------------------------------------------------------------------------------


def posted(number: str | None, mcc: str | None, *payouts: Heard, merchant: Merchant = MERCHANT) -> Any:
    sold = [sale("approved", NOON, posted=Posted(merchant=number, mcc=mcc))]
    return settled("overdue", *payouts, sold=sold, merchant=merchant, fees=FEES)


def test_merchant_rewritten() -> None:
    assert cause(posted("800" + "4403" + "5812" + "0001", None)) == "merchant_rewritten"
    assert cause(posted(NUMBER, "5411")) == "merchant_rewritten", "a trade that pays less"
    assert cause(posted(NUMBER, "8211", paid("instructed", EARLY))) == "merchant_rewritten", "it outranks the bank"
    assert cause(posted(NUMBER, "5812")) == "unknown"
    assert cause(posted(NUMBER, "7230")) == "unknown", "another trade of the same class"
    dearer = Merchant("m", number=NUMBER, mcc="5411")
    assert cause(posted(NUMBER, "5812", merchant=dearer)) == "unknown", "more than it owes"


def test_provider_unlicensed() -> None:
    by = paid("instructed", EARLY, payer="PAY", rows=rows(("r-s", 10_000)))
    for hosts in ({}, {"PAY": Host("PAY", "institution")}, {"PAY": Host("PAY", "institution", "", "Z1", "2026-11-22")}):
        assert cause(settled("overdue", by, hosts=hosts)) == "provider_unlicensed"
    assert cause(settled("overdue", by, hosts={"PAY": LICENSED})) == "credit_missing"
    assert f"merchant/m/settlement@{EARLY} payer PAY" in cited(settled("overdue", by))


def test_the_facts_of_an_answer_are_times_amounts_and_words() -> None:
    for found in explain(settled("overdue", paid("instructed", EARLY))):
        assert all(isinstance(value, int | str) for value in found.facts.values())
        assert 0 <= found.confidence <= 1
