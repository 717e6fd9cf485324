"""Direct notices, for those without Alertmanager: what a route tells people, when, and only once (docs/adr/029).

What is to be told stands in the store, in the transaction of what happened, and is struck out when the receiver has
taken it. So the store is the queue: a route asks it what is untold whenever something happened, tells, and tries
again with longer and longer pauses. Just before telling it is looked at how the incident stands now: while somebody
sees to it or another one explains it the call is held back; when it is over only that is told.
Where more is to be told than a minute may hold, one message tells all of it in short.
Where it can be wrong: killed between the receiver's yes and our note of it, we tell it again.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Annotated, Final, Literal, NamedTuple, Protocol

import structlog
import tenacity
from msgspec import Meta, Struct

from fleetmon.locale import Language
from fleetmon.model.errors import SinkError, StoreError
from fleetmon.model.incident import Incident, Status, Transition
from fleetmon.model.notice import AGAIN, PAGE, RESOLVED, TICKET, Notice, Subscription
from fleetmon.sinks import wording
from fleetmon.sinks.message import Message
from fleetmon.sinks.wording import Links

AT_ONCE: Final = 1_000  # notices of a route that are looked at together
LOOK_S: Final = 300.0  # even if nothing happens
LONGEST_PAUSE_S: Final = 60.0
_MINUTE_S: Final = 60.0
log = structlog.get_logger("fleetmon.notices")

RouteName = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,31}$(?!\n)", description="small letters, digits and _")]


class RouteSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """Whom to tell what. The address is a secret: in `url_file`, or in FLEETMON_NOTICES_{NAME}_URL."""

    name: RouteName
    url_file: str | None = None
    incidents: Literal["pages", "all", "none"] = "pages"  # all: tickets too
    resolved: bool = True
    maintenance: bool = False  # what happens to planned work
    report: bool = False
    provider: str | None = None  # only what concerns its terminals
    language: Literal["zh", "en", "both"] = "both"
    per_minute: Annotated[int, Meta(ge=1, le=600)] = 15  # messages; WeCom and DingTalk allow 20

    @property
    def languages(self) -> tuple[Language, ...]:
        """In which a message is written, in this order."""
        return ("zh", "en") if self.language == "both" else (self.language,)

    def takes(self, subscription: Subscription) -> bool:
        """Whether such documents are sent by this route."""
        return bool(getattr(self, subscription))


def problems(routes: Sequence[RouteSettings], providers: Collection[str]) -> list[str]:
    """What is wrong with the routes, each with what to do."""
    found, names = [], [route.name for route in routes]
    for index, route in enumerate(routes):
        where = f"notices[{index}]"
        if names.index(route.name) != index:
            found.append(f"{where}.name: there is a route {route.name} already; give it another name")
        if route.provider is not None and route.provider not in providers:
            found.append(f'{where}.provider: "{route.provider}" is in no list of the registry')
        if route.provider is not None and route.report:
            found.append(f"{where}.report: it tells of all providers; remove it, or remove provider")
    return found


def word_of(change: Transition) -> str | None:
    """What a transition gives people to hear."""
    incident = change.incident
    if incident.fired_at is None:
        return None
    if incident.status is Status.RESOLVED:
        return RESOLVED if change.before is not Status.RESOLVED else None
    if change.calls:
        return f"{AGAIN}/{change.at}" if incident.called_again_at == change.at else PAGE
    return TICKET if incident.paged_at is None and incident.suppressed_by is None else None


def notices(route: RouteSettings, changes: Iterable[Transition], concerns: Callable[[Incident], bool]) -> list[Notice]:
    """What is to be told by this route; the same again for the same changes."""
    found = []
    for change in changes if route.incidents != "none" else ():
        word = word_of(change)
        if word is None or (word == TICKET and route.incidents == "pages") or not concerns(change.incident):
            continue
        found.append(Notice(route.name, change.incident.id, word, change.at, change.incident))
    return found


class Due(NamedTuple):
    """What is to be done about untold notices: send some, strike some out, leave the others for later."""

    send: list[Notice]
    over: list[Notice]  # nobody needs them any more

    @classmethod
    def of(cls, untold: Sequence[Notice], now: Callable[[str], Incident | None], *, resolved: bool) -> "Due":
        """`now` is how an incident stands; `resolved`: whether the end of what people know is told."""
        send, over = list[Notice](), list[Notice]()
        for words in _by_subject(untold):
            last = words[-1]
            if last.incident is None:
                send += words
            elif last.word == RESOLVED and not _ends(words[:-1], last.incident, resolved=resolved):
                over += words
            elif last.word == RESOLVED or not _is_held(now(last.subject) or last.incident):
                send.append(last)
                over += words[:-1]
        return cls(send, over)


def _by_subject(untold: Iterable[Notice]) -> list[list[Notice]]:
    """The words of each subject in order of time, an end last."""
    found: dict[str, list[Notice]] = {}
    for one in sorted(untold, key=lambda one: (one.at, one.word == RESOLVED)):
        found.setdefault(one.subject, []).append(one)
    return list(found.values())


def _is_held(incident: Incident) -> bool:
    """Nobody is called now: somebody sees to it, another one explains it, or its end is about to be told."""
    quiet = incident.acknowledgement is not None or incident.suppressed_by is not None
    return quiet or incident.status is Status.RESOLVED


def _ends(calls: Sequence[Notice], incident: Incident, *, resolved: bool) -> bool:
    """Whether the end is told: to those who ask for it, and to whoever could not be called in time."""
    unheard = any(not one.word.startswith(AGAIN) for one in calls)  # of the incident at all
    if unheard and incident.suppressed_by is not None:
        return False
    return resolved or (unheard and incident.acknowledgement is None)


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

    async def run(self) -> None:
        """Tell what there is, wait, look again."""
        retrying = tenacity.AsyncRetrying(
            retry=tenacity.retry_if_exception_type((SinkError, StoreError)),
            wait=tenacity.wait_random_exponential(multiplier=1, max=LONGEST_PAUSE_S),
            before_sleep=self._log_failure,
        )
        while True:
            self._changed.clear()
            while await retrying(self._step):
                pass
            try:
                async with asyncio.timeout(LOOK_S):
                    await self._changed.wait()
            except TimeoutError:
                pass

    async def _step(self) -> bool:
        """Send one message; whether there may be more to send."""
        settings, clock = self.settings, asyncio.get_running_loop().time
        untold = await self._desk.untold(settings.name, AT_ONCE)
        due = Due.of(untold, self._desk.incident, resolved=settings.resolved)
        if due.over:
            await self._desk.strike(due.over)
        self.waiting = sorted(due.send, key=lambda one: (self._failures[one.key], one.at))
        if not self.waiting:
            return False
        if (pause := self._pace.wait(clock())) > 0:
            await asyncio.sleep(pause)
            return True
        together = len(self.waiting) > self._pace.room(clock()) and not self._carrier.takes_single_ones
        parcel = self.waiting if together else self.waiting[:1]
        self._pace.note(clock())
        await self._send(parcel)
        return True

    async def _send(self, parcel: list[Notice]) -> None:
        try:
            await self._carrier.carry(message(parcel, self.settings, self._links))
        except SinkError:
            self.failed += 1
            self._failures.update([one.key for one in parcel])
            raise
        self.sent += 1
        for one in parcel:
            self._failures.pop(one.key, None)
        await self._desk.strike(parcel)
        log.info("told", route=self.settings.name, notices=[f"{one.subject} {one.word}" for one in parcel])

    def _log_failure(self, state: tenacity.RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        log.warning("not told, trying again", route=self.settings.name, error=str(error), attempt=state.attempt_number)


def message(parcel: Sequence[Notice], settings: RouteSettings, links: Links) -> Message:
    """What is sent for one notice, or for several."""
    if len(parcel) > 1:
        return Message(*wording.many(parcel, settings.languages, links))
    (notice,) = parcel
    title, text = wording.one(notice, settings.languages, links)
    return Message(
        title,
        text,
        html=notice.document and notice.document.html,
        key=notice.subject,
        is_end=notice.word == RESOLVED,
        is_again=notice.word.startswith(AGAIN),
    )
