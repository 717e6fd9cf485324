"""The security module has locked the terminal: no card can be taken until a technician has seen it.

Source: PCI PTS POI, A1 (tamper detection makes the device inoperable). A tamper reported once stays
until the terminal clears it or is replaced.
"""

from fleetmon.model.detector import DeviceDetector
from fleetmon.model.events import DeviceEvent
from fleetmon.model.incident import Policy


def concerns(event: DeviceEvent) -> bool:
    """Whether a device event speaks of tampering."""
    return event.component == "security" or "tamper" in event.code.lower()


TAMPER = DeviceDetector(
    kind="tamper",
    policy=Policy(severity="critical", pages=True, hold_ms=0, keep_ms=0),
    concerns=concerns,
    latches=True,
)
