"""From the settings to connections, and from the database's errors to words that say what to do.

Where it can be wrong: the time-outs below notice a PostgreSQL that vanished within about 25 seconds, not sooner.
"""

import contextlib
from collections.abc import Iterator
from typing import Any, Final

import sqlalchemy as sa

from fleetmon.model.errors import StoreError
from fleetmon.store.settings import StoreSettings

# A peer that vanished without a word must not hold the writer for the quarter of an hour that TCP would wait.
_LIVELY: Final = {
    "connect_timeout": "5",
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "20000",
    "application_name": "fleetmon",
    "client_encoding": "utf8",
}


def connect(settings: StoreSettings, password: str | None) -> sa.Engine:
    """A pool of connections, none of them open yet."""
    if found := settings.problems():
        raise StoreError("; ".join(found), retryable=False)
    url = sa.make_url(settings.url)
    if url.drivername == "sqlite":
        engine = sa.create_engine(url)
        sa.event.listen(engine, "connect", _prepare_sqlite)
        sa.event.listen(engine, "begin", _begin_sqlite)
        return engine
    url = url.set(drivername="postgresql+psycopg", password=password)
    lively = {name: value for name, value in _LIVELY.items() if name not in url.query}
    engine = sa.create_engine(url, pool_pre_ping=True, connect_args=lively)
    sa.event.listen(engine, "connect", _prepare_postgresql)
    return engine


@contextlib.contextmanager
def reading(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A connection for questions, all answered as of one moment: a report puts several together."""
    with engine.connect() as connection:
        if connection.dialect.name == "postgresql":  # SQLite gives one moment by itself
            connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        yield connection


def failure(settings: StoreSettings, error: Exception) -> StoreError:
    """The error in one line: which store, what the database says, what to do."""
    detail = " ".join(str(getattr(error, "orig", None) or error).split())
    if settings.file is not None:
        remedy = (
            "check the owner of the folder, the free space and what the file is; a damaged one is replaced by a backup"
        )
        return StoreError(f"store.url {settings.url}: {detail}; {remedy}", retryable=False)
    remedy = (
        "check that the server runs and that the database is there and belongs to the user (CREATE DATABASE fleetmon "
        "OWNER fleetmon ENCODING 'UTF8'); the password comes from store.password_file or FLEETMON_STORE_PASSWORD"
    )
    return StoreError(
        f"store.url {settings.url}: {detail}; {remedy}", retryable=isinstance(error, sa.exc.OperationalError)
    )


def named(settings: StoreSettings, error: StoreError) -> StoreError:
    """The error with the store that it is about."""
    return StoreError(f"store.url {settings.url}: {error}", retryable=error.retryable)


def _prepare_sqlite(connection: Any, _record: object) -> None:  # noqa: ANN401 - the driver's own connection
    """WAL so that readers never wait; FULL because an acknowledgement promises that a power cut loses nothing."""
    connection.isolation_level = None  # transactions begin where we say so, not where the driver guesses
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=5000"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: sa.Connection) -> None:
    connection.exec_driver_sql("BEGIN")


def _prepare_postgresql(connection: Any, _record: object) -> None:  # noqa: ANN401 - the driver's own connection
    """The same promise as above, also where the server's own setting is laxer."""
    connection.execute(
        "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"
    )
    connection.commit()
