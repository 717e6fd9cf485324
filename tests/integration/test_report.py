"""The morning report over real HTTP and from the command line: for whom, in which form, and what is refused."""

import asyncio
import hashlib
import json
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import aiohttp
import pytest
from msgspec.structs import replace
from structlog.testing import capture_logs

from fleetmon.ingest.settings import MqttSettings
from fleetmon.model.registry import Provider, Registry
from fleetmon.sinks.notices import RouteSettings
from fleetmon.web.access import Token, Tokens
from fleetmon.web.report.settings import ReportSettings
from fleetmon.web.settings import WebSettings

Say = Callable[..., Awaitable[None]]
TOKENS = Tokens([
    Token("all", hashlib.sha256(b"all").hexdigest(), "viewer"),
    Token("second", hashlib.sha256(b"second").hexdigest(), "viewer", "field-2"),
])  # fmt: skip
TAMPER = {"component": "security", "code": "Tamper", "action": "set"}


class Answer(NamedTuple):
    status: int
    kind: str
    text: str


@pytest.fixture
def sample_registry(sample_registry: Registry) -> Registry:
    """The terminals of the books shop are another provider's."""
    rows = [replace(row, provider="field-2") if row.merchant == "books" else row for row in sample_registry.terminals]
    return replace(sample_registry, terminals=rows, providers=[*sample_registry.providers, Provider("field-2")])


async def ask(running: Any, query: str = "", who: str | None = "all") -> Answer:
    url = f"http://127.0.0.1:{running.daemon.port}/api/v1/report{query}"
    headers = {"Authorization": f"Bearer {who}"} if who else {}
    async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as answer:
        return Answer(answer.status, answer.content_type, await answer.text())


@pytest.fixture
async def running(start: Any, mosquitto: Any, say: Say) -> Any:
    """Two terminals of two providers were heard; one of them was opened."""
    web = WebSettings(port=0, tokens_file="tokens.yml")
    one = start(mqtt=MqttSettings(port=mosquitto.port), web=web, tokens=TOKENS)
    await one.until_ready()
    now = time.time_ns() // 1_000_000
    for key in ("noodle-1", "books-1"):
        await say(mosquitto.port, f"terminal/{key}/heartbeat", {"at": now, "boot": 1, "seq": 1})
    await say(mosquitto.port, "terminal/noodle-1/device", {"at": now, "boot": 1, "seq": 2, **TAMPER})
    await one.until(lambda: one.told == ["tamper firing"], "the incident")
    terminals = one.daemon.engine.fleet.terminals
    await one.until(lambda: terminals["books-1"].last_seen, "both are heard")
    return one


async def test_a_report_says_what_is_and_only_to_whom_it_concerns(running: Any) -> None:
    everybody, second = [json.loads((await ask(running, who=who)).text) for who in ("all", "second")]
    assert (everybody["format"], everybody["zone"], everybody["provider"]) == (1, "Asia/Shanghai", None)
    assert everybody["end"].endswith("+08:00")
    assert (everybody["payments"]["expected"], everybody["payments"]["terminals"]) == (2, 18)
    assert [one["kind"] for one in everybody["happened"]] == ["tamper"]
    assert everybody["open"] == [everybody["happened"][0]["id"]]
    assert everybody["data"]["trouble"] is None
    assert everybody["data"]["last_message_at"] is not None
    assert (second["provider"], second["payments"]["expected"], second["happened"]) == ("field-2", 1, [])
    assert "noodle" not in json.dumps(second)


async def test_it_needs_a_token_and_a_question_that_makes_sense(running: Any) -> None:
    assert (await ask(running, who=None)).status == 401
    assert (await ask(running, who="nobody")).status == 401
    spans = [f"?since={said}" for said in ("1w", "0h", "32d", "24h%0A", "1%D9%A3h")]
    for query in (*spans, "?format=pdf", "?lang=fr", "?from=1"):
        answer = await ask(running, query)
        assert (answer.status, answer.kind) == (400, "application/problem+json"), query
    assert (await ask(running, "?since=31d")).status == 200


