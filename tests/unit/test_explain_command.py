"""`fleetmon explain` on the contract's sample: what a support agent reads, from a recording and from a daemon."""

import contextlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from fleetmon.cli import cli
from fleetmon.desk.slip import clock, day, fen
from fleetmon.locale import money
from fleetmon.readout.enquiry.enquiry import Party, matching

NOODLE = """\
Noodle (noodle), as of Friday 25 September at 18:40

6 sales, ¥1,895.93 in total, taken on Thursday 24 September from 20:50 to 22:18
Not late: due Saturday 26 September by 18:00. The mobile network"""


def explain(sample: Path, *arguments: str) -> Result:
    files = ["--recording", str(sample / "recording.ndjson"), "--registry", str(sample / "registry.yml")]
    return CliRunner().invoke(cli, ["explain", *files, *arguments])


def truth(sample: Path) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((sample / "truth.json").read_text())
    return read


def test_the_answer_comes_first_then_who_acts_what_next_and_when(sample: Path) -> None:
    shown = explain(sample, "--merchant", "noodle")
    assert shown.exit_code == 0, shown.stderr
    assert shown.stdout.startswith(NOODLE)
    assert (
        "from 20:28 to 23:15, so the money reached the bank late and counts with the sales of Friday 25 September."
        in shown.stdout
    )
    labels = [line.split(":")[0] for line in shown.stdout.splitlines()[4:9]]
    assert labels == ["Where it is", "Who acts", "Next step", "When to ask again", "The first of them"]
    assert "call again after Saturday 26 September at 18:30." in shown.stdout
    assert "  99%  mobile network down\n    Thursday 24 September from 20:25 to 23:15  terminal" in shown.stdout


def test_in_chinese(sample: Path) -> None:
    shown = explain(sample, "--merchant", "florist", "--lang", "zh")
    sales, said = shown.stdout.splitlines()[2:4]
    assert sales == "4 笔交易，合计¥1,430.65，在9月24日（周四）19:10至20:08期间收款"
    assert said.startswith("款项未逾期，应于9月28日（周一）18:00前到账。周末和法定节假日银行不清算，")
    assert said.endswith("，9月24日（周四）的交易顺延到下一个工作日到账。")


@pytest.mark.parametrize("said", ["Noodle", "NOOD", "84329005812000A", "noodle"])
def test_a_merchant_is_found_by_what_people_know(said: str, sample: Path) -> None:
    assert explain(sample, "--merchant", said).stdout.startswith("Noodle (noodle)")


def test_one_who_is_named_in_full_stands_alone() -> None:
    rows = [Party("a", "Noodle"), Party("b", "Noodle House"), Party("c", "Noodle"), Party("d")]
    assert [one.id for one in matching(rows, "noodle house")] == ["b"]
    assert [one.id for one in matching(rows, " NOODLE ")] == ["a", "c"]
    assert [one.id for one in matching(rows, "nood")] == ["a", "b", "c"]
    assert matching(rows, "") == matching(rows, " ") == []


def test_several_are_listed_and_nobody_is_said(sample: Path) -> None:
    several = explain(sample, "--merchant", "oo")
    assert (several.exit_code, several.stdout) == (2, "")
    assert several.stderr.splitlines()[1:] == ["  Books (books)  84329005942002A", "  Noodle (noodle)  84329005812000A"]
    nobody = explain(sample, "--merchant", "nobody")
    assert (nobody.exit_code, nobody.stderr) == (1, 'No merchant fits "nobody".\n')


