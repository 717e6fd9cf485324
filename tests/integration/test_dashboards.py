"""What dashboards and rules ask, asked of a real Prometheus that scrapes a real daemon, through good days and bad.

Not Grafana itself: the colours follow its documented rules for value mappings and thresholds.
"""

import asyncio
import json
import math
import re
import shutil
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml

from fleetmon.engine import arrears
from fleetmon.ingest.settings import MqttSettings
from fleetmon.sinks.alertmanager import AlertmanagerSettings

ROOT = Path(__file__).parents[2]
RULES = ROOT / "deploy/prometheus/rules"
OVERVIEW = json.loads((ROOT / "grafana/dashboards/overview.json").read_text())
MONEY = json.loads((ROOT / "grafana/dashboards/money.json").read_text())
PANELS = {panel["title"]: panel for panel in OVERVIEW["panels"]}
STATS = [title for title, panel in PANELS.items() if panel["type"] == "stat"]
NUMBERS = {"$job": "fleetmon", "$__rate_interval": "10s"}
GREY = "#8e8e8e"
Say = Callable[..., Awaitable[None]]
Seen = dict[str, tuple[str, str]]
BEAT = {"at": 1, "boot": 1, "seq": 1, "interval_s": 60}
TAMPER = {"at": 1, "boot": 1, "seq": 2, "component": "security", "code": "Tamper", "action": "set"}


