"""`fleetmon notify`: whether a message arrives, before one has to."""

import asyncio
import os
import time
from pathlib import Path
from typing import Annotated

import typer

from fleetmon import config
from fleetmon.commands.conduct import ConfigFile, plain_errors
from fleetmon.dispatch import couriers
from fleetmon.model.errors import SinkError
from fleetmon.sinks import wording
from fleetmon.sinks.message import Message
from fleetmon.sinks.route import Carrier


def notify(
    route: Annotated[str | None, typer.Argument(help="A route of `notices`; left out: all of them.")] = None,
    config_file: ConfigFile = Path("config/fleetmon.yml"),
) -> None:
    """Send a test message by the routes of the configuration, whether a daemon runs or not."""
    with plain_errors():
        loaded = config.load(config_file, os.environ)
        carriers = couriers(loaded)
    routes = [one for one in loaded.config.notices if route in (None, one.name)]
    if not routes:
        known = ", ".join(one.name for one in loaded.config.notices) or "none"
        raise typer.BadParameter(f"{route or 'notices'}: no such route in {config_file}; there are: {known}")
    failed = False
    for one in routes:
        said = wording.test(one.name, time.time_ns() // 1_000_000, one.languages)
        try:
            asyncio.run(_carry(carriers[one.name], Message(*said, key="fleetmon-test")))
            typer.echo(f"{one.name}: taken by the receiver")
        except SinkError as error:
            failed = True
            typer.echo(f"{one.name}: {error}", err=True)
    if failed:
        raise typer.Exit(1)


async def _carry(carrier: Carrier, message: Message) -> None:
    await carrier.carry(message)
    if carrier.takes_single_ones:  # it keeps what is not ended
        await carrier.carry(message._replace(kind="end"))
