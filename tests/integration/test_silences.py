"""Planned work as silences of a real Alertmanager: made, changed, expired, mended; and what people hear meanwhile."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp.web
import pytest
import yaml
from msgspec import structs

from fleetmon.engine.census import Census
from fleetmon.engine.work.windows import Windows
from fleetmon.ingest.settings import MqttSettings
from fleetmon.model.incident import Incident, Status
from fleetmon.model.window import Occurrence, Window
from fleetmon.sinks.alertmanager import AlertmanagerSettings, rfc3339
from fleetmon.sinks.muting import Muting
from fleetmon.sinks.silences import Silences

Say = Callable[..., Awaitable[None]]
MINUTE = 60_000


def clock() -> int:
    return time.time_ns() // 1_000_000


def window(start: float, end: float, name: str = "w", **fields: Any) -> Window:
    """Work on the carrier CMCC, in minutes from now."""
    span = Occurrence(clock() + round(start * MINUTE), clock() + round(end * MINUTE))
    given: dict[str, Any] = {"owner": "night shift", "selector": {"carrier": "CMCC"}, "settle_ms": 0}
    given |= {"occurrences": (span,)} | fields
    return Window(id=f"window:operator:{name}", provenance="operator", **given)


class Neighbour:
    """An Alertmanager as its users see it."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self.session = session
        self.url = f"{url}/api/v2"

    async def silences(self, *states: str) -> list[dict[str, Any]]:
        async with self.session.get(f"{self.url}/silences") as answer:
            found = [one for one in await answer.json() if one["status"]["state"] in (states or ("active", "pending"))]
        return sorted(found, key=lambda one: (one["comment"], one["id"]))

    async def silence(self, **fields: Any) -> str:
        """What somebody does by hand."""
        body = {
            "matchers": [{"name": "carrier", "value": "CMCC", "isRegex": False, "isEqual": True}], "createdBy": "wang",
            "comment": "mine", "startsAt": rfc3339(clock()), "endsAt": rfc3339(clock() + 3_600_000),
        }  # fmt: skip
        async with self.session.post(f"{self.url}/silences", json=body | fields) as answer:
            return str((await answer.json())["silenceID"])

    async def alert(self, name: str, start: int, end: int = 0, **labels: str) -> None:
        """What Prometheus sends for a rule."""
        ends = rfc3339(end or clock() + 3_600_000)
        body = {"labels": {"alertname": name, "carrier": "CMCC"} | labels, "startsAt": rfc3339(start), "endsAt": ends}
        async with self.session.post(f"{self.url}/alerts", json=[body]) as answer:
            assert answer.status == 200, await answer.text()

    async def states(self) -> dict[str, str]:
        """Whether an alert is told (active) or not (suppressed), by name."""
        async with self.session.get(f"{self.url}/alerts") as answer:
            return {one["labels"]["alertname"]: one["status"]["state"] for one in await answer.json()}

    async def until_states(self, wanted: dict[str, str]) -> None:
        found: dict[str, str] = {}
        for _ in range(300):
            found = await self.states()
            if wanted.items() <= found.items():
                return
            await asyncio.sleep(0.05)
        pytest.fail(f"Alertmanager shows {found}, expected {wanted}")


@pytest.fixture
async def neighbour(alertmanager: Any) -> AsyncIterator[Neighbour]:
    async with aiohttp.ClientSession() as session:
        yield Neighbour(session, alertmanager.url)


class Mirror:
    """Silences of some planned work, compared when a test says so."""

    def __init__(self, session: aiohttp.ClientSession, url: str, instance: str = "fleetmon") -> None:
        self.windows = Windows()
        self.silences = Silences(url, 60, instance, Muting(self.windows, Census()), clock)
        self._session = session

    async def round(self, *windows: Window) -> float:
        for one in windows:
            self.windows.put(one)
        return await self.silences._round(self._session)

    @property
    def counts(self) -> tuple[int, int, int]:
        return self.silences.states["mirrored"], self.silences.states["failing"], self.silences.failures


@pytest.fixture
def mirror(neighbour: Neighbour, alertmanager: Any) -> Mirror:
    return Mirror(neighbour.session, alertmanager.url)


