"""The rows that go in and come out, and the incident's way into its row and back.

`TerminalRow` goes both ways; its fields are the columns of the table, in their order.
"""

from hashlib import blake2b
from typing import Any, Final, NamedTuple

import msgspec
import sqlalchemy as sa
from msgspec import Struct

from fleetmon.engine import Fact
from fleetmon.model.audit import AuditEntry
from fleetmon.model.episode import Episode
from fleetmon.model.incident import Acknowledgement, Alternative, Failing, Incident, Scope, Status, Transition
from fleetmon.model.notice import Notice
from fleetmon.model.schedule import Entry
from fleetmon.model.terminal import NO_DEADLINE, Liveness, Terminal
from fleetmon.model.window import Begun, Occurrence, Window

_STATES: Final = tuple([liveness.name.lower() for liveness in Liveness])  # in order of their numbers, from 0
_NUL, _INSTEAD = "\\u0000", "\\ufffd"  # as JSON writes them; PostgreSQL could not read the first out of its JSON


_Alternative = tuple[list[dict[str, str]], float]  # as it is written


class TerminalRow(Struct, frozen=True, gc=False):
    """One terminal as the fleet knows it now; `state` is a liveness in small letters, `since` in milliseconds."""

    id: str
    merchant: str
    site: str
    region: str
    carrier: str
    acquirer: str
    provider: str
    model: str
    firmware: str
    network: str
    registered: bool
    state: str
    since: int

    @classmethod
    def of(cls, terminal: Terminal) -> "TerminalRow":
        """The row of a terminal as it is now."""
        shared = terminal.cohort
        return cls(  # in order of the fields: the whole fleet comes by here
            terminal.id, terminal.merchant, terminal.site, shared.region, shared.carrier, shared.acquirer,
            shared.provider, shared.model, shared.firmware, shared.network, terminal.registered,
            _STATES[terminal.liveness], terminal.since,
        )  # fmt: skip


class ChangeRow(Struct, frozen=True):
    """The liveness of a terminal changed; ids grow with time."""

    id: int
    terminal: str
    at: int
    before: str
    after: str


class TransitionRow(Struct, frozen=True):
    """One line of how an incident went."""

    id: int
    incident_id: str
    at: int
    before: str | None
    after: str
    reason: str
    terminals: int


class AuditRow(Struct, frozen=True):
    """One change that somebody made; ids grow with time."""

    id: int
    at: int
    author: str | None
    action: str
    kind: str
    subject: str
    detail: dict[str, Any]


class ScheduleRow(NamedTuple):
    """A version of planned work; `over_at` is when all its times are over, None: never."""

    entry: Entry
    over_at: int | None


class WindowTime(NamedTuple):
    """One time of a window, and when flexible work began in it."""

    window: str
    span: Occurrence
    begun: Begun | None


class QuarantineRow(Struct, frozen=True):
    """One refused message; `payload` is its beginning, None where it may hold a card number."""

    id: int
    received_at: int
    topic: str
    reason: str
    detail: str
    size: int
    payload: str | None


def incident_row(found: Incident) -> dict[str, Any]:
    """The row of an incident."""
    row = msgspec.structs.asdict(found)
    del row["clear_since"]
    return row | {
        "status": found.status.value,
        "scope": _json(dict(found.scope)),
        "evidence": msgspec.json.encode(found.evidence).decode(),
        "alternatives": _json([(list(map(dict, one.scopes)), one.share) for one in found.alternatives]),
        "acknowledgement": None if found.acknowledgement is None else _json(found.acknowledgement),
        "failing": None if found.failing is None else _json(found.failing),
    }


