"""What people do with planned work, version by version; and how the horizon keeps what was in force."""

from typing import Any

import pytest
from msgspec.structs import replace

from fleetmon.engine.work.windows import Windows
from fleetmon.model.errors import ConflictError, ForbiddenError
from fleetmon.model.schedule import Change, Entry, Schedule
from fleetmon.model.window import Begun, Occurrence
from fleetmon.planning.horizon import Horizon
from fleetmon.planning.series import Series
from fleetmon.planning.versions import approved, cancelled, ended, extended, over_at, rewritten, written

HOUR, DAY = 3_600_000, 86_400_000
START = 1_795_395_600_000  # 2026-11-23T01:00:00Z
ONCE = Schedule("2026-11-23T01:00:00", zone="UTC", duration_s=7200, owner="o", selector={"site": "s"})
DAILY = replace(ONCE, rrule="FREQ=DAILY")
BEFORE = START - DAY


def entry(schedule: Schedule = ONCE, **fields: Any) -> Entry:
    return replace(Entry("w", schedule, "approved", 1, BEFORE, "li", BEFORE, "li"), **fields)


def spans(found: Entry, many: int = 3) -> list[tuple[float, float]]:
    """In hours since the start."""
    found_spans = Series(found.schedule).spans(START - DAY, START + many * DAY)
    return [((one.start - START) / HOUR, (one.end - START) / HOUR) for one in found_spans][:many]


def test_an_id_follows_from_who_wrote_what_and_when() -> None:
    first = written(ONCE, "li", 5, "approved")
    assert first.id == written(ONCE, "li", 5, "proposed").id
    assert len({first.id, written(ONCE, "li", 6, "approved").id, written(DAILY, "li", 5, "approved").id}) == 3


def test_who_wrote_it_cannot_approve_it() -> None:
    waiting = entry(state="proposed")
    assert approved(waiting, "wang", 9) == replace(
        waiting, state="approved", approved_by="wang", version=2, since=9, author="wang"
    )
    with pytest.raises(ForbiddenError, match="Somebody other than li"):
        approved(waiting, "li", 9)
    with pytest.raises(ConflictError, match="only what is proposed"):
        approved(entry(), "wang", 9)
    assert rewritten(approved(waiting, "wang", 9), DAILY, "wang", 10, "proposed").approved_by == ""


def test_what_is_cancelled_is_over() -> None:
    found = cancelled(entry(DAILY), "wang", START + 5)
    assert (found.state, found.version, over_at(found)) == ("cancelled", 2, START + 5)
    with pytest.raises(ConflictError, match="cancelled already"):
        cancelled(found, "wang", START + 6)


@pytest.mark.parametrize(
    ("schedule", "end"),
    [
        (ONCE, START + 2 * HOUR),
        (DAILY, None),
        (replace(ONCE, rrule="FREQ=DAILY;COUNT=3"), START + 2 * DAY + 2 * HOUR),
        (replace(ONCE, rrule="FREQ=DAILY;UNTIL=20261125"), START + 2 * DAY + 25 * HOUR - 1000),
        (replace(ONCE, rdate=["2026-11-30T01:00:00"]), START + 7 * DAY + 2 * HOUR),
        (replace(DAILY, rrule="FREQ=DAILY;COUNT=1", changes=[Change(START, START, START + 9 * DAY)]), START + 9 * DAY),
    ],
)
def test_when_all_is_over_is_known_where_there_is_an_end(schedule: Schedule, end: int | None) -> None:
    assert over_at(entry(schedule)) == end


def test_the_time_in_force_ends_and_later_ones_stay() -> None:
    now, span = START + HOUR, Occurrence(START, START + 2 * HOUR)
    assert spans(ended(entry(), span, "wang", now)) == [(0, 1)]
    assert spans(ended(entry(DAILY), span, "wang", now)) == [(24, 26), (48, 50), (72, 74)]
    assert spans(ended(entry(), span, "wang", START + 1)) == [(0, 1 / 3600)]  # not less than a second


