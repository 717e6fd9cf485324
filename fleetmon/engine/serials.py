"""Several living terminals that claim to be the same device: one was moved, copied or sold with its papers.

A serial number that is new for a terminal is compared with everybody's, all new ones of ten minutes in one walk
through the fleet. Those that clash are compared again until they do not.
A number that more than a few share is a placeholder of their maker.
Where it can be wrong: who was down when the other came, and comes back later, is not compared again.
"""

from collections import defaultdict
from collections.abc import Iterable
from itertools import islice
from typing import Final

from fleetmon.detect.terminal_moved import TERMINAL_MOVED
from fleetmon.engine.agenda import PART, Parts, Plan
from fleetmon.engine.fleet import Fleet
from fleetmon.engine.outcome import Fact
from fleetmon.engine.shard import Shard
from fleetmon.model.events import State
from fleetmon.model.incident import Incident
from fleetmon.model.terminal import Liveness, Terminal

EVERY: Final = 600_000
LATELY: Final = 3_600_000  # before a restart
LAST: Final = 99
_LIVING: Final = (Liveness.UP, Liveness.SUSPECT, Liveness.ASLEEP)
_FEW: Final = 5
MOST: Final = 50_000  # numbers compared at a time; more are new only when a whole fleet is


class Serials:
    """The numbers that have to be compared. Times in ms."""

    def __init__(self, shard: Shard, plan: Plan) -> None:
        self._fleet: Fleet = shard.fleet
        self._checkup = shard.checkup
        self._plan = plan
        self._claimed: set[str] = set()
        self._planned = False

    def claim(self, terminal: Terminal, at: int) -> None:
        """A terminal told of a serial number that is new for it."""
        if terminal.serial and len(self._claimed) < MOST:
            self._claimed.add(terminal.serial)
            self._look_at(at + EVERY)

    def restore(self, incident: Incident, now: int) -> None:
        """Take up a firing incident that was read back: it may have been for the serial number."""
        terminal = self._fleet.terminals.get(incident.scope[0][1]) if incident.kind == TERMINAL_MOVED.kind else None
        if terminal is not None:
            self.claim(terminal, now)

    def recall(self, facts: Iterable[Fact], now: int) -> None:
        """What was told shortly before a restart may not have been compared yet."""
        for fact in facts:
            message, terminal = fact.message, self._fleet.terminals.get(fact.message.key)
            if isinstance(message.event, State) and terminal and message.received_at > now - LATELY:
                self.claim(terminal, now)

    def look(self, now: int) -> Parts[None]:
        """Who claims the same?"""
        self._planned = False
        claimed, self._claimed = self._claimed, set()
        found: defaultdict[str, list[Terminal]] = defaultdict(list)
        terminals = iter(self._fleet.terminals.values())
        while part := list(islice(terminals, PART)):
            for terminal in part:
                if terminal.serial in claimed:
                    found[terminal.serial].append(terminal)
            yield len(part)
        for serial in sorted(found):
            self._compare(found[serial], now)

    def _compare(self, claimants: list[Terminal], now: int) -> None:
        living = [one for one in claimants if one.liveness in _LIVING]
        heard = [one for one in living if one.liveness is Liveness.UP and one.last_seen > now - EVERY]
        if 1 < len(heard) <= _FEW:
            for terminal in heard:
                self._checkup.chart(terminal.id).lasting["cloned"] = float(len(heard))
        if 1 < len(living) <= _FEW:  # whoever sleeps now may wake
            self._claimed.add(claimants[0].serial)
            self._look_at(now + EVERY)
        else:
            for terminal in claimants:
                self._checkup.lift(terminal.id, "cloned")

    def _look_at(self, at: int) -> None:
        if not self._planned:
            self._planned = True
            self._plan(at, LAST, "serials")
