"""All terminals by id, and the groups in which an outage can take them together.

Attributes come from the registry; for the technical identity (model, firmware, carrier) the terminal
is believed over it. Ids that the registry lacks are watched with the defaults, up to a limit, so that a
hostile client cannot fill the memory.
"""

from collections.abc import Iterable, Iterator
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
        self._groups: dict[tuple[Grouping, ...], dict[tuple[str, ...], list[Terminal]]] = {
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
        regroup = new.carrier != old.carrier
        if regroup:
            for _, group in self._lists(terminal):
                group.remove(terminal)
        terminal.cohort = new
        if regroup:
            for _, group in self._lists(terminal):
                group.append(terminal)
        self.census.enter(terminal)

    def groups_of(self, terminal: Terminal) -> Iterator[tuple[GroupDetector, Scope]]:
        """The groups that the terminal is a member of, the widest first."""
        for detector in GROUP_DETECTORS:
            values = _values(detector, terminal)
            if values:
                yield detector, tuple(zip(detector.scope, values, strict=True))

    def members(self, detector: GroupDetector, scope: Scope) -> list[Terminal]:
        """The terminals of one group."""
        values = dict(scope)
        return self._groups[detector.scope].get(tuple(values[name] for name in detector.scope), [])

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
        for _, group in self._lists(terminal):
            group.append(terminal)

    def _lists(self, terminal: Terminal) -> Iterable[tuple[GroupDetector, list[Terminal]]]:
        for detector in GROUP_DETECTORS:
            values = _values(detector, terminal)
            if values:
                yield detector, self._groups[detector.scope].setdefault(values, [])

    def _intern(self, cohort: Cohort) -> Cohort:
        return self._cohorts.setdefault(cohort, cohort)


def value(terminal: Terminal, name: Grouping) -> str:
    """The terminal's value of a grouping attribute."""
    return terminal.site if name == "site" else getattr(terminal.cohort, name)


def _values(detector: GroupDetector, terminal: Terminal) -> tuple[str, ...]:
    if detector.cellular and terminal.cohort.network not in CELLULAR:
        return ()
    values = tuple(value(terminal, name) for name in detector.scope)
    return values if all(values) else ()
