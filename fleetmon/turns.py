"""Work in small turns, so that a great outage or a flood never holds the event loop up.

A round begins with what one read brought, or with a tick. It lets everything happen that is due at its
moment, then takes in the packets that came, so no message overtakes a deadline. When that takes longer
than `TURN_S` reading pauses, everybody else on the loop gets a turn, and the round goes on after that.
Where it can be wrong: a message that waits for a long round counts as received when that round began.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

import mqtt5

from fleetmon.engine import Engine, Outcome
from fleetmon.ingest.mqtt import Connection

TURN_S: Final = 0.01
_DEADLINES: Final = 2  # that pass, or parts of a judgement, between two looks at the clock
_PACKETS: Final = 100  # taken in between two looks at the clock

Portion = tuple[Connection | None, Sequence[mqtt5.PublishPacket]]


class Turns:
    """One round after the other. Times in milliseconds since 1970."""

    def __init__(
        self,
        engine: Engine,
        now: Callable[[], int],
        take: Callable[[Portion, int], None],
        keep: Callable[[Outcome], None],
        caught_up: Callable[[], None],
        crash: Callable[[Exception], None],
    ) -> None:
        """`take` observes packets and has that stored, `keep` has stored what the passing of time brought.

        `caught_up`: nothing is left to be done, reading may go on; `crash`: a fault of our own.
        """
        self._engine = engine
        self._now = now
        self._take = take
        self._keep = keep
        self._caught_up = caught_up
        self._crash = crash
        self._held: deque[Portion] = deque()
        self._connection: Connection | None = None  # the latest that brought something
        self._moment: int | None = None  # of the round under way
        self.rounds = 0  # finished so far

    @property
    def busy(self) -> bool:
        """Whether a round is under way that needs more than one turn."""
        return self._moment is not None

    def deliver(self, connection: Connection, packets: Sequence[mqtt5.PublishPacket]) -> None:
        """Take in what one read brought, now or as soon as its turn comes."""
        self._connection = connection
        self._held += [(connection, packets[at : at + _PACKETS]) for at in range(0, len(packets), _PACKETS)]
        self.tick()

    def tick(self) -> None:
        """Begin a round, unless one is under way."""
        if self._moment is None:
            self._moment = self._now()
            self._turn()

    async def between(self, act: Callable[[int], Outcome]) -> None:
        """Have the engine do what somebody asks for, at a moment when no round is under way, and have that stored."""
        while self.busy:  # noqa: ASYNC110 - for a few turns of the loop, and nobody else waits for it
            await asyncio.sleep(0)
        self._keep(act(self._now()))

    def _turn(self) -> None:
        try:
            if self._is_done(time.monotonic() + TURN_S):
                self._moment = None
                self.rounds += 1
                self._caught_up()
                return
        except Exception as error:  # noqa: BLE001 - nobody awaits a callback: crash loudly, where somebody does
            self._crash(error)
            return
        if self._connection is not None:
            self._connection.pause()
        asyncio.get_running_loop().call_soon(self._go_on)

    def _go_on(self) -> None:
        self._now()  # we are awake, only busy
        self._turn()

    def _is_done(self, end: float) -> bool:
        """Work until the time is up; whether nothing is left to be done."""
        assert self._moment is not None
        brought, late = Outcome(), False
        while not late and self._engine.behind(self._moment):
            brought.add(self._engine.advance(self._moment, _DEADLINES))
            late = time.monotonic() > end
        self._keep(brought)
        while not late and self._held:
            self._take(self._held.popleft(), max(self._moment, self._engine.now))
            late = time.monotonic() > end
        return not (self._held or self._engine.behind(self._moment))
