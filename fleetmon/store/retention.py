"""What is too old is forgotten, a small bite at a time, so that no commit waits long for it. The audit stays.

Facts that a snapshot does not contain yet stay, however old, and so do incidents that are firing and episodes
that last. Of facts and changes each bite looks only at the oldest rows by id, which is the order in which they
came: nothing is scanned, no further index is paid for. Where it can be wrong: rows that came while the machine's
clock was far ahead keep those behind them until their own time has come.
"""

from typing import Final

import sqlalchemy as sa

from fleetmon.model.terminal import PARTITIONS
from fleetmon.store import schema

BITE: Final = 500  # rows of a kind deleted in one transaction


def bite(connection: sa.Connection, before: int) -> bool:
    """Delete what was over before this time; whether there may be more of it."""
    eaten = (
        _oldest(connection, schema.fact, schema.fact.c.received_at, before, _contained(connection)),
        _oldest(connection, schema.terminal_change, schema.terminal_change.c.at, before, 2**62),
        _incidents(connection, before),
        _kept_by_time(connection, schema.episode, schema.episode.c.ended, before),
        _kept_by_time(connection, schema.settlement, schema.settlement.c.due_at, before),
        _kept_by_time(connection, schema.window, schema.window.c.ends_at, before),
        _kept_by_time(connection, schema.notice, schema.notice.c.at, before),
        _kept_by_time(connection, schema.schedule, schema.schedule.c.over_at, before),
    )
    return BITE in eaten


def _contained(connection: sa.Connection) -> int:
    """The last fact that every snapshot contains."""
    marks = connection.execute(sa.select(sa.func.count(), sa.func.min(schema.snapshot.c.fact_id))).one()
    return int(marks[1]) if marks[0] == PARTITIONS else 0


def _oldest(connection: sa.Connection, table: sa.Table, time: sa.Column[int], before: int, last: int) -> int:
    head = sa.select(table.c.id, time.label("time")).order_by(table.c.id).limit(BITE).subquery()
    old = sa.select(head.c.id).where(head.c.time < before, head.c.id <= last)
    return connection.execute(table.delete().where(table.c.id.in_(old))).rowcount


def _incidents(connection: sa.Connection, before: int) -> int:
    """Resolved ones with how they went and their outbox rows."""
    table = schema.incident
    query = sa.select(table.c.id).where(table.c.resolved_at < before).order_by(table.c.resolved_at).limit(BITE)
    if old := list(connection.scalars(query)):
        for column in (schema.transition.c.incident_id, schema.outbox.c.incident_id, table.c.id):
            connection.execute(sa.delete(column.table).where(column.in_(old)))
    return len(old)


def _kept_by_time(connection: sa.Connection, table: sa.Table, time: sa.Column[int], before: int) -> int:
    keys = list(table.primary_key)
    old = sa.select(*keys).where(time < before).order_by(time).limit(BITE)
    return connection.execute(table.delete().where(sa.tuple_(*keys).in_(old))).rowcount
