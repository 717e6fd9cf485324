"""Scenario time: passes `speed` times as fast as the clock on the wall.

What happens when goes by the loop's monotonic clock, so a step of the wall clock neither skips nor
stalls a scenario; messages are stamped with the wall clock, as a daemon beside us understands them.
"""

import asyncio
import math
from collections.abc import Callable
from typing import NamedTuple


class Moment(NamedTuple):
    """Now: scenario seconds since the start, and wall time in ms since 1970."""

    s: float
    at: int


class Pace:
    """The running time of one simulation; made inside its event loop."""

    def __init__(self, clock: Callable[[], int], speed: float) -> None:
        self.speed = speed
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._started = self._loop.time()

    def now(self) -> Moment:
        """The present."""
        return Moment((self._loop.time() - self._started) * self.speed, self._clock())

    async def wait(self, until_s: float, wake: asyncio.Event) -> None:
        """Sleep until a scenario time (for ever, if it is infinite) or until woken."""
        # A microsecond late, or rounding would find the time not quite come and wait again.
        limit = None if math.isinf(until_s) else self._started + until_s / self.speed + 1e-6
        try:
            async with asyncio.timeout_at(limit):
                await wake.wait()
        except TimeoutError:
            return
