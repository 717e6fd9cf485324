"""Calendars of others: what is taken, what is refused and why, and what a hostile file may not do."""

import contextlib
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleetmon.model.errors import ConfigError
from fleetmon.model.schedule import Change, Schedule
from fleetmon.planning import zones
from fleetmon.planning.guards import LOOKED_AT
from fleetmon.planning.ical import lines
from fleetmon.planning.ical.read import Reading
from fleetmon.planning.series import Series

from .ics import NOW, calendar, event, taken

CHINA = ZoneInfo("Asia/Shanghai")
HOUR = 3_600_000


def one(*parts: str, head: tuple[str, ...] = (), **fields: Any) -> Schedule:
    found = taken(calendar(event(*parts), head=head), **fields)
    assert not found.refused
    return found.events[0].schedule


def refusal(*parts: str, **fields: Any) -> str:
    found = taken(calendar(event(*parts, **fields)))
    assert not found.events
    assert len(found.refused) == 1
    return found.refused[0].reason


def at(text: str) -> int:
    return zones.stamp(text, CHINA)


def spans(schedule: Schedule) -> list[tuple[int, int]]:
    return [(span.start, span.end) for span in Series(schedule).spans(0, NOW + 400 * 24 * HOUR)]


def test_a_plain_event_is_work_of_the_calendars_owner_for_whom_it_is_bound_to() -> None:
    found = one("SUMMARY:Umbau\\, Turm 7\\; Nord 维护", "SEQUENCE:3")
    assert found == Schedule(
        starts="2026-11-24T01:00:00", duration_s=7200, owner="CMCC", selector={"carrier": "CMCC"},
        reason="Umbau, Turm 7; Nord 维护",
    )  # fmt: skip
    assert taken(calendar(event("SEQUENCE:3"))).events[0].sequence == 3


@pytest.mark.parametrize(
    ("parts", "begin", "hours"),
    [
        (["DTSTART:20261124T010000", "DTEND:20261124T030000"], "2026-11-24T01:00:00", 2),  # floating
        (["DTSTART:20261124T010000Z", "DTEND:20261124T023000Z"], "2026-11-24T09:00:00", 1.5),
        (["DTSTART:20261124T010000Z", "DURATION:PT90M"], "2026-11-24T09:00:00", 1.5),
        (["DTSTART;TZID=Europe/Berlin:20261124T010000", "DURATION:P1D"], "2026-11-24T08:00:00", 24),
        (["DTSTART;TZID=Europe/Berlin:20261124T010000", "DTEND;TZID=Asia/Shanghai:20261124T090000"],
         "2026-11-24T08:00:00", 1),
        (['DTSTART;TZID="China Standard Time":20261124T010000', "DURATION:PT1H"], "2026-11-24T01:00:00", 1),
        (["DTSTART;TZID=/freeassociation.sourceforge.net/Asia/Tokyo:20261124T010000", "DURATION:PT1H"],
         "2026-11-24T00:00:00", 1),
        (["DTSTART;VALUE=DATE:20261124", "DTEND;VALUE=DATE:20261126"], "2026-11-24T00:00:00", 48),
        (["DTSTART;VALUE=DATE:20261124"], "2026-11-24T00:00:00", 24),
        (["DTSTART:20261124T010060", "DURATION:PT1S"], "2026-11-24T01:00:59", 1 / 3600),  # a leap second
    ],
)  # fmt: skip
def test_all_kinds_of_times(parts: list[str], begin: str, hours: float) -> None:
    data = calendar(event(*parts, end=""))
    found = taken(data)
    assert not found.refused
    assert spans(found.events[0].schedule)[0] == (at(begin), at(begin) + round(hours * HOUR))


def test_times_without_a_zone_follow_the_calendar_then_the_binding() -> None:
    assert spans(one(head=("X-WR-TIMEZONE:Asia/Tokyo",)))[0][0] == at("2026-11-24T00:00:00")
    assert spans(one(zone="Europe/London"))[0][0] == at("2026-11-24T09:00:00")
    assert spans(one(head=("X-WR-TIMEZONE:Nowhere/Land",)))[0][0] == at("2026-11-24T01:00:00")


