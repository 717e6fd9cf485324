"""A mobile carrier is down in an area, or altogether.

Evidence: most of its terminals fall silent together, in more than one shop; counter-evidence: those
of its terminals that were heard after the silent ones stopped. Terminals on WiFi or a cable are no
members, even where the registry names a carrier for them.
Where it can be wrong: an area with a single shop (a shop's fault looks the same), and an area where nobody is on
another network (a power cut looks the same).
"""

from fleetmon.model.detector import GroupDetector, Tally
from fleetmon.model.incident import Policy

CARRIER_OUTAGE = GroupDetector(
    kind="carrier_outage",
    policy=Policy(severity="critical", pages=True, hold_ms=15_000, keep_ms=60_000),
    names=lambda attributes: "carrier" in attributes and attributes <= {"carrier", "region"},
    breached=Tally.is_shared,
    partly=Tally.is_of_part,
    recovered=Tally.is_over,
)
