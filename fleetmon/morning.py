"""Hands over the morning report once a day, at the time of day that the configuration says, in the fleet's zone.

What was handed over is remembered in the store, so a restart repeats nothing; who starts late, or could not reach
anybody, does so as soon as possible, but not later than some hours after. On days that are left out nothing is
sent, and the next report reaches back to the last one: that of Monday tells of the weekend.
Where it can be wrong: killed between handing over and noting that, it hands the same over again, under the same key.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import date, datetime, timedelta
from datetime import time as time_of_day
from typing import Final, NamedTuple, Protocol
from zoneinfo import ZoneInfo

import structlog

from fleetmon.model.days import WorkingDays, day_from
from fleetmon.model.errors import SinkError, StoreError
from fleetmon.planning.zones import instant, local
from fleetmon.store import SENT, Store, Watch, Work
from fleetmon.web.report.page import page
from fleetmon.web.report.settings import LONGEST_H, ReportSettings, hours
from fleetmon.web.report.text import subject, text
from fleetmon.web.report.views import ReportView

LATEST: Final = 4 * 3_600_000  # after its time a report is not sent any more
LOOK_S: Final = 5.0  # between looks at the clock, which may be set
AGAIN_S: Final = 120.0  # after a failure
WAITED: Final = 600_000  # for the past to be read after a start
log = structlog.get_logger("fleetmon.report")


class Tell(Protocol):
    """Hands a document to people: title, text, and the same as a page; who they are.

    The same key again changes nothing. Raises SinkError or StoreError.
    """

    def __call__(self, key: str, title: str, text: str, html: str, /) -> Awaitable[list[str]]: ...  # noqa: D102


class Due(NamedTuple):
    """A report that is to be sent: of which day, at what time (ms), and of how long."""

    day: str
    at: int
    begin: int


class Timetable:
    """When reports are due. Times in milliseconds."""

    def __init__(self, settings: ReportSettings, days: Callable[[], WorkingDays]) -> None:
        """`days` are the working days, as they are known now."""
        self._days = days
        self._working = settings.days == "working"
        self._zone = ZoneInfo(settings.zone)
        self._length = (hours(settings.since) or LONGEST_H) * 3_600_000
        self._clock = None if settings.at is None else time_of_day.fromisoformat(settings.at)

    def due(self, now: int) -> Due | None:
        """The report of today, if it is time for it; else that of yesterday, if it still is."""
        if self._clock is None:
            return None
        today = local(now, self._zone).date()
        return self._of(today, self._clock, now) or self._of(today - timedelta(days=1), self._clock, now)

    def _of(self, day: date, clock: time_of_day, now: int) -> Due | None:
        at = self._moment(day, clock)
        if not self._is_day(day) or not at <= now < at + LATEST:
            return None
        before = next((one for one in _back(day) if self._is_day(one)), day)
        begin = min(now - self._length, self._moment(before, clock)) if before != day else now - self._length
        return Due(day.isoformat(), at, max(begin, now - LONGEST_H * 3_600_000))

    def _moment(self, day: date, clock: time_of_day) -> int:
        return instant(datetime.combine(day, clock), self._zone)

    def _is_day(self, day: date) -> bool:
        return not self._working or self._days().is_working(day_from(day.isoformat()))


class Morning:
    """Waits for the time, and sends."""

    def __init__(  # noqa: PLR0913, PLR0917 - what it is wired to
        self,
        settings: ReportSettings,
        days: Callable[[], WorkingDays],
        store: Store,
        make: Callable[[int], Awaitable[ReportView]],
        tell: Tell,
        wall: Callable[[], int],
        recalled: Callable[[], bool] = lambda: True,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        """`make` makes the report since a time; `recalled` is whether the past was read; `wall` tells the time."""
        self._table = Timetable(settings, days)
        self._language = settings.language
        self._store = store
        self._make = make
        self._tell = tell
        self._wall = wall
        self._recalled = recalled
        self._sleep = sleep
        self._started = wall()
        self._sent = ""  # the last day known to be sent

    async def run(self) -> None:
        """For ever."""
        while True:
            pause = AGAIN_S
            try:
                await self._look()
                pause = LOOK_S
            except (SinkError, StoreError) as error:
                log.warning("the report was not sent, trying again", error=str(error))
            except Exception:  # a report is no reason to stop watching the fleet
                log.exception("the report could not be made; please tell the authors")
            await self._sleep(pause)

    async def _look(self) -> None:
        now = self._wall()
        due = self._table.due(now)
        if due is None or due.day == self._sent:
            return
        if not self._recalled() and now < self._started + WAITED:
            return  # what is late is not known yet
        if not await asyncio.to_thread(self._store.is_sent, due.day):
            await self._send(due)
        self._sent = due.day

    async def _send(self, due: Due) -> None:
        found = await self._make(due.begin)
        language = self._language
        told = await self._tell(
            f"report/{due.day}", subject(found, language), text(found, language), page(found, language)
        )
        written = asyncio.Event()
        loop, now = asyncio.get_running_loop(), self._wall()
        done = Watch(SENT, due.at, max(now, due.at), due.day).episode
        self._store.submit(Work(lambda: loop.call_soon_threadsafe(written.set), episodes=[done]))
        await written.wait()
        log.info("report sent", day=due.day, routes=told)


def _back(today: date) -> list[date]:
    """The days before, the latest first."""
    return [today - timedelta(days=back) for back in range(1, LONGEST_H // 24 + 1)]
