"""Direct notices, for those without Alertmanager: what a route tells people, when, and only once (docs/adr/029).

What is to be told stands in the store, in the transaction of what happened, and is struck out when the receiver has
taken it: the store is the queue (`fleetmon.sinks.route` works it off). Just before telling it is looked at how the
incident stands: while somebody sees to it or another one explains it the call is held back; when it is over only that
is told. Whoever wants to send a document of their own by the same routes calls `fleetmon.dispatch.Dispatch.send`.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Annotated, Literal, NamedTuple

from msgspec import Meta, Struct

from fleetmon.locale import Language
from fleetmon.model.incident import Incident, Status, Transition
from fleetmon.model.notice import AGAIN, PAGE, RESOLVED, TICKET, Notice, Subscription

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
        if word is None or (word == TICKET and route.incidents == "pages"):
            continue
        if word != RESOLVED and not concerns(change.incident):  # an end goes where the beginning went, see the store
            continue
        found.append(Notice(route.name, change.incident.id, word, change.at, change.incident))
    return found


class Due(NamedTuple):
    """What is to be done about untold notices: send some, strike some out, leave the others for later."""

    send: list[list[Notice]]  # the last of each is told; the words before it are over once it is taken
    over: list[Notice]  # nobody needs them any more

    @classmethod
    def of(cls, untold: Sequence[Notice], now: Callable[[str], Incident | None], *, resolved: bool) -> "Due":
        """`now` is how an incident stands; `resolved`: whether the end of what people know is told."""
        send, over = list[list[Notice]](), list[Notice]()
        for words in _by_subject(untold):
            if words[-1].incident is None:
                send += [[one] for one in words]
                continue
            fate = _fate(words, now(words[-1].subject), resolved=resolved)
            if fate == "send":
                send.append(words)
            elif fate == "over":
                over += words
        return cls(send, over)


def _by_subject(untold: Iterable[Notice]) -> list[list[Notice]]:
    """The words of each subject in order of time, an end last."""
    found: dict[str, list[Notice]] = {}
    for one in sorted(untold, key=lambda one: (one.at, one.word == RESOLVED)):
        found.setdefault(one.subject, []).append(one)
    return list(found.values())


def _fate(words: Sequence[Notice], now: Incident | None, *, resolved: bool) -> Literal["send", "over", "wait"]:
    """What becomes of the last word on an incident; nobody needs those before it then."""
    last = words[-1]
    assert last.incident is not None
    if last.word == RESOLVED:
        return "send" if _ends(words[:-1], last.incident, resolved=resolved) else "over"
    if now is None:
        return "over"  # for long: the end came while there was no such route
    seen_to = now.acknowledgement is not None or now.suppressed_by is not None
    return "wait" if seen_to or now.status is Status.RESOLVED else "send"  # its end is about to be there


def _ends(calls: Sequence[Notice], incident: Incident, *, resolved: bool) -> bool:
    """Whether the end is told: to those who ask for it, and to whoever could not be called in time."""
    unheard = any(not one.word.startswith(AGAIN) for one in calls)  # of the incident at all
    if unheard and incident.suppressed_by is not None:
        return False
    return resolved or (unheard and incident.acknowledgement is None)
