"""What the service manager is told: systemd's sd_notify(3), which is a line of text in a datagram.

READY as soon as the pipeline has moved once: restored, heard its clock tick, and committed. Not only when broker
and Alertmanager are there as well: that one of them is away is something to tell people (`STATUS`), and no
restart would bring it back. WATCHDOG only while every part has moved since it was last told; see ADR 24.
Where it can be wrong: a datagram that finds no room is dropped, and the next look tells the same again.
"""

import asyncio
import contextlib
import os
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Final

LOOK_S: Final = 1.0  # far below any sensible WatchdogSec
_NO_NEWS: Final = "-"


class Supervision:
    """One service manager, or none: then everything here does nothing."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        """The manager is named by NOTIFY_SOCKET in the environment; a leading @ means Linux's abstract names."""
        self._address = environment.get("NOTIFY_SOCKET", "").replace("@", "\0", 1)
        self._status = _NO_NEWS

    async def watch(self, progress: Callable[[], tuple[int, ...]], missing: Callable[[], list[str]]) -> None:
        """Look every second, until cancelled. `progress` counts what each part has done, `missing` is what is wrong."""
        told, ready = progress(), False
        while self._address:
            await asyncio.sleep(LOOK_S)
            now = progress()
            if all(after > before for before, after in zip(told, now, strict=True)):
                told = now
                self._tell(*([] if ready else ["READY=1"]), "WATCHDOG=1")
                ready = True
            self._tell_status("; ".join(missing()) or "ready")

    @contextlib.contextmanager
    def reloading(self) -> Iterator[None]:
        """While the configuration is read anew, whatever comes of it."""
        self._tell("RELOADING=1", f"MONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")
        try:
            yield
        finally:
            self._tell("READY=1")

    def stopping(self) -> None:
        """From now on it takes as long as the store needs to write everything down."""
        self._tell("STOPPING=1", "STATUS=writing everything down")

    def _tell_status(self, status: str) -> None:
        if status != self._status:
            self._status = status
            self._tell(f"STATUS={' '.join(status.split())}")

    def _tell(self, *lines: str) -> None:
        if not self._address:
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
            sender.settimeout(0)
            with contextlib.suppress(OSError):
                sender.sendto(os.fsencode("\n".join(lines)), self._address)


UNSUPERVISED: Final = Supervision({})
