"""Visits over HTTP and on the command line, with a real broker: from a broken part to the plan in the books."""

import asyncio
import csv
import io
import itertools
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from typer.testing import CliRunner

from fleetmon import upkeep
from fleetmon.cli import cli
from fleetmon.model.registry import Provider, Registry
from fleetmon.planning.settings import PlanningSettings, VisitSettings
from fleetmon.readout.planning import visiting
from fleetmon.store import StoreSettings

from .site import OPEN, Site, planned

Say = Callable[..., Awaitable[None]]
LOST = "fleetmon_maintenance_lost_payment_seconds_total"


@pytest.fixture
async def site(
    tmp_path: Path, sample_registry: Registry, mosquitto: Any, running_daemon: Any, monkeypatch: pytest.MonkeyPatch
) -> Site:
    """The sample's fleet: the books shop is another provider's. Shops are open, and technicians come, at any hour."""
    monkeypatch.setattr(visiting, "AGAIN", 0)
    rows = [replace(row, provider="field-2") if row.merchant == "books" else row for row in sample_registry.terminals]
    sites = [replace(row, hours=[]) for row in sample_registry.sites]
    registry = replace(
        sample_registry, terminals=rows, sites=sites, providers=[*sample_registry.providers, Provider("field-2")]
    )
    made = Site(registry, StoreSettings(f"sqlite:///{tmp_path}/fleetmon.db"), mosquitto.port, running_daemon)
    made.planning = PlanningSettings(guards=OPEN, visits=VisitSettings(["Mo-Su 00:00-24:00"], 14_400))
    await made.start()
    return made


