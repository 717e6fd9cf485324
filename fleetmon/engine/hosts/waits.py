"""How long terminals wait for an answer: from the request to its end, by the clock of the terminal, which tells both.

Held is the open request of each terminal that waits for one. Where a customer has to confirm (a QR code) the time is
theirs and tells nothing of a host. Where it can be wrong: a clock that is set meanwhile; that is one terminal's.
"""

from typing import Final

from fleetmon.model.events import Transaction

LONGEST: Final = 600_000  # whoever seems to wait longer has had its clock set


class Waits:
    """The requests under way. Times in ms."""

    def __init__(self) -> None:
        self._open: dict[str, Transaction] = {}  # by terminal

    def begin(self, terminal: str, told: Transaction) -> None:
        """A request was sent."""
        if told.rail != "qr":
            self._open[terminal] = told

    def end(self, terminal: str, told: Transaction) -> int | None:
        """It ended: how long that took; None if nobody knows."""
        begun = self._open.get(terminal)
        if begun is None or begun.id != told.id:
            return None
        del self._open[terminal]
        answered = told.stage in ("approved", "declined") and begun.boot == told.boot
        return waited if answered and 0 <= (waited := told.at - begun.at) <= LONGEST else None
