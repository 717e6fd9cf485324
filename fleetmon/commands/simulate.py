"""`fleetmon simulate`: a fleet on a broker, or a recording of one in virtual time."""

import os
import sys
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from fleetmon import config
from fleetmon.commands.conduct import Prefix, plain_errors, run_until_signal
from fleetmon.model.registry import Registry
from fleetmon.model.topics import DEFAULT_PREFIX
from fleetmon.sim import corpus as corpora
from fleetmon.sim import habits as manners
from fleetmon.sim import recorder
from fleetmon.sim import scenario as scenarios
from fleetmon.sim import truth as truths
from fleetmon.sim.settings import SimSettings
from fleetmon.sim.simulator import Progress
from fleetmon.sim.simulator import simulate as play
from fleetmon.sim.synthesis import synthesise


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
        broker = SimSettings(host, port, prefix, username, os.environ.get("FLEETMON_SIM_PASSWORD"))
        settings = msgspec.structs.replace(broker, speed=speed, seed=seed, sales_per_hour=sales_per_hour, habits=manner)
        if record is None:
            run_until_signal(play(fleet, tale, settings, _show_progress))
        else:
            _record(fleet, tale, settings, start, record, truth)


def _record(
    fleet: Registry, tale: scenarios.Scenario, settings: SimSettings, start: int, record: Path, truth: Path | None
) -> None:
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
