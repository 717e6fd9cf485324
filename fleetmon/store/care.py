"""What an operator does with a store, whether a daemon runs on it or not: back it up, check it.

Both open the database for themselves and change no row of it.
Where it can be wrong: the check reads the whole database, so on a large one it takes minutes; and it knows
nothing of a damage that leaves every row plausible.
"""

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.exc import DatabaseError

from fleetmon.model.errors import StoreError
from fleetmon.model.terminal import PARTITIONS
from fleetmon.store import address, migrate
from fleetmon.store.restore import snapshots
from fleetmon.store.settings import StoreSettings
from fleetmon.store.writer import FAILURES

# Each finds rows that contradict others; all of a kind are written in one transaction.
_CONTRADICTIONS = {
    "a transition without its incident": """
        SELECT DISTINCT incident_id FROM transition t
        WHERE NOT EXISTS (SELECT 1 FROM incident i WHERE i.id = t.incident_id)""",
    "a message to people without its incident": """
        SELECT DISTINCT incident_id FROM outbox o
        WHERE NOT EXISTS (SELECT 1 FROM incident i WHERE i.id = o.incident_id)""",
    "an incident whose transitions do not lead to its status": """
        SELECT id FROM incident i WHERE NOT EXISTS
            (SELECT 1 FROM transition t WHERE t.incident_id = i.id AND t."after" = i.status)""",
    "an incident that paged without a message to people": """
        SELECT id FROM incident i WHERE paged_at IS NOT NULL
            AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.incident_id = i.id)""",
    "an acknowledged incident of which the audit knows nothing": """
        SELECT id FROM incident i WHERE acknowledgement IS NOT NULL
            AND NOT EXISTS (SELECT 1 FROM audit a WHERE a.kind = 'incident' AND a.subject = i.id)""",
    "a resolved incident without its end, or a firing one with an end": """
        SELECT id FROM incident WHERE (status = 'resolved') <> (resolved_at IS NOT NULL)""",
}


def backup(settings: StoreSettings, file: Path) -> None:
    """Copy a consistent state of an SQLite store into a new file; raises StoreError, also for PostgreSQL."""
    source = settings.file
    if source is None:
        raise StoreError(
            "PostgreSQL is backed up by its own tool, also while fleetmon runs: "
            f"pg_dump --format=custom --file={file} {settings.url}",
            retryable=False,
        )
    if not source.exists():
        raise StoreError(f"store.url {settings.url}: there is no such file; nothing to back up", retryable=False)
    if file.exists():
        raise StoreError(f"{file}: is there already; name a new file", retryable=False)
    partial = file.with_name(f"{file.name}.partial")  # so that the name is only given to what is complete
    try:
        _copy(source, partial)
        partial.rename(file)
    except (OSError, sqlite3.Error) as error:
        partial.unlink(missing_ok=True)
        raise StoreError(
            f"{file}: {getattr(error, 'strerror', None) or error}; check the folder, the free space, and the store",
            retryable=False,
        ) from None


def _copy(source: Path, file: Path) -> None:
    with (
        contextlib.closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True, timeout=30)) as original,
        contextlib.closing(sqlite3.connect(file)) as copy,
    ):
        original.backup(copy)  # all pages in one step: one moment, and a busy writer cannot make it begin anew
        copy.execute("PRAGMA journal_mode=DELETE")  # one file, without a log beside it
        if (found := copy.execute("PRAGMA quick_check(1)").fetchone()[0]) != "ok":
            raise sqlite3.DatabaseError(f"the copy is damaged: {found}")
    descriptor = os.open(file, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def check(settings: StoreSettings, password: str | None = None) -> list[str]:
    """Every problem of the store, one line each; raises StoreError when it cannot be opened at all."""
    file = settings.file
    if file is not None and not file.exists():
        raise StoreError(f"store.url {settings.url}: there is no such file; nothing to check", retryable=False)
    engine = address.connect(settings, password)
    try:
        with address.reading(engine) as connection:
            return list(_problems(connection))
    except FAILURES as error:
        raise address.failure(settings, error) from None
    finally:
        engine.dispose()


def _problems(connection: sa.Connection) -> Iterator[str]:
    if damage := _damage(connection):
        yield from (f"the file is damaged: {found}; restore a backup" for found in damage)
        return
    if (problem := migrate.ahead(connection)) is not None:
        yield problem
        return
    if (found := migrate.revision(connection)) != migrate.newest():
        yield f"its schema is {found or 'from before there were migrations'}; start this fleetmon once to bring it up"
        return
    for what, query in _CONTRADICTIONS.items():
        yield from (f"{what}: {row[0]}" for row in connection.exec_driver_sql(query))
    yield from _snapshot_problems(connection)


def _damage(connection: sa.Connection) -> list[str]:
    """What SQLite finds wrong with its file; PostgreSQL looks after its files itself."""
    if connection.dialect.name != "sqlite":
        return []
    try:
        return [row[0] for row in connection.exec_driver_sql("PRAGMA integrity_check") if row[0] != "ok"]
    except DatabaseError as error:  # so badly that it cannot even say what
        return [str(error.orig)]


def _snapshot_problems(connection: sa.Connection) -> Iterator[str]:
    try:
        for partition, _, records in snapshots(connection):
            if not 0 <= partition < PARTITIONS:
                yield f"snapshot of partition {partition}: there are only {PARTITIONS}; delete the row"
            if len({record.id for record in records}) < len(records):
                yield f"snapshot of partition {partition}: holds a terminal twice; delete the row"
    except StoreError as error:
        yield str(error)
