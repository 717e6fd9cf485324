"""Who may ask what: tokens, roles, providers, and what holds without any."""

import hashlib
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import structlog
from msgspec.structs import replace
from structlog.testing import capture_logs

from fleetmon import config
from fleetmon.config import Loaded
from fleetmon.ingest.settings import MqttSettings
from fleetmon.model.registry import Provider, Registry
from fleetmon.web.access import Role, Token, Tokens
from fleetmon.web.settings import WebSettings

from .reading import Answer

Say = Callable[..., Awaitable[None]]
TAMPER = {"at": 1, "boot": 1, "seq": 1, "component": "security", "code": "Tamper", "action": "set"}
SECRETS = {
    name: f"{name}.5d1f~secret"
    for name in ("viewer", "operator", "admin", "first", "second")
}  # fmt: skip


def token(name: str, role: Role, provider: str | None = None) -> Token:
    return Token(name, hashlib.sha256(SECRETS[name].encode()).hexdigest(), role, provider)


TOKENS = Tokens(
    [
        *(token("viewer", "viewer"), token("operator", "operator"), token("admin", "admin")),
        *(token("first", "viewer", "field-1"), token("second", "operator", "field-2")),
    ]
)


async def ask(running: Any, path: str, who: str | None = None, method: str = "GET", **headers: str) -> Answer:
    if who is not None:
        headers["Authorization"] = f"Bearer {SECRETS.get(who, who)}"
    url = f"http://127.0.0.1:{running.daemon.port}{path}"
    async with aiohttp.ClientSession() as session, session.request(method, url, headers=headers) as answer:
        return Answer(answer.status, answer.headers, await answer.text())


@pytest.fixture
def sample_registry(sample_registry: Registry) -> Registry:
    """The sample's fleet, but the terminals of the books shop are another provider's."""
    terminals = [
        replace(row, provider="field-2") if row.merchant == "books" else row for row in sample_registry.terminals
    ]
    providers = [*sample_registry.providers, Provider("field-2")]
    return replace(sample_registry, terminals=terminals, providers=providers)


@pytest.fixture(autouse=True)
def logs_as_before() -> Iterator[None]:
    """A reload sets up the logs of the whole process."""
    yield
    structlog.reset_defaults()


@pytest.fixture
def guarded(start: Any, mosquitto: Any) -> Callable[[], Awaitable[Any]]:
    """Start a daemon with tokens, and reload by HTTP switched on."""

    async def begin() -> Any:
        web = WebSettings(port=0, enable_lifecycle=True, tokens_file="tokens.yml")
        running = start(mqtt=MqttSettings(port=mosquitto.port), web=web, tokens=TOKENS)
        await running.until_ready()
        return running

    return begin


async def test_the_api_needs_a_token_and_what_machines_ask_needs_none(guarded: Any) -> None:
    running = await guarded()
    for path in ("/", "/metrics", "/-/healthy", "/-/ready", "/schema/openapi.json"):
        assert (await ask(running, path)).status == 200, path
    for path in ("/api/v1/terminals", "/api/v1/terminals/noodle-1", "/api/v1/incidents", "/api/v1/quarantine"):
        assert (await ask(running, path, "viewer")).status in (200, 404), path
        none = await ask(running, path)
        assert (none.status, none.headers["WWW-Authenticate"]) == (401, 'Bearer realm="fleetmon"')
        assert none.headers["Content-Type"] == "application/problem+json"
        wrong = await ask(running, path, "nobodys-token")
        assert wrong.status == 401
        assert wrong.headers["WWW-Authenticate"].endswith('error="invalid_token"')


async def test_a_header_that_is_no_token_is_refused(guarded: Any) -> None:
    running = await guarded()
    for header in ("", "Bearer", "Bearer ", "Basic YTpi", "Bearer a b", "Bearer \xe9", "x" * 5000):
        assert (await ask(running, "/api/v1/terminals", None, "GET", Authorization=header)).status == 401, header


async def test_a_digest_is_no_token(guarded: Any) -> None:
    running = await guarded()
    assert (await ask(running, "/api/v1/terminals", TOKENS.tokens[0].sha256)).status == 401
    lower = await ask(running, "/api/v1/terminals", None, "GET", Authorization=f"bearer {SECRETS['viewer']}")
    assert lower.status == 200, "the name of the scheme is not case-sensitive"


