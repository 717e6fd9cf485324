"""Reading back what a new engine needs: soft state, the facts after it, and incidents.

A million records come in at once and nearly all of them stay, so the collector of cycles, which would walk
them again and again, waits until they are there.
Where it can be wrong: a fact of a terminal that no snapshot holds is given out when it is newer than the
snapshot of the partition that the terminal belongs to now; hosts and merchants get every fact since the oldest.
"""

import contextlib
import gc
from collections.abc import Callable, Iterator
from typing import Final

import msgspec
import sqlalchemy as sa
from msgspec import Struct

from fleetmon.engine import Message
from fleetmon.engine.snapshot import TerminalRecord
from fleetmon.model.episode import Episode
from fleetmon.model.errors import StoreError
from fleetmon.model.incident import Incident, Status
from fleetmon.model.settlement import Settlement
from fleetmon.model.terminal import PARTITIONS
from fleetmon.store import past, schema
from fleetmon.store.rows import incident_from

_RECORDS: Final = msgspec.msgpack.Decoder(list[TerminalRecord])
_AT_ONCE: Final = 16  # snapshots under way, so that a big fleet is not in memory twice


class Restored(Struct):
    """What an earlier run left: soft state, the facts after it, incidents, and what goes on besides."""

    records: list[TerminalRecord]
    facts: list[Message]
    firing: list[Incident]
    resolved: list[Incident]  # lately, or nobody has heard of it yet: their end is still told
    owners: dict[str, str]  # of both, as far as people were called: the provider in the labels, "" for none
    episodes: list[Episode]  # that last
    notices: list[Message]  # of announced work
    late: list[Settlement]
    newest: int  # id of the last fact


def restore(connection: sa.Connection, partition_of: Callable[[str], int], resolved_after: int) -> Restored:
    """`partition_of`: of a terminal that no snapshot holds. Raises StoreError for what cannot be understood."""
    with _without_collector():
        records: list[TerminalRecord] = []
        marks: dict[int, int] = {}
        ends: list[tuple[int, int]] = []  # of each partition in `records`, and its mark
        for partition, mark, found in snapshots(connection):
            records += found
            marks[partition] = mark
            ends.append((len(records), mark))
        floor = min(marks.values()) if len(marks) == PARTITIONS else 0
        late = list(_facts(connection, floor))
        known = _marks_of({message.key for _, message in late}, records, ends)
        facts = [
            message
            for number, message in late
            if number > known.get(message.key, marks.get(partition_of(message.key), 0))
        ]
    table, outbox = schema.incident, schema.outbox
    firing = connection.execute(sa.select(table).where(table.c.status == Status.FIRING.value)).all()
    untold = table.c.id.in_(sa.select(outbox.c.incident_id).where(outbox.c.delivered_at.is_(None)))
    over = (table.c.resolved_at > resolved_after) | (table.c.resolved_at.is_not(None) & untold)
    resolved = connection.execute(sa.select(table).where(over)).all()
    unpaid = connection.execute(sa.select(schema.settlement).where(schema.LATE))
    return Restored(
        records,
        facts,
        [incident_from(row) for row in firing],
        [incident_from(row) for row in resolved],
        {row.id: row.owner for row in (*firing, *resolved) if row.owner is not None},
        past.open_episodes(connection),
        list(past.notices(connection)),
        [Settlement(*tuple(row)) for row in unpaid],
        past.newest(connection),
    )


def snapshots(connection: sa.Connection) -> Iterator[tuple[int, int, list[TerminalRecord]]]:
    """Partition, the last fact it contains, and its terminals."""
    query = sa.select(schema.snapshot).order_by(schema.snapshot.c.partition)
    with connection.execution_options(yield_per=_AT_ONCE).execute(query) as result:
        for partition, fact_id, blob in result:
            try:
                yield partition, fact_id, _RECORDS.decode(blob)
            except msgspec.DecodeError as error:
                raise StoreError(
                    f"snapshot of partition {partition}: {error}; restore a backup, or delete that row of the table "
                    "snapshot, and its terminals are learned anew",
                    retryable=False,
                ) from None


def _marks_of(wanted: set[str], records: list[TerminalRecord], ends: list[tuple[int, int]]) -> dict[str, int]:
    """The last fact that each of these terminals' records contains."""
    if not wanted:
        return {}
    marks, start = {}, 0
    for end, mark in ends:
        marks.update({found.id: mark for found in records[start:end] if found.id in wanted})
        start = end
    return marks


def _facts(connection: sa.Connection, after: int) -> Iterator[tuple[int, Message]]:
    table = schema.fact
    for row in connection.execute(sa.select(table).where(table.c.id > after).order_by(table.c.id)):
        try:
            yield row.id, past.message_from(row)
        except (KeyError, msgspec.DecodeError) as error:
            raise StoreError(
                f"fact {row.id} ({row.kind}) cannot be read: {error}; was a newer fleetmon here? Use that one, "
                "or delete that row of the table fact",
                retryable=False,
            ) from None


@contextlib.contextmanager
def _without_collector() -> Iterator[None]:
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
