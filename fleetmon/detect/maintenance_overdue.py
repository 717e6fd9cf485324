"""Planned work is over, with its grace, and terminals that worked when it began are not back.

The engine asks at the end and grace of each window whose end somebody told: who was heard shortly before the
start or since, ought to be heard now, and was not heard since the end. It is over when all are heard.
Where it can be wrong: a terminal that was switched off for good during the work is missed like the others.
"""

from fleetmon.model.detector import WorkDetector
from fleetmon.model.incident import Policy

MAINTENANCE_OVERDUE = WorkDetector(
    kind="maintenance_overdue", policy=Policy(severity="critical", pages=True, hold_ms=0, keep_ms=0)
)
