"""What was unusual, from when to when: words in any order, signs of heartbeats, silences, and forgetting."""

from itertools import permutations
from typing import Any
from weakref import WeakKeyDictionary

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetmon.engine.fleet import Fleet
from fleetmon.engine.terminal.checkup import Checkup
from fleetmon.engine.timeline import KEPT, MOST, Timeline
from fleetmon.model.episode import Episode
from fleetmon.model.events import (
    Counters,
    DeviceEvent,
    Geo,
    Heartbeat,
    MaintenanceMark,
    Net,
    Pending,
    Poi,
    Power,
    State,
)
from fleetmon.model.registry import Registry
from fleetmon.model.terminal import NO_DEADLINE, Cohort, Liveness, Terminal

START = 1_800_000_000_000
MINUTE = 60_000
T = "terminal/t"
Word = tuple[str, int, int]  # action, seq, minute
CHECKUPS = WeakKeyDictionary[Timeline, Checkup]()


def terminal(site: str = "") -> Terminal:
    return Terminal("t", "", site, Cohort(), MINUTE, 126_000)


def timeline(*words: Word, epoch: int = 0, boot: int = 1, into: Timeline | None = None) -> Timeline:
    made = into or Timeline({"shop": (28.2, 113.0)})
    for action, seq, minute in words:
        at = START + minute * MINUTE
        said = DeviceEvent(at=at, boot=boot, seq=seq, component="printer", code="NoPaper", action=action)  # type: ignore[arg-type]
        made.device("t", said, at, epoch)
    return made


def seen(made: Timeline, kind: str = "printer", since: int = 0, until: int = 10**6) -> list[tuple[int, int | None]]:
    """Episodes in minutes since the start; None while it lasts."""
    found = made.of(T, START + since * MINUTE, START + until * MINUTE)
    return [
        ((one.begin - START) // MINUTE, None if one.end == NO_DEADLINE else (one.end - START) // MINUTE)
        for one in found
        if one.kind == kind
    ]


def beat(made: Timeline, minute: int, *, late_s: int = 0, site: str = "", **fields: Any) -> None:
    """A heartbeat as `checkup` looks at it."""
    now = START + minute * MINUTE
    looked = CHECKUPS.setdefault(made, Checkup(Fleet(Registry()), lambda: 0, lambda _: frozenset(), lambda _: None))
    looked.timeline = made
    looked.beat(terminal(site), Heartbeat(at=now - late_s * 1000, boot=1, seq=minute, **fields), now, now - MINUTE)


def state(made: Timeline, minute: int, **fields: Any) -> None:
    fields.setdefault("state", "online")
    made.state("t", State(at=0, boot=1, session=f"s{minute}", **fields), START + minute * MINUTE)


# -- words -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ([("set", 1, 1)], [(1, None)]),
        ([("set", 1, 1), ("clear", 2, 5)], [(1, 5)]),
        ([("set", 1, 1), ("clear", 2, 5), ("set", 3, 9)], [(1, 5), (9, None)]),
        ([("set", 1, 1), ("set", 2, 3), ("clear", 3, 5)], [(1, 5)]),
        ([("clear", 1, 1)], []),
        ([("clear", 1, 1), ("set", 2, 3), ("clear", 3, 4), ("clear", 4, 5)], [(3, 4)]),
        ([("oneshot", 1, 2)], [(2, 2)]),
        ([("set", 1, 1), ("oneshot", 2, 3), ("clear", 3, 5)], [(1, 5), (3, 3)]),
    ],
)
def test_words_are_put_in_the_order_in_which_they_were_said(
    words: list[Word], wanted: list[tuple[int, int | None]]
) -> None:
    for order in permutations(words):
        assert seen(timeline(*order)) == wanted
        assert seen(timeline(*order, *order)) == wanted, "repeated"


def test_the_number_orders_not_the_clock() -> None:
    """A clock that was put back: the word that clears comes after the one that set."""
    assert seen(timeline(("set", 1, 9), ("clear", 2, 4))) == [(9, 9)]


def test_after_a_restart_numbers_begin_anew() -> None:
    made = timeline(("clear", 0, 5), boot=2)
    assert seen(timeline(("set", 50, 1), boot=1, into=made)) == [(1, 5)]


def test_another_device_s_numbers_come_after_those_of_the_one_before() -> None:
    made = timeline(("clear", 0, 5), boot=1, epoch=1)
    assert seen(timeline(("set", 3, 1), boot=9, epoch=0, into=made)) == [(1, 5)]


def test_a_fault_goes_with_its_device() -> None:
    made = timeline(("set", 1, 1), boot=9)
    state(made, 0, serial="A")
    state(made, 7, serial="B")
    assert seen(made) == [(1, 7)]
    timeline(("set", 0, 9), boot=1, epoch=1, into=made)
    assert seen(made) == [(1, 7), (9, None)], "the new one has its own"


