"""The contract's sample: what a correct engine finds in it, in whatever portions it is told."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from fleetmon.engine import Message
from fleetmon.ingest.intake import decode
from fleetmon.model.incident import Status, Transition
from fleetmon.model.registry import Registry
from fleetmon.model.topics import Topics

from .telling import told
from .world import Step

SAMPLE = Path(__file__).parents[1] / "contract" / "v1" / "sample"
TRUTH = msgspec.json.decode((SAMPLE / "truth.json").read_bytes())


@pytest.fixture(scope="module")
def registry() -> Registry:
    return msgspec.convert(yaml.safe_load((SAMPLE / "registry.yml").read_text("utf-8")), Registry)


@pytest.fixture(scope="module")
def script() -> list[Step]:
    topics, steps = Topics(), []
    for text in (SAMPLE / "recording.ndjson").read_bytes().splitlines():
        line = msgspec.json.decode(text)
        route = topics.route(line["topic"])
        assert route is not None
        payload = msgspec.json.encode(line["payload"])
        event = decode(route.kind, payload)
        message = Message(line["t"], route.key, event, line.get("retain", False), line["topic"], payload)
        steps.append(Step(line["t"], "message", message))
    return steps


@pytest.fixture(scope="module")
def found(registry: Registry, script: list[Step]) -> list[Transition]:
    return told(registry, script, TRUTH["until"])


def test_it_holds_one_incident_the_carrier_outage(found: list[Transition]) -> None:
    (truth,) = TRUTH["incidents"]
    fired = {change.incident.id for change in found if change.incident.fired_at is not None}
    assert len(fired) == 1
    incident = found[-1].incident
    assert (incident.kind, dict(incident.scope)) == (truth["kinds"][0], truth["scope"])
    assert truth["opened"][0] <= incident.opened_at <= truth["opened"][1]
    assert incident.resolved_at is not None
    assert truth["resolved"][0] <= incident.resolved_at <= truth["resolved"][1]
    assert incident.terminals == len(truth["members"])
    assert set(incident.evidence) <= set(truth["members"])


def test_it_pages_once_when_it_fires(found: list[Transition]) -> None:
    pages = [change for change in found if change.incident.status is Status.FIRING and change.before is Status.PENDING]
    assert len(pages) == TRUTH["max_pages"] == 1
    assert pages[0].incident.paged_at == pages[0].at == pages[0].incident.fired_at


def test_nothing_forbidden_fires_or_stays_open(found: list[Transition]) -> None:
    forbidden = {kind for rule in TRUTH["forbidden"] for kind in rule["kinds"]}
    fired = {change.incident.kind for change in found if change.incident.fired_at is not None}
    assert not fired & forbidden
    last = {change.incident.id: change.incident.status for change in found}
    assert set(last.values()) <= {Status.RESOLVED, Status.DROPPED}


def portions(seed: int) -> dict[str, Any]:
    chance = random.Random(seed)
    return {"batch": lambda: chance.randint(1, 200), "ticks": lambda: chance.choice((0, 0, 1, 2000, 60_000))}


@pytest.mark.parametrize("seed", range(6))
def test_portions_and_ticks_do_not_matter(
    registry: Registry, script: list[Step], found: list[Transition], seed: int
) -> None:
    assert told(registry, script, TRUTH["until"], **portions(seed)) == found


@pytest.mark.parametrize("delay", [0, 1, 30_000])
def test_repetitions_do_not_matter(registry: Registry, script: list[Step], found: list[Transition], delay: int) -> None:
    wanted: Callable[[Step], bool] = lambda step: step.message is not None and "heartbeat" not in step.message.topic  # noqa: E731
    again = [
        Step(step.at + delay, "message", msgspec.structs.replace(step.message, received_at=step.at + delay))
        for step in script
        if wanted(step) and step.message is not None
    ]
    both = sorted([*script, *again], key=lambda step: step.at)
    assert told(registry, [step for step in both if step.at <= TRUTH["until"]], TRUTH["until"]) == found
