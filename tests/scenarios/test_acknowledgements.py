"""Somebody sees to it: people are left alone until it is worse or nobody does any longer (docs/adr/021)."""

from collections.abc import Callable
from typing import Final

import pytest
from msgspec.structs import replace

from fleetmon.engine import Engine, Outcome
from fleetmon.model.audit import AuditEntry
from fleetmon.model.incident import Status, Transition
from fleetmon.model.window import Occurrence, Window, window_id

from .world import HOUR, MINUTE, NOON, World, shops

OUTAGE: Final = "carrier_outage CMCC north"
Act = Callable[[Engine], Outcome]


class Story(World):
    """Eight shops of one carrier and region. Half of the terminals beat every minute, half every five."""

    def __init__(self) -> None:
        registry = shops({f"shop{number}": ["CMCC", "CMCC"] for number in range(8)})
        rows = [replace(row, interval_s=300 if row.id.endswith("-2") else 60) for row in registry.terminals]
        self.acts: list[tuple[int, Act]] = []
        self.audit: list[AuditEntry] = []
        super().__init__(replace(registry, terminals=rows))
        self.start()
        self.run(22.5 * MINUTE)

    def do(self, act: Act) -> None:
        self.acts.append((self.now, act))
        self.take(act(self.engine))

    def take(self, outcome: Outcome) -> None:
        super().take(outcome)
        self.audit += outcome.audit

    def acknowledge(self, minutes: float, author: str = "wang", comment: str = "") -> None:
        """The newest outage, from now on for so long."""
        incident, now = self.last("carrier_outage").id, self.now
        until = now + round(minutes * 60_000)
        self.do(lambda engine: engine.acknowledge(now, incident, author, until, comment))

    def withdraw(self, author: str = "wang") -> None:
        incident, now = self.last("carrier_outage").id, self.now
        self.do(lambda engine: engine.unacknowledge(now, incident, author))

    def silence(self, seconds: float = 3 * MINUTE) -> None:
        """All fall silent, and those who beat often are missed."""
        self.stop()
        self.run(seconds)

    @property
    def calls(self) -> list[float]:
        """The minutes in which people were called for something that is wrong."""
        return [
            (change.at - NOON) / 60_000
            for change in self.transitions
            if change.calls and change.incident.status is Status.FIRING
        ]

    @property
    def deeds(self) -> list[tuple[str | None, str]]:
        return [(entry.author, entry.action) for entry in self.audit]


def test_nobody_is_called_for_what_somebody_sees_to() -> None:
    made = Story()
    made.silence(20 * MINUTE)
    assert made.pages == [OUTAGE]
    assert made.last("carrier_outage").terminals == 16
    made.acknowledge(120, comment="CMCC works on it")
    made.run(HOUR)
    known = made.last("carrier_outage").acknowledgement
    assert known is not None
    assert (known.author, known.comment, known.terminals, known.paged) == ("wang", "CMCC works on it", 16, True)
    made.start()
    made.run(HOUR)
    assert made.pages == [OUTAGE]
    over = made.last("carrier_outage")
    assert (over.status, over.acknowledgement) == (Status.RESOLVED, known), "who saw to it is known afterwards"
    assert made.transitions[-1].calls, "its end is told to those who were called"
    assert made.deeds == [("wang", "acknowledged")]
    made.run(HOUR)
    assert made.deeds == [("wang", "acknowledged")], "its time concerns nobody any longer"


def test_when_its_time_is_over_people_are_called_again_once() -> None:
    made = Story()
    made.silence(20 * MINUTE)
    made.acknowledge(30)
    until = (made.now - NOON) / 60_000 + 30
    made.run(3 * HOUR)
    assert made.calls[1:] == [until]
    last = made.transitions[-1]
    assert (last.reason, last.incident.acknowledgement, last.incident.called_again_at) == (
        "acknowledgement expired", None, last.at,
    )  # fmt: skip
    assert last.incident.paged_at == last.incident.fired_at, "when they were called first is another matter"
    assert made.deeds == [("wang", "acknowledged"), (None, "lapsed")]


