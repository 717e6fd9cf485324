"""The rule for days on which clocks are changed, at every change of every IANA zone from 1970 to 2040.

A skipped time is later by what was skipped; of a time that comes twice the first is meant; work lasts the same number
of seconds. Zones that are links to each other are looked at once.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from functools import cache
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from typing import Final, NamedTuple
from zoneinfo import TZPATH

import pytest

from fleetmon.model.schedule import Schedule
from fleetmon.planning import zones
from fleetmon.planning.series import Series

FIRST, LAST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2041, 1, 1, tzinfo=UTC)
SECOND: Final = timedelta(seconds=1)
DAYS: Final = [FIRST + timedelta(days=day) for day in range((LAST - FIRST).days)]


class Change(NamedTuple):
    """At `at`, the first second of the new offset."""

    at: datetime
    before: timedelta
    after: timedelta


def offset(at: datetime, zone: tzinfo) -> timedelta:
    found = at.astimezone(zone).utcoffset()
    assert found is not None
    return found


def changes(zone: tzinfo) -> Iterator[Change]:
    """Found by looking once a day, and then by halves; the library's own tables are not asked."""
    known = offset(FIRST, zone)
    for day, following in pairwise(DAYS):
        found = offset(following, zone)
        if found != known:
            low, high = day, following
            while high - low > SECOND:
                middle = low + (high - low) // SECOND // 2 * SECOND
                low, high = (middle, high) if offset(middle, zone) == known else (low, middle)
            yield Change(high, known, found)
            known = found


def data(name: str) -> bytes:
    """The file of a zone, the same for all its links."""
    for folder in TZPATH:
        if (path := Path(folder, name)).is_file():
            return path.read_bytes()
    return files("tzdata").joinpath("zoneinfo", *name.split("/")).read_bytes()


@cache
def all_changes() -> dict[str, tuple[Change, ...]]:
    """By zone; of links the first in the alphabet."""
    first = {data(name): name for name in sorted(zones.names(), reverse=True)}
    return {name: tuple(changes(zone)) for name in first.values() if (zone := zones.find(name)) is not None}


def test_there_is_something_to_look_at() -> None:
    found = all_changes()
    assert len(found) > 250
    assert sum(map(len, found.values())) > 15_000
    assert found["Asia/Shanghai" if "Asia/Shanghai" in found else "Asia/Chongqing"]


def test_a_time_that_is_skipped_is_later_by_what_was_skipped() -> None:
    for name, zone, change in every_change():
        skipped = change.after - change.before
        if skipped > timedelta():
            first = (change.at + change.before).replace(tzinfo=None)  # what clocks would have shown
            for local in (first, first + skipped / 2 // SECOND * SECOND, first + skipped - SECOND):
                at = zones.instant(local, zone)
                assert zones.local(at, zone) == local + skipped, (name, local)
            assert zones.instant(first - SECOND, zone) == ms(change.at - SECOND)


def test_of_a_time_that_comes_twice_the_first_is_meant() -> None:
    for name, zone, change in every_change():
        repeated = change.before - change.after
        if repeated > timedelta():
            first = (change.at + change.after).replace(tzinfo=None)
            for local in (first, first + repeated / 2 // SECOND * SECOND, first + repeated - SECOND):
                at = zones.instant(local, zone)
                assert at == ms(local.replace(tzinfo=UTC) - change.before), (name, local)
                assert at < ms(change.at)
            assert zones.instant(first + repeated, zone) == ms(change.at + repeated)


def test_daily_work_goes_on_through_every_change_and_lasts_as_long_as_ever() -> None:
    """No day is left out, none comes twice, and it is at its time on the wall wherever there is such a time."""
    for name, zone, change in every_change():
        shift = change.after - change.before
        if not timedelta() < abs(shift) < timedelta(hours=12):
            continue  # a day that is left out, of the islands at the date line
        inside = (change.at + min(change.before, change.after)).replace(tzinfo=None) + abs(shift) / 2 // SECOND * SECOND
        start = inside - timedelta(days=2)
        series = Series(Schedule(start.isoformat(), zone=name, rrule="FREQ=DAILY;COUNT=5", duration_s=5400))
        spans = series.spans(0, 2**42)
        assert [span.end - span.start for span in spans] == [5_400_000] * 5, name
        walls = [zones.local(span.start, zone) for span in spans]
        usual = [start + timedelta(days=day) for day in range(5)]
        moved = [wall - due for wall, due in zip(walls, usual, strict=True)]
        assert all(by in {timedelta(), *skips(name)} for by in moved), (name, change)
        assert moved[2] == max(shift, timedelta()), (name, change)


@pytest.mark.parametrize("name", ["Pacific/Apia", "Pacific/Kwajalein"])
def test_a_day_that_was_left_out_is_later_by_that_day(name: str) -> None:
    zone = zones.find(name)
    assert zone is not None
    jump = max(changes(zone), key=lambda one: one.after - one.before)
    assert jump.after - jump.before >= timedelta(hours=23)
    left_out = (jump.at + jump.before).replace(tzinfo=None) + timedelta(hours=10)
    start = left_out - timedelta(days=1)
    series = Series(Schedule(start.isoformat(), zone=name, rrule="FREQ=DAILY;COUNT=3", duration_s=60))
    walls = [zones.local(span.start, zone) for span in series.spans(0, 2**42)]
    assert walls[0] == start
    assert start + timedelta(days=2) in walls
    assert left_out not in walls


def every_change() -> Iterator[tuple[str, tzinfo, Change]]:
    for name, those in all_changes().items():
        zone = zones.find(name)
        assert zone is not None
        for change in those:
            yield name, zone, change


@cache
def skips(name: str) -> frozenset[timedelta]:
    """By how much clocks of a zone were ever set forward."""
    return frozenset(one.after - one.before for one in all_changes()[name])


def ms(at: datetime) -> int:
    return (at - FIRST) // timedelta(milliseconds=1)
