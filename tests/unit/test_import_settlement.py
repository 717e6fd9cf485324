"""Settlement files: what becomes of good rows, of bad ones, and of the second time."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fleetmon.ingest.files import mapping, settlement
from fleetmon.ingest.files.known import Merchants, Payouts, Said
from fleetmon.ingest.files.outcome import FileError, Outcome
from fleetmon.ingest.files.settlement import Wish
from fleetmon.ingest.files.table import decoded
from fleetmon.ingest.intake import MAX_PAYLOAD, decode
from fleetmon.model.errors import ConfigError
from fleetmon.model.events import Payout, SettlementFile
from fleetmon.model.registry import Host, Merchant, Registry
from fleetmon.model.topics import Kind, Topics

CARD = "6222021234567894"  # invented; passes the Luhn check
HEAD = "商户号,终端号,交易类型,交易时间,批次号,凭证号,参考号,卡号,交易金额,手续费,结算金额"
REGISTRY = Registry(
    hosts=[Host("ACQ", "acquirer")],
    merchants=[
        Merchant("noodle", number="84329005812000A", acquirer="ACQ"),
        Merchant("grill", number="84329005812001A", acquirer="ACQ", cutoff="22:00:00"),
    ],
)


def row(rrn: str = "100000000001", amount: str = "100.00", fee: str = "0.60", net: str = "99.40", **more: str) -> str:
    merchant, at = more.get("merchant", "84329005812000A"), more.get("at", "2026-11-20 12:00:00")
    kind, card = more.get("kind", "消费"), more.get("card", "622202******7894")
    return f"{merchant},T1,{kind},{at},000727,000001,{rrn},{card},{amount},{fee},{net}"


@pytest.fixture
def wish() -> Callable[..., Wish]:
    """Fresh expectations; payouts that are known are learned from one reading to the next."""

    def make(**more: Any) -> Wish:
        return Wish(**{"topics": Topics(), "merchants": Merchants(REGISTRY), "payouts": Payouts(lambda _: ()), **more})

    return make


def read(wish: Wish, *rows: str, head: str = HEAD) -> Outcome:
    return settlement.read("\n".join([head, *rows]) + "\n", wish)


def payouts(outcome: Outcome) -> list[Payout]:
    decoded_ones = [decode(Kind.SETTLEMENT, one.payload) for one in outcome.events if one.topic.endswith("/settlement")]
    return [one for one in decoded_ones if isinstance(one, Payout)]


def words_on_file(outcome: Outcome) -> list[SettlementFile]:
    found = [decode(Kind.FILE, one.payload) for one in outcome.events if one.topic.endswith("/file")]
    return [one for one in found if isinstance(one, SettlementFile)]


def why(outcome: Outcome) -> list[tuple[int, str]]:
    return [(one.line, one.reason) for one in sorted(outcome.rejected, key=lambda one: one.line)]


def test_rows_become_one_payout_a_merchant_and_day_and_a_word_on_the_file(wish: Any) -> None:
    outcome = read(
        wish(),
        row("1", card=CARD),
        row("2", "50", "0", "50.00"),
        row("3", "8.00000", "0", "8", merchant="84329005812001A"),
        row("4", "20.00", "0.00", "-20.00", kind="退货"),
    )
    by_id = {one.rows[0].merchant: one for one in payouts(outcome) if one.rows}
    noodle, grill = by_id["84329005812000A"], by_id["84329005812001A"]
    assert (noodle.event, noodle.amount, noodle.business_date, noodle.payer) == (
        "instructed",
        12940,
        "2026-11-20",
        "ACQ",
    )
    assert [(one.rrn, one.amount, one.fee) for one in noodle.rows or ()] == [
        ("1", 10000, 60),
        ("2", 5000, 0),
        ("4", -2000, 0),
    ]
    assert grill.amount == 800
    assert [(one.event, one.records, one.amount) for one in words_on_file(outcome)] == [("ready", 4, 13740)]
    assert (outcome.read, outcome.taken, outcome.rejected, outcome.amount) == (4, 4, [], 13740)
    assert CARD not in repr(outcome)


def test_the_same_content_gives_the_same_messages_in_any_order_of_rows(wish: Any) -> None:
    one, two = read(wish(), row("1"), row("2")), read(wish(), row("2"), row("1"))
    assert one.events == two.events
    assert read(wish(), row("1"), row("3")).payouts != one.payouts


def test_a_second_import_says_nothing_new_of_payouts(wish: Any) -> None:
    known = wish()
    first = read(known, row("1"), row("2"))
    again = read(known, row("1"), row("2"))
    assert (again.taken, again.repeated, again.rejected, again.payouts) == (0, 2, [], [])
    assert words_on_file(again) == words_on_file(first)
    more = read(known, row("1"), row("2"), row("3"))
    assert (more.taken, more.repeated) == (1, 2)
    assert [one.amount for one in payouts(more)] == [9940]


def test_a_sale_that_a_payout_has_with_another_amount_is_not_paid_twice(wish: Any) -> None:
    told = Said(
        at=1, id="p1", business_date="2026-11-20", event="instructed", amount=9000,
        rows=list(payouts(read(wish(), row("1")))[0].rows or ()),
    )  # fmt: skip
    known = wish(payouts=Payouts(lambda _: [("noodle", told)]))
    outcome = read(known, row("1", "200.00", "1.20", "198.80"), row("2"))
    assert why(outcome) == [(2, "claimed")]
    assert "payout p1 has 1 with 100.00" in outcome.rejected[0].detail
    assert outcome.taken == 1


BAD = [
    (row(amount="1e2"), "amount"),
    (row(amount="100.005"), "amount"),
    (row(amount="-100.00", net="-99.40"), "amount"),
    (row(amount="99999999999.00", fee="0", net="99999999999.00"), "amount"),
    (row(amount="", fee="", net=""), "amount"),
    (row(net="99.39"), "sum"),
    (row(fee="200.00", net=""), "sum"),
    (row(net="", kind="退货"), "sum"),
    (row(merchant="99999999999999Z"), "merchant"),
    (row(rrn=""), "field"),
    (row(rrn=CARD, card=CARD), "field"),
    (row(at="20.11.2026"), "time"),
    (row(at="2026-02-30 10:00:00"), "time"),
    (row(kind="咨询"), "type"),
    (row() + ",extra", "ragged"),
    (row()[:60], "ragged"),
    (row().replace("T1", '"T1'), "quote"),
]


@pytest.mark.parametrize(("bad", "reason"), BAD)
def test_a_bad_row_is_kept_aside_with_line_and_reason_and_the_others_are_taken(
    wish: Any, bad: str, reason: str
) -> None:
    outcome = read(wish(), row("1"), bad, row("2"))
    assert why(outcome) == [(3, reason)]
    assert outcome.rejected[0].detail
    assert outcome.read == outcome.taken + len(outcome.rejected) == 3
    assert [one.event for one in words_on_file(outcome)] == ["ready"]  # one row is no fault of the interface
    assert CARD not in repr(outcome)


def test_another_currency_is_kept_aside(wish: Any) -> None:
    outcome = read(wish(), row("1") + ",CNY", row("2") + ",USD", row("3") + ",", head=HEAD + ",币种")
    assert why(outcome) == [(3, "currency")]
    assert outcome.taken == 2


def test_two_rows_for_one_sale_are_paid_once(wish: Any) -> None:
    outcome = read(wish(), row("1"), row("1"), row("1", "7.00", "0", "7.00"))
    assert why(outcome) == [(3, "claimed"), (4, "claimed")]
    assert payouts(outcome)[0].amount == 9940


@pytest.mark.parametrize(
    ("at", "more", "day"),
    [
        ("2026-11-20 23:00:00", {}, "2026-11-20"),
        ("2026-11-20 23:00:01", {}, "2026-11-21"),
        ("2026-11-20 22:30:00", {"merchant": "84329005812001A"}, "2026-11-21"),
        ("2026-11-20 23:30:00", {"card": ""}, "2026-11-20"),  # QR counts by calendar day
        ("20261120233000", {}, "2026-11-21"),
    ],
)
def test_the_business_date_follows_the_cut_off(wish: Any, at: str, more: dict[str, str], day: str) -> None:
    assert [one.business_date for one in payouts(read(wish(), row(at=at, **more)))] == [day]


def test_a_column_with_the_business_date_outranks_the_cut_off(wish: Any) -> None:
    outcome = read(wish(), row(at="2026-11-20 23:30:00") + ",20261120", head=HEAD + ",清算日期")
    assert [one.business_date for one in payouts(outcome)] == ["2026-11-20"]


def test_a_file_for_another_date_is_not_taken(wish: Any) -> None:
    outcome = read(wish(date="2026-11-19"), row("1"), row("2", at="2026-11-19 09:00:00"))
    assert why(outcome) == [(2, "date")]
    assert "2026-11-20 and not 2026-11-19" in outcome.rejected[0].detail
    assert outcome.taken == 1


def test_totals_that_do_not_fit_say_that_rows_are_missing(wish: Any) -> None:
    fits = read(wish(), row("1"), "合计,,,,,,,,100.00,0.60,99.40")
    assert (fits.notes, fits.read, fits.rejected) == ([], 1, [])
    cut = read(wish(), row("1"), "合计,,,,,,,,300.00,,")
    assert "totals say 300.00, the rows add up to 100.00" in cut.notes[0]
    assert [one.event for one in words_on_file(cut)] == ["partial"]
    spoilt = read(wish(), row("1"), row("2", "x"), "合计,,,,,,,,300.00,,")
    assert spoilt.notes == []


def test_refunds_beyond_the_sales_are_carried_over(wish: Any) -> None:
    (found,) = payouts(read(wish(), row("1"), row("2", "500.00", "", "500.00", kind="退货")))
    assert (found.event, found.amount, found.reason) == ("carried_over", -40060, "net_negative")


def test_a_long_payout_is_cut_into_messages_that_fit(wish: Any) -> None:
    rows = [row(f"{number:064d}", "1.00", "0", "1.00", card="") for number in range(700)]
    outcome = read(wish(), *rows)
    parts = payouts(outcome)
    assert [one.id.rsplit(".")[-1] for one in parts] == ["1of3", "2of3", "3of3"]
    assert sum(one.amount for one in parts) == 70000
    assert sum(len(one.rows or ()) for one in parts) == 700
    assert all(len(one.payload) <= MAX_PAYLOAD for one in outcome.events)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "utf-16"])
def test_encodings_titles_and_line_ends(wish: Any, encoding: str) -> None:
    text = "\r\n".join(["某某收单 对账单", "", HEAD + ",", row("`1") + ",", "", row('="2"')])
    outcome = settlement.read(decoded(text.encode(encoding)), wish())
    assert (outcome.taken, outcome.rejected) == (2, [])
    assert [one.rrn for one in payouts(outcome)[0].rows or ()] == ["1", "2"]


def test_a_truncated_last_line_says_so(wish: Any) -> None:
    outcome = settlement.read(f"{HEAD}\n{row('1')}\n{row('2')[:40]}", wish())
    assert why(outcome) == [(3, "ragged")]
    assert "truncated" in outcome.notes[0]
    assert [one.event for one in words_on_file(outcome)] == ["partial"]


def test_what_is_no_settlement_file_is_refused_with_the_columns_it_lacks(wish: Any) -> None:
    with pytest.raises(FileError, match="missing 参考号"):
        read(wish(), head=HEAD.replace("参考号", "别的"))
    with pytest.raises(FileError, match="no table"):
        settlement.read("hello\nworld\n", wish())
    with pytest.raises(FileError, match="no rows"):
        read(wish())


@pytest.mark.parametrize("place", ["凭证号", "交易类型"])
def test_a_card_number_in_any_column_is_cut(wish: Any, place: str) -> None:
    cells = row("1", "bad", card=f"{CARD[:4]} {CARD[4:]}").split(",")
    cells[HEAD.split(",").index(place)] = CARD
    outcome = read(wish(), ",".join(cells), row("2") + f",{CARD}")
    assert [one.line for one in outcome.rejected] == [2, 3]
    assert CARD not in repr(outcome)
    assert "622202******7894" in outcome.rejected[0].cells


ADYEN = (
    "Company Account,Merchant Account,Psp Reference,Creation Date,TimeZone,Type,Modification Reference,Gross Currency,"
    "Gross Debit (GC),Gross Credit (GC),Net Currency,Net Debit (NC),Net Credit (NC),Batch Number"
)


def adyen(kind: str, reference: str, gross: int = 0, net: int = 0, **more: str) -> str:
    """A line of Adyen's report; amounts in cents, credits positive."""

    def pair(amount: int) -> str:
        text = f"{abs(amount) / 100:.2f}"
        return f"{text}," if amount < 0 else f",{text}" if amount else ","

    at, psp, batch = more.get("at", "2026-11-19 10:00:00"), more.get("psp", ""), more.get("batch", "7")
    zone, currency = more.get("zone", "CET"), "EUR" if gross else ""
    return f'C,84329005812000A,{psp},{at},{zone},{kind},"{reference}",{currency},{pair(gross)},EUR,{pair(net)},{batch}'