def test_who_prolongs_it_is_not_called_at_the_first_time() -> None:
    made = Story()
    made.silence(20 * MINUTE)
    made.acknowledge(30)
    made.run(29 * MINUTE)
    made.acknowledge(30)
    made.run(29 * MINUTE)
    assert len(made.calls) == 1
    made.run(2 * MINUTE)
    assert len(made.calls) == 2
    made.acknowledge(30)
    made.run(HOUR)
    assert len(made.calls) == 3, "and so on, once each time"


def test_an_outage_that_grows_is_worse() -> None:
    """Those who beat rarely are missed later: eight terminals become sixteen."""
    made = Story()
    made.silence()
    assert (made.pages, made.last("carrier_outage").terminals) == ([OUTAGE], 8)
    made.acknowledge(600)
    made.run(HOUR)
    assert made.pages == [OUTAGE, OUTAGE]
    ended = next(change for change in made.transitions if change.reason == "worse than when it was acknowledged")
    grown = made.transitions[made.transitions.index(ended) - 1]
    assert (grown.reason, grown.calls, ended.calls, ended.at) == ("grew", False, True, grown.at)
    assert ended.incident.terminals >= 12
    assert made.audit[-1].detail["before"]["terminals"] == 8
    assert (made.audit[-1].detail["after"], made.audit[-1].author) == (None, None)


def test_one_that_grows_after_it_was_acknowledged_anew_is_measured_anew() -> None:
    made = Story()
    made.silence(20 * MINUTE)
    made.acknowledge(600)
    made.withdraw()
    made.run(MINUTE)
    made.acknowledge(600, "li")
    made.run(9 * HOUR)
    assert made.pages == [OUTAGE], "whoever takes it back knows, and all sixteen were silent when li took it"
    assert made.deeds == [("wang", "acknowledged"), ("wang", "unacknowledged"), ("li", "acknowledged")]


def test_the_same_again_changes_nothing() -> None:
    made = Story()
    made.silence(20 * MINUTE)
    incident, now, until = made.last("carrier_outage").id, made.now, made.now + 3_600_000
    act: Act = lambda engine: engine.acknowledge(engine.now, incident, "wang", until, "x")  # noqa: E731
    made.do(act)
    count = len(made.transitions)
    made.run(MINUTE)
    made.do(act)
    made.withdraw()
    made.withdraw()
    assert len(made.transitions) == count + 1
    assert made.deeds == [("wang", "acknowledged"), ("wang", "unacknowledged")]
    known = made.transitions[count - 1].incident.acknowledgement
    assert known is not None
    assert known.at == now


def test_a_ticket_that_becomes_a_page_is_worse_and_is_one_page() -> None:
    """Planned work explains the outage, and ends without mending it."""
    made = Story()
    minute = (made.now - NOON) / 60_000
    span = Occurrence(made.now, made.now + 1_800_000)
    window = Window(window_id("operator", "w"), "us", "operator", (span,), {"carrier": "CMCC"})
    made.do(lambda engine: engine.plan([window]))
    made.silence(20 * MINUTE)
    assert made.pages == []
    made.acknowledge(600)
    made.run(HOUR)
    assert made.calls == [minute + 35]
    assert made.last("carrier_outage").acknowledgement is None
    assert made.deeds == [("wang", "acknowledged"), (None, "lapsed")]


def test_a_ticket_calls_nobody_when_its_acknowledgement_ends() -> None:
    made = Story()
    made.device("shop0-1", "PaperJam", "set", component="printer")
    incident = made.transitions[-1].incident
    assert (incident.kind, incident.pages) == ("device_fault", False)
    made.do(lambda engine: engine.acknowledge(made.now, incident.id, "wang", made.now + 60_000))
    made.run(HOUR)
    assert (made.deeds[-1], made.pages) == ((None, "lapsed"), [])
    assert made.last("device_fault").called_again_at is None