def zone(name: str, *offsets: str, more: tuple[str, ...] = ()) -> tuple[str, ...]:
    parts = [
        ("BEGIN:STANDARD", "DTSTART:19700101T000000", f"TZOFFSETTO:{offset}", "END:STANDARD") for offset in offsets
    ]
    return ("BEGIN:VTIMEZONE", f"TZID:{name}", *more, *(line for part in parts for line in part), "END:VTIMEZONE")


def test_zones_of_the_calendars_own() -> None:
    begin = "DTSTART;TZID=Head Office:20261124T010000"
    assert spans(one(begin, "DURATION:PT1H", head=zone("Head Office", "+0900")))[0][0] == at("2026-11-24T00:00:00")
    place = zone("Head Office", "+0100", "+0200", more=("X-LIC-LOCATION:Europe/Berlin",))
    assert spans(one(begin, "DURATION:PT1H", head=place))[0][0] == at("2026-11-24T08:00:00")
    told = one(begin, "DURATION:PT1H", head=zone("Head Office", "+0100", "+0200"), zones={"Head Office": "Asia/Tokyo"})
    assert spans(told)[0][0] == at("2026-11-24T00:00:00")
    unknown = taken(calendar(event(begin, "DURATION:PT1H"), head=zone("Head Office", "+0100", "+0200")))
    assert unknown.refused[0].reason.startswith('"Head Office" is no time zone that fleetmon knows; say under "zones"')


def test_no_calendar_can_say_what_a_known_zone_is() -> None:
    """Else a stranger's file could move the clocks of all others."""
    begin = "DTSTART;TZID=Asia/Shanghai:20261124T010000"
    evil = zone("Asia/Shanghai", "-0300", more=("X-LIC-LOCATION:America/Sao_Paulo",))
    assert spans(one(begin, "DURATION:PT1H", head=evil))[0][0] == at("2026-11-24T01:00:00")
    assert spans(one(begin, "DURATION:PT1H"))[0][0] == at("2026-11-24T01:00:00")


def test_a_series_with_what_is_left_out_added_and_moved() -> None:
    series = event("RRULE:FREQ=DAILY;COUNT=5", "EXDATE:20261125T010000", "RDATE:20261201T120000,20261202T120000")
    moved = event("RECURRENCE-ID:20261126T010000", start="20261126T050000", end="20261126T090000")
    struck = event("RECURRENCE-ID:20261127T010000", "STATUS:CANCELLED", start="20261127T010000", end="")
    found = taken(calendar(moved, series, struck))
    assert not found.refused
    schedule = found.events[0].schedule
    assert schedule.changes == [
        Change(at("2026-11-26T01:00:00"), at("2026-11-26T05:00:00"), at("2026-11-26T09:00:00")),
        Change(at("2026-11-27T01:00:00")),
    ]
    assert spans(schedule) == [
        (at("2026-11-24T01:00:00"), at("2026-11-24T03:00:00")),
        (at("2026-11-26T05:00:00"), at("2026-11-26T09:00:00")),
        (at("2026-11-28T01:00:00"), at("2026-11-28T03:00:00")),
        (at("2026-12-01T12:00:00"), at("2026-12-01T14:00:00")),
        (at("2026-12-02T12:00:00"), at("2026-12-02T14:00:00")),
    ]


def test_a_day_that_is_left_out_means_the_time_on_it() -> None:
    schedule = one("RRULE:FREQ=DAILY;COUNT=2", "EXDATE;VALUE=DATE:20261125")
    assert len(spans(schedule)) == 1


def test_of_a_change_that_comes_twice_the_last_counts() -> None:
    parts = [event("RRULE:FREQ=DAILY;COUNT=2")]
    for number, hour in ((2, "05"), (1, "07")):
        changed = ("RECURRENCE-ID:20261125T010000", f"SEQUENCE:{number}")
        parts.append(event(*changed, start=f"20261125T{hour}0000", end=f"20261125T{hour}3000"))
    assert spans(taken(calendar(*parts)).events[0].schedule)[1][0] == at("2026-11-25T05:00:00")


