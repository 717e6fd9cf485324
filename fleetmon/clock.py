"""The daemon's clock: the wall clock at the start, and the time that has passed since, suspension included.

Set forward, it follows; set back, it keeps its own time, or deadlines would stand still. When nobody looked
at it for a while, that was deafness of our own, and everyone gets a fresh grace.
"""

import time
from collections.abc import Callable
from typing import Final

import structlog

STEP_MS: Final = 5_000
STALL_MS: Final = 2_000  # a longer pause of our own is deafness
log = structlog.get_logger("fleetmon")


class Clock:
    """Milliseconds since 1970."""

    def __init__(self, stalled: Callable[[int], object]) -> None:
        """`stalled` hears, with the time, that nobody looked for longer than `STALL_MS`."""
        self._stalled = stalled
        self._started = utc() - _elapsed()
        self._looked = 0

    def wall(self) -> int:
        """The time, for whoever writes it down."""
        return self._started + _elapsed()

    def now(self) -> int:
        """The time for the engine."""
        ahead = utc() - self.wall()
        if ahead > STEP_MS:
            log.warning("the clock was set forward", by_ms=ahead)
            self._started += ahead
        now = self.wall()
        if self._looked and now - self._looked > STALL_MS:
            log.warning("stalled, everyone gets a fresh grace", for_ms=now - self._looked)
            self._stalled(now)
        self._looked = now
        return now

    def excuse(self) -> None:
        """What took so long since the last look was no stall."""
        self._looked = self.wall()


def utc() -> int:
    """What our neighbours hold to be the time in ms, whatever the engine has reached."""
    return time.time_ns() // 1_000_000


def _elapsed() -> int:
    """Milliseconds of a clock that nobody sets; on Linux it goes on while the machine is suspended."""
    return time.clock_gettime_ns(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)) // 1_000_000
