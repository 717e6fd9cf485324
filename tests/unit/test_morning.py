"""When the morning report goes out: once a day at its time on the clock there, whatever happens to fleetmon."""

import asyncio
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from structlog.testing import capture_logs

from fleetmon.model.days import EVERY_DAY, WorkingDays, day_from
from fleetmon.model.errors import SinkError
from fleetmon.morning import Morning, Timetable
from fleetmon.store import Store, StoreSettings
from fleetmon.vigil import Vigil
from fleetmon.web.report.settings import ReportSettings
from fleetmon.web.report.views import DataView, MoneyView, PaymentsView, ReportView

CHINA, BERLIN = "Asia/Shanghai", "Europe/Berlin"


def ms(said: str, zone: str = CHINA) -> int:
    return round(datetime.fromisoformat(said).replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000)


def report(now: int, zone: str) -> ReportView:
    at = datetime.fromtimestamp(now / 1000, ZoneInfo(zone))
    return ReportView(
        1, at, at - timedelta(days=1), at, zone, None,
        PaymentsView("good", 3, 3, 3, 0, 0, 1.0, 0, 0, 0, 0), MoneyView("good", 0, 0, [], 0, 0, complete=True),
        DataView("good", None, None, None, 0, 0, []), [], [], 0, [], [], [],
    )  # fmt: skip


Make = Callable[..., "House"]


class OverError(Exception):
    """The time of a test is up."""


class House:
    """A daemon whose clock is that of the test, as far as mornings go."""

    def __init__(self, folder: Path, settings: ReportSettings, days: WorkingDays = EVERY_DAY) -> None:
        self.store = Store(StoreSettings(f"sqlite:///{folder}/morning.db"))
        self.settings, self.days = settings, days
        self.now = self.end = 0
        self.sent: list[str] = []
        self.begins: list[int] = []
        self.failures = 0
        self.recalled = True
        self.routes = ["mail"]

    async def live(self, begin: int, end: int) -> list[str]:
        """Run from then to then; the local times at which something was sent."""
        self.now, self.end = begin, end
        before = len(self.sent)
        made = Morning(
            self.settings, lambda: self.days, self.store, self.make, self.tell, lambda: self.now, lambda: self.recalled,
            self.sleep,
        )  # fmt: skip
        with pytest.raises(OverError):
            await made.run()
        return self.sent[before:]

    async def make(self, begin: int) -> ReportView:
        self.begins.append(begin)
        return report(self.now, self.settings.zone)

    async def tell(self, key: str, title: str, body_text: str, body_html: str) -> list[str]:
        if self.failures:
            self.failures -= 1
            raise SinkError("the mail server does not answer", retryable=True)
        assert title
        assert body_text
        assert key == datetime.fromtimestamp(self.now / 1000, ZoneInfo(self.settings.zone)).strftime("report/%Y-%m-%d")
        assert body_html.startswith("<!DOCTYPE html>")
        local = datetime.fromtimestamp(self.now / 1000, ZoneInfo(self.settings.zone))
        self.sent.append(local.strftime("%a %d %H:%M"))
        return self.routes

    async def sleep(self, seconds: float) -> None:
        self.now += round(seconds * 1000)
        await asyncio.sleep(0)
        if self.now >= self.end:
            raise OverError


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Make]:
    """A house of these settings, with its store."""
    made: list[House] = []

    def make(settings: ReportSettings, days: WorkingDays = EVERY_DAY) -> House:
        made.append(House(tmp_path, settings, days))
        return made[-1]

    yield make
    for one in made:
        one.store.close()


async def test_it_goes_out_once_a_day_at_its_time(house: Make) -> None:
    made = house(ReportSettings(at="08:00"))
    assert await made.live(ms("2026-11-26T06:00"), ms("2026-11-29T07:00")) == [
        *("Thu 26 08:00", "Fri 27 08:00", "Sat 28 08:00")
    ]
    assert made.begins[1] == ms("2026-11-26T08:00")


async def test_without_a_time_nothing_is_sent(house: Make) -> None:
    made = house(ReportSettings())
    assert await made.live(ms("2026-11-26T06:00"), ms("2026-11-27T12:00")) == []


async def test_a_restart_repeats_nothing_and_a_late_start_sends_it_once(house: Make) -> None:
    made = house(ReportSettings(at="08:00"))
    assert await made.live(ms("2026-11-26T09:10"), ms("2026-11-26T09:30")) == ["Thu 26 09:10"]
    assert await made.live(ms("2026-11-26T09:40"), ms("2026-11-26T23:00")) == []
    assert await made.live(ms("2026-11-27T07:59"), ms("2026-11-27T08:10")) == ["Fri 27 08:00"]
    assert await made.live(ms("2026-11-27T08:11"), ms("2026-11-27T08:20")) == []


