"""The commands. Exit status: 0 done, 1 something is wrong with what was given or found, 2 wrong usage."""

import asyncio
import contextlib
import gc
import json
import os
import signal
import sys
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import typer

from fleetmon import __version__, config, logs
from fleetmon.app import Daemon
from fleetmon.demo.demo import demo as show
from fleetmon.ingest import recording
from fleetmon.model import asyncapi
from fleetmon.model.errors import ConfigError, SinkError, StoreError
from fleetmon.model.topics import DEFAULT_PREFIX, Topics
from fleetmon.replay import replay as replay_lines
from fleetmon.sim import habits as manners
from fleetmon.sim import recorder
from fleetmon.sim import scenario as scenarios
from fleetmon.sim import truth as truths
from fleetmon.sim.settings import SimSettings
from fleetmon.sim.simulator import Progress
from fleetmon.sim.simulator import simulate as play
from fleetmon.sim.synthesis import synthesise
from fleetmon.store import backup, check

cli = typer.Typer(
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    help="Watch a fleet of card terminals and explain why settlements are late.",
)
store_cli = typer.Typer(no_args_is_help=True, help="Back up and check the store.")
cli.add_typer(store_cli, name="store")
ConfigFile = Annotated[Path, typer.Option("--config.file", help="The configuration.", envvar="FLEETMON_CONFIG")]
Prefix = Annotated[str, typer.Option(help="MQTT topic prefix.")]


def main() -> None:
    """Entry point of the `fleetmon` command."""
    cli(prog_name="fleetmon")


@contextlib.contextmanager
def plain_errors() -> Iterator[None]:
    """What is wrong, one line each, and exit status 1; a traceback is for our own faults only."""
    try:
        yield
    except ConfigError as error:
        for problem in error.problems:
            typer.echo(f"fleetmon: {problem}", err=True)
        raise typer.Exit(1) from None
    except (StoreError, SinkError) as error:
        typer.echo(f"fleetmon: {error}", err=True)
        raise typer.Exit(1) from None


def run_until_signal(
    work: Coroutine[Any, Any, object], on_hangup: Callable[[], Coroutine[Any, Any, None]] | None = None
) -> None:
    """Run until done, or until SIGINT or SIGTERM; either way everything is closed in order. SIGHUP reloads."""

    async def hangup() -> None:
        with contextlib.suppress(ConfigError):  # which is logged, and the old configuration stays
            if on_hangup is not None:
                await on_hangup()

    async def guarded() -> None:
        task = asyncio.ensure_future(work)
        loop = asyncio.get_running_loop()
        hangups: set[asyncio.Task[None]] = set()
        if on_hangup is not None:
            loop.add_signal_handler(signal.SIGHUP, lambda: hangups.add(asyncio.ensure_future(hangup())))
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, task.cancel)
        with contextlib.suppress(asyncio.CancelledError):
            await task

    asyncio.run(guarded())


