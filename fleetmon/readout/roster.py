"""The terminals in order of their ids, walked a piece at a time, so that a list of a million blocks nobody.

Terminals that came since are found at the end of the mapping, which keeps the order of their coming; the
whole is only sorted anew when some went, which is when the registry changed.
"""

import asyncio
from bisect import bisect_right
from collections.abc import Callable
from itertools import takewhile
from typing import Final

from fleetmon.model.terminal import Terminal

PIECE: Final = 5_000  # terminals looked at before others get their turn; about 2 ms


class Roster:
    """Sorted ids of the terminals that are known."""

    def __init__(self, terminals: dict[str, Terminal]) -> None:
        self._terminals = terminals
        self._ids = sorted(terminals)  # now, at the start, when nobody waits
        self._newest = next(reversed(terminals), None)

    async def page(self, after: str | None, limit: int, wanted: Callable[[Terminal], bool]) -> list[Terminal]:
        """The first `limit` wanted terminals after an id."""
        ids, find, found = self._sorted(), self._terminals.get, list[Terminal]()
        start = 0 if after is None else bisect_right(ids, after)
        for piece in range(start, len(ids), PIECE):
            for key in ids[piece : piece + PIECE]:
                terminal = find(key)
                if terminal is not None and wanted(terminal):
                    found.append(terminal)
                    if len(found) == limit:
                        return found
            await asyncio.sleep(0)
        return found

    def _sorted(self) -> list[str]:
        fresh = list(takewhile(lambda key: key != self._newest, reversed(self._terminals)))
        if len(self._ids) + len(fresh) == len(self._terminals):
            # Only additions, the usual case: two sorted runs are merged in a few milliseconds a million.
            self._ids = sorted([*self._ids, *sorted(fresh)]) if fresh else self._ids
        else:
            self._ids = sorted(self._terminals)
        self._newest = next(reversed(self._terminals), None)
        return self._ids
