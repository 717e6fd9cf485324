"""What heartbeats show becomes one incident a terminal and kind, when it has lasted, until it was well for a while."""

from functools import partial
from typing import Any

import msgspec
import pytest

from fleetmon.model.episode import Episode
from fleetmon.model.events import Counters, Geo, Net, Pending, Poi, Power
from fleetmon.model.registry import Registry, Site, Terminal
from fleetmon.model.terminal import NO_DEADLINE
from fleetmon.model.window import Occurrence, Window, window_id

from .telling import told
from .world import HOUR, MINUTE, World, second, shops

HERE = Geo(lat=28.2, lng=113.0)
WELL = Poi(status="OK", security=True, ped=True, reader=True, communication=True, printer="OK")
SHOWN: list[tuple[str, dict[str, Any], str, int]] = [  # sign, what heartbeats say, kind, minutes it has to last
    ("insecure", {"poi": Poi(security=False)}, "tamper", 1),
    ("no_reader", {"poi": Poi(reader=False)}, "device_fault", 5),
    ("no_ped", {"poi": Poi(ped=False)}, "device_fault", 5),
    ("printer", {"poi": Poi(printer="NoPaper")}, "device_fault", 10),
    ("no_communication", {"poi": Poi(communication=False)}, "device_fault", 10),
    ("unreachable", {"poi": Poi(status="Unreachable")}, "device_fault", 10),
    ("low_battery", {"power": Power(battery=0.04, charging=False)}, "battery", 10),
    ("unsigned", {"signed_on": False}, "keys", 15),
    ("moved", {"geo": Geo(lat=28.3, lng=113.0)}, "terminal_moved", 15),
    ("pending", {"pending": Pending(count=2, amount=900)}, "offline_pending", 30),
    ("wrong_clock", {"at": lambda at: at - 120_000}, "clock_skew", 9),
]


def corner(hours: tuple[str, ...] = ()) -> World:
    """One shop at a known place with two terminals."""
    registry = Registry(
        sites=[Site("corner", lat=28.2, lng=113.0, hours=list(hours))],
        terminals=[Terminal(f"corner-{n}", site="corner", carrier="CMCC", network="4g", interval_s=60) for n in (1, 2)],
    )
    world = World(registry)
    world.start()
    world.run(10 * MINUTE)
    return world


def lasting(world: World) -> list[Episode]:
    """The open episodes, as they come back from the store."""
    return msgspec.json.decode(
        msgspec.json.encode([one for one in world.episodes.values() if one.end == NO_DEADLINE]), type=list[Episode]
    )


def restart(world: World, away_s: float = 60) -> None:
    """Killed, and back after a while."""
    records, episodes = world.records(), lasting(world)
    world.now += round(away_s * 1000)
    world.restart(records)
    world.engine.resume(episodes, [], [])
    world.link_up()


@pytest.mark.parametrize(("sign", "fields", "kind", "minutes"), SHOWN)
def test_a_sign_is_a_ticket_when_it_has_lasted_and_is_over_when_it_has_been_gone(
    sign: str, fields: dict[str, Any], kind: str, minutes: int
) -> None:
    world = corner()
    world.show("corner-1", **fields)
    if minutes > 1:
        world.run((minutes - 1) * MINUTE)
        assert world.words == [], "not yet"
    world.run(3 * MINUTE)
    assert world.words == [f"{kind} corner-1 firing"]
    assert world.pages == ([f"{kind} corner-1"] if kind == "tamper" else [])
    assert world.last(kind).evidence == ("corner-1",)
    assert 600 <= second(world.last(kind).opened_at) <= 600 + 6 * MINUTE, "from its beginning on"
    (reason,) = {change.reason for change in world.transitions}
    assert reason == sign
    world.show("corner-1", poi=WELL, signed_on=True)
    well = world.now
    world.run(MINUTE)
    assert len(world.words) == 1, "once is not enough"
    world.run(HOUR)
    assert world.words == [f"{kind} corner-1 firing", f"{kind} corner-1 resolved"]
    resolved = world.last(kind).resolved_at
    assert resolved is not None
    assert 0 <= resolved - well <= 6 * 60_000, "over since the first heartbeat without it"
    world.run(HOUR)
    assert len(world.words) == 2
    assert not world.engine.shard.checkup.charts, "nothing is remembered of the well"


