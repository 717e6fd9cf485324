"""Our own hearing: whether it is as bad as an outage that we do not hear everybody, or one provider's terminals.

What is lost again and again is as bad as what is gone. While we hear nothing no silence counts, and afterwards
everyone gets a fresh grace. It is over when we have heard for some minutes, which takes somebody who was heard.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from fleetmon.detect import INGEST_IMPAIRED, TERMINAL_OFFLINE
from fleetmon.engine.agenda import Plan
from fleetmon.engine.fleet import slack
from fleetmon.engine.incidents import Incidents
from fleetmon.engine.shard import Shard
from fleetmon.model.detector import Count
from fleetmon.model.incident import Incident, Scope, Status
from fleetmon.model.terminal import NO_DEADLINE, Terminal

FLAPPING: Final = 3  # losses within `SHAKY` are as bad as a long one
SHAKY: Final = 600_000
LATER: Final = 10_000  # until it is asked again whether somebody was heard
LATEST: Final = 900_000  # from then on nobody is waited for
FEW: Final = 5  # of whom somebody ought to be heard
_KIND: Final = INGEST_IMPAIRED.kind


class Hearing:
    """The incidents of our own deafness; times in ms."""

    def __init__(self, incidents: Incidents, plan: Plan) -> None:
        self.sound: Callable[[Scope, int], Count]  # of some of a scope: who was silent since, and who was heard
        self._incidents = incidents
        self._plan = plan
        self._losses: dict[Scope, list[int]] = {}  # when it was lost lately

    def find(self, scope: Scope) -> Incident | None:
        """The open incident of a scope."""
        return self._incidents.find(_KIND, scope)

    def lost(self, at: int, scope: Scope = (), reason: str = "link lost", since: int | None = None) -> Incident:
        """Nothing is heard of the scope, which is told at `at` and known since then, or `since` earlier."""
        losses = self._losses[scope] = [*(one for one in self._losses.get(scope, ()) if one > at - SHAKY), at]
        incident = self._incidents.find(_KIND, scope) or self._incidents.open(_KIND, scope, at, reason)
        incident.clear_since = None
        if incident.status is Status.PENDING and len(losses) >= FLAPPING:
            self._incidents.fire(incident, at, f"{reason} again and again")
        elif incident.status is Status.PENDING:
            lasts = at if since is None else since
            self._plan(max(at, lasts + INGEST_IMPAIRED.policy.hold_ms), 0, "hearing", incident, reason)
        return incident

    def found(self, at: int, scope: Scope = (), reason: str = "link regained") -> None:
        """The scope is heard again; it is over when that lasts."""
        incident = self._incidents.find(_KIND, scope)
        if incident is not None and incident.status is Status.PENDING:
            self._end(incident, at, reason)
        elif incident is not None:
            incident.clear_since = at
            self._plan(at + INGEST_IMPAIRED.policy.keep_ms, 0, "hearing", incident, reason)

    def resume(self, at: int) -> None:
        """The link is there again, and with it the chance to hear everybody."""
        for incident in list(self._incidents):
            if incident.kind == _KIND:
                self.found(at, incident.scope)

    def judge(self, incident: Incident, reason: str, due: int) -> None:
        """It has lasted, or has been over, for long enough."""
        policy, clear_since = INGEST_IMPAIRED.policy, incident.clear_since
        if incident.status is Status.PENDING:
            if due < incident.opened_at + 2 * policy.hold_ms and self.sound(incident.scope, incident.opened_at).heard:
                self._plan(due + LATER, 0, "hearing", incident, reason)  # it is just coming back
            else:
                self._incidents.fire(incident, due, reason)
        elif incident.status is Status.FIRING and clear_since is not None and due >= clear_since + policy.keep_ms:
            silent, heard = self.sound(incident.scope, clear_since)
            if due < clear_since + LATEST and silent >= FEW and not heard:
                self._plan(due + LATER, 0, "hearing", incident, reason)
            else:
                self._end(incident, due, reason, clear_since)

    def _end(self, incident: Incident, at: int, reason: str, since: int | None = None) -> None:
        """It is over; who fell silent with it and is not heard yet has a cause of its own."""
        self._incidents.end(incident, at, reason, since)
        for other in [one for one in self._incidents if one.kind == _KIND and one.suppressed_by == incident.id]:
            other.suppressed_by = None
            if other.status is Status.FIRING:
                self._incidents.free(other, at, "outlasted what fell silent with it")


def not_before(shard: Shard, now: int, interval: int, provider: str = "") -> int | None:
    """The end of the fresh grace after we were deaf, if `now` is before it; unknown while we are."""
    heard = shard.heard_from(provider)
    if heard == NO_DEADLINE:
        return NO_DEADLINE
    grace = heard + TERMINAL_OFFLINE.down_after(interval, slack(interval))
    return grace if now < grace else None


def not_before_all(shard: Shard, now: int, terminals: Iterable[Terminal]) -> int | None:
    """The same of several: of each by then; of nobody, of whoever beats as fast as can be."""
    kinds = {(one.interval_ms, one.cohort.provider) for one in terminals} or {(0, "")}
    return max([not_before(shard, now, interval, provider) or 0 for interval, provider in kinds]) or None


def audible(shard: Shard, terminals: Sequence[Terminal], now: int) -> Sequence[Terminal]:
    """Those of whom a silence means something: not those whose provider we do not hear, or only since a moment ago."""
    if not shard.heard_again:
        return terminals
    return [one for one in terminals if not_before(shard, now, one.interval_ms, one.cohort.provider) is None]
