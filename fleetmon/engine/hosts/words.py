"""What hosts tell of their own health, and how it is as a rule.

The newest report by the host's own clock counts; a report that comes late or again changes nothing. Health of
a link between two hosts (`peer`) says nothing of either alone and is left to the ledger.
A report adds up all shops, and one where cards are tried out may fill it. So a host declines nearly everything
only if approvals are missing that it gave in the hour before.
Where it can be wrong: cards are tried out just while trade breaks off.
"""

from collections.abc import Callable, Container
from math import exp, log
from typing import Final, NamedTuple

from msgspec import Struct

from fleetmon.detect import HOST_OUTAGE
from fleetmon.engine.hosts.cutovers import CUTOVER, STRANGERS
from fleetmon.engine.hosts.usual import Usual
from fleetmon.model.days import DAY
from fleetmon.model.detector import Overlay, Replies
from fleetmon.model.events import HostHealth
from fleetmon.model.incident import DECLINES, FAILS, SIGNED_OFF, SLOW, TURNING

_SOON: Final = 60_000  # by which a report may be late
_TRUST: Final = 30  # requests that make what was told count more than what is supposed
_PACES: Final = 5  # reports after which it is known how fast a host is
_SLOWEST: Final = 3_600_000.0  # ms; what is slower is no pace, and exponents have an end
_HISTORY: Final = 100  # requests after which it is known how many a host declines
_SHORTLY: Final = 3_600_000  # what is so old counts half of how many it approves
_IN_A_ROW: Final = 3  # reports that make slow answers, or declines, a failure


class Said(NamedTuple):
    """What a report amounts to."""

    fails: bool
    works: bool
    slow: bool
    hangs: bool  # so slow that nobody waits
    refuses: bool  # it declines nearly everything
    withholds: bool = False  # it does, and approves what it would approve else no more


class _Run(NamedTuple):
    """Reports in a row of a host that withholds approvals, and the requests that they tell of."""

    reports: int = 0
    requests: int = 0
    declined: int = 0


class Word(Struct, gc=False):
    """The newest report of a host. Times in ms: `at` by the host's clock, the others by arrival."""

    health: HostHealth
    at: int
    heard_at: int
    said: Said
    failing_since: int | None  # when the first of the bad reports in a row was heard
    cutover_since: int | None  # when it was heard that the host changes its business day
    turning_since: int | None  # when the first of the reports in a row was heard that tell of little but 90
    hanging: int  # reports in a row that tell of answers for which nobody waits
    declining: _Run
    sign: str  # what is wrong, where it fails

    @property
    def begin(self) -> int:
        """From when on it tells, by arrival."""
        return self.heard_at - round(self.health.window_s * 1000)


