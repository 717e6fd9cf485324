"""All terminals by id, and the groups in which an outage can take them together.

Attributes come from the registry; for the technical identity (model, firmware, carrier) the terminal
is believed over it. Ids that the registry lacks are watched with the defaults, up to a limit, so that a
hostile client cannot fill the memory.
"""

from collections.abc import Iterator
from typing import Final

from fleetmon.detect import GROUP_DETECTORS, TERMINAL_OFFLINE
from fleetmon.engine.census import Census
from fleetmon.model.detector import GroupDetector, Grouping
from fleetmon.model.hours import Hours
from fleetmon.model.incident import Scope
from fleetmon.model.registry import CELLULAR, Registry
from fleetmon.model.terminal import PARTITIONS, Cohort, Terminal

SHORTEST_SLACK, LONGEST_SLACK = 1_000, 15_000
ALWAYS_OPEN: Final = Hours([])


def slack(interval_ms: int) -> int:
    """Jitter allowed to a heartbeat in ms: a tenth of the interval, between one and fifteen seconds."""
    return min(max(interval_ms // 10, SHORTEST_SLACK), LONGEST_SLACK)


def wait(interval_ms: int) -> int:
    """Silence in ms that makes a terminal with this interval a suspect."""
    return TERMINAL_OFFLINE.suspect_after(interval_ms, slack(interval_ms))


class Fleet:
    """The terminals, who shares what with whom, and how many are in which state."""

    def __init__(self, registry: Registry, max_unregistered: int = 10_000) -> None:
        self.defaults = registry.defaults
        self.max_unregistered = max_unregistered
        self.census = Census()
        self.terminals: dict[str, Terminal] = {}
        self.partitions: list[list[Terminal]] = [[] for _ in range(PARTITIONS)]
        self._cohorts: dict[Cohort, Cohort] = {}
        self._groups: dict[tuple[Grouping, ...], dict[tuple[str, ...], dict[str, Terminal]]] = {
            detector.scope: {} for detector in GROUP_DETECTORS
        }
        self._hours = {site.id: Hours(site.hours) for site in registry.sites if site.hours}
        self._register(registry)

    def hours(self, terminal: Terminal) -> Hours:
        """When the terminal's shop is open."""
        return self._hours.get(terminal.site, ALWAYS_OPEN)

    def find(self, key: str) -> Terminal | None:
        """The terminal, made with the defaults if it is new; None when there are too many unregistered ones."""
        terminal = self.terminals.get(key)
        if terminal is None and self.census.unregistered < self.max_unregistered:
            interval = self.defaults.interval_s * 1000
            terminal = Terminal(key, "", "", self._intern(Cohort()), interval, wait(interval), registered=False)
            self._add(terminal)
        return terminal

    def identify(self, terminal: Terminal, model: str | None, firmware: str | None, carrier: str | None) -> None:
        """Take the technical identity from the terminal itself; None leaves what is known."""
        old = terminal.cohort
        new = self._intern(
            old._replace(model=model or old.model, firmware=firmware or old.firmware, carrier=carrier or old.carrier)
        )
        if new is old:
            return
        self.census.leave(terminal)
        if new.carrier != old.carrier:
            self._leave(terminal)
            terminal.cohort = new
            self._enter(terminal)
        terminal.cohort = new
        self.census.enter(terminal)
        if not self.census.knows(old):
            del self._cohorts[old]

    def groups_of(self, terminal: Terminal, cohort: Cohort | None = None) -> Iterator[tuple[GroupDetector, Scope]]:
        """The groups that the terminal is a member of, the widest first; with a cohort, that it then was one of."""
        for detector in GROUP_DETECTORS:
            values = _values(detector, terminal.site, cohort or terminal.cohort)
            if values:
                yield detector, tuple(zip(detector.scope, values, strict=True))

    def members(self, detector: GroupDetector, scope: Scope) -> list[Terminal]:
        """The terminals of one group."""
        values = dict(scope)
        return list(self._groups[detector.scope].get(tuple(values[name] for name in detector.scope), {}).values())

    def _register(self, registry: Registry) -> None:
        merchants = {merchant.id: merchant for merchant in registry.merchants}
        sites = {site.id: site for site in registry.sites}
        for row in registry.terminals:
            site, merchant = sites.get(row.site), merchants.get(row.merchant)
            cohort = Cohort(
                region=row.region or (site.region if site else "") or (merchant.region if merchant else ""),
                carrier=row.carrier,
                acquirer=row.acquirer or (merchant.acquirer if merchant else ""),
                provider=row.provider or (merchant.provider if merchant else ""),
                model=row.model,
                network=row.network or "",
            )
            interval = (row.interval_s or registry.defaults.interval_s) * 1000
            self._add(
                Terminal(
                    row.id, row.merchant, row.site, self._intern(cohort), interval, wait(interval), serial=row.serial
                )
            )

    def _add(self, terminal: Terminal) -> None:
        self.terminals[terminal.id] = terminal
        self.partitions[terminal.partition].append(terminal)
        self.census.add(terminal)
        self._enter(terminal)

    def _enter(self, terminal: Terminal) -> None:
        for detector in GROUP_DETECTORS:
            if values := _values(detector, terminal.site, terminal.cohort):
                self._groups[detector.scope].setdefault(values, {})[terminal.id] = terminal

    def _leave(self, terminal: Terminal) -> None:
        for detector in GROUP_DETECTORS:
            if values := _values(detector, terminal.site, terminal.cohort):
                group = self._groups[detector.scope][values]
                del group[terminal.id]
                if not group:
                    del self._groups[detector.scope][values]

    def _intern(self, cohort: Cohort) -> Cohort:
        return self._cohorts.setdefault(cohort, cohort)


def value(site: str, cohort: Cohort, name: Grouping) -> str:
    """The value of a grouping attribute for a terminal of this site and cohort."""
    if name == "site":
        return site
    return cohort.region if name == "region" else cohort.carrier


def _values(detector: GroupDetector, site: str, cohort: Cohort) -> tuple[str, ...]:
    if detector.cellular and cohort.network not in CELLULAR:
        return ()
    values = tuple([value(site, cohort, name) for name in detector.scope])
    return values if all(values) else ()
