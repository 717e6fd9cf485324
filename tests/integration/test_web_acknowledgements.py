"""Acknowledging over HTTP and from the command line: who may, what holds, what is written down."""

import asyncio
import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from msgspec.structs import replace

from fleetmon.ingest.settings import MqttSettings
from fleetmon.model.registry import Provider, Registry
from fleetmon.readout import acknowledging
from fleetmon.web.access import Role, Token, Tokens
from fleetmon.web.settings import WebSettings

from .reading import Answer

Say = Callable[..., Awaitable[None]]
TAMPER = {"at": 1, "boot": 1, "seq": 1, "component": "security", "code": "Tamper", "action": "set"}
HOUR = 3_600_000


def token(name: str, role: Role, provider: str | None = None) -> Token:
    return Token(name, hashlib.sha256(f"secret-of-{name}".encode()).hexdigest(), role, provider)


TOKENS = Tokens(
    [
        *(token("viewer", "viewer"), token("wang", "operator"), token("li", "operator"), token("boss", "admin")),
        *(token("second", "operator", "field-2"), token("reader", "viewer", "field-2")),
    ]
)


async def ask(
    running: Any, path: str, who: str | None = "wang", method: str = "GET", body: object = None, **headers: str
) -> Answer:
    headers = {"Content-Type": "application/json", **headers} if body is not None else headers
    headers |= {"Authorization": f"Bearer secret-of-{who}"} if who else {}
    data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    url = f"http://127.0.0.1:{running.daemon.port}/api/v1{path}"
    async with aiohttp.ClientSession() as session, session.request(method, url, data=data, headers=headers) as answer:
        return Answer(answer.status, answer.headers, await answer.text())


def later(hours: float = 4) -> int:
    return round(time.time() * 1000 + hours * HOUR)


@pytest.fixture
def sample_registry(sample_registry: Registry) -> Registry:
    """The sample's fleet, but the terminals of the books shop are another provider's."""
    terminals = [
        replace(row, provider="field-2") if row.merchant == "books" else row for row in sample_registry.terminals
    ]
    return replace(sample_registry, terminals=terminals, providers=[*sample_registry.providers, Provider("field-2")])


@pytest.fixture
async def running(start: Any, mosquitto: Any) -> Any:
    web = WebSettings(port=0, tokens_file="tokens.yml")
    one = start(mqtt=MqttSettings(port=mosquitto.port), web=web, tokens=TOKENS)
    await one.until_ready()
    return one


@pytest.fixture
async def alarm(running: Any, mosquitto: Any, say: Say) -> Callable[..., Awaitable[str]]:
    """Have a terminal tampered with; the path of the incident."""

    async def tampered(terminal: str = "noodle-1") -> str:
        known = len(running.told)
        await say(mosquitto.port, f"terminal/{terminal}/device", TAMPER)
        await running.until(lambda: len(running.told) > known, "the incident")
        return f"/incidents/{running.transitions[-1].incident.id}"

    return tampered


def held(running: Any, path: str) -> Any:
    return running.daemon.engine.correlator.incidents.named(path.rpartition("/")[2])


async def test_an_acknowledgement_is_stored_shown_and_written_down(running: Any, alarm: Any) -> None:
    path, until = await alarm(), later()
    body = {"until": until, "comment": "on my way"}
    none = await ask(running, f"{path}/acknowledgement")
    assert (none.status, "no such acknowledgement" in none.text) == (404, True)
    done = await ask(running, f"{path}/acknowledgement", "wang", "PUT", body)
    assert done.status == 201
    assert {name: done.json[name] for name in ("author", "until", "comment")} == {"author": "wang", **body}
    stored = running.daemon.store.incident(path.rpartition("/")[2])
    assert stored.acknowledgement.author == "wang", "answered only when it is on the disk"

    shown = (await ask(running, path, "viewer")).json
    assert shown["acknowledgement"] == done.json == (await ask(running, f"{path}/acknowledgement", "viewer")).json
    assert (shown["acknowledged_by"], shown["acknowledged_until"], shown["called_again_at"]) == ("wang", until, None)
    assert [step["reason"] for step in shown["transitions"]] == ["Tamper", "acknowledged"]
    (row,) = (await ask(running, "/incidents?status=firing")).json["incidents"]
    assert (row["acknowledged_by"], row["status"]) == ("wang", "firing")

    again = await ask(running, f"{path}/acknowledgement", "wang", "PUT", body)
    assert (again.status, again.json) == (200, done.json), "the same again"
    changed = await ask(running, f"{path}/acknowledgement", "li", "PUT", {"until": until + HOUR})
    assert (changed.status, changed.json["author"], changed.json["comment"]) == (200, "li", "")
    for _ in range(2):
        gone = await ask(running, f"{path}/acknowledgement", "boss", "DELETE")
        assert (gone.status, gone.text) == (204, "")
    assert (await ask(running, path)).json["acknowledgement"] is None

    audit = (await ask(running, path)).json["audit"]
    assert [(entry["author"], entry["action"]) for entry in audit] == [
        ("wang", "acknowledged"), ("li", "acknowledged"), ("boss", "unacknowledged"),
    ]  # fmt: skip
    assert audit[1]["detail"]["before"]["comment"] == "on my way"
    assert (audit[2]["detail"]["before"]["author"], audit[2]["detail"]["after"]) == ("li", None)
    listed = (await ask(running, "/audit", "viewer")).json["entries"]
    assert listed == audit[::-1]
    assert running.told == ["tamper firing", *["tamper firing"] * 3]
    assert sum(change.calls for change in running.transitions) == 1, "nobody was called for any of this"


