"""A lazy timer wheel: who has been silent for too long, without looking at those who have not.

A heartbeat only moves `terminal.due`; the wheel looks at a terminal when an earlier promise runs out,
and puts it back if the due time has moved on. Slots are 128 ms wide; within the current slot a heap
gives the exact order (due time, then id), so results do not depend on how often one looks.
A slot can hold the whole fleet, as when all of it got the same grace: it is brought in order in parts.
"""

from heapq import heappop, heappush
from typing import Final

from fleetmon.model.terminal import NO_DEADLINE, Terminal

_SHIFT: Final = 7
_PART: Final = 1_000  # terminals looked at by one `pop`, at most; about a millisecond
# Lists made beforehand, and used again when a slot is over: the daemon tells the collector of cycles to leave alone
# what is there when it begins, and a list made later would have it walk all terminals in it again and again.
_SPARE: Final = 8_192  # slots of 17 minutes


class Deadlines:
    """The deadlines of many terminals; each terminal's own is `terminal.due` (milliseconds)."""

    def __init__(self) -> None:
        self._slots: dict[int, list[Terminal]] = {}
        self._order: list[int] = []  # heap of the slots that exist
        self._spare: list[list[Terminal]] = [[] for _ in range(_SPARE)]
        self._opening: tuple[int, list[Terminal]] | None = None  # the slot that is being brought in order
        self._current: list[tuple[int, str, int, Terminal]] = []  # heap of what the opened slots held
        self._room = 0  # how many terminals this `pop` may still look at
        self._pushed = 0
        self.next = NO_DEADLINE  # nothing is due before this time; it may be too early, never too late

    def arm(self, terminal: Terminal) -> None:
        """Make sure that the wheel looks at the terminal when `due` comes. Needed when `due` moved earlier."""
        if terminal.due < terminal.armed:
            terminal.armed = terminal.due
            self._put(terminal)

    def pop(self, now: int) -> Terminal | None:
        """The terminal whose deadline passed first, at or before `now`.

        None when there is none, or when so many had to be looked at that the rest is left to the next call; then
        `self.next` is still `now` or earlier.
        """
        self._room = _PART
        while self._open(now):
            due, _, _, terminal = heappop(self._current)
            self._room -= 1
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
            entries = self._slots[slot] = self._spare.pop() if self._spare else []
            heappush(self._order, slot)
        entries.append(terminal)
        self.next = min(self.next, slot << _SHIFT)

    def _open(self, now: int) -> bool:
        """Bring every slot that has begun into the heap, as far as there is room; whether its first entry is due."""
        order, current = self._order, self._current
        while self._opening or (order and order[0] << _SHIFT <= now):
            if self._opening is None:
                slot = heappop(order)
                self._opening = slot, self._slots.pop(slot)
            if self._room <= 0:
                return False
            self._sort_in(*self._opening)
        if current and current[0][0] <= now:
            return self._room > 0
        self.next = min(current[0][0] if current else NO_DEADLINE, order[0] << _SHIFT if order else NO_DEADLINE)
        return False

    def _sort_in(self, slot: int, entries: list[Terminal]) -> None:
        """Take as many out of the slot as there is room for."""
        taken = entries[-self._room :]
        del entries[-self._room :]
        self._room -= len(taken)
        for terminal in taken:
            if terminal.armed >> _SHIFT != slot:
                continue  # armed again for an earlier time since
            if terminal.due >> _SHIFT > slot:  # nearly all: heard of since, so no place in the order is needed
                terminal.armed = terminal.due
                if terminal.due < NO_DEADLINE:
                    self._put(terminal)
            else:
                self._pushed += 1  # keeps the heap from ever comparing two terminals
                heappush(self._current, (terminal.armed, terminal.id, self._pushed, terminal))
        if not entries:
            self._spare.append(entries)
            self._opening = None