def test_work_outlasts_the_device_that_it_replaces() -> None:
    made = Timeline({})
    for event, boot, minute, epoch in (("begin", 9, 1, 0), ("end", 1, 30, 1)):
        at = START + minute * MINUTE
        made.mark("t", MaintenanceMark(at=at, boot=boot, seq=0, event=event), at, epoch)  # type: ignore[arg-type]
    state(made, 0, serial="A")
    state(made, 7, serial="B")
    assert seen(made, "mark") == [(1, 30)]


def test_codes_and_components_are_told_apart() -> None:
    made = timeline(("set", 1, 1))
    jam = DeviceEvent(at=START, boot=1, seq=2, component="printer", code="PaperJam", action="clear")
    made.device("t", jam, START + 5 * MINUTE)
    assert seen(made) == [(1, None)]


def test_only_what_touches_the_span_is_told_ends_included() -> None:
    made = timeline(("set", 1, 10), ("clear", 2, 20))
    assert seen(made, since=20, until=25) == seen(made, since=0, until=10) == [(10, 20)]
    assert seen(made, since=21) == seen(made, until=9) == []


@given(st.lists(st.tuples(st.sampled_from(["set", "clear", "oneshot"]), st.integers(0, 300), st.integers(0, 300))))
def test_nobody_fills_the_memory_with_words_and_no_episode_ends_before_it_begins(words: list[Word]) -> None:
    made = timeline(*words)
    assert all(len(said) <= MOST for said in made._words.get(T, {}).values())
    assert all(one.begin <= one.end for one in made.of(T, 0, NO_DEADLINE))


# -- heartbeats ------------------------------------------------------------------------------------

WELL: dict[str, Any] = {"net": Net(type="4g", rssi_dbm=-70.0, rtt_ms=90.0), "poi": Poi(status="OK"), "signed_on": True}


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("weak", {"net": Net(type="4g", rssi_dbm=-110.0)}),
        ("weak", {"net": Net(type="wifi", rssi_dbm=-85.0)}),
        ("weak", {"net": Net(rtt_ms=1_600.0)}),
        ("weak", {"net": Net(loss=0.2)}),
        ("no_host", {"net": Net(host=False)}),
        ("pending", {"pending": Pending(count=2, amount=5_000)}),
        ("reversals", {"reversals": 1}),
        ("unsigned", {"signed_on": False}),
        ("low_battery", {"power": Power(battery=0.05)}),
        ("insecure", {"poi": Poi(security=False)}),
        ("no_ped", {"poi": Poi(ped=False)}),
        ("no_reader", {"poi": Poi(reader=False)}),
        ("no_communication", {"poi": Poi(communication=False)}),
        ("printer", {"poi": Poi(printer="PaperJam")}),
        ("unreachable", {"poi": Poi(status="Unreachable")}),
        ("maintenance_status", {"poi": Poi(status="Maintenance")}),
        ("moved", {"site": "shop", "geo": Geo(lat=28.5, lng=113.0)}),
        ("skewed", {"late_s": 120}),
        ("skewed", {"late_s": -120}),
    ],
)
def test_a_sign_lasts_from_the_first_beat_that_shows_it_to_the_first_that_does_not(
    kind: str, fields: dict[str, Any]
) -> None:
    made = Timeline({"shop": (28.2, 113.0)})
    for minute in (1, 2, 3):
        beat(made, minute, **fields)
    assert seen(made, kind) == [(1, None)]
    beat(made, 4, **WELL)
    assert seen(made, kind) == [(1, 4)]
    (episode,) = [one for one in made.of(T, 0, NO_DEADLINE) if one.kind == kind]
    assert (episode.count, episode.topic) == (3, f"{T}/heartbeat")


def test_the_worst_is_kept_and_the_healthy_leave_nothing() -> None:
    made = Timeline({})
    for minute, dbm in enumerate((-101.0, -115.0, -103.0)):
        beat(made, minute, net=Net(type="4g", rssi_dbm=dbm))
    assert [one.worst for one in made.of(T, 0, NO_DEADLINE)] == [-115.0]
    calm = Timeline({})
    for minute in range(100):
        beat(calm, minute, **WELL)
    assert not calm.of(T, 0, NO_DEADLINE)
    assert not calm.take()


