"""What the API asks. Every answer is short: pages are cut by key, so the last costs no more than the first."""

from collections.abc import Iterator
from typing import Any, TypeVar

import msgspec
import sqlalchemy as sa

from fleetmon.model.errors import StoreError
from fleetmon.model.incident import Incident
from fleetmon.model.notice import Notice
from fleetmon.model.schedule import Entry
from fleetmon.model.terminal import NO_DEADLINE
from fleetmon.model.window import Begun, Occurrence
from fleetmon.store import schema
from fleetmon.store.rows import (
    AuditRow,
    ChangeRow,
    QuarantineRow,
    TerminalRow,
    TransitionRow,
    WindowTime,
    audit_from,
    incident_from,
)

Row = TypeVar("Row", TerminalRow, ChangeRow, TransitionRow, QuarantineRow)


def untold(connection: sa.Connection, route: str, limit: int) -> list[Notice]:
    """What a route has still to tell, the oldest first."""
    table = schema.notice
    query = sa.select(table.c.body).where(table.c.route == route, table.c.told_at.is_(None))
    bodies = connection.scalars(query.order_by(table.c.at, table.c.subject, table.c.word).limit(limit))
    try:
        return [msgspec.json.decode(body, type=Notice) for body in bodies]
    except msgspec.DecodeError as error:
        raise StoreError(f"a notice cannot be read: {error}; was a newer fleetmon here?", retryable=False) from None


def terminals(
    connection: sa.Connection, after: str | None, limit: int, provider: str | None, state: str | None
) -> list[TerminalRow]:
    """Terminals by id, those after the given one."""
    table = schema.terminal
    query = sa.select(table).order_by(table.c.id).limit(limit)
    if after is not None:
        query = query.where(table.c.id > after)
    if provider is not None:
        query = query.where(table.c.provider == provider)
    if state is not None:
        query = query.where(table.c.state == state)
    return _rows(connection, query, TerminalRow)


def terminal(connection: sa.Connection, terminal_id: str) -> TerminalRow | None:
    """One terminal."""
    found = _rows(connection, sa.select(schema.terminal).where(schema.terminal.c.id == terminal_id), TerminalRow)
    return found[0] if found else None


def changes(connection: sa.Connection, terminal_id: str, before: int | None, limit: int) -> list[ChangeRow]:
    """How the liveness of a terminal went, newest first; those whose id is below `before`."""
    table = schema.terminal_change
    query = sa.select(table).where(table.c.terminal == terminal_id).order_by(table.c.id.desc()).limit(limit)
    return _rows(connection, query if before is None else query.where(table.c.id < before), ChangeRow)


def incidents(
    connection: sa.Connection, status: str | None, kind: str | None, limit: int, before: tuple[int, str] | None
) -> list[Incident]:
    """Announced incidents, newest first; those that come after (opened_at, id) in this order."""
    table = schema.incident
    query = sa.select(table).order_by(table.c.opened_at.desc(), table.c.id).limit(limit)
    if status is not None:
        query = query.where(table.c.status == status)
    if kind is not None:
        query = query.where(table.c.kind == kind)
    if before is not None:
        opened_at, incident_id = before
        tied = (table.c.opened_at == opened_at) & (table.c.id > incident_id)
        query = query.where((table.c.opened_at < opened_at) | tied)
    return [incident_from(row) for row in connection.execute(query)]


def incident(connection: sa.Connection, incident_id: str) -> Incident | None:
    """One announced incident."""
    found = connection.execute(sa.select(schema.incident).where(schema.incident.c.id == incident_id)).first()
    return incident_from(found) if found is not None else None


def transitions(connection: sa.Connection, incident_id: str) -> list[TransitionRow]:
    """How an incident went, oldest first."""
    table = schema.transition
    query = sa.select(table).where(table.c.incident_id == incident_id).order_by(table.c.id)
    return _rows(connection, query, TransitionRow)


def audit(
    connection: sa.Connection, kind: str | None, subject: str | None, author: str | None, limit: int, before: int | None
) -> list[AuditRow]:
    """What people changed, newest first; None asks for any."""
    table = schema.audit
    query = sa.select(table).order_by(table.c.id.desc()).limit(limit)
    for column, wanted in ((table.c.kind, kind), (table.c.subject, subject), (table.c.author, author)):
        if wanted is not None:
            query = query.where(column == wanted)
    return [
        audit_from(row) for row in connection.execute(query if before is None else query.where(table.c.id < before))
    ]


def quarantine(connection: sa.Connection, limit: int, before: int | None) -> list[QuarantineRow]:
    """Refused messages, newest first; those whose id is below `before`."""
    table = schema.quarantine
    query = sa.select(table).order_by(table.c.id.desc()).limit(limit)
    return _rows(connection, query if before is None else query.where(table.c.id < before), QuarantineRow)


def schedules(connection: sa.Connection, since: int) -> list[Entry]:
    """The last version of each entry that is not over since then."""
    table = schema.schedule
    last = sa.select(table.c.id, sa.func.max(table.c.version).label("version")).group_by(table.c.id).subquery()
    query = sa.select(table.c.id, table.c.body).join(
        last, (table.c.id == last.c.id) & (table.c.version == last.c.version)
    )
    query = query.where(table.c.over_at.is_(None) | (table.c.over_at >= since) | (table.c.since >= since))
    return [_entry(*row) for row in connection.execute(query.order_by(table.c.id))]


def _entry(key: str, body: str) -> Entry:
    try:
        return msgspec.json.decode(body, type=Entry)
    except msgspec.DecodeError as error:
        raise StoreError(
            f"schedule {key} cannot be read: {error}; was a newer fleetmon here? Use that one, or delete its rows",
            retryable=False,
        ) from None


def window_times(connection: sa.Connection, since: int) -> Iterator[WindowTime]:
    """When operators' work was or is in force, as far as it was not over since then."""
    table = schema.window
    columns = (table.c.id, table.c.starts_at, table.c.ends_at, table.c.begun_at, table.c.stopped_at)
    query = sa.select(*columns).where(table.c.provenance == "operator", table.c.ends_at >= since)
    for key, start, end, begun, stopped in connection.execute(query.order_by(table.c.id, table.c.starts_at)):
        began = None if begun is None else Begun(start, begun, NO_DEADLINE if stopped is None else stopped)
        yield WindowTime(key, Occurrence(start, end), began)


def _rows(connection: sa.Connection, query: sa.Select[Any], kind: type[Row]) -> list[Row]:
    """The fields of each kind of row are the columns of its table, in their order."""
    return [kind(*row) for row in connection.execute(query)]
