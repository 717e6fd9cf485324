"""What is said of a sale does not depend on how its recording reaches us: order, repetition, names, portions."""

import random
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest
import yaml

from fleetmon.engine import Engine, Message
from fleetmon.ingest.intake import Intake
from fleetmon.ingest.quarantine import Quarantine
from fleetmon.ingest.recording import Line
from fleetmon.model.registry import Registry
from fleetmon.model.topics import Topics
from fleetmon.readout.enquiry.telling import explanation
from fleetmon.replay import play
from fleetmon.sim.corpus import generate
from fleetmon.working_days import working_days

SAMPLE = Path(__file__).parents[1] / "contract" / "v1" / "sample"
FAMILIES = {
    2: ["carrier_outage", "batch_not_closed", "credit_missing", "instant_limit"],
    3: ["site_outage", "interface_fault", "weak_signal", "one_sided", "account_frozen"],
}
STORIES = ["sample", *FAMILIES]
LATEST = 30_000

Verdict = tuple[str, str, str, int | None]  # first cause, state, stage, due time


class Told(NamedTuple):
    """A recording and its fleet."""

    lines: list[dict[str, Any]]
    registry: Registry

    def as_lines(self) -> list[Line]:
        return [msgspec.convert({**line, "payload": _raw(line.get("payload"))}, Line) for line in self.lines]


def _raw(payload: object) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(payload) if payload is not None else b"")


@cache
def story(name: str | int) -> Told:
    if isinstance(name, int):
        made = generate(name, FAMILIES[name])
        return Told([msgspec.json.decode(line) for line in made.lines], made.registry)
    written = (SAMPLE / "recording.ndjson").read_bytes().splitlines()
    registry = msgspec.convert(yaml.safe_load((SAMPLE / "registry.yml").read_text("utf-8")), Registry)
    return Told([msgspec.json.decode(line) for line in written], registry)


def verdicts(told: Told) -> dict[tuple[str, str], Verdict]:
    engine, _, until = play(told.as_lines(), told.registry, None, Topics())
    return {
        (one.sale.terminal, one.sale.id): (
            one.findings[0].cause, one.standing.state, one.standing.stage, one.standing.due_at,
        )
        for one in engine.explainer.unpaid(until)
    }  # fmt: skip


@cache
def wanted(name: str | int) -> Mapping[tuple[str, str], Verdict]:
    return verdicts(story(name))


def moved(told: Told, change: Callable[[dict[str, Any]], list[dict[str, Any]]]) -> Told:
    """Every line but the last, which says when it ends, may come at other times, and heartbeats (QoS 0) may not."""
    *lines, last = told.lines
    fixed = ("heartbeat",)
    changed = [one for line in lines for one in ([line] if line.get("topic", "").endswith(fixed) else change(line))]
    changed = [{**line, "t": min(line["t"], last["t"])} for line in changed]
    return Told([*sorted(changed, key=lambda line: int(line["t"])), last], told.registry)


def differences(name: str | int, found: Mapping[tuple[str, str], Verdict]) -> dict[tuple[str, str], Any]:
    before = wanted(name)
    return {
        key: (before.get(key), found.get(key))
        for key in before.keys() | found.keys()
        if before.get(key) != found.get(key)
    }


@pytest.mark.parametrize("name", STORIES)
def test_there_is_something_to_tell(name: str | int) -> None:
    causes = {cause for cause, *_ in wanted(name).values()}
    assert len(causes) >= (2 if name == "sample" else 4)
    assert "unknown" not in causes


@pytest.mark.parametrize("name", STORIES)
def test_messages_that_overtake_each_other_change_no_verdict(name: str | int) -> None:
    chance = random.Random(7)

    def late(line: dict[str, Any]) -> list[dict[str, Any]]:
        return [line if "link" in line else {**line, "t": line["t"] + chance.randint(0, LATEST)}]

    assert differences(name, verdicts(moved(story(name), late))) == {}


