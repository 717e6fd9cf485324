"""What the writer does with the parts of a work, inside its transaction. Each can be repeated."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, TypeVar

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from fleetmon.engine import Fact, TerminalChange
from fleetmon.engine.snapshot import TerminalRecord
from fleetmon.model.audit import AuditEntry
from fleetmon.model.episode import Episode
from fleetmon.model.incident import Transition
from fleetmon.model.notice import RESOLVED, Notice
from fleetmon.model.settlement import Settlement
from fleetmon.model.window import Window
from fleetmon.store import schema
from fleetmon.store.rows import (
    ScheduleRow,
    TerminalRow,
    audit_row,
    episode_row,
    fact_row,
    incident_row,
    notice_row,
    schedule_row,
    transition_row,
    window_rows,
)

QUARANTINE_ROWS: Final = 1_000
_AT_ONCE: Final = 500  # ids in one condition
_INSERT: Final[dict[str, Callable[[sa.Table], Any]]] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}
T = TypeVar("T")


def facts(connection: sa.Connection, found: Sequence[Fact]) -> None:
    """The log; a repetition is left out."""
    _insert_new(connection, schema.fact, [fact_row(one) for one in found])


def transitions(connection: sa.Connection, found: Sequence[Transition]) -> None:
    """Incident, its history and outbox row, together; what was never announced leaves no trace.

    Whoever is called again is to be told again.
    """
    told = [change for change in found if change.incident.fired_at is not None]
    latest = {change.incident.id: change.incident for change in told}
    changing = (
        *("status", "resolved_at", "terminals", "paged_at", "suppressed_by", "evidence", "alternatives"),
        *("failing", "acknowledgement", "called_again_at"),
    )
    _upsert(connection, schema.incident, [incident_row(one) for one in latest.values()], changing)
    _insert_new(connection, schema.transition, [transition_row(change) for change in told])
    news = {(change.incident.id, change.incident.status.value): change.at for change in told if change.calls}
    rows = [
        {"incident_id": key, "status": status, "at": at, "delivered_at": None} for (key, status), at in news.items()
    ]
    _upsert(connection, schema.outbox, rows, ("at", "delivered_at"), newer="at")


def owners(connection: sa.Connection, found: Sequence[tuple[str, str]]) -> None:
    """To whom the terminals of incidents belonged when people were called."""
    if found:
        table = schema.incident
        statement = table.update().where(table.c.id == sa.bindparam("key")).values(owner=sa.bindparam("provider"))
        connection.execute(statement, [{"key": key, "provider": provider} for key, provider in found])


def notices(connection: sa.Connection, found: Sequence[Notice]) -> None:
    """What is to be told directly; a repetition is left out, told or not. An end is told where a beginning was."""
    table = schema.notice
    _insert_new(connection, table, [notice_row(one) for one in found if one.word != RESOLVED])
    ends = [one for one in found if one.word == RESOLVED]
    for some in _portions(ends):
        begun = table.c.subject.in_({one.subject for one in some})
        known = {tuple(row) for row in connection.execute(sa.select(table.c.route, table.c.subject).where(begun))}
        _insert_new(connection, table, [notice_row(one) for one in some if (one.route, one.subject) in known])


def told(connection: sa.Connection, found: Sequence[Notice], at: int) -> None:
    """Notices that are not to be told any more."""
    table = schema.notice
    for one in found:
        row = sa.tuple_(table.c.route, table.c.subject, table.c.word) == one.key
        connection.execute(table.update().where(row, table.c.told_at.is_(None)).values(told_at=at))


def audit(connection: sa.Connection, found: Sequence[AuditEntry]) -> None:
    """What people changed; a repetition is left out."""
    _insert_new(connection, schema.audit, [audit_row(one) for one in found])


def episodes(connection: sa.Connection, found: Sequence[Episode]) -> None:
    """What was unusual, as it stands now."""
    latest = {(one.topic, one.kind, one.code, one.begin): one for one in found}
    _upsert(connection, schema.episode, list(map(episode_row, latest.values())), ("ended", "count", "worst"))


def settlements(connection: sa.Connection, found: Sequence[Settlement]) -> None:
    """The money of merchants and business dates, as last looked at."""
    latest = {(one.merchant, one.business_date): one for one in found}
    rows = list(map(msgspec.structs.asdict, latest.values()))
    _upsert(connection, schema.settlement, rows, Settlement.__struct_fields__[2:])


def windows(connection: sa.Connection, found: Sequence[Window], before: int) -> None:
    """Planned work as it is known now: its times are written anew, but those that were over `before` stay."""
    latest = {one.id: one for one in found}
    table = schema.window
    for ids in _portions(list(latest)):
        connection.execute(table.delete().where(table.c.id.in_(ids), table.c.ends_at >= before))
    _insert_new(connection, table, [row for one in latest.values() for row in window_rows(one)])


def schedules(connection: sa.Connection, found: Sequence[ScheduleRow]) -> None:
    """Versions of planned work; with each the ones before it are over."""
    table = schema.schedule
    _insert_new(connection, table, [schedule_row(one) for one in found])
    for entry, _ in found:
        older = (table.c.id == entry.id) & (table.c.version < entry.version)
        is_open = table.c.over_at.is_(None) | (table.c.over_at > entry.since)
        connection.execute(table.update().where(older & is_open).values(over_at=entry.since))


def terminals(connection: sa.Connection, found: Sequence[TerminalRow], moved: Sequence[TerminalChange]) -> None:
    """The fleet as it is known now, where each terminal stands, and the history of its liveness.

    At a start all rows come and hardly any of them is new, so they are compared first. However often a terminal
    moved since the last commit, it is written once.
    """
    _insert_new(connection, schema.terminal_change, [msgspec.structs.asdict(change) for change in moved])
    last = {change.terminal: change for change in moved}
    latest = {row.id: _moved(row, last.pop(row.id, None)) for row in {row.id: row for row in found}.values()}
    columns = [schema.terminal.c[name] for name in TerminalRow.__struct_fields__]
    for ids in _portions(list(latest)):
        stored = set(map(tuple, connection.execute(sa.select(*columns).where(schema.terminal.c.id.in_(ids)))))
        news = [row for row in map(latest.__getitem__, ids) if msgspec.structs.astuple(row) not in stored]
        _upsert(
            connection,
            schema.terminal,
            [msgspec.structs.asdict(row) for row in news],
            TerminalRow.__struct_fields__[1:],
        )
    _stand(connection, list(last.values()))


def _moved(row: TerminalRow, change: TerminalChange | None) -> TerminalRow:
    """The row after the last change, unless it was written down later."""
    if change is None or change.at < row.since:
        return row
    return msgspec.structs.replace(row, state=change.after, since=change.at)


def _stand(connection: sa.Connection, last: Sequence[TerminalChange]) -> None:
    """Note of terminals that are known already only where they stand."""
    if last:
        table = schema.terminal
        statement = table.update().where(table.c.id == sa.bindparam("key"))
        connection.execute(
            statement.values(state=sa.bindparam("after"), since=sa.bindparam("at")),
            [{"key": change.terminal, "after": change.after, "at": change.at} for change in last],
        )


def departed(connection: sa.Connection, ids: Sequence[str]) -> None:
    """Terminals that are no longer part of the fleet; their history stays until it is too old."""
    for some in _portions(ids):
        connection.execute(schema.terminal.delete().where(schema.terminal.c.id.in_(some)))


def refused(connection: sa.Connection, rows: Sequence[Any]) -> None:
    """The newest refused messages."""
    if not rows:
        return
    table = schema.quarantine
    connection.execute(table.insert(), [msgspec.structs.asdict(row) for row in rows])
    newest = connection.scalar(sa.select(sa.func.max(table.c.id))) or 0
    connection.execute(table.delete().where(table.c.id <= newest - QUARANTINE_ROWS))


def delivered(connection: sa.Connection, told: Sequence[tuple[str, str]], at: int) -> None:
    """Somebody has been told."""
    table = schema.outbox
    for incident_id, status in told:
        row = (table.c.incident_id == incident_id) & (table.c.status == status) & table.c.delivered_at.is_(None)
        connection.execute(table.update().where(row).values(delivered_at=at))


def snapshot(connection: sa.Connection, partition: int | None, records: Sequence[TerminalRecord]) -> None:
    """The soft state of one partition, with a note of the last fact before it."""
    newest = connection.scalar(sa.select(sa.func.max(schema.fact.c.id))) or 0
    row = {"partition": partition, "fact_id": newest, "records": msgspec.msgpack.encode(records)}
    _upsert(connection, schema.snapshot, [row], ("fact_id", "records"))


def _insert_new(connection: sa.Connection, table: sa.Table, rows: list[dict[str, Any]]) -> None:
    """Insert what is not there yet."""
    if rows:
        connection.execute(_INSERT[connection.dialect.name](table).on_conflict_do_nothing(), rows)


def _upsert(
    connection: sa.Connection,
    table: sa.Table,
    rows: list[dict[str, Any]],
    changing: Sequence[str],
    newer: str | None = None,
) -> None:
    """Insert, or change the named columns of what is there; with `newer` only where that column grows."""
    if rows:
        statement = _INSERT[connection.dialect.name](table)
        changed = {name: statement.excluded[name] for name in changing}
        grown = None if newer is None else statement.excluded[newer] > table.c[newer]
        key = list(table.primary_key)
        connection.execute(statement.on_conflict_do_update(index_elements=key, set_=changed, where=grown), rows)


def _portions(rows: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(rows), _AT_ONCE):
        yield rows[start : start + _AT_ONCE]
