"""An event loop whose clock leaps to whatever is due next: hours pass in seconds, in the same order every time.

For what waits for nothing but the loop's own clock; a real connection would find its time-outs long past.
"""

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class _Leap(selectors.DefaultSelector):
    """Never waits: adds up what it was asked to wait."""

    elapsed = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """What is ready now; then the time asked for has passed."""
        if timeout is None:
            raise RuntimeError("everybody waits for ever")
        self.elapsed += timeout
        return super().select(0)


class _LeapingLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._leap = _Leap()
        super().__init__(self._leap)

    def time(self) -> float:
        """Seconds of virtual time since the loop was made."""
        return self._leap.elapsed


def leap(main: Coroutine[Any, Any, T]) -> T:
    """Run to the end in virtual time."""
    with asyncio.Runner(loop_factory=_LeapingLoop) as runner:
        return runner.run(main)


def virtual_clock(started_at: int) -> Callable[[], int]:
    """Wall time in ms that began with the loop."""
    return lambda: started_at + round(asyncio.get_running_loop().time() * 1000)