@pytest.mark.parametrize("name", STORIES)
def test_repetitions_change_no_verdict(name: str | int) -> None:
    chance = random.Random(7)

    def twice(line: dict[str, Any]) -> list[dict[str, Any]]:
        again = {**line, "t": line["t"] + chance.randint(0, LATEST)}
        return [line, again] if "topic" in line and chance.random() < 0.1 else [line]

    told = moved(story(name), twice)
    assert len(told.lines) > len(story(name).lines)
    assert differences(name, verdicts(told)) == {}


def renamed(told: Told, names: Mapping[str, str]) -> Told:
    """Terminals and merchants have other ids, everywhere and consistently."""

    def name(value: Any) -> Any:
        return [name(one) for one in value] if isinstance(value, list) else names.get(value, value)

    def line(one: dict[str, Any]) -> dict[str, Any]:
        payload = one.get("payload") or {}
        if "select" in payload:
            payload = {**payload, "select": {key: name(value) for key, value in payload["select"].items()}}
        if "topic" not in one:
            return one
        topic = "/".join(name(level) for level in one["topic"].split("/"))
        return {**one, "topic": topic, "payload": payload}

    def rows(table: list[Any]) -> list[dict[str, Any]]:
        fields = ("id", "merchant")
        return [
            {key: name(value) if key in fields else value for key, value in msgspec.to_builtins(row).items()}
            for row in table
        ]

    registry = msgspec.to_builtins(told.registry) | {
        "merchants": rows(told.registry.merchants),
        "sites": rows(told.registry.sites),
        "terminals": rows(told.registry.terminals),
    }
    return Told([line(one) for one in told.lines], msgspec.convert(registry, Registry))


@pytest.mark.parametrize("name", STORIES)
def test_other_names_change_no_verdict(name: str | int) -> None:
    told = story(name)
    ids = [row.id for row in told.registry.merchants] + [row.id for row in told.registry.terminals]
    others = [f"x{number}" for number in range(len(ids))]
    random.Random(7).shuffle(others)
    names = dict(zip(ids, others, strict=True))
    back = {new: old for old, new in names.items()}
    found = {(back.get(key, key), sale): one for (key, sale), one in verdicts(renamed(told, names)).items()}
    assert differences(name, found) == {}


def portioned(told: Told, size: Callable[[], int], pause: int) -> tuple[bytes, bytes]:
    """Transitions and explanations when so many messages go together, with looks in between."""
    engine, intake = Engine(told.registry, working_days(told.registry.calendar)), Intake(Topics(), Quarantine())
    lines = told.as_lines()
    found = engine.link_up(lines[0].t).transitions
    waiting: list[Message] = []
    room = size()
    for line in lines:
        if line.link is None:
            waiting += intake.take([line.publication], line.t)
        if len(waiting) >= room or line.link is not None:
            found += engine.observe(waiting).transitions
            waiting, room = [], size()
            for now in range(engine.now, line.t, pause) if pause else ():
                found += engine.advance(now).transitions
        if line.link is not None:
            found += (engine.link_up if line.link == "up" else engine.link_down)(line.t).transitions
    found += engine.observe(waiting).transitions + engine.finish(lines[-1].t).transitions
    told_of = [explanation(one) for one in engine.explainer.unpaid(lines[-1].t)]
    return msgspec.json.encode(found), msgspec.json.encode(told_of)


@cache
def one_by_one(name: str | int) -> tuple[bytes, bytes]:
    engine, transitions, until = play(story(name).as_lines(), story(name).registry, None, Topics())
    return msgspec.json.encode(transitions), msgspec.json.encode(
        [explanation(one) for one in engine.explainer.unpaid(until)]
    )


@pytest.mark.parametrize("name", STORIES)
@pytest.mark.parametrize(("most", "pause"), [(1, 60_000), (400, 0), (40, 7_777)])
def test_portions_and_looks_change_no_byte(name: str | int, most: int, pause: int) -> None:
    chance = random.Random(most)
    transitions, explanations = portioned(story(name), lambda: chance.randint(1, most), pause)
    assert explanations == one_by_one(name)[1]
    assert transitions == one_by_one(name)[0]