def test_a_sale_is_found_by_its_number_even_if_it_is_paid(sample: Path) -> None:
    (answer,) = json.loads(
        explain(sample, "--merchant", "noodle", "--format", "json", "--transaction", "noodle-1-2").stdout
    )["explanations"]
    by_rrn = explain(sample, "--merchant", "noodle", "--rrn", answer["rrn"])
    assert "\n1 sale, ¥201.44\n" in by_rrn.stdout
    in_chinese = explain(sample, "--merchant", "noodle", "--rrn", answer["rrn"], "--lang", "zh").stdout.splitlines()
    assert in_chinese[2] == "1 笔交易，¥201.44"
    assert in_chinese[8].startswith("交易明细：¥201.44，终端 noodle-1，")
    terminal, transaction = truth(sample)["paid"][0]
    shown = explain(sample, "--merchant", terminal.split("-")[0], "--transaction", transaction)
    assert shown.exit_code == 0, shown.stderr
    assert "\nPaid: credited on " in shown.stdout


def test_a_date_is_the_day_of_the_sale(sample: Path) -> None:
    assert explain(sample, "--merchant", "noodle", "--date", "2026-09-24").stdout.startswith(NOODLE)
    nothing = explain(sample, "--merchant", "noodle", "--date", "2026-09-23")
    assert (nothing.exit_code, "no sale that is unpaid" in nothing.stderr) == (1, True)
    assert explain(sample, "--merchant", "noodle", "--date", "someday").exit_code == 2


def test_a_sale_is_found_by_amount_and_time_of_day(sample: Path) -> None:
    shown = explain(sample, "--merchant", "noodle", "--amount", "201.44", "--at", "21:00", "--date", "2026-09-24")
    assert (shown.exit_code, shown.stdout.count("\n1 sale, ¥201.44\n")) == (0, 1)
    paid = explain(sample, "--merchant", "noodle", "--amount", "¥133.24", "--at", "20:13")
    assert (paid.exit_code, "\nPaid: credited on " in paid.stdout) == (0, True)


def test_when_none_fits_what_is_nearest_is_told_in_the_language_asked_for(sample: Path) -> None:
    question = ["--merchant", "noodle", "--amount", "12,850", "--at", "20:30", "--date", "2026-09-24"]
    shown = explain(sample, *question, "--lang", "zh")
    assert (shown.exit_code, shown.stderr) == (1, "")
    lines = shown.stdout.splitlines()
    assert lines[0] == "Noodle（noodle）：没有查到9月24日（周四）20:30前后金额为¥12,850.00的交易。"
    assert "  9月24日（周四）20:13　¥133.24　终端 noodle-6：已到账，参考号 801042330506" in lines
    assert any(line.startswith("9月24日（周四）20:25至23:15期间曾失联的终端：noodle-1、noodle-2、") for line in lines)
    answer = json.loads(explain(sample, *question, "--format", "json").stdout)
    assert answer["explanations"] == []
    assert answer["nearest"]["texts"]["zh"] == lines


@pytest.mark.parametrize(
    ("said", "meant"),
    [("12850", 1_285_000), ("12,850.5", 1_285_050), ("¥0.07", 7), ("￥1,012,850.29", 101_285_029), ("0.29", 29)],
)
def test_an_amount_is_counted_from_its_digits(said: str, meant: int) -> None:
    assert fen(said) == meant


@given(st.integers(0, 10**11 - 1))
def test_every_amount_is_read_as_it_is_written(amount: int) -> None:
    yuan, rest = divmod(amount, 100)
    assert fen(f"{yuan}.{rest:02}") == fen(f"¥{yuan:,}.{rest:02}") == amount
    assert fen(money(amount, "zh")) == fen(money(amount, "en")) == amount, "as our own answers show it"
    assert fen(str(yuan)) == amount - rest


@given(st.text())
def test_what_is_read_as_an_amount_has_been_digits(said: str) -> None:
    with contextlib.suppress(typer.BadParameter):
        digits = "".join(letter for letter in said if letter in "0123456789")
        assert str(fen(said)).rstrip("0") == digits.lstrip("0").rstrip("0") or not fen(said)


@pytest.mark.parametrize(
    "said", ["", "元", "-1", "1.234", "1e3", "12 850", "12,85", "12.850,00", "NaN", "\uff11\uff12", "1" * 13]
)
def test_what_is_no_amount_is_refused_with_a_remedy(said: str, sample: Path) -> None:
    shown = explain(sample, "--merchant", "noodle", f"--amount={said}")
    assert (shown.exit_code, "12850.50" in shown.stderr) == (2, True), shown.stderr


