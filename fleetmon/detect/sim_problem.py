"""The SIM is deactivated or out of data, as the terminal reports it, or another one is in the terminal.

A change of the SIM in the same device is a ticket for a day: somebody has to say why. Together with the
device it is a replacement, and no problem.
Where it can be wrong: terminals with two SIMs that name the one in use.
"""

from fleetmon.model.detector import DeviceDetector
from fleetmon.model.events import DeviceEvent
from fleetmon.model.incident import Policy


def concerns(event: DeviceEvent) -> bool:
    """Whether a device event speaks of the SIM."""
    return event.component == "sim" and (event.action == "clear" or event.severity != "info")


SIM_PROBLEM = DeviceDetector(
    kind="sim_problem",
    policy=Policy(severity="warning", pages=False, hold_ms=0, keep_ms=300_000),
    concerns=concerns,
    oneshot_ms=86_400_000,
)
