"""What comes and goes again and again is told once."""

import pytest

from fleetmon.model.incident import Incident, Status
from fleetmon.model.window import Occurrence, Window

from .test_localised import city, having
from .test_outages import of, town
from .world import DAY, HOUR, MINUTE, NOON, World, second, shops

CUT = "carrier_outage CMCC north"


def cycle(world: World, keys: list[str], times: int, down_s: int, up_s: int) -> None:
    for _ in range(times):
        world.stop(*keys)
        world.run(down_s)
        world.start(*keys)
        world.run(up_s)


def test_a_terminal_that_comes_and_goes_is_flapping_and_not_a_dozen_outages() -> None:
    world = town()
    cycle(world, ["north0-1"], 12, 6 * MINUTE, 2 * MINUTE)
    assert world.words.count("flapping north0-1 firing") == 1
    assert world.words.count("terminal_offline north0-1 firing") == 2
    world.run(2 * HOUR)
    assert world.words[-1] == "flapping north0-1 resolved"
    assert not world.engine.incidents
    assert world.pages == []


def test_when_it_no_longer_flaps_and_is_down_that_is_told_once() -> None:
    world = town()
    cycle(world, ["north0-1"], 4, 6 * MINUTE, 2 * MINUTE)
    world.stop("north0-1")
    known = len(world.words)
    world.run(3 * HOUR)
    assert world.words[known:] == ["flapping north0-1 resolved", "terminal_offline north0-1 firing"]


def test_two_outages_in_an_hour_are_two_outages() -> None:
    world = town()
    cycle(world, ["north0-1"], 2, 10 * MINUTE, 20 * MINUTE)
    assert world.words == ["terminal_offline north0-1 firing", "terminal_offline north0-1 resolved"] * 2


@pytest.mark.parametrize(("down_s", "up_s"), [(100, 200), (300, 240), (360, 360), (420, 600), (1800, 480)])
def test_a_carrier_that_comes_and_goes_pages_once_and_then_is_flapping(down_s: int, up_s: int) -> None:
    world = town()
    cycle(world, of(world, "CMCC", "north"), 8, down_s, up_s)
    assert world.pages[:1] == [CUT]
    assert world.words[:3] == [f"{CUT} firing", f"{CUT} resolved", "flapping CMCC north firing"]
    if down_s < 900:  # else it stays down for so long that this is told
        assert (world.pages, len(world.words)) == ([CUT], 3)
    world.run(3 * HOUR)
    assert world.words[-1].endswith("resolved")
    assert not world.engine.incidents
    assert not list(world.engine.correlator.outages._known)


@pytest.mark.parametrize(
    ("wanted", "page"),
    [
        ({"carrier": "CMCC"}, "carrier_outage CMCC"),
        ({"region": "n"}, "region_outage n"),
        ({"model": "V5"}, "model_fault V5"),
        ({"provider": "ps1", "region": "s"}, "attribute_outage ps1 s"),
        ({"network": "ethernet"}, "attribute_outage ethernet"),
    ],
)
def test_whatever_a_group_shares_it_flaps_as_one(wanted: dict[str, str], page: str) -> None:
    world, flaps = city(), f"flapping {page.partition(' ')[2]}"
    cycle(world, having(world, **wanted), 6, 6 * MINUTE, 6 * MINUTE)
    assert world.words == [f"{page} firing", f"{page} resolved", f"{flaps} firing"]
    world.run(HOUR)
    assert world.words[3:] == [f"{flaps} resolved"]
    assert world.pages == [page]


def test_two_outages_of_a_carrier_with_half_an_hour_between_are_two_pages() -> None:
    world = town()
    cycle(world, of(world, "CMCC", "north"), 2, 10 * MINUTE, 30 * MINUTE)
    assert world.pages == [CUT, CUT]


def test_what_planned_work_explained_is_no_flap_of_what_comes_after_it() -> None:
    world = town()
    work = Occurrence(world.now, world.now + 10 * MINUTE * 1000)
    window = Window("w", "", "operator", (work,), {"region": "north"}, settle_ms=0)
    world.take(world.engine.plan([window]))
    cycle(world, of(world, "CMCC", "north"), 1, 6 * MINUTE, 6 * MINUTE)
    assert (world.words[0], world.pages) == (f"{CUT} firing", [])
    world.stop(*of(world, "CMCC", "north"))
    world.run(6 * MINUTE)
    assert world.pages == [CUT]


def test_single_members_that_fail_do_not_keep_a_group_flapping() -> None:
    world = city()
    cut = having(world, carrier="CMCC")
    cycle(world, cut, 2, 6 * MINUTE, 6 * MINUTE)
    assert world.words[-1] == "flapping CMCC firing"
    for number in range(20):
        cycle(world, cut[number : number + 1], 1, 4 * MINUTE, 0)
    assert "flapping CMCC resolved" in world.words
    assert world.pages == ["carrier_outage CMCC"]


