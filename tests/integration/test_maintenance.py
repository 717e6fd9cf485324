"""Planned work over HTTP and on the command line, with a real broker; and what is left of it after a restart."""

import asyncio
import hashlib
import json
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from msgspec.structs import replace
from typer.testing import CliRunner

from fleetmon.app import Daemon
from fleetmon.cli import cli
from fleetmon.config import Config, Loaded
from fleetmon.ingest.settings import MqttSettings
from fleetmon.model.registry import Provider, Registry
from fleetmon.planning import zones
from fleetmon.planning.settings import CalendarSettings, GuardSettings, PlanningSettings
from fleetmon.store import StoreSettings
from fleetmon.web.access import Role, Token, Tokens
from fleetmon.web.settings import WebSettings

OPEN = GuardSettings(cutoff_before_s=0, cutoff_after_s=0)
SECRET = "s" * 40
NAMES: dict[str, tuple[Role, str | None]] = {
    "viewer": ("viewer", None), "li": ("operator", None), "wang": ("operator", None), "second": ("operator", "field-2"),
}  # fmt: skip
TOKENS = Tokens(
    [
        Token(name, hashlib.sha256(f"{name}.secret".encode()).hexdigest(), role, provider)
        for name, (role, provider) in NAMES.items()
    ]
)
Call = Callable[..., Awaitable[tuple[int, Any, Any]]]


@pytest.fixture
def sample_registry(sample_registry: Registry) -> Registry:
    """The sample's fleet, but the two terminals of the books shop are another provider's."""
    terminals = [
        replace(row, provider="field-2") if row.merchant == "books" else row for row in sample_registry.terminals
    ]
    return replace(sample_registry, terminals=terminals, providers=[*sample_registry.providers, Provider("field-2")])