async def broken(site: Site, say: Say, *terminals: str) -> None:
    """Their readers are."""
    for key in terminals:
        word = {"at": time.time_ns() // 10**6, "boot": 1, "seq": 1, "component": "reader", "code": "Fault"}
        await say(site.port, f"terminal/{key}/device", word | {"action": "set"})
    engine = site.running.daemon.engine
    await site.running.until(lambda: len(engine.incidents) == len(terminals), "all are broken")


async def test_a_proposal_is_planned_once_as_it_stands_and_then_shown_as_planned(site: Site, say: Say) -> None:
    assert (await site.call("GET", "/api/v1/visits"))[1] == {"visits": [], "next": None}
    await broken(site, say, "noodle-1", "books-1")
    status, body, headers = await site.call("GET", "/api/v1/visits?provider=field-1&days=14")
    assert status == 200
    assert "ETag" in headers
    (visit,) = body["visits"]
    assert (visit["site"], visit["parts"], visit["planned"]) == ("noodle-shop", {"reader": 1}, None)
    assert visit["terminals"][0]["errands"][0]["reason"] == "reader"
    plan = visit["proposal"]["schedule"]
    status, made, _ = await site.call("POST", "/api/v1/windows", plan)
    assert status == 201, made
    assert made["occurrences"][0] == visit["proposal"]["span"]
    assert (await site.call("POST", "/api/v1/windows", plan))[:2] == (200, made)
    (again,) = (await site.call("GET", "/api/v1/visits?provider=field-1&days=14"))[1]["visits"]
    assert again["planned"] == {"window": made["id"], "state": "scheduled", "span": visit["proposal"]["span"]}
    assert again["proposal"]["schedule"]["reference"] == plan["reference"]


async def test_a_provider_sees_and_plans_its_own_and_pages_are_the_list(site: Site, say: Say) -> None:
    await broken(site, say, "noodle-1", "books-1", "grill-1")
    everything = (await site.call("GET", "/api/v1/visits"))[1]["visits"]
    assert {one["site"] for one in everything} == {"noodle-shop", "books-shop", "grill-shop"}
    found, path = [], "/api/v1/visits?limit=1"
    while path:
        page = (await site.call("GET", path))[1]
        found += page["visits"]
        path = f"/api/v1/visits?limit=1&cursor={page['next']}" if page["next"] else ""
    assert [one["site"] for one in found] == [one["site"] for one in everything]
    own = (await site.call("GET", "/api/v1/visits?days=14", who="second"))[1]["visits"]
    assert [one["site"] for one in own] == ["books-shop"]
    table = (await site.call("GET", "/api/v1/visits.csv", who="second"))[1]
    assert "books-shop" in table
    assert "noodle-shop" not in table
    assert (await site.call("POST", "/api/v1/windows", own[0]["proposal"]["schedule"], who="second"))[0] == 201
    for bad in ("days=0", "days=32", "from=-1", "from=9000000000000000", "lang=fr", "nobody=x", "cursor=MTI"):
        assert (await site.call("GET", f"/api/v1/visits?{bad}"))[0] == 400, bad
    assert (await site.call("GET", "/api/v1/visits", who=None))[0] == 401


async def test_a_provider_cannot_pass_its_work_off_as_the_visit_of_another(site: Site, say: Say) -> None:
    await broken(site, say, "noodle-1", "books-1")
    (theirs,) = (await site.call("GET", "/api/v1/visits?provider=field-1&days=14"))[1]["visits"]
    (own,) = (await site.call("GET", "/api/v1/visits?days=14", who="second"))[1]["visits"]
    forged = own["proposal"]["schedule"] | {"reference": theirs["proposal"]["schedule"]["reference"]}
    assert (await site.call("POST", "/api/v1/windows", forged, who="second"))[0] == 409
    named = forged | {"owner": "field-1"}  # by somebody who may, it is still not the visit of the other
    assert (await site.call("POST", "/api/v1/windows", named))[0] == 201
    (visit,) = (await site.call("GET", "/api/v1/visits?provider=field-1&days=14"))[1]["visits"]
    assert (visit["site"], visit["planned"]) == ("noodle-shop", None)


async def test_the_calendar_of_proposals_can_be_taken_over_and_waits_for_an_approval(site: Site, say: Say) -> None:
    await broken(site, say, "noodle-1")
    status, ical, headers = await site.call("GET", "/api/v1/visits.ics?days=14&lang=zh")
    assert (status, headers["content-type"]) == (200, "text/calendar; charset=utf-8")
    assert "STATUS:TENTATIVE" in ical
    assert "读卡器" in ical
    wish = {"ical": ical, "calendar": "visits", "everything": True}
    _, found, _ = await site.call("POST", "/api/v1/calendars/import", wish)
    assert len(found["taken"]) == 1, found
    (made,) = await site.windows()
    assert (made["state"], made["selector"]) == ("proposed", {"terminal": "noodle-1"})
    (visit,) = (await site.call("GET", "/api/v1/visits?days=14"))[1]["visits"]
    assert visit["planned"]["state"] == "proposed"


async def test_what_a_visit_brought_is_told_also_after_a_restart(site: Site, say: Say) -> None:
    await broken(site, say, "noodle-1")
    at = time.time_ns() // 10**6
    for seq, event in ((2, "begin"), (4, "end")):
        mark = {"at": at + seq, "boot": 1, "seq": seq, "event": event, "by": "Li"}
        await say(site.port, "terminal/noodle-1/maintenance", mark)
        if event == "begin":
            word = {"at": at + 3, "boot": 1, "seq": 3, "component": "reader", "code": "Fault", "action": "clear"}
            await say(site.port, "terminal/noodle-1/device", word)
    await site.running.until(lambda: not site.running.daemon.engine.incidents, "it is repaired")

    async def outcomes() -> list[tuple[str, str, str]]:
        rows = (await site.call("GET", "/api/v1/visits/outcomes?days=1"))[1]["visits"]
        return [(row["site"], row["outcome"], row["terminals"][0]["by"]) for row in rows]

    await site.running.until(lambda: _ended(site), "the mark of the end")
    assert await outcomes() == [("noodle-shop", "fixed", "Li")]
    await site.restart()
    await site.running.until(lambda: _ended(site), "the marks are known again")
    assert await outcomes() == [("noodle-shop", "fixed", "Li")]
    assert (await site.call("GET", "/api/v1/visits/outcomes", who="second"))[1]["visits"] == []


def _ended(site: Site) -> bool:
    return any(one.ended for one in site.running.daemon.engine.correlator.works.visits.of("noodle-1"))


async def test_the_time_without_payments_inside_planned_work_is_a_metric(
    site: Site, say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upkeep, "LOSSES_EVERY_S", 0)
    page = (await site.call("GET", "/metrics", who=None))[1]
    assert f'{LOST}{{provider="field-1"}} 0.0' in page
    await planned(site, -10, 50)
    losses = site.running.daemon.engine.correlator.works.losses
    checkup, seqs = site.running.daemon.engine.shard.checkup, itertools.count(1)
    async with asyncio.timeout(15):
        while not checkup.not_paying:  # of what is read in one millisecond a second beat proves nothing yet
            beat = {"at": time.time_ns() // 10**6, "boot": 1, "seq": next(seqs), "poi": {"security": False}}
            await say(site.port, "terminal/noodle-1/heartbeat", beat)
    await site.running.until(lambda: losses.by_provider["field-1"] > 0, "that is counted")
    page = (await site.call("GET", "/metrics", who=None))[1]
    assert f'{LOST}{{provider="field-2"}} 0.0' in page
    assert f'{LOST}{{provider="field-1"}} 0.0' not in page


async def test_the_command_line_lists_visits_in_every_form_and_tells_outcomes(site: Site, say: Say) -> None:
    file = Path(site.store.url.removeprefix("sqlite:///")).parent / "token"
    file.write_text("li.secret")
    common = ["--url", f"http://127.0.0.1:{site.running.daemon.port}", "--token-file", str(file)]

    async def run(*arguments: str) -> Any:
        return await asyncio.to_thread(CliRunner().invoke, cli, ["maintenance", *arguments, *common])

    assert "Nobody has to go anywhere." in (await run("visits")).stderr
    assert "how the provider" in (await run("visits", "--provider", "feild-1")).stderr
    assert "No visit in these days." in (await run("outcomes")).stderr
    await broken(site, say, "noodle-1")
    said = (await run("visits", "--days", "14")).stdout
    assert "noodle-shop" in said
    assert "Take along: card reader" in said
    assert "携带：读卡器" in (await run("visits", "--lang", "zh")).stdout
    assert '"site": "noodle-shop"' in (await run("visits", "--format", "json")).stdout
    rows = list(csv.DictReader(io.StringIO((await run("visits", "--format", "csv")).stdout.removeprefix("\ufeff"))))
    assert [(row["site"], row["parts"]) for row in rows] == [("noodle-shop", "card reader")]
    assert "BEGIN:VEVENT" in (await run("visits", "--format", "ical")).stdout
    later = await run("visits", "--from", "2099-01-01T00:00", "--format", "json", "--days", "2")
    assert "2099-01-0" in later.stdout
    wrong = await run("visits", "--from", "2026-02-30T00:00")
    assert (wrong.exit_code, "--from" in wrong.stderr) == (2, True)
    await say(
        site.port,
        "terminal/noodle-1/maintenance",
        {"at": time.time_ns() // 10**6, "boot": 1, "seq": 2, "event": "begin", "by": "Li"},
    )
    works = site.running.daemon.engine.correlator.works
    await site.running.until(lambda: works.visits.of("noodle-1"), "somebody is there")
    told = (await run("outcomes")).stdout
    assert "somebody is there" in told
    assert "still there" in told
