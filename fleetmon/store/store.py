"""Opening the store, reading it back, and asking it questions."""

import contextlib
from collections.abc import Callable, Container, Iterator
from typing import Final

import sqlalchemy as sa

from fleetmon.model.episode import Episode
from fleetmon.model.errors import StoreError
from fleetmon.model.incident import Incident
from fleetmon.model.notice import Notice
from fleetmon.model.schedule import Entry
from fleetmon.store import address, migrate, night, past, queries, schema
from fleetmon.store.lock import lock
from fleetmon.store.night import Night
from fleetmon.store.past import Part
from fleetmon.store.restore import Restored, restore
from fleetmon.store.rows import AuditRow, ChangeRow, QuarantineRow, TerminalRow, TransitionRow, WindowTime
from fleetmon.store.settings import StoreSettings
from fleetmon.store.writer import FAILURES, Work, Writer

_DAY_MS: Final = 86_400_000


class Store:
    """One database. Reads are short and may come from any thread; writes go through the writer.

    Every read raises StoreError when the database cannot answer now.
    """

    def __init__(
        self,
        settings: StoreSettings,
        password: str | None = None,
        on_crash: Callable[[Exception], object] = lambda _: None,
    ) -> None:
        """Make the file if it is missing, and bring the schema up to date; `on_crash` see `Writer`.

        From here to `close` no other process can open the database as a store.
        """
        self._settings = settings
        self._engine = address.connect(settings, password)
        self._lock = lock(settings, self._engine)
        try:
            if (file := settings.file) is not None:
                file.parent.mkdir(parents=True, exist_ok=True)
            self._lock.take()
            migrate.upgrade(self._engine)
        except (OSError, *FAILURES) as error:
            self._give_up()
            raise address.failure(settings, error) from None
        except StoreError as error:
            self._give_up()
            raise address.named(settings, error) from None
        self._writer = Writer(self._engine, on_crash, self._lock.assure)
        self._writer.start()

    @property
    def commits(self) -> int:
        """Transactions written so far."""
        return self._writer.commits

    @property
    def attempts(self) -> int:
        """Commits and failures to commit so far; stands still when the database does not answer at all."""
        return self._writer.attempts

    @property
    def failing(self) -> str | None:
        """Why nothing can be written now; None when all is well."""
        return self._writer.failing

    def submit(self, work: Work) -> None:
        """Make something durable; `work.done` is called, in another thread, when it is."""
        self._writer.submit(work)

    def forget(self, now: int) -> None:
        """Delete, in the background, what is older than the retention. Costs next to nothing when there is none."""
        self.submit(Work(lambda: None, forget_before=now - self._settings.retention_days * _DAY_MS))

    def close(self, patience_s: float = 10.0) -> bool:
        """Write what is queued, however much it is, and close; whether all was written, with pauses below the limit."""
        finished = self._writer.stop(patience_s)
        self._give_up()
        return finished

    def _give_up(self) -> None:
        self._lock.release()
        self._engine.dispose()

    def restore(self, partition_of: Callable[[str], int], resolved_after: int) -> Restored:
        """Read back what a new engine needs; `partition_of` a terminal that no snapshot holds yet."""
        with self._reading() as connection:
            return restore(connection, partition_of, resolved_after)

    def facts_before(self, at: int) -> int:
        """The id of the last fact that arrived before this time (ms); 0 when there is none."""
        with self._reading() as connection:
            return past.before(connection, at)

    def facts(self, after: int, until: int, limit: int) -> Part:
        """The first facts with ids above `after`, up to `until`, in order of arrival."""
        with self._reading() as connection:
            return past.facts(connection, after, until, limit)

    def episodes(self, since: int, after: Episode | None, limit: int) -> list[Episode]:
        """Episodes that ended since then, in an order of their own, those after the last one of the part before."""
        with self._reading() as connection:
            return past.episodes(connection, since, after, limit)

    def past_incidents(self, since: int, most: int) -> list[Incident]:
        """The latest incidents that were over since then, the oldest first."""
        with self._reading() as connection:
            return past.incidents(connection, since, most)

    def departed(self, fleet: Container[str]) -> list[str]:
        """The stored terminals that this fleet does not have, to be submitted as `Work.departed`."""
        with self._reading() as connection:
            return [found for found in connection.scalars(sa.select(schema.terminal.c.id)) if found not in fleet]

    def undelivered(self) -> list[tuple[str, str, int]]:
        """(incident, status, since when) of what nobody has been told yet."""
        table = schema.outbox
        query = sa.select(table.c.incident_id, table.c.status, table.c.at).where(table.c.delivered_at.is_(None))
        with self._reading() as connection:
            return [(row[0], row[1], row[2]) for row in connection.execute(query)]

    def untold(self, route: str, limit: int) -> list[Notice]:
        """What a route has still to tell, the oldest first."""
        with self._reading() as connection:
            return queries.untold(connection, route, limit)

    def terminals(
        self, after: str | None, limit: int, provider: str | None = None, state: str | None = None
    ) -> list[TerminalRow]:
        """Terminals in order of id, beginning behind `after`; None asks for any provider or state."""
        with self._reading() as connection:
            return queries.terminals(connection, after, limit, provider, state)

    def terminal(self, terminal_id: str) -> TerminalRow | None:
        """One terminal; None when nobody knows it."""
        with self._reading() as connection:
            return queries.terminal(connection, terminal_id)

    def changes(self, terminal_id: str, before: int | None, limit: int) -> list[ChangeRow]:
        """How the liveness of a terminal went, newest first; `before` is the id of the last one of the page before."""
        with self._reading() as connection:
            return queries.changes(connection, terminal_id, before, limit)

    def incidents(
        self, status: str | None, kind: str | None, limit: int, before: tuple[int, str] | None = None
    ) -> list[Incident]:
        """Announced incidents, newest first; None asks for any status or kind.

        `before` is (opened_at, id) of the last one of the page before.
        """
        with self._reading() as connection:
            return queries.incidents(connection, status, kind, limit, before)

    def incident(self, incident_id: str) -> Incident | None:
        """One announced incident."""
        with self._reading() as connection:
            return queries.incident(connection, incident_id)

    def transitions(self, incident_id: str) -> list[TransitionRow]:
        """How an incident went, oldest first."""
        with self._reading() as connection:
            return queries.transitions(connection, incident_id)

    def audit(
        self, kind: str | None, subject: str | None, author: str | None, limit: int, before: int | None = None
    ) -> list[AuditRow]:
        """What people changed, newest first; `before` is the id of the last one of the page before."""
        with self._reading() as connection:
            return queries.audit(connection, kind, subject, author, limit, before)

    def schedules(self, since: int) -> list[Entry]:
        """What is planned, but for what was over before."""
        with self._reading() as connection:
            return queries.schedules(connection, since)

    def window_times(self, since: int) -> list[WindowTime]:
        """When planned work of operators was in force, is and will be, but for what was over before."""
        with self._reading() as connection:
            return list(queries.window_times(connection, since))

    def night(self, begin: int, end: int) -> Night:
        """Who was up when, and what was wrong, in a span of time (ms)."""
        with self._reading() as connection:
            return night.night(connection, begin, end)

    def is_sent(self, name: str) -> bool:
        """Whether the report of this name was sent."""
        with self._reading() as connection:
            return night.is_sent(connection, name)

    def quarantine(self, limit: int, before: int | None = None) -> list[QuarantineRow]:
        """Refused messages, newest first; `before` is the id of the last one of the page before."""
        with self._reading() as connection:
            return queries.quarantine(connection, limit, before)

    @contextlib.contextmanager
    def _reading(self) -> Iterator[sa.Connection]:
        try:
            with address.reading(self._engine) as connection:
                yield connection
        except FAILURES as error:
            raise address.failure(self._settings, error) from None
        except StoreError as error:
            raise address.named(self._settings, error) from None
