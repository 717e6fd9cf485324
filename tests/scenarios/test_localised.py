"""Outages are named by what those share who fell silent, before any of them is called down."""

import random
from itertools import pairwise
from unittest.mock import patch

import pytest
from msgspec.structs import replace

from fleetmon.engine import tally
from fleetmon.engine.outages.search import Search
from fleetmon.model.registry import Registry, Site, Terminal

from .world import DAY, HOUR, MINUTE, NOON, World, second, shops

REGIONS, CARRIERS, MODELS, PROVIDERS = "nesw", ("CMCC", "CUCC", "CTCC"), ("A80", "P2000", "V5"), ("ps1", "ps2")


def city(shops: int = 48, each: int = 4, seed: int = 1, beats: dict[str, int] | None = None) -> World:
    """Shops in four regions; what each terminal is comes by chance, one in eight is on cable; `beats` by model."""
    chance = random.Random(seed)
    sites = [Site(f"s{number}", region=REGIONS[number % 4]) for number in range(shops)]
    terminals = [
        Terminal(
            f"{site.id}-{number}",
            site=site.id,
            region=site.region,
            carrier=chance.choice(CARRIERS),
            model=chance.choice(MODELS),
            provider=chance.choice(PROVIDERS),
            acquirer=chance.choice(("ACQ1", "ACQ2")),
            network="ethernet" if chance.random() < 0.125 else "4g",
            interval_s=60,
        )
        for site in sites
        for number in range(each)
    ]
    terminals = [replace(row, interval_s=(beats or {}).get(row.model, 60)) for row in terminals]
    world = World(Registry(sites=sites, terminals=terminals))
    world.start()
    world.run(10 * MINUTE)
    return world


def having(world: World, **wanted: str) -> list[str]:
    rows = world.registry.terminals
    found = [row.id for row in rows if all(getattr(row, name) == value for name, value in wanted.items())]
    return [key for key in found if "carrier" not in wanted or world.engine.fleet.terminals[key].cohort.network == "4g"]


@pytest.mark.parametrize(
    ("wanted", "page"),
    [
        ({"carrier": "CMCC"}, "carrier_outage CMCC"),
        ({"carrier": "CUCC", "region": "e"}, "carrier_outage CUCC e"),
        ({"region": "n"}, "region_outage n"),
        ({"model": "V5"}, "model_fault V5"),
        ({"model": "A80", "carrier": "CTCC"}, "attribute_outage CTCC A80"),
        ({"provider": "ps2"}, "ingest_impaired ps2"),  # of everything it has: what they share is the way to us
        ({"network": "ethernet"}, "attribute_outage ethernet"),
        ({"provider": "ps1", "region": "s"}, "attribute_outage ps1 s"),
    ],
)
def test_the_page_names_what_they_share(wanted: dict[str, str], page: str) -> None:
    world = city()
    cut = having(world, **wanted)
    world.stop(*cut)
    world.run(15 * MINUTE)
    assert world.pages == [page]
    outage = next(one for one in world.engine.incidents if one.paged_at)
    assert outage.terminals == len(cut)
    assert second(outage.opened_at) - 10 * MINUTE <= 60 + 15
    assert second(outage.paged_at) - 10 * MINUTE <= 60 + 40
    world.start()
    world.run(15 * MINUTE)
    assert world.words == [f"{page} firing", f"{page} resolved"]
    assert not world.engine.incidents


@pytest.mark.parametrize(
    ("wanted", "page"),
    [
        ({"carrier": "CMCC"}, "carrier_outage CMCC"),
        ({"region": "n"}, "region_outage n"),
        ({"provider": "ps1", "region": "s"}, "attribute_outage ps1 s"),
        ({"model": "V5", "carrier": "CTCC"}, "attribute_outage CTCC V5"),
    ],
)
def test_models_that_beat_at_different_paces_do_not_hide_what_they_share(wanted: dict[str, str], page: str) -> None:
    """The fast ones are late first, and the slow ones seem well: that was a page for each pace."""
    world = city(beats={"A80": 300, "P2000": 30, "V5": 60})
    world.stop(*having(world, **wanted))
    world.run(15 * MINUTE)
    assert world.pages == [page]
    outage = next(one for one in world.engine.incidents if one.paged_at)
    assert second(outage.paged_at) - 10 * MINUTE <= 60 + 40  # long before the slowest are late


