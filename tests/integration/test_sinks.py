"""What leaves the house: alerts in a real Alertmanager, metrics that Prometheus' own tools accept, health."""

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp.web
import pytest
import yaml
from msgspec import structs
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from fleetmon.app import Daemon
from fleetmon.config import Config, Loaded
from fleetmon.ingest.settings import MqttSettings
from fleetmon.locale import Situation
from fleetmon.model.errors import SinkError
from fleetmon.model.incident import Incident, Status
from fleetmon.model.registry import Provider, Registry
from fleetmon.sinks.alertmanager import BATCH, Alertmanager, AlertmanagerSettings
from fleetmon.sinks.board import RESOLVED_KEPT_MS, Board
from fleetmon.store import StoreSettings
from fleetmon.web.settings import WebSettings

Say = Callable[..., Awaitable[None]]
TAMPER = {"at": 1, "boot": 1, "seq": 1, "component": "security", "code": "Tamper", "action": "set"}


async def alerts(server: Any) -> dict[str, dict[str, Any]]:
    """The active alerts of an Alertmanager by name."""
    async with aiohttp.ClientSession() as session, session.get(f"{server.url}/api/v2/alerts") as answer:
        return {alert["labels"]["alertname"]: alert for alert in await answer.json()}


async def until_alerts(server: Any, names: set[str]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for _ in range(300):
        found = await alerts(server)
        if set(found) == names:
            return found
        await asyncio.sleep(0.05)
    pytest.fail(f"Alertmanager shows {set(found)}, expected {names}")


async def test_one_incident_is_one_alert_and_resolves(start: Any, mosquitto: Any, alertmanager: Any, say: Say) -> None:
    running = start(
        mqtt=MqttSettings(port=mosquitto.port), alertmanager=AlertmanagerSettings(urls=[alertmanager.url], resend_s=0.5)
    )
    await running.until_ready()
    await until_alerts(alertmanager, {"FleetmonWatchdog"})
    await say(mosquitto.port, "terminal/noodle-1/device", TAMPER)
    found = await until_alerts(alertmanager, {"FleetmonWatchdog", "FleetmonTamper"})
    assert found["FleetmonTamper"]["labels"] == {
        "alertname": "FleetmonTamper", "severity": "critical", "kind": "tamper", "terminal": "noodle-1",
        "provider": "field-1",
    }  # fmt: skip
    assert "noodle-1" in found["FleetmonTamper"]["annotations"]["summary"]
    await running.until(lambda: not running.daemon.announcements.unheard, "it is noted as told")
    await say(mosquitto.port, "terminal/noodle-1/device", {**TAMPER, "seq": 2, "action": "clear"})
    await until_alerts(alertmanager, {"FleetmonWatchdog"})


async def test_who_sees_to_it_is_an_annotation_and_labels_stay(
    start: Any, mosquitto: Any, alertmanager: Any, say: Say
) -> None:
    running = start(
        mqtt=MqttSettings(port=mosquitto.port), alertmanager=AlertmanagerSettings(urls=[alertmanager.url], resend_s=0.5)
    )
    await running.until_ready()
    await say(mosquitto.port, "terminal/noodle-1/device", TAMPER)
    before = (await until_alerts(alertmanager, {"FleetmonWatchdog", "FleetmonTamper"}))["FleetmonTamper"]
    assert "acknowledged_by" not in before["annotations"]
    key, until = running.transitions[-1].incident.id, 4_000_000_000_000
    turns = running.daemon._turns
    await turns.between(lambda now: running.daemon.engine.acknowledge(now, key, "wang", until, "on my way"))

    async def annotated(by: str | None) -> dict[str, Any]:
        async with asyncio.timeout(15):
            while (found := (await alerts(alertmanager))["FleetmonTamper"])["annotations"].get("acknowledged_by") != by:
                await asyncio.sleep(0.05)
        return found

    after = await annotated("wang")
    assert after["annotations"]["acknowledged_until"] == "2096-10-02T07:06:40.000Z"
    assert "Acknowledged by wang until 2096-10-02 15:06:40. Comment: on my way" in after["annotations"]["description"]
    assert after["annotations"]["summary"] == before["annotations"]["summary"]
    for name in ("labels", "fingerprint", "startsAt"):
        assert after[name] == before[name]
    assert after["status"]["state"] == "active", "nothing is silenced"
    await turns.between(lambda now: running.daemon.engine.unacknowledge(now, key, "wang"))
    assert (await annotated(None))["fingerprint"] == before["fingerprint"]


@pytest.fixture
async def heard() -> AsyncIterator[tuple[str, list[tuple[str, str]]]]:
    """An address for Alertmanager to notify, and what it said there, each time: the name of an alert, its status."""
    told: list[tuple[str, str]] = []

    async def hear(request: aiohttp.web.Request) -> aiohttp.web.Response:
        for one in (await request.json())["alerts"]:
            again = " again" if one["labels"].get("acknowledgement") == "ended" else ""
            if one["labels"]["alertname"] != "FleetmonWatchdog":
                told.append((f"{one['labels']['alertname']}{again}", one["status"]))
        return aiohttp.web.Response()

    application = aiohttp.web.Application()
    application.router.add_post("/", hear)
    runner = aiohttp.web.AppRunner(application)
    await runner.setup()
    await aiohttp.web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/", told
    await runner.cleanup()


async def test_people_are_told_again_when_an_acknowledgement_ends(
    start: Any, mosquitto: Any, say: Say, alertmanager: Any, heard: tuple[str, list[tuple[str, str]]], tmp_path: Path
) -> None:
    """Alertmanager says nothing new of labels that it knows: without an alert of its own nobody would hear of it."""
    url, told = heard
    settings = yaml.safe_load((Path(__file__).parents[2] / "deploy/alertmanager/alertmanager.yml").read_text())
    settings["route"] |= {"receiver": "people", "group_interval": "1s", "routes": []}
    settings["receivers"] = [{"name": "people", "webhook_configs": [{"url": url}]}]
    (tmp_path / "alertmanager/alertmanager.yml").write_text(yaml.safe_dump(settings))
    await asyncio.to_thread(alertmanager.restart)
    running = start(
        mqtt=MqttSettings(port=mosquitto.port), alertmanager=AlertmanagerSettings(urls=[alertmanager.url], resend_s=0.5)
    )
    await running.until_ready()
    await say(mosquitto.port, "terminal/noodle-1/device", TAMPER)
    await running.until(lambda: told == [("FleetmonTamper", "firing")], "the first call")
    running.daemon.engine.shard.heard_since -= 3_600_000  # we have been listening for long
    key, engine, turns = running.transitions[-1].incident.id, running.daemon.engine, running.daemon._turns
    again, seen_to = ("FleetmonTamper again", "firing"), ("FleetmonTamper again", "resolved")
    for number in (1, 2):
        await turns.between(lambda now: engine.acknowledge(now, key, "wang", now + 500))
        await running.until(lambda number=number: told.count(again) == number, "called again", 30)
        if number == 1:
            await turns.between(lambda now: engine.acknowledge(now, key, "wang", now + 3_600_000))
            await running.until(lambda: told[-1] == seen_to, "somebody sees to it", 30)
    await say(mosquitto.port, "terminal/noodle-1/device", {**TAMPER, "seq": 2, "action": "clear"})
    await running.until(lambda: ("FleetmonTamper", "resolved") in told, "the end", 30)
    await running.until(lambda: told.count(seen_to) == 2, "of both", 30)
    assert told.count(("FleetmonTamper", "firing")) == 1
    assert told.count(again) == 2


async def test_an_alert_survives_a_restart_of_the_alertmanager_and_of_the_daemon(
    start: Any, mosquitto: Any, alertmanager: Any, say: Say
) -> None:
    settings = {
        "mqtt": MqttSettings(port=mosquitto.port),
        "alertmanager": AlertmanagerSettings(urls=[alertmanager.url], resend_s=0.5),
    }
    running = start(**settings)
    await running.until_ready()
    await say(mosquitto.port, "terminal/noodle-1/device", TAMPER)
    first = await until_alerts(alertmanager, {"FleetmonWatchdog", "FleetmonTamper"})
    await asyncio.to_thread(alertmanager.restart)
    await until_alerts(alertmanager, {"FleetmonWatchdog", "FleetmonTamper"})
    await running.stop()
    again = start(**settings)
    await again.until_ready()
    second = await until_alerts(alertmanager, {"FleetmonWatchdog", "FleetmonTamper"})
    assert second["FleetmonTamper"]["startsAt"] == first["FleetmonTamper"]["startsAt"]
    assert again.told == [], "a restart opens and resolves nothing"
    await say(mosquitto.port, "terminal/noodle-1/device", {**TAMPER, "seq": 2, "action": "clear"})
    await until_alerts(alertmanager, {"FleetmonWatchdog"})


async def test_labels_stay_the_same_over_a_restart_whatever_the_registry_says_by_then(
    mosquitto: Any, alertmanager: Any, say: Say, sample_registry: Registry, running_daemon: Any, tmp_path: Path
) -> None:
    """Another provider in the labels would be another alert: a second call, and the first never ends."""
    config = Config(
        registry="", mqtt=MqttSettings(port=mosquitto.port), web=WebSettings(port=0),
        store=StoreSettings(f"sqlite:///{tmp_path}/fleetmon.db"),
        alertmanager=AlertmanagerSettings(urls=[alertmanager.url], resend_s=0.5),
    )  # fmt: skip
    running = running_daemon(Daemon(Loaded(config, sample_registry, None)))
    await running.until_ready()
    await say(mosquitto.port, "terminal/noodle-1/device", TAMPER)
    first = (await until_alerts(alertmanager, {"FleetmonWatchdog", "FleetmonTamper"}))["FleetmonTamper"]
    await running.stop()
    terminals = [structs.replace(row, provider="field-2") for row in sample_registry.terminals]
    other = structs.replace(
        sample_registry, terminals=terminals, providers=[*sample_registry.providers, Provider("field-2")]
    )
    again = running_daemon(Daemon(Loaded(config, other, None)))
    await again.until_ready()
    await asyncio.to_thread(alertmanager.restart)  # which forgets what it was told last
    second = (await until_alerts(alertmanager, {"FleetmonWatchdog", "FleetmonTamper"}))["FleetmonTamper"]
    assert second["fingerprint"] == first["fingerprint"]
    assert second["labels"]["provider"] == "field-1"
    await say(mosquitto.port, "terminal/noodle-1/device", {**TAMPER, "seq": 2, "action": "clear"})
    await until_alerts(alertmanager, {"FleetmonWatchdog"})


async def test_what_is_refused_is_untold_and_what_was_in_other_posts_is_told() -> None:
    """What an Alertmanager refuses for good must not be told again and again together with all others."""
    told, posts = list[tuple[str, str]](), list[list[Any]]()
    incidents = [
        Incident(
            f"i{number}",
            "tamper",
            (("terminal", f"t{number}"),),
            "critical",
            pages=True,
            opened_at=0,
            status=Status.FIRING,
            paged_at=0,
        )
        for number in range(BATCH + 1)
    ]

    async def refuse_the_first(request: aiohttp.web.Request) -> aiohttp.web.Response:
        posts.append(await request.json())
        return aiohttp.web.Response(status=400 if len(posts) == 1 else 200)

    application = aiohttp.web.Application()
    application.router.add_post("/api/v2/alerts", refuse_the_first)
    runner = aiohttp.web.AppRunner(application)
    await runner.setup()
    await aiohttp.web.TCPSite(runner, "127.0.0.1", 0).start()
    one = Alertmanager(
        f"http://127.0.0.1:{runner.addresses[0][1]}", AlertmanagerSettings(), lambda: (1, incidents), lambda _: None,
        lambda _: Situation(1), told.extend,
    )  # fmt: skip
    async with aiohttp.ClientSession() as session:
        with pytest.raises(SinkError, match="400"):
            await one._tell(session)
    await runner.cleanup()
    assert [len(post) for post in posts] == [BATCH, 2], "the watchdog and all of them"
    assert told == [(f"i{BATCH - 1}", "firing"), (f"i{BATCH}", "firing")]


async def test_a_dead_alertmanager_keeps_the_outbox_and_not_the_others(
    start: Any, mosquitto: Any, alertmanager: Any, say: Say
) -> None:
    settings = AlertmanagerSettings(urls=["http://127.0.0.1:9", alertmanager.url], resend_s=0.5)
    running = start(mqtt=MqttSettings(port=mosquitto.port), alertmanager=settings)
    await running.until_ready()
    await say(mosquitto.port, "terminal/noodle-1/device", TAMPER)
    await until_alerts(alertmanager, {"FleetmonWatchdog", "FleetmonTamper"})
    dead, alive = running.daemon.announcements.alertmanagers
    assert dead.failures == dead.sends > 0
    assert alive.failures == 0


async def test_a_refused_batch_is_no_reason_to_hammer(start: Any, mosquitto: Any) -> None:
    """After a 400 the valid alerts are in; only the next regular re-send follows."""
    posts = []

    async def refuse(request: aiohttp.web.Request) -> aiohttp.web.Response:
        posts.append(await request.json())
        return aiohttp.web.Response(status=400, text="bad alert")

    application = aiohttp.web.Application()
    application.router.add_post("/api/v2/alerts", refuse)
    runner = aiohttp.web.AppRunner(application)
    await runner.setup()
    site = aiohttp.web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    settings = AlertmanagerSettings(urls=[f"http://127.0.0.1:{port}"], resend_s=60)
    running = start(mqtt=MqttSettings(port=mosquitto.port), alertmanager=settings)
    await running.until(lambda: posts, "the first post")
    await running.until(lambda: running.daemon.announcements.alertmanagers[0].failures == 1, "the failure")
    assert "alertmanager" in str(running.daemon.not_ready())
    assert posts[0][0]["labels"]["alertname"] == "FleetmonWatchdog"
    await runner.cleanup()


async def test_metrics_pass_the_checks_of_prometheus_and_of_openmetrics(start: Any, mosquitto: Any, say: Say) -> None:
    running = start(mqtt=MqttSettings(port=mosquitto.port))
    await running.until_ready()
    await say(mosquitto.port, "terminal/noodle-1/device", TAMPER)
    await say(mosquitto.port, "terminal/noodle-1/heartbeat", b"{}")
    await running.until(lambda: running.told == ["tamper firing"], "the incident")
    text = (await running.get("/metrics"))[1]
    checked = await asyncio.to_thread(
        subprocess.run, ["promtool", "check", "metrics"], input=text.encode(), capture_output=True, check=False
    )
    assert checked.returncode == 0, checked.stderr
    assert checked.stderr == b""
    assert 'fleetmon_incidents{kind="tamper",status="firing"} 1.0' in text
    assert 'fleetmon_carrier_terminals{carrier="CUCC",state="never_seen"}' in text
    async with aiohttp.ClientSession() as session:
        headers = {"Accept": "application/openmetrics-text; version=1.0.0"}
        url = f"http://127.0.0.1:{running.daemon.port}/metrics"
        async with session.get(url, headers=headers) as answer:
            assert answer.content_type == "application/openmetrics-text"
            families = text_string_to_metric_families(await answer.text())  # type: ignore[no-untyped-call]
            names = {family.name for family in families}
    assert {"fleetmon_terminals", "fleetmon_incidents", "fleetmon_mqtt_message_failures"} <= names


async def test_a_real_prometheus_scrapes_it(start: Any, mosquitto: Any, prometheus: Any) -> None:
    running = start(mqtt=MqttSettings(port=mosquitto.port))
    await running.until_ready()
    server = prometheus(running.daemon.port)
    query = f"{server.url}/api/v1/query?query=sum(fleetmon_terminals)"
    result: list[Any] = []

    async def scraped() -> None:
        async with aiohttp.ClientSession() as session:
            while not result:
                async with session.get(query) as answer:
                    result.extend((await answer.json())["data"]["result"])
                await asyncio.sleep(0.05)

    await asyncio.wait_for(scraped(), 15)
    assert result[0]["value"][1] == "18", "the sample's terminals"


async def test_the_incidents_api(start: Any, mosquitto: Any, say: Say) -> None:
    running = start(mqtt=MqttSettings(port=mosquitto.port))
    await running.until_ready()
    await say(mosquitto.port, "terminal/noodle-1/device", TAMPER)
    await running.until(lambda: len(running.told) == 1, "the first")
    await say(mosquitto.port, "terminal/noodle-2/device", TAMPER)
    await say(mosquitto.port, "terminal/noodle-2/device", {**TAMPER, "seq": 2, "action": "clear"})
    await running.until(lambda: "tamper resolved" in running.told, "the end of the second")

    async def scopes(query: str) -> list[str]:
        status, text = await running.get(f"/api/v1/incidents{query}")
        assert status == 200, text
        return [found["scope"]["terminal"] for found in json.loads(text)["incidents"]]

    assert await scopes("") == ["noodle-2", "noodle-1"]
    assert await scopes("?status=firing") == ["noodle-1"]
    assert await scopes("?status=resolved&kind=tamper") == ["noodle-2"]
    assert await scopes("?kind=site_outage") == []
    assert await scopes("?limit=1") == ["noodle-2"]
    assert (await running.get("/api/v1/incidents?status=nonsense"))[0] == 400
    assert json.loads((await running.get("/schema/openapi.json"))[1])["openapi"].startswith("3.1")


def test_the_board_keeps_what_is_resolved_for_fifteen_minutes() -> None:
    board = Board()
    incident = Incident("x", "tamper", (), "critical", pages=True, opened_at=0, fired_at=0, status=Status.FIRING)
    board.put([incident])
    assert board.current(10**12) == [incident], "what is firing stays"
    over = structs.replace(incident, status=Status.RESOLVED, resolved_at=1000)
    board.put([over])
    assert board.current(1000 + RESOLVED_KEPT_MS) == [over]
    assert board.current(1001 + RESOLVED_KEPT_MS) == []
    board.put([structs.replace(incident, fired_at=None)])
    assert board.current(0) == [], "what was never announced is not told"
