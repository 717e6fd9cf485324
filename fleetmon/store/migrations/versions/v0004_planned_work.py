"""Planned work, and the view of it that dashboards draw their blue regions from."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the table, then the view; times as those of the second migration."""
    op.create_table(
        "window",
        sa.Column("id", TEXT, primary_key=True),
        sa.Column("starts_at", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("ends_at", sa.BigInteger, nullable=False),
        sa.Column("provenance", TEXT, nullable=False),
        sa.Column("owner", TEXT, nullable=False),
        sa.Column("host", TEXT, nullable=False),
        sa.Column("reason", TEXT, nullable=False),
        sa.Column("selector", TEXT, nullable=False),
        sa.Column("cancelled", sa.Boolean, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_window_ends_at", "window", ["ends_at"])
    op.execute(_v_window(postgresql=op.get_bind().dialect.name == "postgresql"))


def _v_window(*, postgresql: bool) -> str:
    """One row a time of planned work; `state` is that of now."""
    if postgresql:
        now, times = "extract(epoch FROM now()) * 1000", "to_timestamp({0} / 1000.0) AS {0}"
    else:
        now = "(julianday('now') - 2440587.5) * 86400000.0"
        times = "strftime('%Y-%m-%dT%H:%M:%fZ', {0} / 1000.0, 'unixepoch') AS {0}"
    return f"""
        CREATE VIEW v_window AS
        SELECT id, provenance, owner, host, reason, selector, {times.format("starts_at")}, {times.format("ends_at")},
            CASE WHEN cancelled THEN 'cancelled' WHEN {now} < starts_at THEN 'scheduled'
                WHEN {now} < ends_at THEN 'active' ELSE 'ended' END AS state
        FROM "window"
    """  # noqa: S608 - nothing in it is from outside
