"""The ports of detection: what the engine asks a detector, and what it tells it.

A detector says *whether* something is wrong; the engine keeps the life of the incident.
"""

import enum
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, Protocol

from msgspec import Struct

from fleetmon.model.events import DeviceEvent, HostHealth, Transaction
from fleetmon.model.incident import Policy
from fleetmon.model.responses import Meaning
from fleetmon.model.runs import Runs


class Tally(NamedTuple):
    """Terminals of one group that ought to be heard, at one moment of a suspected outage.

    `silent` fell silent together and missed at least one heartbeat, `beats` of them in all; `alive` spoke after
    that moment; `waiting` did neither yet, so they say nothing; `gone` were silent before. `links` are the networks
    (carrier and kind) of the silent ones, `sound` those of which several spoke, and more than are silent.
    `beside_*` leaves out the shop that has most silent terminals: what remains if it alone is to blame.
    """

    silent: int
    beats: int
    alive: int
    waiting: int
    gone: int
    links: int
    sound: int
    beside_silent: int
    beside_alive: int

    def is_shared(self) -> bool:
        """Whether most fell silent together, in more than one shop, and proven by enough missed heartbeats.

        Four silent, three fifths of those heard from (who went before counts against it: shops that close one by
        one), half of all. A beat is lost now and then, and in bursts: six beats of four terminals are not.
        """
        heard = self.silent + self.alive
        return (
            self.silent >= 4
            and self.beats >= 6
            and self.silent >= 0.6 * (heard + self.gone)
            and self.silent >= 0.5 * (heard + self.gone + self.waiting)
            and self.beside_silent >= 2
            and self.beside_silent >= 0.5 * (self.beside_silent + self.beside_alive)
        )

    def is_of_part(self) -> bool:
        """Whether a good part fell silent together, if not most: some cells of a carrier, one of two server rooms.

        Eight silent and a third of all, hardly of one shop, each proven by two missed heartbeats: what a link loses
        on a bad day takes no third of a group twice in a row.
        """
        every = self.silent + self.alive + self.gone + self.waiting
        return (
            self.silent >= 8
            and self.beats >= 2 * self.silent
            and 3 * self.silent >= every
            and self.beside_silent >= 0.6 * self.silent
        )

    def is_over(self) -> bool:
        """Whether four fifths of those that ought to be heard are heard again, be it without the shop that lags most.

        As it takes more than one shop to begin: what one shop still lacks is that shop's.
        """
        every = self.alive > 0 and self.silent <= 0.2 * (self.silent + self.alive)
        beside = self.beside_alive > 0 and self.beside_silent <= 0.2 * (self.beside_silent + self.beside_alive)
        return every or beside


class Count(NamedTuple):
    """Terminals that ought to have been heard since a moment: those that were not, and those that were."""

    silent: int = 0
    heard: int = 0


class Arrivals(NamedTuple):
    """What came since a moment of the terminals of one provider, or of everybody.

    `waiting` were not heard since, and need not have been; had their messages come, some `owed` of them were.
    `willed` are the silent ones that need not have been heard either, but left a will; of the silent ones with a will
    `closed` had it so soon that somebody closed the connection, `lost` had not. `by`
    counts by attribute and value: those of a cohort, `site`, `merchant`, and `way` (the carrier, else the network that
    is none). `beside` tells of each other provider: those where the silent ones are, in region and on the way, and all
    of them; None where everybody is meant.
    """

    total: Count
    waiting: int
    owed: float
    willed: int
    closed: int
    lost: int
    by: Mapping[str, Mapping[str, Count]]
    beside: Sequence[tuple[Count, Count]] | None


class IngestDetector(NamedTuple):
    """Judges our own hearing; the engine tells it of links lost and regained, and asks about silences of very many."""

    kind: str
    policy: Policy
    breached: Callable[[Arrivals], bool]
    undecided: Callable[[Arrivals], bool]  # whether it is too early to say
    recovered: Callable[[Arrivals, bool], bool]  # the latter: whether nobody else has come back for a while
    soon: Callable[[int], bool]  # from a terminal's last word to its will -> whether that was no keep-alive
    dropped: Callable[[int, int, int], bool]  # wills of a minute, those that came soon, terminals that are awake


class DownAfter(Protocol):
    """(interval, slack, missed beats that prove it) -> silence that proves it; by default where nothing is known."""

    def __call__(self, interval: int, slack: int, beats: int = ..., /) -> int: ...  # noqa: D102


class Beats(Protocol):
    """What is known of a link, its interval, mistakes allowed in a day -> missed beats that prove it down."""

    def __call__(self, runs: Runs, interval: int, budget: float, /, *, weak: bool) -> int: ...  # noqa: D102


class LivenessDetector(NamedTuple):
    """Judges the silence of one terminal by deadlines. All times in milliseconds."""

    kind: str
    policy: Policy
    late_after: Callable[[int, int], int]  # (interval, slack) -> silence in which one beat is missed
    suspect_after: Callable[[int, int], int]  # (interval, slack) -> silence that makes a suspect
    down_after: DownAfter
    down_after_will: Callable[[int, int, int, int, int], int]  # (last seen, will at, interval, slack, beats) -> when
    unanswered_at: Callable[[int, int], int]  # (will at, interval) -> when a reconnection ought to have come
    back_by: Callable[[int], int]  # all connections were lost at a time -> when it may be told of who is not back
    hold: Callable[[int], int]  # interval -> how long neighbours get to show that they share the fault
    missed: Callable[[int, int, int], int]  # (silence, interval, slack) -> the longest patience that it outlasted
    most_beats: Callable[[int], int]  # interval -> the longest patience with a link that is not announced as weak
    beats: Beats


