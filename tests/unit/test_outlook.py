"""Money on its way: the sums that a scrape reads, whatever order the news comes in, and how many series they make."""

from itertools import count
from typing import Any

import msgspec
import pytest
from prometheus_client import CollectorRegistry, generate_latest

from fleetmon.engine import Engine, Message
from fleetmon.engine.outcome import Fact
from fleetmon.model.days import DAY, midnight
from fleetmon.model.events import Account, Batch, Event, Payout, SettlementFile, Transaction
from fleetmon.model.registry import Defaults, Host, Merchant, Registry, Terminal
from fleetmon.sinks.money import ACQUIRERS_KEPT, Money, families

MONDAY = 20_780  # 2026-11-23, as a day number
NOON = midnight(MONDAY) + DAY // 2
HOUR, MINUTE = 3_600_000, 60_000
REGISTRY = Registry(
    hosts=[Host("ACQ", "acquirer"), Host("BANK", "issuer")],
    merchants=[Merchant("m", acquirer="ACQ"), Merchant("closing", acquirer="ACQ", capture="terminal")],
    terminals=[Terminal("m-1", merchant="m"), Terminal("closing-1", merchant="closing")],
    defaults=Defaults(cycle="D+1"),
)
TOPICS = {
    Transaction: "terminal/{}/transaction", Batch: "terminal/{}/batch", Payout: "merchant/{}/settlement",
    Account: "merchant/{}/account", SettlementFile: "host/{}/file",
}  # fmt: skip


class Market:
    """An engine, and what it is told."""

    def __init__(self) -> None:
        self.engine = Engine(REGISTRY)
        self.engine.link_up(NOON - HOUR)
        self._seq = count(1)

    def told(self, key: str, event: Event, at: int) -> None:
        topic = TOPICS[type(event)].format(key)
        message = Message(at, key, event, retained=False, topic=topic, payload=msgspec.json.encode(event))
        self.engine.observe([message])
        self.engine.advance(at)

    def sale(self, key: str, stage: Any, at: int, terminal: str = "m-1", **more: Any) -> None:
        approved = {"host_at": at} if stage in ("approved", "uploaded") else {}
        fields: dict[str, Any] = {"kind": "sale", "amount": 100, "rrn": f"rrn-{key}"} | approved | more
        self.told(terminal, Transaction(at, 1, next(self._seq), key, stage=stage, **fields), at)

    def at_risk(self, at: int) -> dict[tuple[str, str], int]:
        self.engine.advance(at)
        return dict(self.engine.arrears.outlook.at_risk(at))


@pytest.fixture
def market() -> Market:
    return Market()


def test_a_sale_in_a_terminal_is_at_risk_until_it_is_uploaded(market: Market) -> None:
    market.sale("a", "stored", NOON)
    market.sale("a", "stored", NOON)
    assert market.at_risk(NOON + MINUTE) == {("in_terminal", "ACQ"): 100}
    assert market.engine.arrears.outlook.open_sales == 1
    market.sale("a", "uploaded", NOON + HOUR)
    assert market.at_risk(NOON + 2 * HOUR) == {}
    assert market.engine.arrears.outlook.open_sales == 1


def test_money_on_its_way_is_known_by_where_it_stands_and_by_the_day_it_is_due(market: Market) -> None:
    outlook = market.engine.arrears.outlook
    market.sale("a", "stored", NOON)
    market.sale("b", "approved", NOON, "closing-1", batch="1")
    market.sale("c", "approved", NOON, amount=50)
    assert outlook.expected == {("terminal", "ACQ"): 100, ("batch", "ACQ"): 100, ("clearing", "ACQ"): 50}
    assert outlook.due_days(NOON) == {1: 250}
    in_time_yet = midnight(MONDAY + 1) + 18 * HOUR + MINUTE  # due, and within the grace
    assert outlook.due_days(in_time_yet) == {0: 250}
    assert outlook.due_days(in_time_yet + DAY) == {0: 250}, "never in the past"
    market.engine.advance(in_time_yet + HOUR)
    assert (outlook.expected, outlook.due_days(in_time_yet + HOUR)) == ({}, {}), "it is late"


def test_what_is_late_is_at_risk_no_longer(market: Market) -> None:
    market.sale("a", "stored", NOON)
    due_at = midnight(MONDAY + 1) + 18 * HOUR
    assert market.engine.arrears.outlook.next_due(NOON) == due_at
    assert market.at_risk(due_at + 29 * MINUTE) == {("in_terminal", "ACQ"): 100}
    assert market.at_risk(due_at + 31 * MINUTE) == {}
    arrears = market.engine.arrears
    assert (sum(arrears.merchant_days.values()), sum(arrears.totals.values())) == (1, 100)
    assert arrears.stages == {("terminal", "ACQ"): 100}
    assert arrears.outlook.next_due(due_at) is None
    assert arrears.outlook.open_sales == 1
    market.sale("a", "uploaded", due_at + HOUR)
    market.told("m", Payout(due_at + 2 * HOUR, "p", "2026-11-24", "credited", 100), due_at + 2 * HOUR)
    market.engine.advance(due_at + 3 * HOUR)
    assert (dict(arrears.merchant_days), dict(arrears.totals), dict(arrears.stages)) == ({}, {}, {})