async def test_who_may_acknowledge_what(running: Any, alarm: Any) -> None:
    noodle, books = await alarm("noodle-1"), await alarm("books-1")
    body = {"until": later()}
    for who, method, status in (
        (None, "PUT", 401), ("nobody", "PUT", 401), ("viewer", "PUT", 403), ("viewer", "DELETE", 403),
        ("reader", "PUT", 403), ("second", "PUT", 404), ("second", "DELETE", 404), ("boss", "PUT", 201),
        ("second", "GET", 404), ("viewer", "GET", 200),
    ):  # fmt: skip
        answer = await ask(running, f"{noodle}/acknowledgement", who, method, body if method == "PUT" else None)
        assert answer.status == status, (who, method, answer.text)
        if status >= 400:
            assert answer.headers["Content-Type"] == "application/problem+json"
    assert (
        "needs a token with the role operator; yours is viewer"
        in (await ask(running, f"{noodle}/acknowledgement", "viewer", "PUT", body)).text
    )
    hidden = await ask(running, f"{noodle}/acknowledgement", "second", "PUT", body)
    missing = await ask(running, "/incidents/nothing/acknowledgement", "second", "PUT", body)
    assert hidden.text == missing.text, "not even that it is there"
    assert (await ask(running, f"{books}/acknowledgement", "second", "PUT", body)).status == 201
    seen = (await ask(running, "/audit", "reader")).json["entries"]
    assert [(entry["author"], entry["subject"]) for entry in seen] == [("second", books.rpartition("/")[2])]
    assert len((await ask(running, "/audit", "viewer")).json["entries"]) == 2


async def test_what_concerns_others_too_is_nothing_for_one_provider(running: Any, mosquitto: Any) -> None:
    await asyncio.to_thread(mosquitto.stop)
    await running.until(lambda: running.daemon.engine.deaf, "the link is lost")
    await running.until(lambda: "ingest_impaired firing" in running.told, "that is announced", 45)
    path = f"/incidents/{running.transitions[-1].incident.id}"
    body = {"until": later()}
    refused = await ask(running, f"{path}/acknowledgement", "second", "PUT", body)
    assert (refused.status, "concerns terminals of others" in refused.json["detail"]) == (403, True)
    assert (await ask(running, f"{path}/acknowledgement", "second", "DELETE")).status == 403
    assert held(running, path).acknowledgement is None
    assert (await ask(running, f"{path}/acknowledgement", "wang", "PUT", body)).status == 201


async def test_nobody_overwrites_what_they_have_not_seen(running: Any, alarm: Any) -> None:
    path = f"{await alarm()}/acknowledgement"

    body = {"until": later(), "comment": "mine"}
    for _ in range(2):
        assert (await ask(running, path, "wang", "PUT", body, **{"If-Match": "*"})).status == 412, "there is none"
    assert (await ask(running, path, "wang", "PUT", body, **{"If-None-Match": "*"})).status == 201
    assert (await ask(running, path, "li", "PUT", body, **{"If-None-Match": "*"})).status == 412
    tag = (await ask(running, path)).headers["ETag"]
    for unfit in ('"other"', f"W/{tag}", ""):
        refused = await ask(running, path, "li", "PUT", body, **{"If-Match": unfit})
        assert (refused.status, refused.headers["Content-Type"]) == (412, "application/problem+json"), unfit
        assert (await ask(running, path, "li", "DELETE", **{"If-Match": unfit})).status == 412
    assert (await ask(running, path)).json["author"] == "wang"
    assert (await ask(running, path, "li", "PUT", body, **{"If-Match": f'"other", {tag}'})).status == 200
    assert (await ask(running, path, "wang", "DELETE", **{"If-Match": tag})).status == 412, "it is another one now"
    assert (await ask(running, path, "wang", "DELETE", **{"If-Match": "*"})).status == 204