def test_an_outage_before_a_restart_is_a_flap_after_it() -> None:
    world = town()
    cycle(world, of(world, "CMCC", "north"), 1, 6 * MINUTE, 4 * MINUTE)
    over = [change.incident for change in world.transitions if change.incident.status is Status.RESOLVED]
    world.restart(world.records())
    world.link_up()
    world.engine.recall((), past=over)
    world.engine.recall((), past=over)
    cycle(world, of(world, "CMCC", "north"), 1, 6 * MINUTE, 4 * MINUTE)
    assert world.pages == [CUT]
    assert world.words[-1] == "flapping CMCC north firing"


def test_a_group_that_no_longer_flaps_and_is_down_is_an_outage_again() -> None:
    world = town()
    cut = of(world, "CMCC", "north")
    cycle(world, cut, 6, 5 * MINUTE, 4 * MINUTE)
    world.stop(*cut)
    known = len(world.words)
    world.run(3 * HOUR)
    assert world.words[known:] == ["flapping CMCC north resolved", f"{CUT} firing"]
    assert world.pages[-1] == CUT


def test_flapping_survives_a_restart_and_ends_when_it_is_calm() -> None:
    world = town()
    cycle(world, ["north0-1"], 4, 6 * MINUTE, 2 * MINUTE)
    assert [one.kind for one in world.engine.incidents] == ["flapping"]
    world.restart(world.records())
    world.link_up()
    world.run(3 * HOUR)
    assert world.words[-1] == "flapping north0-1 resolved"
    assert not world.engine.incidents


def test_what_flaps_for_long_does_so_still_after_a_restart() -> None:
    world = town()
    cut = of(world, "CMCC", "north")
    cycle(world, cut, 8, 6 * MINUTE, 4 * MINUTE)
    world.restart(world.records())
    world.link_up()
    cycle(world, cut, 4, 6 * MINUTE, 4 * MINUTE)
    assert (world.pages, world.words[-1]) == ([CUT], "flapping CMCC north firing")
    world.run(HOUR)
    assert (world.words[-1], list(world.engine.incidents)) == ("flapping CMCC north resolved", [])


def test_what_is_not_heard_is_not_calm() -> None:
    world = town()
    cut = of(world, "CMCC", "north")
    cycle(world, cut, 6, 6 * MINUTE, 4 * MINUTE)
    world.link_down()
    world.run(40 * MINUTE)
    world.link_up()
    world.run(2 * MINUTE)
    assert "flapping CMCC north resolved" not in world.words
    cycle(world, cut, 3, 6 * MINUTE, 4 * MINUTE)
    assert world.pages.count(CUT) == 1
    world.run(2 * HOUR)
    assert "flapping CMCC north resolved" in world.words


@pytest.mark.parametrize("deaf_s", [0, 90])
def test_a_moment_of_deafness_does_not_undo_the_calm_before(deaf_s: int) -> None:
    world = town()
    cycle(world, ["north0-1"], 4, 6 * MINUTE, 2 * MINUTE)
    calm_from = second(world.now)
    world.run(20 * MINUTE)
    if deaf_s:
        world.link_down()
        world.run(deaf_s)
        world.link_up()
    world.run(2 * HOUR)
    ended = world.last("flapping").resolved_at
    assert ended is not None
    assert second(ended) - calm_from < 25 * MINUTE + 2 * deaf_s


def test_a_terminal_that_flaps_gets_no_ticket_beside_when_a_wider_outage_leaves_it() -> None:
    world = town()
    cut = of(world, "CMCC", "north")
    cycle(world, cut[:1], 4, 6 * MINUTE, 2 * MINUTE)
    world.stop(*cut)
    world.run(8 * MINUTE)
    world.start(*cut[1:])
    world.run(5 * MINUTE)
    assert f"{CUT} resolved" in world.words
    assert [one.kind for one in world.engine.incidents] == ["flapping"]
    known = len(world.words)
    world.run(3 * HOUR)
    assert world.words[known:] == [f"flapping {cut[0]} resolved", f"terminal_offline {cut[0]} firing"]


def test_outages_of_very_many_shops_are_recalled_whatever_their_age() -> None:
    def over(shop: str, at: int) -> Incident:
        scope = (("site", shop),)
        return Incident(shop, "site_outage", scope, "warning", False, at, Status.RESOLVED, at, resolved_at=at)

    engine = World(shops({"shop": ["CMCC"]})).engine
    engine.recall((), past=[over(f"s{number}", NOON) for number in range(10_002)])
    engine.recall((), past=[over("old", NOON - 20 * DAY * 1000)])
    assert engine.correlator.incidents.named("old") is not None


def test_a_shop_that_flaps_explains_its_terminals() -> None:
    world = town()
    shop = [key for key in world.lives if key.startswith("north0")]
    cycle(world, shop, 8, 5 * MINUTE, 4 * MINUTE)
    assert {word.split()[0] for word in world.words} == {"site_outage", "flapping"}
    assert world.words.count("flapping north0.north firing") == 1
    assert second(world.last("flapping").opened_at) > 10 * MINUTE
