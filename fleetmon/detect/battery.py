"""The battery is flat or worn, or mains power is lost: as the terminal reports it, or as its heartbeats show.

Where it can be wrong: a terminal on its way between two tables reports every lift from its charger; those
are `info` and open nothing.
"""

from fleetmon.model.detector import DeviceDetector
from fleetmon.model.events import DeviceEvent
from fleetmon.model.incident import Policy


def concerns(event: DeviceEvent) -> bool:
    """Whether a device event speaks of the battery or of lost power."""
    told = event.action == "clear" or event.severity != "info"
    lost = event.component == "power" and "lost" in event.code.lower()
    return told and (event.component == "battery" or lost)


BATTERY = DeviceDetector(
    kind="battery",
    policy=Policy(severity="warning", pages=False, hold_ms=0, keep_ms=900_000),
    concerns=concerns,
    oneshot_ms=600_000,
    signs={"low_battery": 600_000, "sinking": 0, "weak_cell": 0},
)
