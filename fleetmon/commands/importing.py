"""`fleetmon import`: exit status 0 all taken, 1 some kept aside or not stored yet, 2 nothing done."""

import json
import os
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from fleetmon import config, imports
from fleetmon.commands.conduct import ConfigFile, plain_errors
from fleetmon.ingest.files import mapping


def import_files(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="CSV or camt XML, also in .gz or .zip.")],
    *,
    preset: Annotated[
        str | None,
        typer.Option(help=f"Kind of the CSV files: {', '.join(mapping.PRESETS)}; default: the one that fits."),
    ] = None,
    mapping_file: Annotated[
        Path | None, typer.Option("--mapping", help="The columns of the CSV files, in YAML.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would happen; write and publish nothing.")
    ] = False,
    date: Annotated[
        str | None, typer.Option(metavar="YYYY-MM-DD", help="Take only this business (CSV) or booking (XML) date.")
    ] = None,
    currency: Annotated[str, typer.Option(help="The currency of the fleet; other rows are kept aside.")] = "CNY",
    aside: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where rejected rows go; default: beside their file.")
    ] = None,
    form: Annotated[Literal["text", "json"], typer.Option("--format", help="Form of the summary.")] = "text",
    config_file: ConfigFile = Path("config/fleetmon.yml"),
) -> None:
    """Import settlement files and bank statements: exit status 0 all taken, 1 some kept aside, 2 nothing done."""
    if preset is not None and mapping_file is not None:
        raise typer.BadParameter("--preset and --mapping exclude each other")
    with plain_errors(2):
        columns = mapping.preset(preset) if preset else mapping.load(mapping_file) if mapping_file else None
        request = imports.Request(
            files, columns, dry_run=dry_run, date=date, currency=currency, folder=aside and aside.resolve()
        )
        report = imports.run(config.load(config_file, os.environ), request, _show_step)
    if sys.stderr.isatty():
        typer.echo("\r\033[K", err=True, nl=False)
    typer.echo(json.dumps(report.summary(), ensure_ascii=False) if form == "json" else "\n".join(report.lines()))
    raise typer.Exit(report.status)


def _show_step(what: str, done: int) -> None:
    """One line that is written over, on a terminal only."""
    if sys.stderr.isatty():
        typer.echo(f"\r\033[K{what}: {done}", err=True, nl=False)
