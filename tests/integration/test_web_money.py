"""Where the money is, over real HTTP: what is not paid and why, whose it is, and sums by business date."""

import asyncio
import hashlib
import json
import re
import time
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import aiohttp
import pytest
from msgspec.structs import replace

from fleetmon.desk import daemon
from fleetmon.engine.money import arrears
from fleetmon.ingest.settings import MqttSettings
from fleetmon.model.days import date_of, day_of
from fleetmon.model.errors import SinkError
from fleetmon.model.registry import Provider, Registry
from fleetmon.readout.enquiry.enquiry import Enquiry
from fleetmon.readout.readout import Readout
from fleetmon.web.access import Token, Tokens
from fleetmon.web.settings import WebSettings

Say = Callable[..., Awaitable[None]]
DAY, HOUR, MINUTE = 86_400_000, 3_600_000, 60_000
SECRET = "second.5d1f~secret"
TOKENS = Tokens([
    Token("all", hashlib.sha256(b"all").hexdigest(), "viewer"),
    Token("second", hashlib.sha256(SECRET.encode()).hexdigest(), "viewer", "field-2"),
])  # fmt: skip


def time_of(at: int) -> str:
    """`18:30` in China."""
    minutes = (at + 8 * HOUR) % DAY // MINUTE
    return f"{minutes // 60:02}:{minutes % 60:02}"


class Answer(NamedTuple):
    status: int
    headers: Any
    json: Any


class Shop:
    """A daemon, and terminals that sell."""

    def __init__(self, running: Any, port: int, say: Say, who: str) -> None:
        self.running = running
        self._port, self._say, self._who = port, say, who
        self._seq = 0
        self.now = time.time_ns() // 1_000_000

    async def sale(self, terminal: str, key: str, stage: str, ago: int = 0, **more: Any) -> None:
        """One stage, told now; the host's approval was `ago` ms before."""
        self._seq += 1
        at = self.now - min(ago, HOUR)
        body = {"at": at, "boot": 1, "seq": self._seq, "id": key, "kind": "sale", "stage": stage, "amount": 1000}
        approved = {"host_at": self.now - ago} if stage in ("approved", "uploaded") else {}
        await self._say(self._port, f"terminal/{terminal}/transaction", body | approved | more)
        books, merchant = self.running.daemon.engine.explainer.ledger.books, terminal.partition("-")[0]

        def known() -> object:
            return merchant in books and getattr(books[merchant].sales.get((terminal, key)), stage, 0)

        await self.running.until(known, f"{key} is {stage}")

    async def told(self, topic: str, **body: Any) -> None:
        """Anything else."""
        await self._say(self._port, topic, {"at": self.now, **body})

    async def get(self, path: str, who: str | None = None, **headers: str) -> Answer:
        url = f"http://127.0.0.1:{self.running.daemon.port}/api/v1/{path}"
        headers["Authorization"] = f"Bearer {who or self._who}"
        async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as answer:
            return Answer(answer.status, answer.headers, json.loads(await answer.text() or "null"))

    async def listed(self, query: str = "", who: str | None = None) -> list[str]:
        answer = await self.get(f"settlements{query}", who)
        assert answer.status == 200, answer.json
        return [row["transaction"] for row in answer.json["settlements"]]


@pytest.fixture
def sample_registry(sample_registry: Registry) -> Registry:
    """The sample's fleet, but the terminals of the books shop are another provider's."""
    terminals = [
        replace(row, provider="field-2") if row.merchant == "books" else row for row in sample_registry.terminals
    ]
    return replace(sample_registry, terminals=terminals, providers=[*sample_registry.providers, Provider("field-2")])


