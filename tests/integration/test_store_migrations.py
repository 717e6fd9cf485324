"""Migrations make the tables that the code speaks of, on both databases, from every earlier state."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from fleetmon.model.errors import StoreError
from fleetmon.store import Store, StoreSettings, address, check, migrate, schema


@pytest.fixture
def engine(settings: StoreSettings) -> Iterator[sa.Engine]:
    made = address.connect(settings, None)
    yield made
    made.dispose()


def change(engine: sa.Engine, *statements: str) -> None:
    with engine.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


def difference(engine: sa.Engine) -> list[Any]:
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        return list(compare_metadata(context, schema.metadata))


def test_the_migrations_make_the_tables_of_the_code(settings: StoreSettings, engine: sa.Engine) -> None:
    for _ in range(2):  # the second opening finds nothing to do
        Store(settings).close()
        assert difference(engine) == []
    assert check(settings) == []


def test_the_comparison_sees_a_difference(settings: StoreSettings, engine: sa.Engine) -> None:
    Store(settings).close()
    change(engine, "DROP INDEX ix_incident_status", "ALTER TABLE fact ADD COLUMN more integer")
    assert {found[0] for found in difference(engine)} == {"add_index", "remove_column"}


def test_a_database_from_before_the_migrations_is_adopted(settings: StoreSettings, engine: sa.Engine) -> None:
    Store(settings).close()
    change(
        engine,
        "DROP TABLE notice", "DROP VIEW v_window", 'DROP TABLE "window"',
        "DROP VIEW v_settlement_late", "DROP TABLE settlement", "DROP TABLE episode", "DROP INDEX ix_fact_notice",
        "DROP VIEW v_incident", "DROP VIEW v_terminal", "DROP TABLE terminal", "DROP TABLE terminal_change",
        "DROP INDEX ix_incident_opened_at", "DROP TABLE audit", "DROP TABLE schedule", "DROP TABLE alembic_version",
        "ALTER TABLE incident DROP COLUMN acknowledgement", "ALTER TABLE incident DROP COLUMN called_again_at",
        "ALTER TABLE incident DROP COLUMN alternatives", "ALTER TABLE incident DROP COLUMN silent_since",
        "ALTER TABLE incident DROP COLUMN owner", "ALTER TABLE incident DROP COLUMN failing",
        "INSERT INTO outbox (incident_id, status, at) VALUES ('i', 'firing', 5)",
    )  # fmt: skip
    assert check(settings) == [
        "its schema is from before there were migrations; start this fleetmon once to bring it up"
    ]
    store = Store(settings)
    assert store.undelivered() == [("i", "firing", 5)]
    store.close()
    assert difference(engine) == []


def test_a_migration_that_fails_leaves_everything_as_it_was(settings: StoreSettings, engine: sa.Engine) -> None:
    change(engine, "CREATE TABLE terminal_change (id integer)")  # in the way of the second migration
    with pytest.raises(StoreError, match=r"store\.url .*terminal_change.* already exists"):
        Store(settings)
    assert sa.inspect(engine).get_table_names() == ["terminal_change"]
    change(engine, "DROP TABLE terminal_change")
    Store(settings).close()
    assert difference(engine) == []


def test_a_newer_database_is_refused_and_left_alone(settings: StoreSettings, engine: sa.Engine) -> None:
    Store(settings).close()
    change(engine, "UPDATE alembic_version SET version_num = '9999'")
    wanted = (
        rf"store\.url .*: its schema 9999 is of a newer fleetmon than this one, .* {migrate.newest()}; run the newer"
    )
    with pytest.raises(StoreError, match=wanted):
        Store(settings)
    assert "its schema 9999 is of a newer fleetmon" in check(settings)[0]


@pytest.mark.parametrize("read", [Store, check])
def test_what_cannot_be_opened_is_named(read: Callable[[StoreSettings], object], settings: StoreSettings) -> None:
    away = StoreSettings(settings.url + "-none/x" if settings.file else settings.url + "-none")
    if settings.file:
        settings.file.with_name("fleetmon.db-none").write_text("in the way")
    with pytest.raises(StoreError, match=r"store\.url .*; (check|nothing to check)"):
        read(away)