def test_what_seems_to_be_over_at_its_time_calls_nobody() -> None:
    """Most are back half a minute before, and the outage waits for its `keep_firing_for`."""
    made = Story()
    made.silence(20 * MINUTE)
    made.acknowledge(4.25)
    made.start()
    made.run(4.25 * MINUTE)
    assert next(iter(made.engine.incidents)).clear_since is not None
    made.run(HOUR)
    assert (made.pages, made.words) == ([OUTAGE], [f"{OUTAGE} firing", f"{OUTAGE} resolved"])
    assert made.deeds == [("wang", "acknowledged")]


def test_a_restart_keeps_it() -> None:
    made = Story()
    made.silence(20 * MINUTE)
    made.acknowledge(60)
    made.run(MINUTE)
    made.restart(made.records())
    known = next(iter(made.engine.incidents)).acknowledgement
    assert known is not None
    made.run(20)
    made.link_up()
    made.run(30 * MINUTE)
    assert len(made.calls) == 1
    made.run(HOUR)
    assert made.calls[1:] == [(known.until - NOON) / 60_000], "at its time, and once"


@pytest.mark.parametrize("healed", [True, False])
def test_a_time_that_passes_while_we_are_dead_waits_until_we_know(healed: bool) -> None:
    made = Story()
    made.silence(20 * MINUTE)
    made.acknowledge(5)
    records = made.records()
    firing = [replace(one) for one in made.engine.incidents if one.status is Status.FIRING]
    made.now += 3_600_000
    engine = Engine(made.registry)
    engine.advance(made.now)
    engine.restore(records, [], firing)
    made.engine = engine
    made.take(engine.link_down(made.now))
    made.run(20)
    assert len(made.calls) == 1, "we hear nothing, so we do not know"
    made.link_up()
    if healed:
        made.start()
    made.run(HOUR)
    assert len(made.calls) == (1 if healed else 2)
    assert (made.last("carrier_outage").status is Status.RESOLVED) == healed


def test_our_own_deafness_can_be_seen_to_and_calls_again_while_we_are_deaf() -> None:
    made = Story()
    made.link_down()
    made.run(10 * MINUTE)
    incident, now = made.last("ingest_impaired"), made.now
    assert made.pages == ["ingest_impaired"]
    made.do(lambda engine: engine.acknowledge(now, incident.id, "wang", now + 600_000))
    made.run(HOUR)
    assert made.calls[1:] == [(now - NOON) / 60_000 + 10]


@pytest.mark.parametrize("pause", [100, 7_777, 3_600_000])
def test_how_often_somebody_looks_changes_nothing(pause: int) -> None:
    """Acknowledged, grown, acknowledged, expired, taken back: the same transitions at the same times."""
    made = Story()
    made.silence()
    made.acknowledge(600)
    made.run(HOUR)
    made.acknowledge(10)
    made.run(HOUR)
    made.acknowledge(10, "li", "again")
    made.run(5 * MINUTE)
    made.withdraw("li")
    made.run(HOUR)
    made.start()
    made.run(HOUR)
    assert len(made.calls) == 3
    assert told_again(made, pause) == made.transitions


def told_again(made: Story, pause: int) -> list[Transition]:
    engine, found = Engine(made.registry, max_unregistered=10), list[Transition]()
    acts = list(made.acts)

    def wait(until: int) -> None:
        for now in range(engine.now + pause, until, pause) if engine.now else ():
            found.extend(engine.advance(now).transitions)

    for step in made.script:
        while acts and acts[0][0] <= step.at:
            at, act = acts.pop(0)
            wait(at)
            engine.advance(0)
            found.extend(act(engine).transitions)
        wait(step.at)
        if step.message is not None:
            found.extend(engine.observe([step.message]).transitions)
        else:
            found.extend(engine.link_up(step.at).transitions)
    return [*found, *engine.advance(made.now).transitions]
