"""All terminals by id, and the groups in which an outage can take them together.

Attributes come from the registry; for the technical identity (model, firmware, carrier) the terminal
is believed over it. Ids that the registry lacks are watched with the defaults, up to a limit, so that a
hostile client cannot fill the memory.
"""

from typing import Final

from fleetmon.detect import TERMINAL_OFFLINE
from fleetmon.engine.census import Census
from fleetmon.engine.groups import Groups
from fleetmon.model.hours import Hours
from fleetmon.model.registry import Merchant, Registry, Site
from fleetmon.model.registry import Terminal as Row
from fleetmon.model.terminal import PARTITIONS, Cohort, Terminal

SHORTEST_SLACK, LONGEST_SLACK = 1_000, 15_000
ALWAYS_OPEN: Final = Hours([])
_NOBODY: Final = Cohort()


def slack(interval_ms: int) -> int:
    """Jitter allowed to a heartbeat in ms: a tenth of the interval, between one and fifteen seconds."""
    return min(max(interval_ms // 10, SHORTEST_SLACK), LONGEST_SLACK)


def wait(interval_ms: int) -> int:
    """Silence in ms that makes a terminal with this interval a suspect."""
    return TERMINAL_OFFLINE.suspect_after(interval_ms, slack(interval_ms))


class Fleet:
    """The terminals, who shares what with whom, and how many are in which state."""

    def __init__(self, registry: Registry, max_unregistered: int = 10_000) -> None:
        self.max_unregistered = max_unregistered
        self.census = Census()
        self.terminals: dict[str, Terminal] = {}
        self.partitions: list[list[Terminal]] = [[] for _ in range(PARTITIONS)]
        self._cohorts: dict[Cohort, Cohort] = {}
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
            self.census.add(terminal)
            self.partitions[terminal.partition].append(terminal)
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
        new = self._intern(old._replace(model=said[0], firmware=said[1], carrier=said[2]))
        self.census.leave(terminal)
        if new.carrier != old.carrier:
            self.groups.change_cohort(terminal, new)
        terminal.cohort = new
        self.census.enter(terminal)
        if not self.census.knows(old):
            del self._cohorts[old]
            self.groups.forget(old)

    def register(self, registry: Registry) -> None:
        """Take over what the operator knows, also while running: who left the registry is watched as unregistered."""
        self.defaults = registry.defaults
        self._hours = {site.id: Hours(site.hours) for site in registry.sites if site.hours}
        merchants = {merchant.id: merchant for merchant in registry.merchants}
        sites = {site.id: site for site in registry.sites}
        left = {terminal.id for terminal in self.terminals.values() if terminal.registered}
        self._cohorts.clear()
        names: dict[str, str] = {}  # one string for all that say the same
        for row in registry.terminals:
            terminal = self.terminals.get(row.id)
            if terminal is None:
                key, promise = _own(row.id), self.promise(row.interval_s or self.defaults.interval_s)
                terminal = self.terminals[key] = Terminal(key, "", "", _NOBODY, *promise)
                terminal.serial = _own(row.serial)
            else:
                left.discard(row.id)
            terminal.merchant = names.get(row.merchant) or _keep(names, row.merchant)
            terminal.site = names.get(row.site) or _keep(names, row.site)
            terminal.registered = True
            said = _cohort(row, sites.get(row.site), merchants.get(row.merchant))
            # One for all at once: a million of them would leave holes in the memory.
            cohort = self._cohorts.get(said) or self._intern(Cohort(*said))  # type: ignore[call-overload]
            terminal.cohort = _believe(terminal, cohort)
        for terminal in [self.terminals[key] for key in left]:
            terminal.merchant, terminal.site, terminal.registered = "", "", False
            terminal.cohort = _believe(terminal, _NOBODY)
            if not (terminal.session or terminal.last_seen):
                del self.terminals[terminal.id]  # it never was more than a row
        self._regroup()

    def _regroup(self) -> None:
        """Sort everybody anew into cohorts, groups and partitions."""
        self.census = Census()
        self._cohorts.clear()
        for partition in self.partitions:
            partition.clear()
        self.groups.clear()
        partitions: dict[str, list[Terminal]] = {}
        intern, count, enter = self._cohorts.setdefault, self.census.add, self.groups.enter
        for terminal in self.terminals.values():
            terminal.cohort = intern(terminal.cohort, terminal.cohort)
            count(terminal)
            key = terminal.site or terminal.merchant or terminal.id
            members = partitions.get(key)
            if members is None:
                members = partitions[key] = self.partitions[terminal.partition]
            members.append(terminal)
            enter(terminal)

    def _intern(self, cohort: Cohort) -> Cohort:
        return self._cohorts.setdefault(cohort, cohort)


def _own(text: str) -> str:
    """A copy. The rows of the registry are given up, and a few strings among them would hold all of their memory."""
    return text.encode().decode()


def _believe(terminal: Terminal, registered: Cohort) -> Cohort:
    """For its technical identity a terminal that has spoken is believed over the registry."""
    if not terminal.session:
        return registered
    said = terminal.cohort
    return registered._replace(
        model=said.model or registered.model,
        firmware=said.firmware or registered.firmware,
        carrier=said.carrier or registered.carrier,
    )


def _cohort(row: Row, site: Site | None, merchant: Merchant | None) -> tuple[str, ...]:
    """What a row says, and where it says nothing its site, then its merchant."""
    return (  # in order of Cohort's fields
        row.region or (site.region if site else "") or (merchant.region if merchant else ""),
        row.carrier,
        row.acquirer or (merchant.acquirer if merchant else ""),
        row.provider or (merchant.provider if merchant else ""),
        row.model,
        "",
        row.network or "",
    )


def _keep(names: dict[str, str], name: str) -> str:
    """One copy for all that say the same."""
    own = names[name] = _own(name)
    return own