@pytest.mark.parametrize(("sign", "fields", "kind", "minutes"), SHOWN)
def test_what_comes_and_goes_with_every_heartbeat_opens_nothing_and_closes_nothing(
    sign: str, fields: dict[str, Any], kind: str, minutes: int
) -> None:
    world = corner()

    def flicker(beats: int) -> None:
        for number in range(beats):
            world.show("corner-1", **(fields if number % 2 else {}))
            world.run(MINUTE)

    flicker(60)
    assert world.words == [], sign
    world.show("corner-1", **fields)
    world.run(2 * minutes * MINUTE + 5 * MINUTE)
    assert world.words == [f"{kind} corner-1 firing"]
    flicker(60)
    assert world.words == [f"{kind} corner-1 firing"]


def test_silence_proves_nothing_either_way() -> None:
    world = corner()
    world.show("corner-1", poi=Poi(reader=False))
    world.run(2 * MINUTE)
    world.stop("corner-1")
    world.run(HOUR)
    assert "device_fault corner-1 firing" not in world.words, "nobody has seen it last"
    world.start("corner-1")
    world.run(4 * MINUTE)
    assert "device_fault corner-1 firing" not in world.words, "it begins anew"
    world.run(4 * MINUTE)
    assert world.words[-1] == "device_fault corner-1 firing"
    world.stop("corner-1")
    world.run(2 * HOUR)
    assert "device_fault corner-1 resolved" not in world.words
    world.show("corner-1", poi=WELL)
    world.start("corner-1")
    world.run(20 * MINUTE)
    assert world.words[-1] == "device_fault corner-1 resolved"


def test_an_event_and_a_sign_of_the_same_fault_are_one_incident() -> None:
    world = corner()
    world.device("corner-1", "ReaderFault", "set", component="reader")
    world.show("corner-1", poi=Poi(reader=False))
    world.run(20 * MINUTE)
    assert world.words == ["device_fault corner-1 firing"]
    world.device("corner-1", "ReaderFault", "clear", component="reader")
    assert len(world.words) == 1, "its heartbeats still show it"
    world.run(10 * MINUTE)
    assert len(world.words) == 1
    world.show("corner-1", poi=WELL)
    world.run(20 * MINUTE)
    assert world.words == ["device_fault corner-1 firing", "device_fault corner-1 resolved"]


def test_as_long_as_the_event_stands_good_heartbeats_end_nothing() -> None:
    world = corner()
    world.device("corner-1", "ReaderFault", "set", component="reader")
    world.show("corner-1", poi=WELL)
    world.run(5 * HOUR)
    assert world.words == ["device_fault corner-1 firing"]
    world.device("corner-1", "ReaderFault", "clear", component="reader")
    assert world.words == ["device_fault corner-1 firing", "device_fault corner-1 resolved"]


def test_several_kinds_at_once_are_several_incidents_and_a_locked_terminal_explains_the_others() -> None:
    world = corner()
    world.show("corner-1", poi=Poi(security=False, reader=False), signed_on=False)
    world.run(HOUR)
    assert sorted(world.words) == [f"{kind} corner-1 firing" for kind in ("device_fault", "keys", "tamper")]
    tamper = world.last("tamper")
    assert world.last("keys").suppressed_by == world.last("device_fault").suppressed_by == tamper.id
    assert world.pages == ["tamper corner-1"]
    world.show("corner-1", poi=Poi(security=True, reader=False))
    world.run(HOUR)
    assert world.last("device_fault").suppressed_by is None
    assert world.pages == ["tamper corner-1"], "it is a ticket still"


def test_another_device_in_its_place_ends_all_of_it() -> None:
    world = corner()
    world.birth("corner-1", serial="SN1")
    world.show("corner-1", poi=Poi(reader=False), signed_on=False)
    world.run(HOUR)
    assert sorted(world.words) == ["device_fault corner-1 firing", "keys corner-1 firing"]
    world.birth("corner-1", serial="SN2", boot=1)
    assert sorted(world.words[2:]) == ["device_fault corner-1 resolved", "keys corner-1 resolved"]
    assert [one.kind for one in lasting(world)] == [], "nor does anything show it any longer"
    world.show("corner-1")
    world.run(HOUR)
    assert not world.engine.shard.checkup.charts