async def test_a_silence_is_made_changed_and_expired(mirror: Mirror, neighbour: Neighbour) -> None:
    planned = window(-1, 30, reason="new router", reference="CHG-7")
    assert await mirror.round(planned) == 60
    (made,) = await neighbour.silences()
    assert made["status"]["state"] == "active"
    assert made["createdBy"] == "fleetmon"
    assert made["comment"] == "night shift: new router (CHG-7)\nfleetmon/fleetmon window:operator:w"
    assert made["endsAt"] == rfc3339(planned.occurrences[0].end)
    assert await neighbour.silences("active") == [made]

    await mirror.round()
    assert await neighbour.silences() == [made], "nothing is sent again, or updatedAt would differ"

    longer = structs.replace(planned, occurrences=(planned.occurrences[0]._replace(end=clock() + 40 * MINUTE),))
    await mirror.round(longer)
    (changed,) = await neighbour.silences()
    assert (changed["id"], changed["endsAt"]) == (made["id"], rfc3339(longer.occurrences[0].end))

    await mirror.round(structs.replace(longer, selector={"carrier": ["CMCC", "C.T"]}))
    (wider,) = await neighbour.silences()
    assert {"name": "carrier", "value": "C\\.T|CMCC", "isRegex": True, "isEqual": True} in wider["matchers"]

    later = structs.replace(planned, occurrences=(Occurrence(clock() + 5 * MINUTE, clock() + 9 * MINUTE),))
    pause = await mirror.round(later)
    (moved,) = await neighbour.silences()
    assert (moved["status"]["state"], moved["startsAt"]) == ("pending", rfc3339(later.occurrences[0].start))
    assert pause == 60
    later = structs.replace(planned, occurrences=(Occurrence(clock() + 20_000, clock() + 9 * MINUTE),))
    assert 19 < await mirror.round(later) < 20.1, "it looks again when the work begins"
    assert len(await neighbour.silences()) == 1

    await mirror.round(structs.replace(later, occurrences=(), cancelled=True))
    assert await neighbour.silences() == []
    assert mirror.counts == (0, 0, 0)


async def test_work_that_ends_early_ends_its_silence(mirror: Mirror, neighbour: Neighbour) -> None:
    planned, other = window(-1, 30), window(-1, 30, "other")
    await mirror.round(planned, other)
    await mirror.round(structs.replace(planned, occurrences=(planned.occurrences[0]._replace(end=clock() - 1),)))
    (left,) = await neighbour.silences()
    assert left["comment"].endswith("window:operator:other")
    ended = planned.occurrences[0]._replace(end=clock() - 1)
    await mirror.round(structs.replace(planned, occurrences=(ended,), settle_ms=5 * MINUTE))
    _, settling = await neighbour.silences()
    assert settling["endsAt"] == rfc3339(ended.end + 5 * MINUTE), "terminals come back after the end"


async def test_silences_of_others_stay(mirror: Mirror, neighbour: Neighbour, alertmanager: Any) -> None:
    await mirror.round(window(-1, 30))
    ours = (await neighbour.silences())[0]["id"]
    second = Mirror(neighbour.session, alertmanager.url, "fleetmon2")
    await second.round(window(-1, 30))
    by_hand = {await neighbour.silence(), await neighbour.silence(createdBy="fleetmon"),
               await neighbour.silence(comment="as\nfleetmon/fleetmon window:operator:w")}  # fmt: skip
    before = await neighbour.silences()
    assert len(before) == 5
    mirror.windows.drop("window:operator:w")
    await mirror.round()
    after = await neighbour.silences()
    assert after == [one for one in before if one["id"] != ours]
    assert by_hand < {one["id"] for one in after}
    await second.round()
    assert await neighbour.silences() == after


async def test_a_silence_made_twice_is_kept_once(mirror: Mirror, neighbour: Neighbour) -> None:
    """As peers of a cluster may do."""
    await mirror.round(window(-1, 30))
    (made,) = await neighbour.silences()
    again = {name: made[name] for name in ("matchers", "createdBy", "comment", "endsAt")}
    await neighbour.silence(**again)
    assert len(await neighbour.silences()) == 2
    await mirror.round()
    assert await neighbour.silences() == [made]


async def test_a_restart_of_either_side_is_mended(mirror: Mirror, neighbour: Neighbour, alertmanager: Any) -> None:
    planned = window(-1, 30)
    await mirror.round(planned)
    (made,) = await neighbour.silences()
    await asyncio.to_thread(alertmanager.restart)
    again = Mirror(neighbour.session, alertmanager.url)
    await again.round(planned)
    assert await neighbour.silences() == [made]

    alertmanager.stop()
    await again.round()
    assert again.counts == (0, 1, 1), "nobody knows"
    (alertmanager.log.parent / "silences").unlink()
    await asyncio.to_thread(alertmanager.start)
    assert await neighbour.silences() == []
    await again.round()
    assert len(await neighbour.silences()) == 1
    assert again.counts == (1, 0, 1)

    gone = Mirror(neighbour.session, alertmanager.url)
    await gone.round()
    assert await neighbour.silences() == [], "it was cancelled while we were away"


