"""What is stored about payouts, for those who want to know before they say more. Changes no row.

Where it can be wrong: it looks merchant by merchant, by the beginning of the facts' keys, which costs about
0.1 ms each; what is older than the retention is forgotten here too.
"""

from collections.abc import Iterable, Iterator, Sequence
from types import TracebackType
from typing import Final, Self

import sqlalchemy as sa

from fleetmon.model.errors import StoreError
from fleetmon.model.events import Payout
from fleetmon.store import address, migrate, schema
from fleetmon.store.settings import StoreSettings
from fleetmon.store.writer import FAILURES

_AT_ONCE: Final = 500  # keys asked for in one query; SQLite takes 32,766 parameters


class StoredPayouts:
    """Open for reading, whether a daemon runs on the store or not. Everything raises StoreError."""

    def __init__(self, settings: StoreSettings, password: str | None) -> None:
        self._settings = settings
        if settings.file is not None and not settings.file.exists():
            raise self._fresh("there is no such file")
        self._engine = address.connect(settings, password)

    def __enter__(self) -> Self:
        try:
            with self._engine.connect() as connection:
                found = migrate.revision(connection)
        except FAILURES as error:
            self._engine.dispose()
            raise address.failure(self._settings, error) from None
        if found != migrate.newest():
            self._engine.dispose()
            raise self._fresh(f"its schema is {found or 'empty'}")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._engine.dispose()

    def of(self, merchants: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        """(merchant, payload) of every payout's event, each merchant's in order of arrival."""
        table = schema.fact
        try:
            with self._engine.connect() as connection:
                for merchant in merchants:
                    mine = (
                        (table.c.subject == merchant) & (table.c.key >= f"{merchant}/") & (table.c.key < f"{merchant}0")
                    )  # 0 follows the slash
                    query = sa.select(table.c.payload).where(mine, table.c.kind == Payout.__name__)
                    for payload in connection.scalars(query.order_by(table.c.id)):
                        yield merchant, payload
        except FAILURES as error:
            raise address.failure(self._settings, error) from None

    def count(self, keys: Sequence[str]) -> int:
        """How many of these events (`merchant/payout/event`) are stored."""
        column = schema.fact.c.key
        try:
            with self._engine.connect() as connection:
                return sum(
                    connection.scalar(sa.select(sa.func.count()).where(column.in_(keys[start : start + _AT_ONCE]))) or 0
                    for start in range(0, len(keys), _AT_ONCE)
                )
        except FAILURES as error:
            raise address.failure(self._settings, error) from None

    def _fresh(self, what: str) -> StoreError:
        return StoreError(f"store.url {self._settings.url}: {what}; start `fleetmon run` first", retryable=False)
