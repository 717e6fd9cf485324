"""A recording through the same engine on virtual time: no network, no store, no clock.

The output is the contract's *Replay*, one JSON object.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

from msgspec import to_builtins

from fleetmon.engine import Engine
from fleetmon.ingest.intake import Intake
from fleetmon.ingest.quarantine import Quarantine
from fleetmon.ingest.recording import Line
from fleetmon.model.incident import Incident, Status, Transition
from fleetmon.model.registry import Registry
from fleetmon.model.topics import Topics
from fleetmon.readout.telling import explanation
from fleetmon.working_days import working_days


class Played(NamedTuple):
    """What a recording has made of an engine; `until` in ms."""

    engine: Engine
    transitions: list[Transition]
    until: int


def play(lines: Iterable[Line], registry: Registry, until: int | None, topics: Topics) -> Played:
    """Feed the lines; `until` in ms, by default the arrival of the last line."""
    engine = Engine(registry, working_days(registry.calendar))
    intake = Intake(topics, Quarantine())
    transitions: list[Transition] = []
    last = None
    for line in lines:
        if until is not None and line.t > until:
            break  # somebody listened on
        if last is None:
            transitions += engine.link_up(line.t).transitions
        last = line.t
        if line.link is None:
            transitions += engine.observe(intake.take([line.publication], line.t)).transitions
        else:
            step = engine.link_up if line.link == "up" else engine.link_down
            transitions += step(line.t).transitions
    else:
        if until is not None and last is not None:
            # Nobody listened any longer: due dates advance, deadlines freeze, and it is no fault of the link.
            transitions += engine.link_down(last, reported=False).transitions
    now = until if until is not None else last or 0
    transitions += engine.finish(now).transitions
    return Played(engine, transitions, now)


def replay(lines: Iterable[Line], registry: Registry, until: int | None, topics: Topics) -> dict[str, Any]:
    """Feed the lines, and tell what the contract's *Replay* asks for."""
    engine, transitions, now = play(lines, registry, until, topics)
    return {
        "until": now,
        "incidents": [_incident(found) for found in _announced(transitions)],
        "pages": [_page(change) for change in transitions if _is_page(change)],
        "explanations": [to_builtins(explanation(one)) for one in engine.explainer.unpaid(now)],
    }


def _announced(transitions: Iterable[Transition]) -> list[Incident]:
    """The last word on every incident that fired, by the time it opened."""
    latest = {change.incident.id: change.incident for change in transitions if change.incident.fired_at is not None}
    return sorted(latest.values(), key=lambda incident: (incident.opened_at, incident.id))


def _incident(incident: Incident) -> dict[str, Any]:
    return {
        "id": incident.id,
        "kind": incident.kind,
        "scope": dict(incident.scope),
        "opened_at": incident.opened_at,
        "resolved_at": incident.resolved_at,
        "terminals": incident.terminals,
        "paged_at": incident.paged_at,
        "suppressed_by": incident.suppressed_by,
        "severity": incident.severity,
    }


def _is_page(change: Transition) -> bool:
    return change.calls and change.incident.status in (Status.FIRING, Status.RESOLVED)


def _page(change: Transition) -> dict[str, Any]:
    return {"at": change.at, "incident": change.incident.id, "status": change.incident.status.value}
