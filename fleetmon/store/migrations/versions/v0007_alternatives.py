"""What an outage may be else, beside what it is called."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Add the column; of incidents that are older nothing is known."""
    op.add_column("incident", sa.Column("alternatives", TEXT, nullable=False, server_default="[]"))
