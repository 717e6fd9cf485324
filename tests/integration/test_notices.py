"""Direct notices from the daemon to a receiver on a real socket: once each, whatever dies or is away meanwhile."""

import asyncio
import hashlib
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp.web
import pytest
from typer.testing import CliRunner

from fleetmon.cli import cli
from fleetmon.ingest.settings import MqttSettings
from fleetmon.model.audit import AuditEntry
from fleetmon.planning.settings import GuardSettings, PlanningSettings
from fleetmon.sinks import route
from fleetmon.sinks.notices import RouteSettings
from fleetmon.web.access import Token, Tokens

from .test_kill import Victim, eventually

Say = Callable[..., Awaitable[None]]
KEY = "s3cr3t-k3y"
TAMPER = {"at": 1, "boot": 1, "seq": 1, "component": "security", "code": "Tamper", "action": "set"}
CLEAR = {**TAMPER, "seq": 2, "action": "clear"}
LOCKED = "Terminal noodle-1 (Noodle, noodle-shop, harbour) is locked by its tamper protection"
TOKENS = Tokens(
    [
        Token("li", hashlib.sha256(b"secret").hexdigest(), "operator"),
        Token("wang", hashlib.sha256(b"other").hexdigest(), "operator"),
    ]
)


class Receiver:
    """A webhook: what it was told, in order. While it is `away` it refuses everything."""

    def __init__(self) -> None:
        self.heard: list[dict[str, Any]] = []
        self.refused = 0
        self.away = False
        self.begun = 0
        self.slow_s = 0.0
        self.url = ""

    async def hear(self, request: aiohttp.web.Request) -> aiohttp.web.Response:
        said = await request.json()
        self.begun += 1
        await asyncio.sleep(self.slow_s)
        if self.away:
            self.refused += 1
            return aiohttp.web.Response(status=503)
        self.heard.append(said)
        return aiohttp.web.Response()

    @property
    def titles(self) -> list[str]:
        return [one["title"] for one in self.heard]


@pytest.fixture
async def receiver(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Receiver]:
    monkeypatch.setattr(route, "LONGEST_PAUSE_S", 0.2)
    found = Receiver()
    application = aiohttp.web.Application()
    application.router.add_post("/{key}", found.hear)
    runner = aiohttp.web.AppRunner(application)
    await runner.setup()
    await aiohttp.web.TCPSite(runner, "127.0.0.1", 0).start()
    found.url = f"json://127.0.0.1:{runner.addresses[0][1]}/{KEY}"
    yield found
    await runner.cleanup()


@pytest.fixture
async def begin(start: Any, mosquitto: Any, receiver: Receiver) -> Callable[..., Awaitable[Any]]:
    """Start a daemon with the route `hook`."""

    async def ready(tokens: Tokens | None = None, second: int | None = None, **settings: Any) -> Any:
        routes = [RouteSettings("hook", **{"language": "en", "per_minute": 600, **settings})]
        mqtt = MqttSettings(port=mosquitto.port)
        planning = PlanningSettings(
            guards=GuardSettings(cutoff_before_s=0, cutoff_after_s=0, second_person_from=second)
        )
        urls = {"hook": receiver.url}
        running = start(mqtt=mqtt, notices=routes, notice_urls=urls, tokens=tokens, planning=planning)
        await running.until_ready()
        return running

    return ready


