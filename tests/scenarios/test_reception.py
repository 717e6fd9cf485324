"""The link stands and nothing comes: then it is we who do not hear, and no terminal is called silent."""

from itertools import product

import pytest

from fleetmon.model.registry import Registry, Site, Terminal
from fleetmon.model.window import Occurrence, Window, window_id

from .test_ourselves import restarted
from .world import HOUR, MINUTE, NOON, World, second

WAYS = ("CMCC", "CUCC", "wifi")
OURS = "ingest_impaired"


def registry(
    *, interval_s: int = 60, hours: tuple[str, ...] = (), fast: int | None = None, shops: int = 12
) -> Registry:
    """Shops in three regions, each of provider A, B or C, with a terminal on every way; every second beats `fast`."""
    sites = [
        Site(f"{region}{number}", region=region, hours=list(hours)) for region, number in product("nse", range(shops))
    ]
    return Registry(
        sites=sites,
        terminals=[
            Terminal(
                f"{site.id}-{way}",
                site=site.id,
                region=site.region,
                carrier="" if way == "wifi" else way,
                network="wifi" if way == "wifi" else "4g",
                provider="ABC"[int(site.id[1:]) % 3],
                model="m" if way == "CMCC" else "n",
                interval_s=(fast or interval_s) if int(site.id[1:]) % 2 else interval_s,
            )
            for site in sites
            for way in WAYS
        ],
    )


def town(*, retold: Registry | None = None, **options: object) -> World:
    world = World(retold or registry(**options))  # type: ignore[arg-type]
    world.start()
    world.run(10 * MINUTE)
    return world


def those(world: World, **wanted: str) -> list[str]:
    rows = world.registry.terminals
    return [row.id for row in rows if all(getattr(row, field) == value for field, value in wanted.items())]


def downs(world: World) -> list[str]:
    return [change.terminal for change in world.changes if change.after == "down"]


@pytest.mark.parametrize("interval_s", [15, 60, 300])
def test_nothing_of_anybody_is_one_page_about_ourselves_and_nobody_is_called_down(interval_s: int) -> None:
    world = town(interval_s=interval_s)
    world.mute()
    world.run(20 * MINUTE)
    assert world.words == [f"{OURS} firing"]
    found = world.last(OURS)
    assert (found.scope, found.terminals) == ((), len(world.lives))
    assert second(found.opened_at) - 600 <= interval_s + 15
    assert {world.shown(key) for key in world.lives} == {"unknown"}
    assert world.engine.arrears.deaf, "nor is money called late that nobody could have told of"
    world.unmute()
    world.run(20 * MINUTE)
    assert world.words == [f"{OURS} firing", f"{OURS} resolved"]
    assert world.pages == [OURS]
    assert {world.shown(key) for key in world.lives} == {"up"}
    assert downs(world) == []
    assert not world.engine.arrears.deaf
    assert not world.engine.incidents


@pytest.mark.parametrize("interval_s", [15, 60, 300])
def test_nothing_of_one_provider_is_one_page_that_names_it(interval_s: int) -> None:
    world = town(interval_s=interval_s)
    world.mute(*those(world, provider="A"))
    world.run(20 * MINUTE)
    assert world.words == [f"{OURS} A firing"]
    assert world.last(OURS).terminals == 36
    assert second(world.last(OURS).opened_at) - 600 <= interval_s + 15
    assert {world.shown(key) for key in those(world, provider="A")} == {"unknown"}
    assert {world.shown(key) for key in those(world, provider="B")} == {"up"}
    world.unmute()
    world.run(20 * MINUTE)
    assert world.words == [f"{OURS} A firing", f"{OURS} A resolved"]
    assert world.pages == [f"{OURS} A"]
    assert downs(world) == []
    assert {world.shown(key) for key in world.lives} == {"up"}


@pytest.mark.parametrize("interval_s", [30, 60])
def test_a_provider_that_comes_and_goes_is_one_page(interval_s: int) -> None:
    """Not one each time, and not shop by shop."""
    world = town(interval_s=interval_s)
    for _ in range(6):
        world.mute(*those(world, provider="A"))
        world.run(6 * MINUTE)
        world.unmute()
        world.run(6 * MINUTE)
    assert world.words == [f"{OURS} A firing"]
    world.run(HOUR)
    assert world.words == [f"{OURS} A firing", f"{OURS} A resolved"]
    assert world.pages == [f"{OURS} A"]
    assert downs(world) == []


