"""Whatever a terminal shows, and whenever it is silent: incidents keep their distance, and end when all is well."""

from itertools import pairwise
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fleetmon.detect import DEVICE_DETECTORS
from fleetmon.engine import Engine, Message
from fleetmon.model.events import DeviceEvent, Heartbeat, Pending, Poi
from fleetmon.model.incident import Status, Transition
from fleetmon.model.registry import Registry, Terminal

START = 1_790_222_400_000
MINUTE = 60_000
KINDS = {detector.kind: detector for detector in DEVICE_DETECTORS}
SHOWS: dict[str, dict[str, Any]] = {
    "well": {},
    "reader": {"poi": Poi(reader=False)},
    "printer": {"poi": Poi(printer="PaperJam")},
    "both": {"poi": Poi(reader=False, ped=False)},
    "locked": {"poi": Poi(security=False)},
    "unsigned": {"signed_on": False},
    "waiting": {"pending": Pending(count=1, amount=1)},
    "skewed": {"at": 0},
}
BEATS = st.lists(st.tuples(st.sampled_from([*SHOWS, "silence"]), st.integers(1, 12)), max_size=30)
EVENTS = st.dictionaries(st.integers(0, 150), st.sampled_from(["set", "clear", "oneshot"]), max_size=8)
SETTINGS = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def messages(plan: list[tuple[str, int]], events: dict[int, Any]) -> list[Message]:
    """A heartbeat a minute that shows what the plan says; then two hours in which all is well."""
    course = [what for what, beats in plan for _ in range(beats)]
    made, seq = [], 0
    for minute, what in enumerate([*course, *["well"] * 120]):
        now = START + minute * MINUTE
        if (action := events.get(minute)) is not None or minute == len(course):
            seq += 1
            said = DeviceEvent(now, 1, seq, "reader", "Jam", action if minute < len(course) and action else "clear")
            made.append(Message(now, "t", said, False, "t", b""))
        if what != "silence":
            seq += 1
            beat = Heartbeat(**{"at": now, "boot": 1, "seq": seq, **SHOWS[what]})
            made.append(Message(now, "t", beat, False, "t", b""))
    return made


def told(script: list[Message], size: int) -> tuple[Engine, list[Transition]]:
    engine = Engine(Registry(terminals=[Terminal("t", interval_s=60)]))
    found = engine.link_up(START).transitions
    for first in range(0, len(script), size):
        found += engine.observe(script[first : first + size]).transitions
    return engine, found + engine.advance(script[-1].received_at).transitions


@SETTINGS
@given(BEATS, EVENTS)
def test_incidents_of_signs_neither_open_nor_close_sooner_than_they_may(
    plan: list[tuple[str, int]], events: dict[int, Any]
) -> None:
    _, found = told(messages(plan, events), 1)
    by_kind: dict[str, list[Transition]] = {}
    for change in found:
        moved = change.before is not change.incident.status
        if moved and change.incident.kind in KINDS and change.incident.status in (Status.FIRING, Status.RESOLVED):
            by_kind.setdefault(change.incident.kind, []).append(change)
    for kind, changes in by_kind.items():
        detector = KINDS[kind]
        assert [change.incident.status for change in changes] == [Status.FIRING, Status.RESOLVED] * (
            len(changes) // 2
        ), "one at a time, and all are over in the end"
        for before, after in pairwise(changes):
            assert before.at <= after.at
            if after.reason in detector.signs:
                assert after.at - after.incident.opened_at >= detector.signs[after.reason]
                assert after.incident.opened_at > (before.incident.resolved_at or 0), (
                    "a new one has a beginning of its own"
                )
            if after.reason == "well again":
                assert after.at - (after.incident.resolved_at or 0) >= detector.policy.keep_ms


@SETTINGS
@given(BEATS, EVENTS, st.sampled_from([3, 50]))
def test_portions_change_nothing_and_nothing_is_kept_of_the_well(
    plan: list[tuple[str, int]], events: dict[int, Any], size: int
) -> None:
    script = messages(plan, events)
    engine, found = told(script, 1)
    assert told(script, size)[1] == found
    assert not [one for one in engine.incidents if one.kind in KINDS]
    assert not engine.shard.checkup.charts
    assert not engine.shard.checkup.not_paying
