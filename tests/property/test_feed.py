"""Feeds: read back they give the same windows; strict readers accept them; the same entries give the same bytes."""

from datetime import UTC, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import icalendar
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from fleetmon.model.days import DAY
from fleetmon.model.events import Selector
from fleetmon.model.schedule import Change, Entry, EntryState, Schedule
from fleetmon.model.window import Occurrence, Window
from fleetmon.planning import zones
from fleetmon.planning.horizon import Horizon, window_of
from fleetmon.planning.ical.merge import merge
from fleetmon.planning.ical.read import read
from fleetmon.planning.ical.write import feed
from fleetmon.planning.series import Series
from fleetmon.planning.settings import CalendarSettings

NOW = zones.stamp("2026-10-20T04:00:00", UTC)  # before clocks are changed, in Europe and America
ZONES = ("Asia/Shanghai", "Europe/Berlin", "America/New_York", "UTC", "Australia/Lord_Howe", "Asia/Kathmandu")
RULES = ("", "FREQ=DAILY", "FREQ=WEEKLY;BYDAY=MO,TH;INTERVAL=2", "FREQ=MONTHLY;BYDAY=-1SU", "FREQ=DAILY;COUNT=30",
         "FREQ=HOURLY;INTERVAL=9;UNTIL=20261201T000000Z")  # fmt: skip
SELECTORS: list[Selector] = [{"provider": "PRO"}, {"site": ["S1", "S-2"], "carrier": "CMCC"}, {"terminal": "t.1"}]
TEXT = st.text(max_size=90).map(lambda text: " ".join("".join(filter(str.isprintable, text)).split()))
BOUND = CalendarSettings("own", "nobody", everything=True)


@st.composite
def entries(draw: st.DrawFn) -> Entry:
    zone = ZoneInfo(draw(st.sampled_from(ZONES)))
    rule = draw(st.sampled_from(RULES))
    begin = NOW + draw(st.integers(0, 400)) * 1_800_000
    schedule = Schedule(
        zones.written(begin, zone),
        zone=str(zone),
        rrule=rule,
        duration_s=draw(st.sampled_from([1, 1800, 7201, 90_000])),
        owner=draw(TEXT.filter(bool)),
        reason=draw(TEXT) or "Maintenance",
        reference=draw(st.sampled_from(["", "CHG-1; a,b\\c"])),
        selector=draw(st.sampled_from(SELECTORS)),
        flexible_s=draw(st.none() | st.integers(60, 7200)),
        lead_s=draw(st.sampled_from([0, 3600, 86_400])),
    )
    times = [span.start for span in Series(schedule).spans(NOW, NOW + 30 * DAY)]
    if rule and times:
        out, struck, moved = (draw(st.sampled_from(times)) for _ in range(3))
        hours = draw(st.integers(1, 30)) * 3_600_000
        changes = {struck: Change(struck), moved: Change(moved, moved + hours, moved + 2 * hours)}
        schedule = replace(
            schedule,
            exdate=[f"{zones.written(out, UTC)}Z"],
            rdate=[zones.written(begin + 5 * DAY, zone)] * draw(st.integers(0, 1)),
            changes=sorted(changes.values(), key=lambda one: one.of),
        )
    state: EntryState = draw(st.sampled_from(["approved", "approved", "proposed"]))
    number = draw(st.integers(0, 999))
    return Entry(f"w-{number}", schedule, state, draw(st.integers(1, 5)), NOW - 1000, "a", NOW - DAY, "a")


def window(entry: Entry) -> Window:
    """The core's window, its id aside."""
    spans = tuple(Series(entry.schedule).spans(NOW, NOW + 60 * DAY))
    return replace(window_of(entry, spans), id="")


@settings(deadline=None)
@given(st.lists(entries(), max_size=4, unique_by=lambda one: one.id))
def test_a_feed_that_is_read_back_gives_the_same_windows(planned: list[Entry]) -> None:
    data = feed("PRO", planned)
    assert data == feed("PRO", planned[::-1])
    merged = merge(read(data, "feed", BOUND, NOW), {}, "own", NOW, whole=True)
    assert not merged.refused
    came = [one for one in planned if Series(one.schedule).spans(NOW, NOW)]
    back = {one.uid.removesuffix("@fleetmon"): one for one in merged.taken}
    assert {one.id: (one.state, window(one)) for one in came} == {
        key: (one.state, window(one)) for key, one in back.items()
    }
    again = merge(
        read(feed("PRO", planned), "feed", BOUND, NOW), {one.uid: one for one in back.values()}, "own", NOW, whole=True
    )
    assert (again.taken, again.changed, again.cancelled) == ([], [], [])


