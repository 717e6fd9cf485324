"""Terminals that were reset while nobody heard the State that says so: they beat on in a boot that seems to be over.

Only a State that is no replay begins another epoch (contract, Conventions), so what they tell goes on being of an old
boot. That they live shows when one heartbeat of it follows another a beat later: stragglers of a device that stood
here before come at once, and end.
"""

from typing import Final

from fleetmon.model.events import Heartbeat
from fleetmon.model.terminal import Terminal

_MOST: Final = 10_000  # anybody may tell of old boots; the memory shall not keep them all


class Resets:
    """The newest heartbeat of an old boot by terminal: boot, number, arrival in ms."""

    def __init__(self) -> None:
        self._newest: dict[str, tuple[int, int, int]] = {}

    def beats(self, terminal: Terminal, beat: Heartbeat, now: int) -> bool:
        """Whether a heartbeat of an old boot follows another as heartbeats do."""
        known = self._newest.get(terminal.id)
        if known is None and len(self._newest) >= _MOST:
            return False
        boot, seq, at = known or (-1, -1, now)
        if beat.boot == boot and beat.seq <= seq:
            return False
        self._newest[terminal.id] = beat.boot, beat.seq, now
        return beat.boot == boot and now - at >= terminal.interval_ms // 2

    def told(self, terminal: Terminal) -> None:
        """Its State was heard."""
        self._newest.pop(terminal.id, None)
