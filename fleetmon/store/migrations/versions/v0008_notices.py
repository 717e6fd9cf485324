"""What is to be told to people directly, by each route, and when it was told."""

import sqlalchemy as sa
from alembic import op

from fleetmon.store.migrations.versions.v0002_terminals_and_views import TEXT

revision = "0008"
down_revision = "0007"

UNTOLD = sa.text("told_at IS NULL")


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "notice",
        sa.Column("route", TEXT, primary_key=True),
        sa.Column("subject", TEXT, primary_key=True),
        sa.Column("word", TEXT, primary_key=True),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("body", TEXT, nullable=False),
        sa.Column("told_at", sa.BigInteger),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_notice_untold", "notice", ["route", "at"], sqlite_where=UNTOLD, postgresql_where=UNTOLD)
    op.create_index("ix_notice_at", "notice", ["at"])
