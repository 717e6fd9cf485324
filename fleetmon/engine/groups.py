"""Who can be taken by one outage together: terminals by the values that they share, and by shop.

A million terminals are of a few thousand cohorts, so whoever shares something is found by cohorts; a shop's
terminals are kept by shop.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from fleetmon.engine.crowd import Crowd
from fleetmon.model.incident import Scope
from fleetmon.model.registry import CELLULAR
from fleetmon.model.terminal import Cohort, Terminal

# In the order of what is believed first when two name the same terminals.
ATTRIBUTES: Final = ("carrier", "region", "model", "firmware", "provider", "network", "acquirer")


class Groups:
    """Index of the fleet by cohort and by shop."""

    def __init__(self) -> None:
        self.shops: defaultdict[str, list[Terminal]] = defaultdict(list)  # by site, whatever the network
        self._crowds: defaultdict[Cohort, Crowd] = defaultdict(Crowd)

    def members(self, scope: Scope) -> Sequence[Terminal]:
        """The terminals that an outage of this scope takes; not to be kept, for it changes."""
        if scope and scope[0][0] == "site":
            return self.shop(scope[0][1])
        found = [crowd.members() for cohort, crowd in self._crowds.items() if covers(scope, cohort)]
        return found[0] if len(found) == 1 else [terminal for members in found for terminal in members]

    def like(self, fits: Callable[[Cohort], bool]) -> list[Terminal]:
        """The terminals of all cohorts that fit."""
        return [one for cohort, crowd in self._crowds.items() if fits(cohort) for one in crowd.members()]

    def shop(self, site: str) -> Sequence[Terminal]:
        """The terminals of a shop, on whatever network."""
        return self.shops.get(site, ())

    def enter(self, terminal: Terminal) -> None:
        """Take a terminal in."""
        self._crowds[terminal.cohort].enter(terminal)
        if terminal.site:
            self.shops[terminal.site].append(terminal)

    def change_cohort(self, terminal: Terminal, cohort: Cohort) -> None:
        """Move a terminal to another cohort."""
        self._crowds[terminal.cohort].leave(terminal)
        terminal.cohort = cohort
        self._crowds[cohort].enter(terminal)

    def forget(self, cohort: Cohort) -> None:
        """Nobody is of this cohort any more."""
        del self._crowds[cohort]

    def share(self, cohorts: Mapping[Cohort, list[Terminal]]) -> None:
        """Take in the whole fleet instead of whoever was here before; shops stay as they are."""
        self._crowds.clear()
        for cohort, terminals in cohorts.items():
            self._crowds[cohort] = Crowd(terminals)


def value(cohort: Cohort, name: str) -> str:
    """The value of an attribute as outages see it: on WiFi or a cable no carrier is to blame."""
    if name == "carrier" and cohort.network not in CELLULAR:
        return ""
    found: str = getattr(cohort, name, "")
    return found


def covers(scope: Scope, cohort: Cohort) -> bool:
    """Whether an outage of shared attributes takes terminals of this cohort."""
    return all(wanted == value(cohort, name) for name, wanted in scope)


def takes(scope: Scope, terminal: Terminal) -> bool:
    """Whether an outage of shared attributes, or of a shop, takes this terminal."""
    if scope and scope[0][0] == "site":
        return terminal.site == scope[0][1]
    return covers(scope, terminal.cohort)
