"""The hosts' side: one client reports each acquirer's requests, answers and payouts, once a scenario minute.

Counted are the answers that the simulated tills got, so a host looks idle when the fleet cannot reach it, and
what it swallowed counts as answered too late (68). A report that the broker misses is gone; word of a payout is
kept until the broker has it.
"""

import asyncio
from collections import Counter, defaultdict, deque
from collections.abc import Sequence
from typing import Final

import msgspec

from fleetmon.model.errors import SinkError
from fleetmon.model.events import HostHealth
from fleetmon.model.topics import Kind, Topics
from fleetmon.sim.link import Link
from fleetmon.sim.pace import Moment, Pace
from fleetmon.sim.payers import Payers
from fleetmon.sim.terminal import Outgoing
from fleetmon.sim.till import Answer, Till

EVERY_S: Final = 60.0


class Hosts:
    """The acquirers of the fleet."""

    def __init__(
        self, acquirers: Sequence[str], tills: Sequence[Till], payers: Payers, topics: Topics, link: Link
    ) -> None:
        self.sent = 0
        self.payers = payers
        self._topics = {acquirer: topics.topic(Kind.HEALTH, acquirer) for acquirer in acquirers}
        self._tills = tills
        self._link = link
        self._outbox: deque[Outgoing] = deque()
        self._since = 0
        self._over = False
        self._wake = asyncio.Event()

    async def open(self) -> None:
        """Connect; raises SinkError, so that a broker that is not there is told before a fleet tries it."""
        await self._link.connect(None)

    def stop(self) -> None:
        """Come to an end."""
        self._over = True
        self._wake.set()

    async def run(self, pace: Pace) -> None:
        """Report until stopped."""
        self._since = pace.now().at
        every = max(EVERY_S, pace.speed)  # not more often than once a real second
        due = every
        try:
            while True:
                await pace.wait(due, self._wake)
                if self._over:
                    return
                await self._report(pace.now())
                due += every
        finally:
            await self._link.close()

    async def _report(self, now: Moment) -> None:
        self._outbox += self.payers.work(now.at)
        try:
            if not self._link.connected:
                await self._link.connect(None)
            for message in self._health(now):
                await self._publish(message)
            while self._outbox:
                await self._publish(self._outbox[0])
                self._outbox.popleft()
        except SinkError:
            return  # the broker is away; the terminals' tasks say so, and the next report is a minute away

    async def _publish(self, message: Outgoing) -> None:
        await self._link.publish(message)
        self.sent += 1

    def _health(self, now: Moment) -> list[Outgoing]:
        answers: defaultdict[str, list[Answer]] = defaultdict(list)
        for till in self._tills:
            answers[till.acquirer] += till.answers
            till.answers.clear()
        window_s = (now.at - self._since) / 1000
        self._since = now.at
        return [
            Outgoing(topic, msgspec.json.encode(_health(now.at, max(window_s, 0.0), answers[host])), 1, retain=False)
            for host, topic in self._topics.items()
        ]


def _health(at: int, window_s: float, answers: list[Answer]) -> HostHealth:
    times = sorted(answer.took_ms for answer in answers)
    return HostHealth(
        at=at,
        window_s=window_s,
        requests=len(answers),
        codes=dict(Counter(answer.response for answer in answers)),
        p95_ms=round(max(times[len(times) * 95 // 100], 0), 1) if times else None,
        signed_on=True,
    )
