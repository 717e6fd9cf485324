"""Facts, incidents with audit trail and outbox, snapshots, quarantine.

Databases from before there were migrations have these tables already and are adopted as they are.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

SERIAL = sa.BigInteger().with_variant(sa.Integer, "sqlite")
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "fact",
        sa.Column("id", SERIAL, primary_key=True),
        sa.Column("key", TEXT, nullable=False, unique=True),
        sa.Column("received_at", sa.BigInteger, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("subject", TEXT, nullable=False),
        sa.Column("epoch", sa.Integer, nullable=False),
        sa.Column("retained", sa.Boolean, nullable=False),
        sa.Column("topic", TEXT, nullable=False),
        sa.Column("payload", sa.LargeBinary, nullable=False),
        sqlite_autoincrement=True,
        if_not_exists=True,
    )
    _incidents()
    op.create_table(
        "snapshot",
        sa.Column("partition", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("fact_id", sa.BigInteger, nullable=False),
        sa.Column("records", sa.LargeBinary, nullable=False),
        if_not_exists=True,
    )
    op.create_table(
        "quarantine",
        sa.Column("id", SERIAL, primary_key=True),
        sa.Column("received_at", sa.BigInteger, nullable=False),
        sa.Column("topic", TEXT, nullable=False),
        sa.Column("reason", TEXT, nullable=False),
        sa.Column("detail", TEXT, nullable=False),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("payload", TEXT),
        sqlite_autoincrement=True,
        if_not_exists=True,
    )


def _incidents() -> None:
    op.create_table(
        "incident",
        sa.Column("id", TEXT, primary_key=True),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("scope", TEXT, nullable=False),
        sa.Column("severity", TEXT, nullable=False),
        sa.Column("pages", sa.Boolean, nullable=False),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("opened_at", sa.BigInteger, nullable=False),
        sa.Column("fired_at", sa.BigInteger, nullable=False),
        sa.Column("paged_at", sa.BigInteger),
        sa.Column("resolved_at", sa.BigInteger),
        sa.Column("terminals", sa.Integer, nullable=False),
        sa.Column("suppressed_by", TEXT),
        sa.Column("evidence", TEXT, nullable=False),
        if_not_exists=True,
    )
    op.create_index("ix_incident_status", "incident", ["status"], if_not_exists=True)
    op.create_index("ix_incident_resolved_at", "incident", ["resolved_at"], if_not_exists=True)
    op.create_table(
        "transition",
        sa.Column("id", SERIAL, primary_key=True),
        sa.Column("incident_id", TEXT, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("before", TEXT),
        sa.Column("after", TEXT, nullable=False),
        sa.Column("reason", TEXT, nullable=False),
        sa.Column("terminals", sa.Integer, nullable=False),
        sa.UniqueConstraint("incident_id", "at", "after", "reason"),
        if_not_exists=True,
    )
    op.create_table(
        "outbox",
        sa.Column("incident_id", TEXT, primary_key=True),
        sa.Column("status", TEXT, primary_key=True),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("delivered_at", sa.BigInteger),
        if_not_exists=True,
    )
