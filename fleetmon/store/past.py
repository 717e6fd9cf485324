"""The past in parts: facts, episodes and incidents, read beside everything else that is going on.

A ledger is built from the log of facts, which may be long, so nobody waits for the whole of it. The id is the
order of arrival, and nearly that of time: where a span of time begins is looked for among the ids by halves.
Where it can be wrong: when the machine's clock was set back, facts of an hour around that may be left out.
A fact that this version cannot read is left out, too, and counted.
"""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec
import sqlalchemy as sa
from msgspec import Struct

from fleetmon.engine import Fact, Message
from fleetmon.model.episode import Episode
from fleetmon.model.incident import Incident
from fleetmon.model.topics import Kind
from fleetmon.store import schema
from fleetmon.store.rows import episode_from, incident_from

OURS: Final = "fleetmon/daemon"  # the topic of what we did ourselves, see `night`
_DECODERS: Final = {kind.struct.__name__: msgspec.json.Decoder(kind.struct) for kind in Kind}


class Part(Struct):
    """Some facts in order of arrival."""

    facts: list[Fact]
    last: int  # id of the last one that was looked at
    unreadable: int = 0


def message_from(row: sa.Row[Any]) -> Message:
    """The message of a fact's row; raises KeyError or msgspec.DecodeError when this version does not know it."""
    event = _DECODERS[row.kind].decode(row.payload)
    return Message(row.received_at, row.subject, event, row.retained, row.topic, row.payload)


def before(connection: sa.Connection, at: int, time: sa.Column[int] = schema.fact.c.received_at) -> int:
    """The id of the last fact that arrived before this time, or of another row by its `time`; 0 when there is none."""
    table = time.table
    first, last = connection.execute(sa.select(sa.func.min(table.c.id), sa.func.max(table.c.id))).one()
    if first is None:
        return 0
    low, high = first - 1, last  # nothing up to `low` is young, everything above `high` is
    while low < high:
        middle = (low + high + 1) // 2
        query = sa.select(table.c.id, time).where(table.c.id <= middle).order_by(table.c.id.desc())
        found = connection.execute(query.limit(1)).first()
        if found is None or found[1] < at:
            low = middle
        else:
            high = found.id - 1
    return int(low)


def newest(connection: sa.Connection) -> int:
    """The id of the last fact; 0 when there is none."""
    return connection.scalar(sa.select(sa.func.max(schema.fact.c.id))) or 0


def facts(connection: sa.Connection, after: int, until: int, limit: int) -> Part:
    """The first facts with ids above `after`, up to `until`."""
    table = schema.fact
    query = sa.select(table).where(table.c.id > after, table.c.id <= until).order_by(table.c.id).limit(limit)
    return _part(connection.execute(query).all(), until)


def facts_below(connection: sa.Connection, subject: str, start: str, since: int, limit: int) -> Part:
    """The latest facts of a terminal, merchant or host whose keys begin so (with a slash at the end)."""
    table = schema.fact
    mine = (table.c.key >= start) & (table.c.key < f"{start[:-1]}0")  # 0 follows the slash
    query = sa.select(table).where(mine, table.c.subject == subject, table.c.received_at >= since)
    latest = connection.execute(query.order_by(table.c.id.desc()).limit(limit)).all()
    return _part(latest[::-1], 0)


def _part(rows: Sequence[sa.Row[Any]], otherwise: int) -> Part:
    part = Part([], rows[-1].id if rows else otherwise)
    for row in rows:
        try:
            part.facts.append(Fact(row.key, row.epoch, message_from(row)))
        except (KeyError, msgspec.DecodeError):
            part.unreadable += 1
    return part


def notices(connection: sa.Connection) -> Iterator[Message]:
    """Everything that was announced."""
    table = schema.fact
    for row in connection.execute(sa.select(table).where(schema.NOTICES).order_by(table.c.id)):
        with contextlib.suppress(KeyError, msgspec.DecodeError):  # `facts` counts those
            yield message_from(row)


def open_episodes(connection: sa.Connection) -> list[Episode]:
    """What lasts."""
    table = schema.episode
    return [episode_from(row) for row in connection.execute(sa.select(table).where(table.c.ended.is_(None)))]


def episodes(connection: sa.Connection, since: int, after: Episode | None, limit: int) -> list[Episode]:
    """What ended since then, in order of topic, kind, code and beginning, after one of them."""
    table = schema.episode
    key = sa.tuple_(*table.primary_key)
    theirs = table.c.topic != OURS  # and not what we did ourselves
    query = sa.select(table).where(table.c.ended >= since, theirs).order_by(*table.primary_key).limit(limit)
    if after is not None:
        query = query.where(key > sa.tuple_(after.topic, after.kind, after.code, after.begin))
    return [episode_from(row) for row in connection.execute(query)]


def incidents(connection: sa.Connection, since: int, most: int) -> list[Incident]:
    """What was over since then, the latest of it, the oldest first."""
    table = schema.incident
    query = sa.select(table).where(table.c.resolved_at >= since).order_by(table.c.resolved_at.desc()).limit(most)
    return [incident_from(row) for row in connection.execute(query)][::-1]