BAD: tuple[tuple[object, str], ...] = (
    ({}, "until"),
    ({"until": "tomorrow"}, "until"),
    ({"until": 5}, "until: is over"),
    ({"until": 2**62}, "until: is more than 30 days ahead"),
    ({"until": 2**70}, "until"),
    ({"until": -1}, "until"),
    ({"until": 1, "author": "boss"}, "author"),
    ({"until": 4_000_000_000_000, "comment": "x" * 501}, "comment"),
    ({"until": 4_000_000_000_000, "comment": "a\0b"}, "comment"),
    (
        {"until": 4_000_000_000_000, "comment": "card 4111111111111111 ate it"},
        "comment: holds what may be a card number",
    ),
    ([], "object"),
    (b"{", ""),
    (b"", ""),
    (b"\xff", ""),
)


async def test_what_is_wrong_is_named(running: Any, alarm: Any) -> None:
    path = f"{await alarm()}/acknowledgement"
    for body, says in BAD:
        answer = await ask(running, path, "wang", "PUT", body)
        assert (answer.status, answer.json["status"]) == (400, 400), (body, answer.text)
        assert says in answer.text, body
        assert "4111111111111111" not in answer.text
        assert "Traceback" not in answer.text
    assert held(running, path.removesuffix("/acknowledgement")).acknowledgement is None


async def test_only_what_fires_can_be_acknowledged(running: Any, alarm: Any, mosquitto: Any, say: Say) -> None:
    path, body = await alarm(), {"until": later()}
    await ask(running, f"{path}/acknowledgement", "wang", "PUT", body)
    await say(mosquitto.port, "terminal/noodle-1/device", {**TAMPER, "seq": 2, "action": "clear"})
    await running.until(lambda: running.told[-1] == "tamper resolved", "the end")
    for method in ("PUT", "DELETE"):
        over = await ask(running, f"{path}/acknowledgement", "wang", method, body if method == "PUT" else None)
        assert (over.status, "is not firing" in over.json["detail"]) == (409, True)
    assert (await ask(running, path)).json["acknowledged_by"] == "wang", "who saw to it is still known"
    assert (await ask(running, f"{path}/acknowledgement")).json["author"] == "wang"
    assert (await ask(running, "/incidents/nothing/acknowledgement", "wang", "PUT", body)).status == 404


async def test_without_tokens_nobody_acknowledges(start: Any, mosquitto: Any) -> None:
    one = start(mqtt=MqttSettings(port=mosquitto.port))
    await one.until_ready()
    for method in ("PUT", "DELETE"):
        answer = await ask(one, "/incidents/i/acknowledgement", None, method, {"until": 1} if method == "PUT" else None)
        assert (answer.status, "set web.tokens_file" in answer.json["detail"]) == (403, True)
    assert (await ask(one, "/audit", None)).json == {"entries": [], "next": None}


async def test_a_store_that_does_not_write_is_told_and_what_was_said_holds(
    running: Any, alarm: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody is told it is safe before it is; said again later it is the same."""
    path, body = await alarm(), {"until": later()}
    monkeypatch.setattr(acknowledging, "PATIENCE_S", 0.2)
    queue, submit = list[Any](), running.daemon.store.submit
    monkeypatch.setattr(running.daemon.store, "submit", queue.append)
    answer = await ask(running, f"{path}/acknowledgement", "wang", "PUT", body)
    assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
    assert (await ask(running, path)).json["acknowledged_by"] is None, "what is shown is what is safe"
    monkeypatch.setattr(running.daemon.store, "submit", submit)
    for work in queue:
        submit(work)
    again = await ask(running, f"{path}/acknowledgement", "wang", "PUT", body)
    assert again.status == 200
    assert [entry["author"] for entry in (await ask(running, "/audit")).json["entries"]] == ["wang"]


async def test_the_audit_comes_in_pages_and_can_be_narrowed(running: Any, alarm: Any) -> None:
    first, second = await alarm("noodle-1"), await alarm("noodle-2")
    for number in range(5):
        for who, path in (("wang", first), ("li", second)):
            body = {"until": later(), "comment": str(number)}
            assert (await ask(running, f"{path}/acknowledgement", who, "PUT", body)).status in (200, 201)

    async def read(query: str) -> list[Any]:
        found, cursor = list[Any](), ""
        while cursor is not None:
            page = (await ask(running, f"/audit?limit=3&{query}" + (f"&cursor={cursor}" if cursor else ""))).json
            found, cursor = found + page["entries"], page["next"]
        return found

    assert "".join(one["detail"]["after"]["comment"] for one in await read("")) == "4433221100"
    assert {one["subject"] for one in await read("author=li")} == {second.rpartition("/")[2]}
    assert len(await read(f"kind=incident&subject={first.rpartition('/')[2]}")) == 5
    assert await read("kind=window") == []
    assert (await ask(running, "/audit?kind=terminal")).status == 400


async def test_metrics_count_what_is_seen_to(running: Any, alarm: Any) -> None:
    path = await alarm()
    assert 'fleetmon_incidents_acknowledged{kind="tamper"} 0.0' in (await running.get("/metrics"))[1]
    await ask(running, f"{path}/acknowledgement", "wang", "PUT", {"until": later()})
    text = (await running.get("/metrics"))[1]
    assert 'fleetmon_incidents_acknowledged{kind="tamper"} 1.0' in text
    assert "wang" not in text


# -- the command line ----------------------------------------------------------------------------------


@pytest.fixture
def fleetmon(running: Any, tmp_path: Path) -> Callable[..., Awaitable[subprocess.CompletedProcess[str]]]:
    """Run `fleetmon incidents` with somebody's token."""

    async def run(*arguments: str, who: str | None = "wang") -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "fleetmon", "incidents", *arguments]
        command += ["--url", f"http://127.0.0.1:{running.daemon.port}"]
        if who is not None:
            (tmp_path / who).write_text(f"secret-of-{who}\n")
            command += ["--token-file", str(tmp_path / who)]
        return await asyncio.to_thread(
            subprocess.run, command, capture_output=True, text=True, check=False, timeout=60, env=os.environ
        )

    return run


