"""A mobile carrier is down in an area, or altogether.

Evidence: most of its terminals fall silent together, in more than one shop; counter-evidence: those
of its terminals that were heard after the silent ones stopped. Terminals on WiFi or a cable are no
members, even where the registry names a carrier for them.
Where it can be wrong: an area with a single shop (a shop's fault looks the same), and a power cut that
takes every network at once, which shows as one outage per carrier.
"""

from msgspec.structs import replace

from fleetmon.model.detector import GroupDetector, Tally
from fleetmon.model.incident import Policy

_POLICY = Policy(severity="critical", pages=True, hold_ms=15_000, keep_ms=60_000)


def breached(tally: Tally) -> bool:
    """At least four silent, half of all and four fifths of those heard from, and not in one shop (or region) alone."""
    heard = tally.silent + tally.alive
    beside = tally.beside_silent + tally.beside_alive
    return (
        tally.silent >= 4
        and tally.silent >= 0.5 * (heard + tally.waiting)
        and tally.silent >= 0.8 * heard
        and tally.beside_silent >= 2
        and tally.beside_silent >= 0.5 * beside
    )


def recovered(tally: Tally) -> bool:
    """Four fifths of those that ought to be heard are heard again."""
    return tally.alive > 0 and tally.silent <= 0.2 * (tally.silent + tally.alive)


CARRIER_OUTAGE = GroupDetector(
    kind="carrier_outage",
    policy=_POLICY,
    scope=("carrier",),
    apart="region",
    cellular=True,
    breached=breached,
    recovered=recovered,
)
CARRIER_OUTAGE_IN_REGION = replace(CARRIER_OUTAGE, scope=("carrier", "region"), apart="site")
