"""What many terminals tell together: one cause is one incident and at most one page."""

import pytest

from .world import HOUR, MINUTE, World, second, shops

PLAN = {
    f"{place}{number}.{place}": ["CMCC", "CMCC", "CUCC", "wifi"]
    for place in ("north", "south", "east")
    for number in range(3)
}
HOURS = ("Mo-Su 09:00-13:00",)


def town(*, interval_s: int = 60, hours: tuple[str, ...] = ()) -> World:
    """Three regions of three shops, each with two terminals of CMCC, one of CUCC and one on the shop's WiFi."""
    world = World(shops(PLAN, interval_s=interval_s, hours=hours))
    world.start()
    world.run(10 * MINUTE)
    return world


def of(world: World, carrier: str, region: str = "") -> list[str]:
    return [
        row.id
        for row in world.registry.terminals
        if row.carrier == carrier and row.network == "4g" and row.region.startswith(region)
    ]


def at(world: World, shop: str) -> list[str]:
    return [row.id for row in world.registry.terminals if row.site.startswith(shop)]


def test_a_healthy_fleet_tells_nothing() -> None:
    world = town()
    world.run(3 * HOUR)
    assert world.transitions == []


def test_a_silent_shop_is_one_incident_and_its_terminals_are_none() -> None:
    world = town()
    world.stop(*at(world, "north0"))
    world.run(HOUR)
    assert world.words == ["site_outage north0.north firing"]
    assert (world.last("site_outage").terminals, world.pages) == (4, [])
    world.start()
    world.run(HOUR)
    assert world.words == ["site_outage north0.north firing", "site_outage north0.north resolved"]
    assert not world.engine.incidents


def test_a_carrier_down_in_a_region_pages_once_and_opens_nothing_beside() -> None:
    world = town()
    world.stop(*of(world, "CMCC", "north"))
    world.run(HOUR)
    assert world.words == world_of("carrier_outage CMCC north")[:1]
    assert world.pages == ["carrier_outage CMCC north"]
    outage = world.last("carrier_outage")
    assert (outage.terminals, outage.evidence[0]) == (6, "north0-1")
    assert 10 * MINUTE < second(outage.opened_at) < 13 * MINUTE
    world.start()
    world.run(HOUR)
    assert world.words == world_of("carrier_outage CMCC north")
    assert world.pages == ["carrier_outage CMCC north"]
    assert not world.engine.incidents


def world_of(name: str) -> list[str]:
    return [f"{name} firing", f"{name} resolved"]


def test_a_carrier_down_everywhere_is_one_incident_not_one_for_each_region() -> None:
    world = town()
    world.stop(*of(world, "CMCC"))
    world.run(HOUR)
    world.start()
    world.run(HOUR)
    assert world.words == world_of("carrier_outage CMCC")
    assert world.pages == ["carrier_outage CMCC"]


def test_a_region_that_is_judged_first_waits_for_the_verdict_on_the_whole_carrier() -> None:
    """One lost beat before the outage has the region looked at some seconds before the rest."""
    for lead in range(0, 60, 3):
        world = town()
        world.stop("north0-1")
        world.run(lead)
        world.stop(*of(world, "CMCC"))
        world.run(HOUR)
        assert world.pages == ["carrier_outage CMCC"], lead


def test_terminals_on_wifi_are_no_members_of_their_carrier() -> None:
    world = town()
    world.stop(*(f"north{shop}-{number}" for shop in range(3) for number in (1, 2, 4)))
    world.run(HOUR)
    assert world.pages == ["carrier_outage CMCC north"]
    outage = next(one for one in world.engine.incidents if one.kind == "carrier_outage")
    assert outage.terminals == 6
    alone = {f"terminal_offline north{shop}-4 firing" for shop in range(3)}
    assert {*world.words} == {"carrier_outage CMCC north firing", *alone}


def test_one_shop_alone_is_not_the_carrier() -> None:
    world = town()
    world.stop(*(name for name in of(world, "CMCC", "north") if name.startswith("north0")))
    world.run(HOUR)
    assert {word.split()[0] for word in world.words} == {"terminal_offline"}


