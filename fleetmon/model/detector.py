"""The ports of detection: what the engine asks a detector, and what it tells it.

A detector says *whether* something is wrong; the engine keeps the life of the incident.
"""

import enum
from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple, Protocol

from msgspec import Struct

from fleetmon.model.events import DeviceEvent, HostHealth, Transaction
from fleetmon.model.incident import Policy
from fleetmon.model.responses import Meaning
from fleetmon.model.runs import Runs

Grouping = Literal["site", "region", "carrier"]


class Tally(NamedTuple):
    """Terminals of one group that ought to be heard, at one moment of a suspected outage.

    `silent` missed at least one heartbeat; `alive` spoke after the last sign of life of the silent
    ones; `waiting` did neither yet, so they say nothing. `beside_*` leaves out the part (one site, one
    region: see `GroupDetector.apart`) that has most silent terminals: what remains if it alone is to blame.
    """

    silent: int
    alive: int
    waiting: int
    beside_silent: int
    beside_alive: int


class IngestDetector(NamedTuple):
    """Judges our own hearing; the engine tells it of links lost and regained."""

    kind: str
    policy: Policy


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
    suspect_after: Callable[[int, int], int]  # (interval, slack) -> silence that makes a suspect
    down_after: DownAfter
    down_after_will: Callable[[int, int, int, int, int], int]  # (last seen, will at, interval, slack, beats) -> when
    unanswered_at: Callable[[int, int], int]  # (will at, interval) -> when a reconnection ought to have come
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
    """Judges the common silence of terminals that share the values of `scope`. Equal only to itself."""

    kind: str
    policy: Policy
    scope: tuple[Grouping, ...]
    apart: Grouping  # the fault must show in more than one of these
    cellular: bool  # only terminals on a mobile network are members
    breached: Callable[[Tally], bool]
    recovered: Callable[[Tally], bool]


class DeviceDetector(NamedTuple):
    """Judges device events of one terminal."""

    kind: str
    policy: Policy
    concerns: Callable[[DeviceEvent], bool]
    oneshot_ms: int | None  # how long what happened once counts as wrong; None until it is cleared


class Reply(enum.IntEnum):
    """How a terminal's request to a host ended."""

    WELL = 0  # the host answered, whatever it said of the card
    FAILED = 1  # the answer speaks of the host, which cannot work
    LOST = 2  # no answer came, for which the way there may be to blame
    ODD = 3  # kept in the terminal, or a code that nobody knows: bad only where that is not usual


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
    reply: Callable[[Transaction, Overlay | None], Reply | None]  # None: this stage tells nothing of a host
    told: Callable[[HostHealth, Overlay | None], int]  # requests that failed by its own report
    slow: Callable[[float, float], bool]  # (p95, its usual value) in ms
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
    | DeviceDetector
    | HostDetector
    | WorkDetector
)
