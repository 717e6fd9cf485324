"""Everything that is known about one transaction when it is asked why its money has not come.

Plain data, gathered by the engine, so that a cause can be tested with a case written by hand. Times are
integer milliseconds, by arrival for what fleetmon heard and by the sender for what it was told; amounts
are fen.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from msgspec import Struct, field

from fleetmon.model.days import WorkingDays
from fleetmon.model.episode import Episode, share
from fleetmon.model.events import Attribute
from fleetmon.model.incident import Incident
from fleetmon.model.registry import FeeClasses, Host, Merchant
from fleetmon.model.sale import Sale
from fleetmon.model.standing import Standing, Wait
from fleetmon.model.window import Visit

_MINUTE: Final = 60_000


class Announcement(NamedTuple):
    """Planned work of a host that concerns this terminal."""

    host: str
    kind: str  # the host's kind in the registry, or provider, carrier; operator for what was planned here
    id: str
    begin: int
    end: int
    services: frozenset[str]  # empty: all
    until: int = 0  # the end as announced, where the work took longer


class FileWord(NamedTuple):
    """What was told of the settlement file of the business date."""

    host: str
    at: int
    event: str
    code: str


class AccountWord(NamedTuple):
    """What was told of the merchant's settlement account."""

    at: int
    status: str
    reason: str


class Answer(NamedTuple):
    """How another transaction of the same terminal, or of the same host, ended."""

    at: int
    outcome: str  # approved, declined, unanswered
    response: str


class Batch(Struct):
    """What was told of the batch of the sale. Times are 0 for what did not happen."""

    no: str
    closed_at: int = 0
    uploaded_at: int = 0
    failed_at: int = 0
    told_at: int = 0  # by the terminal's own clock, where that differs
    result: str = ""
    result_at: int = 0
    count: int | None = None
    uploaded_count: int | None = None

    @property
    def last_at(self) -> int:
        """When something was last told of it."""
        return max(self.closed_at, self.uploaded_at, self.failed_at)


class Silence(NamedTuple):
    """Who was silent at the time that matters, as shares 0..1; None where there is nobody to look at."""

    own: float = 0.0
    site: float | None = None  # the others of the shop
    peers: float | None = None  # same carrier and region, other shops
    others: float | None = None  # same region, other carriers or networks


class Pulse(NamedTuple):
    """How a host answered the whole fleet at the time that matters."""

    requests: int = 0
    failures: int = 0
    stored: int = 0  # sales that were kept in terminals instead
    storing: int = 0  # merchants whose sales those are
    alike: int = 0  # requests that were declined with the code of the sale


class Case(Struct):
    """One transaction at one time."""

    now: int
    sale: Sale
    standing: Standing
    days: WorkingDays = field(default_factory=WorkingDays)
    merchant: Merchant | None = None
    terminal: dict[Attribute, str] = {}
    span: tuple[int, int] = (0, 0)  # when a fault would have mattered
    signs: list[Episode] = []  # what the terminal's heartbeats and connection told
    faults: list[Episode] = []  # its device events, kind is the component
    works: list[Episode] = []  # marks of maintenance
    visits: list[Visit] = []  # the same with who and until when
    silence: Silence = Silence()
    incidents: list[Incident] = []  # that take in the terminal or its hosts, in the span
    hosts: dict[str, Host] = {}
    health: list[Episode] = []  # failing, signed_off, cutover of the hosts behind the sale; code is the host
    pulse: dict[str, Pulse] = {}
    announced: list[Announcement] = []
    files: list[FileWord] = []
    account: list[AccountWord] = []
    backlog: list[Episode] = []
    batch: Batch | None = None
    linked: list[Sale] = []  # reversals, voids and refunds that refer to the sale
    answers: list[Answer] = []  # of the same terminal, around the sale
    meaning: str = ""  # the class of the response code; empty for one that nobody knows
    turned_away: int = 0  # sales of this merchant that the host refused for the merchant's sake, lately
    redone: bool = False  # taken again with another amount soon after
    fees: FeeClasses = field(default_factory=FeeClasses)

    @property
    def kept_back(self) -> bool:
        """Whether the sale, or its batch, stayed in the terminal too long."""
        return self.standing.wait in (Wait.UPLOAD, Wait.CLOSING)

    @property
    def answerless(self) -> bool:
        """Whether the answer to the request never came, even if it was reversed since."""
        asked = not (self.sale.accepted or self.sale.declined or self.sale.stored)
        return self.standing.wait is Wait.ANSWER or (self.standing.wait is Wait.CANCELLED and asked)

    @property
    def refused(self) -> bool:
        """Whether the host, or the terminal, said no."""
        return self.standing.wait is Wait.REFUSED

    @property
    def at_host(self) -> bool:
        """Whether the host has the sale, the money is due, and no payout covers it."""
        return self.standing.wait is Wait.CLEARING

    @property
    def decisive(self) -> tuple[int, int]:
        """The part of the span in which it had to happen."""
        if self.standing.wait in (Wait.ANSWER, Wait.REFUSED, Wait.CANCELLED):
            return self.sale.at - _MINUTE, self.sale.at + _MINUTE
        return self.span

    def hindrance(self, episodes: Sequence[Episode]) -> float:
        """The part of the decisive time, 0..1, in which one of the episodes was so; a moment outweighs nothing."""
        start, stop = self.decisive
        if not self.kept_back:
            return 1.0 if any(one.touches(start, stop) for one in episodes) else 0.0
        return round(share(episodes, start, stop), 1)

    @property
    def unheard(self) -> float:
        """The part of the decisive time in which the terminal could not be heard."""
        late = self.sale.stored_heard - self.sale.swiped_at
        kept = [Episode("silent", "", self.sale.swiped_at, self.sale.stored_heard)] if late > 2 * _MINUTE else []
        return self.hindrance([*self.signs_of("silent"), *kept])

    def signs_of(self, *kinds: str) -> list[Episode]:
        """Signs of these kinds that touch the span."""
        start, stop = self.span
        return [one for one in self.signs if one.kind in kinds and one.touches(start, stop)]

    def faults_of(self, *components: str) -> list[Episode]:
        """Device faults of these components that touch the span."""
        start, stop = self.span
        return [one for one in self.faults if one.kind in components and one.touches(start, stop)]

    def incident_of(self, *kinds: str, about: str = "") -> Incident | None:
        """The incident of these kinds, and about this attribute, that lasts longest in the span."""
        start, stop = self.span
        found = [one for one in self.incidents if one.kind in kinds and (not about or about in dict(one.scope))]
        return max(found, key=lambda one: (_within(one, start, stop), one.id), default=None)

    def incident_id(self, kind: str) -> str | None:
        """The id of that incident, if one was announced."""
        incident = self.incident_of(kind)
        return incident.id if incident else None


def _within(incident: Incident, start: int, stop: int) -> int:
    return min(incident.resolved_at or stop, stop) - max(incident.opened_at, start)
