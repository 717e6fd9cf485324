"""Which incident cost how much: what was lost is laid at the door of the incident that took the terminal.

Each stretch counts once, under the outage of many that began when the terminal fell silent, else under the terminal's
own incident, and there under what explains it; of one that was alive, under what was wrong for most of it, with itself
or its acquirer. What fits no incident is told by itself: nothing is spread by guess.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from fleetmon.detect import HOST_OUTAGE, TERMINAL_OFFLINE
from fleetmon.engine.groups import takes
from fleetmon.engine.outages.outages import is_of_many
from fleetmon.model.incident import Incident
from fleetmon.model.terminal import Cohort, Terminal
from fleetmon.readout.report.availability import Lost
from fleetmon.store import TerminalRow

SLACK: Final = 900_000  # so long after the first of its terminals, or the last, an outage may be noticed


@dataclass
class Cost:
    """What one incident cost, with all that it explains."""

    lost_ms: int = 0
    terminals: set[str] = field(default_factory=set)
    stretches: list[Lost] = field(default_factory=list)

    def take(self, lost: Lost) -> None:
        """Count a stretch."""
        self.lost_ms += lost.end - lost.begin
        self.terminals.add(lost.terminal.id)
        self.stretches.append(lost)


class Costs:
    """The incidents of a span, ready to be asked."""

    def __init__(self, incidents: Sequence[Incident], until: int) -> None:
        """`until` is when the span ends."""
        self._until = until
        self._named = {one.id: one for one in incidents}
        self._of_many = [one for one in incidents if is_of_many(one)]
        self._of_many.sort(key=lambda one: (one.suppressed_by is not None, -one.terminals, one.id))
        self._own: dict[str, list[Incident]] = {}
        self._of_host: dict[str, list[Incident]] = {}
        for one in incidents:
            scope = dict(one.scope)
            if "terminal" in scope:
                self._own.setdefault(scope["terminal"], []).append(one)
            elif one.kind == HOST_OUTAGE.kind:
                self._of_host.setdefault(scope["host"], []).append(one)

    def root(self, incident: Incident) -> Incident:
        """The incident that explains it, as far as it is of this span, too."""
        seen = {incident.id}
        while (above := self._named.get(incident.suppressed_by or "")) is not None and above.id not in seen:
            seen.add(above.id)
            incident = above
        return incident

    def of(self, lost: Sequence[Lost]) -> dict[str, Cost]:
        """By the ids of incidents that explain themselves; "" for what fits none."""
        found: dict[str, Cost] = {}
        for one in lost:
            fitting = next(self._fitting(one), None)
            found.setdefault(self.root(fitting).id if fitting else "", Cost()).take(one)
        return found

    def _fitting(self, lost: Lost) -> Iterator[Incident]:
        own = [one for one in self._own.get(lost.terminal.id, ()) if self._touches(one, lost)]
        if lost.idle:
            beside = [one for one in self._of_host.get(lost.terminal.acquirer, ()) if self._touches(one, lost)]
            wrong = [*(one for one in own if one.kind != TERMINAL_OFFLINE.kind), *beside]
            yield from sorted(wrong, key=lambda one: -self._shared(one, lost))
            return
        terminal = terminal_of(lost.terminal)
        yield from (one for one in self._of_many if self._began(one, lost) and takes(one.scope, terminal))
        yield from (one for one in own if one.kind == TERMINAL_OFFLINE.kind)

    def _touches(self, incident: Incident, lost: Lost) -> bool:
        return incident.began <= lost.end and lost.begin <= (incident.resolved_at or self._until)

    def _shared(self, incident: Incident, lost: Lost) -> int:
        return min(incident.resolved_at or self._until, lost.end) - max(incident.began, lost.begin)

    def _began(self, incident: Incident, lost: Lost) -> bool:
        """Whether the terminal fell silent with this outage, and not before it or long after."""
        if lost.since is None:
            return incident.began <= lost.begin and self._touches(incident, lost)
        return incident.began - SLACK <= lost.since <= (incident.resolved_at or self._until)


def terminal_of(row: TerminalRow) -> Terminal:
    """The terminal of a row, as far as planned work and outages ask."""
    cohort = Cohort(*(getattr(row, name) for name in Cohort.__struct_fields__))
    return Terminal(row.id, row.merchant, row.site, cohort, 0, 0)
