"""A lazy timer wheel: who has been silent for too long, without looking at those who have not.

A heartbeat only moves `terminal.due`; the wheel looks at a terminal when an earlier promise runs out,
and puts it back if the due time has moved on. Slots are 128 ms wide; within the current slot a heap
gives the exact order (due time, then id), so results do not depend on how often one looks.
"""

from heapq import heappop, heappush
from typing import Final

from fleetmon.model.terminal import NO_DEADLINE, Terminal

_SHIFT: Final = 7


class Deadlines:
    """The deadlines of many terminals; each terminal's own is `terminal.due` (milliseconds)."""

    def __init__(self) -> None:
        self._slots: dict[int, list[Terminal]] = {}
        self._order: list[int] = []  # heap of the slots that exist
        self._current: list[tuple[int, str, int, Terminal]] = []  # heap of what the opened slots held
        self._pushed = 0
        self.next = NO_DEADLINE  # nothing is due before this time; it may be too early, never too late

    def arm(self, terminal: Terminal) -> None:
        """Make sure that the wheel looks at the terminal when `due` comes. Needed when `due` moved earlier."""
        if terminal.due < terminal.armed:
            terminal.armed = terminal.due
            self._put(terminal)

    def pop(self, now: int) -> Terminal | None:
        """The terminal whose deadline passed first, at or before `now`; None when there is none left."""
        while self._open(now):
            due, _, _, terminal = heappop(self._current)
            if terminal.armed != due:
                continue  # armed again for an earlier time since
            if terminal.due > due:
                terminal.armed = terminal.due
                if terminal.due < NO_DEADLINE:
                    self._put(terminal)
                continue
            terminal.armed = NO_DEADLINE
            return terminal
        return None

    def _put(self, terminal: Terminal) -> None:
        due = terminal.armed
        slot = due >> _SHIFT
        entries = self._slots.get(slot)
        if entries is None:
            entries = self._slots[slot] = []
            heappush(self._order, slot)
        entries.append(terminal)
        self.next = min(self.next, slot << _SHIFT)

    def _open(self, now: int) -> bool:
        """Bring every slot that has begun into the heap; whether its first entry is due by `now`."""
        order, current = self._order, self._current
        while order and order[0] << _SHIFT <= now:
            slot = heappop(order)
            for terminal in self._slots.pop(slot):
                if terminal.armed >> _SHIFT != slot:
                    continue  # armed again for an earlier time since
                if terminal.due >> _SHIFT > slot:  # nearly all: heard of since, so no place in the order is needed
                    terminal.armed = terminal.due
                    if terminal.due < NO_DEADLINE:
                        self._put(terminal)
                else:
                    self._pushed += 1  # keeps the heap from ever comparing two terminals
                    heappush(current, (terminal.armed, terminal.id, self._pushed, terminal))
        if current and current[0][0] <= now:
            return True
        self.next = min(current[0][0] if current else NO_DEADLINE, order[0] << _SHIFT if order else NO_DEADLINE)
        return False
