"""Planned work on the disk, on each database with a real server: the same tests, twice."""

from datetime import datetime
from typing import Any

from msgspec.structs import replace

from fleetmon.model.schedule import Entry, Schedule
from fleetmon.model.window import Begun, Occurrence, Window
from fleetmon.store import ScheduleRow, Store, WindowTime

from .databases import Ask, write

DAY = 86_400_000
NOW = 1_795_406_400_000


def entry(number: int = 1, **fields: Any) -> Entry:
    schedule = Schedule(
        "2026-11-24T01:00:00", duration_s=60, owner="夜班\0", selector={"site": ["a", "b"]}, reference="R"
    )
    return replace(Entry(f"w-{number}", schedule, "approved", 1, NOW, "li", NOW, "li"), **fields)


def window(*spans: Occurrence, **fields: Any) -> Window:
    made = Window("window:operator:w-1", "o", "operator", spans, selector={"site": "a"})
    return replace(made, **fields)


def span(day: float, hours: float = 1) -> Occurrence:
    start = NOW + round(day * DAY)
    return Occurrence(start, start + round(hours * 3_600_000))


def test_the_last_version_of_each_is_read_back(store: Store) -> None:
    first, second, other = entry(), entry(version=2, since=NOW + 5, state="cancelled"), entry(2)
    write(store, schedules=[ScheduleRow(first, NOW + DAY), ScheduleRow(other, None)])
    write(store, schedules=[ScheduleRow(second, NOW + 5)])
    kept = replace(second, schedule=replace(second.schedule, owner="夜班\ufffd"))
    assert [one.id for one in store.schedules(NOW)] == ["w-1", "w-2"]
    assert store.schedules(NOW)[0] == kept
    assert [one.id for one in store.schedules(NOW + 6)] == ["w-2"]


def test_what_is_written_twice_is_there_once(store: Store, sql: Ask) -> None:
    for _ in range(2):
        write(store, schedules=[ScheduleRow(entry(), None), ScheduleRow(entry(version=2, since=NOW + 5), None)])
    assert sql("SELECT version, over_at, state, author, reference FROM schedule ORDER BY version") == [
        (1, NOW + 5, "approved", "li", "R"), (2, None, "approved", "li", "R"),
    ]  # fmt: skip


def test_times_that_were_over_long_ago_stay_and_the_others_are_written_anew(store: Store, sql: Ask) -> None:
    write(store, windows=[window(span(-30), span(-2), span(1), span(2))], at=NOW - 25 * DAY)
    write(store, windows=[window(span(-2), span(1, 2), span(3))], at=NOW)
    starts = [row[0] for row in sql('SELECT starts_at FROM "window" ORDER BY starts_at')]
    assert starts == [span(day).start for day in (-30, -2, 1, 3)]
    known = store.window_times(NOW - 20 * DAY)
    assert known == [WindowTime("window:operator:w-1", one, None) for one in (span(-2), span(1, 2), span(3))]


def test_a_window_without_times_leaves_only_what_is_over_long_ago(store: Store, sql: Ask) -> None:
    write(store, windows=[window(span(-30), span(1))], at=NOW - 25 * DAY)
    write(store, windows=[window()], at=NOW)
    assert len(sql('SELECT starts_at FROM "window"')) == 1


def test_when_flexible_work_began_is_known_again_and_seen_in_the_view(store: Store, sql: Ask) -> None:
    begun = (Begun(span(1).start, span(1).start + 60_000), Begun(span(2).start, span(2).start, span(2).start + 9000))
    waiting = window(span(1), span(2), span(3), flexible_ms=1_800_000, begun=begun)
    write(store, windows=[waiting], at=NOW)
    assert [one.begun for one in store.window_times(NOW)] == [*begun, None]
    found = sql("SELECT starts_at, ends_at FROM v_window ORDER BY starts_at")
    assert [(_time(end) - _time(start)) / 60 for start, end in found] == [30, 9 / 60, 60]


def _time(said: Any) -> float:
    return (datetime.fromisoformat(said) if isinstance(said, str) else said).timestamp()


def test_retention_forgets_old_versions_and_never_what_is_to_come(store: Store, sql: Ask) -> None:
    old = entry(since=NOW - 300 * DAY)
    write(store, schedules=[ScheduleRow(old, None)])
    write(store, schedules=[ScheduleRow(replace(old, version=2, since=NOW - 200 * DAY), None)])
    write(store, schedules=[ScheduleRow(entry(2, since=NOW - 300 * DAY), NOW - 299 * DAY)])
    store.forget(NOW)
    write(store)
    write(store)
    assert sql("SELECT id, version FROM schedule") == [("w-1", 2)]
