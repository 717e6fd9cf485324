"""The terminal's clock is wrong: most of its last messages were dated more than a minute off their arrival.

One message that was held up on its way is none. The clock never decides whether a terminal is alive, only whether its
sales are dated rightly: a minute can put one on the wrong side of a cut-off.
Where it can be wrong: a line that holds up every message for more than a minute looks like a slow clock.
"""

from collections.abc import Sequence
from statistics import median_low
from typing import Final

from fleetmon.model.detector import DeviceDetector
from fleetmon.model.events import DeviceEvent
from fleetmon.model.incident import Policy

RECENT: Final = 9  # heartbeats that are asked


def error(offsets: Sequence[int]) -> int:
    """By how many ms the clock is wrong, from how many the last messages were off their arrival."""
    return median_low(offsets)


def concerns(event: DeviceEvent) -> bool:
    """Whether a device event speaks of the clock."""
    return event.component == "clock" and (event.action == "clear" or event.severity != "info")


CLOCK_SKEW = DeviceDetector(
    kind="clock_skew",
    policy=Policy(severity="warning", pages=False, hold_ms=0, keep_ms=900_000),
    concerns=concerns,
    oneshot_ms=3_600_000,
    signs={"wrong_clock": 300_000},
)