class Words:
    """The newest word of each host."""

    def __init__(self, is_unusual: Callable[[str, int], bool]) -> None:
        """`is_unusual` tells whether a host had trouble, or planned work, at a time."""
        self.registered: Container[str] = ()
        self.overlay: Callable[[str], Overlay | None] = lambda _: None
        self._is_unusual = is_unusual
        self._newest: dict[str, Word] = {}
        self._failing: dict[str, Usual] = {}
        self._paces: dict[str, Usual] = {}  # of the logarithm of p95
        self._declined: dict[str, Usual] = {}
        self._approved: dict[str, Usual] = {}  # in a second, of late

    def note(self, host: str, health: HostHealth, at: int, *, was_off: bool = False) -> Word | None:
        """Take in a report; None if it is not news. `was_off`: as far as an earlier life knew it had signed off."""
        # A clock that is a day off dates nothing: then the arrival does.
        told_at = health.at if abs(health.at - at) < DAY else at
        last = self._newest.get(host)
        if last is not None and told_at <= last.at:
            return None
        if last is None and host not in self.registered and len(self._newest) >= STRANGERS:
            return None
        said = self.said(host, health)
        if said.works and health.requests == 0:
            said = said._replace(works=was_off if last is None else last.health.signed_on is False)
        hanging = (last.hanging if last is not None else 0) + 1 if said.hangs else 0
        declining = self._run(host, health, said, last.declining if last is not None else _Run())
        turning = self._turning(host, health)
        turning_since = ((last and last.turning_since) or at) if turning else None
        endless = turning_since is not None and at >= turning_since + CUTOVER
        sign = self._sign(host, health, said, hanging, declining) or (TURNING if endless else "")
        said = said._replace(fails=bool(sign))
        since = (last and last.failing_since) or at if said.fails else None
        begun = at if health.cutover == "start" else None if health.cutover or last is None else last.cutover_since
        word = self._newest[host] = Word(
            health, told_at, at, said, since, begun, turning_since, hanging, declining, sign
        )
        self._learn(host, health, at, said)
        return word

    def recall(self, host: str, health: HostHealth, at: int) -> None:
        """Learn from a report of the past, in any order."""
        if host in self.registered or host in self._failing or len(self._failing) < STRANGERS:
            self._learn(host, health, at, self.said(host, health))

    def said(self, host: str, health: HostHealth) -> Said:
        """What a report amounts to, by what is usual of its host."""
        failing, pace = self._failing.get(host, _NOTHING), self._paces.get(host, _NOTHING)
        usual = failing.mean(HOST_OUTAGE.unknown, _TRUST)
        slow = hangs = False
        if health.p95_ms is not None and pace.weight >= _PACES:
            as_ever = exp(pace.mean())
            slow, hangs = HOST_OUTAGE.slow(health.p95_ms, as_ever), HOST_OUTAGE.hangs(health.p95_ms, as_ever)
        overlay = self.overlay(host)
        requests = _requests(health)
        replies = Replies(requests, HOST_OUTAGE.told(health, overlay), usual, slow)
        works = HOST_OUTAGE.works(health, replies) and not hangs
        declined = HOST_OUTAGE.declined(health, overlay)
        refuses = HOST_OUTAGE.excess(Replies(requests, declined, self._refusing(host))) > 0
        withholds = refuses and self._withholds(host, (requests - declined) / _seconds(health))
        return Said(HOST_OUTAGE.fails(health, replies), works, slow, hangs, refuses, withholds)

    def newest(self, host: str) -> Word | None:
        """The newest report of a host."""
        return self._newest.get(host)

    def is_slow(self, host: str, at: int) -> bool:
        """Whether a host is slower than usual by its last report, if that is not old."""
        word = self._newest.get(host)
        return word is not None and word.said.slow and at < word.heard_at + 2 * (word.heard_at - word.begin) + _SOON

    def in_cutover(self, host: str, at: int) -> bool:
        """Whether a host changes its business day."""
        word = self._newest.get(host)
        return word is not None and word.cutover_since is not None and at < word.cutover_since + CUTOVER

    def _turning(self, host: str, health: HostHealth) -> bool:
        """Whether most requests are answered with 90."""
        told = Replies(_requests(health), HOST_OUTAGE.turning(health, self.overlay(host)), HOST_OUTAGE.refused)
        return HOST_OUTAGE.breached(told)

    def _run(self, host: str, health: HostHealth, said: Said, run: _Run) -> _Run:
        """The run of reports that tell of withheld approvals; a report of no requests does not end it."""
        if not said.withholds:
            return run if not health.requests else _Run()
        declined = HOST_OUTAGE.declined(health, self.overlay(host))
        return _Run(run.reports + 1, run.requests + _requests(health), run.declined + declined)

    def _sign(self, host: str, health: HostHealth, said: Said, hanging: int, run: _Run) -> str:
        """What is wrong with a host by its word; empty if it does not fail."""
        if health.signed_on is False:
            return SIGNED_OFF
        if hanging >= _IN_A_ROW:
            return SLOW
        if said.fails:
            return FAILS
        declines = HOST_OUTAGE.breached(Replies(run.requests, run.declined, self._refusing(host)))
        return DECLINES if said.withholds and run.reports >= _IN_A_ROW and declines else ""

    def _knows(self, host: str) -> bool:
        """Whether it is known how much a host declines as a rule."""
        return self._declined.get(host, _NOTHING).weight >= _HISTORY

    def _refusing(self, host: str) -> float:
        """The share that a host declines as a rule, or what anybody may."""
        return max(self._declined[host].mean(), HOST_OUTAGE.refused) if self._knows(host) else HOST_OUTAGE.refused

    def _withholds(self, host: str, approved: float) -> bool:
        """Whether it is known how many a host approves, in a second, and these are too few."""
        return self._knows(host) and HOST_OUTAGE.withheld(approved, self._approved.get(host, _NOTHING).mean())

    def _learn(self, host: str, health: HostHealth, at: int, said: Said) -> None:
        if said.fails or self._is_unusual(host, at):
            return
        failed, requests = HOST_OUTAGE.told(health, self.overlay(host)), _requests(health)
        self._failing.setdefault(host, Usual()).learn(at, failed, requests)
        if health.p95_ms and not said.hangs:
            self._paces.setdefault(host, Usual()).learn(at, log(min(health.p95_ms, _SLOWEST)))
        declined = HOST_OUTAGE.declined(health, self.overlay(host))
        if not (said.refuses and self._knows(host)):
            self._declined.setdefault(host, Usual()).learn(at, declined, requests)
        if not said.withholds:
            approved = self._approved.setdefault(host, Usual(half_life=_SHORTLY))
            approved.learn(at, requests - declined, _seconds(health))


def _requests(health: HostHealth) -> int:
    """How many requests a report tells of; no fewer than its codes."""
    return max(health.requests, sum(health.codes.values()))


def _seconds(health: HostHealth) -> float:
    return max(health.window_s, 1.0)


_NOTHING: Final = Usual()
