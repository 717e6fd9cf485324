"""The upkeep in virtual time, on a real store: rolled on, told of, read back, and who did not come back."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from fleetmon.clock import Clock
from fleetmon.engine import Engine, Message, Outcome
from fleetmon.model.audit import AuditEntry
from fleetmon.model.days import DAY
from fleetmon.model.events import Heartbeat
from fleetmon.model.registry import Registry, Terminal
from fleetmon.model.schedule import Entry, Schedule
from fleetmon.model.window import Occurrence
from fleetmon.planning.lifecycle import Lifecycle
from fleetmon.store import Store, StoreSettings, Work
from fleetmon.upkeep import Upkeep

HOUR = 3_600_000
START = 1_795_395_600_000  # 2026-11-23T01:00:00Z


class Desk:
    """A daemon's upkeep without the daemon."""

    def __init__(self, settings: StoreSettings) -> None:
        self.now = START - HOUR
        self.settings = settings
        self.events: list[tuple[str, float]] = []
        self.open()

    def open(self) -> None:
        self.store = Store(self.settings)
        self.engine = Engine(Registry(terminals=[Terminal("t1", site="s"), Terminal("t2", site="other")]))
        self.engine.advance(self.now)
        self.engine.link_up(self.now)
        self.upkeep = Upkeep(self.engine, self.store, self.act, lambda: self.now)
        self.upkeep.on_event = self.note
        self.keep(self.upkeep.restore(self.now))

    def note(self, entry: AuditEntry) -> None:
        self.events.append((f"{entry.subject} {entry.action}", (entry.at - START) / HOUR))

    async def act(self, do: Any) -> None:
        self.keep(do(self.now))

    def keep(self, outcome: Outcome) -> None:
        self.store.submit(Work(lambda: None, windows=outcome.windows, at=self.now))
        self.upkeep.told(outcome.transitions)

    def write(self, entry: Entry, before: Entry | None = None) -> None:
        self.keep(self.upkeep.commit([(entry, "created", before)], self.now))

    def restart(self) -> None:
        assert self.store.close()
        self.open()

    async def look(self, hours: float) -> None:
        """As `run` does, without waiting."""
        self.now = START + round(hours * HOUR)
        self.keep(self.engine.advance(self.now))
        if self.upkeep.plans.horizon.behind(self.now):
            await self.act(self.upkeep._roll)
        self.upkeep._tell(self.upkeep._lifecycle.due(self.now))

    def times(self, name: str = "w") -> list[float]:
        window = self.engine.correlator.works.windows.find(f"window:operator:{name}")
        return [] if window is None else [(one.start - START) / HOUR for one in window.occurrences]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(StoreSettings(f"sqlite:///{tmp_path}/fleetmon.db"))
    yield made
    made.store.close()


def entry(name: str = "w", **fields: Any) -> Entry:
    schedule = Schedule("2026-11-23T01:00:00", zone="UTC", duration_s=7200, owner="o", selector={"site": "s"}, **fields)
    return Entry(name, schedule, "approved", 1, START - HOUR, "li", START - HOUR, "li")


async def test_what_recurs_goes_on_for_as_long_as_somebody_looks(desk: Desk) -> None:
    desk.write(entry(rrule="FREQ=DAILY"))
    for day in range(30):
        await desk.look(24 * day)
        assert {24.0 * day, 24.0 * (day + 1)} <= set(desk.times())
    assert desk.times()[0] >= 24 * 8  # older ones are the store's
    desk.restart()
    assert {24.0 * 29, 24.0 * 30} <= set(desk.times())
    stored = {(one.span.start - START) / HOUR for one in desk.store.window_times(0)}
    assert stored >= {24.0 * day for day in range(31)}


async def test_after_a_long_absence_all_is_as_if_it_had_been_there(desk: Desk) -> None:
    desk.write(entry(rrule="FREQ=DAILY"))
    desk.now = START + 40 * DAY
    desk.restart()
    assert {24.0 * day for day in range(21, 42)} <= set(desk.times())
    assert desk.store.close()
    desk.open()
    stored = {(one.span.start - START) / HOUR for one in desk.store.window_times(START + 30 * DAY)}
    assert {24.0 * day for day in range(30, 42)} <= stored


async def test_it_is_told_when_work_comes_begins_and_ends_once_each_and_in_order(desk: Desk) -> None:
    desk.write(entry(lead_s=1800))
    desk.write(entry("late", lead_s=0))
    for hours in (-0.6, -0.5, 0, 1.74, 1.75, 2, 3):
        await desk.look(hours)
    assert [event for event in desk.events if event[0].startswith("w ")] == [
        ("w created", -1), ("w starting_soon", -0.5), ("w started", 0), ("w ending_soon", 1.75), ("w ended", 2),
    ]  # fmt: skip
    assert ("late starting_soon", 0.0) not in desk.events
    told = list(desk.events)
    desk.restart()
    await desk.look(4)
    again = [event for event in desk.events[len(told) :] if not event[0].endswith("created")]
    assert set(again) <= set(told)  # the same to the letter, so that the audit keeps one
    rows = desk.store.audit("window", "w", None, 100)
    await asyncio.sleep(0)
    assert len({(row.action, row.at) for row in rows}) == len(rows)