class LinkDetector(NamedTuple):
    """Judges what a terminal's link loses, by its runs, the longest patience, and the mistakes allowed in a day."""

    kind: str
    policy: Policy
    breached: Callable[[Runs, int, float], bool]
    recovered: Callable[[Runs, int, float], bool]


class GroupDetector(Struct, frozen=True, eq=False, gc=False):
    """Judges the common silence of terminals that share the values of a scope. Equal only to itself."""

    kind: str
    policy: Policy
    names: Callable[[frozenset[str]], bool]  # whether an outage of these attributes together is of this kind
    breached: Callable[[Tally], bool]
    partly: Callable[[Tally], bool]  # whether those are enough that fell silent at one moment, if they are not most
    recovered: Callable[[Tally], bool]


class Penalised(Protocol):
    """(penalty, time since) -> with one more flap, of so long ago."""

    def __call__(self, penalty: float, elapsed: int = 0, /) -> float: ...  # noqa: D102


class FlapBreach(Protocol):
    """The penalty, and whether it is of many terminals together -> whether it is too much."""

    def __call__(self, penalty: float, /, *, many: bool) -> bool: ...  # noqa: D102


class FlapDetector(NamedTuple):
    """Judges how often something comes and goes, by a penalty; times in milliseconds."""

    kind: str
    policy: Policy
    decayed: Callable[[float, int], float]  # (penalty, time since) -> what is left of it
    penalised: Penalised
    breached: FlapBreach
    recovered: Callable[[float], bool]


class DeviceDetector(Struct, frozen=True, eq=False, gc=False):
    """Judges one terminal by its device events and by what its heartbeats show. Equal only to itself.

    An event is the terminal's own verdict and counts at once, unless its code is a slow one. A sign counts when every
    heartbeat has shown it for as long as `signs` says, and is over when none has for as long as the policy keeps it.
    """

    kind: str
    policy: Policy
    concerns: Callable[[DeviceEvent], bool]
    oneshot_ms: int | None  # how long what happened once counts as wrong; None until it is cleared
    slow: Mapping[str, int] = {}  # codes that people see to by themselves, and how long that may take, in ms
    signs: Mapping[str, int] = {}  # how long each has to last, in ms
    beside: frozenset[str] = frozenset()  # signs beside which its own prove nothing
    in_hours: bool = False  # its signs mean something only while the shop trades


class Reply(enum.IntEnum):
    """How a terminal's request to a host ended."""

    WELL = 0  # the host answered, whatever it said of the card
    FAILED = 1  # the answer speaks of the host, which cannot work
    LOST = 2  # no answer came, for which the way there may be to blame
    ODD = 3  # kept in the terminal, a code that nobody knows, or answered late: bad only where that is not usual
    REFUSED = 4  # the host answered, and declined: bad only where it declines nearly everything
    TURNING = 5  # it changes its business day: bad only where that does not end


class Replies(NamedTuple):
    """How requests to one host ended over some time, and how they do as a rule."""

    requests: int
    failed: int
    usual: float  # the share that fails as a rule, 0..1
    slow: bool = False  # answers take far longer than they do as a rule


Overlay = Mapping[str, Meaning]  # what codes mean to one acquirer


class Relief(Protocol):
    """What usually fails, what failed in the outage (0: unknown), whether it was answered -> bits for its end."""

    def __call__(self, usual: float, share: float, /, *, answered: bool) -> float: ...  # noqa: D102


class HostDetector(NamedTuple):
    """Judges whether a host fails, by what it reports of its own health and by how requests of terminals end."""

    kind: str
    policy: Policy
    witnesses: int  # terminals that must have seen it
    unknown: float  # the share that fails as a rule, where nothing is known of a host
    refused: float  # the least share that is taken for what a host declines as a rule
    reply: Callable[[Transaction, Overlay | None], Reply | None]  # None: this stage tells nothing of a host
    told: Callable[[HostHealth, Overlay | None], int]  # requests that failed by its own report
    slow: Callable[[float, float], bool]  # (p95, its usual value) in ms
    hangs: Callable[[float, float], bool]  # the same, so slow that nobody waits for it
    waits_ms: int  # nobody waits longer for an answer
    declined: Callable[[HostHealth, Overlay | None], int]  # requests that were declined by its own report
    turning: Callable[[HostHealth, Overlay | None], int]  # to which it said that it changes its business day
    withheld: Callable[[float, float], bool]  # (approvals in a second, those of shortly before): the host takes them
    fails: Callable[[HostHealth, Replies], bool]  # by its own report, with what is usual
    works: Callable[[HostHealth, Replies], bool]
    excess: Callable[[Replies], float]  # how sure it is that more fail than may, in log-odds
    breached: Callable[[Replies], bool]
    lasting: Callable[[Replies], bool]  # less sure, and enough to believe what was breached before
    well: Callable[[Replies], bool]  # others have no trouble, so it is not the host's
    relief: Relief
    relieved: float  # so many bits are enough


class WorkDetector(NamedTuple):
    """Judges what became of terminals after planned work; the engine looks when it ends."""

    kind: str
    policy: Policy


class MoneyDetector(NamedTuple):
    """Judges what became of sales; the engine asks its ledger."""

    kind: str
    policy: Policy


Detector = (
    MoneyDetector
    | IngestDetector
    | LivenessDetector
    | LinkDetector
    | GroupDetector
    | FlapDetector
    | DeviceDetector
    | HostDetector
    | WorkDetector
)