async def test_one_that_is_refused_does_not_keep_the_others_back() -> None:
    made: list[str] = []

    async def judge(request: aiohttp.web.Request) -> aiohttp.web.Response:
        if request.method == "GET":
            return aiohttp.web.json_response([])
        key = (await request.json())["comment"].split()[-1]
        if key.endswith("1"):
            return aiohttp.web.Response(status=400, text="too large")
        made.append(key)
        return aiohttp.web.json_response({"silenceID": "x"})

    application = aiohttp.web.Application()
    application.router.add_route("*", "/api/v2/{what}", judge)
    runner = aiohttp.web.AppRunner(application)
    await runner.setup()
    await aiohttp.web.TCPSite(runner, "127.0.0.1", 0).start()
    async with aiohttp.ClientSession() as session:
        found = Mirror(session, f"http://127.0.0.1:{runner.addresses[0][1]}")
        pause = await found.round(*[window(-1, 30, f"w{number}") for number in range(3)])
        assert made == ["window:operator:w0", "window:operator:w2"]
        assert found.counts == (2, 1, 1)
        assert pause == 5
    await runner.cleanup()


async def test_what_is_no_alertmanager_is_told(listening: str) -> None:
    async with aiohttp.ClientSession() as session:
        found = Mirror(session, listening)
        await found.round(window(-1, 30))
        assert found.counts == (0, 1, 1)


@pytest.fixture
async def listening() -> AsyncIterator[str]:
    """The address of something that answers every question with an object."""

    async def hear(_: aiohttp.web.Request) -> aiohttp.web.Response:
        return aiohttp.web.json_response({"kind": "something else"})

    application = aiohttp.web.Application()
    application.router.add_route("*", "/{rest:.*}", hear)
    runner = aiohttp.web.AppRunner(application)
    await runner.setup()
    await aiohttp.web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


async def test_rules_keep_quiet_and_what_had_been_told_does_not(mirror: Mirror, neighbour: Neighbour) -> None:
    planned = window(-1, 30)
    start = planned.occurrences[0].start
    await neighbour.alert("Early", start - MINUTE)
    await neighbour.alert("Inside", start + 1)
    await neighbour.alert("Elsewhere", start + 1, carrier="CUCC")
    await neighbour.alert("FleetmonCarrierOutage", start + 1, kind="carrier_outage")
    await neighbour.alert("FleetmonSettlementOverdue", start + 1)
    await mirror.round(planned)
    await neighbour.until_states(
        {
            "Early": "active", "Inside": "suppressed", "Elsewhere": "active", "FleetmonCarrierOutage": "active",
            "FleetmonSettlementOverdue": "active",
        }
    )  # fmt: skip
    (made,) = await neighbour.silences()
    await neighbour.alert("Early", start - MINUTE, end=clock() - 1)
    await mirror.round()
    assert await neighbour.silences() == [made], "its end may not have been told yet"


@pytest.fixture
async def told(alertmanager: Any, tmp_path: Path) -> AsyncIterator[list[tuple[str, str]]]:
    """What people hear from the Alertmanager: names and statuses, each time."""
    heard: list[tuple[str, str]] = []

    async def hear(request: aiohttp.web.Request) -> aiohttp.web.Response:
        found = [(one["labels"]["alertname"], one["status"]) for one in (await request.json())["alerts"]]
        heard.extend(one for one in found if one[0] != "FleetmonWatchdog")
        return aiohttp.web.Response()

    application = aiohttp.web.Application()
    application.router.add_post("/", hear)
    runner = aiohttp.web.AppRunner(application)
    await runner.setup()
    await aiohttp.web.TCPSite(runner, "127.0.0.1", 0).start()
    settings = yaml.safe_load((Path(__file__).parents[2] / "deploy/alertmanager/alertmanager.yml").read_text())
    settings["route"] |= {"receiver": "people", "group_interval": "1s", "routes": []}
    receiver = {"url": f"http://127.0.0.1:{runner.addresses[0][1]}/"}
    settings["receivers"] = [{"name": "people", "webhook_configs": [receiver]}]
    (tmp_path / "alertmanager/alertmanager.yml").write_text(yaml.safe_dump(settings))
    await asyncio.to_thread(alertmanager.restart)
    yield heard
    await runner.cleanup()