async def test_the_forms_for_people(running: Any) -> None:
    text = await ask(running, "?format=text")
    assert (text.status, text.kind) == (200, "text/plain")
    assert "Is the fleet taking payments?" in text.text
    page = await ask(running, "?format=html&lang=zh")
    assert (page.status, page.kind) == (200, "text/html")
    assert page.text.startswith("<!DOCTYPE html>")
    assert "终端能正常收款吗？" in page.text


async def test_the_command_prints_the_same(running: Any, tmp_path: Any) -> None:
    (tmp_path / "token").write_text("all")

    async def run(*options: str) -> tuple[int, str, str]:
        words = ("report", "--url", f"http://127.0.0.1:{running.daemon.port}", *options)
        made = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "fleetmon", *words,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, err = await made.communicate()
        return made.returncode or 0, out.decode(), err.decode()

    token = ("--token-file", str(tmp_path / "token"))
    status, out, err = await run(*token, "--since", "3d", "--lang", "zh")
    assert (status, err) == (0, "")
    assert out.startswith("晨报")
    status, out, _ = await run(*token, "--format", "json")
    assert (status, json.loads(out)["open"]) == (0, json.loads((await ask(running)).text)["open"])
    status, out, _ = await run(*token, "--format", "html")
    assert (status, out.count("<svg")) == (0, 1)
    assert (await run(*token, "--since", "32d"))[0] == 2
    status, _, err = await run()
    assert status == 1
    assert "wants a token" in err


async def test_the_past_is_told_while_the_store_does_not_answer_as_a_problem(
    running: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fleetmon.readout.readout.REPORT_PATIENCE_S", 0.05)
    monkeypatch.setattr(running.daemon.store, "night", lambda *_: time.sleep(0.3))
    answer = await ask(running)
    assert (answer.status, answer.kind) == (503, "application/problem+json")


async def test_long_reports_hold_up_no_other_question(running: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many are asked for."""
    monkeypatch.setattr("fleetmon.readout.readout.PATIENCE_S", 1.0)
    go, night = threading.Event(), running.daemon.store.night
    monkeypatch.setattr(running.daemon.store, "night", lambda *span: (go.wait(30), night(*span))[1])
    asked = [asyncio.create_task(ask(running)) for _ in range(5)]
    try:
        await running.until(lambda: running.daemon.readout._reporter._work_queue.qsize() == 4, "they wait")
        url, headers = f"http://127.0.0.1:{running.daemon.port}/api/v1/incidents", {"Authorization": "Bearer all"}
        async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as answer:
            assert answer.status == 200
    finally:
        go.set()
    assert [(await one).status for one in asked] == [200] * 5


async def test_a_daemon_hands_its_report_to_the_routes_when_it_is_time(start: Any, mosquitto: Any) -> None:
    now = datetime.now(ZoneInfo("Asia/Shanghai"))
    settings = {
        "mqtt": MqttSettings(port=mosquitto.port), "report": ReportSettings(at=f"{now:%H:%M}"),
        "notices": [RouteSettings("lead", report=True), RouteSettings("on-call")],
    }  # fmt: skip
    with capture_logs() as logs:
        one = start(notice_urls=dict.fromkeys(("lead", "on-call"), "json://127.0.0.1:1"), **settings)
        await one.until(lambda: any(one["event"] == "report sent" for one in logs), "it is sent")
        assert one.daemon.store.is_sent(f"{now:%Y-%m-%d}")
        await one.stop()
    [told] = [one for one in logs if one["event"] == "report sent"]
    assert (told["day"], told["routes"]) == (f"{now:%Y-%m-%d}", ["lead"])


async def test_a_daemon_remembers_when_it_watched(running: Any) -> None:
    await running.until(lambda: running.daemon.store.night(0, 2**60).watched, "it is noted")
    [(begin, _)] = running.daemon.store.night(0, 2**60).watched
    await running.stop()
    assert begin <= time.time_ns() // 1_000_000
