"""The software does not work: it starts again and again, or nothing can be paid with it.

A single crash is no fault, and the loop ends an hour after the last. Nothing can be paid when the host cannot read
its messages, or since an update when sales are refused for reasons of the terminal's own, get no answer or fail
otherwise while others of its acquirer sell, or none are made any longer; that ends with the first sale that succeeds.
Where it can be wrong: a loose plug looks like a loop of restarts.
"""

from fleetmon.model.detector import DeviceDetector
from fleetmon.model.events import DeviceEvent
from fleetmon.model.incident import Policy


def concerns(event: DeviceEvent) -> bool:
    """Whether a device event speaks of software that does not work, and goes on not working."""
    lasts = event.action == "set" and event.severity != "info"
    return event.component == "software" and (lasts or event.action == "clear")


SOFTWARE_FAULT = DeviceDetector(
    kind="software_fault",
    policy=Policy(severity="warning", pages=False, hold_ms=0, keep_ms=900_000),
    concerns=concerns,
    oneshot_ms=600_000,
    signs={"looping": 0, "garbled": 0, "cannot_pay": 0},
)
