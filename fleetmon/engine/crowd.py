"""The members of one cohort, cheap to leave even when there are a hundred thousand.

Who comes and goes is only noted, and sorted in and out when somebody asks for the members, or when much has
been noted. So terminals that tell another firmware with every message cost no search each.
"""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from fleetmon.model.terminal import Terminal

_NOTED: Final = 1_000  # who came and went, before it is sorted in although nobody asks


class Crowd(Struct, gc=False):
    """Terminals in order of their coming. Of one or two there may be very many: nothing to the collector of cycles."""

    _members: Sequence[Terminal] = ()
    _moved: dict[str, Terminal | None] = {}  # since the last question, in order: who came; None: who left

    def members(self) -> Sequence[Terminal]:
        """All of them; not to be kept, for it changes."""
        moved = self._moved
        if moved:
            stayed = [terminal for terminal in self._members if terminal.id not in moved]
            self._members = [*stayed, *(terminal for terminal in moved.values() if terminal is not None)]
            moved.clear()
        return self._members

    def enter(self, terminal: Terminal) -> None:
        """Take in one that is not here."""
        self._note(terminal.id, terminal)

    def leave(self, terminal: Terminal) -> None:
        """Let one go that is here."""
        self._note(terminal.id, None)

    def _note(self, key: str, terminal: Terminal | None) -> None:
        self._moved.pop(key, None)  # so that the order is that of the last coming
        self._moved[key] = terminal
        if len(self._moved) > max(_NOTED, len(self._members) // 2):
            self.members()