async def test_no_end_is_lost_and_what_survives_is_told_after_the_work(
    start: Any, mosquitto: Any, alertmanager: Any, told: list[tuple[str, str]], neighbour: Neighbour
) -> None:
    settings = AlertmanagerSettings(urls=[alertmanager.url], resend_s=0.5)
    running = start(mqtt=MqttSettings(port=mosquitto.port), alertmanager=settings)
    await running.until_ready()
    daemon = running.daemon
    opened = clock()
    scope = (("carrier", "CMCC"), ("region", "hilltop"))
    outage = Incident(
        "x", "carrier_outage", scope, "critical", pages=True, opened_at=opened, fired_at=opened, paged_at=opened,
        status=Status.FIRING,
    )  # fmt: skip
    daemon.announcements._board.put([outage])
    await neighbour.alert("Early", opened)
    await running.until(lambda: len(told) == 2, "both are told")
    assert sorted(told) == [("Early", "firing"), ("FleetmonCarrierOutage", "firing")]

    work = window(0, 30)
    await daemon._turns.between(lambda _: daemon.engine.plan([work]))
    await running.until(lambda: daemon.silences[0].states["mirrored"] == 1, "the silence")
    await neighbour.alert("Inside", clock())
    await neighbour.until_states({"Inside": "suppressed", "Early": "active", "FleetmonCarrierOutage": "active"})
    daemon.announcements._board.put([structs.replace(outage, status=Status.RESOLVED, resolved_at=clock())])
    await neighbour.alert("Early", opened, end=clock())
    await running.until(lambda: ("FleetmonCarrierOutage", "resolved") in told, "the end of our own", 30)
    await running.until(lambda: ("Early", "resolved") in told, "the end of the rule's", 30)
    assert len(told) == 4, "nothing of what began inside"

    await daemon._turns.between(
        lambda now: daemon.engine.plan([structs.replace(work, occurrences=(work.occurrences[0]._replace(end=now),))])
    )
    await running.until(lambda: ("Inside", "firing") in told, "what survives", 30)
    assert await neighbour.silences() == []
    page = (await running.get("/metrics"))[1]
    url = alertmanager.url
    assert f'fleetmon_alertmanager_silences{{alertmanager="{url}",state="mirrored"}} 0.0' in page
    assert f'fleetmon_alertmanager_silence_failures_total{{alertmanager="{url}"}} 0.0' in page


async def test_the_notice_of_a_host_is_a_silence_also_after_a_restart(
    start: Any, mosquitto: Any, alertmanager: Any, say: Say, neighbour: Neighbour
) -> None:
    settings = {
        "mqtt": MqttSettings(port=mosquitto.port),
        "alertmanager": AlertmanagerSettings(urls=["http://127.0.0.1:9", alertmanager.url]),
    }
    running = start(**settings)
    await running.until_ready()
    at = clock()
    notice = {"at": at, "id": "n1", "event": "scheduled", "starts_at": at - 1, "ends_at": at + 3_600_000, "title": "up"}
    await say(mosquitto.port, "host/ACQ-A/notice/n1", notice)
    await running.until(lambda: running.daemon.silences[1].states["mirrored"] == 1, "the silence")
    (made,) = await neighbour.silences()
    assert {"name": "acquirer", "value": "ACQ-A", "isRegex": False, "isEqual": True} in made["matchers"]
    assert running.daemon.silences[0].states["failing"] == 1
    assert running.daemon.silences[0].failures > 0, "the dead one is told by itself"
    await running.stop()
    again = start(**settings)
    await again.until_ready()
    await again.until(lambda: again.daemon.silences[1].states["mirrored"] == 1, "known again")
    assert await neighbour.silences() == [made]
    await say(
        mosquitto.port, "host/ACQ-A/notice/n1", {**notice, "at": at + 1, "event": "cancelled", "starts_at": at + 1}
    )
    await again.until(lambda: again.daemon.silences[1].states["mirrored"] == 0, "no work any longer")
    assert await neighbour.silences() == []


async def test_silences_can_be_switched_off(start: Any, mosquitto: Any, alertmanager: Any) -> None:
    off = AlertmanagerSettings(urls=[alertmanager.url], silences=False)
    assert start(mqtt=MqttSettings(port=mosquitto.port), alertmanager=off).daemon.silences == []
