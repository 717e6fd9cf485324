"""How long an acknowledgement holds: until its time, or until the incident is worse than what was acknowledged.

Worse is: a higher severity, people being called for what was a ticket, or an outage that has grown by half and by
five terminals at least, so that neither a small one nor the flutter of a great one counts.
Where it can be wrong: an outage that moves on, some terminals back and as many others gone, has not grown.
"""

from typing import Final

from fleetmon.model.days import DAY
from fleetmon.model.incident import Acknowledgement, Incident

LONGEST: Final = 30 * DAY  # from now; whoever needs more says so again
_LEAST_GROWTH: Final = 5  # terminals
_SEVERITIES: Final = ("info", "warning", "critical")


def acknowledgement(incident: Incident, author: str, at: int, until: int, comment: str) -> Acknowledgement:
    """Of the incident as it is now."""
    paged = incident.paged_at is not None
    return Acknowledgement(author, at, until, comment, incident.severity, incident.terminals, paged)


def is_worse(incident: Incident, known: Acknowledgement) -> bool:
    """Whether it is worse now than what was acknowledged."""
    graver = _SEVERITIES.index(incident.severity) > _SEVERITIES.index(known.severity)
    calls = incident.paged_at is not None and not known.paged
    growth = incident.terminals - known.terminals
    return graver or calls or (growth >= _LEAST_GROWTH and growth * 2 >= known.terminals)
