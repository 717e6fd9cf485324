"""The demo's money: the shops that the outage will strike are paid today, while it lasts.

What they sold before is on its way to their accounts then. A sale that is still in a terminal misses it, and
its money comes a day later: that is what fleetmon is asked about in the end.
"""

from typing import Final

from msgspec.structs import replace

from fleetmon.model.days import day_of, midnight
from fleetmon.model.registry import Registry
from fleetmon.sim.roster import attributes
from fleetmon.sim.scenario import Step

GRACE_S: Final = 180  # the simulated acquirers speak once a minute: they pay in two of them


def paid_today(registry: Registry, struck_by: Step, at: int) -> Registry:
    """The registry, in which the merchants whom a step strikes are paid at `at` (ms since 1970), and daily then."""
    fleet = attributes(registry)
    struck = {row.merchant for row in registry.terminals if struck_by.strikes(fleet[row.id])}
    seconds = (at - midnight(day_of(at))) // 1000
    clock = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    merchants = [
        replace(row, cycle="D+0", cutoff="23:59:59", payout_by=clock, grace_s=GRACE_S) if row.id in struck else row
        for row in registry.merchants
    ]
    return replace(registry, merchants=merchants)
