"""A great outage, and messages in the middle of it: the loop gets air, and nothing overtakes anything."""

import asyncio
from typing import Any

import mqtt5
import pytest

from fleetmon import turns
from fleetmon.engine import Engine, Message, Outcome
from fleetmon.model.events import Heartbeat
from fleetmon.model.registry import Registry, Terminal
from fleetmon.turns import Portion, Turns

NOON = 1_790_222_400_000
FLEET = 1_000
PACKET = mqtt5.PublishPacket("t", b"x")


class Line:
    """A connection of which only pausing matters."""

    paused = False

    def pause(self) -> None:
        self.paused = True


class Daemon:
    """What a round asks of the daemon, written down."""

    def __init__(self) -> None:
        self.engine = Engine(Registry(terminals=[Terminal(f"t{number}") for number in range(FLEET)]))
        self.now = NOON
        self.log: list[tuple[Any, ...]] = []
        self.failure: Exception | None = None
        self.line: Any = Line()
        self.idle = asyncio.Event()
        self.turns = Turns(
            self.engine,
            lambda: self.now,
            self.take,
            self.keep,
            self.caught_up,
            lambda error: setattr(self, "failure", error),
        )
        self.engine.link_up(NOON)
        beats = [Message(NOON, f"t{number}", Heartbeat(NOON, 1, 1), False, "", b"") for number in range(FLEET)]
        self.engine.observe(beats)

    def take(self, portion: Portion, now: int) -> None:
        self.log.append(("taken", len(portion[1]), now, self.engine.behind(now)))

    def keep(self, outcome: Outcome) -> None:
        if outcome:
            self.log.append(("changed", len(outcome.changes)))

    def crash(self, error: Exception) -> None:
        self.failure = error

    def caught_up(self) -> None:
        self.line.paused = False
        self.idle.set()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every turn ends at its first look at the clock."""
    monkeypatch.setattr(turns, "TURN_S", -1.0)


@pytest.mark.usefixtures("impatient")
async def test_an_outage_is_taken_in_turns_and_messages_wait_for_it() -> None:
    daemon, ticks = Daemon(), 0
    daemon.now = NOON + 126_001  # all of them missed two beats
    daemon.turns.deliver(daemon.line, [PACKET] * 450)
    assert daemon.turns.busy
    assert daemon.line.paused
    while not daemon.idle.is_set():
        daemon.turns.tick()  # as the clock does: no second round meanwhile
        daemon.now += 1
        ticks += 1
        await asyncio.sleep(0)
    assert ticks > FLEET // turns._DEADLINES
    changed = [entry[1] for entry in daemon.log if entry[0] == "changed"]
    assert sum(changed) == FLEET
    assert max(changed) <= turns._DEADLINES
    moment = NOON + 126_001
    assert [entry for entry in daemon.log if entry[0] == "taken"] == [
        *[("taken", turns._PACKETS, moment, False)] * (450 // turns._PACKETS), ("taken", 50, moment, False),
    ]  # fmt: skip
    assert daemon.log[-1][0] == "taken"
    assert not daemon.turns.busy
    assert not daemon.line.paused


async def test_without_a_backlog_all_is_done_at_once() -> None:
    daemon = Daemon()
    daemon.now += 5
    daemon.turns.deliver(daemon.line, [PACKET] * 3)
    assert daemon.log == [("taken", 3, NOON + 5, False)]
    assert daemon.idle.is_set()
    assert not daemon.turns.busy


@pytest.mark.usefixtures("impatient")
async def test_what_somebody_asks_for_waits_for_the_round_and_comes_after_it() -> None:
    daemon = Daemon()
    daemon.now = NOON + 126_001
    daemon.turns.deliver(daemon.line, [PACKET] * 450)

    def act(now: int) -> Outcome:
        daemon.log.append(("asked", now, daemon.turns.busy, daemon.engine.behind(now)))
        return Outcome()

    async with asyncio.timeout(10):
        await daemon.turns.between(act)
    assert daemon.log[-2:] == [("taken", 50, NOON + 126_001, False), ("asked", NOON + 126_001, False, False)]


@pytest.mark.usefixtures("impatient")
async def test_a_fault_in_a_later_turn_is_told_and_ends_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    daemon = Daemon()
    daemon.now = NOON + 126_001
    daemon.turns.tick()
    fault = RuntimeError("ours")

    def fail(*_: object) -> Outcome:
        raise fault

    monkeypatch.setattr(daemon.engine, "advance", fail)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert daemon.failure is fault
    assert not daemon.idle.is_set()