def test_the_time_in_force_lasts_longer_and_later_ones_stay() -> None:
    now, span, until = START + HOUR, Occurrence(START, START + 2 * HOUR), START + 5 * HOUR
    assert spans(extended(entry(), span, None, until, "wang", now)) == [(0, 5)]
    longer = extended(entry(DAILY), span, None, until, "wang", now)
    assert spans(longer) == [(0, 5), (24, 26), (48, 50)]
    again = extended(longer, Occurrence(START, until), None, until + HOUR, "wang", now)
    assert spans(again) == [(0, 6), (24, 26), (48, 50)]
    assert len(again.schedule.changes) == 1
    for wrong in (START + 2 * HOUR, now, START):
        with pytest.raises(ConflictError, match="not later than its end and now"):
            extended(entry(), span, None, wrong, "wang", now)
    with pytest.raises(ConflictError, match="more than a year"):
        extended(entry(), span, None, START + 400 * DAY, "wang", now)


def test_a_time_that_was_moved_is_ended_by_its_own_name() -> None:
    moved = replace(DAILY, changes=[Change(START, START + 3 * HOUR, START + 4 * HOUR)])
    span = Occurrence(START + 3 * HOUR, START + 4 * HOUR)
    found = extended(entry(moved), span, None, START + 6 * HOUR, "wang", START + 3 * HOUR)
    assert spans(found)[0] == (3, 6)
    assert spans(ended(found, span, "wang", START + 4 * HOUR))[0] == (24, 26)


def test_flexible_work_lasts_longer_only_where_nothing_else_would() -> None:
    flexible, span = replace(ONCE, flexible_s=1800), Occurrence(START, START + HOUR)
    found = extended(entry(flexible), span, START + HOUR // 2, START + 2 * HOUR, "wang", START + HOUR)
    assert found.schedule.flexible_s == 5400
    for schedule, begun in ((flexible, None), (replace(flexible, rrule="FREQ=DAILY"), START)):
        with pytest.raises(ConflictError, match="a window of its own"):
            extended(entry(schedule), span, begun, START + 2 * HOUR, "wang", START + HOUR)


@pytest.mark.parametrize("how", ["ended", "cancelled", "changed"])
@pytest.mark.parametrize("restarted", [False, True])
def test_flexible_work_that_somebody_stops_is_over_then(how: str, *, restarted: bool) -> None:
    """In the core, with what the horizon tells it, also if fleetmon was started anew in between."""
    first, begun, now = entry(replace(DAILY, flexible_s=3600)), START + HOUR, START + HOUR + 600_000
    horizon, core = Horizon(), Windows()
    core.put(horizon.put(first, BEFORE))
    window = core.find("window:operator:w")
    assert window is not None
    core.put(replace(window, begun=(Begun(START, begun),)))
    assert core.spans(window) == [Occurrence(begun, begun + HOUR)]
    if restarted:
        told = core.told(window)
        horizon, core = Horizon(), Windows()
        core.put(
            horizon.put(first, now, before=[one for one in told.occurrences if one.start < BEFORE], begun=told.begun)
        )
        assert core.spans(core.find("window:operator:w") or window) == [Occurrence(begun, begun + HOUR)]
    second = {
        "ended": lambda: ended(first, Occurrence(START, begun + HOUR), "wang", now),
        "cancelled": lambda: cancelled(first, "wang", now),
        "changed": lambda: rewritten(
            first, replace(first.schedule, starts="2026-11-23T20:00:00"), "wang", now, "approved"
        ),
    }[how]()
    core.put(horizon.put(second, now))
    after = core.find("window:operator:w")
    assert after is not None
    assert core.spans(after) == [Occurrence(begun, now)]


def test_other_words_on_flexible_work_do_not_stop_it() -> None:
    first = entry(replace(ONCE, duration_s=3600, flexible_s=3600))
    begun = START + HOUR - 60_000  # it goes on after the time in which it may begin
    horizon, core = Horizon(), Windows()
    core.put(replace(horizon.put(first, BEFORE), begun=(Begun(START, begun),)))
    now = START + HOUR + 600_000
    core.put(horizon.put(rewritten(first, replace(first.schedule, reason="new"), "wang", now, "approved"), now))
    found = core.find("window:operator:w")
    assert found is not None
    assert core.spans(found) == [Occurrence(begun, begun + HOUR)]
