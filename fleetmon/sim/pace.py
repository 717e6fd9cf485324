"""Scenario time: passes `speed` times as fast as the clock of the event loop.

What happens when goes by the loop's monotonic clock, so a step of the wall clock neither skips nor
stalls a scenario; messages are stamped with the wall clock, as a daemon beside us understands them.
On a loop that leaps (`leap.py`) both are virtual.
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
    """The running time of one simulation; made inside its event loop.

    With a `grain` alarms go off together at multiples of so many seconds: with twenty thousand terminals,
    waking up for each alone costs as much as what is done then.
    """

    def __init__(self, clock: Callable[[], int], speed: float, grain: float = 0.0) -> None:
        self.speed = speed
        self._clock = clock
        self._grain = grain
        self._loop = asyncio.get_running_loop()
        self._started = self._loop.time()

    def now(self) -> Moment:
        """The present."""
        return Moment((self._loop.time() - self._started) * self.speed, self._clock())

    async def wait(self, until_s: float, wake: asyncio.Event) -> None:
        """Sleep until a scenario time (for ever, if it is infinite) or until woken; leaves `wake` cleared.

        The alarm sets the event, as whoever wakes us does: a time-out that cancels costs three times as much.
        """
        if math.isinf(until_s):
            await wake.wait()
        else:
            # A microsecond late, or rounding would find the time not quite come and wait again.
            due = self._started + until_s / self.speed + 1e-6
            if self._grain:
                due = math.ceil(due / self._grain) * self._grain
            alarm = self._loop.call_at(due, wake.set)
            try:
                await wake.wait()
            finally:
                alarm.cancel()
        wake.clear()
