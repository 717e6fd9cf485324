"""The daemon's clock: set forward it follows, set back it goes on, and a pause of its own is deafness."""

from typing import Any

import pytest

from fleetmon.clock import Clock

HOUR = 3_600_000


class Hands:
    """A wall clock that people set, and one that nobody does."""

    def __init__(self) -> None:
        self.wall, self.since_boot = 1_790_222_400_000, 5_000_000

    def pass_(self, ms: int) -> None:
        self.wall += ms
        self.since_boot += ms


def _never(at: int) -> None:
    pytest.fail(f"a stall at {at}")


@pytest.fixture
def hands(monkeypatch: pytest.MonkeyPatch) -> Hands:
    made = Hands()
    monkeypatch.setattr("fleetmon.clock.time.time_ns", lambda: made.wall * 1_000_000)
    monkeypatch.setattr("fleetmon.clock.time.clock_gettime_ns", lambda _: made.since_boot * 1_000_000)
    return made


def test_set_forward_it_follows_and_everyone_has_a_fresh_grace(hands: Hands) -> None:
    stalls: list[int] = []
    made = Clock(stalls.append)
    start = made.now()
    hands.wall += HOUR
    hands.pass_(100)
    assert made.now() == start + HOUR + 100
    assert stalls == [start + HOUR + 100]
    hands.pass_(100)
    assert made.now() == start + HOUR + 200
    assert len(stalls) == 1


def test_set_back_it_goes_on_at_its_own_pace(hands: Hands) -> None:
    stalls: list[int] = []
    made = Clock(stalls.append)
    start = made.now()
    hands.wall -= HOUR
    for step in range(1, 4):
        hands.pass_(100)
        assert made.now() == start + step * 100
    assert stalls == []


def test_a_process_that_was_suspended_has_heard_nothing_meanwhile(hands: Hands) -> None:
    stalls: list[int] = []
    made = Clock(stalls.append)
    start = made.now()
    hands.pass_(180_000)
    assert made.now() == start + 180_000
    assert stalls == [start + 180_000]


def test_what_took_long_but_was_no_stall_is_excused(hands: Hands) -> None:
    made = Clock(_never)
    start = made.now()
    hands.pass_(60_000)
    made.excuse()
    hands.pass_(1_000)
    assert made.now() == start + 61_000


def test_a_small_step_is_left_to_the_time_service(hands: Hands) -> None:
    made: Any = Clock(_never)
    start = made.now()
    hands.wall += 4_000
    hands.pass_(100)
    assert made.now() == start + 100
