"""What terminals tell of the hosts that they ask."""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from fleetmon.engine.outcome import Message
from fleetmon.model.events import Transaction
from fleetmon.model.terminal import Liveness, Terminal

STEADY: Final = 120_000  # who came back later than so long ago may tell of its own trouble
_UP: Final = Liveness.UP


class Asked(Struct, gc=False):
    """A request of a terminal to its host was sent, or has ended, answered or not."""

    at: int
    terminal: Terminal
    event: Transaction
    steady: bool  # it was up for a while, so the request was not lost because it had no network


def asked(terminal: Terminal, message: Message) -> Sequence[Asked]:
    """The request of which a message tells; nothing if it tells of none."""
    now, event = message.received_at, message.event
    if not isinstance(event, Transaction):
        return ()
    return (Asked(now, terminal, event, terminal.liveness is _UP and now - terminal.since >= STEADY),)