@pytest.fixture
async def shop(start: Any, mosquitto: Any, say: Say, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """Money is judged at once, without waiting for what the broker may have kept."""
    monkeypatch.setattr(arrears, "CATCH_UP", 0)
    web = WebSettings(port=0, tokens_file="tokens.yml")
    running = start(mqtt=MqttSettings(port=mosquitto.port), web=web, tokens=TOKENS)
    await running.until_ready()
    return Shop(running, mosquitto.port, say, "all")


@pytest.fixture
async def open_sales(shop: Shop) -> Shop:
    """One late, one in a terminal, one at the host, one refused, and one that is paid."""
    await shop.sale("noodle-1", "late", "approved", 4 * DAY, rrn="000000000001")
    await shop.sale("noodle-1", "paid", "approved", 5 * DAY, rrn="000000000002")
    await shop.sale("noodle-2", "kept", "stored", HOUR)
    await shop.sale("books-1", "fresh", "approved", MINUTE, rrn="000000000003")
    await shop.sale("books-1", "refused", "declined", response="51")
    await shop.told(
        "merchant/noodle/settlement", id="P1", business_date=date_of(day_of(shop.now - 5 * DAY)), event="credited",
        amount=1000, payer="ACQ-A", rows=[{"rrn": "000000000002", "amount": 1000}],
    )  # fmt: skip
    engine = shop.running.daemon.engine
    await shop.running.until(lambda: engine.explainer.ledger.books["noodle"].payouts, "the payout is known")
    await shop.running.until(lambda: "noodle" in engine.arrears.late_merchants, "money is late")
    return shop


async def test_what_is_not_paid_is_listed_with_its_explanation(open_sales: Shop) -> None:
    answer = await open_sales.get("settlements")
    rows = {row["transaction"]: row for row in answer.json["settlements"]}
    assert list(rows) == ["fresh", "refused", "late", "kept"], "by merchant, terminal and id"
    late = rows["late"]
    assert (late["merchant"], late["name"], late["number"], late["acquirer"]) == (
        *("noodle", "Noodle", "84329005812000A"),
        "ACQ-A",
    )
    assert (late["state"], late["at_risk"], late["payout"], late["rrn"]) == ("overdue", None, None, "000000000001")
    assert late["findings"][0]["cause"] in {"credit_missing", "unknown"}
    assert set(late["texts"]) == {"zh", "en"}
    assert all(late["texts"]["zh"].values())
    assert (rows["kept"]["state"], rows["kept"]["stage"], rows["kept"]["at_risk"]) == (
        *("not_due", "terminal"),
        "in_terminal",
    )
    assert (rows["refused"]["state"], rows["refused"]["findings"][0]["cause"]) == ("declined", "card_declined")
    again = await open_sales.get("settlements", **{"If-None-Match": answer.headers["ETag"]})
    assert again.status in (200, 304)


FILTERS: tuple[tuple[str, list[str]], ...] = (
    ("?merchant=noodle", ["late", "kept"]),
    ("?merchant=84329005942002A", ["fresh", "refused"]),
    ("?merchant=OOD", ["late", "kept"]),
    ("?merchant=nobody", []),
    ("?late=true", ["late"]),
    ("?late=false&merchant=noodle", ["kept"]),
    ("?at_risk=true", ["kept"]),
    ("?cause=card_declined", ["refused"]),
    ("?acquirer=ACQ-A&late=true", ["late"]),
    ("?acquirer=ACQ-B", []),
    ("?date=2020-01-01", []),
    ("?rrn=000000000002", ["paid"]),
    ("?merchant=noodle&transaction=paid", ["paid"]),
    ("?amount=1000", ["fresh", "refused", "late", "paid", "kept"]),
    ("?amount=1000&merchant=books&cause=card_declined", ["refused"]),
    ("?amount=1001", []),
)


async def test_filters_narrow_together(open_sales: Shop) -> None:
    for query, wanted in FILTERS:
        assert await open_sales.listed(query) == wanted, query
    today = date_of(day_of(open_sales.now - MINUTE))
    assert "fresh" in await open_sales.listed(f"?date={today}")
    wrong = await open_sales.get("settlements?date=yesterday")
    assert (wrong.status, wrong.headers["Content-Type"]) == (400, "application/problem+json")
    assert (await open_sales.get("settlements?lat=true")).status == 400
    far = "merchant=books&date=0000-03-01&amount=1", f"merchant=books&amount={10**40}"
    for query in ("date=2026-02-30", "at=24:00", "at=6:30", "amount=10.5", "amount=-1", *far):
        assert (await open_sales.get(f"settlements?{query}")).status == 400, query
    assert (await open_sales.get("settlements?cursor=ImEi")).status == 400, "of another list"


async def test_by_the_time_of_day_and_what_is_nearest_when_none_fits(open_sales: Shop) -> None:
    taken, day = time_of(open_sales.now - MINUTE), date_of(day_of(open_sales.now - MINUTE))
    assert "fresh" in await open_sales.listed(f"?merchant=books&at={taken}&date={day}")
    other = time_of(open_sales.now + 6 * HOUR)
    assert await open_sales.listed(f"?merchant=books&at={other}") == []
    page = (await open_sales.get(f"settlements?merchant=books&amount=77&at={taken}&date={day}")).json
    assert [one["transaction"] for one in page["nearest"]["sales"]] == ["fresh", "refused"]
    assert page["nearest"]["texts"]["zh"][0].startswith("Books（books）：没有查到")
    others = "merchant=books&amount=1000&late=true", "merchant=books&amount=77&cause=bank_return"  # there may be such
    for query in ("merchant=books&rrn=1", "amount=77", "merchant=books&amount=1000", "merchant=oo&amount=77", *others):
        assert (await open_sales.get(f"settlements?{query}")).json["nearest"] is None, query
    assert (await open_sales.get("settlements?merchant=noodle&amount=77", SECRET)).json["nearest"] is None


async def test_pages_miss_and_repeat_nobody_while_others_sell(open_sales: Shop) -> None:
    found, path = [], "settlements?limit=1"
    while path:
        answer = await open_sales.get(path)
        found += [row["transaction"] for row in answer.json["settlements"]]
        link = re.search(r"/api/v1/(settlements\?[^>]+)>", answer.headers.get("Link", ""))
        path = link[1] if link else ""
        if len(found) == 1:
            await open_sales.sale("florist-1", "another", "approved", MINUTE)
    assert found == ["fresh", "refused", "another", "late", "kept"]


async def test_one_transaction_is_explained_even_if_it_is_paid(open_sales: Shop) -> None:
    paid = (await open_sales.get("transactions/noodle-1/paid/explanation")).json
    assert (paid["state"], paid["stage"], paid["due_at"] < open_sales.now) == ("paid", "done", True)
    assert paid["payout"] == {
        "id": "P1", "event": "credited", "at": open_sales.now, "amount": 1000, "payer": "ACQ-A", "reason": "",
    }  # fmt: skip
    kept = (await open_sales.get("transactions/noodle-2/kept/explanation?for=on-call")).json
    assert kept["texts"]["en"] != (await open_sales.get("transactions/noodle-2/kept/explanation")).json["texts"]["en"]
    for path in ("noodle-1/nothing", "nobody/late", "books-1/late"):
        missing = await open_sales.get(f"transactions/{path}/explanation")
        assert (missing.status, missing.json["detail"]) == (404, "There is no such transaction.")


async def test_whatever_is_done_with_a_sale_has_an_answer(shop: Shop) -> None:
    """Nothing that a terminal can say leads to a fault of ours."""
    await shop.sale("noodle-1", "s", "approved", DAY)
    for kind in ("void", "refund", "preauth", "completion", "reversal"):
        for stage in ("requested", "declined", "unanswered", "stored", "uploaded", "approved"):
            await shop.sale("noodle-1", f"{kind}-{stage}", stage, DAY, kind=kind, original="s", response="ZZ")
            answer = await shop.get(f"transactions/noodle-1/{kind}-{stage}/explanation")
            assert answer.status in (200, 404), answer.json
            if answer.status == 200:
                assert answer.json["findings"]
    assert (await shop.get("transactions/noodle-1/reversal-approved/explanation")).status == 404
    assert (await shop.get("transactions/noodle-1/s/explanation")).json["state"] == "cancelled"
    listed = (await shop.get("settlements")).json["settlements"]
    for row in listed:
        path = f"transactions/{row['terminal']}/{row['transaction']}/explanation"
        assert (await shop.get(path)).status == 200, "what is listed can be asked for"


async def test_merchants_are_found_by_name_number_or_id(open_sales: Shop) -> None:
    async def names(query: str, who: str | None = None) -> list[str]:
        return [row["id"] for row in (await open_sales.get(f"merchants{query}", who)).json["merchants"]]

    assert await names("") == ["books", "florist", "grill", "noodle"]
    assert await names("?q=NOODLE") == await names("?q=84329005812000A") == ["noodle"]
    assert await names("?q=oo") == ["books", "noodle"]
    assert await names("?q=nobody") == []
    assert await names("", SECRET) == ["books"]
    first = (await open_sales.get("merchants?limit=3")).json
    assert await names(f"?limit=3&cursor={first['next']}") == ["noodle"]


async def test_sums_by_business_date(open_sales: Shop) -> None:
    one = (await open_sales.get("merchants/noodle/settlements")).json
    assert (one["id"], one["name"], one["registered"]) == ("noodle", "Noodle", True)
    by_date = {day["date"]: day for day in one["days"]}
    assert list(by_date) == sorted(by_date, reverse=True)
    sums = [[day[name]["count"] for name in ("expected", "paid", "overdue", "at_risk")] for day in one["days"]]
    assert sums == [[1, 0, 0, 1], [1, 0, 1, 0], [1, 1, 0, 0]]
    assert one["next_due_at"] == one["days"][0]["due_at"] > open_sales.now
    assert (await open_sales.get("merchants/nobody/settlements")).status == 404
    grill = (await open_sales.get("merchants/grill/settlements")).json
    assert (grill["days"], grill["next_due_at"]) == ([], None)


async def test_a_provider_sees_the_money_of_its_own_terminals(open_sales: Shop) -> None:
    assert await open_sales.listed("", SECRET) == ["fresh", "refused"]
    assert await open_sales.listed("?merchant=noodle", SECRET) == []
    hidden = await open_sales.get("transactions/noodle-1/late/explanation", SECRET)
    missing = await open_sales.get("transactions/nobody/nothing/explanation", SECRET)
    assert (hidden.status, hidden.json) == (404, missing.json), "not even that it is there"
    assert (await open_sales.get("transactions/books-1/fresh/explanation", SECRET)).status == 200
    assert (await open_sales.get("merchants/noodle/settlements", SECRET)).status == 404
    assert (await open_sales.get("merchants/books/settlements", SECRET)).status == 200
    assert (await open_sales.get("settlements", "stranger")).status == 401


async def test_a_sale_of_a_terminal_that_has_moved_is_still_explained(open_sales: Shop) -> None:
    open_sales.running.daemon.engine.fleet.terminals["noodle-2"].merchant = "grill"
    kept = await open_sales.get("transactions/noodle-2/kept/explanation")
    assert (kept.status, kept.json["merchant"]) == (200, "noodle")


async def test_the_support_desk_asks_a_daemon(open_sales: Shop) -> None:
    url = f"http://127.0.0.1:{open_sales.running.daemon.port}"
    found = await daemon.ask(url, "all", Enquiry("Noodle"), open_sales.now)
    assert [one.name for one in found.merchants] == ["Noodle"]
    assert sorted(one.transaction for one in found.explanations) == ["kept", "late"]
    several = await daemon.ask(url, "all", Enquiry("oo"), open_sales.now)
    assert [one.id for one in several.merchants] == ["books", "noodle"]
    another_day = await daemon.ask(url, "all", Enquiry("Noodle", "2020-01-01"), open_sales.now)
    assert ([one.id for one in another_day.merchants], another_day.explanations) == (["noodle"], [])
    assert [(day.expected.count, day.paid.count) for day in another_day.days] == [(1, 0), (1, 0), (1, 1)]
    paid = await daemon.ask(url, "all", Enquiry("noodle", rrn="000000000002"), open_sales.now)
    assert [one.state for one in paid.explanations] == ["paid"]
    by_amount = await daemon.ask(url, "all", Enquiry("noodle", amount=1000, at=time_of(open_sales.now)), open_sales.now)
    assert {one.transaction for one in by_amount.explanations} <= {"late", "paid", "kept"}
    nothing = await daemon.ask(url, "all", Enquiry("noodle", amount=77), open_sales.now)
    assert (nothing.explanations, nothing.nearest is None) == ([], False)


async def test_before_all_is_read_back_nothing_is_said_to_be_unknown(
    open_sales: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Readout, "recalled", lambda _: False)
    page = (await open_sales.get("settlements?merchant=books&amount=77")).json
    assert (page["complete"], page["nearest"]) == (False, None)
    url = f"http://127.0.0.1:{open_sales.running.daemon.port}"
    for question in (Enquiry("books", amount=77), Enquiry("grill")):
        with pytest.raises(SinkError, match="启动前的记录仍在读取"):
            await daemon.ask(url, "all", question, open_sales.now, "zh")
    assert (await daemon.ask(url, "all", Enquiry("books", amount=1000), open_sales.now)).explanations


async def test_the_sums_stand_in_the_metrics(open_sales: Shop) -> None:
    await open_sales.sale("books-2", "odd", "declined", response="Q7", acquirer="ACQ-A")
    text = (await open_sales.running.get("/metrics"))[1]
    for line in (
        r'fleetmon_settlement_overdue\{acquirer="ACQ-A",cause="\w+"\} 1\.0',
        r'fleetmon_settlement_overdue_amount_fen\{acquirer="ACQ-A",cause="\w+"\} 1000\.0',
        r'fleetmon_settlement_at_risk_amount_fen\{acquirer="ACQ-A",reason="in_terminal"\} 1000\.0',
        r'fleetmon_response_codes_unknown_total\{acquirer="ACQ-A"\} 1\.0',
        r"fleetmon_settlement_next_due_timestamp_seconds 1\.\d+e\+09",
        r"fleetmon_calendar_known_until_timestamp_seconds \d",
        r"fleetmon_ledger_open_sales 3\.0",
        r"fleetmon_ledger_conflicts_total 0\.0",
    ):
        assert re.search(f"^{line}", text, re.MULTILINE), f"{line} is not in\n{text}"


async def test_a_walk_through_everybody_lets_others_have_their_turn(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    await shop.sale("noodle-1", "first", "approved", DAY)
    book = shop.running.daemon.engine.explainer.ledger.book("noodle")
    pattern = book.sales["noodle-1", "first"]
    for number in range(2_000):
        key = f"s{number:05}"
        book.sales["noodle-1", key] = replace(pattern, id=key)
    monkeypatch.setattr("fleetmon.readout.slices.STEP_S", -1)  # each sale took long enough
    turns, over = 0, False

    async def look() -> None:
        nonlocal turns
        while not over:
            await asyncio.sleep(0)
            turns += 1

    looking = asyncio.create_task(look())
    assert await shop.listed("?cause=tamper&limit=1") == []
    over = True
    await looking
    assert turns >= 2_000