@pytest.mark.parametrize("seconds", [20, 30, 40])
def test_a_bridge_that_restarts_calls_nobody(seconds: int) -> None:
    world = town()
    world.mute(*those(world, provider="A"))
    world.run(seconds)
    world.unmute()
    world.run(HOUR)
    assert world.words == []
    assert downs(world) == []


def test_terminals_that_beat_fast_and_slowly_fall_silent_together() -> None:
    world = town(interval_s=300, fast=15)
    world.mute()
    world.run(20 * MINUTE)
    world.unmute()
    world.run(HOUR)
    assert world.words == [f"{OURS} firing", f"{OURS} resolved"]
    assert downs(world) == []


@pytest.mark.parametrize(("shops", "lost"), [(3, {}), (5, {"provider": "B"})])
def test_the_few_that_beat_fast_wait_until_those_that_beat_slowly_have_had_their_say(
    shops: int, lost: dict[str, str]
) -> None:
    """Nine prove nothing, and are down long before ten have missed a beat."""
    world = town(interval_s=300, fast=30, shops=shops)
    world.mute(*those(world, **lost))
    world.run(20 * MINUTE)
    world.unmute()
    world.run(HOUR)
    of_whom = " ".join([OURS, *lost.values()])
    assert world.words == [f"{of_whom} firing", f"{of_whom} resolved"]


def test_the_few_that_beat_fast_are_told_of_when_those_that_beat_slowly_are_heard() -> None:
    world = town(interval_s=300, fast=30, shops=3)
    fast = [row.id for row in world.registry.terminals if row.interval_s == 30]
    world.stop(*fast)
    world.run(150)
    assert world.words == ["attribute_outage B firing"]


@pytest.mark.parametrize(
    ("cut", "page"),
    [
        ({"carrier": "CMCC"}, "carrier_outage CMCC"),
        ({"region": "n"}, "region_outage n"),
        ({"network": "wifi"}, "attribute_outage wifi"),
        ({"model": "n"}, "model_fault n"),
        ({"provider": "A", "model": "n"}, "attribute_outage A n"),
        ({"provider": "A", "region": "s"}, "attribute_outage A s"),
    ],
)
def test_a_silence_that_spares_somebody_is_the_fleets(cut: dict[str, str], page: str) -> None:
    world = town()
    world.stop(*those(world, **cut))
    world.run(20 * MINUTE)
    assert sorted(world.pages[0].split()) == sorted(page.split())
    assert not [word for word in world.words if word.startswith(OURS)]


def test_three_terminals_of_a_provider_prove_nothing() -> None:
    made = registry()
    few = [row.id for row in made.terminals if row.site in {"n0", "s0", "e0"} and row.carrier == "CMCC"]
    for number, row in enumerate(made.terminals):
        made.terminals[number] = Terminal(
            **{f: getattr(row, f) for f in row.__struct_fields__} | ({"provider": "small"} if row.id in few else {})
        )
    world = town(retold=made)
    world.mute(*few)
    world.run(20 * MINUTE)
    assert sorted(world.words) == sorted(f"terminal_offline {key} firing" for key in few)


def test_a_provider_of_one_region_is_judged_by_its_neighbours() -> None:
    for power_cut in (False, True):
        made = registry()
        local = [row.id for row in made.terminals if row.site in {f"n{number}" for number in range(6)}]
        for number, row in enumerate(made.terminals):
            made.terminals[number] = Terminal(
                **{f: getattr(row, f) for f in row.__struct_fields__}
                | ({"provider": "local"} if row.id in local else {})
            )
        world = town(retold=made)
        world.stop(*(those(world, region="n") if power_cut else local))
        world.run(20 * MINUTE)
        assert world.pages == (["region_outage n"] if power_cut else [f"{OURS} local"])
        assert len(world.words) == 1


