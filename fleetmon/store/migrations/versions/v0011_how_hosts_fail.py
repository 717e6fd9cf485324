"""How the host of an open incident fails, without which a restart would not see the end of it."""

import sqlalchemy as sa
from alembic import op

from fleetmon.store.migrations.versions.v0002_terminals_and_views import TEXT

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Add the column; of incidents that are older nothing is known."""
    op.add_column("incident", sa.Column("failing", TEXT))