def test_a_time_of_day_is_read_as_people_write_it(sample: Path) -> None:
    assert [clock(said) for said in ("18:30", "6:05", "18：30", "00:00")] == ["18:30", "06:05", "18:30", "00:00"]
    spoken = (
        "6:30pm",
        "下午6点半",
        "18点",
        "晚上8:05",
        "中午12点",
        "中午1点",
        "12am",
        "12 PM",
        "凌晨12点",
        "上午9时05分",
        "晚上1点",
        "下午3:30",
    )
    meant = ["18:30", "18:30", "18:00", "20:05", "12:00", "13:00", "00:00", "12:00", "00:00", "09:05", "01:00", "15:30"]
    assert [clock(said) for said in spoken] == meant
    for said in ("24:00", "18:60", "1830", "18:30:00", "18", "half six", ""):
        shown = explain(sample, "--merchant", "noodle", f"--at={said}")
        assert (shown.exit_code, "as 18:30" in shown.stderr) == (2, True), shown.stderr


def test_a_day_is_read_as_people_say_it(sample: Path) -> None:
    now = 1_795_921_200_000  # 29 November 2026, 11:00 in China
    said = (
        "2026-11-28",
        "11-28",
        "11月28日",
        "2026年11月28日",
        "yesterday",
        "昨天",
        "today",
        "前天",
        "12-01",
        " 2-29 ",
    )
    meant = [*["2026-11-28"] * 6, "2026-11-29", "2026-11-27", "2025-12-01"]
    assert [day(one, now) for one in said[:-1]] == meant, "a day without a year is the last one that was"
    assert day("2-29", 1_900_000_000_000 - 59 * 86_400_000 * 12) == "2028-02-29"
    for wrong in ("2026-02-30", "2-29", "2026-13-01", "11/28/2026", "soon", ""):
        with pytest.raises(typer.BadParameter, match="2026-11-28"):
            day(wrong, now)
    assert explain(sample, "--merchant", "noodle", "--date", "2026-9-24").exit_code == 0


def test_where_nothing_is_open_the_last_days_are_told(sample: Path) -> None:
    shown = explain(sample, "--merchant", "books")
    assert (shown.exit_code, shown.stdout) == (1, "")
    assert shown.stderr.splitlines()[1:] == ["  Thursday 24 September: 4 sales, ¥1,409.85, all paid out"]
    in_chinese = explain(sample, "--merchant", "books", "--lang", "zh").stderr.splitlines()
    assert in_chinese[1:] == ["  9月24日（周四）：4 笔交易，合计¥1,409.85，已全部到账"]
    assert len(explain(sample, "--merchant", "books", "--rrn", "1").stderr.splitlines()) == 1


def test_on_call_is_told_more_than_a_merchant(sample: Path) -> None:
    shown = explain(sample, "--merchant", "noodle", "--for", "on-call", "--transaction", "noodle-1-2").stdout
    assert "; RRN " in shown
    assert "RRN" not in explain(sample, "--merchant", "noodle").stdout


def test_json_has_the_contracts_explanations_with_their_texts(sample: Path) -> None:
    shown = json.loads(explain(sample, "--merchant", "noodle", "--format", "json").stdout)
    wanted = {one["transaction"]: one for one in truth(sample)["explanations"] if one["merchant"] == "noodle"}
    assert {one["transaction"] for one in shown["explanations"]} == wanted.keys()
    for one in shown["explanations"]:
        assert one["findings"][0]["cause"] == wanted[one["transaction"]]["cause"]
        assert one["findings"][0]["remedy"].startswith("Call the carrier")
        assert one["day"] == "2026-09-25"
        assert set(one["texts"]) == {"en", "zh"}
        assert set(one["texts"]["en"]) == {"headline", "sentence", "evidence", "next_step", "who", "call_again"}