def crashes(*counts: int) -> list[tuple[int, int]]:
    """Minute and number of the crashes that this course of the counter tells."""
    made = Timeline({})
    for minute, count in enumerate(counts):
        beat(made, minute, counters=Counters(app_crashes=count), reversals=1)
    found = [one for one in made.of(T, 0, NO_DEADLINE) if one.kind == "crashed"]
    return [((one.begin - START) // MINUTE, one.count) for one in found]


def test_steps_of_the_crash_counter_are_crashes() -> None:
    assert crashes(4, 4, 5, 5, 8) == [(2, 1), (4, 3)]
    assert crashes(7) == [], "they may be of last year"


def test_a_counter_that_began_anew_is_no_crash_by_itself() -> None:
    assert crashes(5, 0, 0, 0) == []
    assert crashes(5, 0, 1) == [(2, 1)]
    assert crashes(5, 2) == [(1, 2)]


# -- connections -----------------------------------------------------------------------------------


def test_a_silence_begins_with_the_last_sign_of_life() -> None:
    made, one = Timeline({}), terminal()
    one.last_seen = START
    made.gone(one, Liveness.UP, Liveness.SUSPECT, START + 3 * MINUTE)
    made.gone(one, Liveness.SUSPECT, Liveness.DOWN, START + 4 * MINUTE)
    assert seen(made, "silent") == [(0, None)]
    made.gone(one, Liveness.DOWN, Liveness.UP, START + 9 * MINUTE)
    assert seen(made, "silent") == [(0, 9)]
    made.gone(one, Liveness.UP, Liveness.ASLEEP, START + 10 * MINUTE)
    assert seen(made, "silent") == [(0, 9)], "who says goodbye is not silent"


def test_another_firmware_sim_or_device_is_a_moment() -> None:
    made = Timeline({})
    state(made, 1, firmware="1", iccid="x", serial="A")
    assert not made.of(T, 0, NO_DEADLINE), "the first word is no change"
    state(made, 2)
    state(made, 3, firmware="2", iccid="y", serial="B")
    assert [(one.kind, one.code) for one in made.of(T, 0, NO_DEADLINE)] == [
        ("sim_changed", "x->y"),
        ("swapped", "A->B"),
        ("updated", "1->2"),
    ]


def test_maintenance_lasts_until_it_is_back_and_so_does_off_with_sales_inside() -> None:
    made = Timeline({})
    state(made, 1, state="offline", reason="maintenance")
    state(made, 5)
    assert seen(made, "maintenance") == [(1, 5)]
    state(made, 6, state="offline", reason="shutdown")
    assert seen(made, "off") == [], "nothing was inside"
    state(made, 7)
    beat(made, 8, pending=Pending(count=1, amount=100))
    state(made, 9, state="offline", reason="shutdown")
    state(made, 20)
    assert seen(made, "off") == [(9, 20)]


# -- memory ----------------------------------------------------------------------------------------


def test_what_ended_long_ago_is_forgotten_and_what_lasts_is_not() -> None:
    made = timeline(("set", 1, 1), ("clear", 2, 5))
    made.begin(T, "weak", START, f"{T}/heartbeat")
    made.begin(T, "silent", START, f"{T}/state")
    made.end(T, "silent", START + 5 * MINUTE)
    made.forget(T, START + 5 * MINUTE + KEPT - 1)
    assert seen(made) == [(1, 5)]
    made.forget(T, START + 5 * MINUTE + KEPT)
    assert [one.kind for one in made.of(T, 0, NO_DEADLINE)] == ["weak"]
    lasting = timeline(("set", 1, 1))
    lasting.forget(T, START + 2 * KEPT)
    assert seen(lasting) == [(1, None)], "it still is so"


def test_what_is_recalled_is_as_it_was_and_can_end() -> None:
    first, again = Timeline({}), Timeline({})
    beat(first, 1, signed_on=False)
    first.instant(T, "updated", START, f"{T}/state", "1->2")
    for episode in reversed(first.take()):
        again.recall(Episode(episode.kind, episode.topic, episode.begin, episode.end, episode.code))
    kinds = [(one.kind, one.begin, one.end) for one in again.of(T, 0, NO_DEADLINE)]
    assert kinds == [(one.kind, one.begin, one.end) for one in first.of(T, 0, NO_DEADLINE)]
    again.end(T, "unsigned", START + 5 * MINUTE)
    assert seen(again, "unsigned") == [(1, 5)]


def test_news_is_told_once_when_it_begins_and_when_it_is_over() -> None:
    made = Timeline({})
    beat(made, 1, reversals=1)
    assert [one.kind for one in made.take()] == ["reversals"]
    beat(made, 2, reversals=1)
    assert made.take() == []
    beat(made, 3)
    assert [(one.kind, one.end) for one in made.take()] == [("reversals", START + 3 * MINUTE)]


def test_whoever_makes_up_a_code_for_each_event_fills_no_memory() -> None:
    made = Timeline({})
    for number in range(3 * MOST):
        said = DeviceEvent(at=START, boot=1, seq=number, component="reader", code=f"E{number}", action="set")
        made.device("t", said, START + number)
    assert len(made._words[T]) == MOST
    assert [one.code for one in made.of(T, START, NO_DEADLINE)][-1] == f"E{3 * MOST - 1}"


def test_of_one_subject_only_so_much_is_remembered() -> None:
    made = Timeline({})
    for number in range(3 * MOST):
        made.instant(T, "updated", START + number, f"{T}/state")
    found = made.of(T, 0, NO_DEADLINE)
    assert len(found) == MOST
    assert found[-1].begin == START + 3 * MOST - 1, "the newest"