def test_planned_work_is_named_and_so_is_what_outlasts_it() -> None:
    world = corner()
    begin = world.now
    spans = (Occurrence(begin, begin + HOUR * 1000),)
    window = Window(window_id("operator", "w1"), "ops", "operator", spans, selector={"terminal": "corner-1"})
    world.engine.plan([window])
    world.show("corner-1", poi=Poi(security=False))
    world.run(30 * MINUTE)
    assert world.pages == []
    assert world.last("tamper").suppressed_by == window.id
    world.run(HOUR)
    assert world.pages == ["tamper corner-1"], "called for when the work and its settle time are over"


# -- keys: only while the shop trades --------------------------------------------------------------


def test_who_is_not_signed_on_at_night_is_missed_a_quarter_of_an_hour_after_opening() -> None:
    world = corner(("Mo-Su 12:00-13:00", "Mo-Su 18:00-23:00"))
    world.run(HOUR)
    world.show("corner-1", signed_on=False)
    world.run(4 * HOUR + 49 * MINUTE)
    assert world.words == [], "closed"
    world.run(14 * MINUTE)
    assert world.words == [], "it has just opened"
    world.run(5 * MINUTE)
    assert world.words == ["keys corner-1 firing"]
    world.run(6 * HOUR)
    assert world.words == ["keys corner-1 firing"], "closing time repairs nothing"


def test_sales_wait_only_while_the_host_is_reached() -> None:
    world = corner()
    waiting = {"pending": Pending(count=1, amount=100)}
    world.show("corner-1", **waiting, net=Net(host=False))
    world.run(2 * HOUR)
    assert world.words == []
    world.show("corner-1", **waiting)
    world.run(25 * MINUTE)
    assert world.words == []
    world.run(10 * MINUTE)
    assert world.words == ["offline_pending corner-1 firing"]


# -- SIM, serial number ----------------------------------------------------------------------------


def test_another_sim_in_the_same_device_is_a_ticket_for_a_day() -> None:
    world = corner()
    world.birth("corner-1", serial="SN1", iccid="8986-1")
    world.run(MINUTE)
    world.birth("corner-1", serial="SN1", iccid="8986-1")
    assert world.words == []
    world.birth("corner-1", serial="SN1", iccid="8986-2")
    assert world.words == ["sim_problem corner-1 firing"]
    world.run(23 * HOUR)
    assert len(world.words) == 1, "good heartbeats do not explain it"
    world.run(2 * HOUR)
    assert world.words == ["sim_problem corner-1 firing", "sim_problem corner-1 resolved"]
    world.birth("corner-1", serial="SN2", iccid="8986-3", boot=1)
    assert len(world.words) == 2, "a replacement brings its own"


def test_two_living_terminals_with_one_serial_number_are_told_and_a_third_maker_s_placeholder_is_not() -> None:
    world = World(shops({"a": ["CMCC"], "b": ["CMCC"], "c": ["CMCC"] * 8}))
    world.start()
    world.birth("a-1", serial="SN1")
    for number in range(1, 9):
        world.birth(f"c-{number}", serial="0000000000")
    world.run(20 * MINUTE)
    assert world.words == []
    world.birth("b-1", serial="SN1")
    world.run(20 * MINUTE)
    assert sorted(world.words) == ["terminal_moved a-1 firing", "terminal_moved b-1 firing"]
    world.birth("b-1", serial="SN2", boot=1)
    assert world.words[2:] == ["terminal_moved b-1 resolved"]
    world.run(HOUR)
    assert world.words[3:] == ["terminal_moved a-1 resolved"]
    assert not world.engine.correlator._agenda._timers


