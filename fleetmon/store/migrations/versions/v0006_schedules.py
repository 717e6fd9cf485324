"""What people and calendars have planned, in all its versions; and when flexible work began, in the view of windows."""

import sqlalchemy as sa
from alembic import op

from fleetmon.store.migrations.versions.v0002_terminals_and_views import TEXT

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Make the table and the columns, and the view anew."""
    op.execute("DROP VIEW v_window")
    op.create_table(
        "schedule",
        sa.Column("id", TEXT, primary_key=True),
        sa.Column("version", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("since", sa.BigInteger, nullable=False),
        sa.Column("over_at", sa.BigInteger),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("author", TEXT, nullable=False),
        sa.Column("calendar", TEXT, nullable=False),
        sa.Column("reference", TEXT, nullable=False),
        sa.Column("body", TEXT, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_schedule_over_at", "schedule", ["over_at"])
    for name in ("flexible_ms", "begun_at", "stopped_at"):
        op.add_column("window", sa.Column(name, sa.BigInteger))
    op.execute(_v_window(postgresql=op.get_bind().dialect.name == "postgresql"))


def _v_window(*, postgresql: bool) -> str:
    """One row a time of planned work; of flexible work that has begun when it really was. `state` is that of now."""
    if postgresql:
        now, times = "extract(epoch FROM now()) * 1000", "to_timestamp({0} / 1000.0) AS {0}"
        least = "least"
    else:
        now = "(julianday('now') - 2440587.5) * 86400000.0"
        times = "strftime('%Y-%m-%dT%H:%M:%fZ', {0} / 1000.0, 'unixepoch') AS {0}"
        least = "min"
    end = f"{least}(begun_at + flexible_ms, coalesce(stopped_at, begun_at + flexible_ms))"
    return f"""
        CREATE VIEW v_window AS
        SELECT id, provenance, owner, host, reason, selector, {times.format("starts_at")}, {times.format("ends_at")},
            CASE WHEN cancelled THEN 'cancelled'
                WHEN {now} < CASE WHEN waits THEN ends_at ELSE starts_at END THEN 'scheduled'
                WHEN {now} < ends_at THEN 'active' ELSE 'ended' END AS state
        FROM (SELECT id, provenance, owner, host, reason, selector, cancelled,
                coalesce(begun_at, starts_at) AS starts_at,
                CASE WHEN begun_at IS NULL THEN ends_at ELSE {end} END AS ends_at,
                flexible_ms IS NOT NULL AND begun_at IS NULL AS waits
            FROM "window") AS known
    """  # noqa: S608 - nothing in it is from outside