BATCH = [
    adyen("Settled", "m1", 3145, 3115, psp="8815658961765250"),
    adyen("Settled", "m2", 10000, 9900, psp="s2", zone="CEST"),
    adyen("Refunded", "r1", -1000, -1000, psp="s2"),
    adyen("Fee", "Transaction Fees", net=-15),
    adyen("MerchantPayout", "TX635094301XT batch 7, 84329005812000A", net=-12000, at="2026-11-21 01:00:00"),
]


def test_adyen_a_payout_with_its_sales_refunds_and_fees(wish: Any) -> None:
    known = wish(currency="EUR")
    outcome = read(known, *BATCH, head=ADYEN)
    (found,) = payouts(outcome)
    assert (found.id, found.event, found.business_date) == ("TX635094301XT", "instructed", "2026-11-19")
    assert (found.amount, found.expected, found.reason) == (12000, 12015, "fee")
    assert [(one.rrn, one.amount, one.fee) for one in found.rows or ()] == [
        ("8815658961765250", 3145, 30),
        ("r1", -1000, 0),
        ("s2", 10000, 100),
    ]
    assert (outcome.taken, outcome.notes, outcome.rejected) == (5, [], [])
    assert read(known, *BATCH, head=ADYEN).repeated == 5


def test_adyen_a_batch_without_a_payout_is_carried_over(wish: Any) -> None:
    rows = [adyen("Settled", "m1", 100, 90, psp="s1"), adyen("Balancetransfer", "to batch 8", net=-90)]
    (found,) = payouts(read(wish(currency="EUR"), *rows, head=ADYEN))
    assert (found.id, found.event, found.amount, found.reason) == ("batch-7", "carried_over", 90, None)