@cli.callback(invoke_without_command=True)
def root(*, version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    """Print the version, if that was asked."""
    if version:
        typer.echo(f"fleetmon {__version__}")
        raise typer.Exit


@cli.command()
def run(config_file: ConfigFile = Path("config/fleetmon.yml")) -> None:
    """Run the daemon until SIGTERM."""
    with plain_errors():
        gc.disable()  # nearly all that is read at the start stays; the daemon turns it on again when all is there
        loaded = config.load(config_file, os.environ)
        logs.configure(loaded.config.log)
        daemon = Daemon(loaded, reread=lambda: config.load(config_file, os.environ))
        del loaded  # a million rows of the registry, which the engine has taken over
        run_until_signal(daemon.run(), daemon.reload)


@cli.command()
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


@cli.command()
def simulate(
    *,
    terminals: Annotated[int, typer.Option(min=1, help="Size of the made-up fleet.")] = 100,
    registry: Annotated[Path | None, typer.Option(help="Play this fleet instead.")] = None,
    scenario: Annotated[Path | None, typer.Option(help="What happens; default: nothing, for an hour.")] = None,
    speed: Annotated[float, typer.Option(min=0.01, max=1000, help="How much faster scenario time passes.")] = 1.0,
    interval_s: Annotated[int, typer.Option(min=1, help="Heartbeat interval of the made-up fleet.")] = 60,
    seed: Annotated[int, typer.Option(help="The same seed gives the same fleet and habits.")] = 1,
    host: Annotated[str, typer.Option(help="The broker.")] = "localhost",
    port: Annotated[int, typer.Option(min=1, max=65535)] = 1883,
    username: Annotated[str | None, typer.Option(help="Password: FLEETMON_SIM_PASSWORD.")] = None,
    habits: Annotated[
        str, typer.Option(metavar="quiet|real|FILE", help="How true to life; `real` shops open and close.")
    ] = "quiet",
    sales_per_hour: Annotated[float, typer.Option(min=0, max=3600, help="By each terminal, on average.")] = 12.0,
    write_registry: Annotated[
        Path | None, typer.Option(help="Write the fleet's registry there; without --record that is all.")
    ] = None,
    record: Annotated[
        Path | None, typer.Option(help="Write a recording (.gz, .zst) in virtual time; no broker is needed.")
    ] = None,
    truth: Annotated[Path | None, typer.Option(help="Write what a replay of the recording has to find.")] = None,
    start: Annotated[int, typer.Option(help="When the recording starts, in ms since 1970.")] = recorder.START,
    prefix: Prefix = DEFAULT_PREFIX,
) -> None:
    """Simulate a fleet: real MQTT clients with wills and clocks of their own; above 2,000 they share connections."""
    if truth is not None and record is None:
        raise typer.BadParameter("the truth is about a recording: add --record")
    with plain_errors():
        manner = manners.PRESETS.get(habits) or manners.load(Path(habits))
        made_up = synthesise(terminals, seed, interval_s, hours=manner.shops.kept)
        fleet = config.load_registry(registry) if registry else made_up
        if write_registry is not None:
            write_registry.write_bytes(msgspec.yaml.encode(fleet))
            typer.echo(f"{write_registry}: {len(fleet.terminals)} terminals")
            if record is None:
                return
        tale = scenarios.load(scenario) if scenario else scenarios.Scenario("quiet", 3600.0)
        password = os.environ.get("FLEETMON_SIM_PASSWORD")
        settings = SimSettings(
            host=host,
            port=port,
            prefix=prefix,
            username=username,
            password=password,
            speed=speed,
            seed=seed,
            sales_per_hour=sales_per_hour,
            habits=manner,
        )
        if record is None:
            run_until_signal(play(fleet, tale, settings, _show_progress))
            return
        recorded = recorder.record(fleet, tale, settings, start, record)
        typer.echo(f"{record}: {recorded.messages} messages, {recorded.progress.sales} sales, until {recorded.until}")
        if truth is not None:
            truths.write(truth, recorded, fleet, tale.duration_s)


def _show_progress(now: Progress) -> None:
    """One line that is written over on a terminal, one line a minute elsewhere."""
    text = (
        f"{now.elapsed_s:7.0f}/{now.duration_s:.0f} s  {now.connected}/{now.terminals} connected  "
        f"{now.messages} messages  {now.sales} sales  {now.stored} stored"
    )
    if sys.stderr.isatty():
        typer.echo(f"\r{text}", err=True, nl=False)
    elif int(now.elapsed_s) % 60 == 0:
        typer.echo(text, err=True)


@cli.command("check-config")
def check_config(file: Annotated[Path, typer.Argument(help="The configuration to check.")]) -> None:
    """Check a configuration and all files it names; print every problem with its path."""
    with plain_errors():
        loaded = config.load(file, os.environ)
        typer.echo(f"{file} is valid: {len(loaded.registry.terminals)} terminals registered")


@store_cli.command("backup")
def store_backup(
    file: Annotated[Path, typer.Argument(help="The copy; must not exist yet.")],
    config_file: ConfigFile = Path("config/fleetmon.yml"),
) -> None:
    """Copy the store, also while fleetmon runs (SQLite; of PostgreSQL it tells the pg_dump command)."""
    with plain_errors():
        backup(config.load(config_file, os.environ).config.store, file)
        typer.echo(f"{file}: done")


@store_cli.command("check")
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


@cli.command()
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


@cli.command()
def schema(
    what: Annotated[Literal["asyncapi", "json-schema"], typer.Argument()] = "asyncapi", prefix: Prefix = DEFAULT_PREFIX
) -> None:
    """Print the telemetry contract: an AsyncAPI 3 document, or the bare JSON Schemas."""
    if what == "asyncapi":
        document = asyncapi.document(Topics(prefix), __version__)
    else:
        document = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$defs": asyncapi.json_schemas()}
    typer.echo(json.dumps(document, indent=2, ensure_ascii=False))