class Site:
    """Daemons on one store, one after the other."""

    def __init__(self, registry: Registry, store: StoreSettings, port: int, begin: Callable[[Daemon], Any]) -> None:
        self.registry = registry
        self.store = store
        self.port = port
        self.planning = PlanningSettings(guards=OPEN)
        self.urls: dict[str, str] = {}
        self.begin = begin
        self.running: Any = None

    def loaded(self) -> Loaded:
        config = Config(
            registry="", mqtt=MqttSettings(port=self.port), store=self.store, web=WebSettings(port=0),
            planning=self.planning,
        )  # fmt: skip
        return Loaded(config, self.registry, None, tokens=TOKENS, feed_secret=SECRET.encode(), calendar_urls=self.urls)

    async def start(self) -> None:
        self.running = self.begin(Daemon(self.loaded(), reread=self.loaded))
        await self.running.until_ready()

    async def restart(self) -> None:
        await self.running.stop()
        await self.start()

    async def call(self, method: str, path: str, body: Any = None, who: str | None = "li", **headers: str) -> Any:
        """Status, JSON or text, headers."""
        if who is not None:
            headers["Authorization"] = f"Bearer {who}.secret"
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        url = f"http://127.0.0.1:{self.running.daemon.port}{path}"
        async with aiohttp.ClientSession() as session, session.request(method, url, json=body, headers=headers) as got:
            text = await got.text()
            kind = got.headers.get("content-type", "")
            return got.status, json.loads(text) if "json" in kind else text, got.headers

    async def windows(self, path: str = "", who: str = "li") -> list[Any]:
        status, body, _ = await self.call("GET", f"/api/v1/windows{path}", who=who)
        assert status == 200, body
        found: list[Any] = body["windows"]
        return found

    def covered(self, terminal: str) -> str | None:
        """The window in force for a terminal, in the core."""
        engine = self.running.daemon.engine
        cover = engine.correlator.works.windows.cover(engine.fleet.terminals[terminal], time.time_ns() // 1_000_000)
        return None if cover is None else str(cover.window)


@pytest.fixture
async def site(settings: StoreSettings, sample_registry: Registry, mosquitto: Any, running_daemon: Any) -> Site:
    made = Site(sample_registry, settings, mosquitto.port, running_daemon)
    await made.start()
    return made


def local(minutes: float, zone: str = "UTC") -> str:
    """A time on the wall, so many minutes from now."""
    found = zones.find(zone)
    assert found is not None
    return zones.written(round(time.time() * 1000 + minutes * 60_000) // 1000 * 1000, found)


def schedule(begin: float, end: float, **fields: Any) -> dict[str, Any]:
    return {
        "starts": local(begin), "ends": local(end), "zone": "UTC", "selector": {"site": "noodle-shop"},
        "reason": "Umbau", **fields,
    }  # fmt: skip


async def planned(site: Site, *times: float, who: str = "li", **fields: Any) -> dict[str, Any]:
    status, body, _ = await site.call("POST", "/api/v1/windows", schedule(*times, **fields), who=who)
    assert status == 201, body
    found: dict[str, Any] = body
    return found


async def test_planned_work_is_in_force_at_once_and_after_a_restart_as_before(site: Site) -> None:
    made = await planned(site, -10, 50)
    later = await planned(site, 60, 120, selector={"site": "grill-shop"}, rrule="FREQ=DAILY")
    assert (made["state"], later["state"]) == ("active", "scheduled")
    assert site.covered("noodle-1") == made["window"]
    assert site.covered("grill-1") is None
    before = {one["id"]: one for one in await site.windows()}
    await site.restart()
    assert {one["id"]: one for one in await site.windows()} == before
    assert site.covered("noodle-1") == made["window"]


async def test_a_reload_keeps_what_is_planned_and_takes_other_guard_rails(site: Site) -> None:
    await planned(site, -10, 50)
    await planned(site, 60, 120, selector={"site": "grill-shop"}, rrule="FREQ=DAILY")
    before = await site.windows()
    site.planning = PlanningSettings(guards=replace(OPEN, longest_s=600))
    site.registry = replace(site.registry, terminals=site.registry.terminals[:-1])
    await site.running.daemon.reload()
    assert await site.windows() == before
    assert site.covered("noodle-1") == before[0]["window"] or site.covered("noodle-1") == before[1]["window"]
    assert (await site.call("POST", "/api/v1/windows", schedule(60, 120)))[0] == 422


async def test_one_window_has_an_etag_and_two_people_do_not_overwrite_each_other(site: Site) -> None:
    made = await planned(site, 60, 120)
    path = f"/api/v1/windows/{made['id']}"
    _, seen, headers = await site.call("GET", path)
    assert seen == made
    status, changed, _ = await site.call("PUT", path, schedule(60, 180), If_Match=headers["ETag"])
    assert (status, changed["version"]) == (200, 2)
    status, problem, _ = await site.call("PUT", path, schedule(90, 180), who="wang", If_Match=headers["ETag"])
    assert (status, problem["status"]) == (412, 412)
    assert (await site.call("POST", f"{path}/cancel", who="wang", If_Match=headers["ETag"]))[0] == 412
    assert (await site.call("GET", path))[1] == changed


async def test_the_same_reference_again_is_the_same_window(site: Site) -> None:
    wish = schedule(60, 120, reference="CHG-7")
    first = (await site.call("POST", "/api/v1/windows", wish))[1]
    status, again, _ = await site.call("POST", "/api/v1/windows", wish)
    assert (status, again["id"], again["version"]) == (200, first["id"], 1)
    status, moved, _ = await site.call("POST", "/api/v1/windows", schedule(90, 120, reference="CHG-7"))
    assert (status, moved["id"], moved["version"]) == (200, first["id"], 2)
    await site.restart()
    assert [one["version"] for one in await site.windows()] == [2]


async def test_what_is_wrong_is_told_all_at_once(site: Site) -> None:
    bad = schedule(120, 60, zone="Mars/Base", rrule="FREQ=SECONDLY", selector={"site": "nodle-shop"}, owner="")
    status, problem, _ = await site.call("POST", "/api/v1/windows", bad)
    assert status == 400
    assert [one.split(":")[0] for one in problem["errors"]] == ["zone", "selector.site"]
    assert "did you mean" in problem["errors"][1]
    status, problem, _ = await site.call("POST", "/api/v1/windows", schedule(120, 60, rrule="FREQ=SECONDLY"))
    assert "FREQ=SECONDLY is not taken" in problem["errors"][0]
    for body in (schedule(60, 120, colour="red"), schedule(60, 120, selector={"shoe": "x"}), {"zone": "UTC"}):
        assert (await site.call("POST", "/api/v1/windows", body))[0] == 400
    assert await site.windows() == []


async def test_a_preview_tells_whom_it_touches_and_what_speaks_against_it_and_writes_nothing(site: Site) -> None:
    site.planning = PlanningSettings(guards=replace(OPEN, longest_s=60, second_person_from=5))
    await site.restart()
    _, found, _ = await site.call("POST", "/api/v1/windows/preview", schedule(60, 120), who="viewer")
    assert (found["terminals"], found["problems"], found["second_person"]) == (7, [], True)
    assert [one["rule"] for one in found["objections"]] == ["length"]
    assert set(found["objections"][0]["texts"]) == {"zh", "en"}
    assert len(found["occurrences"]) == 1
    status, problem, _ = await site.call("POST", "/api/v1/windows", schedule(60, 120), Accept_Language="zh-CN")
    assert (status, problem["errors"]) == (422, ["持续60分钟，最长允许60秒钟。请拆分为多个维护窗口。"])
    assert await site.windows() == []


async def test_a_preview_names_the_open_incidents_of_these_terminals(
    site: Site, say: Callable[..., Awaitable[None]]
) -> None:
    tamper = {"at": 1, "boot": 1, "seq": 1, "component": "security", "code": "Tamper", "action": "set"}
    await say(site.port, "terminal/noodle-1/device", tamper)
    await site.running.until(lambda: site.running.daemon.engine.incidents, "the tampered terminal")
    _, found, _ = await site.call("POST", "/api/v1/windows/preview", schedule(60, 120))
    assert [one["kind"] for one in found["incidents"]] == ["tamper"]
    _, found, _ = await site.call("POST", "/api/v1/windows/preview", schedule(60, 120, selector={"site": "grill-shop"}))
    assert found["incidents"] == []


async def test_above_a_limit_somebody_else_has_to_approve_it(site: Site) -> None:
    site.planning = PlanningSettings(guards=replace(OPEN, second_person_from=5))
    await site.restart()
    made = await planned(site, -10, 50)
    assert (made["state"], site.covered("noodle-1")) == ("proposed", None)
    path = f"/api/v1/windows/{made['id']}/approve"
    status, problem, _ = await site.call("POST", path)
    assert (status, problem["detail"]) == (403, "Somebody other than li, who wrote it, has to approve it.")
    await site.restart()
    assert site.covered("noodle-1") is None
    status, approved, _ = await site.call("POST", path, who="wang")
    assert (status, approved["state"], approved["approved_by"]) == (200, "active", "wang")
    assert site.covered("noodle-1") == made["window"]
    assert (await site.call("POST", path, who="wang"))[0] == 409
    changed = (await site.call("PUT", path.removesuffix("/approve"), schedule(-10, 90)))[1]
    assert (changed["state"], site.covered("noodle-1")) == ("proposed", None)


async def test_work_ends_early_and_its_later_times_stay(site: Site) -> None:
    once = await planned(site, -10, 50)
    daily = await planned(site, -10, 50, selector={"site": "grill-shop"}, rrule="FREQ=DAILY")
    for one, terminal in ((once, "noodle-1"), (daily, "grill-1")):
        assert site.covered(terminal) == one["window"]
        status, ended, _ = await site.call("POST", f"/api/v1/windows/{one['id']}/end")
        assert (status, site.covered(terminal)) == (200, None)
        assert (await site.call("POST", f"/api/v1/windows/{one['id']}/end"))[0] == 409
        assert ended["state"] == ("ended" if one is once else "scheduled")
    tomorrow = daily["occurrences"][0]["start"] + 86_400_000
    await site.restart()
    assert (site.covered("noodle-1"), site.covered("grill-1")) == (None, None)
    assert (await site.windows("?state=scheduled"))[0]["occurrences"][0]["start"] == tomorrow


async def test_work_is_given_more_time_also_after_its_end(site: Site) -> None:
    running, over = await planned(site, -10, 5), await planned(site, -60, 0.05, selector={"site": "grill-shop"})
    daily = await planned(site, -10, 5, selector={"site": "books-shop"}, rrule="FREQ=DAILY")
    until = round(time.time() * 1000) + 3_600_000
    await site.running.until(lambda: site.covered("grill-1") is None, "the end")
    for one, terminal in ((running, "noodle-1"), (over, "grill-1"), (daily, "books-1")):
        path = f"/api/v1/windows/{one['id']}/extend"
        assert (await site.call("POST", path, {"until": 5}))[0] == 409
        status, longer, _ = await site.call("POST", path, {"until": until})
        assert status == 200, longer
        assert longer["occurrences"][0]["end"] // 1000 == until // 1000
        assert site.covered(terminal) == one["window"]
    await site.restart()
    assert all(site.covered(terminal) for terminal in ("noodle-1", "grill-1", "books-1"))
    assert (await site.windows())[0]["occurrences"][0]["end"] - until < 1000
    (again,) = [one for one in await site.windows() if one["id"] == daily["id"]]
    assert again["occurrences"][1] == {name: at + 86_400_000 for name, at in daily["occurrences"][0].items()}


async def test_cancelled_work_is_over_and_stays_to_be_seen(site: Site) -> None:
    made = await planned(site, -10, 50)
    status, cancelled, _ = await site.call("POST", f"/api/v1/windows/{made['id']}/cancel")
    assert (status, cancelled["state"], site.covered("noodle-1")) == (200, "cancelled", None)
    assert (await site.call("POST", f"/api/v1/windows/{made['id']}/cancel"))[0] == 409
    await site.restart()
    assert [one["state"] for one in await site.windows()] == ["cancelled"]
    assert site.covered("noodle-1") is None


async def test_flexible_work_that_has_begun_is_not_begun_anew_by_a_restart(
    site: Site, say: Callable[..., Awaitable[None]]
) -> None:
    made = await planned(site, -10, 50, flexible_s=1800)
    tamper = {"at": 1, "boot": 1, "seq": 1, "component": "security", "code": "Tamper", "action": "set"}
    await say(site.port, "terminal/noodle-1/device", tamper)
    await site.running.until(lambda: site.covered("noodle-1") is not None, "the work has begun")
    await say(site.port, "terminal/noodle-1/device", tamper | {"seq": 2, "action": "clear"})
    windows = site.running.daemon.engine.correlator.works.windows
    before = windows.spans(windows.find(made["window"]))
    await site.running.until(lambda: not site.running.daemon.engine.incidents, "the fault is cleared")
    await site.restart()
    windows = site.running.daemon.engine.correlator.works.windows
    assert windows.spans(windows.find(made["window"])) == before
    assert (await site.call("POST", f"/api/v1/windows/{made['id']}/end"))[0] == 200
    assert site.covered("noodle-1") is None
    await site.restart()
    assert site.covered("noodle-1") is None


async def test_a_provider_plans_for_its_own_terminals_only(site: Site) -> None:
    theirs, own = schedule(60, 120), schedule(60, 120, selector={"site": "books-shop"})
    assert (await site.call("POST", "/api/v1/windows", theirs, who="second"))[0] == 403
    assert (await site.call("POST", "/api/v1/windows", own | {"host": "ACQ-A"}, who="second"))[0] == 403
    mine = await planned(site, 60, 120, who="second", selector={"site": "books-shop"})
    other = await planned(site, 60, 120)
    shared = await planned(site, 60, 120, selector={"region": "hilltop"})
    assert {one["id"] for one in await site.windows(who="second")} == {mine["id"], shared["id"]}
    assert (await site.call("GET", f"/api/v1/windows/{other['id']}", who="second"))[0] == 404
    assert (await site.call("POST", f"/api/v1/windows/{other['id']}/cancel", who="second"))[0] == 404
    assert (await site.call("POST", f"/api/v1/windows/{shared['id']}/cancel", who="second"))[0] == 403
    assert (await site.call("POST", f"/api/v1/windows/{mine['id']}/cancel", who="second"))[0] == 200


async def test_only_operators_plan_and_nobody_without_a_token(site: Site) -> None:
    for who, status in (("viewer", 403), (None, 401)):
        assert (await site.call("POST", "/api/v1/windows", schedule(60, 120), who=who))[0] == status
        assert (await site.call("GET", "/api/v1/feeds/site/noodle-shop", who=who))[0] == status


async def test_what_hosts_announce_is_listed_and_theirs_to_change(
    site: Site, say: Callable[..., Awaitable[None]]
) -> None:
    now = round(time.time() * 1000)
    notice = {
        "id": "n1", "event": "scheduled", "at": now, "starts_at": now + 60_000, "ends_at": now + 120_000,
    }  # fmt: skip
    await say(site.port, "host/ACQ-A/notice/n1", notice, retain=True)
    windows = site.running.daemon.engine.correlator.works.windows
    await site.running.until(lambda: list(windows), "the notice")
    (found,) = await site.windows("?provenance=notice")
    assert (found["id"], found["owner"], found["schedule"]) == ("window:notice:ACQ-A:n1", "ACQ-A", None)
    status, problem, _ = await site.call("POST", f"/api/v1/windows/{found['id']}/cancel")
    assert (status, problem["detail"].startswith("It was announced by a host")) == (403, True)


async def test_what_people_did_and_what_time_brought_is_in_the_audit(site: Site) -> None:
    made = await planned(site, -10, 50)
    await site.call("POST", f"/api/v1/windows/{made['id']}/end", who="wang")

    async def actions() -> list[tuple[str, str | None]]:
        _, body, _ = await site.call("GET", f"/api/v1/audit?kind=window&subject={made['id']}")
        return [(one["action"], one["author"]) for one in body["entries"]][::-1]

    expected = {("created", "li"), ("started", None), ("ended_early", "wang"), ("ended", None)}
    for _ in range(100):
        if set(await actions()) >= expected:
            break
        await asyncio.sleep(0.1)
    assert set(await actions()) == expected
    await site.restart()
    await asyncio.sleep(1.5)
    assert len(await actions()) == 4  # told again, and kept once


async def test_feeds_open_by_their_link_alone_and_change_with_the_plans(site: Site) -> None:
    made = await planned(site, 60, 120, reason="维护")
    await planned(site, 60, 120, selector={"site": "grill-shop"})
    _, link, _ = await site.call("GET", "/api/v1/feeds/site/noodle-shop")
    status, text, headers = await site.call("GET", link["path"], who=None)
    assert (status, headers["content-type"]) == (200, "text/calendar; charset=utf-8")
    assert text.count("BEGIN:VEVENT") == 1
    assert f"UID:{made['id']}@fleetmon" in text
    assert (await site.call("GET", link["path"], who=None, If_None_Match=headers["ETag"]))[0] == 304
    await site.call("POST", f"/api/v1/windows/{made['id']}/cancel")
    assert "STATUS:CANCELLED" in (await site.call("GET", link["path"], who=None, If_None_Match=headers["ETag"]))[1]
    for path in (
        link["path"].replace("site/noodle-shop", "site/grill-shop"), link["path"].replace("/feeds/", "/feeds/x"),
        link["path"].replace(".ics", "x.ics"),
    ):  # fmt: skip
        assert (await site.call("GET", path, who=None))[0] == 404
    _, both, _ = await site.call("GET", "/api/v1/feeds/provider/field-1")
    assert (await site.call("GET", both["path"], who=None))[1].count("BEGIN:VEVENT") == 2
    _, host, _ = await site.call("GET", "/api/v1/feeds/host/ACQ-A")
    assert (await site.call("GET", host["path"], who=None))[1].count("BEGIN:VEVENT") == 2
    assert (await site.call("GET", "/api/v1/feeds/provider/nobody"))[0] == 404
    assert (await site.call("GET", "/api/v1/feeds/provider/field-1", who="second"))[0] == 404


def event(uid: str, begin: float, end: float, *lines: str) -> str:
    times = [f"{name}:{_utc(minutes)}" for name, minutes in (("DTSTART", begin), ("DTEND", end))]
    return "\r\n".join(["BEGIN:VEVENT", f"UID:{uid}", *times, *lines, "END:VEVENT"])


def _utc(minutes: float) -> str:
    return (datetime.now(UTC) + timedelta(minutes=minutes)).strftime("%Y%m%dT%H%M00Z")


def calendar(*events: str) -> str:
    return "\r\n".join(["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//x//", *events, "END:VCALENDAR", ""])


async def test_a_calendar_is_taken_event_by_event_with_reasons(site: Site) -> None:
    ical = calendar(
        event("a", -10, 50, "SUMMARY:Night shift"), event("b", 60, 120, "X-FLEETMON-SELECTOR:site=nodle-shop"),
        event("c", 120, 60), event("d", -300, -200),
    )  # fmt: skip
    wish = {"ical": ical, "calendar": "team", "selector": {"site": "noodle-shop"}}
    assert (await site.call("POST", "/api/v1/calendars/import", wish | {"dry_run": True}))[1]["taken"]
    assert await site.windows() == []
    status, found, _ = await site.call("POST", "/api/v1/calendars/import", wish)
    assert status == 200
    assert [one["uid"] for one in found["taken"]] == ["a"]
    assert [(one["uid"], one["line"] > 4) for one in found["refused"]] == [("b", True), ("c", True)]
    assert (found["over"], site.covered("noodle-1") is not None) == (1, True)
    (made,) = await site.windows()
    assert (made["calendar"], made["author"], made["reason"]) == ("team", "li", "Night shift")
    again = (await site.call("POST", "/api/v1/calendars/import", wish))[1]
    assert (again["unchanged"], again["taken"], again["changed"]) == (1, [], [])
    gone = (await site.call("POST", "/api/v1/calendars/import", wish | {"ical": calendar(), "whole": True}))[1]
    assert [one["uid"] for one in gone["cancelled"]] == ["a"]
    assert site.covered("noodle-1") is None
    for bad in ("<html>", calendar(event("a", 1, 2))[:-30]):
        assert (await site.call("POST", "/api/v1/calendars/import", wish | {"ical": bad}))[0] == 400


async def test_calendars_of_the_configuration_are_read_and_their_trouble_is_seen(site: Site, tmp_path: Path) -> None:
    file = tmp_path / "bank.ics"
    file.write_bytes(calendar(event("a", -10, 50)).encode())
    calendars = [
        CalendarSettings("bank", "ACQ-A", file=str(file), host="ACQ-A"),
        CalendarSettings("gone", "field-1", url="http://127.0.0.1:9/x.ics", selector={"site": "grill-shop"}),
    ]
    site.planning = PlanningSettings(guards=OPEN, calendars=calendars)
    site.urls = {"gone": "http://127.0.0.1:9/x.ics"}
    await site.restart()
    await site.running.until(lambda: site.covered("noodle-1"), "the bank's calendar")
    first, second = site.running.daemon.maintenance.subscriptions.all
    await site.running.until(lambda: first.read_at and second.problem, "both were looked at")
    _, body, _ = await site.call("GET", "/api/v1/calendars")
    bank, gone = body["calendars"]
    assert (bank["problem"], len(bank["report"]["taken"])) == ("", 1)
    assert (gone["read_at"], gone["problem"].startswith("127.0.0.1: ")) == (None, True)
    page = (await site.call("GET", "/metrics", who=None))[1]
    assert 'fleetmon_calendar_failures_total{calendar="gone"} 1.0' in page
    assert 'fleetmon_windows{state="active"} 1.0' in page
    assert "fleetmon_maintenance_terminals 18.0" in page
    file.write_bytes(b"BEGIN:VCALENDAR\r\n")  # cut off: what was taken stays
    async with aiohttp.ClientSession() as session:
        with pytest.raises(Exception, match="is cut off"):
            await first.read(session)
    assert site.covered("noodle-1")


async def test_the_command_line_does_all_of_it(site: Site, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("li.secret\n")
    (tmp_path / "calendar.ics").write_text(calendar(event("a", 60, 120), event("b", 120, 60)))
    server = ["--url", f"http://127.0.0.1:{site.running.daemon.port}", "--token-file", str(tmp_path / "token")]

    async def run(*arguments: str) -> Any:
        return await asyncio.to_thread(CliRunner().invoke, cli, ["maintenance", *arguments, *server])

    when = ("--from", local(-10)[:16], "--to", local(50)[:16], "--zone", "UTC")
    seen = await run("preview", *when, "--select", "site=noodle-shop")
    assert seen.exit_code == 0, seen.stderr
    assert "It would touch 7 terminals, 39% of the fleet." in seen.stdout
    refused = await run("preview", *when, "--select", "site=nodle-shop", "--lang", "zh")
    assert refused.exit_code == 1
    assert "不能这样计划：selector.site: 没有终端的取值是“nodle-shop”；是否指“noodle-shop”？" in refused.stdout
    unfit = await run("add", *when, "--select", "site=nodle-shop", "--lang", "zh")
    assert unfit.stderr.splitlines()[0].endswith("/api/v1/windows：400 不能这样计划。")
    assert unfit.stderr.splitlines()[1].startswith("  selector.site: 没有终端的取值是")
    assert "404 没有查到该维护窗口。" in (await run("show", "nothing", "--lang", "zh")).stderr
    added = await run("add", *when, "--select", "site=noodle-shop", "--reason", "Umbau", "--reference", "CHG-1")
    assert added.exit_code == 0, added.stderr
    (made,) = await site.windows()
    assert f"\n{made['id']}  in force  li  " in f"\n{added.stdout}"
    assert "for site=noodle-shop: Umbau" in added.stdout
    wrong = await run("add", *when, "--select", "site=nodle-shop", "--rule", "FREQ=SECONDLY")
    assert (wrong.exit_code, "selector.site:" in wrong.stderr, "FREQ=SECONDLY" in wrong.stderr) == (1, True, True)
    assert made["id"] in (await run("list", "--state", "active")).stdout
    assert "进行中" in (await run("show", made["id"], "--lang", "zh")).stdout
    assert (await run("extend", made["id"], "--until", local(80)[:16], "--zone", "UTC")).exit_code == 0
    assert (await run("end", made["id"])).exit_code == 0
    assert (await run("approve", made["id"])).exit_code == 1
    brought = await run("import", str(tmp_path / "calendar.ics"), "--calendar", "team", "--select", "site=grill-shop")
    assert (brought.exit_code, "1 taken" in brought.stdout, "1 refused" in brought.stdout) == (1, True, True)
    assert "cancelled" in (await run("cancel", (await site.windows("?calendar=team"))[0]["id"])).stdout
    link = (await run("feed", "site", "grill-shop")).stdout.strip()
    assert (await site.call("GET", "/" + link.split("/", 3)[3], who=None))[0] == 200
    assert (await run("calendars")).exit_code == 0
    assert json.loads((await run("show", made["id"], "--format", "json")).stdout)["id"] == made["id"]
    assert (await run("add", "--from", "soon", "--to", "later")).exit_code == 2
