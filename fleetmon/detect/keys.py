"""The terminal cannot speak to its host: not signed on today, or its keys are missing, expired or refused.

Its own word counts at once. That it is not signed on counts after a quarter of an hour of trading time, for
it does so by itself when somebody opens the shop. A host that refuses its keys three times with nothing in
between that worked says the same.
Where it can be wrong: a host that has lost its own keys refuses everybody's.
"""

from fleetmon.model.detector import DeviceDetector
from fleetmon.model.events import DeviceEvent
from fleetmon.model.incident import Policy


def concerns(event: DeviceEvent) -> bool:
    """Whether a device event speaks of keys or of signing on."""
    return event.component == "keys" and (event.action == "clear" or event.severity != "info")


KEYS = DeviceDetector(
    kind="keys",
    policy=Policy(severity="warning", pages=False, hold_ms=0, keep_ms=300_000),
    concerns=concerns,
    oneshot_ms=3_600_000,
    signs={"unsigned": 900_000, "keys_refused": 0},
    in_hours=True,
)