def test_a_recording_wants_its_registry(sample: Path, tmp_path: Path) -> None:
    alone = CliRunner().invoke(cli, ["explain", "--merchant", "x", "--recording", str(sample / "recording.ndjson")])
    assert (alone.exit_code, "go together" in alone.stderr) == (2, True)
    files = ["--recording", str(tmp_path / "none"), "--registry", str(sample / "registry.yml")]
    missing = CliRunner().invoke(cli, ["explain", "--merchant", "x", *files])
    assert (missing.exit_code, "cannot be read" in missing.stderr) == (1, True)


@contextmanager
def daemon(known: list[dict[str, Any]], asked: list[str]) -> Iterator[str]:
    """A server with the API's form: settlements in pages of one, behind a token."""

    class Api(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            address = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(address.query).items()}
            if self.headers["Authorization"] != "Bearer secret":
                self.answer(401, {})
            elif address.path.endswith("/merchants"):
                merchant = {"id": "noodle", "name": "Noodle", "number": "1", "acquirer": "A", "registered": True}
                known_as = [merchant] if query["q"] in "noodle" else []
                self.answer(200, {"merchants": known_as, "next": None})
            elif not known:
                self.answer(200, {"settlements": [], "next": None, "complete": True})
            else:
                place = int(query.get("cursor", "0"))
                more = {"name": "Noodle", "number": "1", "acquirer": "A", "at_risk": None, "payout": None}
                following = str(place + 1) if place + 1 < len(known) else None
                self.answer(200, {"settlements": [known[place] | more], "next": following, "complete": True})

        def answer(self, status: int, body: dict[str, Any]) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Api)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_daemon_is_asked_over_its_api(sample: Path, tmp_path: Path) -> None:
    known = json.loads(explain(sample, "--merchant", "noodle", "--format", "json").stdout)["explanations"]
    recorded = explain(sample, "--merchant", "noodle").stdout.splitlines()
    (tmp_path / "token").write_text("secret\n")
    asked: list[str] = []
    with daemon(known[::-1], asked) as url:
        command = ["explain", "--merchant", "nood", "--date", "2026-09-24", "--url", url]
        shown = CliRunner().invoke(cli, [*command, "--token-file", str(tmp_path / "token")])
        refused = CliRunner().invoke(cli, command)
    assert shown.exit_code == 0, shown.stderr
    assert shown.stdout.splitlines()[1:] == recorded[1:]  # the first line tells the time
    question = "/api/v1/settlements?merchant=nood&date=2026-09-24&for=merchant"
    assert asked[0] == "/api/v1/merchants?q=nood"
    assert asked[1:7] == [question, *(f"{question}&cursor={place}" for place in range(1, 6))]
    assert (refused.exit_code, "--token-file" in refused.stderr) == (1, True)
    gone = CliRunner().invoke(cli, command)
    assert (gone.exit_code, gone.stderr.startswith(f"fleetmon: {url}/api/v1/merchants: nobody can")) == (1, True)
    assert "--url" in gone.stderr


def test_a_daemon_knows_a_merchant_without_a_sale_that_fits(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("secret\n")
    asked: list[str] = []
    with daemon([], asked) as url:
        command = ["explain", "--url", url, "--token-file", str(tmp_path / "token"), "--rrn", "1", "--merchant"]
        known = CliRunner().invoke(cli, [*command, "nood"])
        nobody = CliRunner().invoke(cli, [*command, "grill"])
        remembered = ["--amount", "12850", "--at", "6:30", "--merchant", "nood"]
        CliRunner().invoke(cli, [*command[:-1], *remembered])
    assert "merchant=nood&rrn=1&amount=1285000&at=06:30&for=merchant" in asked[-1], asked
    assert (known.exit_code, known.stderr.split(":")[0]) == (1, "Noodle (noodle)")
    assert (nobody.exit_code, nobody.stderr) == (1, 'No merchant fits "grill".\n')
