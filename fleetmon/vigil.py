"""Remembers when fleetmon was watching, so that it can say later when it was not.

Every half minute the end of this watch is written down; a report finds what lies between two of them. When nobody
came by for longer, because the machine was suspended say, a new watch begins.
Where it can be wrong: what is shorter than a minute and a half is not told.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from fleetmon.store import WATCHED, Store, Watch, Work

EVERY_S: Final = 30.0
PAUSE: Final = 90_000  # in ms


class Vigil:
    """One watch, or several. Times in milliseconds."""

    def __init__(
        self, store: Store, wall: Callable[[], int], sleep: Callable[[float], Awaitable[object]] = asyncio.sleep
    ) -> None:
        """`wall` tells the time."""
        self._store = store
        self._wall = wall
        self._sleep = sleep
        self._begin = self._last = 0

    async def run(self) -> None:
        """For ever."""
        try:
            while True:
                self._note()
                await self._sleep(EVERY_S)
        finally:
            self._note()

    def _note(self) -> None:
        now = self._wall()
        if now - self._last > PAUSE:
            self._begin = now
        self._last = max(now, self._last)
        self._store.submit(Work(lambda: None, episodes=[Watch(WATCHED, self._begin, self._last).episode]))
