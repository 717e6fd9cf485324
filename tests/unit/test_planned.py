"""Planned work told: who is at work, until when, and by how much it ran over."""

import msgspec
import pytest

from fleetmon.engine import Engine, Message
from fleetmon.locale import Matter, tell
from fleetmon.model.case import Announcement
from fleetmon.model.events import Notice
from fleetmon.model.registry import Registry
from fleetmon.model.window import Visit

from .cases import CUTOFF, NOW, cut_off, first, kept, so
from .till import HOUR, MINUTE, NOON

MARK = so("mark", topic="terminal/t/maintenance")


@pytest.mark.parametrize(
    ("visit", "end", "overran"),
    [
        (Visit(NOON, NOON + 2 * HOUR, NOON + HOUR, "Li", ""), NOON + HOUR, 0),
        (Visit(NOON, NOON + 2 * HOUR, NOON + 5 * HOUR, "Li", ""), NOON + 2 * HOUR, 3 * HOUR),
        (Visit(NOON, NOON + 2 * HOUR, 0, "Li", ""), NOON + 2 * HOUR, NOW - NOON - 2 * HOUR),
        (Visit(NOON, 0, 0, "Li", ""), 0, 0),
    ],
)
def test_a_technicians_work_names_who_and_until_when(visit: Visit, end: int, overran: int) -> None:
    found = first(cut_off(works=[MARK], visits=[visit]))
    assert found.cause == "terminal_maintenance"
    assert (found.facts["owner"], found.facts["until_at"], found.facts["overran"]) == ("Li", end, overran)


@pytest.mark.parametrize(("host", "kind"), [("PRO", "provider"), ("night shift", "operator"), ("ACQ", "acquirer")])
def test_announced_work_names_who_and_until_when(host: str, kind: str) -> None:
    notice = Announcement(host, kind, "n1", NOON - HOUR, CUTOFF + HOUR, frozenset(), CUTOFF)
    found = first(kept(announced=[notice]))
    assert found.cause == ("host_maintenance" if kind == "acquirer" else "terminal_maintenance")
    assert (found.facts["owner"], found.facts["until_at"], found.facts["overran"]) == (host, CUTOFF, HOUR)
    said = tell(Matter(found.cause, found.actor, "overdue", "terminal", False, found.facts), "en", "merchant")
    assert host in said.sentence
    assert "60 minutes longer than planned" in said.sentence


def test_work_that_overlaps_names_all_who_answer_for_it_and_the_last_end() -> None:
    notices = [
        Announcement(owner, "operator", owner, NOON - HOUR, end, frozenset())
        for owner, end in (("day shift", CUTOFF + HOUR), ("night shift", CUTOFF + 2 * HOUR), ("day shift", CUTOFF))
    ]
    found = first(kept(announced=notices))
    assert (found.facts["owner"], found.facts["until_at"]) == ("day shift / night shift", CUTOFF + 2 * HOUR)
    visits = [Visit(NOON, 0, 0, by, "") for by in ("Li", "Wang")]
    assert first(cut_off(works=[MARK], visits=visits)).facts["owner"] == "Li / Wang"


def test_what_ended_in_time_does_not_say_that_it_ran_over() -> None:
    notice = Announcement("PRO", "provider", "n1", NOON - HOUR, CUTOFF + MINUTE, frozenset(), CUTOFF)
    assert first(kept(announced=[notice])).facts["overran"] == 0
    assert msgspec.json.encode(first(kept(announced=[notice])))


def test_whoever_stores_hears_of_work_that_comes_changes_and_goes() -> None:
    engine, at = Engine(Registry()), 1_795_399_200_000
    told = {"id": "n1", "starts_at": at + 1_000, "ends_at": at + 9_000}
    for event, times in (("scheduled", ((at + 1_000, at + 9_000),)), ("cancelled", ())):
        notice = Notice(at=at, event=event, **told)  # type: ignore[arg-type]
        found = engine.observe([Message(at, "H", notice, retained=False, topic=f"host/H/notice/{event}", payload=b"")])
        assert [(one.host, one.occurrences) for one in found.windows] == [("H", times)]
        at += 1
    assert engine.advance(at + 60_000).windows == []
