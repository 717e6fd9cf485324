"""The horizon: however entries come, change and go as time passes, it holds what each schedule says by itself."""

from collections.abc import Sequence
from typing import Final
from zoneinfo import ZoneInfo

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from msgspec.structs import replace

from fleetmon.model.days import DAY
from fleetmon.model.schedule import Change, Entry, Schedule
from fleetmon.model.window import Occurrence, Window
from fleetmon.planning import zones
from fleetmon.planning.horizon import AHEAD, KEPT, Horizon
from fleetmon.planning.series import Series

HOUR: Final = 3_600_000
RULES: Final = (
    "", "FREQ=DAILY", "FREQ=WEEKLY;BYDAY=MO,TH", "FREQ=HOURLY;INTERVAL=7", "FREQ=MONTHLY;BYDAY=-1SU",
    "FREQ=DAILY;COUNT=9", "FREQ=YEARLY", "FREQ=WEEKLY;INTERVAL=3;UNTIL=20270201",
)  # fmt: skip
BERLIN: Final = ZoneInfo("Europe/Berlin")
BEGIN: Final = zones.stamp("2026-10-20T00:00:00", BERLIN)  # clocks are changed on the 25th
SCHEDULES = st.builds(
    lambda rule, hour, length, out: Schedule(
        zones.written(BEGIN + hour * HOUR, BERLIN), zone="Europe/Berlin", rrule=rule, duration_s=length, exdate=out,
        owner="o",
    ),
    st.sampled_from(RULES),
    st.integers(-900, 2000),
    st.sampled_from([1800, 7200, 90_000]),
    st.sampled_from([[], ["2026-10-26T01:00:00Z"], ["2026-10-22T05:00:00"]]),
)  # fmt: skip
NAMES = st.sampled_from(["a", "b", "c", "d"])


class Books(RuleBasedStateMachine):
    """A model that forgets nothing and works everything out anew."""

    def __init__(self) -> None:
        super().__init__()
        self.now = BEGIN
        self.horizon = Horizon()
        self.versions: dict[str, list[Entry]] = {}
        self.windows: dict[str, Window] = {}  # as the core has them

    @rule(name=NAMES, schedule=SCHEDULES, state=st.sampled_from(["approved", "approved", "proposed", "cancelled"]))
    def write(self, name: str, schedule: Schedule, state: str) -> None:
        version = len(self.versions.setdefault(name, [])) + 1
        entry = Entry(name, schedule, state, version, self.now, "a", self.now, "a")  # type: ignore[arg-type]
        self.versions[name].append(entry)
        self.windows[name] = self.horizon.put(entry, self.now)

    @rule(name=NAMES, shift=st.integers(0, 9) | st.none())
    def change_one_time(self, name: str, shift: int | None) -> None:
        """The next time is moved, or does not happen."""
        entry = self.versions.get(name, [None])[-1]
        coming = Series(entry.schedule).spans(self.now, self.now) if entry is not None else []
        if entry is not None and coming:
            span = coming[0]
            move = Change(
                span.start, span.start + (shift or 0) * HOUR, span.end + shift * HOUR if shift is not None else 0
            )
            self.write(name, replace(entry.schedule, changes=[*entry.schedule.changes, move]), entry.state)

    @rule(hours=st.sampled_from([1, 5, 26, 100, 700]))
    def let_time_pass(self, hours: int) -> None:
        """Rolled at least as often as is needed."""
        self.now += hours * HOUR
        while self.horizon.behind(self.now):
            for window in self.horizon.roll(self.now, 2):
                self.windows[window.id.rpartition(":")[2]] = window

    @rule()
    def start_again(self) -> None:
        """The process ends; what was in force is known from the store."""
        stored = {name: window.occurrences for name, window in self.windows.items()}
        self.horizon = Horizon()
        for name, versions in self.versions.items():
            self.windows[name] = self.horizon.put(versions[-1], self.now, before=stored[name])

    def expected(self, name: str) -> list[Occurrence]:
        """Version by version: what was in force while it was the last one."""
        found: dict[int, Occurrence] = {}
        for entry in self.versions[name]:
            found = {one.start: Occurrence(one.start, min(one.end, entry.since)) for one in found.values()}
            found = {start: one for start, one in found.items() if start < entry.since}
            if entry.state == "approved":
                spans = Series(entry.schedule).spans(entry.since, self.now + AHEAD + 400 * DAY)
                found |= {one.start: one for one in spans}
        return sorted(found.values())

    @invariant()
    def the_core_knows_every_time_that_matters(self) -> None:
        for name, window in self.windows.items():
            expected = [one for one in self.expected(name) if one.end > self.now - KEPT + AHEAD]
            promised = [one for one in expected if one.start < self.now + AHEAD]
            following = [one for one in expected if one.start >= self.now + AHEAD][:1]
            held = [one for one in window.occurrences if one.end > self.now - KEPT + AHEAD]
            assert held[: len(promised) + 1] == promised + following, name
            assert list(window.occurrences) == sorted(window.occurrences)

    @invariant()
    def nothing_is_held_twice_or_for_nobody(self) -> None:
        users = [user for times in self.horizon._times.values() for user in times.users]
        assert len(users) == len(set(users))
        assert set(users) <= self.versions.keys()


