"""Bank statements: which credit becomes which payout's, and what is never guessed."""

from collections.abc import Callable
from typing import Any

import pytest

from fleetmon.ingest.files import camt, statement
from fleetmon.ingest.files.known import Merchants, Payouts, Said
from fleetmon.ingest.files.outcome import FileError, Outcome
from fleetmon.ingest.files.settlement import Wish
from fleetmon.ingest.intake import decode
from fleetmon.model.days import day_from, midnight
from fleetmon.model.events import Payout, PayoutRow
from fleetmon.model.registry import Merchant, Registry
from fleetmon.model.topics import Kind, Topics

CARD = "6222021234567894"  # invented; passes the Luhn check
REGISTRY = Registry(
    merchants=[Merchant("noodle", number="84329005812000A"), Merchant("grill", number="84329005812001A")]
)
STATEMENTS = {"053": ("BkToCstmrStmt", "Stmt"), "054": ("BkToCstmrDbtCdtNtfctn", "Ntfctn")}


def detail(amount: str = "", text: str = "", end_to_end: str = "NOTPROVIDED", more: str = "") -> str:
    money = f'<Amt Ccy="CNY">{amount}</Amt>' if amount else ""
    return (
        f"<TxDtls><Refs><EndToEndId>{end_to_end}</EndToEndId></Refs>{money}"
        f"<RmtInf><Ustrd>{text}</Ustrd></RmtInf>{more}</TxDtls>"
    )


def entry(amount: str = "99.40", details: str = "", **more: str) -> str:
    status, sign, reference = more.get("status", "<Cd>BOOK</Cd>"), more.get("sign", "CRDT"), more.get("reference", "")
    booked, currency = more.get("booked", "<Dt>2026-11-21</Dt>"), more.get("currency", "CNY")
    return (
        f'<Ntry><Amt Ccy="{currency}">{amount}</Amt><CdtDbtInd>{sign}</CdtDbtInd>{more.get("reversal", "")}'
        f"<Sts>{status}</Sts><BookgDt>{booked}</BookgDt>"
        + (f"<AcctSvcrRef>{reference}</AcctSvcrRef>" if reference else "")
        + f"<NtryDtls>{details}</NtryDtls></Ntry>"
    )


def document(*entries: str, kind: str = "053", version: str = "08", head: str = "") -> bytes:
    message, holder = STATEMENTS[kind]
    space = f"urn:iso:std:iso:20022:tech:xsd:camt.{kind}.001.{version}"
    inside = "".join(f"<{holder}><CreDtTm>2026-11-22T08:00:00+08:00</CreDtTm>\n{one}\n</{holder}>" for one in entries)
    return f'{head}<Document xmlns="{space}"><{message}><GrpHdr/>{inside}</{message}></Document>'.encode()


def told(payout: str = "p-000001", amount: int = 9940, day: str = "2026-11-20", **more: Any) -> Said:
    return Said(
        **{"at": 1, "id": payout, "business_date": day, "event": "instructed", "amount": amount, "payer": "ACQ", **more}
    )


@pytest.fixture
def wish() -> Callable[..., Wish]:
    """What is expected where these payouts of noodle (and of others) are known."""

    def make(*payouts: Said, others: tuple[tuple[str, Said], ...] = (), **more: Any) -> Wish:
        stored = [*(("noodle", one) for one in payouts), *others]
        known = Payouts(lambda merchants: (one for one in stored if one[0] in set(merchants)))
        return Wish(**{"topics": Topics(), "merchants": Merchants(REGISTRY), "payouts": known, **more})

    return make


def events(outcome: Outcome) -> list[Payout]:
    found = [decode(Kind.SETTLEMENT, one.payload) for one in outcome.events]
    return [one for one in found if isinstance(one, Payout)]


def why(outcome: Outcome) -> list[str]:
    return [one.reason for one in outcome.rejected]


@pytest.mark.parametrize("kind", ["053", "054"])
@pytest.mark.parametrize("version", ["02", "03", "04", "05", "06", "07", "08", "13"])
def test_a_credit_that_names_a_payout_credits_it_in_any_version(wish: Any, kind: str, version: str) -> None:
    status = "BOOK" if version < "06" else "<Cd>BOOK</Cd>"
    one = entry("99.40000", detail(end_to_end="p-000001"), status=status)
    outcome = statement.read(document(one, kind=kind, version=version), wish(told()))
    (found,) = events(outcome)
    assert (found.id, found.event, found.amount, found.expected) == ("p-000001", "credited", 9940, 9940)
    assert (found.business_date, found.payer, found.at) == ("2026-11-20", "ACQ", midnight(day_from("2026-11-21")))
    assert outcome.events[0].topic == "pos/v1/merchant/noodle/settlement"
    assert (outcome.read, outcome.taken, outcome.amount) == (1, 1, 9940)


