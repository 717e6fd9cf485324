"""What those who fell silent together are suspected to share, when a whole carrier loses more than it ever did."""

from unittest.mock import patch

import pytest

from fleetmon.detect.localise import localise
from fleetmon.engine import Engine
from fleetmon.engine.fleet import Fleet
from fleetmon.engine.outages.scan import Scan, Suspicion
from fleetmon.engine.terminal.lateness import Lateness
from fleetmon.model import registry
from fleetmon.model.registry import Registry
from fleetmon.model.terminal import Liveness, Terminal

REGIONS = [f"region-{number:02}" for number in range(12)]
SCOPE = (("carrier", "CMCC"), ("region", REGIONS[0]))


def asked(fleet: Fleet, silent: list[Terminal]) -> list[Suspicion]:
    """The suspicions, part by part as the agenda asks for them."""
    parts = Scan(fleet, Lateness()).suspicions(silent, [], 200_000)
    while True:
        try:
            next(parts)
        except StopIteration as end:
            found: list[Suspicion] = end.value
            return found


def suspected(there: int, elsewhere: int) -> list[list[tuple[tuple[str, str], ...]]]:
    """Two carriers in twelve regions, ten terminals each; so many of one are silent in one region and in the rest."""
    rows = [
        registry.Terminal(f"{carrier}-{region}-{number}", region=region, carrier=carrier, provider="A", network="4g")
        for carrier in ("CMCC", "CUCC") for region in REGIONS for number in range(10)
    ]  # fmt: skip
    fleet = Engine(Registry(terminals=rows)).fleet
    for terminal in fleet.terminals.values():
        terminal.last_seen, terminal.liveness = 1, Liveness.UP
    fleet.census.take(fleet.terminals.values())
    silent = [
        fleet.terminals[f"CMCC-{region}-{number}"]
        for region in REGIONS for number in range(there if region == REGIONS[0] else elsewhere)
    ]  # fmt: skip
    return [one.scopes for one in asked(fleet, silent)]


@pytest.mark.parametrize(("there", "elsewhere"), [(10, 0), (8, 0), (8, 2), (6, 1)])
def test_who_is_silent_far_more_than_its_neighbours_is_suspected_first(there: int, elsewhere: int) -> None:
    assert suspected(there, elsewhere)[0] == [SCOPE]


@pytest.mark.parametrize("there", [5, 6, 7])
def test_chance_within_a_carrier_that_loses_much_is_no_suspicion(there: int) -> None:
    """Where a fifth is silent everywhere, one region of twelve may have half of its ten silent by chance."""
    assert not [scopes for scopes in suspected(there, 2) if any(("region", REGIONS[0]) in scope for scope in scopes)]


def test_of_two_causes_that_hold_each_other_the_wider_is_suspected() -> None:
    """Two acquirers of a region fell silent and a third has hardly begun to: beside one of them most are silent."""
    held, silent = {"a": 30, "b": 10, "c": 12}, {"a": 27, "b": 9, "c": 3}
    rows = [
        registry.Terminal(f"{region}-{one}-{number}", region=region, acquirer=one, carrier="CMCC", network="4g")
        for region in REGIONS for one, count in held.items() for number in range(count)
    ]  # fmt: skip
    fleet = Engine(Registry(terminals=rows)).fleet
    for terminal in fleet.terminals.values():
        terminal.last_seen, terminal.liveness = 1, Liveness.UP
    fleet.census.take(fleet.terminals.values())
    gone = [fleet.terminals[f"{REGIONS[0]}-{one}-{number}"] for one in silent for number in range(silent[one])]
    found = asked(fleet, gone)
    assert found
    for suspicion in found:
        assert not [(one, other) for one in suspicion.scopes for other in suspicion.scopes if set(one) < set(other)]


def test_of_a_fleet_in_which_each_terminal_is_like_no_other_only_as_much_is_compared_as_is_quick() -> None:
    rows = [
        registry.Terminal(
            f"t{number}", region=f"r{number % 50}", provider=f"p{number % 7}", model=f"m{number % 11}",
            acquirer=f"a{number % 13}", carrier="CMCC", network="4g",
        )
        for number in range(6_000)
    ]  # fmt: skip
    fleet = Engine(Registry(terminals=rows)).fleet
    for terminal in fleet.terminals.values():
        terminal.last_seen, terminal.liveness = 1, Liveness.UP
    fleet.census.take(fleet.terminals.values())
    gone = [one for one in fleet.terminals.values() if one.cohort.region == "r3" and one.cohort.provider == "p2"]
    with patch("fleetmon.engine.outages.scan.localise", wraps=localise) as called:
        found = asked(fleet, gone)
    assert found[0].scopes == [(("provider", "p2"), ("region", "r3"))]
    assert len(called.call_args.args[0]) <= 2_000
