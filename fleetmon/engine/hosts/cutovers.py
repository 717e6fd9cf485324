"""Hosts that say they change their business day (90): an excuse, unless that is nearly all they say for too long.

Where it can be wrong: a host that lets a third through meanwhile is excused for ever.
"""

from collections.abc import Container
from typing import Final, NamedTuple

CUTOVER: Final = 900_000  # after which a day's cut-over is no excuse
STRANGERS: Final = 256  # hosts that nobody knows; terminals may make them up
_MOST: Final = 12  # that are counted, so that it is over soon


class _Run(NamedTuple):
    since: int
    last: int
    beyond: int  # two of three


class Cutovers:
    """Since when each host says so more often than two times of three. Times in ms."""

    def __init__(self) -> None:
        self.registered: Container[str] = ()
        self._runs: dict[str, _Run] = {}

    def __bool__(self) -> bool:
        return bool(self._runs)

    def note(self, at: int, *hosts: str, turning: bool) -> bool:
        """A request to these hosts ended, with 90 or not; whether one of them has said so for too long."""
        lasting = [self._count(at, host, turning=turning) for host in hosts if host]
        return any(lasting)

    def lasts(self, host: str, at: int) -> bool:
        """Whether a host has said so for too long, and still does."""
        run = self._runs.get(host)
        return run is not None and run.since + CUTOVER <= at < run.last + CUTOVER

    def _count(self, at: int, host: str, *, turning: bool) -> bool:
        run = self._runs.get(host)
        if run is None or at >= run.last + CUTOVER:  # nobody knows what it would have said meanwhile
            run = _Run(at, at, 0)
        beyond = min(run.beyond + 1, _MOST) if turning else run.beyond - 2
        if beyond <= 0:
            self._runs.pop(host, None)
        elif host in self._runs or host in self.registered or len(self._runs) < STRANGERS:
            self._runs[host] = _Run(run.since, at, beyond)
        return at >= run.since + CUTOVER
