"""Whom planned work would touch: how many terminals, of which cohorts, and which named values nobody has.

What names cohorts only is counted by cohorts. Else terminals are walked, a part at a time, so that whoever asks on
the event loop can let others have their turn.
"""

from collections.abc import Collection, Generator, Mapping, Sequence
from difflib import get_close_matches
from typing import Final

from msgspec import Struct

from fleetmon.engine.fleet import Fleet
from fleetmon.engine.work.windows import candidates
from fleetmon.model.events import Attribute
from fleetmon.model.terminal import Cohort, Terminal
from fleetmon.model.window import Window, values

_PART: Final = 500  # terminals, about half a millisecond
_NARROW: Final = ("terminal", "site", "merchant")
_CLOSE: Final = 10_000  # so many names are compared with a misspelt one


class Reach(Struct, frozen=True):
    """Whom a window covers, of how many."""

    terminals: int
    fleet: int
    cohorts: frozenset[Cohort] = frozenset()
    merchants: frozenset[str] | None = None  # None: not looked at, as there may be many
    unknown: Mapping[
        str, tuple[Sequence[str], Sequence[str]]
    ] = {}  # attribute -> values that nobody has, and close ones
    host_known: bool = True

    @property
    def share(self) -> float:
        """Of the fleet."""
        return self.terminals / self.fleet if self.fleet else 0.0


def reach(fleet: Fleet, window: Window, hosts: Collection[str] = ()) -> Generator[None, None, Reach]:
    """Find out; `hosts` are those of the registry besides the providers and carriers of its terminals."""
    unknown: dict[str, tuple[Sequence[str], Sequence[str]]] = {}
    for name, wanted in window.selector.items():
        known = yield from _known(fleet, name)
        if strangers := [value for value in values(wanted) if value not in known]:
            unknown[name] = strangers, _close(strangers, known)
    counts = fleet.census.counts
    cohorts = {cohort for cohort, _ in counts}
    host_known = window.host in hosts or any(window.host in (one.provider, one.carrier) for one in cohorts)
    total = len(fleet.terminals)
    if not window.selector.keys() & set(_NARROW):
        covered = {one for one in cohorts if window.covers(Terminal("", "", "", one, 0, 0))}
        found = sum(number for (cohort, _), number in counts.items() if cohort in covered)
        return Reach(found, total, frozenset(covered), None, unknown, host_known)
    found, covered, merchants = 0, set(), set()
    for number, terminal in enumerate(list(candidates(fleet, window))):
        if window.covers(terminal):
            found += 1
            covered.add(terminal.cohort)
            merchants.add(terminal.merchant)
        if number % _PART == 0:
            yield
    return Reach(found, total, frozenset(covered), frozenset(merchants), unknown, host_known)


def at_once(steps: Generator[None, None, Reach]) -> Reach:
    """The same for whoever need not let others have their turn."""
    while True:
        try:
            next(steps)
        except StopIteration as done:
            return done.value  # type: ignore[no-any-return]


def _known(fleet: Fleet, name: Attribute) -> Generator[None, None, Collection[str]]:
    if name == "terminal":
        return fleet.terminals
    if name == "site":
        return fleet.groups.shops
    if name != "merchant":
        return {getattr(cohort, name) for cohort, _ in fleet.census.counts}
    found = set()
    for number, terminal in enumerate(list(fleet.terminals.values())):
        found.add(terminal.merchant)
        if number % _PART == 0:
            yield
    return found


def _close(strangers: Sequence[str], known: Collection[str]) -> list[str]:
    if len(known) > _CLOSE:
        return []
    return [f'"{near[0]}"' for value in strangers if (near := get_close_matches(value, known, 1))]
