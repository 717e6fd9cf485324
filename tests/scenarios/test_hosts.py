"""Hosts that fail, that announced it, and that report late."""

from typing import Any

from fleetmon.engine import Message
from fleetmon.model.events import INT64_MAX, HostHealth, Notice
from fleetmon.sinks.alertmanager import rfc3339

from .world import MINUTE, World, shops

OUTAGE = "host_outage ACQ"
GOOD = {"00": 95, "51": 5}
BAD = {"00": 20, "91": 60, "96": 20}


def world() -> World:
    made = World(shops({"corner": ["CMCC"]}))
    made.start()
    made.run(5 * MINUTE)
    return made


def report(made: World, codes: dict[str, int], *, late_s: int = 0, **fields: Any) -> None:
    health = HostHealth(at=made.now - late_s * 1000, window_s=60, requests=sum(codes.values()), codes=codes, **fields)
    made.again(Message(made.now, "ACQ", health, retained=False, topic="pos/v1/host/ACQ/health", payload=b"x"))
    made.run(MINUTE)


def announce(made: World, minutes: int, event: Any = "scheduled") -> None:
    notice = Notice(at=made.now, id="n1", event=event, starts_at=made.now, ends_at=made.now + minutes * 60_000)
    made.again(Message(made.now, "ACQ", notice, retained=True, topic="pos/v1/host/ACQ/notice/n1", payload=b"x"))


def test_a_failing_host_pages_once_and_resolves() -> None:
    made = world()
    for codes in (GOOD, BAD, BAD, BAD, GOOD):
        report(made, codes)
    assert made.words == [f"{OUTAGE} firing", f"{OUTAGE} resolved"]
    assert made.pages == [OUTAGE]


def test_one_bad_minute_calls_nobody() -> None:
    made = world()
    for codes in (GOOD, BAD, GOOD, GOOD):
        report(made, codes)
    assert made.words == []


def test_declined_cards_and_few_requests_are_no_outage() -> None:
    made = world()
    for codes in ({"51": 80, "00": 20}, {"91": 5}, {"05": 100}, {"91": 9}):
        report(made, codes)
    assert made.words == []


def test_a_host_that_signed_off_fails_whatever_its_codes() -> None:
    made = world()
    for _ in range(3):
        report(made, {}, signed_on=False)
    assert made.words == [f"{OUTAGE} firing"]
    report(made, GOOD, signed_on=True)
    assert made.words[-1] == f"{OUTAGE} resolved"


def test_announced_work_opens_nothing_but_work_that_runs_over_does() -> None:
    made = world()
    announce(made, 5)
    for _ in range(4):
        report(made, BAD)
    assert made.words == []
    for _ in range(4):
        report(made, BAD)
    assert made.words == [f"{OUTAGE} firing"]


def test_cancelled_work_excuses_nothing() -> None:
    made = world()
    announce(made, 60)
    announce(made, 60, "cancelled")
    for _ in range(4):
        report(made, BAD)
    assert made.words == [f"{OUTAGE} firing"]


def test_a_report_that_is_at_odds_with_itself_harms_nobody() -> None:
    made = world()
    for _ in range(4):
        health = HostHealth(at=made.now, window_s=0, requests=10, codes={"91": 80, "05": 20})
        made.again(Message(made.now, "ACQ", health, retained=False, topic="pos/v1/host/ACQ/health", payload=b"x"))
        made.run(MINUTE)
    assert made.words == [f"{OUTAGE} firing"]


def test_a_report_that_comes_late_changes_nothing() -> None:
    made = world()
    for _ in range(4):
        report(made, BAD)
    report(made, GOOD, late_s=600)
    assert made.words == [f"{OUTAGE} firing"]


def test_the_health_of_a_link_is_not_that_of_the_host() -> None:
    made = world()
    for _ in range(4):
        report(made, BAD, peer="ISS")
    assert made.words == []


def test_work_that_is_announced_for_centuries_ends_when_calendars_do() -> None:
    """Until further notice: reports, calendars and Alertmanagers have to say when."""
    made = world()
    notice = Notice(at=made.now, id="n1", event="scheduled", starts_at=made.now, ends_at=INT64_MAX)
    made.again(Message(made.now, "ACQ", notice, retained=True, topic="pos/v1/host/ACQ/notice/n1", payload=b"x"))
    (window,) = made.engine.correlator.works.windows
    assert rfc3339(window.occurrences[0].end) == rfc3339(INT64_MAX) == "9999-01-01T00:00:00.000Z"
    for _ in range(4):
        report(made, BAD)
    assert made.words == []
