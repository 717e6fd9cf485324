"""A part of the terminal is broken: reader, PIN pad, printer, storage or power supply.

The terminal says so itself by nexo's device events, or its heartbeats show it: nexo's flags, or a reader that errs
far more often than it used to. A fault reported only once (`oneshot`) counts for ten minutes. Power that is gone
altogether is the battery's matter. Where it can be wrong: terminals that never clear what they set keep their
incident open until they are replaced; a roll of paper that takes longer than ten minutes to change is a fault.
"""

from fleetmon.model.detector import DeviceDetector
from fleetmon.model.events import DeviceEvent
from fleetmon.model.incident import Policy

_PARTS = frozenset({"reader", "ped", "printer", "storage", "power"})


def concerns(event: DeviceEvent) -> bool:
    """Whether a device event speaks of a broken part; mere information opens nothing, but may clear."""
    told = event.action == "clear" or event.severity != "info"
    elsewhere = ("lost", "tamper")  # the battery's matter, and that of the security lock
    return told and event.component in _PARTS and not any(word in event.code.lower() for word in elsewhere)


DEVICE_FAULT = DeviceDetector(
    kind="device_fault",
    policy=Policy(severity="warning", pages=False, hold_ms=0, keep_ms=900_000),
    concerns=concerns,
    oneshot_ms=600_000,
    slow={"NoPaper": 600_000},
    signs={
        "no_reader": 300_000,
        "no_ped": 300_000,
        "printer": 600_000,
        "no_communication": 600_000,
        "unreachable": 600_000,
        "worn_reader": 0,
    },
)
