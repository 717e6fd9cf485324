"""Lets one simulated terminal live: one task that keeps its line in the state its fate asks for.

The task alone touches the line, so a step of the scenario never races with a publication: it wakes the
task, which sees what has become of the terminal.
"""

import asyncio
import contextlib
from typing import Final

import structlog

from fleetmon.model.errors import SinkError
from fleetmon.sim.chance import Chance
from fleetmon.sim.link import LinkFactory
from fleetmon.sim.pace import Pace
from fleetmon.sim.scenario import Step
from fleetmon.sim.terminal import Reach, SimTerminal

LONGEST_BACKOFF_S: Final = 30.0
LEAVE_TIMEOUT_S: Final = 5.0
log = structlog.get_logger("fleetmon.sim")


class Driver:
    """A terminal, its line, and the time."""

    def __init__(
        self,
        terminal: SimTerminal,
        links: LinkFactory,
        pace: Pace,
        gate: asyncio.Semaphore,
        chance: Chance,
        back_within_s: tuple[float, float],
    ) -> None:
        self.terminal = terminal
        self.sent = 0
        self._link = links(terminal.id, self._broken)
        self._pace = pace
        self._gate = gate
        self._chance = chance
        self._back_within_s = back_within_s
        self._wake = asyncio.Event()
        self._over = False
        self._failures = 0
        self._connect_s = 0.0  # not before this scenario time

    @property
    def connected(self) -> bool:
        """Whether the line stands."""
        return self._link.connected

    def begin(self, step: Step) -> None:
        """A step befalls the terminal."""
        self.terminal.begin(step, self._pace.now())
        self._wake.set()

    def end(self, step: Step) -> None:
        """A step is over; whoever lost the line comes back a little later, not all at once."""
        now = self._pace.now()
        self.terminal.end(step, now)
        if not self._link.connected:
            self._connect_s = now.s + self._chance.uniform(*self._back_within_s)
        self._wake.set()

    def stop(self) -> None:
        """Say farewell and come to an end."""
        self._over = True
        self._wake.set()

    async def run(self, first_s: float) -> None:
        """Live from scenario time `first_s` on until stopped or cancelled; either way with a farewell."""
        self._connect_s = first_s
        try:
            while not self._over:
                await self._pace.wait(await self._turn(), self._wake)
        finally:
            # A fleet that vanished without a farewell would look like one big outage. Twenty thousand at once
            # would not get through in time.
            with contextlib.suppress(TimeoutError):
                async with self._gate, asyncio.timeout(LEAVE_TIMEOUT_S):
                    await self._leave()

    async def _turn(self) -> float:
        """Do what the terminal's state asks for; the scenario time of the next turn."""
        terminal, link = self.terminal, self._link
        match terminal.reach:
            case Reach.OFF:
                await self._leave()
            case Reach.LOST:
                await link.cut()
            case _ if not link.connected and self._pace.now().s >= self._connect_s:
                await self._connect()
        terminal.advance(self._pace.now(), connected=link.connected)
        if terminal.reach is Reach.ONLINE and link.connected:
            await self._flush()
        due = terminal.next_s(connected=link.connected)
        waiting = terminal.reach in (Reach.ONLINE, Reach.MUTE) and not link.connected
        return min(due, self._connect_s) if waiting else due

    async def _connect(self) -> None:
        async with self._gate:
            will, birth = self.terminal.open_session(self._pace.now())
            try:
                await self._link.connect(will)
                await self._link.publish(birth)
            except SinkError as error:
                self._failures += 1
                self._postpone()
                log.info("terminal cannot connect", terminal=self.terminal.id, error=str(error))
                return
        self.sent += 1
        self._failures = 0

    async def _flush(self) -> None:
        outbox = self.terminal.outbox
        while outbox:
            message = outbox[0]
            if not message.qos:
                outbox.popleft()  # lost with the line, if that breaks now
            try:
                await self._link.publish(message)
            except SinkError as error:
                self._postpone()
                log.info("terminal lost its line", terminal=self.terminal.id, error=str(error))
                return
            if message.qos:
                outbox.popleft()
            self.sent += 1

    async def _leave(self) -> None:
        if not self._link.connected:
            return
        if self.terminal.reach is not Reach.MUTE:
            await self._flush()
        with contextlib.suppress(SinkError):  # then the will speaks
            await self._link.publish(self.terminal.farewell(self._pace.now()))
            self.sent += 1
        await self._link.close()

    def _broken(self) -> None:
        self._postpone()
        self._wake.set()

    def _postpone(self) -> None:
        """Full jitter, so that a fleet does not fall upon a broker that has just come back."""
        longest = min(LONGEST_BACKOFF_S, 2.0 ** min(self._failures, 5))
        self._connect_s = self._pace.now().s + self._chance.uniform(0.1, longest) * self._pace.speed
