"""A great calendar is taken in while the fleet is watched: judged in short steps, written a portion at a time."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from fleetmon.engine import Outcome
from fleetmon.model.schedule import Entry
from fleetmon.planning.settings import CalendarSettings
from fleetmon.readout.planning.importing import Importing
from fleetmon.web.windows import ImportView

from .planner import Planner

BINDING = CalendarSettings("cmcc", "CMCC", file="cmcc.ics", selector={"carrier": "CMCC"}, everything=True)


def calendar(events: int, reason: str = "") -> bytes:
    """Weekly work in September 2026, at noon."""
    said = [
        f"BEGIN:VEVENT\r\nUID:e{number:04}\r\nDTSTART:20260901T12{number % 60:02}00\r\nDURATION:PT30M\r\n"
        f"RRULE:FREQ=WEEKLY\r\nSUMMARY:{reason}\r\nEND:VEVENT\r\n"
        for number in range(events)
    ]
    return f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\n{''.join(said)}END:VCALENDAR\r\n".encode()


class Reader:
    """Takes calendars in, and notes how much was written at once."""

    def __init__(self) -> None:
        self.planner = Planner()
        self.portions: list[int] = []
        self.stops_after: int | None = None
        port, plans = self.planner.port, self.planner.plans
        now = self.planner.world.now
        self.importing = Importing(
            plans, port.importing._planned, port.importing._judging, self._commit, self._write, lambda: now
        )

    def _commit(self, versions: Sequence[tuple[Entry, str, Entry | None]], now: int) -> Outcome:
        self.portions.append(len(versions))
        return self.planner.world.engine.plan([self.planner.plans.put(one, now) for one, _, _ in versions], now)

    async def _write(self, do: Callable[[int], Outcome]) -> None:
        if len(self.portions) == self.stops_after:
            raise KeyboardInterrupt
        do(self.planner.world.now)

    def take(self, data: bytes, **how: Any) -> ImportView:
        return asyncio.run(self.importing.take(data, BINDING, whole=True, **how))


def test_thousands_of_events_are_written_a_portion_at_a_time() -> None:
    reader = Reader()
    assert len(reader.take(calendar(230)).taken) == 230
    assert sum(reader.portions) == len(reader.planner.plans) == 230
    assert max(reader.portions) <= 50
    assert reader.take(calendar(230)).unchanged == 230
    assert sum(reader.portions) == 230, "the same again writes nothing"
    assert len(reader.take(calendar(10, "router")).changed) == 10
    assert {one.state for one in reader.planner.plans} == {"approved", "cancelled"}
    assert sum(one.state == "cancelled" for one in reader.planner.plans) == 220
    assert max(reader.portions) <= 50


def test_what_a_kill_left_out_is_taken_the_next_time() -> None:
    reader = Reader()
    reader.stops_after = 2
    try:
        reader.take(calendar(230))
    except KeyboardInterrupt:
        reader.stops_after = None
    assert len(reader.planner.plans) == 100
    found = reader.take(calendar(230))
    assert (len(found.taken), found.unchanged) == (130, 100)


def test_a_trial_writes_nothing() -> None:
    reader = Reader()
    assert len(reader.take(calendar(3), dry_run=True).taken) == 3
    assert reader.portions == []
