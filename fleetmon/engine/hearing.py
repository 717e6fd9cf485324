"""Our own link: whether we hear, and whether that is as bad as an outage.

A link that is lost again and again is as bad as one that is gone. While we hear nothing no silence counts, and
afterwards everyone gets a fresh grace.
"""

from typing import Final

from fleetmon.detect import INGEST_IMPAIRED, TERMINAL_OFFLINE
from fleetmon.engine.agenda import Plan
from fleetmon.engine.fleet import slack
from fleetmon.engine.incidents import Incidents
from fleetmon.engine.shard import Shard
from fleetmon.model.incident import Incident, Status
from fleetmon.model.terminal import NO_DEADLINE

FLAPPING: Final = 3  # losses of our link within `SHAKY` are as bad as a long one
SHAKY: Final = 600_000


class Hearing:
    """The incident of our own deafness; times in ms."""

    def __init__(self, incidents: Incidents, plan: Plan) -> None:
        self._incidents = incidents
        self._plan = plan
        self._losses: list[int] = []  # when our link was lost lately

    def lost(self, at: int) -> None:
        """We hear nothing since `at`."""
        kind = INGEST_IMPAIRED.kind
        self._losses = [lost for lost in self._losses if lost > at - SHAKY] + [at]
        incident = self._incidents.find(kind, ())
        if incident is None:
            incident = self._incidents.open(kind, (), at, "link lost")
        incident.clear_since = None
        if incident.status is Status.PENDING and len(self._losses) >= FLAPPING:
            self._incidents.fire(incident, at, "link lost again and again")
        elif incident.status is Status.PENDING:
            self._plan(at + INGEST_IMPAIRED.policy.hold_ms, 0, "link", incident)

    def found(self, at: int) -> None:
        """We hear again; it is over when that lasts."""
        incident = self._incidents.find(INGEST_IMPAIRED.kind, ())
        if incident is not None and incident.status is Status.PENDING:
            self._incidents.end(incident, at, "link regained")
        elif incident is not None:
            incident.clear_since = at
            self._plan(at + INGEST_IMPAIRED.policy.keep_ms, 0, "link", incident)

    def judge(self, incident: Incident, due: int) -> None:
        """It has lasted, or has been over, for long enough."""
        policy, clear_since = INGEST_IMPAIRED.policy, incident.clear_since
        if incident.status is Status.PENDING:
            self._incidents.fire(incident, due, "link lost")
        elif incident.status is Status.FIRING and clear_since is not None and due >= clear_since + policy.keep_ms:
            self._incidents.end(incident, due, "link regained", clear_since)


def not_before(shard: Shard, now: int, interval: int) -> int | None:
    """The end of everyone's fresh grace after we were deaf, if `now` is before it; unknown while we are."""
    if shard.deaf_since is not None:
        return NO_DEADLINE
    grace = shard.heard_since + TERMINAL_OFFLINE.down_after(interval, slack(interval))
    return grace if now < grace else None
