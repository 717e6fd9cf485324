"""What people are told of an incident: in the view since when it is so, and the provider in its alert's labels."""

import sqlalchemy as sa
from alembic import op

from fleetmon.store.migrations.versions.v0002_terminals_and_views import ATTRIBUTES, TEXT

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Add the column, and make the view anew; of incidents that are older no provider is known."""
    op.execute("DROP VIEW v_incident")
    op.add_column("incident", sa.Column("owner", TEXT))
    op.execute(_v_incident(postgresql=op.get_bind().dialect.name == "postgresql"))


def _v_incident(*, postgresql: bool) -> str:
    """One row an announced incident, each attribute of its scope a column; `minutes` until now while it lasts.

    `began_at` is since when it is so, from which `minutes` count; `opened_at` when that was noticed.
    `acknowledged_by` is who sees to it, or saw to it when it was over.
    """
    if postgresql:
        now, time = "extract(epoch FROM now()) * 1000", "to_timestamp({} / 1000.0)"
        inside, number = "{}::json ->> '{}'", "({}::json ->> '{}')::bigint"
    else:
        now, time = (
            "(julianday('now') - 2440587.5) * 86400000.0",
            "strftime('%Y-%m-%dT%H:%M:%fZ', {} / 1000.0, 'unixepoch')",
        )
        inside = number = "json_extract({}, '$.{}')"
    attributes = [f"{inside.format('scope', name)} AS {name}" for name in ATTRIBUTES]
    began = "coalesce(silent_since, opened_at)"
    minutes = f"round((coalesce(resolved_at, {now}) - {began}) / 60000.0, 1)"
    columns = ("opened_at", "fired_at", "paged_at", "called_again_at", "resolved_at")
    times = [f"{time.format(began)} AS began_at", *[f"{time.format(name)} AS {name}" for name in columns]]
    by, until = inside.format("acknowledgement", "author"), number.format("acknowledgement", "until")
    return f"""
        CREATE VIEW v_incident AS
        SELECT id, kind, status, severity, pages, {", ".join(attributes)}, {", ".join(times)}, {minutes} AS minutes,
            terminals, suppressed_by, {by} AS acknowledged_by, {time.format(until)} AS acknowledged_until
        FROM incident
    """  # noqa: S608 - nothing in it is from outside