def test_two_providers_behind_one_bridge_are_one_page() -> None:
    world = town()
    world.mute(*those(world, provider="A"), *those(world, provider="B"))
    world.run(20 * MINUTE)
    assert sorted(world.words) == [f"{OURS} A firing", f"{OURS} B firing"]
    assert len(world.pages) == 1
    world.unmute(*those(world, provider="A"))
    world.run(20 * MINUTE)
    assert world.words[2:] == [f"{OURS} A resolved"]
    assert sorted(world.pages) == [f"{OURS} A", f"{OURS} B"], "what is left has a cause of its own"
    world.unmute()
    world.run(20 * MINUTE)
    assert world.words[3:] == [f"{OURS} B resolved"]
    assert downs(world) == []


def test_an_outage_that_began_while_we_did_not_hear_is_told_after_the_fresh_grace() -> None:
    world = town()
    world.mute()
    world.run(10 * MINUTE)
    world.stop(*those(world, region="n"))
    world.run(10 * MINUTE)
    world.unmute()
    world.run(20 * MINUTE)
    assert sorted(world.words) == [f"{OURS} firing", f"{OURS} resolved", "region_outage n firing"]
    assert world.last("region_outage").opened_at > (world.last(OURS).resolved_at or 0) + 60_000
    assert world.pages == [OURS, "region_outage n"]


def test_an_outage_that_is_announced_is_neither_resolved_nor_forgotten_meanwhile() -> None:
    world = town()
    world.stop(*those(world, carrier="CMCC"))
    world.run(10 * MINUTE)
    world.mute()
    world.run(20 * MINUTE)
    world.unmute()
    world.run(20 * MINUTE)
    assert world.words == ["carrier_outage CMCC firing", f"{OURS} firing", f"{OURS} resolved"]
    world.start()
    world.run(10 * MINUTE)
    assert world.words[3:] == ["carrier_outage CMCC resolved"]
    assert not world.engine.incidents


def test_who_dies_while_others_are_not_heard_is_told() -> None:
    world = town()
    world.mute(*those(world, provider="A"))
    world.run(5 * MINUTE)
    world.stop("n1-CMCC")  # of provider B
    world.run(20 * MINUTE)
    assert world.words == [f"{OURS} A firing", "terminal_offline n1-CMCC firing"]


# -- what nobody expects ---------------------------------------------------------------------------


def test_closing_time_is_nobodys_fault() -> None:
    world = town(hours=("Mo-Su 09:00-13:00",))
    world.run(45 * MINUTE)
    world.stop()  # all in one second, a few minutes early
    world.run(2 * HOUR)
    assert world.words == []


def test_planned_work_of_a_provider_is_no_fault_of_ours() -> None:
    world = town()
    span = Occurrence(NOON + 11 * 60_000, NOON + 41 * 60_000)
    world.take(world.engine.plan([Window("window:operator:w", "A", "operator", (span,), {"provider": "A"})]))
    world.run(2 * MINUTE)
    world.stop(*those(world, provider="A"))
    assert {world.shown(key) for key in those(world, provider="A")} == {"maintenance"}
    world.run(10 * MINUTE)
    assert {world.shown(key) for key in those(world, provider="A")} == {"maintenance"}
    assert {world.shown(key) for key in those(world, provider="B")} == {"up"}
    world.start()
    world.run(HOUR)
    assert world.pages == []
    assert not [word for word in world.words if word.startswith(OURS)]
    assert {world.shown(key) for key in world.lives} == {"up"}


def test_an_opening_that_nobody_could_be_heard_at_is_ours() -> None:
    """The bridge died at night: in the morning all of its shops would be missed at one moment."""
    world = town(hours=("Mo-Su 09:00-13:00",))
    world.run(40 * MINUTE)
    for key in world.lives:
        world.farewell(key, "shutdown")
    world.stop()
    world.run(10 * HOUR)
    world.mute(*those(world, provider="A"))
    world.run(10 * HOUR + 20 * MINUTE - world_seconds(world) % 3600)
    world.start()
    world.run(5 * HOUR)
    assert world.words == [f"{OURS} A firing"]
    assert world.pages == [f"{OURS} A"]


def world_seconds(world: World) -> int:
    return (world.now - NOON) // 1000


