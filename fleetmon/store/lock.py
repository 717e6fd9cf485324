"""One daemon a database: two would each believe to be the only writer, and both would page.

PostgreSQL: an advisory lock of a session of its own, which the server gives up with the session. SQLite: a
lock on a file beside the database, which the system gives up with the process; the file stays and means nothing.
Reading, backup and check ask for no lock.
Where it can be wrong: a file system that does not lock for other machines (some NFS); and a session that the
network cut is only missed at the next commit, or by the server after half a minute, whichever comes first.
"""

import fcntl
import os
from typing import Final, Protocol

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, OperationalError

from fleetmon.model.errors import StoreError
from fleetmon.store.settings import StoreSettings

_KEY: Final = int.from_bytes(b"fleetmon", "big")  # advisory locks are known by a number, and are of one database
_LIVELY: Final = "SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3"
_PATIENCE: Final = "SET lock_timeout = '5s'"  # a daemon that was killed just now is still on its way out
_TAKEN: Final = "55P03"  # PostgreSQL: the lock was not to be had in that time
_HOLDER: Final = sa.text(
    "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 1"
    " AND classid::bigint << 32 | objid::bigint = :key"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)


class Lock(Protocol):
    """Ours from `take` to `release`."""

    def take(self) -> None:
        """Raises StoreError when another daemon has it; what the database raises when it does not answer."""

    def assure(self) -> None:
        """Make sure, before something is written, that it is still ours."""

    def release(self) -> None:
        """Let another daemon have it."""


def lock(settings: StoreSettings, engine: sa.Engine) -> Lock:
    """The lock of this database, not yet taken."""
    return _SessionLock(engine) if settings.file is None else _FileLock(f"{settings.file}.lock")


class _FileLock:
    """SQLite."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._descriptor = -1

    def take(self) -> None:
        self._descriptor = os.open(self._name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(self._descriptor, 20).decode("ascii", "replace").strip()
            self.release()
            raise _taken(f"process {holder or 'of unknown number'}") from None
        os.ftruncate(self._descriptor, 0)
        os.write(self._descriptor, f"{os.getpid()}\n".encode())

    def assure(self) -> None:
        """The system takes it from nobody who lives."""

    def release(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


class _SessionLock:
    """PostgreSQL."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._connection: sa.Connection | None = None

    def take(self) -> None:
        connection = self._engine.connect()
        connection.detach()  # of the pool, so that the session ends with the lock
        try:
            for statement in (*_LIVELY.split("; "), _PATIENCE, f"SELECT pg_advisory_lock({_KEY})"):
                connection.exec_driver_sql(statement)
        except OperationalError as error:
            holder = connection.scalar(_HOLDER, {"key": _KEY}) if _is_taken(error) else None
            connection.close()
            if _is_taken(error):
                raise _taken(f"session {holder}; SELECT pg_terminate_backend({holder}) ends a dead one") from None
            raise
        self._connection = connection

    def assure(self) -> None:
        try:
            if self._connection is not None:
                self._connection.exec_driver_sql("SELECT 1")
                return
        except DBAPIError:  # cut, and the lock with it
            self.release()
        self.take()

    def release(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def _is_taken(error: OperationalError) -> bool:
    return getattr(error.orig, "sqlstate", None) == _TAKEN


def _taken(holder: str) -> StoreError:
    return StoreError(
        f"another fleetmon is running on this database ({holder}); stop it, or name another database in store.url",
        retryable=False,
    )
