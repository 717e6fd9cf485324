"""Hosts that say they change their business day (90): an excuse, unless that is nearly all they say for too long.

Where it can be wrong: an acquirer whose issuers change their days one after the other seems to take as long as all
of them; so it is asked of both, and either is an excuse.
"""

from collections.abc import Container
from typing import Final

CUTOVER: Final = 900_000  # after which a day's cut-over is no excuse
STRANGERS: Final = 256  # hosts that nobody knows; terminals may make them up
_MOST: Final = 12  # beyond two of three, by which it is forgotten slowly enough


class Cutovers:
    """Of each host that says so more often than two times of three: since when, and by how much. Times in ms."""

    def __init__(self) -> None:
        self.registered: Container[str] = ()
        self._runs: dict[str, tuple[int, int]] = {}

    def __bool__(self) -> bool:
        return bool(self._runs)

    def note(self, at: int, *hosts: str, turning: bool) -> bool:
        """A request to these hosts ended, with 90 or not; whether each has said so for too long."""
        lasting = [self._count(at, host, turning=turning) for host in hosts if host]
        return bool(lasting) and all(lasting)

    def _count(self, at: int, host: str, *, turning: bool) -> bool:
        since, beyond = self._runs.get(host, (at, 0))
        beyond = min(beyond + 1, _MOST) if turning else beyond - 2
        if beyond <= 0:
            self._runs.pop(host, None)
        elif host in self._runs or host in self.registered or len(self._runs) < STRANGERS:
            self._runs[host] = since, beyond
        return at >= since + CUTOVER
