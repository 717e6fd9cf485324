"""`fleetmon store`: what an operator does with a store, whether a daemon runs on it or not."""

import os
from pathlib import Path
from typing import Annotated

import typer

from fleetmon import config
from fleetmon.commands.conduct import ConfigFile, plain_errors
from fleetmon.commands.manual import PAGES
from fleetmon.store import backup, check

store = typer.Typer(no_args_is_help=True, help="Back up and check the store.", epilog=PAGES["store"])


@store.command("backup", epilog=PAGES["store backup"])
def store_backup(
    file: Annotated[Path, typer.Argument(help="The copy; must not exist yet.")],
    config_file: ConfigFile = Path("config/fleetmon.yml"),
) -> None:
    """Copy the store, also while fleetmon runs (SQLite; of PostgreSQL it tells the pg_dump command)."""
    with plain_errors():
        backup(config.load(config_file, os.environ).config.store, file)
        typer.echo(f"{file}: done")


@store.command("check", epilog=PAGES["store check"])
def store_check(config_file: ConfigFile = Path("config/fleetmon.yml")) -> None:
    """Check that the store is whole; print every problem, exit status 1 if there is one."""
    with plain_errors():
        loaded = config.load(config_file, os.environ)
        problems = check(loaded.config.store, loaded.store_password)
        for problem in problems:
            typer.echo(problem)
        if problems:
            raise typer.Exit(1)
        typer.echo("the store is whole")
