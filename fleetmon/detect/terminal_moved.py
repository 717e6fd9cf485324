"""The terminal is used away from its shop (移机), or several terminals claim to be the same device.

A place more than a kilometre off counts when every heartbeat has told it for a quarter of an hour; one serial number at
two living terminals counts as it is.
Where it can be wrong: shops registered at the wrong place, deliveries, market stalls.
"""

from fleetmon.model.detector import DeviceDetector
from fleetmon.model.incident import Policy

TERMINAL_MOVED = DeviceDetector(
    kind="terminal_moved",
    policy=Policy(severity="warning", pages=False, hold_ms=0, keep_ms=900_000),
    concerns=lambda _: False,
    oneshot_ms=None,
    signs={"moved": 900_000, "cloned": 0},
)
