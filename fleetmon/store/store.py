"""Opening the store, reading it back, and asking it questions."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.exc import DatabaseError

from fleetmon.engine import Message
from fleetmon.engine.snapshot import TerminalRecord
from fleetmon.model.errors import StoreError
from fleetmon.model.incident import Incident, Status
from fleetmon.model.topics import Kind
from fleetmon.store import schema
from fleetmon.store.settings import StoreSettings
from fleetmon.store.writer import Work, Writer, incident_from

_DECODERS = {kind.struct.__name__: msgspec.json.Decoder(kind.struct) for kind in Kind}


class Restored(Struct):
    """What an earlier run left: soft state, the facts after it, and incidents."""

    records: list[TerminalRecord]
    facts: list[Message]
    firing: list[Incident]
    resolved: list[Incident]  # lately, so that their end is still told


class Store:
    """One database. Reads are short and may come from any thread; writes go through the writer."""

    def __init__(self, settings: StoreSettings) -> None:
        self._settings = settings
        path = Path(settings.path)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._engine = sa.create_engine(f"sqlite:///{path}")
            sa.event.listen(self._engine, "connect", _prepare)
            schema.metadata.create_all(self._engine)
        except (OSError, DatabaseError) as error:
            detail = str(getattr(error, "orig", error))
            raise StoreError(
                f"store.path {path}: {detail}; check the owner of the folder, the free space and what the file is",
                retryable=False,
            ) from None
        self._writer = Writer(self._engine)
        self._writer.start()

    @property
    def commits(self) -> int:
        """Transactions written so far."""
        return self._writer.commits

    @property
    def failing(self) -> str | None:
        """Why nothing can be written now; None when all is well."""
        return self._writer.failing

    def submit(self, work: Work) -> None:
        """Make something durable; `work.done` is called, in another thread, when it is."""
        self._writer.submit(work)

    def close(self, timeout_s: float = 10.0) -> bool:
        """Write what is queued and close; whether everything was written."""
        finished = self._writer.stop(timeout_s)
        self._engine.dispose()
        return finished

    def restore(self, partitions: dict[str, int], resolved_after: int) -> Restored:
        """Read back what a new engine needs; `partitions` says to which one each known terminal belongs."""
        with self._engine.connect() as connection:
            records, marks = _records(connection)
            floor = min((mark for mark in marks.values()), default=0) if len(marks) == 256 else 0
            known = {record.id: marks[partition] for partition, found in records.items() for record in found}
            facts = [
                message
                for number, message in _facts(connection, floor)
                if number > known.get(message.key, marks.get(partitions.get(message.key, -1), 0))
            ]
            table = schema.incident
            firing = connection.execute(sa.select(table).where(table.c.status == Status.FIRING.value))
            resolved = connection.execute(sa.select(table).where(table.c.resolved_at > resolved_after))
            return Restored(
                [record for found in records.values() for record in found],
                facts,
                [incident_from(row) for row in firing],
                [incident_from(row) for row in resolved],
            )

    def undelivered(self) -> Sequence[tuple[str, str, int]]:
        """(incident, status, since when) of what nobody has been told yet."""
        table = schema.outbox
        query = sa.select(table.c.incident_id, table.c.status, table.c.at).where(table.c.delivered_at.is_(None))
        with self._engine.connect() as connection:
            return [(row[0], row[1], row[2]) for row in connection.execute(query)]

    def incidents(self, status: str | None, kind: str | None, limit: int) -> list[Incident]:
        """The latest announced incidents, newest first; None asks for any status or kind."""
        table = schema.incident
        query = sa.select(table).order_by(table.c.opened_at.desc(), table.c.id).limit(limit)
        if status is not None:
            query = query.where(table.c.status == status)
        if kind is not None:
            query = query.where(table.c.kind == kind)
        with self._engine.connect() as connection:
            return [incident_from(row) for row in connection.execute(query)]


def _prepare(connection: Any, _record: object) -> None:  # noqa: ANN401 - the driver's own connection
    """WAL so that readers never wait; FULL because an acknowledgement promises that a power cut loses nothing."""
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=5000"):
        connection.execute(f"PRAGMA {pragma}")


def _records(connection: sa.Connection) -> tuple[dict[int, list[TerminalRecord]], dict[int, int]]:
    decoder = msgspec.msgpack.Decoder(list[TerminalRecord])
    records, marks = {}, {}
    for partition, fact_id, blob in connection.execute(sa.select(schema.snapshot)):
        records[partition], marks[partition] = decoder.decode(blob), fact_id
    return records, marks


def _facts(connection: sa.Connection, after: int) -> Iterator[tuple[int, Message]]:
    table = schema.fact
    for row in connection.execute(sa.select(table).where(table.c.id > after).order_by(table.c.id)):
        event = _DECODERS[row.kind].decode(row.payload)
        yield row.id, Message(row.received_at, row.subject, event, row.retained, row.topic, row.payload)