def incident_from(row: sa.Row[Any]) -> Incident:
    """The incident of a row."""
    fields = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's documented name
    del fields["owner"]  # of its alert, not of the incident
    return Incident(
        **fields
        | {
            "status": Status(fields["status"]),
            "scope": _scope(msgspec.json.decode(fields["scope"], type=dict[str, str])),
            "alternatives": tuple(
                [
                    Alternative(tuple(map(_scope, scopes)), share)
                    for scopes, share in msgspec.json.decode(fields["alternatives"], type=list[_Alternative])
                ]
            ),
            "evidence": msgspec.json.decode(fields["evidence"], type=tuple[str, ...]),
            "acknowledgement": msgspec.json.decode(fields["acknowledgement"] or "null", type=Acknowledgement | None),
            "failing": msgspec.json.decode(fields["failing"] or "null", type=Failing | None),
        }
    )


def _scope(found: dict[str, str]) -> Scope:
    return tuple(sorted(found.items()))


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode().replace(_NUL, _INSTEAD)


def fact_row(found: Fact) -> dict[str, Any]:
    """The row of a fact."""
    message = found.message
    return {
        "key": found.key,
        "received_at": message.received_at,
        "kind": type(message.event).__name__,
        "subject": message.key,
        "epoch": found.epoch,
        "retained": message.retained,
        "topic": message.topic,
        "payload": message.payload,
    }


def transition_row(change: Transition) -> dict[str, Any]:
    """The row of a transition."""
    return {
        "incident_id": change.incident.id,
        "at": change.at,
        "before": change.before and change.before.value,
        "after": change.incident.status.value,
        "reason": change.reason,
        "terminals": change.incident.terminals,
    }


def audit_row(found: AuditEntry) -> dict[str, Any]:
    """The row of a change."""
    row = msgspec.structs.asdict(found)
    return row | {"key": blake2b(_json(found).encode(), digest_size=16).hexdigest(), "detail": _json(found.detail)}


def audit_from(row: sa.Row[Any]) -> AuditRow:
    """What is told of a row."""
    return AuditRow(row.id, row.at, row.author, row.action, row.kind, row.subject, msgspec.json.decode(row.detail))


def notice_row(found: Notice) -> dict[str, Any]:
    """The row of a notice."""
    route, subject, word = found.key
    return {"route": route, "subject": subject, "word": word, "at": found.at, "body": _json(found)}


def window_rows(found: Window) -> list[dict[str, Any]]:
    """A row for each time of a window; of flexible work the time in which it may be."""
    begun = {one.start: one for one in found.begun}
    return [
        {
            "id": found.id,
            "starts_at": span.start,
            "ends_at": span.end,
            "provenance": found.provenance,
            "owner": found.owner,
            "host": found.host,
            "reason": found.reason,
            "selector": msgspec.json.encode(found.selector).decode(),
            "cancelled": found.cancelled,
            "flexible_ms": found.flexible_ms,
            "begun_at": begun[span.start].at if span.start in begun else None,
            "stopped_at": _end(begun[span.start].until) if span.start in begun else None,
        }
        for span in dict.fromkeys(found.occurrences)
    ]


def schedule_row(found: ScheduleRow) -> dict[str, Any]:
    """The row of a version."""
    entry = found.entry
    return {
        "id": entry.id,
        "version": entry.version,
        "since": entry.since,
        "over_at": found.over_at,
        "state": entry.state,
        "author": entry.author,
        "calendar": entry.calendar,
        "reference": entry.schedule.reference,
        "body": _json(entry),
    }


def episode_row(found: Episode) -> dict[str, Any]:
    """The row of an episode."""
    return {
        "topic": found.topic,
        "kind": found.kind,
        "code": found.code,
        "began": found.begin,
        "ended": _end(found.end),
        "count": found.count,
        "worst": found.worst,
    }


def _end(at: int) -> int | None:
    return None if at == NO_DEADLINE else at


def episode_from(row: sa.Row[Any]) -> Episode:
    """The episode of a row."""
    topic, kind, code, began, ended, count, worst = tuple(row)
    return Episode(kind, topic, began, NO_DEADLINE if ended is None else ended, code, count, worst)
