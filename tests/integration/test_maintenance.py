"""Planned work over HTTP and on the command line, with a real broker; and what is left of it after a restart."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from typer.testing import CliRunner

from fleetmon.cli import cli
from fleetmon.desk.daemon import Api
from fleetmon.planning.settings import PlanningSettings

from .site import OPEN, Site, calendar, event, local, planned, schedule


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


async def test_an_incident_that_is_kept_back_names_the_owners_of_all_windows_in_force(
    site: Site, say: Callable[..., Awaitable[None]], tmp_path: Path
) -> None:
    (tmp_path / "token").write_text("li.secret\n")
    first = await planned(site, -10, 50, owner="night shift")
    second = await planned(site, -5, 80, owner="field team", reason="", selector={"site": ["noodle-shop"]})
    await planned(site, 60, 120, owner="somebody later")
    await planned(site, -5, 80, owner="somebody elsewhere", selector={"site": "grill-shop"})
    tamper = {"at": 1, "boot": 1, "seq": 1, "component": "security", "code": "Tamper", "action": "set"}
    await say(site.port, "terminal/noodle-1/device", tamper)
    await site.running.until(lambda: site.running.daemon.engine.incidents, "the tampered terminal")
    key = site.running.daemon.engine.incidents[0].id
    _, found, _ = await site.call("GET", f"/api/v1/incidents/{key}")
    assert found["suppressed_by"] == second["window"]
    assert found["planned"] == [
        {"window": one["window"], "owner": owner, "reason": reason, "until": one["occurrences"][0]["end"]}
        for one, owner, reason in ((second, "field team", ""), (first, "night shift", "Umbau"))
    ]
    server = ["--url", f"http://127.0.0.1:{site.running.daemon.port}", "--token-file", str(tmp_path / "token")]
    said = (await asyncio.to_thread(CliRunner().invoke, cli, ["incidents", "list", *server])).stdout
    assert "Planned work of field team until " in said
    assert f": Umbau ({first['window']})" in said
    shown = await asyncio.to_thread(CliRunner().invoke, cli, ["incidents", "show", key, "--lang", "zh", *server])
    assert "计划维护：night shift，至 " in shown.stdout


async def test_a_preview_names_the_shops_that_it_touches_and_of_others_none(site: Site) -> None:
    wish = schedule(60, 120, selector={"site": ["noodle-shop", "books-shop"]})
    _, found, _ = await site.call("POST", "/api/v1/windows/preview", wish)
    assert found["sites"] == len(found["shops"]) == 2
    assert (found["shops"][0]["site"], found["shops"][0]["terminals"]) == ("noodle-shop", 7)
    assert "Noodle" in found["shops"][0]["names"]
    _, found, _ = await site.call("POST", "/api/v1/windows/preview", wish, who="second")
    assert [one["site"] for one in found["shops"]] == ["books-shop"]


async def test_above_a_limit_somebody_else_has_to_approve_it(site: Site) -> None:
    site.planning = PlanningSettings(guards=replace(OPEN, second_person_from=5))
    await site.restart()
    made = await planned(site, -10, 50)
    assert (made["state"], site.covered("noodle-1")) == ("proposed", None)
    assert len(made["occurrences"]) == 1  # when it would be: whoever is to approve it has to see that
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


async def test_no_extension_gets_around_the_longest_duration(site: Site) -> None:
    running = await planned(site, -10, 5)
    until = round(time.time() * 1000) + 86_400_000
    status, problem, _ = await site.call("POST", f"/api/v1/windows/{running['id']}/extend", {"until": until})
    assert (status, len(problem["errors"])) == (422, 1)
    assert "24" in problem["errors"][0]
    assert (await site.windows())[0]["occurrences"] == running["occurrences"], "nothing has changed"


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


async def test_a_notice_of_a_host_that_nobody_knows_stands_among_the_refused_with_what_to_do(
    site: Site, say: Callable[..., Awaitable[None]]
) -> None:
    now = round(time.time() * 1000)
    notice = {"id": "n9", "event": "scheduled", "at": now, "starts_at": now + 60_000, "ends_at": now + 900_000}
    await say(site.port, "host/NOBODY/notice/n9", notice, retain=True)
    refused = site.running.daemon.quarantine.counts
    await site.running.until(lambda: refused["unknown_host"], "the refusal")
    assert [one["id"] for one in await site.windows("?provenance=notice")] == ["window:notice:NOBODY:n9"]
    await site.restart()  # the broker tells it again
    await say(site.port, "host/ACQ-A/notice/n9", notice)
    windows = site.running.daemon.engine.correlator.works.windows
    await site.running.until(lambda: len(list(windows)) == 2, "both notices")
    _, found, _ = await site.call("GET", "/api/v1/quarantine?reason=unknown_host")
    (one,) = found["messages"]
    assert (one["topic"].endswith("host/NOBODY/notice/n9"), '"NOBODY" is no host' in one["detail"]) == (True, True)


async def test_what_people_did_and_what_time_brought_is_in_the_audit(site: Site) -> None:
    async def actions(window: str) -> list[tuple[str, str | None]]:
        _, body, _ = await site.call("GET", f"/api/v1/audit?kind=window&subject={window}")
        return [(one["action"], one["author"]) for one in body["entries"]][::-1]

    async def told(window: str, expected: set[tuple[str, str | None]]) -> None:
        async with asyncio.timeout(15):
            while not set(await actions(window)) >= expected:
                await asyncio.sleep(0.02)
        assert sorted(map(str, await actions(window))) == sorted(map(str, expected))

    first = (await planned(site, -10, 50))["id"]
    await site.call("POST", f"/api/v1/windows/{first}/end", who="wang")
    await told(first, ended := {("created", "li"), ("started", None), ("ended_early", "wang"), ("ended", None)})
    await site.restart()
    second = (await planned(site, -10, 50))["id"]
    await told(second, {("created", "li"), ("started", None)})
    await told(first, ended)  # what was told again at the start was kept once


@pytest.mark.parametrize("deed", ["end", "extend", "cancel", "approve"])
async def test_the_command_line_overwrites_nothing_that_somebody_else_has_just_changed(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, deed: str
) -> None:
    made = await planned(site, -10, 50)
    (tmp_path / "token").write_text("li.secret\n")
    url, loop, read = f"http://127.0.0.1:{site.running.daemon.port}", asyncio.get_running_loop(), Api.tag

    async def overtaken(self: Api, path: str) -> str:
        seen = await read(self, path)
        change = site.call("PUT", f"/api/v1{path}", schedule(-10, 90), who="wang")
        asyncio.run_coroutine_threadsafe(change, loop).result(10)
        return seen

    monkeypatch.setattr(Api, "tag", overtaken)
    until = ["--until", local(80)[:16], "--zone", "UTC"] if deed == "extend" else []
    said = ["maintenance", deed, made["id"], *until, "--url", url, "--token-file", str(tmp_path / "token")]
    done = await asyncio.to_thread(CliRunner().invoke, cli, [*said, "--lang", "zh"])
    assert (done.exit_code, "其他人刚刚修改过" in done.stderr) == (1, True)
    (found,) = await site.windows()
    assert (found["version"], found["author"], found["state"]) == (2, "wang", "active")


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
    assert "\n  site noodle-shop (" in seen.stdout
    refused = await run("preview", *when, "--select", "site=nodle-shop", "--lang", "zh")
    assert refused.exit_code == 1
    assert "不能这样计划：selector.site: 没有终端的取值是“nodle-shop”；是否指“noodle-shop”？" in refused.stdout
    unfit = await run("add", *when, "--select", "site=nodle-shop", "--lang", "zh")
    assert unfit.stderr.splitlines()[0] == "fleetmon: 不能这样计划。"
    assert unfit.stderr.splitlines()[1].startswith("  selector.site: 没有终端的取值是")
    assert "fleetmon: 没有查到该维护窗口。" in (await run("show", "nothing", "--lang", "zh")).stderr
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
    told = [text for text in brought.stdout.splitlines() if "[info" not in text]  # the daemon logs in this process, too
    taken, *_, wrong_line = told
    assert (brought.exit_code, taken) == (1, "1 taken, 1 refused")
    assert wrong_line.startswith("  line ")
    assert wrong_line.endswith(": takes no time; its end must be after its start")
    assert wrong_line.count("line") == 1
    assert "cancelled" in (await run("cancel", (await site.windows("?calendar=team"))[0]["id"])).stdout
    link = (await run("feed", "site", "grill-shop")).stdout.strip()
    assert (await site.call("GET", "/" + link.split("/", 3)[3], who=None))[0] == 200
    calendars = await run("calendars", "--lang", "zh")
    assert (calendars.exit_code, calendars.stderr) == (0, "没有配置日历（planning.calendars）。\n")
    assert "登记表中没有" in (await run("feed", "site", "nowhere", "--lang", "zh")).stderr
    unknown = await run("feed", "site", "nowhere")
    assert "fleetmon: The registry has no site nowhere, or planning.feed_secret_file is not set." in unknown.stderr
    assert json.loads((await run("show", made["id"], "--format", "json")).stdout)["id"] == made["id"]
    assert (await run("add", "--from", "soon", "--to", "later")).exit_code == 2
