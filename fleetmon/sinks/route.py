"""One route: tells what the store says is untold, for ever, and strikes out what was taken.

A failure is tried again with longer and longer pauses, others first; nothing is given up. Where more is to be told
than the minute has room for, one message tells all of it in short, unless the receiver keeps track of each incident.
Where it can be wrong: killed between the receiver's yes and our note of it, we tell it again.
"""

import asyncio
import contextlib
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, Protocol

import structlog
import tenacity
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from fleetmon.locale import Situation
from fleetmon.model.errors import SinkError, StoreError
from fleetmon.model.incident import Incident
from fleetmon.model.notice import AGAIN, RESOLVED, Notice
from fleetmon.sinks import wording
from fleetmon.sinks.message import Kind, Message
from fleetmon.sinks.notices import Due, RouteSettings
from fleetmon.sinks.wording import Links

AT_ONCE: Final = 1_000  # notices of a route that are looked at together
BREATH_S: Final = 0.2  # what happens within it is looked at together
GRACE_S: Final = 5.0  # for a message under way when we are stopped
LOOK_S: Final = 300.0  # even if nothing happens
LONGEST_PAUSE_S: Final = 60.0
_MINUTE_S: Final = 60.0
_ENDS: Final = ("ended", "ended_early", "cancelled")  # of planned work
log = structlog.get_logger("fleetmon.notices")


class Carrier(Protocol):
    """Brings a message to people."""

    @property
    def takes_single_ones(self) -> bool: ...  # noqa: D102

    async def carry(self, message: Message, /) -> None: ...  # noqa: D102


class Desk(Protocol):
    """Where the notices are."""

    async def untold(self, route: str, limit: int) -> list[Notice]: ...  # noqa: D102

    async def strike(self, notices: Sequence[Notice]) -> None: ...  # noqa: D102

    def incident(self, key: str) -> Incident | None: ...  # noqa: D102

    def situation(self, incident: Incident, provider: str | None) -> Situation: ...  # noqa: D102


class Pace:
    """So many messages in any minute. Times in seconds."""

    def __init__(self, per_minute: int) -> None:
        self._sent: deque[float] = deque(maxlen=per_minute)
        self._most = per_minute

    def note(self, now: float) -> None:
        """One was sent."""
        self._sent.append(now)

    def room(self, now: float) -> int:
        """How many more may be sent now."""
        return self._most - sum(at > now - _MINUTE_S for at in self._sent)

    def wait(self, now: float) -> float:
        """How long until there is room."""
        return 0.0 if self.room(now) else self._sent[0] + _MINUTE_S - now


