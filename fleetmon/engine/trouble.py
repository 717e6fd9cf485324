"""What was heard of a host since its incident opened: whether that goes on, and whether the host works again."""

from typing import Final

from msgspec import Struct, field

from fleetmon.detect import HOST_OUTAGE
from fleetmon.model.detector import Replies, Reply
from fleetmon.model.incident import Incident

_ENOUGH: Final = 2  # terminals that saw it go on


class Trouble(Struct):
    """Requests to one host with an open incident. Times in ms, by arrival."""

    incident: Incident
    heard_at: int  # when anybody told of the host
    failed_at: int = 0
    _asked: int = 0
    _failed: int = 0
    _witnesses: set[str] = field(default_factory=set)  # terminals; a few tell enough
    _asked_since: int = 0  # since it last failed more than it may
    _failed_since: int = 0

    def weigh(self, terminal: str, reply: Reply, at: int, usual: float) -> None:
        """Take in a request that ended."""
        self.heard_at = at
        if reply is Reply.ODD:
            return
        self._asked += 1
        self._asked_since += 1
        if reply is Reply.WELL:
            return
        self.failed_at = at
        self._failed += 1
        self._failed_since += 1
        if len(self._witnesses) < _ENOUGH:
            self._witnesses.add(terminal)
        if HOST_OUTAGE.relief(Replies(self._asked_since, self._failed_since, usual)) < 0:
            self.begin_anew()

    def begin_anew(self) -> None:
        """It fails again: what went well before does not count."""
        self._asked_since = self._failed_since = 0

    def lasts(self, usual: float) -> bool:
        """Whether requests go on failing, of more than one terminal."""
        replies = Replies(self._asked, self._failed, usual)
        return len(self._witnesses) >= _ENOUGH and HOST_OUTAGE.lasting(replies)

    def is_over(self, usual: float) -> bool:
        """Whether so many went well since it last failed that the host works again."""
        return HOST_OUTAGE.recovered(Replies(self._asked_since, self._failed_since, usual))
