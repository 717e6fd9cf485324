"""The one writer: a thread that takes whatever waits, commits it as one transaction, then reports.

Order is kept: what is submitted first is in the same or an earlier transaction, so a snapshot can never
contain a message whose fact is not yet safe. Every write can be repeated without a second effect, which also
answers the commit whose outcome was lost with the connection: it is simply written again.
What is too old is deleted in small bites while nothing waits, and now and then when something always does.
Where it can be wrong: a refused message whose commit was repeated is kept aside twice.
"""

import queue
import threading
from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any, Final

import sqlalchemy as sa
import structlog
import tenacity
from msgspec import Struct
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from fleetmon.engine import Fact, TerminalChange
from fleetmon.engine.snapshot import TerminalRecord
from fleetmon.engine.timeline import KEPT
from fleetmon.model.audit import AuditEntry
from fleetmon.model.episode import Episode
from fleetmon.model.incident import Transition
from fleetmon.model.notice import Notice
from fleetmon.model.settlement import Settlement
from fleetmon.model.window import Window
from fleetmon.store import retention, writes
from fleetmon.store.rows import ScheduleRow, TerminalRow

FAILURES: Final = (DBAPIError, PoolTimeoutError)  # pass by themselves, or when the operator acts
_PER_COMMIT: Final = 256  # works in one transaction
_BITE_EVERY: Final = 64  # commits, when the queue is never empty
log = structlog.get_logger("fleetmon.store")


class Work(Struct):
    """One thing to make durable; `done` is called in the writer's thread once it is."""

    done: Callable[[], object]
    facts: Sequence[Fact] = ()
    transitions: Sequence[Transition] = ()
    refused: Sequence[Any] = ()  # rows of the quarantine: structs with its columns as fields
    partition: int | None = None
    records: Sequence[TerminalRecord] = ()
    owners: Sequence[tuple[str, str]] = ()  # (incident, provider) for the labels of its alert; "" for no single one
    delivered: Sequence[tuple[str, str]] = ()  # (incident, status) that a neighbour has accepted
    notices: Sequence[Notice] = ()  # to be told by a route, unless it knows them
    told: Sequence[Notice] = ()  # a receiver has taken them, or nobody needs them any more
    at: int = 0
    terminals: Sequence[TerminalRow] = ()  # as they are, with the changes submitted so far
    changes: Sequence[TerminalChange] = ()
    episodes: Sequence[Episode] = ()
    settlements: Sequence[Settlement] = ()
    windows: Sequence[Window] = ()  # as of `at`
    schedules: Sequence[ScheduleRow] = ()
    audit: Sequence[AuditEntry] = ()
    departed: Sequence[str] = ()  # terminals that the fleet no longer has
    forget_before: int = 0  # what is over since before this time is deleted, when there is time for it


class Writer:
    """Owns the writing connection and its thread."""

    def __init__(
        self, engine: sa.Engine, on_crash: Callable[[Exception], object], assure: Callable[[], object]
    ) -> None:
        """`on_crash` hears, in the writer's thread, of a fault after which nothing more is written.

        `assure` is called before each commit, and raises StoreError when we are no longer the only writer.
        """
        self._on_crash = on_crash
        self._assure = assure
        self.commits = 0
        self.attempts = 0  # at a commit that came to an end, good or bad
        self.failing: str | None = None  # why nothing can be written now
        self._engine = engine
        self._queue: queue.SimpleQueue[Work | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="store-writer", daemon=True)
        self._stopping = threading.Event()
        self._forget_before = 0
        self._finished = False  # everything was written, and the store is being closed

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def submit(self, work: Work) -> None:
        """Queue a work; never blocks. Whoever submits bounds how much is under way."""
        self._queue.put(work)

    def stop(self, patience_s: float) -> bool:
        """Write what is queued and end; whether all of it was written, never waiting longer for the next commit."""
        self._queue.put(None)
        commits = -1
        while self._thread.is_alive() and commits != self.commits:
            commits = self.commits
            self._thread.join(patience_s)
        finished = self._finished
        self._stopping.set()
        self._thread.join(1.0)  # giving up, it hands its connection back
        return finished

    def _run(self) -> None:
        try:
            self._write()
        except Exception as error:  # noqa: BLE001 - ours, whatever it is; the thread must not die in silence
            self.failing = f"the writer ended: {error!r}"
            self._on_crash(error)

    def _write(self) -> None:
        open_ = True
        while open_:
            while self._forget_before and self._queue.empty():
                self._forget()
            works = [self._queue.get()]
            while len(works) < _PER_COMMIT and not self._queue.empty():
                works.append(self._queue.get())
            open_ = None not in works
            batch = [work for work in works if work is not None]
            if batch and not self._commit_until_done(batch):
                return
            for work in batch:
                self._forget_before = max(self._forget_before, work.forget_before)
                work.done()
            if self._forget_before and self.commits % _BITE_EVERY == 0:
                self._forget()
        self._finished = True

    def _commit_until_done(self, batch: list[Work]) -> bool:
        """A full disk or a locked database passes; until then nothing is acknowledged and nothing is lost.

        False when the store was closed before it passed.
        """
        written: bool = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(FAILURES),
            wait=tenacity.wait_exponential(multiplier=0.05, max=5),
            sleep=tenacity.sleep_using_event(self._stopping),
            stop=tenacity.stop_when_event_set(self._stopping),
            before_sleep=self._log_failure,
            retry_error_callback=lambda _: False,
        )(self._commit, batch)
        if written:
            self.failing = None
            self.commits += 1
            self.attempts += 1
        return written

    def _log_failure(self, state: tenacity.RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        self.attempts += 1
        self.failing = " ".join(str(getattr(error, "orig", None) or error).split())
        log.error("store cannot be written, trying again", error=self.failing, attempt=state.attempt_number)

    def _commit(self, batch: list[Work]) -> bool:
        self._assure()
        with self._engine.begin() as connection:
            # Facts between two snapshots go in together; a snapshot notes the last fact before it.
            for is_snapshot, works in groupby(batch, key=lambda work: work.partition is not None):
                if is_snapshot:
                    for work in works:
                        writes.snapshot(connection, work.partition, work.records)
                else:
                    _write(connection, list(works))
        return True

    def _forget(self) -> None:
        """One bite; when it fails the next call for it will do, as nothing waits for it."""
        try:
            with self._engine.begin() as connection:
                if not retention.bite(connection, self._forget_before):
                    self._forget_before = 0
        except FAILURES as error:
            self._forget_before = 0
            log.warning("old rows cannot be deleted now", error=str(getattr(error, "orig", None) or error))


def _write(connection: sa.Connection, works: list[Work]) -> None:
    writes.facts(connection, [found for work in works for found in work.facts])
    writes.transitions(connection, [change for work in works for change in work.transitions])
    writes.owners(connection, [found for work in works for found in work.owners])
    writes.notices(connection, [found for work in works for found in work.notices])
    writes.episodes(connection, [found for work in works for found in work.episodes])
    writes.settlements(connection, [found for work in works for found in work.settlements])
    writes.schedules(connection, [found for work in works for found in work.schedules])
    for work in works:
        writes.windows(connection, work.windows, work.at - KEPT)
    writes.audit(connection, [found for work in works for found in work.audit])
    writes.departed(connection, [terminal for work in works for terminal in work.departed])
    writes.terminals(
        connection,
        [row for work in works for row in work.terminals],
        [change for work in works for change in work.changes],
    )
    writes.refused(connection, [row for work in works for row in work.refused])
    for work in works:
        writes.delivered(connection, work.delivered, work.at)
        writes.told(connection, work.told, work.at)
