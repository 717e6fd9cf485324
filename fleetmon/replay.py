"""A recording through the same engine on virtual time: no network, no store, no clock.

The output is the contract's *Replay*, one JSON object.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from itertools import islice
from statistics import median_low
from typing import Any, Final, NamedTuple

from msgspec import to_builtins

from fleetmon.engine import Engine, Message
from fleetmon.ingest.intake import Intake
from fleetmon.ingest.quarantine import Quarantine
from fleetmon.ingest.recording import Line
from fleetmon.model.events import Heartbeat
from fleetmon.model.incident import Incident, Status, Transition
from fleetmon.model.registry import Registry
from fleetmon.model.topics import Topics
from fleetmon.readout.enquiry.telling import explanation
from fleetmon.working_days import working_days

_STEP: Final = 60_000  # times that go back by more were written by a clock that was set; by less, out of order
_VIEW: Final = 500  # lines that are looked at where time leaps


class Times:
    """The times of a recording as a clock has them that is never set: the recorder's may have been, ours is not.

    Set back, time goes on from where it was; set right again, it is followed. Set ahead looks like a silence of
    everybody, but after one the terminals' clocks have gone on as far: a leap that they deny did not happen.
    """

    def __init__(self) -> None:
        self._written = self._ahead = self._now = 0
        self._lags: dict[str, int] = {}  # by how much the newest beat of each terminal came after its own clock

    def at(self, written: int, following: Iterable[Message] = ()) -> int:
        """When a line came; `following` are the messages from it on, with the times that are written."""
        if self._ahead > 0 and written >= self._now - _STEP:
            self._ahead = 0  # set right, be it by some seconds less than it was set back
        elif written < self._written - _STEP:
            self._ahead = max(self._now - written, 0)
        self._written = written
        leap = written + self._ahead - self._now
        if self._now and leap > _STEP:
            self._ahead -= self._denied(leap, following)
        self._now = max(self._now, written + self._ahead)
        return self._now

    def hear(self, messages: Iterable[Message]) -> None:
        """Note the clocks of those who beat."""
        self._lags.update(self._told(messages))

    def _denied(self, leap: int, following: Iterable[Message]) -> int:
        """How much of a leap the terminals' clocks have not seen, if it is about all."""
        lags, told = self._lags, dict(reversed([*self._told(following, self._ahead)]))  # the first of each
        grown = [lag - lags[key] for key, lag in told.items() if key in lags]
        denied = median_low(grown) if grown else 0
        return denied if abs(leap - denied) < leap // 2 else 0

    def _told(self, messages: Iterable[Message], ahead: int = 0) -> Iterator[tuple[str, int]]:
        for message in messages:
            if isinstance(message.event, Heartbeat) and not message.retained:
                yield message.key, message.received_at + ahead - message.event.at


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
    last, times, glance = None, Times(), Intake(topics, Quarantine())
    for line, view in _with_view(lines):
        if until is not None and line.t > until:
            break  # somebody listened on
        at = times.at(line.t, (told for one in view for told in glance.take([one.publication], one.t)))
        if last is None:
            transitions += engine.link_up(at).transitions
        last = at
        if line.link is None:
            messages = intake.take([line.publication], at)
            times.hear(messages)
            transitions += engine.observe(messages).transitions
        else:
            step = engine.link_up if line.link == "up" else engine.link_down
            transitions += step(at).transitions
    else:
        if until is not None and last is not None:
            # Nobody listened any longer: due dates advance, deadlines freeze, and it is no fault of the link.
            transitions += engine.link_down(last, reported=False).transitions
    now = until if until is not None else last or 0
    transitions += engine.finish(now).transitions
    return Played(engine, transitions, now)


def _with_view(lines: Iterable[Line]) -> Iterator[tuple[Line, Iterable[Line]]]:
    """Each line, and with it those from it on."""
    coming = iter(lines)
    view = deque(islice(coming, _VIEW))
    while view:
        yield view[0], view
        view.popleft()
        view.extend(islice(coming, 1))


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
