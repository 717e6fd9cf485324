"""Who can be taken by one outage together: terminals by the values that they share.

What depends on shared attributes alone is worked out once for each cohort, because a million terminals
are of a few thousand cohorts; a shop's own group is worked out for each terminal.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final

from fleetmon.detect import GROUP_DETECTORS
from fleetmon.engine.crowd import Crowd
from fleetmon.model.detector import GroupDetector, Grouping
from fleetmon.model.incident import Scope
from fleetmon.model.registry import CELLULAR
from fleetmon.model.terminal import Cohort, Terminal

Group = tuple[GroupDetector, Scope]
_OF_COHORTS: Final = [detector for detector in GROUP_DETECTORS if "site" not in detector.scope]
_OF_SHOPS: Final = [detector for detector in GROUP_DETECTORS if detector.scope == ("site",)]


class Groups:
    """Index of the fleet by group. The detectors of shops come after the others, which explain more."""

    def __init__(self) -> None:
        self.shops: defaultdict[str, list[Terminal]] = defaultdict(list)  # by site, whatever the network
        self._shared: dict[Group, Crowd] = {}
        self._known: dict[Cohort, tuple[tuple[Group, ...], tuple[Crowd, ...]]] = {}

    def of(self, terminal: Terminal, cohort: Cohort | None = None) -> tuple[Group, ...]:
        """The groups of a terminal, the widest first; with a cohort, as if it were of that one."""
        known = self._known.get(cohort or terminal.cohort)
        shared = known[0] if known else _groups(cohort or terminal.cohort)
        scope = (("site", terminal.site),)
        return (*shared, *[(detector, scope) for detector in _OF_SHOPS]) if terminal.site else shared

    def members(self, group: Group) -> Sequence[Terminal]:
        """The terminals of one group; not to be kept, for it changes."""
        detector, scope = group
        if detector.scope == ("site",):
            return self.shops.get(scope[0][1], ())
        return self._shared[group].members() if group in self._shared else ()

    def shop(self, site: str) -> Sequence[Terminal]:
        """The terminals of a shop, on whatever network."""
        return self.shops.get(site, ())

    def enter(self, terminal: Terminal) -> None:
        """Take a terminal into its groups."""
        for crowd in self._of_cohort(terminal.cohort)[1]:
            crowd.enter(terminal)
        if terminal.site:
            self.shops[terminal.site].append(terminal)

    def change_cohort(self, terminal: Terminal, cohort: Cohort) -> None:
        """Move a terminal to another cohort."""
        before, after = self._of_cohort(terminal.cohort)[1], self._of_cohort(cohort)[1]
        for crowd in before:
            crowd.leave(terminal)
        terminal.cohort = cohort
        for crowd in after:
            crowd.enter(terminal)

    def forget(self, cohort: Cohort) -> None:
        """Nobody is of this cohort any more."""
        for group, crowd in zip(*self._known.pop(cohort, ((), ())), strict=True):
            crowd.cohorts -= 1
            if not (crowd.count or crowd.cohorts):
                del self._shared[group]

    def share(self, cohorts: Mapping[Cohort, Sequence[Terminal]]) -> None:
        """Take in the whole fleet instead of whoever shared anything before; shops stay as they are."""
        self._shared.clear()
        self._known.clear()
        for cohort, terminals in cohorts.items():
            for crowd in self._of_cohort(cohort)[1]:
                crowd.take(terminals)

    def _of_cohort(self, cohort: Cohort) -> tuple[tuple[Group, ...], tuple[Crowd, ...]]:
        found = self._known.get(cohort)
        if found is None:
            groups = _groups(cohort)
            found = self._known[cohort] = groups, tuple([self._shared.setdefault(group, Crowd()) for group in groups])
            for crowd in found[1]:
                crowd.cohorts += 1
        return found


def value(site: str, cohort: Cohort, name: Grouping) -> str:
    """The value of a grouping attribute for a terminal of this site and cohort."""
    if name == "site":
        return site
    return cohort.region if name == "region" else cohort.carrier


def _groups(cohort: Cohort) -> tuple[Group, ...]:
    found = []
    for detector in _OF_COHORTS:
        scope = tuple([(name, value("", cohort, name)) for name in detector.scope])
        if all(value for _, value in scope) and (not detector.cellular or cohort.network in CELLULAR):
            found.append((detector, scope))
    return tuple(found)
