"""What dashboards and rules ask, asked of a real Prometheus that scrapes a real daemon, through good days and bad.

Not Grafana itself: the colours follow its documented rules for value mappings and thresholds.
"""

import asyncio
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

from bench import viewer
from fleetmon.engine.money import arrears
from fleetmon.ingest.settings import MqttSettings
from fleetmon.sinks.alertmanager import AlertmanagerSettings

ROOT = Path(__file__).parents[2]
RULES = ROOT / "deploy/prometheus/rules"
DASHBOARDS = viewer.dashboards()
OVERVIEW, SETTLEMENT = DASHBOARDS["overview"], DASHBOARDS["settlement"]
PANELS = {panel["title"]: panel for panel in viewer.panels(OVERVIEW)}
NOT_YET = {"Unknown response codes", "Late sales, a day"}  # in a fleet of a minute
AGE, WAY = PANELS["Age of what is shown"]["targets"]
STATS = [title for title, panel in PANELS.items() if panel["type"] == "stat"]
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
        for target in viewer.targets(panel):
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
    """With everything chosen, and intervals for scrapes of every second."""
    expr = expr.replace("$__rate_interval", "10s").replace("$__range", "30s")
    return viewer.promql(expr, viewer.Span(0, 30, 1), viewer.chosen(DASHBOARDS["cohort"]))


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
            rules = shutil.copytree(RULES, server.log.parent / "rules", dirs_exist_ok=True) / "fleetmon.yml"
            rules.write_text(re.sub(r"(?m)^    interval: .*$", "    interval: 1s", rules.read_text()))
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
    for dashboard in DASHBOARDS.values():
        for panel in viewer.panels(dashboard):
            await asked.panel(panel)
        for mark in viewer.marks(dashboard):
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
    assert seen["Out of service"][0] == "0"
    assert seen["In planned work"] == ("0", "text")
    assert seen["Late money"] == ("0", "green")
    assert seen["On-call was called"] == ("0", "green")
    assert seen["Alerts on fleetmon"] == ("0", "green")
    assert 0 <= await latest(asked, AGE) < 60
    assert 0 < await latest(asked, WAY) < 5

    await say(mosquitto.port, "terminal/noodle-1/device", TAMPER)
    await asked.until(lambda seen: seen["On-call was called"] == ("1", "red"))
    await every_query_has_data(asked)
    page = (await running.get("/metrics"))[1]
    exported = set(re.findall("^# TYPE (\\w+)", page, re.MULTILINE))
    assert names_asked() - exported == {"fleetmon_settlement_next_due_timestamp_seconds"}, "no money is waited for"
    for expr, column in (await asked.panel(PANELS["What is wrong now"])).items():
        rows = {row["metric"]["kind"]: row["value"][1] for row in column}
        assert rows.pop("tamper") == ("0" if re.search("planned|acknowledged", expr) else "1")
        assert rows
        assert set(rows.values()) == {"0"}

    mosquitto.stop()
    seen = await asked.until(lambda seen: seen["This page"][0] == "DEAF")
    assert seen["This page"] == ("DEAF", GREY)
    assert seen["Terminals up"] == seen["Out of service"] == seen["Money at risk"] == ("unknown", GREY)
    assert seen["On-call was called"] == ("1", "red"), "what is known to be wrong stays"
    assert await asked.now(WAY["expr"]) == []
    assert "green" not in {colour for _, colour in seen.values()}
    by_state = await asked.now(PANELS["Terminals by state"]["targets"][0]["expr"])
    states = {row["metric"]["state"]: row["value"][1] for row in by_state}
    assert (states["unknown"], states["down"], states["up"]) == ("1", "0", "0")

    await running.stop()
    seen = await asked.until(lambda seen: seen["This page"][0] == "NO ANSWER")
    assert "green" not in {colour for _, colour in seen.values()}
    assert seen["On-call was called"] == ("unknown", GREY)
    assert await errors(asked) == {}


async def latest(asked: Prometheus, target: dict[str, Any]) -> float:
    """The last point of a graph with one line."""
    (series,) = await asked.now(target["expr"])
    return float(series["value"][1])


async def test_the_money_through_a_bad_day(
    start: Any, mosquitto: Any, say: Say, watching: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arrears, "CATCH_UP", 0)
    running = start(mqtt=MqttSettings(port=mosquitto.port))
    await running.until(lambda: not running.daemon.engine.deaf, "hearing")
    asked = await watching(running.daemon.port)

    async def until(title: str, text: str) -> None:
        panel = next(panel for panel in SETTLEMENT["panels"] if panel["title"] == title)
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
    for panel in viewer.panels(SETTLEMENT):
        found = await asked.panel(panel)
        assert all(found.values()) or panel["title"] in NOT_YET, panel["title"]
    mosquitto.stop()
    await until("Money at risk", "unknown")
    await until("Late money", "1234")


def names_asked() -> set[str]:
    """Every metric of ours in panels and rules; a name with a colon is a record, which is none of them."""
    rules = yaml.safe_load((RULES / "fleetmon.yml").read_text())
    asked = [rule["expr"] for group in rules["groups"] for rule in group["rules"]]
    for dashboard in DASHBOARDS.values():
        asked += [target["expr"] for panel in viewer.panels(dashboard) for target in viewer.targets(panel)]
    return set(re.findall(r"(?<![\w:])fleetmon_\w+(?![\w:])", " ".join(asked)))


async def every_query_has_data(asked: Prometheus) -> None:
    named = [rule["name"] for rule in await asked.rules() if rule["type"] == "recording"]
    records = [name for name in named if "amount_fen" not in name]  # no money is waited for
    assert records
    empty: list[str] = []
    for _ in range(100):  # rates want two scrapes, records an evaluation
        answers = [await asked.panel(panel) for panel in PANELS.values()]
        empty = [expr for found in answers for expr, series in found.items() if not series and "offset 1w" not in expr]
        empty += [name for name in records if not await asked.now(name)]
        if not empty:
            break
        await asyncio.sleep(0.2)
    assert empty == []
    assert await errors(asked) == {}
    (paged,) = [mark for mark in viewer.marks(OVERVIEW) if mark["name"] == "On-call was called"]
    assert [series["metric"] for series in await asked.over_time(paged["expr"])] == [{"kind": "tamper"}]