def test_changed_times_without_their_series_are_single_times() -> None:
    first = event("RECURRENCE-ID:20261126T010000", start="20261126T050000", end="20261126T090000")
    second = event("RECURRENCE-ID:20261127T010000", start="20261127T060000", end="20261127T070000")
    assert spans(taken(calendar(second, first)).events[0].schedule) == [
        (at("2026-11-26T05:00:00"), at("2026-11-26T09:00:00")),
        (at("2026-11-27T06:00:00"), at("2026-11-27T07:00:00")),
    ]


def test_a_change_that_the_series_overtook_is_gone() -> None:
    """Moved once, and then the series was told anew without that time."""
    moved = event("SEQUENCE:1", "RECURRENCE-ID:20261125T010000", start="20261125T050000", end="20261125T060000")
    for later in (["EXDATE:20261125T010000"], ["RRULE:FREQ=DAILY;UNTIL=20261124"]):
        series = event("SEQUENCE:2", *(later if "RRULE" in later[0] else ["RRULE:FREQ=DAILY;COUNT=2", *later]))
        assert spans(taken(calendar(moved, series)).events[0].schedule) == [
            (at("2026-11-24T01:00:00"), at("2026-11-24T03:00:00"))
        ]
    same = event("SEQUENCE:1", "RRULE:FREQ=DAILY;COUNT=2", "EXDATE:20261125T010000")
    assert len(spans(taken(calendar(moved, same)).events[0].schedule)) == 2


@pytest.mark.parametrize(
    "of", ["RECURRENCE-ID;TZID=China Standard Time:20261125T000000", "RECURRENCE-ID:20261124T160000Z"]
)
def test_a_whole_day_may_be_named_by_a_time_on_it(of: str) -> None:
    series = event("DTSTART;VALUE=DATE:20261124", "RRULE:FREQ=DAILY;COUNT=2", end="")
    moved = event(of, "DTSTART;VALUE=DATE:20261201", end="")
    assert [start for start, _ in spans(taken(calendar(series, moved)).events[0].schedule)] == [
        at("2026-11-24T00:00:00"), at("2026-12-01T00:00:00"),
    ]  # fmt: skip


def test_what_is_cancelled_tentative_or_over() -> None:
    found = taken(
        calendar(
            event("STATUS:CANCELLED", uid="a"), event("STATUS:TENTATIVE", uid="b"), event("STATUS:CONFIRMED", uid="c"),
            event(uid="d", start="20251124T010000", end="20251124T030000"),
            event("RRULE:FREQ=DAILY;UNTIL=20251201", uid="e", start="20251124T010000", end="20251124T030000"),
        )
    )  # fmt: skip
    assert [(one.uid, one.state) for one in found.events] == [("a", "cancelled"), ("b", "proposed"), ("c", "approved")]
    assert found.over == ["d", "e"]
    assert taken(calendar(event(), head=("METHOD:CANCEL",))).events[0].state == "cancelled"


def test_an_event_may_narrow_for_whom_it_is_and_never_widen_it() -> None:
    assert one("X-FLEETMON-SELECTOR:region=a\\,b\\; carrier=CMCC").selector == {"carrier": "CMCC", "region": ["a", "b"]}
    assert one("DESCRIPTION:Dear all\\n fleetmon: site=S1 \\nbye").selector == {"carrier": "CMCC", "site": "S1"}
    assert one("X-FLEETMON-SELECTOR:site=S1", selector={}).selector == {"site": "S1"}
    assert "carrier CUCC is not what this calendar may touch (carrier=CMCC)" in refusal(
        "X-FLEETMON-SELECTOR:carrier=CUCC"
    )
    both = one("X-FLEETMON-SELECTOR:carrier=CMCC\\,CUCC", selector={"carrier": ["CUCC", "CTCC"]})
    assert both.selector == {"carrier": "CUCC"}
    assert '"colour=red" is no selector' in refusal("X-FLEETMON-SELECTOR:colour=red")
    assert "names no value" in refusal("X-FLEETMON-SELECTOR:site=")


