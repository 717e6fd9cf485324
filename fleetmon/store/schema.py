"""The tables as the code sees them. Times are integer milliseconds since 1970, amounts integer fen.

`fact` is the log of everything acknowledged, `incident` the current word on each announced incident, `transition` how
it went, `audit` what people changed (rows are only ever added), `outbox` what people still have to be told, `notice`
the same for each direct route, `snapshot` the soft state, `terminal` the fleet as it is known now, `terminal_change`
how its liveness went, `episode` what was unusual about terminals, hosts and merchants, `settlement` the money of each
merchant and business date, `schedule` what is planned, in all versions, `window` when planned work is.
The tables are made by the migrations; a test proves that both say the same.
"""

from typing import Any

import sqlalchemy as sa

metadata = sa.MetaData()
NOTICES = sa.text("kind = 'Notice'")  # spelled out, as no database knows what a parameter will be
LATE = sa.text("overdue_count > 0")
UNTOLD = sa.text("told_at IS NULL")
Serial = sa.BigInteger().with_variant(sa.Integer, "sqlite")  # SQLite counts up only an INTEGER


class Text(sa.TypeDecorator[str]):
    """Text that sorts by code point on both databases, as Python does, and holds no NUL.

    PostgreSQL takes no NUL, and a terminal may send one: a row that can never be written must not stop the rest.
    """

    impl = sa.Text
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> sa.types.TypeEngine[Any]:
        """PostgreSQL would sort by the language of the database."""
        return sa.Text(collation="C" if dialect.name == "postgresql" else None)

    def process_bind_param(self, value: str | None, dialect: sa.Dialect) -> str | None:  # noqa: ARG002
        """What is written."""
        return value.replace("\0", "\ufffd") if value is not None and "\0" in value else value


fact = sa.Table(
    "fact",
    metadata,
    sa.Column("id", Serial, primary_key=True),
    sa.Column("key", Text, nullable=False, unique=True),  # the same for every repetition of a message
    sa.Column("received_at", sa.BigInteger, nullable=False),
    sa.Column("kind", Text, nullable=False),  # name of the event, as in the wire contract
    sa.Column("subject", Text, nullable=False),  # terminal, host or merchant
    sa.Column("epoch", sa.Integer, nullable=False),
    sa.Column("retained", sa.Boolean, nullable=False),
    sa.Column("topic", Text, nullable=False),
    sa.Column("payload", sa.LargeBinary, nullable=False),
    sa.Index("ix_fact_notice", "id", sqlite_where=NOTICES, postgresql_where=NOTICES),  # a few, wanted at a start
    sqlite_autoincrement=True,  # ids never come back, or a snapshot's note of the last fact would lie
)

incident = sa.Table(
    "incident",
    metadata,
    sa.Column("id", Text, primary_key=True),
    sa.Column("kind", Text, nullable=False),
    sa.Column("scope", Text, nullable=False),  # JSON: attribute -> value
    sa.Column("severity", Text, nullable=False),
    sa.Column("pages", sa.Boolean, nullable=False),
    sa.Column("status", Text, nullable=False, index=True),
    sa.Column("opened_at", sa.BigInteger, nullable=False, index=True),
    sa.Column("fired_at", sa.BigInteger, nullable=False),
    sa.Column("paged_at", sa.BigInteger),
    sa.Column("resolved_at", sa.BigInteger, index=True),
    sa.Column("terminals", sa.Integer, nullable=False),
    sa.Column("suppressed_by", Text),
    sa.Column("evidence", Text, nullable=False),  # JSON: list of ids
    sa.Column("alternatives", Text, nullable=False, server_default="[]"),  # JSON: list of [list of scopes, share]
    sa.Column("silent_since", sa.BigInteger),  # of a shared outage: when those it took fell silent
    sa.Column("failing", Text),  # JSON; of a host's outage: how it fails
    sa.Column("acknowledgement", Text),  # JSON
    sa.Column("called_again_at", sa.BigInteger),
    sa.Column("owner", Text),  # to whom all its terminals belonged when people were called; '' for no single one
)