@pytest.mark.parametrize(
    "words",
    [
        entry(details=detail(text="划付 p-000001, 谢谢")),
        entry(reference="p-000001"),
        entry(details=detail(text="batch 000727 of the day")),
        entry(details=detail(text="84329005812000A 结算款")),
        entry(details=detail(more="<RltdPties><Cdtr><Pty><Nm>shop 84329005812000A</Nm></Pty></Cdtr></RltdPties>")),
    ],
)
def test_the_ways_to_name_a_payout(wish: Any, words: str) -> None:
    outcome = statement.read(document(words), wish(told(batches=["000727"]), told("p-000002", 5000)))
    assert [one.id for one in events(outcome)] == ["p-000001"]


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (entry(details=detail(text="salary")), "unmatched"),
        (entry(), "unmatched"),
        (entry("99.39", detail(text="84329005812000A")), "unmatched"),
        (entry(details=detail(text="84329005812001A")), "unmatched"),
        (entry(details=detail(text="84329005812000A"), booked="<Dt>2026-12-24</Dt>"), "unmatched"),
        (entry(details=detail(text="84329005812000A"), booked="<Dt>2026-11-19</Dt>"), "unmatched"),
        (entry("100.00", detail(end_to_end="p-000001")), "changed"),
        (entry(currency="USD", details=detail(end_to_end="p-000001")), "currency"),
        (entry("1e2", detail(end_to_end="p-000001")), "amount"),
        (entry("-99.40", detail(end_to_end="p-000001")), "amount"),
        (entry("99.40001", detail(end_to_end="p-000001")), "amount"),
        (entry(details=detail(end_to_end="p-000001"), booked="<Dt>2026-02-30</Dt>"), "time"),
        (entry(details=detail() + detail()), "sum"),
        (entry(details=detail("50.00") + detail("49.39")), "sum"),
    ],
)
def test_what_does_not_fit_is_kept_aside(wish: Any, words: str, reason: str) -> None:
    outcome = statement.read(document(words), wish(told()))
    assert why(outcome) == [reason]
    assert outcome.events == []
    assert outcome.rejected[0].line == 2


def test_two_payouts_of_the_same_amount_are_not_guessed_between(wish: Any) -> None:
    known = wish(told(), told("p-000002", day="2026-11-19"))
    assert why(statement.read(document(entry(details=detail(text="84329005812000A"))), known)) == ["ambiguous"]
    assert [one.id for one in events(statement.read(document(entry(details=detail(text="p-000002"))), known))] == [
        "p-000002"
    ]


def test_one_id_at_two_merchants_needs_the_merchant_too(wish: Any) -> None:
    known = wish(told(), others=(("grill", told()),))
    assert why(statement.read(document(entry(details=detail(text="p-000001"))), known)) == ["ambiguous"]
    outcome = statement.read(document(entry(details=detail(text="p-000001 84329005812001A"))), known)
    assert outcome.events[0].topic == "pos/v1/merchant/grill/settlement"


def test_an_entry_counts_once_in_whichever_statement_it_stands(wish: Any) -> None:
    known = wish(told(), told("p-000002", 5000))
    first = entry(details=detail(text="84329005812000A"), reference="BANK-1")
    second = entry("50.00", detail(text="p-000002"))
    assert statement.read(document(first, second), known).taken == 2
    for again in (document(first, second), document(first, kind="054")):
        outcome = statement.read(again, known)
        assert (outcome.taken, outcome.repeated, outcome.rejected) == (0, outcome.read, [])


def test_a_second_credit_of_one_payout_is_shown_and_not_taken(wish: Any) -> None:
    one = entry(details=detail(end_to_end="p-000001"))
    outcome = statement.read(document(one + one), wish(told()))
    assert (outcome.taken, why(outcome)) == (1, ["claimed"])
    assert "credited already" in outcome.rejected[0].detail


def test_the_bank_confirms_what_the_acquirer_said(wish: Any) -> None:
    known = wish(told(), told(event="credited"))
    outcome = statement.read(document(entry(details=detail(end_to_end="p-000001"))), known)
    assert (outcome.repeated, outcome.events) == (1, [])
    other = wish(told(), told(event="credited", amount=9940))
    assert why(statement.read(document(entry("9.00", detail(end_to_end="p-000001"))), other)) == ["claimed"]


def test_a_smaller_credit_of_a_named_payout_is_short_paid(wish: Any) -> None:
    (found,) = events(statement.read(document(entry("90.00", detail(end_to_end="p-000001"))), wish(told())))
    assert (found.event, found.amount, found.expected) == ("credited", 9000, 9940)


def test_a_sum_for_several_payouts_is_divided_by_its_details(wish: Any) -> None:
    details = detail("99.40", end_to_end="p-000001") + detail("50.00", end_to_end="p-000002")
    known = wish(told(), told("p-000002", 5000))
    outcome = statement.read(document(entry("149.40", details, reference="B1")), known)
    assert [(one.id, one.amount) for one in events(outcome)] == [("p-000001", 9940), ("p-000002", 5000)]
    assert outcome.read == 2