TestBooks = Books.TestCase
TestBooks.settings = settings(deadline=None, max_examples=60, stateful_step_count=25)


def entry(name: str, schedule: Schedule, since: int = BEGIN - 90 * DAY) -> Entry:
    return Entry(name, schedule, "approved", 1, since, "a", since, "a")


def daily(minute: int, length: int = 600) -> Schedule:
    return Schedule(f"2026-01-01T03:{minute:02d}:00", zone="UTC", rrule="FREQ=DAILY", duration_s=length, owner="o")


def test_what_many_say_alike_is_worked_out_once() -> None:
    horizon = Horizon()
    windows = [horizon.put(entry(f"e{number}", daily(number % 5)), BEGIN) for number in range(500)]
    assert horizon.worked_out == 5
    assert windows[0].occurrences is windows[5].occurrences
    for _ in range(10):
        horizon.put(entry("e7", daily(59)), BEGIN)
    assert horizon.worked_out == 6 + 9  # only e7 has that


def test_a_roll_tells_only_what_changed_and_a_rule_costs_at_most_one_look_a_day() -> None:
    horizon = Horizon()
    for number in range(60):
        horizon.put(entry(f"e{number}", daily(number)), BEGIN)
    horizon.put(entry("once", Schedule("2027-03-01T00:00:00", duration_s=60, owner="o")), BEGIN)
    told: list[Window] = []
    before = horizon.worked_out
    for hour in range(10 * 24):
        while horizon.behind(BEGIN + hour * HOUR):
            told += horizon.roll(BEGIN + hour * HOUR, 7)
    assert horizon.worked_out - before <= 60 * 10
    assert len(told) == horizon.worked_out - before
    assert "window:operator:once" not in {window.id for window in told}


def test_a_window_far_ahead_is_known_all_the_same() -> None:
    horizon = Horizon()
    window = horizon.put(entry("once", Schedule("2029-03-01T00:00:00", duration_s=60, owner="o")), BEGIN)
    assert len(window.occurrences) == 1


def test_what_is_long_over_is_forgotten() -> None:
    horizon = Horizon()
    horizon.put(entry("over", Schedule("2026-10-21T00:00:00", duration_s=60, owner="o")), BEGIN)
    horizon.put(entry("lasting", daily(0)), BEGIN)
    assert horizon.forget(BEGIN + 5 * DAY) == []
    assert horizon.forget(BEGIN + 2 * DAY + KEPT) == ["over"]
    assert horizon.occurrences("over") == ()


def starts(found: Sequence[Occurrence]) -> list[int]:
    return [one.start for one in found]


def test_an_edit_changes_the_future_and_cuts_what_is_in_force() -> None:
    horizon = Horizon()
    old = entry("e", daily(0, length=7200))
    noon = BEGIN + 14 * HOUR
    horizon.put(old, noon)
    during = zones.stamp("2026-10-21T04:00:00Z", BERLIN)  # an hour after it began
    window = horizon.put(replace(old, schedule=daily(30), version=2, since=during), during)
    cut = next(one for one in window.occurrences if one.start <= during < one.end + 1)
    assert cut == Occurrence(during - HOUR, during)
    assert all(start % DAY == 3 * HOUR for start in starts([one for one in window.occurrences if one.start < during]))
    assert all(start % DAY == 3.5 * HOUR for start in starts([one for one in window.occurrences if one.start > during]))
