"""The tables. Times are integer milliseconds since 1970, amounts integer fen.

`fact` is the log of everything acknowledged, `incident` the current word on each announced incident,
`transition` the audit trail, `outbox` what people still have to be told, `snapshot` the soft state.
"""

import sqlalchemy as sa

metadata = sa.MetaData()
_Serial = sa.BigInteger().with_variant(sa.Integer, "sqlite")  # SQLite counts up only an INTEGER

fact = sa.Table(
    "fact",
    metadata,
    sa.Column("id", _Serial, primary_key=True),
    sa.Column("key", sa.Text, nullable=False, unique=True),  # the same for every repetition of a message
    sa.Column("received_at", sa.BigInteger, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),  # last level of the topic
    sa.Column("subject", sa.Text, nullable=False),  # terminal, host or merchant
    sa.Column("epoch", sa.Integer, nullable=False),
    sa.Column("retained", sa.Boolean, nullable=False),
    sa.Column("topic", sa.Text, nullable=False),
    sa.Column("payload", sa.LargeBinary, nullable=False),
    sqlite_autoincrement=True,
)

incident = sa.Table(
    "incident",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("scope", sa.Text, nullable=False),  # JSON: attribute -> value
    sa.Column("severity", sa.Text, nullable=False),
    sa.Column("pages", sa.Boolean, nullable=False),
    sa.Column("status", sa.Text, nullable=False, index=True),
    sa.Column("opened_at", sa.BigInteger, nullable=False),
    sa.Column("fired_at", sa.BigInteger, nullable=False),
    sa.Column("paged_at", sa.BigInteger),
    sa.Column("resolved_at", sa.BigInteger, index=True),
    sa.Column("terminals", sa.Integer, nullable=False),
    sa.Column("suppressed_by", sa.Text),
    sa.Column("evidence", sa.Text, nullable=False),  # JSON: list of ids
)

transition = sa.Table(
    "transition",
    metadata,
    sa.Column("id", _Serial, primary_key=True),
    sa.Column("incident_id", sa.Text, nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("before", sa.Text),
    sa.Column("after", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("terminals", sa.Integer, nullable=False),
    sa.UniqueConstraint("incident_id", "at", "after", "reason"),
)

outbox = sa.Table(
    "outbox",
    metadata,
    sa.Column("incident_id", sa.Text, primary_key=True),
    sa.Column("status", sa.Text, primary_key=True),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("delivered_at", sa.BigInteger),
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
    sa.Column("id", _Serial, primary_key=True),
    sa.Column("received_at", sa.BigInteger, nullable=False),
    sa.Column("topic", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("detail", sa.Text, nullable=False),
    sa.Column("size", sa.Integer, nullable=False),
    sa.Column("payload", sa.Text),
    sqlite_autoincrement=True,
)