def test_adyen_what_moves_no_sale_is_passed_over(wish: Any) -> None:
    rows = [
        adyen("Balancetransfer", "from 6", net=100),
        adyen("Fee", "f", net=-10),
        adyen("Balancetransfer", "8", net=-90),
    ]
    outcome = read(wish(currency="EUR"), *rows, head=ADYEN)
    assert (outcome.events, dict(outcome.ignored)) == ([], {"without_sales": 3})


def test_adyen_missing_rows_show(wish: Any) -> None:
    cut = read(wish(currency="EUR"), *BATCH[:-1], head=ADYEN)
    assert why(cut) == [(2, "unbalanced"), (3, "unbalanced"), (4, "unbalanced"), (5, "unbalanced")]
    assert (cut.events, len(cut.notes)) == ([], 1)
    gap = read(wish(currency="EUR"), *BATCH[1:], head=ADYEN)
    assert "-31.15 are left over" in gap.notes[0]
    changed = wish(currency="EUR")
    read(changed, *BATCH, head=ADYEN)
    other = read(changed, *BATCH[:-1], BATCH[-1].replace("120.00", "119.00"), head=ADYEN)
    assert {one.reason for one in other.rejected} == {"changed"}


def test_adyen_a_zone_that_is_not_known_is_kept_aside(wish: Any) -> None:
    rows = [adyen("Settled", "m1", 100, 90, psp="s1", zone="XST"), *BATCH]
    assert why(read(wish(currency="EUR"), *rows, head=ADYEN)) == [(2, "time")]


