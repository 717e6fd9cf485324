"""The schema of a database is brought to that of the code when it is opened, in one transaction.

Migrations are files of `migrations/versions`, run by Alembic without an ini file. A database that a newer
fleetmon has changed is refused: what the newer one knows, this one would destroy.
"""

from pathlib import Path
from typing import Final

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from fleetmon.model.errors import StoreError

READER: Final = "fleetmon_reader"
_FOLDER: Final = Path(__file__).parent / "migrations"


def upgrade(engine: sa.Engine) -> None:
    """Make the schema that of the code; raises StoreError when the database is ahead of it."""
    with engine.begin() as connection:
        if (problem := _encoding(connection) or ahead(connection)) is not None:
            raise StoreError(problem, retryable=False)
        if revision(connection) != newest():
            config = _config()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
        _let_read(connection)


def ahead(connection: sa.Connection) -> str | None:
    """Why the database is too new for this code, if it is."""
    found = revision(connection)
    if found is None or found in {script.revision for script in _scripts().walk_revisions()}:
        return None
    return (
        f"its schema {found} is of a newer fleetmon than this one, which knows up to {newest()}; "
        "run the newer fleetmon, or restore a backup from before its first start"
    )


def revision(connection: sa.Connection) -> str | None:
    """The schema of the database; None before the first migration."""
    return MigrationContext.configure(connection).get_current_revision()


def newest() -> str:
    """The schema of the code."""
    return str(_scripts().get_current_head())


def _encoding(connection: sa.Connection) -> str | None:
    """In any other encoding PostgreSQL would refuse some names, again and again."""
    if connection.dialect.name != "postgresql":
        return None
    found = connection.exec_driver_sql("SHOW server_encoding").scalar()
    return None if found == "UTF8" else f"its encoding is {found}; make the database with ENCODING 'UTF8'"


def _let_read(connection: sa.Connection) -> None:
    """Dashboards read the views by a role that an administrator has made; a view made anew forgets who may."""
    if connection.dialect.name != "postgresql":
        return
    if connection.exec_driver_sql(f"SELECT FROM pg_roles WHERE rolname = '{READER}'").first() is not None:
        views = ", ".join(sa.inspect(connection).get_view_names())
        connection.exec_driver_sql(f"GRANT SELECT ON {views} TO {READER}")


def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config())


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))  # it is an ini value
    return config
