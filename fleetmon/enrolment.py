"""Which terminals the store has to be told of: all of them once, a part at a time, and who is new or changed."""

from fleetmon.engine import Outcome
from fleetmon.engine.fleet import Fleet
from fleetmon.model.events import State
from fleetmon.model.terminal import Terminal
from fleetmon.store import TerminalRow


class Enrolment:
    """What the store knows of the fleet since the start, or since the last reload."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._told: set[int] = set()  # partitions

    def begin_anew(self) -> None:
        """The registry changed, and so may be every row."""
        self._told.clear()

    def rows(self, partition: int) -> list[TerminalRow]:
        """The terminals of a partition, the first time that it is asked for."""
        if partition in self._told:
            return []
        self._told.add(partition)
        return [TerminalRow.of(terminal) for terminal in self._fleet.partitions[partition]]

    def news(self, outcome: Outcome) -> list[TerminalRow]:
        """Rows of terminals that the store may not know yet, or not as they now say they are."""
        known = self._fleet.terminals
        new = {change.terminal for change in outcome.changes if change.before == "never_seen"}
        keys = {key for key in new if key in known and not self._is_told(known[key])}
        keys |= {fact.message.key for fact in outcome.facts if isinstance(fact.message.event, State)}
        return [TerminalRow.of(known[key]) for key in sorted(keys) if key in known]

    def _is_told(self, terminal: Terminal) -> bool:
        return terminal.registered and terminal.partition in self._told
