"""What was heard of a host since its incident opened: whether that goes on, and whether the host works again."""

from math import log2
from typing import Final

from msgspec import Struct, field

from fleetmon.detect import HOST_OUTAGE
from fleetmon.engine.hosts.words import Word
from fleetmon.model.detector import Replies, Reply
from fleetmon.model.incident import DECLINES, SLOW, Incident

_ENOUGH: Final = 2  # terminals that saw it go on
_MANY: Final = 8  # requests that tell how bad it is
_LONG: Final = 8  # times from one failure to the next; so long without one is no chance


class Trouble(Struct):
    """Requests to one host with an open incident. Times in ms, by arrival."""

    incident: Incident
    heard_at: int  # when anybody told of the host
    share: float = 0.0  # of requests that fail; 0 if nobody knows
    odd: bool = False  # what ends oddly counts as well
    sign: str = ""  # what is wrong; empty if nobody knows any more
    failed_at: int = 0  # a request of a terminal
    belied: bool = False  # it called itself well while terminals saw it fail
    relief: float = 0.0  # what terminals tell for its end, since they told against it last
    answered: float = 0.0  # the same by the host's own word
    _asked: int = 0
    _failed: int = 0
    _begun: int = 0  # the first request that failed
    _admitted: bool = False  # the host told last that it fails; of its next word a part may be of that time
    _witnesses: set[str] = field(default_factory=set)  # terminals; a few tell enough

    def weigh(self, terminal: str, reply: Reply, at: int, usual: float, *, timed: bool) -> None:
        """Take in a request that ended; of one that is `timed` it is known that it was answered soon enough."""
        self.heard_at = at
        if reply is Reply.REFUSED and self.sign != DECLINES:
            if not self.sign:
                return
            reply = Reply.WELL
        if (reply is Reply.ODD and not self.odd) or (reply is Reply.WELL and self.sign == SLOW and not timed):
            return
        self._asked += 1
        told = HOST_OUTAGE.relief(usual, self.share, answered=reply is Reply.WELL)
        self.relief = min(max(self.relief + told, 0.0), 2 * self._enough)
        if reply is not Reply.WELL:
            self.failed_at, self.answered = at, 0.0
            self._begun = self._begun or at
            self._failed += 1
            if self._asked >= _MANY:
                self.share = self._failed / self._asked  # not of what goes well since
            if len(self._witnesses) < _ENOUGH:
                self._witnesses.add(terminal)

    def hear(self, word: Word) -> None:
        """Take in the host's own word."""
        self.heard_at = word.heard_at
        if word.said.fails:
            self.relief = self.answered = 0.0
            self.belied, self._admitted = False, True
        elif word.health.requests and (not word.said.works or (word.said.refuses and self.sign in (DECLINES, ""))):
            self.answered = 0.0
        elif word.said.works and word.begin <= self.failed_at:
            self.belied, self._admitted = self.belied or not self._admitted, False
        elif word.said.works and (not self.belied or self._is_quiet(word.heard_at)):
            signed_on = word.health.requests == 0  # it had signed off, or this would be no word of health
            self.answered += HOST_OUTAGE.relieved if signed_on else word.health.requests

    def lasts(self, usual: float) -> bool:
        """Whether requests go on failing, of more than one terminal."""
        replies = Replies(self._asked, self._failed, usual)
        return len(self._witnesses) >= _ENOUGH and HOST_OUTAGE.lasting(replies)

    @property
    def is_over(self) -> bool:
        """Whether so many went well since it last failed that the host works again."""
        return self.relief >= self._enough or self.answered >= HOST_OUTAGE.relieved

    def _is_quiet(self, now: int) -> bool:
        """Whether terminals have seen nothing fail for longer than chance explains."""
        return (now - self.failed_at) * self._failed >= _LONG * (self.failed_at - self._begun)

    @property
    def _enough(self) -> float:
        """Bits of relief; more, the more was asked: in a long partial outage chance has a good stretch now and then."""
        return HOST_OUTAGE.relieved + log2(max(self._asked, 2) / 2)