# -- restart, and other ways to look ---------------------------------------------------------------


@pytest.mark.parametrize("interval_s", [15, 60, 300])
@pytest.mark.parametrize("everybody", [False, True])
def test_a_restart_meanwhile_is_no_second_page(interval_s: int, everybody: bool) -> None:
    world = town(interval_s=interval_s)
    gone = list(world.lives) if everybody else those(world, provider="A")
    world.mute(*gone)
    world.run(20 * MINUTE)
    restarted(world, world.records(), 30)
    world.run(HOUR)
    label = OURS if everybody else f"{OURS} A"
    assert world.words == [f"{label} firing"]
    world.unmute()
    world.run(HOUR)
    assert world.words == [f"{label} firing", f"{label} resolved"]
    assert world.pages == [label]
    assert downs(world) == []


def test_an_acknowledgement_that_runs_out_while_its_provider_is_not_heard_waits_until_we_know() -> None:
    world = town()
    cut = those(world, provider="A", region="n")
    world.stop(*cut)
    world.run(10 * MINUTE)
    assert len(world.pages) == 1
    outage = world.engine.incidents[0]
    world.take(world.engine.acknowledge(world.now, outage.id, "anna", world.now + 20 * MINUTE * 1000))
    world.mute(*those(world, provider="A"))
    world.run(40 * MINUTE)
    assert world.pages.count(world.pages[0]) == 1
    world.unmute()
    world.run(30 * MINUTE)
    assert world.pages.count(world.pages[0]) == 2


@pytest.mark.parametrize("provider", ["", "A"])
def test_what_outlasts_planned_work_that_ended_while_we_did_not_hear_is_called_for_when_we_know(provider: str) -> None:
    world = town()
    work = Occurrence(world.now, world.now + 20 * MINUTE * 1000)
    window = Window(window_id("operator", "w"), "", "operator", (work,), {"provider": "A", "region": "n"}, settle_ms=0)
    world.take(world.engine.plan([window]))
    world.stop(*those(world, provider="A", region="n"))
    world.run(10 * MINUTE)
    assert (world.words, world.pages) == (["attribute_outage A n firing"], [])
    if provider:
        world.mute(*those(world, provider=provider))
    else:
        world.link_down()
    world.run(40 * MINUTE)
    assert world.pages == [f"{OURS} {provider}".rstrip()]
    if provider:
        world.unmute()
    else:
        world.link_up()
    world.run(30 * MINUTE)
    assert world.pages[1:] == ["attribute_outage A n"]


def test_what_flaps_is_not_calm_because_its_provider_is_not_heard() -> None:
    world = town()
    flaps = those(world, provider="A")[0]
    for _ in range(4):
        world.stop(flaps)
        world.run(6 * MINUTE)
        world.start(flaps)
        world.run(2 * MINUTE)
    assert world.words[-1] == f"flapping {flaps} firing"
    world.mute(*those(world, provider="A"))
    world.run(2 * HOUR)
    assert world.words[-1] == f"{OURS} A firing"
    world.unmute()
    world.run(2 * HOUR)
    assert world.words[-2:] == [f"{OURS} A resolved", f"flapping {flaps} resolved"]


def test_a_provider_that_leaves_the_registry_is_waited_for_no_longer() -> None:
    world = town()
    world.mute(*those(world, provider="A"))
    world.run(10 * MINUTE)
    rest = [row for row in world.registry.terminals if row.provider != "A"]
    world.engine.register(Registry(sites=world.registry.sites, terminals=rest))
    world.run(20 * MINUTE)
    assert world.words[0] == f"{OURS} A firing"
    assert f"{OURS} A resolved" in world.words, "who are watched as unregistered belong to nobody"


def test_another_connection_that_hears_nobody_either_calls_nobody_down() -> None:
    """Nobody told that the one before it ended."""
    world = town()
    world.mute()
    world.run(5 * MINUTE)
    world.link_up()
    world.run(20 * MINUTE)
    assert world.words == [f"{OURS} firing"]
    assert downs(world) == []
    world.unmute()
    world.run(20 * MINUTE)
    assert world.words[1:] == [f"{OURS} resolved"]