def test_who_beats_once_an_hour_delays_no_page_by_much() -> None:
    """The slow ones elsewhere would say whether it is the whole carrier, and say nothing for most of an hour."""
    plan = {f"shop{number}.{'north' if number < 12 else 'south'}": ["CMCC", "CUCC"] for number in range(24)}
    registry = shops(plan)
    rows = [replace(row, interval_s=3600 if row.region == "south" else 60) for row in registry.terminals]
    world = World(replace(registry, terminals=rows))
    world.start()
    world.run(2 * HOUR + 10 * MINUTE)
    world.stop(*having(world, carrier="CMCC", region="north"))
    world.run(HOUR)
    assert world.pages == ["carrier_outage CMCC north"]
    paged_at = world.last("carrier_outage").paged_at
    assert paged_at is not None
    assert second(paged_at) - 2 * HOUR - 10 * MINUTE <= 60 + 40 + 60


def test_two_at_once_are_two_pages() -> None:
    world = city()
    world.stop(*having(world, carrier="CMCC", region="n"), *having(world, carrier="CTCC", region="s"))
    world.run(HOUR)
    assert sorted(world.pages) == ["carrier_outage CMCC n", "carrier_outage CTCC s"]


def test_four_of_five_are_an_outage_and_one_of_three_are_not() -> None:
    world = city()
    cut = having(world, carrier="CMCC", region="w")
    world.stop(*cut[: round(len(cut) * 0.8)])
    world.run(HOUR)
    assert world.pages == ["carrier_outage CMCC w"]
    world = city()
    world.stop(*having(world, carrier="CMCC", region="w")[: len(cut) // 3])
    world.run(HOUR)
    assert world.pages == []


@pytest.mark.parametrize("seed", range(3))
def test_beats_lost_by_chance_make_no_outage(seed: int) -> None:
    chance = random.Random(seed)
    world = city(seed=seed)
    for _ in range(60):
        lossy = chance.sample(sorted(world.lives), 10)  # of 192 terminals in each minute, two beats each now and then
        world.stop(*lossy)
        world.run(60)
        world.start(*lossy)
        for key in lossy:
            world.lives[key].seq += 1  # it went on counting
    assert [word for word in world.words if "outage" in word or "fault" in word] == []


def test_an_update_that_silences_bit_by_bit_is_the_firmware() -> None:
    world = city()
    for key in having(world, model="P2000"):
        world.birth(key, boot=2, firmware="9.9", model="P2000")
        world.run(20)
        world.stop(key)
    world.run(HOUR)
    assert [page for page in world.pages if page.startswith("model_fault")] == world.pages
    assert len(world.pages) == 1
    assert world.last("model_fault").scope in ((("firmware", "9.9"),), (("model", "P2000"),))


def test_shops_that_switch_off_in_the_evening_are_no_models_and_their_hours_are_learned() -> None:
    """Nobody declared hours, and who is cut off leaves a will: three evenings are tickets, none calls anybody."""
    found = shops({f"shop{number}": ["CMCC"] for number in range(30)}, interval_s=300)
    made = [replace(row, model=f"P{number * 7 % 11 % 3}") for number, row in enumerate(found.terminals)]
    world = World(replace(found, terminals=made))
    world.start()
    told = []
    for day in range(4):
        for number, row in enumerate(made):
            world.run(DAY * day + 7 * HOUR + number * 8 * MINUTE - (world.now - NOON) / 1000)
            world.stop(row.id)
            world.farewell(row.id, "lost")
        world.run(8 * HOUR)
        for row in made:
            world.birth(row.id, boot=day + 2)
            world.start(row.id)
            world.run(2 * MINUTE)
        told.append(len([word for word in world.words if word.endswith("firing")]))
    assert world.pages == []
    assert told[2] == told[3], "what is told of the first evenings is told of single terminals, and then no longer"


def test_a_firmware_is_told_as_soon_as_one_more_is_down() -> None:
    """Who goes down one by one is looked at at once, and then once a minute."""
    world = city()
    for key in having(world, model="P2000"):
        world.birth(key, boot=2, firmware="9.9", model="P2000")
        world.run(4 * MINUTE)
        world.stop(key)
    world.run(HOUR)
    told = second(world.last("model_fault").paged_at)
    downs = [second(change.at) for change in world.changes if change.after == "down"]
    assert min(told - down for down in downs if down < told) == 5
    assert len(world.pages) == 1


@pytest.mark.parametrize(
    ("wanted", "page"),
    [({"carrier": "CMCC"}, "carrier_outage CMCC"), ({"provider": "ps1", "region": "s"}, "attribute_outage ps1 s")],
)
def test_an_outage_that_comes_over_minutes_is_one_page(wanted: dict[str, str], page: str) -> None:
    """No moment explains it, and whoever was silent before counts against a crowd: that was a ticket for each."""
    world = city(beats=dict.fromkeys(MODELS, 30))
    cut = having(world, **wanted)
    random.Random(5).shuffle(cut)
    for key in cut:
        world.stop(key)
        world.run(5 * MINUTE / len(cut))
    world.run(15 * MINUTE)
    assert world.pages == [page]
    told = [one.reason for one in world.transitions if page.startswith(one.incident.kind) and one.before == "pending"]
    assert told == ["went down one by one"]
    world.start()
    world.run(15 * MINUTE)
    assert world.pages == [page]
    assert not world.engine.incidents


def test_shops_of_a_region_that_close_one_by_one_call_nobody() -> None:
    """Nobody declared hours: each goes dark as a whole, as no outage that comes over minutes would have it."""
    world = city(beats=dict.fromkeys(MODELS, 30))
    for site in [one.id for one in world.registry.sites if one.region == "n"]:
        world.stop(*(row.id for row in world.registry.terminals if row.site == site))
        world.run(75)
    world.run(HOUR)
    assert world.pages == []


def rolled_out(world: World, keys: list[str], bad: list[str], *, every_s: int) -> None:
    """One after the other gets a new version; the bad ones stop after four minutes of it."""
    for key in keys:
        world.birth(key, firmware="9.8", model="P2000")
    world.run(10 * MINUTE)
    begin = world.now
    for number, key in enumerate(keys + keys[: 4 * MINUTE // every_s]):
        if number < len(keys):
            world.birth(key, boot=2, firmware="9.9", model="P2000")
        before = number - 4 * MINUTE // every_s
        if before >= 0 and keys[before] in bad:
            world.stop(keys[before])
        world.run((begin - world.now) / 1000 + (number + 1) * every_s)
    world.run(HOUR)


def test_who_was_updated_a_moment_ago_does_not_speak_for_the_update() -> None:
    """When the fourth is down, eight more run it since less than the four minutes that it takes; others fall silent."""
    world = city()
    keys = having(world, model="P2000")
    rolled_out(world, keys, keys, every_s=30)
    assert world.pages == ["model_fault 9.9"]
    told = second(world.last("model_fault").paged_at)
    assert sum(change.after == "down" and second(change.at) < told for change in world.changes) <= 8


def test_a_great_many_that_are_down_are_asked_in_parts_what_they_run() -> None:
    world = city()
    keys = having(world, model="P2000")
    rolled_out(world, keys, keys, every_s=30)
    shard = world.engine.shard
    search = Search(shard, lambda _: False)
    with patch.object(tally, "PART", 3), patch.object(shard.checkup.timeline, "of", return_value=[]) as of:
        asked = [of.call_count for _ in search.one_by_one([], world.now)]
    most = max(after - before for before, after in pairwise([0, *asked]))
    assert most == 3


def test_an_update_with_which_most_live_on_is_well() -> None:
    world = city()
    keys = having(world, model="P2000")
    rolled_out(world, keys, keys[::3], every_s=30)
    assert world.pages == []


@pytest.mark.parametrize("interval_s", [15, 30, 60])
def test_who_leaves_a_will_and_is_down_at_once_did_not_go_one_by_one(interval_s: int) -> None:
    """A model that is only in one region is not to blame before it is known what fell silent together."""
    plan = {f"{place}{number}.{place}": ["CMCC", "CUCC", "wifi"] for place in ("north", "south") for number in range(6)}
    found = shops(plan, interval_s=interval_s)
    made = [
        replace(row, model="V5" if row.region == "north" and row.network == "4g" else "A80") for row in found.terminals
    ]
    world = World(replace(found, terminals=made))
    world.start()
    world.run(10 * MINUTE)
    cut = having(world, region="north")
    world.stop(*cut)
    for key in cut:
        world.farewell(key, "lost")
    world.run(HOUR)
    assert world.pages == ["region_outage north"]


def test_a_shop_that_is_dark_is_no_outage_of_its_carrier_or_model() -> None:
    world = city()
    world.stop(*(key for key in world.lives if key.startswith("s7-")))
    world.run(HOUR)
    assert world.words == ["site_outage s7 firing"]


@pytest.mark.parametrize("wanted", [{"carrier": "CUCC", "region": "e"}, {"model": "P2000"}])
def test_an_outage_tells_what_it_may_be_else(wanted: dict[str, str]) -> None:
    world = city()
    world.stop(*having(world, **wanted))
    world.run(10 * MINUTE)
    outage = next(one for one in world.engine.incidents if one.paged_at)
    assert outage.alternatives
    for other in outage.alternatives:
        assert set(other.scopes) != {outage.scope}
        assert len(set(other.scopes)) == len(other.scopes)
    assert all(0 <= other.share < 1 for other in outage.alternatives)
