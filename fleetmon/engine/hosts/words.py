"""What hosts tell of their own health, and how it is as a rule.

The newest report by the host's own clock counts; a report that comes late or again changes nothing. Health of
a link between two hosts (`peer`) says nothing of either alone and is left to the ledger.
"""

from collections.abc import Callable, Container
from math import exp, log
from typing import Final, NamedTuple

from msgspec import Struct

from fleetmon.detect import HOST_OUTAGE
from fleetmon.engine.hosts.usual import Usual
from fleetmon.model.days import DAY
from fleetmon.model.detector import Overlay, Replies
from fleetmon.model.events import HostHealth
from fleetmon.model.incident import FAILS, SIGNED_OFF, SLOW

STRANGERS: Final = 256  # hosts that nobody knows and that are listened to
CUTOVER: Final = 900_000  # after which a day's cut-over is no excuse
_SOON: Final = 60_000  # by which a report may be late
_TRUST: Final = 30  # requests that make what was told count more than what is supposed
_PACES: Final = 5  # reports after which it is known how fast a host is
_HANGING: Final = 3  # reports in a row that make slow answers a failure


class Said(NamedTuple):
    """What a report amounts to."""

    fails: bool
    works: bool
    slow: bool
    hangs: bool  # so slow that nobody waits
    refuses: bool  # it declines nearly everything


class Word(Struct, gc=False):
    """The newest report of a host. Times in ms: `at` by the host's clock, the others by arrival."""

    health: HostHealth
    at: int
    heard_at: int
    said: Said
    failing_since: int | None  # when the first of the bad reports in a row was heard
    cutover_since: int | None  # when it was heard that the host changes its business day
    hanging: int  # reports in a row that tell of answers for which nobody waits

    @property
    def sign(self) -> str:
        """What is wrong, where it fails."""
        if self.health.signed_on is False:
            return SIGNED_OFF
        return SLOW if self.hanging >= _HANGING else FAILS

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
        said = said._replace(fails=said.fails or hanging >= _HANGING)
        since = (last and last.failing_since) or at if said.fails else None
        begun = at if health.cutover == "start" else None if health.cutover or last is None else last.cutover_since
        word = self._newest[host] = Word(health, told_at, at, said, since, begun, hanging)
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
        replies = Replies(health.requests, HOST_OUTAGE.told(health, overlay), usual, slow)
        works = HOST_OUTAGE.works(health, replies) and not hangs
        return Said(HOST_OUTAGE.fails(health, replies), works, slow, hangs, HOST_OUTAGE.refuses(health, overlay))

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

    def _learn(self, host: str, health: HostHealth, at: int, said: Said) -> None:
        if said.fails or self._is_unusual(host, at):
            return
        failed = HOST_OUTAGE.told(health, self.overlay(host))
        self._failing.setdefault(host, Usual()).learn(at, failed, health.requests)
        if health.p95_ms and not said.hangs:
            self._paces.setdefault(host, Usual()).learn(at, log(health.p95_ms))


_NOTHING: Final = Usual()