async def test_whoever_comes_in_the_afternoon_sends_nothing_old(house: Make) -> None:
    made = house(ReportSettings(at="08:00"))
    assert await made.live(ms("2026-11-26T12:01"), ms("2026-11-27T08:30")) == ["Fri 27 08:00"]


async def test_working_days_alone_and_monday_tells_of_the_weekend(house: Make) -> None:
    holiday = WorkingDays(closed=frozenset({day_from("2026-11-30")}))
    made = house(ReportSettings(at="08:00", days="working"), holiday)
    assert await made.live(ms("2026-11-27T07:00"), ms("2026-12-02T07:00")) == ["Fri 27 08:00", "Tue 01 08:00"]
    assert made.begins[1] == ms("2026-11-27T08:00"), "since the last one"


async def test_where_clocks_are_changed_it_is_still_eight(house: Make) -> None:
    made = house(ReportSettings(at="08:00", zone=BERLIN))
    assert await made.live(ms("2026-03-28T00:00", BERLIN), ms("2026-03-31T00:00", BERLIN)) == [
        *("Sat 28 08:00", "Sun 29 08:00", "Mon 30 08:00")
    ]
    assert await made.live(ms("2026-10-24T00:00", BERLIN), ms("2026-10-26T12:00", BERLIN)) == [
        *("Sat 24 08:00", "Sun 25 08:00", "Mon 26 08:00")
    ]


@pytest.mark.parametrize(
    ("at", "day", "expected"),
    [("02:30", "2026-03-29", ["Sun 29 03:30"]), ("02:30", "2026-10-25", ["Sun 25 02:30"])],
    ids=["a time that is skipped", "a time that comes twice"],
)
async def test_times_that_are_skipped_or_come_twice_send_once(
    house: Make, at: str, day: str, expected: list[str]
) -> None:
    made = house(ReportSettings(at=at, zone=BERLIN))
    assert await made.live(ms(f"{day}T00:00", BERLIN), ms(f"{day}T23:00", BERLIN)) == expected


async def test_nobody_reached_is_tried_again_and_noted_only_when_it_was_sent(house: Make) -> None:
    made = house(ReportSettings(at="08:00"))
    made.failures = 3
    with capture_logs() as logs:
        assert await made.live(ms("2026-11-26T07:59:30"), ms("2026-11-26T09:00")) == ["Thu 26 08:06"]
    assert [one["log_level"] for one in logs] == ["warning"] * 3 + ["info"]
    made.failures = 10_000
    assert await made.live(ms("2026-11-27T07:59:30"), ms("2026-11-28T07:00")) == []
    made.failures = 0
    assert await made.live(ms("2026-11-28T07:00"), ms("2026-11-28T09:00")) == ["Sat 28 08:00"]


async def test_after_a_start_it_waits_for_the_past_but_not_for_ever(house: Make) -> None:
    made = house(ReportSettings(at="08:00"))
    made.recalled = False
    assert await made.live(ms("2026-11-26T07:55"), ms("2026-11-26T09:00")) == ["Thu 26 08:05"]


@pytest.mark.parametrize("hour", range(24))
def test_it_is_due_in_the_hours_after_its_time(hour: int) -> None:
    table = Timetable(ReportSettings(at="08:00"), lambda: EVERY_DAY)
    due = table.due(ms(f"2026-11-26T{hour:02}:30"))
    assert (due is not None) == (8 <= hour < 12)


def test_one_that_is_due_late_in_the_evening_is_still_due_after_midnight() -> None:
    table = Timetable(ReportSettings(at="23:30"), lambda: EVERY_DAY)
    hours = {hour: due.day for hour in range(24) if (due := table.due(ms(f"2026-11-26T{hour:02}:00")))}
    assert hours == dict.fromkeys(range(4), "2026-11-25")


@pytest.mark.parametrize(("since", "problem"), [("31d", False), ("32d", True), ("744h", False), ("745h", True)])
def test_what_is_too_long_is_named(since: str, problem: bool) -> None:
    assert bool(ReportSettings(since=since).problems()) == problem


async def test_a_watch_goes_on_and_a_suspended_machine_begins_another(tmp_path: Path) -> None:
    store = Store(StoreSettings(f"sqlite:///{tmp_path}/watch.db"))
    now = 0

    async def sleep(seconds: float) -> None:
        nonlocal now
        now += 3_600_000 if now == 300_000 else round(seconds * 1000)
        if now > 4_000_000:
            raise OverError

    with pytest.raises(OverError):
        await Vigil(store, lambda: now, sleep).run()
    assert store.close()
    store = Store(StoreSettings(f"sqlite:///{tmp_path}/watch.db"))
    assert store.night(0, 5_000_000).watched == [(0, 300_000), (3_900_000, 4_020_000)]
    assert store.episodes(0, None, 10) == [], "they are none of the fleet's"
    store.close()