@pytest.mark.parametrize("said", ["\\:", "a\\nb", "a\\\\", "a;b,c:d", '"^n"', "运维\\,"])
def test_what_is_said_is_escaped(said: str) -> None:
    planned = entry(schedule=replace(entry().schedule, owner=said, reason=said, reference=said))
    (back,) = merge(read(feed(said, [planned]), "feed", BOUND, NOW), {}, "own", NOW, whole=True).taken
    assert (back.schedule.owner, back.schedule.reason, back.schedule.reference) == (said, said, said)


@settings(deadline=None)
@given(st.lists(entries(), min_size=1, max_size=4, unique_by=lambda one: one.id))
def test_a_strict_reader_finds_what_the_rfc_asks_for(planned: list[Entry]) -> None:
    data = feed("维护 PRO", planned)
    assert all(len(line) <= 75 for line in data.split(b"\r\n"))
    assert data.endswith(b"END:VCALENDAR\r\n")
    calendar = icalendar.Calendar.from_ical(data)
    assert {"PRODID", "VERSION"} <= calendar.keys()
    assert not calendar.errors
    defined = {str(zone["TZID"]) for zone in calendar.walk("VTIMEZONE")}
    for event in calendar.walk("VEVENT"):
        assert {"UID", "DTSTAMP", "DTSTART", "SEQUENCE", "LAST-MODIFIED", "STATUS", "SUMMARY"} <= event.keys()
        assert not event.errors
        assert event["DTSTART"].params.get("TZID", "UTC") in {*defined, "UTC"}


def the_event(data: bytes) -> Any:
    """The only one, as another reader sees it."""
    (found,) = icalendar.Calendar.from_ical(data).events
    return found


def entry(**fields: object) -> Entry:
    schedule = Schedule("2026-11-24T01:00:00", duration_s=60, owner="o", selector={"provider": "PRO"})
    return replace(Entry("w-1", schedule, "approved", 1, NOW, "a", NOW, "a"), **fields)


def test_uid_stays_and_sequence_and_last_modified_grow_with_every_version() -> None:
    first = the_event(feed("x", [entry()]))
    second = the_event(feed("x", [entry(version=2, since=NOW + 5000, state="cancelled")]))
    assert first["UID"] == second["UID"] == "w-1@fleetmon"
    assert (first["SEQUENCE"], second["SEQUENCE"], second["STATUS"]) == (0, 1, "CANCELLED")
    assert second["LAST-MODIFIED"].dt - first["LAST-MODIFIED"].dt == timedelta(seconds=5)


def test_what_a_calendar_gave_keeps_its_uid() -> None:
    assert the_event(feed("x", [entry(uid="17@bank", calendar="bank")]))["UID"] == "17@bank"


def test_what_hosts_have_announced_is_in_the_feed() -> None:
    notice = Window("window:notice:ACQ:7", "ACQ", "notice", (Occurrence(NOW, NOW + 1_800_000),), host="ACQ", reason="x")
    event = the_event(feed("ACQ", [], [notice]))
    assert event["UID"] == "window:notice:ACQ:7@fleetmon"
    assert event["DURATION"].dt == timedelta(minutes=30)


@pytest.mark.parametrize("name", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Shanghai"])
def test_the_zones_that_are_written_out_change_when_the_real_ones_do(name: str) -> None:
    """An independent reader makes a zone of what stands there."""
    wall = entry(schedule=Schedule("2026-01-05T01:00:00", zone=name, duration_s=60, owner="o", rrule="FREQ=WEEKLY"))
    data = feed("x", [wall]).replace(name.encode(), b"Elsewhere/Else")
    (part,) = icalendar.Calendar.from_ical(data).timezones
    made = part.to_tz(lookup_tzid=False)
    for hour in range(0, 2 * 366 * 24, 5):
        at = zones.EPOCH + timedelta(milliseconds=zones.stamp("2026-01-01T00:30:00", UTC), hours=hour)
        local = at.astimezone(ZoneInfo(name)).replace(tzinfo=None, fold=0)
        if zones.instant(local, ZoneInfo(name)) == (at - zones.EPOCH) // timedelta(milliseconds=1):
            assert local.replace(tzinfo=made).utcoffset() == at.astimezone(ZoneInfo(name)).utcoffset(), at


def test_what_the_horizon_knows_is_what_the_feed_says() -> None:
    horizon = Horizon()
    planned = entry(schedule=replace(entry().schedule, rrule="FREQ=DAILY", starts="2026-10-01T01:00:00"), since=0)
    held = horizon.put(planned, NOW).occurrences
    back = merge(read(feed("x", [planned]), "feed", BOUND, NOW), {}, "own", NOW, whole=True).taken[0]
    assert Horizon().put(replace(back, since=0), NOW).occurrences == held