def counted(market: Market) -> tuple[int, int]:
    """Sales judged, and late ones of them."""
    found = market.engine.arrears.punctuality
    return found.judged, found.late


def paid(at: int) -> Payout:
    return Payout(at, "p", "2026-11-23", "credited", 100)


def test_a_sale_is_judged_once_in_time_when_it_is_paid(market: Market) -> None:
    due_at = midnight(MONDAY + 1) + 18 * HOUR
    market.sale("a", "approved", NOON)
    market.told("m", paid(due_at - HOUR), due_at - HOUR)
    for later in (due_at, due_at + HOUR, due_at + DAY):
        market.told("m", Account(later, "active"), later)  # somebody looks again
        assert counted(market) == (1, 0)


def test_a_sale_is_judged_once_late_when_its_grace_is_over(market: Market) -> None:
    due_at = midnight(MONDAY + 1) + 18 * HOUR
    market.sale("a", "approved", NOON)
    market.engine.advance(due_at + 29 * MINUTE)
    assert counted(market) == (0, 0)
    market.engine.advance(due_at + 31 * MINUTE)
    assert counted(market) == (1, 1)
    market.told("m", paid(due_at + HOUR), due_at + HOUR)
    market.engine.advance(due_at + DAY)
    assert counted(market) == (1, 1)


def test_a_cancelled_sale_is_not_judged(market: Market) -> None:
    market.sale("a", "approved", NOON)
    market.sale("r", "approved", NOON + MINUTE, kind="reversal", original="a")
    market.engine.advance(NOON + 3 * DAY)
    assert counted(market) == (0, 0)


def test_what_came_in_time_while_we_were_deaf_came_in_time_and_what_came_late_came_late(market: Market) -> None:
    due_at = midnight(MONDAY + 1) + 18 * HOUR
    for merchant, at in (("m", due_at - HOUR), ("closing", due_at + HOUR)):
        market.sale(f"of-{merchant}", "approved", NOON, f"{merchant}-1", batch="1")
        market.told("closing-1", Batch(NOON + HOUR, 1, 50, "1", "closed"), NOON + HOUR)
        market.engine.link_down(due_at - 2 * HOUR)
        market.engine.link_up(due_at + 2 * HOUR)
        market.told(merchant, paid(at), due_at + 2 * HOUR + 1)
    market.engine.advance(due_at + 3 * HOUR)
    assert counted(market) == (2, 1)


def test_what_was_read_back_is_not_counted_anew_and_what_follows_is(market: Market) -> None:
    due_at = midnight(MONDAY + 1) + 18 * HOUR
    arrears = market.engine.arrears
    market.sale("a", "approved", NOON)
    arrears.punctuality.read_back("m")  # its payout, perhaps
    market.told("m", paid(due_at - HOUR), due_at - HOUR)
    assert counted(market) == (0, 0)
    market.sale("b", "approved", due_at)
    market.engine.advance(due_at + 3 * DAY)
    assert counted(market) == (1, 1)


def test_a_start_counts_no_payout_of_the_past_again(market: Market) -> None:
    due_at = midnight(MONDAY + 1) + 18 * HOUR
    facts = []
    for key, event, at in (
        ("m-1", Transaction(NOON, 1, 1, "a", "sale", "approved", 100, host_at=NOON, rrn="rrn-a"), NOON),
        ("m", paid(due_at - HOUR), due_at - HOUR),
    ):
        topic = TOPICS[type(event)].format(key)
        facts.append(Fact(f"{key}-{at}", 0, Message(at, key, event, False, topic, msgspec.json.encode(event))))
    again = market.engine
    again.resume([], [], [])
    for fact in facts:  # the past is read in parts, so the sale may come before its payout
        again.recall([fact])
    again.recalled(0)
    market.sale("b", "approved", due_at)
    again.advance(due_at + HOUR)
    assert again.explainer.ledger.standing(again.explainer.ledger.book("m").sales["m-1", "a"], due_at).state == "paid"
    assert counted(market) == (0, 0)
    again.advance(due_at + 3 * DAY)
    assert counted(market) == (1, 1)


def test_a_reversed_sale_is_waited_for_by_nobody(market: Market) -> None:
    market.sale("a", "stored", NOON)
    market.sale("r", "approved", NOON + MINUTE, kind="reversal", original="a")
    assert market.at_risk(NOON + HOUR) == {}
    assert market.engine.arrears.outlook.open_sales == 0
    assert market.engine.arrears.outlook.next_due(NOON) is None


