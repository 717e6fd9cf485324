"""How every command behaves: its errors, its signals, and the options that several share."""

import asyncio
import contextlib
import signal
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from fleetmon.model.errors import ConfigError, SinkError, StoreError

ConfigFile = Annotated[Path, typer.Option("--config.file", help="The configuration.", envvar="FLEETMON_CONFIG")]
Prefix = Annotated[str, typer.Option(help="MQTT topic prefix.")]


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
