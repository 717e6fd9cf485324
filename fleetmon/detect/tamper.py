"""The security module has locked the terminal: no card can be taken until a technician has seen it.

Source: PCI PTS POI, A1 (tamper detection makes the device inoperable). A tamper reported once stays
until the terminal clears it or is replaced. Heartbeats without nexo's security flag prove it when a second one
agrees: a page is worth one beat of doubt.
"""

from fleetmon.model.detector import DeviceDetector
from fleetmon.model.events import DeviceEvent
from fleetmon.model.incident import Policy


def concerns(event: DeviceEvent) -> bool:
    """Whether a device event speaks of tampering: by its code, or as a critical word of the security module."""
    told = event.action == "clear" or event.severity in (None, "critical")
    return "tamper" in event.code.lower() or (event.component == "security" and told)


TAMPER = DeviceDetector(
    kind="tamper",
    policy=Policy(severity="critical", pages=True, hold_ms=0, keep_ms=600_000),
    concerns=concerns,
    oneshot_ms=None,
    signs={"insecure": 1},
)
