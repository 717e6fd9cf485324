"""What is stored about payouts, for those who want to know before they say more. Changes no row.

Where it can be wrong: it looks merchant by merchant, by the beginning of the facts' keys, which costs about
0.1 ms each; what is older than the retention is forgotten here too.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import sqlalchemy as sa

from fleetmon.model.events import Payout
from fleetmon.store import schema
from fleetmon.store.reading import Reading

_AT_ONCE: Final = 500  # keys asked for in one query; SQLite takes 32,766 parameters


class StoredPayouts(Reading):
    """Open for reading. Everything raises StoreError."""

    def of(self, merchants: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        """(merchant, payload) of every payout's event, each merchant's in order of arrival."""
        table = schema.fact
        with self._connected() as connection:
            for merchant in merchants:
                mine = (
                    (table.c.subject == merchant) & (table.c.key >= f"{merchant}/") & (table.c.key < f"{merchant}0")
                )  # 0 follows the slash
                query = sa.select(table.c.payload).where(mine, table.c.kind == Payout.__name__)
                for payload in connection.scalars(query.order_by(table.c.id)):
                    yield merchant, payload

    def count(self, keys: Sequence[str]) -> int:
        """How many of these events (`merchant/payout/event`) are stored."""
        column = schema.fact.c.key
        with self._connected() as connection:
            return sum(
                connection.scalar(sa.select(sa.func.count()).where(column.in_(keys[start : start + _AT_ONCE]))) or 0
                for start in range(0, len(keys), _AT_ONCE)
            )
