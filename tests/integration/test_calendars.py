"""Calendars out and in, over HTTP: feeds by their secret link, files and addresses that are read again and again."""

from pathlib import Path
from typing import Any

import aiohttp
import pytest

from fleetmon.planning.settings import CalendarSettings, PlanningSettings

from .site import OPEN, Site, calendar, event, planned


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


async def test_what_a_provider_brings_is_of_its_own_terminals_and_overwrites_nobody_s(site: Site) -> None:
    mine, theirs = {"site": "books-shop"}, {"site": "noodle-shop"}
    wish = {"ical": calendar(event("a", -10, 50)), "calendar": "team"}
    assert (await site.call("POST", "/api/v1/calendars/import", wish | {"selector": theirs}))[1]["taken"]
    (before,) = await site.windows()

    async def refused(ical: str, **fields: Any) -> list[str]:
        body = {"ical": ical, "calendar": "team", "selector": mine, **fields}
        status, found, _ = await site.call("POST", "/api/v1/calendars/import", body, who="second")
        assert status == 200, found
        assert not found["changed"]
        return [one["reason"] for one in found["refused"]]

    others = ["touches terminals of others, too"]
    assert await refused(calendar(event("a", -10, 90, "SEQUENCE:9"))) == others, "of another's event, by its UID"
    assert await refused(calendar(event("b", -10, 90)), selector=theirs) == others
    assert await refused(calendar(event("c", -10, 90)), host="ACQ-A") == others, "whose own work passes the guard rails"
    assert await site.windows() == [before]
    assert await refused(calendar(event("d", -10, 90))) == []
    assert len(await site.windows()) == 2


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
