"""Sales lie in the terminal and are not sent although it reaches its host.

After an outage they are gone within minutes; who still has some after half an hour of heartbeats needs a hand.
Where it can be wrong: terminals that are set to send everything at the end of the day.
"""

from fleetmon.model.detector import DeviceDetector
from fleetmon.model.incident import Policy

OFFLINE_PENDING = DeviceDetector(
    kind="offline_pending",
    policy=Policy(severity="warning", pages=False, hold_ms=0, keep_ms=120_000),
    concerns=lambda _: False,
    oneshot_ms=None,
    signs={"pending": 1_800_000},
    beside=frozenset({"no_host"}),
)