def test_a_batch_that_is_open_shortly_before_the_day_ends(market: Market) -> None:
    cutoff = midnight(MONDAY) + 23 * HOUR
    market.sale("a", "approved", NOON, "closing-1", batch="1")
    assert market.at_risk(cutoff - HOUR - 1) == {}
    assert market.at_risk(cutoff - HOUR) == {("batch_open", "ACQ"): 100}
    market.told("closing-1", Batch(cutoff - MINUTE, 1, 9, "1", "closed"), cutoff - MINUTE)
    assert market.at_risk(cutoff) == {}


def test_money_for_a_blocked_account(market: Market) -> None:
    market.sale("a", "approved", NOON)
    market.told("m", Account(NOON + MINUTE, "frozen"), NOON + MINUTE)
    assert market.at_risk(NOON + HOUR) == {("account_blocked", "ACQ"): 100}
    market.told("m", Account(NOON + 2 * HOUR, "active"), NOON + 2 * HOUR)
    assert market.at_risk(NOON + 3 * HOUR) == {}


def test_money_in_a_late_file(market: Market) -> None:
    market.sale("a", "approved", NOON)
    market.told("ACQ", SettlementFile(NOON + HOUR, "2026-11-23", "late"), NOON + HOUR)
    market.told("ACQ", SettlementFile(NOON + HOUR, "2026-11-22", "late"), NOON + HOUR)
    assert market.at_risk(NOON + 2 * HOUR) == {("file_late", "ACQ"): 100}
    market.told("ACQ", SettlementFile(NOON + 3 * HOUR, "2026-11-23", "ready"), NOON + 3 * HOUR)
    assert market.at_risk(NOON + 4 * HOUR) == {}


def test_one_sale_says_what_the_sums_say(market: Market) -> None:
    market.sale("a", "stored", NOON)
    engine, now = market.engine, NOON + MINUTE
    sale = engine.explainer.ledger.book("m").sales["m-1", "a"]
    assert engine.arrears.outlook.risk(sale, engine.explainer.ledger.standing(sale, now), now) == "in_terminal"


def test_codes_that_nobody_knows_are_counted_by_acquirer_within_bounds(market: Market) -> None:
    outlook = market.engine.arrears.outlook
    assert outlook.unknown_codes == {"ACQ": 0}, "the first one has to show as a step"
    market.sale("a", "declined", NOON, response="Q7", acquirer="ACQ")
    market.sale("b", "declined", NOON, response="51", acquirer="ACQ")
    assert outlook.unknown_codes == {"ACQ": 1}
    for number in range(1_000):
        market.sale(f"s{number}", "declined", NOON, response="Q7", acquirer=f"made-up-{number}")
    assert len(outlook.unknown_codes) <= 202
    assert sum(outlook.unknown_codes.values()) == 1_001


def test_what_is_forgotten_leaves_the_sums(market: Market) -> None:
    market.sale("a", "stored", NOON)
    assert list(market.engine.forget(NOON + 60 * DAY))
    assert market.at_risk(NOON + 60 * DAY) == {}
    assert market.engine.arrears.outlook.open_sales == 0


def test_conflicting_rows_are_counted(market: Market) -> None:
    for number in range(2):
        rows = [{"rrn": "rrn-a", "amount": 100}]
        said = msgspec.convert(
            {
                "at": NOON, "id": f"p{number}", "business_date": "2026-11-23", "event": "credited", "amount": 1,
                "rows": rows,
            },
            Payout,
        )  # fmt: skip
        market.told("m", said, NOON + number)
    assert market.engine.explainer.ledger.conflicts == 1


def test_the_due_calendar_has_the_same_rows_every_day() -> None:
    empty: dict[tuple[str, str], int] = {}
    money = Money(empty, empty, empty, empty, empty, {0: 7, 13: 5, 14: 3, 40: 2}, None, 2.0, {}, 0, 0)
    (calendar,) = [one for one in families(money) if one.name == "fleetmon_settlement_due_amount_fen"]
    rows = {sample.labels["days"]: sample.value for sample in calendar.samples}
    assert len(rows) == 15
    assert {days: amount for days, amount in rows.items() if amount} == {"00": 7, "13": 5, "14+": 5}
    assert list(rows) == sorted(rows)


def test_no_number_of_acquirers_makes_many_series() -> None:
    sums = {(cause, f"acquirer-{number}"): number for number in range(5_000) for cause in ("unknown", "keys")}
    money = Money(
        overdue=sums,
        overdue_amount=sums,
        overdue_stage_amount=sums,
        expected_amount=sums,
        at_risk_amount=sums,
        due_amount={},
        next_due_s=1.0,
        calendar_known_until_s=2.0,
        unknown_codes={},
        open_sales=3,
        conflicts=4,
    )
    registry = CollectorRegistry()
    registry.register(type("All", (), {"collect": lambda _self: families(money)})())
    text = generate_latest(registry).decode()
    lines = [line for line in text.splitlines() if line.startswith("fleetmon_settlement_overdue_amount_fen{")]
    assert len(lines) == 2 * (ACQUIRERS_KEPT + 1)
    assert sum(float(line.split()[-1]) for line in lines) == sum(sums.values())
    assert 'acquirer="acquirer-4999"' in text
    assert 'acquirer="__other__"' in text
