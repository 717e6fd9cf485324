"""The one writer: a thread that takes whatever waits, commits it as one transaction, then reports.

Order is kept: what is submitted first is in the same or an earlier transaction, so a snapshot can never
contain a message whose fact is not yet safe. Every write can be repeated without a second effect.
"""

import queue
import threading
from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any, Final

import msgspec
import sqlalchemy as sa
import structlog
import tenacity
from msgspec import Struct
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.exc import DBAPIError

from fleetmon.engine import Fact
from fleetmon.engine.snapshot import TerminalRecord
from fleetmon.model.incident import Incident, Status, Transition
from fleetmon.store import schema

QUARANTINE_ROWS: Final = 1_000
_PER_COMMIT: Final = 256  # works in one transaction
log = structlog.get_logger("fleetmon.store")


class Work(Struct):
    """One thing to make durable; `done` is called in the writer's thread once it is."""

    done: Callable[[], object]
    facts: Sequence[Fact] = ()
    transitions: Sequence[Transition] = ()
    refused: Sequence[Any] = ()  # rows of the quarantine: structs with its columns as fields
    partition: int | None = None
    records: Sequence[TerminalRecord] = ()
    delivered: Sequence[tuple[str, str]] = ()  # (incident, status) that a neighbour has accepted
    at: int = 0


class Writer:
    """Owns the writing connection and its thread."""

    def __init__(self, engine: sa.Engine) -> None:
        self.commits = 0
        self.failing: str | None = None  # why nothing can be written now
        self._engine = engine
        self._queue: queue.SimpleQueue[Work | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="store-writer", daemon=True)
        self._stopping = threading.Event()

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def submit(self, work: Work) -> None:
        """Queue a work; never blocks. Whoever submits bounds how much is under way."""
        self._queue.put(work)

    def stop(self, timeout_s: float) -> bool:
        """Write what is queued and end; whether all of it was written in time."""
        self._queue.put(None)
        self._thread.join(timeout_s)
        self._stopping.set()
        return not self._thread.is_alive()

    def _run(self) -> None:
        open_ = True
        while open_:
            works = [self._queue.get()]
            while len(works) < _PER_COMMIT and not self._queue.empty():
                works.append(self._queue.get())
            open_ = None not in works
            batch = [work for work in works if work is not None]
            if batch:
                self._commit_until_done(batch)
                for work in batch:
                    work.done()

    def _commit_until_done(self, batch: list[Work]) -> None:
        """A full disk or a locked database passes; until then nothing is acknowledged and nothing is lost."""
        tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(DBAPIError),
            wait=tenacity.wait_exponential(multiplier=0.05, max=5),
            stop=tenacity.stop_when_event_set(self._stopping),
            before_sleep=self._log_failure,
        )(self._commit, batch)
        self.failing = None
        self.commits += 1

    def _log_failure(self, state: tenacity.RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        self.failing = str(getattr(error, "orig", error))
        log.error("store cannot be written, trying again", error=self.failing, attempt=state.attempt_number)

    def _commit(self, batch: list[Work]) -> None:
        with self._engine.begin() as connection:
            # Facts between two snapshots go in together; a snapshot notes the last fact before it.
            for is_snapshot, works in groupby(batch, key=lambda work: work.partition is not None):
                if is_snapshot:
                    for work in works:
                        _write_snapshot(connection, work)
                else:
                    _write_changes(connection, list(works))


def _write_changes(connection: sa.Connection, works: list[Work]) -> None:
    if facts := [_fact_row(found) for work in works for found in work.facts]:
        connection.execute(insert(schema.fact).on_conflict_do_nothing(), facts)
    told = [change for work in works for change in work.transitions if change.incident.fired_at is not None]
    if told:
        _write_incidents(connection, told)
    if refused := [msgspec.structs.asdict(row) for work in works for row in work.refused]:
        connection.execute(schema.quarantine.insert(), refused)
        newest = connection.scalar(sa.select(sa.func.max(schema.quarantine.c.id))) or 0
        connection.execute(schema.quarantine.delete().where(schema.quarantine.c.id <= newest - QUARANTINE_ROWS))
    for work in works:
        for incident_id, status in work.delivered:
            row = (schema.outbox.c.incident_id == incident_id) & (schema.outbox.c.status == status)
            pending = row & schema.outbox.c.delivered_at.is_(None)
            connection.execute(schema.outbox.update().where(pending).values(delivered_at=work.at))


def _write_incidents(connection: sa.Connection, told: list[Transition]) -> None:
    """Incident, audit row and outbox row, together."""
    latest = {change.incident.id: change.incident for change in told}
    statement = insert(schema.incident)
    changing = ("status", "resolved_at", "terminals", "suppressed_by", "evidence")
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["id"], set_={name: statement.excluded[name] for name in changing}
        ),
        [incident_row(found) for found in latest.values()],
    )
    connection.execute(insert(schema.transition).on_conflict_do_nothing(), [_audit_row(change) for change in told])
    news = [
        {"incident_id": change.incident.id, "status": change.incident.status.value, "at": change.at}
        for change in told
        if change.before is not change.incident.status and change.incident.paged_at is not None
    ]
    if news:
        connection.execute(insert(schema.outbox).on_conflict_do_nothing(), news)


def _write_snapshot(connection: sa.Connection, work: Work) -> None:
    newest = connection.scalar(sa.select(sa.func.max(schema.fact.c.id))) or 0
    values = {"fact_id": newest, "records": msgspec.msgpack.encode(work.records)}
    connection.execute(
        insert(schema.snapshot)
        .values(partition=work.partition, **values)
        .on_conflict_do_update(index_elements=["partition"], set_=values)
    )


def _fact_row(found: Fact) -> dict[str, Any]:
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


def incident_row(found: Incident) -> dict[str, Any]:
    """The row of an incident."""
    row = msgspec.structs.asdict(found)
    del row["clear_since"]
    return row | {
        "status": found.status.value,
        "scope": msgspec.json.encode(dict(found.scope)).decode(),
        "evidence": msgspec.json.encode(found.evidence).decode(),
    }


def incident_from(row: sa.Row[Any]) -> Incident:
    """The incident of a row."""
    fields = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's documented name
    return Incident(
        **fields
        | {
            "status": Status(fields["status"]),
            "scope": tuple(sorted(msgspec.json.decode(fields["scope"], type=dict[str, str]).items())),
            "evidence": msgspec.json.decode(fields["evidence"], type=list[str]),
        }
    )


def _audit_row(change: Transition) -> dict[str, Any]:
    return {
        "incident_id": change.incident.id,
        "at": change.at,
        "before": change.before and change.before.value,
        "after": change.incident.status.value,
        "reason": change.reason,
        "terminals": change.incident.terminals,
    }