class Route:
    """Tells the untold notices of one route, for ever."""

    def __init__(self, settings: RouteSettings, carrier: Carrier, desk: Desk, links: Links) -> None:
        self.settings = settings
        self.sent = 0
        self.failed = 0
        self.waiting: list[Notice] = []  # as it was when looked at last
        self._carrier = carrier
        self._desk = desk
        self._links = links
        self._pace = Pace(settings.per_minute)
        self._failures = Counter[tuple[str, str, str]]()  # by notice: one that is refused is not to hold up the others
        self._changed = asyncio.Event()

    def wake(self) -> None:
        """Something happened: look now."""
        self._changed.set()

    @property
    def reading(self) -> tuple[str, int, int, int, float | None]:
        """What `families` shows of it."""
        since_s = min((one.at / 1000 for one in self.waiting), default=None)
        return self.settings.name, self.sent, self.failed, len(self.waiting), since_s

    async def run(self) -> None:
        """Tell what there is, wait, look again."""
        retrying = tenacity.AsyncRetrying(
            retry=tenacity.retry_if_exception_type((SinkError, StoreError)),
            wait=tenacity.wait_random_exponential(multiplier=1, max=LONGEST_PAUSE_S),
            before_sleep=self._log_failure,
            sleep=self._pause,
        )
        while True:
            self._changed.clear()
            while await retrying(self._step):
                pass
            await asyncio.sleep(BREATH_S)
            try:
                async with asyncio.timeout(LOOK_S):
                    await self._changed.wait()
            except TimeoutError:
                pass

    async def _step(self) -> bool:
        """Send one message; whether there may be more to send."""
        clock, due = asyncio.get_running_loop().time, await self._due()
        if due.over:
            await self._strike(due.over)
        told = [words[-1] for words in due.send]
        self.waiting = sorted(told, key=lambda one: (self._failures[one.key], one.at))
        if not self.waiting:
            return False
        if (pause := self._pace.wait(clock())) > 0:
            await asyncio.sleep(pause)
            return True
        crowd = [one for one in self.waiting if one.document is None]  # of which only the title would be told
        together = len(crowd) > self._pace.room(clock()) and not self._carrier.takes_single_ones
        parcel = crowd if together else self.waiting[:1]
        keys = {one.key for one in parcel}
        self._pace.note(clock())
        await self._send(parcel, [one for words in due.send if words[-1].key in keys for one in words])
        return True

    async def _send(self, parcel: list[Notice], over: list[Notice]) -> None:
        """Send it, and strike out what is over then."""
        told = message(parcel, self.settings, self._links, self._situation(parcel))
        sending = asyncio.ensure_future(self._carrier.carry(told))
        try:
            await asyncio.shield(sending)
        except SinkError:
            self.failed += 1
            self._failures.update([one.key for one in parcel])
            raise
        except asyncio.CancelledError:  # we are stopped: what is taken now would be told again after the next start
            with contextlib.suppress(SinkError, TimeoutError):
                async with asyncio.timeout(GRACE_S):
                    await sending
                async with asyncio.timeout(GRACE_S):  # the disk may be full, and that holds up no end
                    await self._strike(over)
            raise
        self.sent += 1
        await self._strike(over)
        first = f"{parcel[0].subject} {parcel[0].word}"
        log.info("told", route=self.settings.name, notices=len(parcel), first=first)

    def _situation(self, parcel: list[Notice]) -> Situation | None:
        incident = parcel[0].incident if len(parcel) == 1 else None
        return None if incident is None else self._desk.situation(incident, self.settings.provider)

    async def _due(self) -> Due:
        most = AT_ONCE
        while True:
            untold = await self._desk.untold(self.settings.name, most)
            due = Due.of(untold, self._desk.incident, resolved=self.settings.resolved)
            if due.send or due.over or len(untold) < most:
                return due
            most *= 2  # all of these are held back, and not to hold up what came after them

    async def _strike(self, over: list[Notice]) -> None:
        for one in over:
            self._failures.pop(one.key, None)
        await self._desk.strike(over)

    async def _pause(self, seconds: float) -> None:
        """Between two attempts; what happens meanwhile, and was not refused yet, does not wait for what was."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._changed.wait()
                while not await self._is_news():
                    await self._changed.wait()

    async def _is_news(self) -> bool:
        self._changed.clear()  # before we look: what happens while we do is looked at again
        try:
            due = await self._due()
        except StoreError:  # which the next attempt meets and tells
            return False
        return any(words[-1].key not in self._failures for words in due.send)

    def _log_failure(self, state: tenacity.RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        log.warning("not told, trying again", route=self.settings.name, error=str(error), attempt=state.attempt_number)


def message(
    parcel: Sequence[Notice], settings: RouteSettings, links: Links, situation: Situation | None = None
) -> Message:
    """What is sent for one notice, with how things stand, or for several."""
    if len(parcel) > 1:
        return Message(*wording.many(parcel, settings.languages, links))
    (notice,) = parcel
    title, text = wording.one(notice, settings.languages, links, situation)
    if notice.document is not None:
        return Message(title, text, notice.document.html, notice.subject)
    return Message(title, text, key=notice.subject, kind=_kind(notice))


def _kind(notice: Notice) -> Kind:
    if notice.incident is None:
        return "end" if notice.planned is not None and notice.planned.event.action in _ENDS else "note"
    return "end" if notice.word == RESOLVED else "again" if notice.word.startswith(AGAIN) else "call"


def families(routes: Iterable[tuple[str, int, int, int, float | None]]) -> Iterator[Metric]:
    """Metrics of routes: name, messages sent, attempts that failed, notices that wait, and since when (s)."""
    sent = CounterMetricFamily("fleetmon_notices_sent", "Messages that receivers have taken.", labels=["route"])
    failed = CounterMetricFamily("fleetmon_notices_failed", "Attempts to send one that failed.", labels=["route"])
    waiting = GaugeMetricFamily("fleetmon_notices_waiting", "Notices that are not told yet.", labels=["route"])
    oldest = GaugeMetricFamily(
        "fleetmon_notices_oldest_timestamp_seconds", "When the oldest of them happened.", labels=["route"]
    )
    for name, taken, refused, count, since_s in routes:
        sent.add_metric([name], taken)
        failed.add_metric([name], refused)
        waiting.add_metric([name], count)
        if since_s is not None:
            oldest.add_metric([name], since_s)
    yield from (sent, failed, waiting, oldest)