def test_one_credit_for_all_parts_of_a_long_payout(wish: Any) -> None:
    parts = (told("imp-a.1of2", 4000), told("imp-a.2of2", 5940))
    outcome = statement.read(document(entry(details=detail(text="84329005812000A"))), wish(*parts))
    assert [(one.id, one.amount) for one in events(outcome)] == [("imp-a.1of2", 4000), ("imp-a.2of2", 5940)]
    assert why(statement.read(document(entry("90", detail(end_to_end="imp-a"))), wish(*parts))) == ["changed"]


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (
            entry(details=detail(end_to_end="p-000001", more="<RtrInf><Rsn><Cd>AC04</Cd></Rsn></RtrInf>")),
            "account_invalid",
        ),
        (
            entry(details=detail(end_to_end="p-000001", more="<RtrInf><Rsn><Cd>AC06</Cd></Rsn></RtrInf>")),
            "account_frozen",
        ),
        (entry(details=detail(end_to_end="p-000001"), sign="DBIT", reversal="<RvslInd>true</RvslInd>"), None),
    ],
)
def test_what_came_back_is_returned_and_never_credited(wish: Any, words: str, reason: str | None) -> None:
    (found,) = events(statement.read(document(words), wish(told())))
    assert (found.event, found.reason) == ("returned", reason)


def test_what_moves_no_money_of_a_payout_is_counted(wish: Any) -> None:
    outcome = statement.read(
        document(
            entry(sign="DBIT", details=detail() + detail()),
            entry("0.00000", detail(end_to_end="p-000001")),
            entry(status="PDNG", details=detail(end_to_end="p-000001")),
        ),
        wish(told()),
    )
    assert dict(outcome.ignored) == {"debit": 1, "zero": 1, "not_booked": 1}
    assert (outcome.events, outcome.rejected, outcome.idle) == ([], [], False)


def test_an_entry_without_a_date_has_that_of_its_notification() -> None:
    (found,) = camt.entries(document(entry(booked=""), kind="054"))
    assert isinstance(found, camt.Entry)
    assert found.day == day_from("2026-11-22")


def test_the_expected_booking_date(wish: Any) -> None:
    one = entry(details=detail(end_to_end="p-000001"), booked="<DtTm>2026-11-21T23:30:00+01:00</DtTm>")
    assert statement.read(document(one), wish(told(), date="2026-11-21")).taken == 1
    assert why(statement.read(document(one), wish(told(), date="2026-11-22"))) == ["date"]


def test_a_credit_is_never_older_than_its_payout(wish: Any) -> None:
    late = midnight(day_from("2026-11-21")) + 1000
    (found,) = events(statement.read(document(entry(details=detail(end_to_end="p-000001"))), wish(told(at=late))))
    assert found.at == late


def test_card_numbers_are_cut_in_what_is_kept(wish: Any) -> None:
    outcome = statement.read(
        document(entry(details=detail(text=f"card {CARD}"))), wish(told(rows=[PayoutRow(rrn="1")]))
    )
    assert CARD not in repr(outcome)
    assert "622202******7894" in outcome.rejected[0].cells[-1]


def test_chinese_encodings(wish: Any) -> None:
    text = document(entry(details=detail(text="划付p-000001"))).decode()
    head = '<?xml version="1.0" encoding="GB18030"?>'
    assert statement.read((head + text).encode("gb18030"), wish(told())).taken == 1


LOL = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10 if n else "lol"}">' for n in range(10))


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (document(entry(), head=f"<!DOCTYPE Document [{LOL}]>"), "document type"),
        (document(entry("&a9;"), head=f"<!DOCTYPE Document [{LOL}]>"), "document type"),
        (document(entry("&x;"), head='<!DOCTYPE Document [<!ENTITY x SYSTEM "file:///etc/passwd">]>'), "document type"),
        (document(entry(), head='<!DOCTYPE Document SYSTEM "http://127.0.0.1:9/x.dtd">'), "document type"),
        (f'<!DOCTYPE Document [{LOL}]><Document a="&a9;"/>'.encode(), "entities"),
        (f"<!DOCTYPE Document [{LOL}]><Document/>".encode("utf-16"), "document type"),
        (document(entry("&a9;")), "no whole XML"),
        (document(entry())[:-20], "truncated"),
        (b"<html><body/></html>", "begins with <html>"),
        (b"<Document><BkToCstmrAcctRpt/></Document>", "BkToCstmrAcctRpt"),
        (b"<Document><BkToCstmrStmt/></Document>", "no statement"),
        (b"<Document><BkToCstmrStmt>" + b"<a>" * 5000, "no whole XML"),
    ],
)
def test_bombs_foreign_and_broken_files_are_refused_whole(wish: Any, data: bytes, what: str) -> None:
    with pytest.raises(FileError, match=what):
        statement.read(data, wish(told()))
