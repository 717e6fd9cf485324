"""The synthesised fleet: consistent, repeatable, and varied enough to tell causes apart."""

from hypothesis import given
from hypothesis import strategies as st

from fleetmon.model.cards import holds_card
from fleetmon.model.events import Attribute, Selector
from fleetmon.model.registry import Registry, selects
from fleetmon.sim.roster import attributes
from fleetmon.sim.synthesis import synthesise


def chosen(registry: Registry, selector: Selector) -> list[dict[Attribute, str]]:
    return [row for row in attributes(registry).values() if selects({"region": "changsha-yuhua", **selector}, row)]


@given(st.integers(0, 500), st.integers())
def test_any_fleet_is_consistent_and_of_the_size_asked_for(terminals: int, seed: int) -> None:
    fleet = synthesise(terminals, seed, 10)
    assert fleet.problems() == []
    assert len(fleet.terminals) == terminals
    assert all(len(merchant.number) == 15 and not holds_card(merchant.number) for merchant in fleet.merchants)
    assert all(terminal.interval_s == 10 for terminal in fleet.terminals)
    assert not any(site.hours for site in fleet.sites)


@given(st.integers())
def test_a_hundred_terminals_show_a_carriers_outage_in_one_district(seed: int) -> None:
    fleet = synthesise(100, seed)
    struck = chosen(fleet, {"carrier": "CMCC", "network": "4g"})
    assert len(struck) >= 10
    assert len({row["site"] for row in struck}) >= 4
    assert all(len(chosen(fleet, {"carrier": carrier})) >= 3 for carrier in ("CUCC", "CTCC"))
    assert chosen(fleet, {"network": "wifi"})


def test_the_same_seed_gives_the_same_fleet() -> None:
    assert synthesise(200, 5) == synthesise(200, 5)
    assert synthesise(200, 5) != synthesise(200, 6)


def test_sites_have_one_to_four_terminals() -> None:
    fleet = synthesise(1000)
    sizes = {sum(row.site == site.id for row in fleet.terminals) for site in fleet.sites}
    assert sizes == {1, 2, 3, 4}
    assert len({merchant.number for merchant in fleet.merchants}) == len(fleet.merchants)
