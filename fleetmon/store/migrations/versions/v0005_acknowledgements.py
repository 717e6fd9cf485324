"""Who sees to an incident, in its row and in the view of incidents; and what people changed, for good.

The databases themselves refuse to change or delete a row of the audit.
"""

import sqlalchemy as sa
from alembic import op

from fleetmon.store.migrations.versions.v0002_terminals_and_views import ATTRIBUTES, SERIAL, TEXT

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Make the columns and the table, and the view anew."""
    on_postgresql = op.get_bind().dialect.name == "postgresql"
    op.execute("DROP VIEW v_incident")
    op.add_column("incident", sa.Column("acknowledgement", TEXT))
    op.add_column("incident", sa.Column("called_again_at", sa.BigInteger))
    op.create_table(
        "audit",
        sa.Column("id", SERIAL, primary_key=True),
        sa.Column("key", TEXT, nullable=False, unique=True),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("author", TEXT),
        sa.Column("action", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("subject", TEXT, nullable=False),
        sa.Column("detail", TEXT, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_audit_subject", "audit", ["kind", "subject", "id"])
    for statement in _FOR_GOOD["postgresql" if on_postgresql else "sqlite"]:
        op.execute(statement)
    op.execute(_v_incident(postgresql=on_postgresql))


_REFUSED = "rows of the audit are never changed"
_RAISE = f"BEGIN RAISE '{_REFUSED}'; END"
_FOR_GOOD = {
    "sqlite": [
        f"CREATE TRIGGER audit_{what.lower()} BEFORE {what} ON audit BEGIN SELECT RAISE(ABORT, '{_REFUSED}'); END"
        for what in ("UPDATE", "DELETE")
    ],
    "postgresql": [
        f"CREATE OR REPLACE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ {_RAISE} $$",
        "CREATE TRIGGER audit_refuse BEFORE UPDATE OR DELETE ON audit FOR EACH ROW EXECUTE FUNCTION audit_refuse()",
    ],
}


def _v_incident(*, postgresql: bool) -> str:
    """One row an announced incident, each attribute of its scope a column; `minutes` until now while it lasts.

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
    minutes = f"round((coalesce(resolved_at, {now}) - opened_at) / 60000.0, 1)"
    columns = ("opened_at", "fired_at", "paged_at", "called_again_at", "resolved_at")
    times = [f"{time.format(name)} AS {name}" for name in columns]
    by, until = inside.format("acknowledgement", "author"), number.format("acknowledgement", "until")
    return f"""
        CREATE VIEW v_incident AS
        SELECT id, kind, status, severity, pages, {", ".join(attributes)}, {", ".join(times)}, {minutes} AS minutes,
            terminals, suppressed_by, {by} AS acknowledged_by, {time.format(until)} AS acknowledged_until
        FROM incident
    """  # noqa: S608 - nothing in it is from outside
