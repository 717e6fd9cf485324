"""The calendars of the configuration, read again and again; when one cannot be read, that is seen.

What was taken stays in force while its calendar cannot be read. A calendar that is the same as before costs a question.
"""

import asyncio
import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, Protocol

import aiohttp
import structlog

from fleetmon.model.errors import ConfigError, SinkError, StoreError
from fleetmon.planning.fetch import Fetched, fetch
from fleetmon.planning.ical.lines import BYTES_MOST
from fleetmon.planning.settings import CalendarSettings
from fleetmon.web.windows import CalendarView, ImportView

RETRY_S: Final = 60.0  # after a failure, and then twice as long each time, up to the calendar's own pause
log = structlog.get_logger("fleetmon")


class Take(Protocol):
    """Takes a calendar in; raises ConfigError for what is none."""

    async def __call__(self, data: bytes, binding: CalendarSettings, /, *, whole: bool) -> ImportView: ...  # noqa: D102


class Subscription:
    """One calendar. Times in milliseconds since 1970."""

    def __init__(self, settings: CalendarSettings, address: str | None, take: Take, wall: Callable[[], int]) -> None:
        """`address` is a secret, perhaps; None: the calendar is a file."""
        self.settings = settings
        self.read_at: int | None = None
        self.problem = ""
        self.failures = 0
        self.report: ImportView | None = None
        self._address = address
        self._take = take
        self._wall = wall
        self._before: Fetched | None = None
        self._digest = b""

    @property
    def view(self) -> CalendarView:
        """How it stands."""
        name, owner = self.settings.name, self.settings.owner
        return CalendarView(name, owner, self.read_at, self.problem, self.failures, self.report)

    def forget(self) -> None:
        """Read all of it the next time: what was refused may fit now."""
        self._before, self._digest = None, b""

    async def run(self, session: aiohttp.ClientSession) -> None:
        """Read it for ever."""
        pause = RETRY_S
        while True:
            try:
                await self.read(session)
            except (ConfigError, SinkError, StoreError) as error:
                self._fail(str(error))
                await asyncio.sleep(min(pause, self.settings.refresh_s))
                pause *= 2
            except Exception as error:  # noqa: BLE001 - what a stranger wrote must not end the watch
                self._fail(f"fleetmon cannot cope with it: {error!r}; please report it with the file")
                await asyncio.sleep(self.settings.refresh_s)
            else:
                pause = RETRY_S
                await asyncio.sleep(self.settings.refresh_s)

    async def read(self, session: aiohttp.ClientSession) -> None:
        """Once; raises what makes it impossible."""
        data = await self._fetched(session)
        if data is not None and (digest := hashlib.sha256(data).digest()) != self._digest:
            found = await self._take(data, self.settings, whole=True)
            self.report, self._digest = found, digest
            log.info(
                "calendar read", calendar=self.settings.name, taken=len(found.taken), changed=len(found.changed),
                cancelled=len(found.cancelled), refused=len(found.refused),
            )  # fmt: skip
        self.read_at, self.problem = self._wall(), ""

    def _fail(self, problem: str) -> None:
        self.problem, self.failures = problem, self.failures + 1
        log.warning("calendar cannot be read", calendar=self.settings.name, error=problem)

    async def _fetched(self, session: aiohttp.ClientSession) -> bytes | None:
        if self._address is None:
            return await asyncio.to_thread(_content, Path(self.settings.file or ""))
        found = await fetch(session, self._address, self._before)
        if found.data is not None:
            self._before = found
        return found.data


class Subscriptions:
    """All calendars of the configuration."""

    def __init__(
        self, calendars: Sequence[CalendarSettings], urls: Mapping[str, str], take: Take, wall: Callable[[], int]
    ) -> None:
        """`urls` by the names of calendars; the others are files."""
        self.all = [Subscription(one, urls.get(one.name), take, wall) for one in calendars]

    def views(self) -> list[CalendarView]:
        """How each stands."""
        return [one.view for one in self.all]

    def forget(self) -> None:
        """See `Subscription.forget`."""
        for one in self.all:
            one.forget()

    async def run(self) -> None:
        """Read them for ever."""
        async with aiohttp.ClientSession() as session, asyncio.TaskGroup() as tasks:
            for one in self.all:
                tasks.create_task(one.run(session))


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(BYTES_MOST + 1)
    except OSError as error:
        raise SinkError(f"{path}: cannot be read: {error.strerror}", retryable=True) from None
