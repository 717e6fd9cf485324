"""The commands. Exit status: 0 done, 1 something is wrong with what was given or found, 2 wrong usage."""

import gc
import json
import os
import sys
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import msgspec
import typer

from fleetmon import __version__, config, desk, logs
from fleetmon.app import Daemon
from fleetmon.commands import manual
from fleetmon.commands.conduct import ConfigFile, Prefix, plain_errors, run_until_signal
from fleetmon.commands.files import files
from fleetmon.commands.importing import import_files
from fleetmon.commands.incidents import incidents
from fleetmon.commands.maintenance import maintenance
from fleetmon.commands.manual import PAGES
from fleetmon.commands.notify import notify
from fleetmon.commands.simulate import simulate
from fleetmon.commands.store import store
from fleetmon.commands.usage import Commands
from fleetmon.demo.demo import demo as show
from fleetmon.dispatch import couriers
from fleetmon.ingest import recording
from fleetmon.model import asyncapi
from fleetmon.model.topics import DEFAULT_PREFIX, Topics
from fleetmon.replay import replay as replay_lines
from fleetmon.supervision import Supervision

cli = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    help="Watch a fleet of card terminals and explain why settlements are late.",
    epilog=manual.ROOT,
)
cli.add_typer(incidents, name="incidents")
cli.add_typer(maintenance, name="maintenance")
cli.add_typer(store, name="store")


def main() -> None:
    """Entry point of the `fleetmon` command."""
    cli(prog_name="fleetmon")


@cli.callback(invoke_without_command=True)
def root(*, version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    """Print the version, if that was asked."""
    if version:
        typer.echo(f"fleetmon {__version__}")
        raise typer.Exit


@cli.command(epilog=PAGES["run"])
def run(config_file: ConfigFile = Path("config/fleetmon.yml")) -> None:
    """Run the daemon until SIGTERM."""
    with plain_errors():
        gc.disable()  # nearly all that is read at the start stays; the daemon turns it on again when all is there
        read = partial(config.load, config_file, os.environ, remember=True)
        loaded = read()
        logs.configure(loaded.config.log)
        daemon = Daemon(loaded, reread=read, supervision=Supervision(os.environ))
        del loaded  # a million rows of the registry, which the engine has taken over
        run_until_signal(daemon.run(), daemon.reload)


@cli.command(epilog=PAGES["demo"])
def demo(
    *,
    stack: Annotated[
        Path | None, typer.Option(metavar="DEPLOY", help="Add Prometheus and Alertmanager, wired by this folder.")
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="End when the story is told.")] = False,
) -> None:
    """Watch a simulated fleet live through a carrier outage; Ctrl-C stops everything."""
    with plain_errors():
        logs.configure(config.LogSettings(level="warning"))
        run_until_signal(show(stack and stack.resolve(), typer.echo, once=once))


cli.command(epilog=PAGES["simulate"])(simulate)


@cli.command("check-config", epilog=PAGES["check-config"])
def check_config(file: Annotated[Path, typer.Argument(help="The configuration to check.")]) -> None:
    """Check a configuration and all files it names; print every problem with its path."""
    with plain_errors():
        loaded = config.load(file, os.environ)
        couriers(loaded)
        typer.echo(f"{file} is valid: {len(loaded.registry.terminals)} terminals registered")


cli.command(epilog=PAGES["notify"])(notify)


@cli.command(epilog=PAGES["replay"])
def replay(
    file: Annotated[Path, typer.Argument(metavar="RECORDING", help="NDJSON, also .gz or .zst.")],
    registry: Annotated[Path, typer.Option(help="The registry of the fleet.")],
    until: Annotated[int | None, typer.Option(help="Milliseconds since 1970; default: the last line.")] = None,
    form: Annotated[Literal["json"], typer.Option("--format", help="Form of the output.")] = "json",  # noqa: ARG001
    prefix: Prefix = DEFAULT_PREFIX,
) -> None:
    """Feed a recording through the engine on virtual time and print incidents, pages and explanations."""
    with plain_errors():
        found = replay_lines(recording.read(file), config.load_registry(registry), until, Topics(prefix))
    sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(found), indent=1) + b"\n")


cli.command(epilog=PAGES["explain"])(plain_errors()(desk.explain))
cli.command(epilog=PAGES["report"])(plain_errors()(desk.report))
cli.command("import", epilog=PAGES["import"])(import_files)
cli.command(epilog=PAGES["files"])(files)


@cli.command(epilog=PAGES["schema"])
def schema(
    what: Annotated[Literal["asyncapi", "json-schema"], typer.Argument()] = "asyncapi", prefix: Prefix = DEFAULT_PREFIX
) -> None:
    """Print the telemetry contract: an AsyncAPI 3 document, or the bare JSON Schemas."""
    if what == "asyncapi":
        document = asyncapi.document(Topics(prefix), __version__)
    else:
        document = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$defs": asyncapi.json_schemas()}
    typer.echo(json.dumps(document, indent=2, ensure_ascii=False))
