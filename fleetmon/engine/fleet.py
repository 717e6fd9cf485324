"""All terminals by id, and the groups in which an outage can take them together.

Attributes come from the registry; for the technical identity (model, firmware, carrier) the terminal
is believed over it. Ids that the registry lacks are watched with the defaults, up to a limit, so that a
hostile client cannot fill the memory.
"""

from collections import defaultdict
from collections.abc import Iterator
from operator import attrgetter
from typing import Final

from msgspec.structs import replace

from fleetmon.detect import TERMINAL_OFFLINE
from fleetmon.engine.census import Census
from fleetmon.engine.groups import Groups
from fleetmon.model.hours import Hours
from fleetmon.model.registry import Merchant, Registry, Site
from fleetmon.model.terminal import PARTITIONS, Cohort, Terminal, partition_of

SHORTEST_SLACK, LONGEST_SLACK = 1_000, 15_000
ALWAYS_OPEN: Final = Hours([])
_NOBODY: Final = Cohort()
_NO_SITE: Final = Site("")
_NO_MERCHANT: Final = Merchant("")


def slack(interval_ms: int) -> int:
    """Jitter allowed to a heartbeat in ms: a tenth of the interval, between one and fifteen seconds."""
    return min(max(interval_ms // 10, SHORTEST_SLACK), LONGEST_SLACK)


def wait(interval_ms: int) -> int:
    """Silence in ms after which a terminal with this interval is late: one beat is missed."""
    return TERMINAL_OFFLINE.late_after(interval_ms, slack(interval_ms))


def suspicion(terminal: Terminal) -> int:
    """Silence in ms that makes a terminal a suspect."""
    return TERMINAL_OFFLINE.suspect_after(terminal.interval_ms, slack(terminal.interval_ms))


class Fleet:
    """The terminals, who shares what with whom, and how many are in which state."""

    def __init__(self, registry: Registry, max_unregistered: int = 10_000) -> None:
        self.max_unregistered = max_unregistered
        self.changes = 0  # of who is in it, counted, so that others notice
        self.census = Census()
        self.terminals: dict[str, Terminal] = {}
        self.partitions: list[list[Terminal]] = [[] for _ in range(PARTITIONS)]
        self.providers: defaultdict[str, list[Terminal]] = defaultdict(list)  # who is alike beside each other
        self._cohorts: dict[Cohort, Cohort] = {}  # one for all that say the same
        self.groups = Groups()
        self._intervals: dict[int, tuple[int, int]] = {}  # seconds -> (interval, wait), so that terminals share them
        self._hours: dict[str, Hours] = {}
        self.register(registry)

    def hours(self, terminal: Terminal) -> Hours:
        """When the terminal's shop is open."""
        return self._hours.get(terminal.site, ALWAYS_OPEN)

    def find(self, key: str) -> Terminal | None:
        """The terminal, made with the defaults if it is new; None when there are too many unregistered ones."""
        terminal = self.terminals.get(key)
        if terminal is None and self.census.unregistered < self.max_unregistered:
            interval, patience = self.promise(self.defaults.interval_s)
            terminal = Terminal(key, "", "", self._intern(_NOBODY), interval, patience, registered=False)
            self.terminals[key] = terminal
            self.changes += 1
            self.census.add(terminal)
            self.partitions[terminal.partition].append(terminal)
            self.providers[""].append(terminal)
            self.groups.enter(terminal)
        return terminal

    def promise(self, interval_s: int) -> tuple[int, int]:
        """Interval and patience in ms of terminals that promise a heartbeat every `interval_s`."""
        found = self._intervals.get(interval_s)
        if found is None:
            interval = interval_s * 1000
            found = self._intervals[interval_s] = (interval, wait(interval))
        return found

    def identify(self, terminal: Terminal, model: str | None, firmware: str | None, carrier: str | None) -> None:
        """Take the technical identity from the terminal itself; None leaves what is known."""
        old = terminal.cohort
        said = model or old.model, firmware or old.firmware, carrier or old.carrier
        if said == (old.model, old.firmware, old.carrier):
            return
        new = self.believed(old, *said)
        self.census.leave(terminal)
        self.groups.change_cohort(terminal, new)
        self.census.enter(terminal)
        if not self.census.knows(old):
            del self._cohorts[old]
            self.groups.forget(old)

    def believed(self, registered: Cohort, model: str, firmware: str, carrier: str) -> Cohort:
        """The cohort of a terminal that tells its technical identity itself; nothing leaves what is registered."""
        return self._intern(
            replace(
                registered,
                model=model or registered.model,
                firmware=firmware or registered.firmware,
                carrier=carrier or registered.carrier,
            )
        )

    def register(self, registry: Registry) -> list[Terminal]:
        """Take over what the operator knows, also while running: who left the registry is watched as unregistered.

        Returns those from whom heartbeats are expected at another interval from now on.
        """
        self.defaults = registry.defaults
        self._hours = _opening_hours(registry.sites, self._hours)
        left = {terminal.id for terminal in self.terminals.values() if terminal.registered}
        left.difference_update(map(attrgetter("id"), registry.terminals))
        paced = self._enrol(registry)
        for terminal in [self.terminals[key] for key in left]:
            terminal.merchant, terminal.site, terminal.registered = "", "", False
            terminal.cohort = self._believe(terminal, _NOBODY)
            if not (terminal.session or terminal.last_seen):
                del self.terminals[terminal.id]  # it never was more than a row
        self.sort()
        self._place()
        return paced

    def sort(self) -> None:
        """Sort everybody anew into cohorts and what they share, and count them."""
        cohorts: defaultdict[Cohort, list[Terminal]] = defaultdict(list)
        for terminal in self.terminals.values():
            cohorts[terminal.cohort].append(terminal)
        self._cohorts = {cohort: cohort for cohort in cohorts}
        self.changes += 1
        self.census.take(self.terminals.values())
        self.groups.share(cohorts)
        self.providers.clear()
        for cohort, members in cohorts.items():
            self.providers[cohort.provider] += members

    def _place(self) -> None:
        """Sort everybody anew into shops and partitions."""
        shops: defaultdict[str, list[Terminal]] = defaultdict(list)
        for terminal in self.terminals.values():
            shops[terminal.site].append(terminal)
        for partition in self.partitions:
            partition.clear()
        for terminal in shops.pop("", ()):  # of no shop
            self.partitions[terminal.partition].append(terminal)
        for site, members in shops.items():
            self.partitions[partition_of(site)] += members
        self.groups.shops = shops

    def _enrol(self, registry: Registry) -> list[Terminal]:
        """Make or change the terminals of the registry. Returns those whose interval it changed."""
        known, cohorts, promises, paced = self.terminals, self._cohorts, self._intervals, list[Terminal]()
        usual = self.defaults.interval_s
        for row, said in zip(registry.terminals, _told(registry), strict=True):
            cohort = cohorts.get(said) or self._intern(said)
            terminal = known.get(row.id)
            interval_s = row.interval_s or usual
            promise = promises.get(interval_s) or self.promise(interval_s)
            if terminal is None:
                known[row.id] = Terminal(row.id, row.merchant, row.site, cohort, *promise, row.serial)
            else:
                terminal.merchant, terminal.site, terminal.registered = row.merchant, row.site, True
                terminal.cohort = self._believe(terminal, cohort)
                if not terminal.promised and terminal.interval_ms != promise[0]:
                    terminal.interval_ms, terminal.wait_ms = promise
                    paced.append(terminal)
        return paced

    def _believe(self, terminal: Terminal, registered: Cohort) -> Cohort:
        """For its technical identity a terminal that has spoken is believed over the registry."""
        said = terminal.cohort
        return self.believed(registered, said.model, said.firmware, said.carrier) if terminal.session else registered

    def _intern(self, cohort: Cohort) -> Cohort:
        return self._cohorts.setdefault(cohort, cohort)


def _told(registry: Registry) -> Iterator[Cohort]:
    """The attributes of each row: what it says, and where it says nothing its site, then its merchant."""
    merchants = {merchant.id: merchant for merchant in registry.merchants}
    sites = {site.id: site for site in registry.sites}
    for row in registry.terminals:
        yield Cohort(  # in order of its fields, which is twice as fast
            row.region or sites.get(row.site, _NO_SITE).region or merchants.get(row.merchant, _NO_MERCHANT).region,
            row.carrier,
            row.acquirer or merchants.get(row.merchant, _NO_MERCHANT).acquirer,
            row.provider or merchants.get(row.merchant, _NO_MERCHANT).provider,
            row.model,
            "",
            row.network or "",
        )


def _opening_hours(sites: list[Site], before: dict[str, Hours]) -> dict[str, Hours]:
    """By site, for those that tell; one for all that tell the same, and the same as before where nothing changed."""
    known = {hours.rules: hours for hours in before.values()}
    told = {rules: known.get(rules) or Hours(list(rules)) for rules in dict.fromkeys(tuple(one.hours) for one in sites)}
    return {site.id: told[tuple(site.hours)] for site in sites if site.hours}