def test_a_device_that_moved_to_another_place_claims_its_number_alone() -> None:
    world = World(shops({"a": ["CMCC"], "b": ["CMCC"]}))
    world.start()
    world.birth("a-1", serial="SN1")
    world.run(20 * MINUTE)
    world.farewell("a-1", "lost")
    world.stop("a-1")
    world.run(10 * MINUTE)
    world.birth("b-1", serial="SN1", boot=1)
    world.run(HOUR)
    assert [word for word in world.words if word.startswith("terminal_moved")] == []


# -- restarts and portions -------------------------------------------------------------------------


def test_a_restart_neither_forgets_nor_repeats_nor_ends_too_early() -> None:
    world = corner()
    for fields in ({"poi": Poi(reader=False)}, {"at": lambda at: at - 120_000}):
        world.show("corner-1", **fields)
        world.run(30 * MINUTE)
    assert world.words == [
        "device_fault corner-1 firing",
        "clock_skew corner-1 firing",
        "device_fault corner-1 resolved",
    ]
    restart(world)
    world.run(30 * MINUTE)
    assert len(world.words) == 3, "the clock is still wrong"
    world.show("corner-1")
    world.run(10 * MINUTE)
    restart(world)
    world.run(HOUR)
    assert world.words[3:] == ["clock_skew corner-1 resolved"]


def test_a_fault_that_was_just_mended_when_we_restart_has_not_ended_hours_ago() -> None:
    world = corner()
    world.show("corner-1", poi=Poi(printer="NoPaper"))
    world.run(4 * HOUR)
    mended = world.now
    world.show("corner-1", poi=WELL)
    world.run(3 * MINUTE)
    restart(world)
    world.run(15 * MINUTE)
    assert world.words == ["device_fault corner-1 firing", "device_fault corner-1 resolved"]
    resolved = world.last("device_fault").resolved_at
    assert resolved is not None
    assert mended <= resolved <= mended + 6 * MINUTE * 1000


def test_a_loop_of_crashes_goes_on_over_a_restart_and_ends_with_its_last() -> None:
    world = corner()
    for count in range(5):
        world.show("corner-1", counters=Counters(app_crashes=count))
        world.run(10 * MINUTE)
    assert world.words == ["software_fault corner-1 firing"]
    restart(world)
    for count in range(5, 10):
        world.show("corner-1", counters=Counters(app_crashes=count))
        world.run(10 * MINUTE)
    assert world.words == ["software_fault corner-1 firing"]
    world.run(2 * HOUR)
    assert world.words[1:] == ["software_fault corner-1 resolved"]


def test_keys_that_are_refused_are_not_well_when_the_first_sale_after_a_restart_is_refused_too() -> None:
    world = corner()
    for number in range(4):
        world.trade("corner-1", f"x{number}", "declined", response="A0")
        world.run(5 * MINUTE)
    assert world.words == ["keys corner-1 firing"]
    world.run(HOUR)
    restart(world)
    for number in range(4, 7):
        world.trade("corner-1", f"x{number}", "declined", response="A0")
        world.run(20 * MINUTE)
    assert world.words == ["keys corner-1 firing"]
    world.trade("corner-1", "x7")
    world.run(20 * MINUTE)
    assert world.words[1:] == ["keys corner-1 resolved"]


def test_what_began_before_a_restart_counts_from_its_beginning() -> None:
    world = corner()
    world.show("corner-1", pending=Pending(count=1, amount=100))
    world.run(20 * MINUTE)
    restart(world)
    world.run(12 * MINUTE)
    assert world.words == ["offline_pending corner-1 firing"]
    assert 600 <= second(world.last("offline_pending").opened_at) <= 660


def test_portions_and_looks_change_nothing() -> None:
    world = corner()
    for number, (_, fields, _, minutes) in enumerate(SHOWN):
        world.show(f"corner-{number % 2 + 1}", **fields)
        world.run(2 * minutes * MINUTE)
    world.device("corner-1", "CardJam", "oneshot", component="reader")
    world.birth("corner-2", serial="SN9", boot=7)
    world.show("corner-1")
    world.show("corner-2")
    world.run(2 * HOUR)
    assert len(world.transitions) > 20
    for batch, tick in ((1, 0), (7, 1_000), (100, 60_000)):
        again = told(world.registry, world.script, world.now, batch=partial(int, batch), ticks=partial(int, tick))
        assert again == world.transitions