def test_work_of_a_host() -> None:
    found = one(host="ACQ-1", selector={})
    assert (found.host, found.selector) == ("ACQ-1", {})


def test_what_only_fleetmon_knows() -> None:
    found = one("X-FLEETMON-OWNER:Night\\, shift", "X-FLEETMON-REFERENCE:CHG-7", "X-FLEETMON-FLEXIBLE:PT30M",
                "X-FLEETMON-LEAD:P1D")  # fmt: skip
    assert (found.owner, found.reference, found.flexible_s, found.lead_s) == ("Night, shift", "CHG-7", 1800, 86_400)


def test_no_card_number_comes_in_with_a_title() -> None:
    assert one("SUMMARY:card 4111111111111111 is stuck").reason == "card 411111******1111 is stuck"


@pytest.mark.parametrize(
    ("parts", "fields", "reason"),
    [
        ([], {"uid": ""}, "has no UID of 1 to 255 printable characters"),
        ([], {"uid": "x" * 256}, "has no UID"),
        ([], {"start": ""}, "has no DTSTART"),
        ([], {"end": ""}, "takes no time; its end must be after its start"),
        ([], {"end": "20261124T010000"}, "takes no time"),
        (["DTEND:20261124T030000", "DURATION:PT1H"], {}, "has both DTEND and DURATION"),
        (["DURATION:-PT1H"], {}, "takes no time"),
        (["DURATION:soon"], {}, "DURATION 'soon' is no length like PT2H30M"),
        (["DURATION:P9999999999D"], {}, "is no length"),
        (["DURATION:P900D"], {}, "duration_s"),
        (["DTSTART:2026-11-24"], {}, "DTSTART '2026-11-24' is no time like 20261124T010000"),
        (["DTSTART:20261131T010000"], {}, "DTSTART 20261131T010000 is in no calendar"),
        (["DTSTART:99991231T010000Z", "DURATION:PT1H"], {}, "not in the years 1970 to 2199"),
        (["RRULE:FREQ=DAILY", "RDATE;TZID=America/New_York:99991231T235959"], {}, "RDATE 99991231T235959 is not in"),
        (["DTSTART:19691231T010000", "DURATION:PT1H"], {}, "DTSTART 19691231T010000 is not in the years 1970 to 2199"),
        (["RRULE:FREQ=SECONDLY"], {}, "FREQ=SECONDLY is not taken"),
        (["RRULE:FREQ=DAILY", "RRULE:FREQ=WEEKLY"], {}, "has several RRULE"),
        (["RRULE:FREQ=DAILY", "EXRULE:FREQ=WEEKLY"], {}, "or an EXRULE"),
        (["RDATE;VALUE=PERIOD:20261125T010000/PT1H"], {}, "RDATE of periods is not taken"),
        (["RRULE:FREQ=DAILY", "EXDATE:" + "20261125T010000," * 1001], {}, "EXDATE has more than 1000 values"),
        (["RRULE:FREQ=DAILY;BYMONTH=" + "1,2,3," * 90 + "4"], {}, "of length <= 500 - at `$.rrule`"),
        (["this line was folded badly"], {}, "line 8: is no NAME:VALUE, nor does it continue the line before"),
        (['SUMMARY;ALTREP="never closed:x'], {}, "line 8: SUMMARY cannot be read"),
    ],
)  # fmt: skip
def test_what_cannot_be_taken_says_why(parts: list[str], fields: dict[str, str], reason: str) -> None:
    assert reason in refusal(*parts, **fields)


def test_a_range_of_changes_is_refused_with_its_event() -> None:
    found = taken(calendar(event("RRULE:FREQ=DAILY"), event("RECURRENCE-ID;RANGE=THISANDFUTURE:20261126T010000")))
    assert not found.events
    assert "end the series there and begin another" in found.refused[0].reason


