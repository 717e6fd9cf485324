"""The members of one group, cheap to leave even when there are a hundred thousand.

Who comes and goes is only noted, and sorted in and out when somebody asks for the members. So terminals that
tell another carrier with every message cost no search each.
"""

from collections.abc import Sequence

from fleetmon.model.terminal import Terminal


class Crowd:
    """Terminals in order of their coming."""

    def __init__(self) -> None:
        self.count = 0
        self.cohorts = 0  # how many refer to it
        self._members: list[Terminal] = []
        self._moved: dict[str, Terminal | None] = {}  # since the last question, in order: who came; None: who left

    def members(self) -> Sequence[Terminal]:
        """All of them; not to be kept, for it changes."""
        moved = self._moved
        if moved:
            self._members[:] = [terminal for terminal in self._members if terminal.id not in moved]
            self._members += [terminal for terminal in moved.values() if terminal is not None]
            moved.clear()
        return self._members

    def take(self, terminals: Sequence[Terminal]) -> None:
        """Take in terminals that are not here."""
        self.members()
        self._members += terminals
        self.count += len(terminals)

    def enter(self, terminal: Terminal) -> None:
        """Take in one that is not here."""
        self._moved.pop(terminal.id, None)  # so that the order is that of the last coming
        self._moved[terminal.id] = terminal
        self.count += 1

    def leave(self, terminal: Terminal) -> None:
        """Let one go that is here."""
        self._moved.pop(terminal.id, None)
        self._moved[terminal.id] = None
        self.count -= 1
