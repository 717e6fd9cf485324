"""Planned work: the table of docs/adr/016, row by row, in virtual time."""

from typing import Any, Literal

import msgspec
import pytest
from msgspec.structs import replace

from fleetmon.engine import Message
from fleetmon.model.events import MaintenanceMark, Notice
from fleetmon.model.registry import Host
from fleetmon.model.window import Occurrence, Window, is_window, window_id

from .world import HOUR, MINUTE, NOON, World, shops

SETTLE, GRACE = 5 * MINUTE, 15 * MINUTE
MARKET = {f"shop{number}": ["CMCC", "CMCC"] for number in range(6)}
OUTAGE = "carrier_outage CMCC north"


def world(hours: tuple[str, ...] = ()) -> World:
    """Six shops on one carrier: PRO maintains the first four, OTHER the rest."""
    registry = shops(MARKET, hours=hours)
    rows = [replace(row, provider="PRO" if row.site < "shop4" else "OTHER") for row in registry.terminals]
    made = World(replace(registry, terminals=rows))
    made.start()
    made.run(10 * MINUTE)
    return made


def window(start: float, end: float, name: str = "w", **fields: Any) -> Window:
    """An operator's window of the provider PRO, in minutes since noon."""
    span = Occurrence(NOON + round(start * 60_000), NOON + round(end * 60_000))
    fields = {"selector": {"provider": "PRO"}, "owner": "night shift"} | fields
    return Window(id=window_id("operator", name), provenance="operator", occurrences=(span,), **fields)


def plan(made: World, *windows: Window) -> None:
    made.take(made.engine.plan(windows))


def until(made: World, minute: float) -> None:
    made.run(minute * 60 - (made.now - NOON) / 1000)


def announce(made: World, event: Any, start: float, end: float, host: str = "PRO", **fields: Any) -> Message:
    notice = Notice(
        at=made.now, id="n1", event=event, starts_at=NOON + round(start * 60_000), ends_at=NOON + round(end * 60_000),
        **fields,
    )  # fmt: skip
    message = Message(made.now, host, notice, False, f"pos/v1/host/{host}/notice/n1", msgspec.json.encode(notice))
    made.again(message)
    return message


def mark(made: World, key: str, event: Literal["begin", "end"], minute: float = 0) -> None:
    made.lives[key].seq += 1
    life = made.lives[key]
    end = NOON + round(minute * 60_000) if minute else None
    made.say(key, MaintenanceMark(at=made.now, boot=life.boot, seq=life.seq, event=event, by="Li", until=end))


def tamper(made: World, key: str, action: str = "set") -> None:
    made.device(key, "Tamper", action)


def paged(made: World) -> list[tuple[str, float]]:
    """Whom people were called for, and at which minute."""
    calls = [change for change in made.transitions if change.calls and change.incident.status == "firing"]
    assert all(change.incident.paged_at == change.at for change in calls)
    return [(change.incident.kind, (change.at - NOON) / 60_000) for change in calls]


def of(made: World, shop: str) -> list[str]:
    return [key for key in made.lives if key.startswith(shop)]


# -- opens inside ----------------------------------------------------------------------------------


def test_what_is_born_and_cleared_inside_pages_nobody_nor_does_its_recovery() -> None:
    made = world()
    plan(made, window(20, 60))
    until(made, 25)
    tamper(made, "shop0-1")
    assert made.last("tamper").suppressed_by == "window:operator:w"
    until(made, 50)
    tamper(made, "shop0-1", "clear")
    made.run(HOUR)
    assert made.words == ["tamper shop0-1 firing", "tamper shop0-1 resolved"]
    assert paged(made) == []
    assert not [change for change in made.transitions if change.calls]


def test_what_is_born_inside_and_survives_pages_when_it_has_settled() -> None:
    made = world()
    plan(made, window(20, 60))
    until(made, 25)
    tamper(made, "shop0-1")
    made.run(HOUR)
    assert paged(made) == [("tamper", 65.0)]
    incident = made.last("tamper")
    assert (incident.suppressed_by, incident.opened_at) == (None, NOON + 25 * 60_000)
    tamper(made, "shop0-1", "clear")
    assert made.transitions[-1].calls