async def test_a_provider_sees_its_own_terminals_and_what_concerns_them(guarded: Any, mosquitto: Any, say: Say) -> None:
    running = await guarded()
    for name in ("noodle-1", "books-1", "stranger"):
        await say(mosquitto.port, f"terminal/{name}/device", TAMPER)
        await say(mosquitto.port, f"terminal/{name}/device", b"broken")
    await say(mosquitto.port, "nonsense", b"")
    await running.until(lambda: running.told.count("tamper firing") == 3, "three incidents")
    await running.until(lambda: running.daemon.quarantine.counts.total() >= 3, "three are refused")
    everything = (await ask(running, "/api/v1/incidents?kind=tamper", "viewer")).json["incidents"]
    incidents = {one["scope"]["terminal"]: one["id"] for one in everything}
    assert set(incidents) == {"noodle-1", "books-1", "stranger"}

    async def seen(path: str, rows: str) -> list[Any]:
        return list((await ask(running, f"/api/v1/{path}", "second")).json[rows])

    assert [one["id"] for one in await seen("terminals", "terminals")] == ["books-1", "books-2"]
    assert await seen("terminals?provider=field-1", "terminals") == []
    assert [one["scope"]["terminal"] for one in await seen("incidents?kind=tamper", "incidents")] == ["books-1"]
    assert {one["topic"] for one in await seen("quarantine", "messages")} == {"pos/v1/terminal/books-1/device"}
    own = (await ask(running, "/api/v1/terminals/books-1", "second")).json["incidents"]
    assert incidents["books-1"] in [one["id"] for one in own]
    assert (await ask(running, f"/api/v1/incidents/{incidents['books-1']}", "second")).status == 200
    for path in (
        "terminals/noodle-1", "terminals/noodle-1/changes", "terminals/stranger", f"incidents/{incidents['noodle-1']}",
    ):  # fmt: skip
        hidden = await ask(running, f"/api/v1/{path}", "second")
        missing = await ask(running, "/api/v1/" + path.split("/")[0] + "/nothing", "second")
        assert (hidden.status, hidden.text) == (404, missing.text), "not even that it is there"
        assert (await ask(running, f"/api/v1/{path}", "first")).status == (404 if "stranger" in path else 200)


async def test_only_an_admin_reloads(guarded: Any, sample_registry: Registry) -> None:
    running = await guarded()
    daemon, revoked = running.daemon, Tokens([token("admin", "admin")])
    for who, status in ((None, 401), ("nobodys-token", 401), ("viewer", 403), ("operator", 403), ("second", 403)):
        refused = await ask(running, "/-/reload", who, "POST")
        assert (refused.status, refused.headers["Content-Type"]) == (status, "application/problem+json")
    assert (await ask(running, "/-/reload", "admin", "GET")).status == 405

    registry = replace(sample_registry, terminals=sample_registry.terminals[:3])
    daemon._reread = lambda: Loaded(daemon.config, registry, None, tokens=revoked)
    for method in ("POST", "PUT"):
        assert (await ask(running, "/-/reload", "admin", method)).status == 200
    assert (await ask(running, "/api/v1/terminals", "viewer")).status == 401, "revoked"
    assert len((await ask(running, "/api/v1/terminals", "admin")).json["terminals"]) == 3


async def test_a_refused_configuration_names_every_problem_and_changes_nothing(guarded: Any, tmp_path: Path) -> None:
    running = await guarded()
    path = tmp_path / "broken.yml"
    path.write_text("registry: none.yml\nmqtt: {port: x}\nweb: {port: -1}\n")
    running.daemon._reread = lambda: config.load(path, {})
    answer = await ask(running, "/-/reload", "admin", "POST")
    assert (answer.status, answer.headers["Content-Type"]) == (422, "application/problem+json")
    for problem in ("mqtt.port", "web.port", "none.yml: cannot be read"):
        assert any(problem in error for error in answer.json["errors"]), problem
    assert (await ask(running, "/api/v1/terminals", "viewer")).status == 200


async def test_reload_by_http_is_off_unless_switched_on(start: Any, mosquitto: Any) -> None:
    running = start(mqtt=MqttSettings(port=mosquitto.port), tokens=TOKENS)
    await running.until_ready()
    answer = await ask(running, "/-/reload", "admin", "POST")
    assert answer.status == 403
    assert "web.enable_lifecycle" in answer.json["detail"]


async def test_without_tokens_everybody_reads_and_nobody_writes(start: Any, mosquitto: Any) -> None:
    running = start(mqtt=MqttSettings(port=mosquitto.port), web=WebSettings(port=0, enable_lifecycle=True))
    await running.until_ready()
    assert (await ask(running, "/api/v1/terminals")).status == 200
    refused = await ask(running, "/-/reload", None, "POST")
    assert refused.status == 403
    assert "set web.tokens_file" in refused.json["detail"]


async def test_no_token_ever_gets_into_the_logs(
    guarded: Any, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    running = await guarded()
    with capture_logs() as logs:
        for who in (*SECRETS, "nobodys-token"):
            for path in ("/api/v1/terminals", "/api/v1/nothing", "/api/v1/terminals?limit=0"):
                await ask(running, path, who)
            await ask(running, "/-/reload", who, "POST")
        monkeypatch.setattr(running.daemon.readout, "terminals", None)
        assert (await ask(running, "/api/v1/terminals", "viewer")).status == 500
    assert any(one["event"] == "request failed" for one in logs)
    written = str(logs) + "".join(capfd.readouterr())
    for secret in (*SECRETS.values(), "nobodys-token"):
        assert secret not in written


def test_check_config_names_what_lets_strangers_in(tmp_path: Path) -> None:
    (tmp_path / "registry.yml").write_text("{}")
    (tmp_path / "fleetmon.yml").write_text("registry: registry.yml\nweb: {host: 0.0.0.0}\n")
    command = [sys.executable, "-m", "fleetmon", "check-config", str(tmp_path / "fleetmon.yml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("fleetmon: web.host: 0.0.0.0 can be reached from outside; set web.tokens_file")
