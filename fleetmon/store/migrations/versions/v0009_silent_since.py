"""When those fell silent whom a shared outage took, beside when that was noticed."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Add the column; of incidents that are older nothing is known."""
    op.add_column("incident", sa.Column("silent_since", sa.BigInteger))
