"""What a restart needs to explain late money, and a view of it.

The view shows times as those of the second migration do; amounts are fen, without refunds.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
NOTICES = sa.text("kind = 'Notice'")
LATE = sa.text("overdue_count > 0")


def upgrade() -> None:
    """Make the tables, then the view."""
    op.create_index("ix_fact_notice", "fact", ["id"], sqlite_where=NOTICES, postgresql_where=NOTICES)
    op.create_table(
        "episode",
        sa.Column("topic", TEXT, primary_key=True),
        sa.Column("kind", TEXT, primary_key=True),
        sa.Column("code", TEXT, primary_key=True),
        sa.Column("began", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("ended", sa.BigInteger),
        sa.Column("count", sa.BigInteger, nullable=False),
        sa.Column("worst", sa.Double, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_episode_ended", "episode", ["ended"])
    counted = ("expected", "paid", "overdue", "at_risk")
    op.create_table(
        "settlement",
        sa.Column("merchant", TEXT, primary_key=True),
        sa.Column("business_date", TEXT, primary_key=True),
        sa.Column("acquirer", TEXT, nullable=False),
        sa.Column("cause", TEXT, nullable=False),
        sa.Column("due_at", sa.BigInteger, nullable=False),
        *(
            column
            for name in counted
            for column in (
                sa.Column(f"{name}_count", sa.Integer, nullable=False),
                sa.Column(name, sa.BigInteger, nullable=False),
            )
        ),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_settlement_due_at", "settlement", ["due_at"])
    op.create_index("ix_settlement_late", "settlement", ["due_at"], sqlite_where=LATE, postgresql_where=LATE)
    op.execute(_v_settlement_late(postgresql=op.get_bind().dialect.name == "postgresql"))


def _v_settlement_late(*, postgresql: bool) -> str:
    """One row a merchant and business date of which money is late; `hours_late` until now."""
    if postgresql:
        now, times = "extract(epoch FROM now()) * 1000", "to_timestamp({} / 1000.0) AS {}"
    else:
        now = "(julianday('now') - 2440587.5) * 86400000.0"
        times = "strftime('%Y-%m-%dT%H:%M:%fZ', {} / 1000.0, 'unixepoch') AS {}"
    due_at, updated_at = times.format("due_at", "due_at"), times.format("updated_at", "updated_at")
    return f"""
        CREATE VIEW v_settlement_late AS
        SELECT merchant, business_date, acquirer, cause, {due_at}, round(({now} - due_at) / 3600000.0, 1) AS hours_late,
            overdue_count AS sales_late, overdue AS amount_late, expected_count AS sales_expected,
            expected AS amount_expected, paid AS amount_paid, at_risk AS amount_at_risk, {updated_at}
        FROM settlement
        WHERE overdue_count > 0
    """  # noqa: S608 - nothing in it is from outside
