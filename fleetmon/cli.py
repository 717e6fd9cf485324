"""The commands. Exit status: 0 done, 1 something is wrong with what was given or found, 2 wrong usage."""

import asyncio
import contextlib
import gc
import json
import os
import signal
import sys
from collections.abc import Callable, Coroutine, Iterator
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import typer

from fleetmon import __version__, config, desk, imports, logs
from fleetmon.app import Daemon
from fleetmon.demo.demo import demo as show
from fleetmon.ingest import recording
from fleetmon.ingest.files import mapping
from fleetmon.model import asyncapi
from fleetmon.model.errors import ConfigError, SinkError, StoreError
from fleetmon.model.topics import DEFAULT_PREFIX, Topics
from fleetmon.replay import replay as replay_lines
from fleetmon.sim import corpus as corpora
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
incidents_cli = typer.Typer(no_args_is_help=True, help="What is wrong, and who sees to it, as a running daemon knows.")
cli.add_typer(incidents_cli, name="incidents")
maintenance_cli = typer.Typer(no_args_is_help=True, help="Planned work, as a running daemon knows it.")
cli.add_typer(maintenance_cli, name="maintenance")
ConfigFile = Annotated[Path, typer.Option("--config.file", help="The configuration.", envvar="FLEETMON_CONFIG")]
Prefix = Annotated[str, typer.Option(help="MQTT topic prefix.")]


def main() -> None:
    """Entry point of the `fleetmon` command."""
    cli(prog_name="fleetmon")


@contextlib.contextmanager
def plain_errors(status: int = 1) -> Iterator[None]:
    """What is wrong, one line each, and this exit status; a traceback is for our own faults only."""
    try:
        yield
    except ConfigError as error:
        for problem in error.problems:
            typer.echo(f"fleetmon: {problem}", err=True)
        raise typer.Exit(status) from None
    except (StoreError, SinkError) as error:
        typer.echo(f"fleetmon: {error}", err=True)
        raise typer.Exit(status) from None


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
        read = partial(config.load, config_file, os.environ, remember=True)
        loaded = read()
        logs.configure(loaded.config.log)
        daemon = Daemon(loaded, reread=read)
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
    corpus: Annotated[
        str | None,
        typer.Option(
            metavar="all|FAMILY,...",
            help=f"Record stories of late money instead, in fleets of their own: {', '.join(corpora.FAMILIES)}.",
        ),
    ] = None,
    prefix: Prefix = DEFAULT_PREFIX,
) -> None:
    """Simulate a fleet: real MQTT clients with wills and clocks of their own; above 2,000 they share connections."""
    if truth is not None and record is None:
        raise typer.BadParameter("the truth is about a recording: add --record")
    if corpus is not None:
        _record_corpus(corpus, seed, record, truth, write_registry)
        return
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


def _record_corpus(wanted: str, seed: int, record: Path | None, truth: Path | None, registry: Path | None) -> None:
    if record is None:
        raise typer.BadParameter("a corpus is recorded: add --record")
    with plain_errors():
        made = corpora.write(wanted, seed, record, truth, registry)
    told = made.truth
    typer.echo(f"{record}: {len(made.lines)} messages, {len(told['explanations'])} to explain, until {told['until']}")


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


cli.command()(plain_errors()(desk.explain))
incidents_cli.command("list")(plain_errors()(desk.incidents.listed))
incidents_cli.command("show")(plain_errors()(desk.incidents.shown))
incidents_cli.command("ack")(plain_errors()(desk.incidents.acknowledged))
incidents_cli.command("unack")(plain_errors()(desk.incidents.unacknowledged))
for _name, _command in (
    ("add", desk.maintenance.added),
    ("preview", desk.maintenance.previewed),
    ("list", desk.maintenance.listed),
    ("show", desk.maintenance.shown),
    ("approve", desk.maintenance.approved),
    ("end", desk.maintenance.ended),
    ("extend", desk.maintenance.extended),
    ("cancel", desk.maintenance.cancelled),
    ("import", desk.maintenance.imported),
    ("calendars", desk.maintenance.calendars),
    ("feed", desk.maintenance.fed),
):
    maintenance_cli.command(_name)(plain_errors()(_command))


@cli.command("import")
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
