"""Opening a store to read only, whether a daemon runs on it or not. Changes no row, asks for no lock."""

import contextlib
from collections.abc import Iterator
from types import TracebackType
from typing import Self

import sqlalchemy as sa

from fleetmon.model.errors import StoreError
from fleetmon.store import address, migrate
from fleetmon.store.settings import StoreSettings
from fleetmon.store.writer import FAILURES


class Reading:
    """Open between `with` and its end. Everything raises StoreError."""

    def __init__(self, settings: StoreSettings, password: str | None) -> None:
        self._settings = settings
        if settings.file is not None and not settings.file.exists():
            raise self._fresh("there is no such file")
        self._engine = address.connect(settings, password)

    def __enter__(self) -> Self:
        try:
            with self._connected() as connection:
                found = migrate.revision(connection)
        except StoreError:
            self._engine.dispose()
            raise
        if found != migrate.newest():
            self._engine.dispose()
            raise self._fresh(f"its schema is {found or 'empty'}")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._engine.dispose()

    @contextlib.contextmanager
    def _connected(self) -> Iterator[sa.Connection]:
        try:
            with address.reading(self._engine) as connection:
                yield connection
        except FAILURES as error:
            raise address.failure(self._settings, error) from None

    def _fresh(self, what: str) -> StoreError:
        return StoreError(f"store.url {self._settings.url}: {what}; start `fleetmon run` first", retryable=False)
