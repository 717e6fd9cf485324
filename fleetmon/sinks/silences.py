"""Alertmanager API v2 silences: planned work, mirrored to every Alertmanager (docs/adr/027).

Level-triggered like the alerts: at every re-send, and when planned work changes, begins or ends, the silences that
there are are compared with those that ought to be, then made, changed or expired. So nothing is remembered, and a
restart of either side is mended. Ours are known by `createdBy` and the last line of the comment, which names this
fleetmon and the window; whatever else is there is somebody else's. One that is refused does not keep the others back.
Where it can be wrong: while fleetmon is away a silence lasts until its end, though the work was over sooner. Peers
of a cluster tell each other, so the same silence may be made twice: the next round keeps one.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final, TypeVar

import aiohttp
import msgspec
import structlog
from msgspec import Struct

from fleetmon.engine import Engine
from fleetmon.model.errors import SinkError
from fleetmon.sinks.alertmanager import TIMEOUT_S, AlertmanagerSettings, rfc3339
from fleetmon.sinks.muting import Alert, Matcher, Muting, Stretch

CREATOR: Final = "fleetmon"
BREATH_S: Final = 1.0  # changes within it are one
FLUSH_MS: Final = 300_000  # so late may Alertmanager tell the end of an alert that it shows no longer
SKEW_MS: Final = 30_000  # between the two clocks
_SOON_MS: Final = 1_000  # what ends within it ends by itself
log = structlog.get_logger("fleetmon.silences")
T = TypeVar("T")


class Kept(Struct, frozen=True):
    """A silence of ours as an Alertmanager has it, pending or active."""

    id: str
    key: str
    matchers: frozenset[Matcher]
    start: int
    until: int
    comment: str

    @property
    def left_out(self) -> set[str]:
        """The names of the alerts that it does not cover."""
        return {one.value for one in self.matchers if one.name == "alertname" and not one.regex and not one.equal}


class Silences:
    """Keeps the silences of one Alertmanager as planned work asks for."""

    def __init__(self, url: str, resend_s: float, instance: str, muting: Muting, clock: Callable[[], int]) -> None:
        """`instance` tells us from others at the same Alertmanager; `clock` gives the time in ms."""
        self.url = url
        self.failures = 0
        self.states = {"mirrored": 0, "failing": 0, "impossible": 0}
        self._base = f"{url.rstrip('/')}/api/v2"
        self._resend_s = resend_s
        self._mark = f"{CREATOR}/{instance} "
        self._muting = muting
        self._clock = clock
        self._changed = asyncio.Event()

    def wake(self) -> None:
        """Planned work has changed: look now."""
        self._changed.set()

    async def run(self) -> None:
        """Compare, mend, wait, until cancelled."""
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=TIMEOUT_S)) as session:
            while True:
                self._changed.clear()
                pause = await self._round(session)
                breath = min(BREATH_S, pause)
                await asyncio.sleep(breath)
                try:
                    async with asyncio.timeout(pause - breath):
                        await self._changed.wait()
                except TimeoutError:
                    pass

    async def _round(self, session: aiohttp.ClientSession) -> float:
        """Mend what differs; how long to wait then, in seconds."""
        now, failures = self._clock(), self.failures
        wanted, impossible = self._muting.wanted(now)
        try:
            kept = await self._kept(session, now)
            alerts = await self._alerts(session) if wanted else []
        except SinkError as error:
            self._failed("silences not read", error)
            failing = len(wanted)
        else:
            failing = await self._make(session, now, wanted, kept, alerts)
            await self._expire(session, wanted, kept)
        self.states = {"mirrored": len(wanted) - failing, "failing": failing, "impossible": impossible}
        pause = self._resend_s if self.failures == failures else min(5.0, self._resend_s)
        edges = [at - now for one in wanted for at in (one.start, one.until) if at > now]
        return min([pause, *[0.01 + edge / 1000 for edge in edges]])

    async def _make(
        self, session: aiohttp.ClientSession, now: int, wanted: list[Stretch], kept: list[Kept], alerts: list[Alert]
    ) -> int:
        """Make or change what is not as it ought to be; how many are not."""
        there, told, failing = _first(kept), self._muting.told_before(wanted, alerts), 0
        for stretch in wanted:
            try:
                await self._put(session, now, stretch, there.get(stretch.key), told.get(stretch.key, set()))
            except SinkError as error:
                failing += 1
                self._failed("silence refused", error, window=stretch.key)
        return failing

    async def _expire(self, session: aiohttp.ClientSession, wanted: list[Stretch], kept: list[Kept]) -> None:
        there, keys = _first(kept), {stretch.key for stretch in wanted}
        for silence in kept:
            if silence.key in keys and there[silence.key] is silence:
                continue
            try:
                await self._call(session, "DELETE", f"silence/{silence.id}")
            except SinkError as error:
                self._failed("silence not expired", error, window=silence.key)

    async def _put(
        self, session: aiohttp.ClientSession, now: int, stretch: Stretch, known: Kept | None, told: set[str]
    ) -> None:
        """Make a silence, or change the one that there is."""
        if known is not None and stretch.start <= now + FLUSH_MS:
            told |= known.left_out  # those that are over may not have been told yet
        matchers, start = stretch.matchers(told), stretch.start
        if known is not None and stretch.start <= now and known.start <= now + SKEW_MS:
            start = known.start  # it began when it was made, and any other beginning would make it anew
        comment = f"{stretch.comment}\n{self._mark}{stretch.key}"
        silence = Kept(known.id if known else "", stretch.key, matchers, start, stretch.until, comment)
        if silence != known:
            await self._call(session, "POST", "silences", body=_payload(silence))

    async def _kept(self, session: aiohttp.ClientSession, now: int) -> list[Kept]:
        found = await self._get(session, "silences", list[_Silence])
        kept = [_kept(one, self._mark) for one in found if one.created_by == CREATOR]
        return [one for one in kept if one is not None and one.until > now + _SOON_MS]

    async def _alerts(self, session: aiohttp.ClientSession) -> list[Alert]:
        """The active alerts of rules; those of our own are never silenced."""
        found = await self._get(session, "alerts", list[_Alert], filter='kind=""')
        return [Alert(one.labels, _ms(one.starts_at)) for one in found if "alertname" in one.labels]

    async def _get(self, session: aiohttp.ClientSession, path: str, form: type[T], **asked: str) -> T:
        body = await self._call(session, "GET", path, asked)
        try:
            return msgspec.json.decode(body, type=form)
        except msgspec.DecodeError as error:
            raise SinkError(f"an answer that is none of an Alertmanager: {error}", retryable=False) from None

    async def _call(
        self,
        session: aiohttp.ClientSession,
        method: str,
        path: str,
        asked: dict[str, str] | None = None,
        body: dict[str, Any] | None = None,
    ) -> bytes:
        try:
            async with session.request(method, f"{self._base}/{path}", params=asked, json=body) as answer:
                if answer.status >= 400:
                    raise SinkError(f"{answer.status}: {(await answer.text())[:200]}", retryable=answer.status >= 500)
                return await answer.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise SinkError(str(error) or "no answer in time", retryable=True) from None

    def _failed(self, what: str, error: SinkError, **about: str) -> None:
        self.failures += 1
        log.warning(what, alertmanager=self.url, error=str(error), **about)


def mirrors(settings: AlertmanagerSettings, instance: str, engine: Engine, clock: Callable[[], int]) -> list[Silences]:
    """One for each Alertmanager, unless they are not wanted."""
    muting = Muting(engine.correlator.works.windows, engine.fleet.census)
    urls = settings.urls if settings.silences else ()
    return [Silences(url, settings.resend_s, instance, muting, clock) for url in urls]


class _Condition(Struct, rename="camel"):
    name: str
    value: str
    is_regex: bool
    is_equal: bool = True


class _Status(Struct):
    state: str


class _Silence(Struct, rename="camel"):
    id: str
    created_by: str
    comment: str
    starts_at: datetime
    ends_at: datetime
    status: _Status
    matchers: list[_Condition]


class _Alert(Struct, rename="camel"):
    labels: dict[str, str]
    starts_at: datetime


def _first(kept: list[Kept]) -> dict[str, Kept]:
    """The one that is kept of each; whoever looks chooses the same."""
    return {one.key: one for one in sorted(kept, key=lambda one: (one.start, one.id), reverse=True)}


def _kept(silence: _Silence, mark: str) -> Kept | None:
    """A silence as the API gives it, if it is ours and not over."""
    last = silence.comment.rpartition("\n")[2]
    if not last.startswith(mark) or silence.status.state == "expired":
        return None
    matchers = frozenset(Matcher(one.name, one.value, one.is_regex, one.is_equal) for one in silence.matchers)
    start, until = _ms(silence.starts_at), _ms(silence.ends_at)
    return Kept(silence.id, last.removeprefix(mark), matchers, start, until, silence.comment)


def _payload(silence: Kept) -> dict[str, Any]:
    matchers = [
        {"name": one.name, "value": one.value, "isRegex": one.regex, "isEqual": one.equal}
        for one in sorted(silence.matchers)
    ]
    made = {
        "matchers": matchers, "startsAt": rfc3339(silence.start), "endsAt": rfc3339(silence.until),
        "createdBy": CREATOR, "comment": silence.comment,
    }  # fmt: skip
    return made | ({"id": silence.id} if silence.id else {})


def _ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)