transition = sa.Table(
    "transition",
    metadata,
    sa.Column("id", Serial, primary_key=True),
    sa.Column("incident_id", Text, nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("before", Text),
    sa.Column("after", Text, nullable=False),
    sa.Column("reason", Text, nullable=False),
    sa.Column("terminals", sa.Integer, nullable=False),
    sa.UniqueConstraint("incident_id", "at", "after", "reason"),
)

audit = sa.Table(
    "audit",
    metadata,
    sa.Column("id", Serial, primary_key=True),
    sa.Column("key", Text, nullable=False, unique=True),  # the same when the same change is written again
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("author", Text),  # empty: fleetmon by itself
    sa.Column("action", Text, nullable=False),
    sa.Column("kind", Text, nullable=False),  # of the subject
    sa.Column("subject", Text, nullable=False),
    sa.Column("detail", Text, nullable=False),  # JSON
    sa.Index("ix_audit_subject", "kind", "subject", "id"),
    sqlite_autoincrement=True,
)

outbox = sa.Table(
    "outbox",
    metadata,
    sa.Column("incident_id", Text, primary_key=True),
    sa.Column("status", Text, primary_key=True),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("delivered_at", sa.BigInteger),
)

notice = sa.Table(
    "notice",
    metadata,
    sa.Column("route", Text, primary_key=True),
    sa.Column("subject", Text, primary_key=True),  # id of an incident, a window or a document
    sa.Column("word", Text, primary_key=True),  # what is said of it
    sa.Column("at", sa.BigInteger, nullable=False, index=True),
    sa.Column("body", Text, nullable=False),  # JSON: the whole notice
    sa.Column("told_at", sa.BigInteger),
    sa.Index("ix_notice_untold", "route", "at", sqlite_where=UNTOLD, postgresql_where=UNTOLD),
    sqlite_with_rowid=False,
)

snapshot = sa.Table(
    "snapshot",
    metadata,
    sa.Column("partition", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("fact_id", sa.BigInteger, nullable=False),  # facts up to this one are contained
    sa.Column("records", sa.LargeBinary, nullable=False),  # msgpack of TerminalRecords
)

quarantine = sa.Table(
    "quarantine",
    metadata,
    sa.Column("id", Serial, primary_key=True),
    sa.Column("received_at", sa.BigInteger, nullable=False),
    sa.Column("topic", Text, nullable=False),
    sa.Column("reason", Text, nullable=False),
    sa.Column("detail", Text, nullable=False),
    sa.Column("size", sa.Integer, nullable=False),
    sa.Column("payload", Text),
    sqlite_autoincrement=True,
)

terminal = sa.Table(
    "terminal",
    metadata,
    sa.Column("id", Text, primary_key=True),
    sa.Column("merchant", Text, nullable=False),
    sa.Column("site", Text, nullable=False),
    sa.Column("region", Text, nullable=False),
    sa.Column("carrier", Text, nullable=False),
    sa.Column("acquirer", Text, nullable=False),
    sa.Column("provider", Text, nullable=False),
    sa.Column("model", Text, nullable=False),
    sa.Column("firmware", Text, nullable=False),
    sa.Column("network", Text, nullable=False),
    sa.Column("registered", sa.Boolean, nullable=False),
    sa.Column("state", Text, nullable=False),  # liveness: never_seen, up, suspect, down, asleep
    sa.Column("since", sa.BigInteger, nullable=False),  # of the state; 0 before the first
    sa.Index("ix_terminal_state", "state", "id"),
    sa.Index("ix_terminal_provider", "provider", "id"),
    sqlite_with_rowid=False,  # one look-up by id instead of two
)

terminal_change = sa.Table(
    "terminal_change",
    metadata,
    sa.Column("id", Serial, primary_key=True),
    sa.Column("terminal", Text, nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("before", Text, nullable=False),
    sa.Column("after", Text, nullable=False),
    sa.UniqueConstraint("terminal", "at", "before", "after"),
    sqlite_autoincrement=True,
)

episode = sa.Table(
    "episode",
    metadata,
    sa.Column("topic", Text, primary_key=True),  # below the prefix
    sa.Column("kind", Text, primary_key=True),
    sa.Column("code", Text, primary_key=True),
    sa.Column("began", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("ended", sa.BigInteger, index=True),  # empty while it lasts
    sa.Column("count", sa.BigInteger, nullable=False),
    sa.Column("worst", sa.Double, nullable=False),
    sqlite_with_rowid=False,
)

settlement = sa.Table(
    "settlement",
    metadata,
    sa.Column("merchant", Text, primary_key=True),
    sa.Column("business_date", Text, primary_key=True),
    sa.Column("acquirer", Text, nullable=False),
    sa.Column("cause", Text, nullable=False),  # of what is overdue
    sa.Column("due_at", sa.BigInteger, nullable=False, index=True),
    sa.Column("expected_count", sa.Integer, nullable=False),
    sa.Column("expected", sa.BigInteger, nullable=False),
    sa.Column("paid_count", sa.Integer, nullable=False),
    sa.Column("paid", sa.BigInteger, nullable=False),
    sa.Column("overdue_count", sa.Integer, nullable=False),
    sa.Column("overdue", sa.BigInteger, nullable=False),
    sa.Column("at_risk_count", sa.Integer, nullable=False),
    sa.Column("at_risk", sa.BigInteger, nullable=False),
    sa.Column("updated_at", sa.BigInteger, nullable=False),
    sa.Index("ix_settlement_late", "due_at", sqlite_where=LATE, postgresql_where=LATE),
    sqlite_with_rowid=False,
)

window = sa.Table(
    "window",
    metadata,
    sa.Column("id", Text, primary_key=True),
    sa.Column("starts_at", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("ends_at", sa.BigInteger, nullable=False, index=True),
    sa.Column("provenance", Text, nullable=False),
    sa.Column("owner", Text, nullable=False),
    sa.Column("host", Text, nullable=False),
    sa.Column("reason", Text, nullable=False),
    sa.Column("selector", Text, nullable=False),  # JSON
    sa.Column("cancelled", sa.Boolean, nullable=False),
    sa.Column("flexible_ms", sa.BigInteger),  # how long flexible work lasts, once it
    sa.Column("begun_at", sa.BigInteger),  # has begun, and when
    sa.Column("stopped_at", sa.BigInteger),  # somebody put an end to it
    sqlite_with_rowid=False,
)

schedule = sa.Table(
    "schedule",
    metadata,
    sa.Column("id", Text, primary_key=True),
    sa.Column("version", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("since", sa.BigInteger, nullable=False),
    sa.Column("over_at", sa.BigInteger, index=True),  # all its times are over, or a later version came; empty: never
    sa.Column("state", Text, nullable=False),
    sa.Column("author", Text, nullable=False),
    sa.Column("calendar", Text, nullable=False),
    sa.Column("reference", Text, nullable=False),
    sa.Column("body", Text, nullable=False),  # JSON: the whole entry
    sqlite_with_rowid=False,
)