async def test_what_was_cancelled_meanwhile_is_not_told_to_begin(desk: Desk) -> None:
    first = entry()
    desk.write(first)
    await desk.look(-0.9)
    desk.write(replace(first, state="cancelled", version=2, since=desk.now), first)
    await desk.look(3)
    assert "w started" not in [what for what, _ in desk.events]


async def test_work_that_was_written_while_it_goes_on_begins_then(desk: Desk) -> None:
    desk.now = START + HOUR // 2
    desk.write(replace(entry(), created_at=desk.now, since=desk.now))
    await desk.look(3)
    assert [what for what, _ in desk.events] == ["w created", "w started", "w ending_soon", "w ended"]
    assert desk.events[1][1] == 0.5


async def test_a_clock_that_is_set_over_the_edges_has_each_told_once(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown, passed = desk.now, 0  # by the clock on the wall, and by one that nobody sets
    monkeypatch.setattr("fleetmon.clock.utc", lambda: shown)
    monkeypatch.setattr("fleetmon.clock._elapsed", lambda: passed)
    clock, terminal = Clock(desk.engine.stalled), desk.engine.fleet.terminals["t1"]

    async def covered(minutes: int, set_by: float = 0) -> bool:
        nonlocal shown, passed
        passed += minutes * 60_000
        shown += minutes * 60_000 + round(set_by * HOUR)
        await desk.look((clock.now() - START) / HOUR)
        return desk.engine.correlator.works.windows.cover(terminal, desk.engine.now) is not None

    desk.write(entry(lead_s=0))
    assert not await covered(1)
    assert await covered(29, 1)  # from half an hour before the begin to half an hour after it
    assert await covered(6, -1)  # and back again, before it
    assert await covered(6, 1)
    assert await covered(30, 0)
    assert not await covered(18, 1)  # over the end
    assert not await covered(1, -1)
    assert not await covered(1, 1)
    assert desk.events == [("w created", -1), ("w started", 0), ("w ending_soon", 1.75), ("w ended", 2)]


async def test_who_does_not_come_back_makes_its_window_overdue(desk: Desk) -> None:
    desk.write(entry())

    def beat(hours: float) -> None:
        at = START + round(hours * HOUR)
        said = Heartbeat(at=at, boot=1, seq=round(hours * 60 + 100))
        desk.keep(desk.engine.observe([Message(at, "t1", said, False, "pos/v1/terminal/t1/heartbeat", b"{}")]))
        other = Message(at, "t2", said, False, "pos/v1/terminal/t2/heartbeat", b"{}")
        desk.keep(desk.engine.observe([other]))

    for minute in range(-30, 1):
        beat(minute / 60)
    for minute in range(1, 150):  # t1 is silent from then on
        at = START + minute * 60_000
        said = Heartbeat(at=at, boot=1, seq=minute + 500)
        desk.keep(desk.engine.observe([Message(at, "t2", said, False, "pos/v1/terminal/t2/heartbeat", b"{}")]))
    assert ("w overdue", 2.25) in desk.events
    assert desk.engine.correlator.works.overdue.windows_of(desk.engine.incidents[-1].id) == ["window:operator:w"]


def test_moments_are_those_of_the_present_times() -> None:
    told = Lifecycle(0)
    first, second = Occurrence(100, 200), Occurrence(100, 300)
    told.put("w", [first], [first], 0)
    told.put("w", [second], [second], 0)
    assert [(one.action, one.at) for one in told.due(1000)] == [("started", 100), ("ending_soon", 200), ("ended", 300)]
    told.put("w", [second], [second], 0)
    assert told.due(2000) == []
    told.put("x", [first], [first], 0)
    assert told.due(3000) == []
    assert not told._spans, "nothing is kept of what is over"


@pytest.mark.parametrize(("minutes", "soon"), [(120, 105), (30, 15), (20, 10), (1, 0.5)])
def test_that_it_ends_soon_is_told_a_quarter_of_an_hour_before_or_when_half_is_over(minutes: int, soon: float) -> None:
    told, span = Lifecycle(-1), Occurrence(0, minutes * 60_000)
    told.put("w", [span], [span], 0)
    assert [one.at / 60_000 for one in told.due(DAY) if one.action == "ending_soon"] == [soon]


def test_what_is_left_to_be_told_changes_with_the_window() -> None:
    told = Lifecycle(0)
    span, later = Occurrence(100, 200), Occurrence(150, 250)
    told.put("w", [span], [span], 0)
    assert [one.action for one in told.due(120)] == ["started"]
    told.put("w", [later], [later], 0)
    assert [(one.action, one.at) for one in told.due(1000)] == [("started", 150), ("ending_soon", 200), ("ended", 250)]
    told.put("w", [Occurrence(2000, 2100)], [], 0)
    told.put("w", [], [], 0)  # cancelled
    assert told.due(3000) == []
    assert not told._spans
