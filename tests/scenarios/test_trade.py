"""Alive but not paying: what keeps a terminal from it, since when, and which incident follows."""

from typing import Any

import msgspec
import pytest

from fleetmon.engine.terminal.usage import Usage
from fleetmon.model.episode import Episode
from fleetmon.model.events import Counters, Net, Poi, Power
from fleetmon.model.terminal import NO_DEADLINE

from .world import HOUR, MINUTE, World, shops

DAY = 24 * HOUR
WEEK = 7 * DAY


def shop(hours: tuple[str, ...] = ("Mo-Su 09:00-21:00",), interval_s: int = 60) -> World:
    world = World(shops({"corner": ["CMCC", "CMCC"]}, hours=hours, interval_s=interval_s))
    world.start()
    world.run(MINUTE)
    return world


def trade(world: World, seconds: float, *, every: float = 10 * MINUTE, who: str = "corner-1", **fields: Any) -> None:
    """Sales at a steady pace, from nine to nine."""
    end = world.now + seconds * 1000
    while world.now < end:
        hour = (world.now // 3_600_000 + 8) % 24
        if 9 <= hour < 21:
            world.trade(who, f"s{world.now}", **fields)
        world.run(every)


def fail(world: World, count: int, response: str | None, **fields: Any) -> None:
    for _ in range(count):
        world.trade("corner-1", f"f{world.now}", "declined", response=response, **fields)
        world.run(20)


def reason(world: World, who: str = "corner-1") -> str | None:
    return world.engine.shard.checkup.not_paying.get(who)


def spans(world: World) -> list[tuple[str, bool]]:
    """The reasons for which it did not pay, and whether they go on."""
    told = world.engine.explainer.timeline.of("terminal/corner-1", 0, NO_DEADLINE)
    return [(one.code, one.end == NO_DEADLINE) for one in told if one.kind == "not_paying"]


@pytest.mark.parametrize(
    ("fields", "minutes", "why"),
    [
        ({"poi": Poi(security=False)}, 3, "tamper"),
        ({"signed_on": False}, 17, "keys"),
        ({"poi": Poi(reader=False)}, 7, "device_fault"),
        ({"net": Net(host=False)}, 7, "no_host"),
        ({"net": Net(internet=False)}, 7, "no_host"),
    ],
)
def test_a_sign_that_keeps_it_from_paying_is_the_reason_until_it_sells_or_is_well(
    fields: dict[str, Any], minutes: int, why: str
) -> None:
    world = shop()
    world.show("corner-1", **fields)
    world.run(50)
    assert reason(world) is None
    world.run(minutes * MINUTE)
    assert reason(world) == why
    world.trade("corner-1", "s1")
    world.run(MINUTE)
    assert reason(world) is None, "it sold, whatever it says of itself"
    world.run(HOUR)
    assert reason(world) is None
    assert spans(world) == [(why, False)]


def test_the_first_of_several_reasons_is_told_and_the_next_when_that_is_gone() -> None:
    world = shop()
    world.show("corner-1", poi=Poi(security=False), net=Net(host=False))
    world.run(10 * MINUTE)
    assert reason(world) == "tamper"
    world.show("corner-1", poi=Poi(security=True), net=Net(host=False))
    world.run(MINUTE)
    assert reason(world) == "no_host"
    world.show("corner-1")
    world.run(MINUTE)
    assert reason(world) is None
    assert spans(world) == [("tamper", False), ("no_host", False)]


def test_who_is_worked_on_is_not_expected_to_take_payments() -> None:
    world = shop()
    world.show("corner-1", poi=Poi(status="Maintenance"), net=Net(host=False))
    world.run(HOUR)
    assert reason(world) is None
    world.show("corner-1", net=Net(host=False))
    world.run(MINUTE)
    assert reason(world) == "no_host"


def test_another_device_has_the_same_customers_and_parts_of_its_own() -> None:
    world = shop(hours=())
    world.birth("corner-1", serial="A")
    world.trade("corner-1", "s1")
    use(world, 3, errors=3)
    before = Usage.of(world.engine.fleet.terminals["corner-1"].usage)
    assert before.reads > 100
    world.birth("corner-1", serial="B", boot=1)
    after = Usage.of(world.engine.fleet.terminals["corner-1"].usage)
    assert (after.hours, after.sold_s) == (before.hours, before.sold_s)
    assert (after.reads, after.errors, after.usual_errors) == (0, 0, None)


def test_who_is_down_or_closed_is_not_called_alive_but_not_paying() -> None:
    world = shop()
    world.show("corner-1", net=Net(host=False))
    world.run(10 * MINUTE)
    assert reason(world) == "no_host"
    world.stop("corner-1")
    world.run(10 * MINUTE)
    assert reason(world) is None
    world.start("corner-1")
    world.run(30 * MINUTE)
    assert reason(world) == "no_host"
    world.run(9 * HOUR)
    assert reason(world) is None, "the shop is closed"


@pytest.mark.parametrize(("response", "kind"), [("A0", "keys"), ("30", "software_fault"), ("91", None), (None, None)])
def test_sales_that_fail_in_a_row_are_the_terminal_s_fault_where_the_answers_say_so(
    response: str | None, kind: str | None
) -> None:
    world = shop()
    trade(world, HOUR)
    fail(world, 3, response)
    world.run(MINUTE)
    assert world.words == ([f"{kind} corner-1 firing"] if kind else [])
    assert reason(world) == kind
    fail(world, 2, response)
    world.run(MINUTE)
    assert reason(world) == (kind or "failing")
    world.trade("corner-1", "good")
    world.run(30 * MINUTE)
    assert reason(world) is None
    assert world.words[1:] == ([f"{kind} corner-1 resolved"] if kind else [])


def test_cards_that_are_refused_prove_that_the_terminal_works() -> None:
    world = shop()
    fail(world, 10, "51")
    fail(world, 4, "A0", kind="reversal")
    for _ in range(3):
        fail(world, 2, "96")
        fail(world, 1, "55")
    world.run(HOUR)
    assert (reason(world), world.words) == (None, [])


def test_nothing_can_be_paid_since_an_update() -> None:
    world = shop()
    world.birth("corner-1", firmware="1.0")
    trade(world, HOUR)
    world.birth("corner-1", firmware="1.1")
    fail(world, 3, "12")
    world.run(MINUTE)
    assert world.words == ["software_fault corner-1 firing"]
    assert reason(world) == "software_fault"
    neighbour = "corner-2"
    for number in range(3):
        world.trade(neighbour, f"n{number}", "declined", response="12")
    world.run(MINUTE)
    assert len(world.words) == 1, "which was not updated"
    world.trade("corner-1", "good")
    world.run(20 * MINUTE)
    assert world.words[1:] == ["software_fault corner-1 resolved"]


@pytest.mark.parametrize(("stage", "response"), [("unanswered", None), ("declined", "96")])
def test_since_an_update_it_alone_gets_no_answer_while_others_of_its_acquirer_do(
    stage: str, response: str | None
) -> None:
    world = shop()
    for key in ("corner-1", "corner-2"):
        world.birth(key, firmware="1.0")
    trade(world, HOUR)
    for key in ("corner-1", "corner-2"):
        world.birth(key, firmware="1.1")
    for number in range(8):  # first nobody is answered: that is the host's
        world.trade("corner-1", f"x{number}", stage, response=response)
        world.trade("corner-2", f"n{number}", stage, response=response)
        world.run(MINUTE)
    assert world.words == []
    for number in range(5):
        world.trade("corner-2", f"m{number}", "declined", response="51")
        world.trade("corner-1", f"y{number}", stage, response=response)
        world.run(MINUTE)
    assert world.words == ["software_fault corner-1 firing"]
    world.trade("corner-1", "good")
    world.run(20 * MINUTE)
    assert world.words[1:] == ["software_fault corner-1 resolved"]


def test_a_terminal_that_sold_every_ten_minutes_is_quiet_after_two_hours_and_not_at_night() -> None:
    world = shop()
    trade(world, WEEK)
    assert reason(world) is None
    assert spans(world) == []
    world.run(HOUR + 30 * MINUTE)
    assert reason(world) is None, "that happens"
    world.run(HOUR + 30 * MINUTE)
    assert reason(world) == "quiet"
    assert world.words == [], "which is no incident by itself"
    world.trade("corner-1", "good")
    world.run(MINUTE)
    assert reason(world) is None
    assert reason(world, "corner-2") is None, "which never sells"
    assert world.engine.fleet.terminals["corner-2"].usage == b""


def test_who_is_quiet_since_an_update_cannot_pay() -> None:
    world = shop()
    world.birth("corner-1", app="1.0")
    trade(world, WEEK)
    world.birth("corner-1", app="1.1")
    world.run(5 * HOUR)
    assert reason(world) == "software_fault"
    assert world.words == ["software_fault corner-1 firing"]


def test_a_shop_without_hours_is_not_quiet_when_it_never_sells() -> None:
    world = shop(hours=())
    trade(world, WEEK)
    world.run(8 * HOUR + 45 * MINUTE)
    assert (world.now // 3_600_000 + 8) % 24 == 20
    world.trade("corner-1", "last")
    world.run(11 * HOUR)
    assert reason(world) is None, "nobody sells at night"


def test_an_outage_is_no_quiet_and_teaches_no_patience() -> None:
    world = shop()
    trade(world, WEEK)
    before = Usage.of(world.engine.fleet.terminals["corner-1"].usage).longest
    world.stop("corner-1")
    world.run(4 * HOUR)
    world.start("corner-1")
    world.run(20 * MINUTE)
    assert reason(world) is None
    world.trade("corner-1", "good")
    assert Usage.of(world.engine.fleet.terminals["corner-1"].usage).longest <= max(before, 2)


def test_a_gap_that_ends_by_itself_makes_the_next_one_less_remarkable() -> None:
    world = shop()
    trade(world, WEEK)
    found = []
    for _ in range(6):
        world.run(4 * HOUR)
        found.append(reason(world))
        trade(world, DAY - 4 * HOUR)
    assert found[0] == "quiet"
    assert found[-1] is None


def test_the_business_clock_and_what_is_usual_outlive_a_restart() -> None:
    world = shop()
    trade(world, WEEK)
    records = world.records()
    fact = world.trade("corner-1", "after the snapshot")
    later = world.engine.fleet.terminals["corner-1"].usage
    assert later != records[0].usage
    world.restart(records, [fact])
    world.link_up()
    assert world.engine.fleet.terminals["corner-1"].usage == later
    world.run(3 * HOUR)
    assert reason(world) == "quiet"
    going_on = [one for one in world.episodes.values() if one.end == NO_DEADLINE]
    episodes = msgspec.json.decode(msgspec.json.encode(going_on), type=list[Episode])
    world.restart(world.records())
    world.engine.resume(episodes, [], [])
    assert reason(world) == "quiet"
    world.link_up()
    world.run(2 * MINUTE)
    assert reason(world) == "quiet"
    assert spans(world) == [("quiet", True)]


# -- wear ------------------------------------------------------------------------------------------


def use(world: World, hours: int, *, errors: float, power: Power | None = None) -> None:
    """Cards are read, so many of a hundred at more than one attempt."""
    counted = world.engine.fleet.terminals["corner-1"]
    base = Usage.of(counted.usage) if counted.usage else Usage()
    reads, failed = float(base.reads), float(base.errors)
    for _ in range(hours * 60):
        reads, failed = reads + 1, failed + errors / 100
        world.show("corner-1", counters=Counters(card_inserts=int(reads), read_errors=int(failed)), power=power)
        world.run(MINUTE)


@pytest.mark.parametrize(("others", "pace"), [(0, 1), (1, 1), (16, 10)])
def test_parts_wear_in_a_terminal_whose_sales_nobody_tells_and_whatever_it_numbers_between_its_beats(
    others: int, pace: int
) -> None:
    world = shop(hours=(), interval_s=pace * 60)
    world.lives["corner-1"].seq += 1  # so that with sixteen others none of its beats is one of seventeen
    reads, failed = 0.0, 0.0
    for minute in range(0, 16 * 60, pace):
        reads, failed = reads + pace, failed + pace * (0.02 if minute < 8 * 60 else 0.2)
        world.lives["corner-1"].seq += others
        world.show(
            "corner-1",
            counters=Counters(card_inserts=int(reads), read_errors=int(failed)),
            power=Power(battery=max(0.9 - max(minute - 500, 0) / 500, 0.4), charging=True),
        )
        world.run(pace * MINUTE)
    assert sorted(world.words) == ["battery corner-1 firing", "device_fault corner-1 firing"]


def test_a_reader_that_errs_far_more_than_it_used_to_is_worn_until_it_reads_well() -> None:
    world = shop(hours=())
    world.trade("corner-1", "s1")
    use(world, 8, errors=2)
    assert world.words == []
    use(world, 4, errors=13)
    assert world.words == ["device_fault corner-1 firing"]
    use(world, 12, errors=13)
    assert len(world.words) == 1, "it does not become usual"
    use(world, 6, errors=1)
    assert world.words[1:] == ["device_fault corner-1 resolved"]


def test_a_reader_that_always_errs_a_little_more_is_as_usual() -> None:
    world = shop(hours=())
    world.trade("corner-1", "s1")
    for errors in (2, 3, 4, 5, 4):
        use(world, 6, errors=errors)
    assert world.words == []


def test_a_battery_that_is_gone_in_two_hours_or_sinks_on_its_charger_is_a_ticket() -> None:
    world = shop(hours=())
    world.trade("corner-1", "s1")
    for level in (0.9, 0.75, 0.6, 0.45, 0.3):  # in eight hours, as it should
        world.show("corner-1", power=Power(battery=level, charging=False))
        world.run(2 * HOUR)
    for level in (0.9, 0.3):
        world.show("corner-1", power=Power(battery=level, charging=False))
        world.run(66 * MINUTE)
    assert world.words == ["battery corner-1 firing"]
    assert {change.reason for change in world.transitions} == {"weak_cell"}
    other = shop(hours=())
    other.trade("corner-1", "s1")
    for minute in range(240):
        other.show("corner-1", power=Power(battery=0.8 - minute / 1000, charging=True))
        other.run(MINUTE)
    assert other.words == ["battery corner-1 firing"]
    assert {change.reason for change in other.transitions} == {"sinking"}
    for minute in range(240):
        other.show("corner-1", power=Power(battery=0.56 + minute / 700, charging=True))
        other.run(MINUTE)
    assert other.words[1:] == ["battery corner-1 resolved"]