async def test_one_message_a_page_and_one_at_its_end(
    begin: Any, mosquitto: Any, say: Say, receiver: Receiver, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    running = await begin()
    await say(mosquitto.port, "terminal/noodle-1/device", TAMPER)
    await running.until(lambda: receiver.heard, "the page")
    await running.stop()
    running = await begin()  # what is told stays told
    await say(mosquitto.port, "terminal/noodle-1/device", CLEAR)
    await running.until(lambda: len(receiver.heard) > 1, "the end")
    assert receiver.titles == [f"Alarm: {LOCKED}", f"Over: {LOCKED}"]
    page, end = receiver.heard
    assert page["id"] == end["id"] == running.transitions[-1].incident.id
    assert "Provider: replace the device" in page["message"]
    assert "Who acts: The service provider of the terminal" in page["message"]
    assert "\nFrom 2" in "\n" + end["message"]
    _, metrics = await running.get("/metrics")
    assert 'fleetmon_notices_sent_total{route="hook"} 1.0' in metrics, "one since the restart"
    await running.stop()
    shown = metrics + "".join(capfd.readouterr()) + (tmp_path / "fleetmon.db").read_bytes().decode(errors="replace")
    assert KEY not in shown


async def test_what_is_under_way_when_we_stop_is_not_told_again(
    begin: Any, mosquitto: Any, say: Say, receiver: Receiver
) -> None:
    running, receiver.slow_s = await begin(), 1.0
    await say(mosquitto.port, "terminal/noodle-1/device", TAMPER)
    await running.until(lambda: receiver.begun, "it is under way")
    assert not receiver.heard
    await running.stop()
    assert len(receiver.heard) == 1
    running, receiver.slow_s = await begin(), 0.0
    await say(mosquitto.port, "terminal/noodle-2/device", TAMPER)
    await running.until(lambda: len(receiver.heard) == 2, "another one")
    assert receiver.heard[0]["id"] != receiver.heard[1]["id"]


async def test_a_receiver_that_was_away_hears_all_that_still_matters(
    begin: Any, mosquitto: Any, say: Say, receiver: Receiver
) -> None:
    running, receiver.away = await begin(resolved=False), True
    for terminal in ("noodle-1", "noodle-2"):
        await say(mosquitto.port, f"terminal/{terminal}/device", TAMPER)
    await running.until(lambda: receiver.refused > 3, "it is tried again")
    await say(mosquitto.port, "terminal/noodle-1/device", CLEAR)
    await running.until(lambda: "tamper resolved" in running.told, "one is over")
    _, metrics = await running.get("/metrics")
    assert 'fleetmon_notices_failed_total{route="hook"} 0.0' not in metrics
    assert 'fleetmon_notices_oldest_timestamp_seconds{route="hook"}' in metrics
    receiver.away = False
    await running.until(lambda: len(receiver.heard) == 2, "both")
    assert sorted(receiver.titles) == [f"Alarm: {LOCKED.replace('1', '2')}", f"Over: {LOCKED}"]


async def test_nobody_is_called_late_for_what_somebody_sees_to(
    begin: Any, mosquitto: Any, say: Say, receiver: Receiver
) -> None:
    running, receiver.away = await begin(), True
    await say(mosquitto.port, "terminal/noodle-1/device", TAMPER)
    await running.until(lambda: receiver.refused, "the call fails")
    engine, turns, key = running.daemon.engine, running.daemon._turns, running.transitions[-1].incident.id
    await turns.between(lambda now: engine.acknowledge(now, key, "wang", now + 3_600_000))
    receiver.away = False
    await say(mosquitto.port, "terminal/noodle-2/device", TAMPER)
    await running.until(lambda: receiver.heard, "another one is told")
    assert [one["id"] for one in receiver.heard] != [key]
    await turns.between(lambda now: engine.unacknowledge(now, key, "wang"))
    await running.until(lambda: len(receiver.heard) == 2, "nobody sees to it any longer")
    assert receiver.titles[1] == f"Alarm: {LOCKED}"


async def test_who_was_called_is_called_again_once_when_the_acknowledgement_ends(
    begin: Any, mosquitto: Any, say: Say, receiver: Receiver
) -> None:
    running = await begin()
    await say(mosquitto.port, "terminal/noodle-1/device", TAMPER)
    await running.until(lambda: receiver.heard, "the page")
    running.daemon.engine.shard.heard_since -= 3_600_000  # we have been listening for long
    engine, key = running.daemon.engine, running.transitions[-1].incident.id
    await running.daemon._turns.between(lambda now: engine.acknowledge(now, key, "wang", now + 300))
    await running.until(lambda: len(receiver.heard) == 2, "called again", 30)
    assert receiver.titles[1] == f"Alarm: {LOCKED}: its acknowledgement has ended"
    assert receiver.heard[1]["kind"] == "again"


async def test_planned_work_is_told_as_it_goes(begin: Any, receiver: Receiver) -> None:
    running = await begin(tokens=TOKENS, maintenance=True)
    start = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(time.time() + 8 * 3600 + 2))
    work = {
        "starts": start,
        "duration_s": 3600,
        "owner": "field",
        "reason": "firmware 2.1",
        "selector": {"merchant": "noodle"},
    }
    url = f"http://127.0.0.1:{running.daemon.port}/api/v1/windows"
    async with aiohttp.ClientSession(headers={"Authorization": "Bearer secret"}) as session:
        async with session.post(url, json=work) as answer:
            assert answer.status == 201, await answer.text()
            key = (await answer.json())["id"]
        await running.until(lambda: any("started" in title for title in receiver.titles), "it has begun")
        async with session.post(f"{url}/{key}/end") as answer:
            assert answer.status == 200, await answer.text()
    await running.until(lambda: any("ended" in title for title in receiver.titles), "it is over")
    told = [title.removeprefix("Planned work ").removesuffix(": merchant noodle") for title in receiver.titles]
    assert told[0] == "created"
    assert "started" in told
    assert "ended early" in told
    assert len(told) == len(set(told))
    assert "field. firmware 2.1. " in receiver.heard[0]["message"]
    assert f"By li. Window: {key}" in receiver.heard[0]["message"]