@pytest.mark.parametrize("interval_s", [15, 60, 300])
def test_who_stays_down_after_the_outage_gets_its_own_incident(interval_s: int) -> None:
    world = town(interval_s=interval_s)
    cut = of(world, "CMCC", "north")
    world.stop(*cut)
    world.run(HOUR)
    world.start(*cut[1:])
    world.run(HOUR)
    assert world.words == [*world_of("carrier_outage CMCC north"), f"terminal_offline {cut[0]} firing"]
    world.start()
    world.run(HOUR)
    assert world.words[-1] == f"terminal_offline {cut[0]} resolved"
    assert not world.engine.incidents


def test_a_region_that_stays_down_after_the_carrier_is_back_is_an_outage_of_its_own() -> None:
    plan = {f"{place}{n}.{place}": ["CMCC"] * 4 for place in "abcdef" for n in range(2)}
    world = World(shops(plan))
    world.start()
    world.run(10 * MINUTE)
    world.stop()
    world.run(HOUR)
    world.start(*(row.id for row in world.registry.terminals if row.region != "f"))
    world.run(HOUR)
    assert world.words == [*world_of("carrier_outage CMCC"), "carrier_outage CMCC f firing"]


@pytest.mark.parametrize("large", [4, 12, 20])
def test_a_shop_that_stays_down_after_its_region_is_back_is_a_shop(large: int) -> None:
    """Even if it has half of the region's terminals: what one shop lacks is no outage of a region."""
    plan = {f"{place}{number}.{place}": ["CMCC", "CUCC", "wifi"] for place in ("north", "south") for number in range(4)}
    plan["hall.north"] = ["CMCC", "CUCC"] * (large // 2)
    world = World(shops(plan))
    world.start()
    world.run(10 * MINUTE)
    cut = [row.id for row in world.registry.terminals if row.region == "north"]
    world.stop(*cut)
    world.run(20 * MINUTE)
    world.start(*(key for key in cut if not key.startswith("hall")))
    world.run(20 * MINUTE)
    assert world.words == [*world_of("region_outage north"), "site_outage hall.north firing"]
    assert world.last("site_outage").terminals == large
    world.start()
    world.run(20 * MINUTE)
    assert world.words[-1] == "site_outage hall.north resolved"
    assert world.pages == ["region_outage north"]


def test_a_large_shop_that_is_only_slow_to_come_back_is_still_its_region() -> None:
    plan = {f"{place}{number}.{place}": ["CMCC", "CUCC", "wifi"] for place in ("north", "south") for number in range(4)}
    plan["hall.north"] = ["CMCC", "CUCC"] * 8
    world = World(shops(plan))
    world.start()
    world.run(10 * MINUTE)
    cut = [row.id for row in world.registry.terminals if row.region == "north"]
    world.stop(*cut)
    world.run(20 * MINUTE)
    for key in sorted(cut, reverse=True):  # the hall last, all within two minutes
        world.start(key)
        world.run(4)
    world.run(20 * MINUTE)
    assert world.words == world_of("region_outage north")


def test_who_was_down_before_the_outage_is_explained_by_it_only_while_it_lasts() -> None:
    world = town()
    world.stop("north0-1", "north0-2", "north0-3", "north0-4")
    world.run(HOUR)
    world.start("north0-2", "north0-3", "north0-4")  # the shop is back but for one
    world.run(HOUR)
    assert world.words[-1] == "terminal_offline north0-1 firing"
    world.stop(*of(world, "CMCC"))
    world.run(HOUR)
    assert world.pages == ["carrier_outage CMCC"]
    world.start(*(key for key in world.lives if key != "north0-1"))
    world.run(HOUR)
    (left,) = world.engine.incidents
    assert (left.kind, left.suppressed_by) == ("terminal_offline", None)


def test_an_incident_that_outlasts_the_outage_explaining_it_stands_for_itself_again() -> None:
    world = town()
    world.stop("north0-1")
    world.farewell("north0-1", "lost")
    world.run(70)  # about to be announced when the others follow
    world.stop(*of(world, "CMCC"))
    world.run(HOUR)
    outage = next(one for one in world.engine.incidents if one.kind == "carrier_outage")
    own = next(one for one in world.engine.incidents if one.kind == "terminal_offline")
    assert own.suppressed_by == outage.id
    world.start(*(key for key in world.lives if key != "north0-1"))
    world.run(HOUR)
    assert [one.suppressed_by for one in world.engine.incidents] == [None]


def test_a_shop_that_is_back_a_moment_after_the_outage_that_took_it_did_not_outlast_it() -> None:
    """Both wait a minute before they are over; the shop was called an outage of its own for the last seconds of it."""
    world = World(shops({f"shop{number}": ["CMCC"] * 3 for number in range(5)} | {"other": ["CUCC"] * 6}))
    world.start()
    world.run(10 * MINUTE)
    world.stop(*at(world, "shop0"))
    world.run(80)  # it is announced
    world.stop(*of(world, "CMCC"))
    world.run(10 * MINUTE)
    shop, outage = [one for one in world.engine.incidents if one.kind.endswith("outage")]
    assert shop.suppressed_by == outage.id
    world.start(*(key for key in of(world, "CMCC") if key not in at(world, "shop0")))
    while outage.clear_since is None:
        world.run(1)
    world.run(10)
    for key in at(world, "shop0"):
        world.beat(key)
    world.start(*at(world, "shop0"))
    world.run(HOUR)
    assert (shop.status, shop.suppressed_by) == ("resolved", outage.id)
    assert "outlasted the wider outage" not in [one.reason for one in world.transitions]


def test_an_outage_resolves_although_some_members_beat_slowly() -> None:
    """Those that were never down tell of no change: they are looked at again."""
    world = town()
    for key in ("north0-1", "north1-1"):
        world.lives[key].interval = 600_000
        world.beat(key, interval_s=600)
    world.run(20 * MINUTE)
    cut = [key for key in of(world, "CMCC", "north") if key not in ("north0-1", "north1-1")]
    world.beat("north0-1")
    world.beat("north1-1")
    world.run(MINUTE)
    world.stop(*cut)
    world.run(4 * MINUTE)
    assert world.words == world_of("carrier_outage CMCC north")[:1]
    world.start()
    world.run(HOUR)
    assert world.words == world_of("carrier_outage CMCC north")


def test_members_that_were_only_not_heard_yet_do_not_make_an_outage_larger() -> None:
    plan = {f"shop{number}": ["CMCC"] * 10 for number in range(10)}
    world = World(shops(plan))
    world.start()
    world.run(10 * MINUTE)
    world.stop(*list(world.lives)[:90])
    world.run(HOUR)
    assert world.last("carrier_outage").terminals == 90


def test_terminals_that_change_to_another_carrier_leave_the_outage() -> None:
    world = town()
    cut = of(world, "CMCC", "north")
    world.stop(*cut)
    world.run(10 * MINUTE)
    for key in cut:
        world.birth(key, carrier="CUCC")
    world.start()
    world.run(HOUR)
    assert world.words == world_of("carrier_outage CMCC north")
    for key in cut:
        world.birth(key, carrier="CMCC")
    world.run(HOUR)
    assert not world.engine.incidents


def test_a_terminal_that_makes_up_firmware_names_fills_no_memory() -> None:
    world = town()
    for number in range(30):
        world.birth("north0-1", firmware=f"made-up-{number}")
        world.stop("north0-1")
        world.run(150)
        world.start("north0-1")
        world.run(MINUTE)
    assert len(world.engine.correlator.outages._known._over) < 15


def test_a_carrier_change_during_the_outage_and_back_after_it_leaves_nothing_open() -> None:
    world = town()
    cut = of(world, "CMCC", "north")
    world.stop(*cut)
    world.run(10 * MINUTE)
    for key in cut[:3]:
        world.birth(key, carrier="CUCC")
    world.start(*cut[:3])
    world.run(10 * MINUTE)
    for key in cut:
        world.birth(key, carrier="CMCC")
    world.start()
    world.run(HOUR)
    assert world.words == world_of("carrier_outage CMCC north")


def test_an_outage_over_closing_time_stays_open_until_somebody_is_heard_again() -> None:
    world = town(hours=HOURS)
    world.run(20 * MINUTE)
    world.stop(*of(world, "CMCC", "north"))
    world.run(30 * MINUTE)
    world.stop()
    world.run(19 * HOUR)
    assert world.words == world_of("carrier_outage CMCC north")[:1]
    world.start()
    world.run(3 * HOUR)
    assert world.words == world_of("carrier_outage CMCC north")


def test_the_nightly_closing_of_all_shops_is_no_outage() -> None:
    world = town(hours=HOURS)
    world.run(50 * MINUTE)
    world.stop()
    world.run(19 * HOUR)
    assert world.transitions == []


def test_a_whole_shop_that_misses_its_opening_is_one_incident() -> None:
    world = town(hours=HOURS)
    world.run(50 * MINUTE)
    world.stop()
    world.run(19 * HOUR)
    world.start(*(key for key in world.lives if not key.startswith("north0")))
    world.run(3 * HOUR)
    assert world.words == ["site_outage north0.north firing"]
    opening = 21 * HOUR
    assert opening + 1200 <= second(world.last("site_outage").opened_at) <= opening + 1200 + 10


def test_wills_of_the_whole_fleet_answered_within_25_seconds_open_nothing() -> None:
    for interval_s in (30, 60, 300):
        world = town(interval_s=interval_s)
        world.stop()
        for key in world.lives:
            world.farewell(key, "lost")
        for number, key in enumerate(world.lives):
            world.run(25 / len(world.lives))
            world.birth(key)
            world.start(key) if number % 2 else world.beat(key)
        world.start()
        world.run(HOUR)
        assert world.transitions == []


def test_unanswered_wills_tell_of_an_outage_before_the_beats_are_missed() -> None:
    world = town(interval_s=300)
    cut = of(world, "CMCC", "north")
    world.stop(*cut)
    for key in cut:
        world.farewell(key, "lost")
    world.run(15 * MINUTE)
    assert world.pages == ["carrier_outage CMCC north"]
    assert second(world.last("carrier_outage").opened_at) < 10 * MINUTE + 360


def test_who_falls_silent_later_spoke_against_the_outage_of_before() -> None:
    """Two shops of a carrier with five went dark; minutes later a lone terminal does, and is no proof of theirs."""
    ours = {shop: ["CMCC"] * count for shop, count in {"a": 5, "b": 2, "c": 3}.items()}
    world = World(shops({**ours, "d": ["CUCC"] * 8, "e": ["CUCC"] * 8}))
    world.start()
    world.run(10 * MINUTE)
    world.stop(*at(world, "a"), *at(world, "b"))
    world.run(4 * MINUTE)
    assert sorted(world.words) == ["site_outage a firing", "site_outage b firing"]
    world.stop("c-1")
    world.run(10 * MINUTE)
    assert sorted(world.words) == ["site_outage a firing", "site_outage b firing", "terminal_offline c-1 firing"]


def test_shops_of_two_carriers_that_go_dark_together_are_shops_not_carriers() -> None:
    """A mall closes, or its power is cut: the shops' own networks are silent as well."""
    world = World(shops({f"mall{number}": ["CMCC", "CUCC"] for number in range(8)}))
    world.start()
    world.run(20 * MINUTE)
    for number in range(8):
        world.stop(f"mall{number}-1", f"mall{number}-2")
        world.run(30)
    world.run(HOUR)
    assert world.pages == []
    assert sorted(world.words) == [f"site_outage mall{number} firing" for number in range(8)]


def test_shops_that_do_not_open_are_shops_not_carriers() -> None:
    world = town(hours=HOURS)
    world.run(55 * MINUTE)
    for key in world.lives:
        world.farewell(key, "shutdown")
    world.stop()
    world.run(20 * HOUR + 10 * MINUTE)  # nine o'clock, and a little
    late = of(world, "CMCC", "north")
    world.start(*(key for key in world.lives if key not in late))
    world.run(HOUR)
    assert world.pages == []
    assert world.words
    assert not [word for word in world.words if "carrier" in word]


def test_who_switches_off_shortly_before_closing_is_not_missed() -> None:
    world = town(hours=HOURS)
    world.run(52 * MINUTE)
    world.stop()
    world.run(19 * HOUR)
    assert world.words == []


def test_who_is_down_at_closing_time_sleeps_until_the_next_opening() -> None:
    world = town(hours=HOURS)
    world.run(20 * MINUTE)
    world.stop("north0-1")
    world.run(20 * MINUTE)
    assert world.words == ["terminal_offline north0-1 firing"]
    world.run(HOUR)
    assert world.words == ["terminal_offline north0-1 firing", "terminal_offline north0-1 resolved"]


def test_who_came_back_and_went_down_again_is_not_back_because_we_restarted() -> None:
    world = town()
    cut = of(world, "CMCC", "north")
    world.stop(*cut)
    world.run(10 * MINUTE)
    for some in (cut[::2], cut[1::2]):
        world.start(*some)
        world.run(3 * MINUTE)
        world.stop(*some)
        world.run(4 * MINUTE)
    assert world.words == ["carrier_outage CMCC north firing"]
    world.restart(world.records())
    world.link_up()
    world.run(10 * MINUTE)
    assert world.words == ["carrier_outage CMCC north firing"]