def test_a_mapping_of_ones_own(wish: Any, tmp_path: Path) -> None:
    file = tmp_path / "mine.yml"
    columns = {"merchant": ["shop"], "time": ["when"], "rrn": ["ref"], "amount": ["sum"], "fee": ["fee"]}
    file.write_text(json.dumps({"columns": columns, "delimiter": ";", "time_formats": ["%d.%m.%Y"]}))
    outcome = settlement.read(
        "shop;when;ref;sum;fee\nnoodle;20.11.2026;9;5.00;0.10\n", wish(mapping=mapping.load(file))
    )
    assert [(one.amount, one.business_date) for one in payouts(outcome)] == [(490, "2026-11-20")]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("columns: {merchant: [a], time: [b], rrn: [c], card: [c]}", '"c" is columns.rrn too'),
        ("columns: {merchant: [a], time: [b], rrn: [c]}\ntypes: {x: payout}", "need columns.payout"),
        ("columns: {merchant: [a], time: [b], rrn: [c]}\npayout_id: '('", "regular expression"),
        ("columns: {merchant: [a], time: [b], rrn: [c], amonut: [d]}", 'did you mean "amount"'),
    ],
)
def test_a_mapping_that_contradicts_itself_is_refused(tmp_path: Path, text: str, problem: str) -> None:
    file = tmp_path / "mine.yml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=problem):
        mapping.load(file)


def test_presets_are_valid_and_unknown_ones_named() -> None:
    for name in mapping.PRESETS:
        assert mapping.preset(name).problems() == []
    with pytest.raises(ConfigError, match="cn-acquirer, adyen"):
        mapping.preset("nobody")
