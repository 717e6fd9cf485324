"""What a report asks of a span of time: who was up when, what was wrong, and whether anybody watched.

`Watch` is how fleetmon remembers that itself: an episode of its own, prolonged every half minute, so what lies
between two of them nobody watched; and what was sent is one, too, so that nothing is sent twice. They stand beside
the episodes of the fleet and go with them when they are too old.
Where it can be wrong: changes whose time is an hour older than that of changes stored before them are left out.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

import sqlalchemy as sa
from msgspec import Struct

from fleetmon.model.episode import Episode
from fleetmon.model.incident import Incident
from fleetmon.store import past, schema
from fleetmon.store.rows import ChangeRow, TerminalRow, episode_from, incident_from

WATCHED, SENT = "watched", "sent"
_LATE: Final = 3_600_000
_AT_ONCE: Final = 500  # ids in one condition
_UNSURE: Final = ("down", "suspect")


class Night(Struct, frozen=True):
    """Times in milliseconds."""

    counts: dict[tuple[str, str], int]  # terminals by provider and state, all of them
    rows: dict[str, TerminalRow]  # those that changed, are missed, or could not pay
    changes: list[ChangeRow]  # by terminal, in order of time
    incidents: list[Incident]  # that were not over before
    episodes: list[Episode]  # silences, and terminals alive that could not pay
    watched: list[tuple[int, int]]


class Watch(NamedTuple):
    """What we did ourselves, as an episode."""

    kind: str
    begin: int
    end: int
    code: str = ""

    @property
    def episode(self) -> Episode:
        """To be submitted as `Work.episodes`."""
        return Episode(self.kind, past.OURS, self.begin, self.end, self.code)


def night(connection: sa.Connection, begin: int, end: int) -> Night:
    """All of it."""
    terminal, change = schema.terminal, schema.terminal_change
    first = past.before(connection, begin - _LATE, change.c.at)
    recent = (change.c.id > first) & (change.c.at >= begin) & (change.c.at < end)
    grouped = sa.select(terminal.c.provider, terminal.c.state, sa.func.count()).group_by(
        terminal.c.provider, terminal.c.state
    )
    moved = sa.select(change.c.terminal).where(recent)
    columns = [terminal.c[name] for name in TerminalRow.__struct_fields__]
    rows = sa.select(*columns).where(terminal.c.id.in_(moved) | terminal.c.state.in_(_UNSURE))
    episodes = _episodes(connection, ("silent", "not_paying"), begin)
    idle = [one.topic.split("/")[1] for one in episodes if one.kind == "not_paying"]
    others = [
        row
        for start in range(0, len(idle), _AT_ONCE)
        for row in connection.execute(sa.select(*columns).where(terminal.c.id.in_(idle[start : start + _AT_ONCE])))
    ]
    changes = sa.select(change).where(recent).order_by(change.c.terminal, change.c.at, change.c.id)
    return Night(
        {(provider, state): count for provider, state, count in connection.execute(grouped)},
        {row.id: TerminalRow(*row) for row in (*connection.execute(rows).all(), *others)},
        [ChangeRow(*row) for row in connection.execute(changes).all()],
        _incidents(connection, begin, end),
        episodes,
        _watched(connection, begin),
    )


def _watched(connection: sa.Connection, begin: int) -> list[tuple[int, int]]:
    """When we watched, and the end of the time before that."""
    found = [(one.begin, one.end) for one in _episodes(connection, (WATCHED,), begin) if one.topic == past.OURS]
    before = _last_watched(connection, found[0][0]) if found else 0
    return [(before, before), *found] if before else found


def _last_watched(connection: sa.Connection, before: int) -> int:
    """When we were last known to watch, before this time; 0: never."""
    table = schema.episode
    ours = (table.c.topic == past.OURS) & (table.c.kind == WATCHED) & (table.c.began < before)
    return connection.scalar(sa.select(sa.func.max(table.c.ended)).where(ours)) or 0


def is_sent(connection: sa.Connection, name: str) -> bool:
    """Whether the report of this name was sent."""
    table = schema.episode
    ours = (table.c.topic == past.OURS) & (table.c.kind == SENT) & (table.c.code == name)
    return connection.scalar(sa.select(sa.func.count()).select_from(table).where(ours)) != 0


def _incidents(connection: sa.Connection, begin: int, end: int) -> list[Incident]:
    table = schema.incident
    open_ = table.c.resolved_at.is_(None) | (table.c.resolved_at >= begin)
    query = sa.select(table).where(open_, table.c.opened_at <= end).order_by(table.c.opened_at, table.c.id)
    return [incident_from(row) for row in connection.execute(query)]


def _episodes(connection: sa.Connection, kinds: Sequence[str], begin: int) -> list[Episode]:
    table = schema.episode
    lasting = table.c.ended.is_(None) | (table.c.ended >= begin)
    query = sa.select(table).where(lasting, table.c.kind.in_(kinds)).order_by(*table.primary_key)
    return [episode_from(row) for row in connection.execute(query)]
