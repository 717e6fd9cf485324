"""The fleet and the history of its liveness; views for people and for Grafana.

Times in the views are timestamps with a zone on PostgreSQL and ISO 8601 text in UTC on SQLite, which has no
such type.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

SERIAL = sa.BigInteger().with_variant(sa.Integer, "sqlite")
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
ATTRIBUTES = (
    *("terminal", "merchant", "site", "region", "carrier", "acquirer", "provider", "model", "firmware", "network"),
    "host",
)


def upgrade() -> None:
    """Make the tables, then the views on them."""
    words = ("merchant", "site", "region", "carrier", "acquirer", "provider", "model", "firmware", "network")
    op.create_table(
        "terminal",
        sa.Column("id", TEXT, primary_key=True),
        *(sa.Column(word, TEXT, nullable=False) for word in words),
        sa.Column("registered", sa.Boolean, nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("since", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_terminal_state", "terminal", ["state", "id"])
    op.create_index("ix_terminal_provider", "terminal", ["provider", "id"])
    op.create_table(
        "terminal_change",
        sa.Column("id", SERIAL, primary_key=True),
        sa.Column("terminal", TEXT, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("before", TEXT, nullable=False),
        sa.Column("after", TEXT, nullable=False),
        sa.UniqueConstraint("terminal", "at", "before", "after"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_incident_opened_at", "incident", ["opened_at"])
    on_postgresql = op.get_bind().dialect.name == "postgresql"
    op.execute(_v_terminal(postgresql=on_postgresql))
    op.execute(_v_incident(postgresql=on_postgresql))


def _time(column: str, *, postgresql: bool) -> str:
    if postgresql:
        return f"to_timestamp({column} / 1000.0)"
    return f"strftime('%Y-%m-%dT%H:%M:%fZ', {column} / 1000.0, 'unixepoch')"


def _v_terminal(*, postgresql: bool) -> str:
    """The registry and the last change of state; `before` is empty when that is older than the retention."""
    return f"""
        CREATE VIEW v_terminal AS
        SELECT t.id AS terminal, t.merchant, t.site, t.region, t.carrier, t.acquirer, t.provider, t.model,
            t.firmware, t.network, t.registered, t.state, {_time("nullif(t.since, 0)", postgresql=postgresql)} AS since,
            (SELECT c."before" FROM terminal_change c WHERE c.terminal = t.id ORDER BY c."at" DESC, c.id DESC LIMIT 1)
                AS "before"
        FROM terminal t
    """  # noqa: S608 - nothing in it is from outside


def _v_incident(*, postgresql: bool) -> str:
    """One row an announced incident, each attribute of its scope a column; `minutes` until now while it lasts."""
    if postgresql:
        now = "extract(epoch FROM now()) * 1000"
        attributes = [f"scope::json ->> '{name}' AS {name}" for name in ATTRIBUTES]
    else:
        now = "(julianday('now') - 2440587.5) * 86400000.0"
        attributes = [f"json_extract(scope, '$.{name}') AS {name}" for name in ATTRIBUTES]
    minutes = f"round((coalesce(resolved_at, {now}) - opened_at) / 60000.0, 1)"
    times = [
        f"{_time(name, postgresql=postgresql)} AS {name}"
        for name in ("opened_at", "fired_at", "paged_at", "resolved_at")
    ]
    return f"""
        CREATE VIEW v_incident AS
        SELECT id, kind, status, severity, pages, {", ".join(attributes)}, {", ".join(times)}, {minutes} AS minutes,
            terminals, suppressed_by
        FROM incident
    """  # noqa: S608 - nothing in it is from outside