async def test_from_a_terminal(running: Any, alarm: Any, fleetmon: Any) -> None:
    nothing = await fleetmon("list")
    assert (nothing.returncode, nothing.stdout, nothing.stderr) == (0, "", "No incident is open.\n")
    key = (await alarm()).rpartition("/")[2]
    listed = (await fleetmon("list", who="viewer")).stdout.splitlines()
    assert listed[0].startswith(f"{key}  firing  critical  1 terminal  since 20")
    assert listed[1:] == ["  Terminal noodle-1 (Noodle, noodle-shop, harbour) is locked by its tamper protection"]

    done = await fleetmon("ack", key, "--for", "2h", "--comment", "on my way")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{key}: acknowledged by wang until 20")
    known = held(running, key).acknowledgement
    assert (known.comment, round((known.until - known.at) / HOUR, 2)) == ("on my way", 2.0)
    assert (await fleetmon("list")).stdout.splitlines()[2].startswith("  Acknowledged by wang until 20")
    shown = (await fleetmon("show", key)).stdout
    assert "Terminal noodle-1 (Noodle, noodle-shop, harbour) is locked by its tamper protection" in shown
    assert "Among them: noodle-1" in shown
    assert "wang: acknowledged until" in shown
    assert "on my way" in shown
    assert "firing: Tamper" in shown
    chinese = (await fleetmon("show", key, "--lang", "zh")).stdout
    assert "已由 wang 认领" in chinese
    assert "告警中：Tamper" in chinese

    gone = await fleetmon("unack", key, who="boss")
    assert (gone.returncode, gone.stdout) == (0, f"{key}: not acknowledged\n")
    told = json.loads((await fleetmon("show", key, "--format", "json")).stdout)
    assert [entry["author"] for entry in told["audit"]] == ["wang", "boss"]
    assert json.loads((await fleetmon("list", "--status", "all", "--format", "json")).stdout)[0]["id"] == key
    assert json.loads((await fleetmon("list", "--kind", "battery", "--format", "json")).stdout) == []


async def test_what_went_wrong_is_one_line_and_one_for_each_problem(alarm: Any, fleetmon: Any) -> None:
    key = (await alarm()).rpartition("/")[2]
    for arguments, who, status, says in (
        (("show", "nothing"), "wang", 1, "There is no such incident."),
        (("ack", "nothing"), "wang", 1, "There is no such incident."),
        (("ack", key), "viewer", 1, "This needs a token with the role operator; yours is viewer."),
        (("ack", key), None, 1, "wants a token; give one with --token-file"),
        (("ack", key, "--for", "31d"), "wang", 1, "until: is more than 30 days ahead"),
        (("unack", "a/b?c"), "wang", 1, "/incidents/a%2Fb%3Fc/acknowledgement: 404 Not Found"),
    ):
        done = await fleetmon(*arguments, who=who)
        assert (done.returncode, done.stdout) == (status, ""), done.stderr
        assert done.stderr.startswith("fleetmon: ")
        lines = 2 if "--for" in arguments else 1
        assert (says in done.stderr, len(done.stderr.splitlines())) == (True, lines), done.stderr
    usage = await fleetmon("ack", key, "--for", "tomorrow")
    assert (usage.returncode, "30m, 4h or 2d" in usage.stderr) == (2, True)
