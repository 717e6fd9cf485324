"""All of a shop is silent, whatever network its terminals use: its own line or power is gone.

Where it can be wrong: a shop with one terminal cannot be told from a lone terminal and is left to
`terminal_offline`; a shop whose terminals share one carrier waits for the carrier to be cleared.
"""

from fleetmon.model.detector import GroupDetector, Tally
from fleetmon.model.incident import Policy


def breached(tally: Tally) -> bool:
    """At least two silent, most of the shop, hardly anyone heard since, and no beats lost by chance alone.

    One of four that is heard shows that the line works; three of ten may hang on something else.
    """
    heard = tally.silent + tally.alive
    return (
        tally.silent >= 2
        and tally.beats >= 4
        and tally.silent >= (0.8 if tally.silent < 5 else 0.7) * heard
        and tally.silent >= 0.6 * (heard + tally.waiting)
    )


def recovered(tally: Tally) -> bool:
    """At least half of the shop is heard again."""
    return tally.alive > 0 and tally.alive >= tally.silent


SITE_OUTAGE = GroupDetector(
    kind="site_outage",
    policy=Policy(severity="warning", pages=False, hold_ms=15_000, keep_ms=60_000),
    names=lambda attributes: attributes == {"site"},
    breached=breached,
    partly=lambda _: False,
    recovered=recovered,
)