@pytest.mark.parametrize("minute", [19.9, 60.0, 62.0])
def test_what_opens_outside_pages_at_once(minute: float) -> None:
    """The span is half-open, and the settle time is for what was born inside."""
    made = world()
    plan(made, window(20, 60))
    until(made, minute)
    tamper(made, "shop0-1")
    assert paged(made) == [("tamper", minute)]


def test_a_problem_from_before_still_resolves_aloud() -> None:
    made = world()
    tamper(made, "shop0-1")
    plan(made, window(20, 60))
    until(made, 30)
    tamper(made, "shop0-1", "clear")
    assert [kind for kind, _ in paged(made)] == ["tamper"]
    assert made.transitions[-1].calls


def test_who_is_not_covered_pages_as_ever() -> None:
    made = world()
    plan(made, window(20, 60))
    until(made, 25)
    tamper(made, "shop5-1")
    assert paged(made) == [("tamper", 25.0)]


def test_tickets_say_that_planned_work_explains_them() -> None:
    made = world()
    plan(made, window(20, 60))
    until(made, 25)
    made.stop("shop0-1")
    until(made, 40)
    assert made.last("terminal_offline").suppressed_by == "window:operator:w"
    until(made, 66)
    assert made.last("terminal_offline").suppressed_by is None
    assert [kind for kind, _ in paged(made)] == []


# -- outages of many -------------------------------------------------------------------------------


def test_an_outage_is_explained_when_most_of_its_silent_terminals_are_covered() -> None:
    made = world()
    plan(made, window(20, 60))
    until(made, 25)
    made.stop()
    until(made, 50)
    assert is_window(made.last("carrier_outage").suppressed_by)
    made.start()
    made.run(2 * HOUR)
    assert paged(made) == []


def test_an_outage_of_which_few_are_covered_pages() -> None:
    made = world()
    plan(made, window(20, 60, selector={"site": ["shop0", "shop1"]}))
    until(made, 25)
    made.stop()
    until(made, 50)
    assert [kind for kind, _ in paged(made)] == ["carrier_outage"]


def test_an_outage_that_outlasts_the_work_pages_once_and_names_who_is_missed() -> None:
    made = world()
    plan(made, window(20, 60))
    until(made, 25)
    made.stop()
    until(made, 120)
    assert paged(made) == [("carrier_outage", 65.0)]
    overdue = made.last("maintenance_overdue")
    assert (overdue.terminals, overdue.suppressed_by) == (8, made.last("carrier_outage").id)


def test_an_outage_that_grows_beyond_the_work_pages() -> None:
    made = world()
    plan(made, window(20, 300, selector={"site": ["shop0", "shop1", "shop2"]}))
    until(made, 25)
    made.stop(*[key for key in made.lives if not key.startswith("shop5")])
    until(made, 40)
    assert is_window(made.last("carrier_outage").suppressed_by)
    made.stop()
    made.run(15 * MINUTE)
    assert [kind for kind, _ in paged(made)] == ["carrier_outage"], "six of twelve are not most"


def test_a_notice_of_a_host_that_nobody_knows_is_refused_aloud_once_and_holds_when_the_registry_has_it() -> None:
    made = world()
    strange = announce(made, "scheduled", 20, 60, "ACQ-9")
    assert [(one.reason, one.message) for one in made.outcome.refusals] == [("unknown_host", strange)]
    assert [fact.message for fact in made.outcome.facts] == [strange]
    made.again(strange)  # as the broker does at each connect
    assert made.outcome.refusals == []
    for known in ("PRO", "CMCC"):
        announce(made, "scheduled", 90, 95, known)
        assert made.outcome.refusals == []
    until(made, 25)
    terminal = made.engine.fleet.terminals["shop0-1"]
    assert made.engine.correlator.works.windows.cover(terminal, made.now) is None
    rows = [replace(row, acquirer="ACQ-9") for row in made.registry.terminals]
    made.engine.register(replace(made.registry, terminals=rows, hosts=[Host("ACQ-9", "acquirer")]))
    tamper(made, "shop0-1")
    until(made, 50)
    assert paged(made) == []
    announce(made, "changed", 20, 70, "ACQ-9")
    assert made.outcome.refusals == []