def test_one_bad_event_spoils_no_other_and_is_named_by_line_and_uid() -> None:
    found = taken(calendar(event(uid="good"), event("RRULE:FREQ=NEVER", uid="bad"), event(uid="fine")))
    assert [one.uid for one in found.events] == ["good", "fine"]
    assert [(one.line, one.uid) for one in found.refused] == [(9, "bad")]


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "holds no calendar"),
        (b"<!DOCTYPE html><html>Please log in</html>", "it begins with '<!DOCTYPE html><html>Please log in</html'"),
        (b"\xff\xfe\x00B", "holds no calendar"),
        (calendar(event())[:-17], "is cut off: VCALENDAR of line 1 has no end"),
        (calendar(event())[:-45], "is cut off: VEVENT of line 4 has no end"),
        (b"BEGIN:VCALENDAR\nEND:VEVENT\nEND:VCALENDAR", "line 2: END:VEVENT where VCALENDAR of line 1 is open"),
        (b"END:VCALENDAR", "END:VCALENDAR where nothing is open"),
        (b"BEGIN:VCALENDAR\n" + b"BEGIN:VEVENT\n" * 5000, "line 5: components within components"),
        (b"x" * (lines.BYTES_MOST + 1), "at most 2000000 are read"),
        (b"BEGIN:VCALENDAR\n" + b"BEGIN:VEVENT\nEND:VEVENT\n" * 10_001 + b"END:VCALENDAR", "more than 10000 events"),
    ],
    ids=range(10),
)
def test_what_is_no_whole_calendar_is_refused_whole(data: bytes, problem: str) -> None:
    with pytest.raises(ConfigError) as raised:
        taken(data)
    assert problem in raised.value.problems[0]
    assert raised.value.problems[0].startswith("test.ics: ")


def test_folding_in_the_middle_of_a_character_is_mended() -> None:
    title = "SUMMARY:计划维护".encode()
    folded = b"\r\n ".join([title[:9], title[9:10], title[10:16], title[16:]])
    data = calendar(event("SUMMARY:X")).replace(b"SUMMARY:X", folded)
    assert taken(data).events[0].schedule.reason == "计划维护"


def test_files_of_other_systems_are_read() -> None:
    data = calendar(event("SUMMARY:X"))
    for other in (
        data.replace(b"\r\n", b"\n"),
        b"\xef\xbb\xbf" + data,
        data + b"\r\n\r\n",
        data.replace(b"BEGIN:VEVENT", b"begin:vevent").replace(b"UID", b"Uid"),
        data + data,
    ):
        assert len(taken(other).events) >= 1


@pytest.mark.parametrize(
    "evil",
    [
        b"\r\n " * 300_000,
        b"X" * 1_900_000,
        b";" * 1_900_000,
        b'SUMMARY;A="' + b"\\" * 900_000,
        b"SUMMARY" + b" \t" * 500_000 + b":x",
        b"DESCRIPTION:" + b"fleetmon:" * 200_000,
        b"\n".join([b"RDATE:" + b",".join([b"20261125T010000"] * 900)] * 100),
        b"\n".join([b"ATTENDEE;CN=" + b"a" * 60_000 + b":x"] * 20),
        b"X-LOL;&lol9;:&lol9;<!ENTITY lol 'lol'>",
    ],
    ids=range(9),
)
def test_nasty_lines_cost_little_and_never_break_out(evil: bytes) -> None:
    """That each ends, with an answer, is the point: some of these keep simple parsers busy for hours."""
    data = calendar(event("SUMMARY:X"), event(uid="fine")).replace(b"SUMMARY:X", evil)
    found = taken(data)
    assert "fine" in {one.uid for one in found.events} | {one.uid for one in found.refused}


