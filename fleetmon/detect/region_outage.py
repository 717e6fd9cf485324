"""An area is silent whatever its networks: power, or whatever all of it hangs on.

Evidence as for a carrier, on more than one network; a network of the area that is heard speaks against it.
Where it can be wrong: batteries keep terminals and cell sites alive for a while, so a power cut may begin as an
outage of what hangs on the mains.
"""

from fleetmon.model.detector import GroupDetector, Tally
from fleetmon.model.incident import Policy


def breached(tally: Tally) -> bool:
    """Most of the area, on at least two networks, and of many at most one in four works."""
    return tally.links >= 2 and tally.sound * 4 <= tally.links and tally.is_shared()


REGION_OUTAGE = GroupDetector(
    kind="region_outage",
    policy=Policy(severity="critical", pages=True, hold_ms=15_000, keep_ms=60_000),
    names=lambda attributes: attributes == {"region"},
    breached=breached,
    partly=lambda _: False,
    recovered=Tally.is_over,
)
