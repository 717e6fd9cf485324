"""What Alembic runs to migrate: the connection, and its transaction, come from `migrate.py`."""

from alembic import context

context.configure(connection=context.config.attributes["connection"])
context.run_migrations()
