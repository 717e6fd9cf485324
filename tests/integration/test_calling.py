"""A page from the daemon through a real Alertmanager to whoever is called, by the commands of the runbook.

The Alertmanager runs the shipped example; its receiver for on-call is a local one. That somebody is *not* called is
seen from a later call that arrives: notices of one Alertmanager leave in order of what happened.
"""

import asyncio
import hashlib
import os
import shlex
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp.web
import pytest
import yaml

from fleetmon.ingest.settings import MqttSettings
from fleetmon.sinks.alertmanager import AlertmanagerSettings
from fleetmon.web.access import Token, Tokens

Say = Callable[..., Awaitable[None]]
RUNBOOKS = Path(__file__).parents[2] / "docs/runbooks"
TAMPER = {"at": 1, "boot": 1, "seq": 1, "component": "security", "code": "Tamper", "action": "set"}
PATIENCE_S = 30  # a re-send may have to be waited for
TOKENS = Tokens([Token("wang", hashlib.sha256(b"secret").hexdigest(), "operator")])


class Pager:
    """What the receiver of on-call was told, in order: terminal and status of each alert, and the alert itself."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str]] = []
        self.alerts: list[dict[str, Any]] = []

    async def hear(self, request: aiohttp.web.Request) -> aiohttp.web.Response:
        for one in (await request.json())["alerts"]:
            self.alerts.append(one)
            self.calls.append((one["labels"]["terminal"], one["status"]))
        return aiohttp.web.Response()


@pytest.fixture
async def pager(alertmanager: Any, tmp_path: Path) -> AsyncIterator[Pager]:
    """On-call of the shipped example, with its groups told every second."""
    found = Pager()
    application = aiohttp.web.Application()
    application.router.add_post("/", found.hear)
    runner = aiohttp.web.AppRunner(application)
    await runner.setup()
    await aiohttp.web.TCPSite(runner, "127.0.0.1", 0).start()
    file = tmp_path / "alertmanager/alertmanager.yml"
    settings = yaml.safe_load(file.read_text())
    settings["route"]["group_interval"] = "1s"
    (on_call,) = (one for one in settings["receivers"] if one["name"] == "on-call")
    on_call["webhook_configs"] = [{"url": f"http://127.0.0.1:{runner.addresses[0][1]}/"}]
    file.write_text(yaml.safe_dump(settings))
    await asyncio.to_thread(alertmanager.restart)
    yield found
    await runner.cleanup()


async def by_runbook(page: str, program: str, tmp_path: Path, **instead: str) -> str:
    """Run the command of a page that begins with `program`, with the words that stand for something replaced."""
    (line,) = (one for one in (RUNBOOKS / page).read_text().splitlines() if one.startswith(program))
    for word, value in instead.items():
        line = line.replace(word.replace("_", "="), value)
    words = shlex.split(line)
    if words[0] == "fleetmon":
        words = [sys.executable, "-m", *words]
    secret = tmp_path / "token"
    secret.write_text("secret")
    done = await asyncio.create_subprocess_exec(
        *words, env={**os.environ, "FLEETMON_TOKEN_FILE": str(secret)}, stdout=-1, stderr=-1
    )
    out, err = await done.communicate()
    assert done.returncode == 0, err.decode()
    return out.decode().strip()


async def state(alertmanager: Any, terminal: str) -> tuple[str, dict[str, str]]:
    """Whether an alert is active or suppressed, and its annotations."""
    async with aiohttp.ClientSession() as session, session.get(f"{alertmanager.url}/api/v2/alerts") as answer:
        for one in await answer.json():
            if one["labels"].get("terminal") == terminal:
                return one["status"]["state"], one["annotations"]
    return "none", {}


async def until_state(alertmanager: Any, terminal: str, wanted: str, annotation: str = "summary") -> dict[str, str]:
    async with asyncio.timeout(PATIENCE_S):
        while True:
            found, annotations = await state(alertmanager, terminal)
            if found == wanted and (annotation in annotations or wanted == "none"):
                return annotations
            await asyncio.sleep(0.05)


async def test_page_acknowledgement_silence_restarts_and_end(
    start: Any, mosquitto: Any, alertmanager: Any, pager: Pager, say: Say, tmp_path: Path
) -> None:
    settings = {
        "mqtt": MqttSettings(port=mosquitto.port),
        "alertmanager": AlertmanagerSettings(
            urls=[alertmanager.url], resend_s=5, runbook_url="https://docs.example/runbooks/"
        ),
        "tokens": TOKENS,
    }
    running = start(**settings)
    await running.until_ready()

    async def tampered(terminal: str, seq: int = 1, action: str = "set") -> None:
        await say(mosquitto.port, f"terminal/{terminal}/device", {**TAMPER, "seq": seq, "action": action})

    async def called(terminal: str, status: str) -> None:
        await running.until(lambda: (terminal, status) in pager.calls, f"{terminal} {status}", PATIENCE_S)

    await tampered("noodle-1")
    await called("noodle-1", "firing")
    first = pager.alerts[0]
    assert first["annotations"]["runbook_url"] == "https://docs.example/runbooks/tamper"
    here = f"--url http://127.0.0.1:{running.daemon.port}"
    incident = first["annotations"]["incident"]
    await by_runbook("tamper.md", "fleetmon incidents ack", tmp_path, INCIDENT=f"{incident} {here}")
    seen = await until_state(alertmanager, "noodle-1", "active", "acknowledged_by")
    assert seen["acknowledged_by"] == "wang"

    there = {"http://localhost:9093": alertmanager.url}
    silence = await by_runbook("tamper.md", "amtool silence add", tmp_path, terminal_T1="terminal=noodle-2", **there)
    await tampered("noodle-2")
    await until_state(alertmanager, "noodle-2", "suppressed")

    await asyncio.to_thread(alertmanager.restart)
    await until_state(alertmanager, "noodle-1", "active", "acknowledged_by")
    await until_state(alertmanager, "noodle-2", "suppressed")
    await running.stop()
    running = start(**settings)
    await running.until_ready()
    assert running.told == [], "a restart opens and resolves nothing"

    await tampered("books-1")
    await called("books-1", "firing")
    assert pager.calls == [("noodle-1", "firing"), ("books-1", "firing")], "each once, and not the silenced one"

    expired = await asyncio.create_subprocess_exec(
        "amtool", "silence", "expire", f"--alertmanager.url={alertmanager.url}", silence
    )
    assert await expired.wait() == 0
    await called("noodle-2", "firing")
    for terminal in ("noodle-1", "noodle-2", "books-1"):
        await tampered(terminal, 2, "clear")
        await called(terminal, "resolved")
    assert sorted(pager.calls) == sorted(
        (terminal, status) for terminal in ("noodle-1", "noodle-2", "books-1") for status in ("firing", "resolved")
    )