class Prometheus:
    """Asks as Grafana does."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self._url = url
        self._session = session

    async def get(self, path: str, **parameters: str) -> Any:
        async with self._session.post(f"{self._url}/api/v1/{path}", data=parameters) as answer:
            body = await answer.json()
        assert body["status"] == "success", f"{parameters}: {body.get('error')}"
        assert not body.get("warnings"), f"{parameters}: {body['warnings']}"
        return body["data"]

    async def rules(self) -> list[dict[str, Any]]:
        async with self._session.get(f"{self._url}/api/v1/rules") as answer:
            groups = (await answer.json())["data"]["groups"]
        return [rule for group in groups for rule in group["rules"]]

    async def now(self, expr: str) -> list[dict[str, Any]]:
        return list((await self.get("query", query=filled(expr)))["result"])

    async def over_time(self, expr: str) -> list[dict[str, Any]]:
        now = time.time()
        span = {"start": f"{now - 30:.3f}", "end": f"{now:.3f}", "step": "1"}
        return list((await self.get("query_range", query=filled(expr), **span))["result"])

    async def panel(self, panel: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
        """The series of each query of a panel, by its expression."""
        found = {}
        for target in panel["targets"]:
            ask = self.now if target["instant"] else self.over_time
            found[target["expr"]] = await ask(target["expr"])
        return found

    async def look(self) -> Seen:
        """Text and colour of each single number of the overview."""
        seen = {}
        for title in STATS:
            (series,) = (await self.panel(PANELS[title])).values()
            assert len(series) <= 1, f"{title}: one number is one series"
            seen[title] = shown(PANELS[title], float(series[0]["value"][1]) if series else math.nan)
        return seen

    async def until(self, what: Callable[[Seen], bool]) -> Seen:
        seen: Seen = {}
        for _ in range(150):
            seen = await self.look()
            if what(seen):
                return seen
            await asyncio.sleep(0.2)
        pytest.fail(f"it never showed: {seen}")


def filled(expr: str) -> str:
    for variable, value in NUMBERS.items():
        expr = expr.replace(variable, value)
    assert "$" not in expr
    return expr


def shown(panel: dict[str, Any], value: float) -> tuple[str, str]:
    """Text and colour of a value: the first mapping that fits, else the last step that it has reached."""
    for mapping in panel["fieldConfig"]["defaults"]["mappings"]:
        if mapping["type"] == "special" and math.isnan(value):
            return mapping["options"]["result"]["text"], mapping["options"]["result"]["color"]
        if mapping["type"] == "value" and f"{value:g}" in mapping["options"]:
            named = mapping["options"][f"{value:g}"]
            return named["text"], named["color"]
    steps = panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
    reached = [step["color"] for step in steps if step["value"] is None or value >= step["value"]]
    return f"{value:g}", reached[-1]


@pytest.fixture
async def watching(prometheus: Any) -> AsyncIterator[Callable[[int], Awaitable[Prometheus]]]:
    """Start a Prometheus with the shipped rules, scraping a port."""
    async with aiohttp.ClientSession() as session:

        async def begin(port: int) -> Prometheus:
            server = await asyncio.to_thread(prometheus, port)
            shutil.copytree(RULES, server.log.parent / "rules", dirs_exist_ok=True)
            await asyncio.to_thread(server.restart)
            asked = Prometheus(server.url, session)
            async with asyncio.timeout(30):
                while (await session.get(f"{server.url}/-/ready")).status != 200:
                    await asyncio.sleep(0.05)
                while any(rule["health"] == "unknown" for rule in (await asked.rules())):
                    await asyncio.sleep(0.1)
            return asked

        yield begin


async def errors(asked: Prometheus) -> dict[str, str]:
    return {rule["name"]: rule.get("lastError", "") for rule in await asked.rules() if rule["health"] != "ok"}


async def test_where_there_is_no_fleetmon_every_query_is_answered_and_nothing_is_green(watching: Any) -> None:
    asked = await watching(9)  # the port of discard, where nobody listens
    assert await errors(asked) == {}
    for panel in OVERVIEW["panels"]:
        await asked.panel(panel)
    for mark in OVERVIEW["annotations"]["list"]:
        await asked.over_time(mark["expr"])
    seen = await asked.until(lambda seen: seen["This page"][0] == "NO ANSWER")
    assert seen.pop("This page") == ("NO ANSWER", "red")
    assert set(seen.values()) == {("unknown", GREY)}
    (watchdog,) = await asked.now('ALERTS{alertname="FleetmonRulesWatchdog"}')
    assert watchdog["metric"]["alertstate"] == "firing"


async def test_the_overview_through_a_bad_day(start: Any, mosquitto: Any, say: Say, watching: Any) -> None:
    nobody = AlertmanagerSettings(urls=["http://127.0.0.1:9"], resend_s=0.5)
    running = start(mqtt=MqttSettings(port=mosquitto.port, canary_s=0.5), alertmanager=nobody)
    await running.until(lambda: not running.daemon.engine.deaf, "hearing")
    asked = await watching(running.daemon.port)

    await say(mosquitto.port, "terminal/noodle-1/heartbeat", BEAT, qos=0)
    await say(mosquitto.port, "terminal/noodle-1/heartbeat", b"{}", qos=0)
    seen = await asked.until(lambda seen: seen["Terminals up"][0] == "1")
    assert seen["This page"] == ("LIVE", "green")
    assert seen["Terminals up"] == ("1", "green")
    assert seen["Terminals down"][0] == "0"
    assert seen["Firing incidents"][0] == "0"
    assert seen["Incidents for which on-call was called"] == ("0", "green")
    assert seen["Alerts on fleetmon itself"] == ("0", "green")
    assert 0 <= float(seen["Since the last message"][0]) < 60
    assert 0 < float(seen["Way through the broker"][0]) < 5

    await say(mosquitto.port, "terminal/noodle-1/device", TAMPER)
    await asked.until(lambda seen: seen["Incidents for which on-call was called"] == ("1", "red"))
    await every_query_has_data(asked)
    page = (await running.get("/metrics"))[1]
    assert names_asked() <= set(re.findall("^# TYPE (\\w+)", page, re.MULTILINE)), "they ask for what is not exported"
    for column in (await asked.panel(PANELS["What is wrong now"])).values():
        rows = {row["metric"]["kind"]: row["value"][1] for row in column}
        assert rows.pop("tamper") == "1"
        assert rows
        assert set(rows.values()) == {"0"}

    mosquitto.stop()
    seen = await asked.until(lambda seen: seen["This page"][0] == "DEAF")
    assert seen["This page"] == ("DEAF", GREY)
    assert seen["Terminals up"] == seen["Terminals down"] == seen["Way through the broker"] == ("unknown", GREY)
    assert seen["Incidents for which on-call was called"] == ("1", "red"), "what is known to be wrong stays"
    assert "green" not in {colour for _, colour in seen.values()}
    by_state = await asked.now(PANELS["Terminals by state"]["targets"][0]["expr"])
    states = {row["metric"]["state"]: row["value"][1] for row in by_state}
    assert (states["unknown"], states["down"], states["up"]) == ("1", "0", "0")

    await running.stop()
    seen = await asked.until(lambda seen: seen["This page"][0] == "NO ANSWER")
    assert "green" not in {colour for _, colour in seen.values()}
    assert seen["Incidents for which on-call was called"] == ("unknown", GREY)
    assert await errors(asked) == {}


async def test_the_money_through_a_bad_day(
    start: Any, mosquitto: Any, say: Say, watching: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arrears, "CATCH_UP", 0)
    running = start(mqtt=MqttSettings(port=mosquitto.port))
    await running.until(lambda: not running.daemon.engine.deaf, "hearing")
    asked = await watching(running.daemon.port)

    async def until(title: str, text: str) -> None:
        panel = next(panel for panel in MONEY["panels"] if panel["title"] == title)
        now = ""
        for _ in range(150):
            (series,) = (await asked.panel(panel)).values()
            now = shown(panel, float(series[0]["value"][1]) if series else math.nan)[0]
            if now == text:
                return
            await asyncio.sleep(0.2)
        pytest.fail(f"{title}: {now}, not {text}")

    await until("Late money", "0")
    await until("Money at risk", "0")
    at = time.time_ns() // 1_000_000
    sale = {"at": at, "boot": 1, "seq": 1, "kind": "sale", "amount": 123_400}
    late = {"id": "late", "stage": "approved", "host_at": at - 4 * 86_400_000}
    await say(mosquitto.port, "terminal/noodle-1/transaction", {**sale, **late})
    await say(mosquitto.port, "terminal/noodle-2/transaction", {**sale, "id": "kept", "stage": "stored"})
    await until("Late money", "1234")
    await until("Late business dates", "1")
    await until("Money at risk", "1234")
    for panel in MONEY["panels"]:
        found = await asked.panel(panel)
        assert all(found.values()) or panel["title"] == "Unknown response codes", panel["title"]
    page = (await running.get("/metrics"))[1]
    queries = " ".join(target["expr"] for panel in MONEY["panels"] for target in panel["targets"])
    exported = set(re.findall("^# TYPE (\\w+)", page, re.MULTILINE))
    assert set(re.findall(r"fleetmon_\w+", queries)) <= exported
    mosquitto.stop()
    await until("Money at risk", "unknown")
    await until("Late money", "1234")


def names_asked() -> set[str]:
    """Every metric of ours in panels and rules; a name with a colon is a record, which is none of them."""
    rules = yaml.safe_load((RULES / "fleetmon.yml").read_text())
    asked = [rule["expr"] for group in rules["groups"] for rule in group["rules"]]
    asked += [target["expr"] for panel in PANELS.values() for target in panel["targets"]]
    return set(re.findall(r"(?<![\w:])fleetmon_\w+(?![\w:])", " ".join(asked)))


async def every_query_has_data(asked: Prometheus) -> None:
    async with asyncio.timeout(20):  # rates want two scrapes, records an evaluation
        while empty := [
            expr for panel in PANELS.values() for expr, found in (await asked.panel(panel)).items() if not found
        ]:
            await asyncio.sleep(0.2)
    records = [rule["name"] for rule in await asked.rules() if rule["type"] == "recording"]
    assert records
    assert empty == [name for name in records if not await asked.now(name)] == []
    assert await errors(asked) == {}
    paged, _ = OVERVIEW["annotations"]["list"]
    assert [series["metric"] for series in await asked.over_time(paged["expr"])] == [{"kind": "tamper"}]