async def test_that_work_is_approved_ends_soon_and_is_overdue_is_told(begin: Any, receiver: Receiver) -> None:
    running = await begin(tokens=TOKENS, second=1, maintenance=True)
    start = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(time.time() + 8 * 3600))
    work = {"starts": start, "duration_s": 8, "owner": "field", "selector": {"merchant": "noodle"}}
    url = f"http://127.0.0.1:{running.daemon.port}/api/v1/windows"
    async with aiohttp.ClientSession() as session:
        async with session.post(url, json=work, headers={"Authorization": "Bearer secret"}) as answer:
            assert answer.status == 201, await answer.text()
            key = (await answer.json())["id"]
        async with session.post(f"{url}/{key}/approve", headers={"Authorization": "Bearer other"}) as answer:
            assert answer.status == 200, await answer.text()
    await running.until(lambda: any("ended" in title for title in receiver.titles), "it is over")
    missing = {"incident": "maintenance_overdue-1", "terminals": 3}  # grace is a quarter of an hour
    running.daemon.maintenance.upkeep._tell(
        [AuditEntry(time.time_ns() // 10**6, None, "overdue", "window", key, missing)]
    )
    await running.until(lambda: any("overdue" in title for title in receiver.titles), "it is overdue")
    told = [title.removeprefix("Planned work ").removesuffix(": merchant noodle") for title in receiver.titles]
    assert told == ["created", "approved", "started", "ending soon", "ended", "overdue"]
    assert f"By wang. Window: {key}" in receiver.heard[1]["message"]
    assert "Terminals that are not back: 3, incident maintenance_overdue-1." in receiver.heard[-1]["message"]


async def test_a_document_goes_once_to_those_who_asked_for_such(begin: Any, receiver: Receiver) -> None:
    running = await begin(report=True)
    for _ in range(2):
        assert await running.daemon.dispatch.send("report/2026-11-28", "Morning report", "all well", "<b>") == ["hook"]
    await running.until(lambda: receiver.heard, "the report")
    await running.daemon.dispatch.send("report/2026-11-29", "Next", "all well")
    await running.until(lambda: len(receiver.heard) == 2, "the next")
    assert receiver.titles == ["Morning report", "Next"]
    await running.stop()
    running = await begin()
    assert await running.daemon.dispatch.send("report/2026-11-30", "Morning report", "x") == []


async def test_killed_before_and_after_the_message_it_is_told_once(
    tmp_path: Path, mosquitto: Any, sample: Path, say: Say, receiver: Receiver
) -> None:
    (tmp_path / "url").write_text(receiver.url + "\n")
    notices = [{"name": "hook", "url_file": "url", "language": "zh"}]
    config = {"registry": str(sample / "registry.yml"), "mqtt": {"port": mosquitto.port}, "web": {"port": 0}}
    victim, receiver.away = Victim(tmp_path, config | {"notices": notices}), True

    def links() -> int:
        return (tmp_path / "log").read_text().count("link up")

    try:
        victim.start()
        await eventually(lambda: links() == 1, "the daemon has subscribed")
        await say(mosquitto.port, "terminal/noodle-1/device", TAMPER)
        await eventually(lambda: receiver.refused, "it was tried")
        victim.kill()
        receiver.away = False
        victim.start()
        await eventually(lambda: victim.rows("select 1 from notice where told_at is not null"), "it was told")
        victim.kill()
        await say(mosquitto.port, "terminal/noodle-1/device", CLEAR)  # which the broker keeps for us
        victim.start()
        await eventually(lambda: len(receiver.heard) == 2, "the end")
    finally:
        victim.stop()
    assert receiver.titles == [
        f"{word}：终端 noodle-1（Noodle，noodle-shop，harbour）触发防拆锁定" for word in ("告警", "恢复")
    ]
    assert victim.rows("select word, told_at is null from notice order by word") == [("page", 0), ("resolved", 0)]
    assert KEY not in (tmp_path / "log").read_text()


async def test_the_command_sends_a_message_and_says_whether_it_was_taken(
    tmp_path: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "registry.yml").write_text("terminals: [{id: T1}]")
    (tmp_path / "fleetmon.yml").write_text("registry: registry.yml\nnotices: [{name: hook, language: en}]")
    monkeypatch.setenv("FLEETMON_NOTICES_HOOK_URL", receiver.url)
    monkeypatch.setenv("FLEETMON_CONFIG", str(tmp_path / "fleetmon.yml"))
    assert os.environ["FLEETMON_CONFIG"]

    async def notify(*words: str) -> tuple[int, str]:
        done = await asyncio.to_thread(CliRunner().invoke, cli, ["notify", *words])
        return done.exit_code, done.output

    assert await notify("hook") == (0, "hook: taken by the receiver\n")
    assert receiver.titles == ["A test of the route hook"]
    receiver.away = True
    status, said = await notify()
    assert (status, said) == (1, "hook: status 503\n")
    status, said = await notify("oncall")
    assert status == 2
    assert "there are: hook" in said
    monkeypatch.delenv("FLEETMON_NOTICES_HOOK_URL")
    status, said = await notify()
    assert status == 1
    assert "FLEETMON_NOTICES_HOOK_URL" in said
