"""Who sees to an incident, and until when: the life of acknowledgements.

While one holds nobody is called for the incident. It ends at its time, when the incident has become worse, when
somebody takes it back, and with the incident itself. In the first two cases people are called again: exactly
once, and only for what calls people at all. At its time it goes on while we cannot tell whether the incident is
over: while we hear nothing, and while it waits for `keep_firing_for`.
"""

from typing import Any, Final

from msgspec import to_builtins

from fleetmon.detect import DETECTORS, INGEST_IMPAIRED
from fleetmon.engine.agenda import Plan
from fleetmon.engine.hearing import not_before_all
from fleetmon.engine.incidents import Incidents
from fleetmon.engine.outages.outages import is_of_many
from fleetmon.engine.shard import Shard
from fleetmon.model.acknowledgement import acknowledgement, is_worse
from fleetmon.model.audit import AuditEntry
from fleetmon.model.detector import FlapDetector, GroupDetector, LivenessDetector, WorkDetector
from fleetmon.model.errors import ConflictError
from fleetmon.model.incident import Acknowledgement, Incident, Status
from fleetmon.model.terminal import Terminal

RANK: Final = 102  # after all that may end the incident at that moment
LATER: Final = 60_000  # until what seems to be over is asked again, and for what waited at the broker
_SAMPLE: Final = 16  # of those whom an outage may have taken
_SILENCE: Final = frozenset(
    one.kind for one in DETECTORS if isinstance(one, LivenessDetector | GroupDetector | FlapDetector | WorkDetector)
)


class Acknowledgements:
    """Acknowledges firing incidents. Times in milliseconds."""

    def __init__(self, shard: Shard, incidents: Incidents, plan: Plan) -> None:
        self._shard = shard
        self._incidents = incidents
        self._plan = plan
        self._audit: list[AuditEntry] = []
        incidents.reconsider = self._reconsider

    def put(self, incident_id: str, author: str, now: int, until: int, comment: str) -> None:
        """Somebody sees to it, or goes on with that in other words; the same again changes nothing."""
        incident = self._firing(incident_id)
        before = incident.acknowledgement
        if before is not None and (before.author, before.until, before.comment) == (author, until, comment):
            return
        after = acknowledgement(incident, author, now, until, comment)
        self._note(now, author, "acknowledged", incident, before, after)
        self._incidents.acknowledge(incident, now, after)
        self._plan(max(until, now + 1), RANK, "acknowledged", incident)

    def withdraw(self, incident_id: str, author: str, now: int) -> None:
        """Somebody says that nobody sees to it; whoever says so knows, and nobody is called."""
        incident = self._firing(incident_id)
        if incident.acknowledgement is not None:
            self._end(incident, now, "acknowledgement withdrawn", author)

    def look(self, incident: Incident, due: int) -> None:
        """Its time may be over."""
        known = incident.acknowledgement
        if known is None or incident.status is not Status.FIRING or due < known.until:
            return
        later = due + LATER if incident.clear_since is not None else self._heard_from(incident, due)
        if later is None:
            self._end(incident, due, "acknowledgement expired")
        else:
            self._plan(later, RANK, "acknowledged", incident)

    def restore(self, incident: Incident, now: int) -> None:
        """Take up an incident that was read back."""
        if incident.acknowledgement is not None:
            self._plan(max(incident.acknowledgement.until, now), RANK, "acknowledged", incident)

    def take(self) -> list[AuditEntry]:
        """What was changed since the last call."""
        audit, self._audit = self._audit, []
        return audit

    def _reconsider(self, incident: Incident, at: int) -> None:
        """It has changed."""
        known = incident.acknowledgement
        if known is not None and incident.status is Status.FIRING and is_worse(incident, known):
            self._end(incident, at, "worse than when it was acknowledged")

    def _end(self, incident: Incident, at: int, reason: str, author: str | None = None) -> None:
        action = "unacknowledged" if author is not None else "lapsed"
        self._note(at, author, action, incident, incident.acknowledgement, None, reason=reason)
        self._incidents.unacknowledge(incident, at, reason, call=author is None)

    def _firing(self, incident_id: str) -> Incident:
        incident = self._incidents.named(incident_id)
        if incident is None or incident.status is not Status.FIRING:
            raise ConflictError(f"Incident {incident_id} is not firing; only what is can be acknowledged.")
        return incident

    def _heard_from(self, incident: Incident, due: int) -> int | None:
        """When we shall know whether it is over, if we do not now. Of our own deafness we know.

        After we were deaf what waited at the broker comes first, and who was silent gets a fresh grace.
        """
        if incident.kind == INGEST_IMPAIRED.kind:
            return None
        asked = self._asked(incident) if incident.kind in _SILENCE else ()
        grace = not_before_all(self._shard, due, asked)
        soon = self._shard.heard_since + LATER
        return grace or (soon if due < soon else None)

    def _asked(self, incident: Incident) -> list[Terminal]:
        """Some of those from whom we should hear that it is over."""
        fleet = self._shard.fleet
        asked = [one for key in incident.evidence if (one := fleet.terminals.get(key)) is not None]
        return [*asked, *fleet.groups.members(incident.scope)[:_SAMPLE]] if is_of_many(incident) else asked

    def _note(
        self,
        at: int,
        author: str | None,
        action: str,
        incident: Incident,
        before: Acknowledgement | None,
        after: Acknowledgement | None,
        **more: Any,  # noqa: ANN401
    ) -> None:
        detail = {"before": to_builtins(before), "after": to_builtins(after), **more}
        self._audit.append(AuditEntry(at, author, action, "incident", incident.id, detail))
