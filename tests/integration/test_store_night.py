"""What a report asks of the store, on each database."""

import time

from fleetmon.engine import TerminalChange
from fleetmon.model.episode import Episode
from fleetmon.model.incident import Incident, Status, Transition
from fleetmon.model.terminal import NO_DEADLINE
from fleetmon.store import SENT, WATCHED, Store, TerminalRow, Watch, Work

HOUR = 3_600_000
DAY = 24 * HOUR
NOW = 1_000 * DAY


def row(key: str, state: str = "up", since: int = NOW - 50 * DAY) -> TerminalRow:
    return TerminalRow(key, "m", "s", "north", "CMCC", "ACQ", f"of-{key[0]}", "", "", "4g", True, state, since)


def incident(key: str, opened_at: int, resolved_at: int | None) -> Transition:
    status = Status.FIRING if resolved_at is None else Status.RESOLVED
    found = Incident(key, "tamper", (("terminal", "a1"),), "critical", True, opened_at, status, opened_at)
    found.resolved_at = resolved_at
    return Transition(resolved_at or opened_at, None, found, "Tamper")


def written(store: Store, work: Work) -> None:
    """Have it stored."""
    before = store.commits
    store.submit(work)
    while store.commits == before:
        time.sleep(0.005)


def test_a_night_is_read_back_and_what_was_before_it_is_not(store: Store) -> None:
    times = [NOW - 40 * DAY, NOW - 3 * HOUR, NOW - 2 * HOUR]
    written(
        store,
        Work(
            lambda: None,
            terminals=[*map(row, ("a1", "a2", "a3", "b1")), row("b2", "down"), row("b3", "asleep")],
            changes=[
                TerminalChange(times[0], "a2", "up", "down"),
                TerminalChange(times[1], "a1", "up", "suspect"), TerminalChange(times[2], "a1", "suspect", "up"),
            ],
            transitions=[
                incident("over", NOW - 9 * DAY, NOW - 8 * DAY), incident("long", NOW - 9 * DAY, None),
                incident("ends", NOW - 2 * DAY, NOW - 20 * HOUR), incident("now", NOW, None),
            ],
            episodes=[
                Episode("silent", "terminal/a1/state", times[1] - 60_000, times[2]),
                Episode("silent", "terminal/a2/state", times[0], times[0] + HOUR),
                Episode("not_paying", "terminal/a3/heartbeat", NOW - HOUR, NO_DEADLINE, "tamper"),
                Episode("weak", "terminal/a3/heartbeat", NOW - HOUR, NO_DEADLINE),
            ],
        ),
    )  # fmt: skip
    found = store.night(NOW - DAY, NOW)
    assert found.counts == {
        ("of-a", "up"): 2,
        ("of-a", "down"): 1,
        ("of-b", "up"): 1,
        ("of-b", "down"): 1,
        ("of-b", "asleep"): 1,
    }
    assert set(found.rows) == {"a1", "a2", "a3", "b2"}, "changed, missed, or not able to pay"
    assert [(one.terminal, one.after) for one in found.changes] == [("a1", "suspect"), ("a1", "up")]
    assert [one.id for one in found.incidents] == ["long", "ends", "now"]
    assert [(one.kind, one.topic) for one in found.episodes] == [
        ("silent", "terminal/a1/state"),
        ("not_paying", "terminal/a3/heartbeat"),
    ]
    assert found.watched == []


def test_a_watch_is_prolonged_and_the_one_before_the_span_tells_where_it_ended(store: Store) -> None:
    first, second = NOW - 3 * DAY, NOW - 20 * HOUR
    for watch in (
        *(Watch(WATCHED, first, first + HOUR), Watch(WATCHED, second, second), Watch(WATCHED, second, NOW)),
        Watch(SENT, NOW - HOUR, NOW, "2026-11-28"),
    ):
        written(store, Work(lambda: None, episodes=[watch.episode]))
    assert store.night(NOW - DAY, NOW).watched == [(first + HOUR, first + HOUR), (second, NOW)]
    assert (store.is_sent("2026-11-28"), store.is_sent("2026-11-27")) == (True, False)
    assert store.episodes(0, None, 10) == [], "an engine is told nothing of it"
    assert store.restore(lambda _: 0, 0).episodes == []
