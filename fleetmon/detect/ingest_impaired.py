"""We do not hear: our link to the broker is gone, so no silence means anything.

A broker that restarts within the hold calls nobody, unless it does so again and again; it is over when we have
heard for some minutes.
"""

from fleetmon.model.detector import IngestDetector
from fleetmon.model.incident import Policy

INGEST_IMPAIRED = IngestDetector(
    kind="ingest_impaired",
    policy=Policy(severity="critical", pages=True, hold_ms=30_000, keep_ms=180_000),
)