def test_a_zone_whose_rules_explode_is_never_worked_out() -> None:
    bomb = (
        "BEGIN:VTIMEZONE", "TZID:Bomb", "BEGIN:STANDARD", "DTSTART:00010101T000000", "RRULE:FREQ=SECONDLY",
        "TZOFFSETFROM:+0000", "TZOFFSETTO:+0100", "END:STANDARD", "END:VTIMEZONE",
    )  # fmt: skip
    found = one("DTSTART;TZID=Bomb:20261124T010000", "DURATION:PT1H", head=bomb)
    assert found.zone == "Etc/GMT-1"


def test_a_calendar_full_of_rules_that_never_happen_is_given_up() -> None:
    bad = [event("RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30;COUNT=9;INTERVAL=0", uid=f"e{n}") for n in range(300)]
    found = taken(calendar(*bad))
    assert len(found.refused) == 102
    assert found.refused[-1].reason == "more than 100: the rest was not looked at"


def test_a_calendar_whose_rules_take_long_to_be_found_impossible_is_given_up() -> None:
    bad = [event("RRULE:FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30", uid=f"e{n}") for n in range(60)]
    found = taken(calendar(*bad))
    assert len(found.refused) == 12, "each costs a tenth of all that there is"
    assert found.refused[-1].uid == "", "so that what was not looked at is not taken for cancelled"
    assert found.refused[-1].reason == "its times cost more than 1000000 looks: the rest was not looked at"


def test_a_calendar_with_too_many_times_is_taken_as_far_as_they_go() -> None:
    """Each hour, on the hour, for ever, many times over: what is taken others have to look at, too."""
    found = taken(calendar(*[event("RRULE:FREQ=HOURLY", "DURATION:PT30M", uid=f"e{n:03}") for n in range(300)]))
    times = sum(len(Series(one.schedule).spans(NOW, NOW + LOOKED_AT)) for one in found.events)
    assert 100_000 < times <= 200_000
    assert found.refused[-1].reason.startswith("its times cost more than")


def test_times_of_one_event_may_touch_and_not_pile_up() -> None:
    assert "it would still go on when it begins again" in refusal("RRULE:FREQ=HOURLY", "DURATION:P9D")
    days = one("DTSTART;VALUE=DATE:20270301", "DURATION:P1D", "RRULE:FREQ=DAILY;COUNT=60", zone="Europe/Berlin")
    assert len(spans(days)) == 60, "though clocks are set forward on one of them"


def readings(data: bytes) -> list[Reading]:
    """What is read, if it is a calendar at all."""
    with contextlib.suppress(ConfigError):
        return [taken(data)]
    return []


PIECES = st.sampled_from(
    [
        "BEGIN:VEVENT", "END:VEVENT", "BEGIN:VCALENDAR", "END:VCALENDAR", "BEGIN:VTIMEZONE", "END:VTIMEZONE",
        "UID:a", "UID:b", "DTSTART:20261124T010000", "DTSTART;TZID=X:20261124T010000", "DTSTART;VALUE=DATE:20261124",
        "DTEND:20261124T030000Z", "DURATION:PT1H", "RRULE:FREQ=DAILY;COUNT=3", "RRULE:FREQ=WEEKLY;BYDAY=MO",
        "EXDATE:20261125T010000", "RDATE:20261125,20261126T010203Z", "RECURRENCE-ID:20261125T010000", "SEQUENCE:7",
        "STATUS:CANCELLED", " folded", "\tfolded", "SUMMARY:x\\n\\,;", ":", ";", "X:", "é:ü", "TZID:X", "BEGIN:", "END",
    ]
)  # fmt: skip


@settings(deadline=None)
@given(st.lists(PIECES | st.text(max_size=30), max_size=40))
def test_any_order_of_lines_is_taken_or_refused_and_never_crashes(pieces: list[str]) -> None:
    for data in ("\r\n".join(pieces).encode(), calendar(*pieces), calendar(event(*pieces))):
        for found in readings(data):
            assert all(spans(one.schedule) or one.state == "cancelled" for one in found.events)


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_taken_or_refused(data: bytes) -> None:
    for found in readings(calendar(event("SUMMARY:X")).replace(b"SUMMARY:X", data)):
        assert len(found.events) + len(found.refused) + len(found.over) <= 1
