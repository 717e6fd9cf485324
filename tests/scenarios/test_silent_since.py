"""An outage is told as of when those it took fell silent, which is before anybody could know of it."""

import pytest

from fleetmon.locale import describe, local_time
from fleetmon.model.incident import Incident, Status
from fleetmon.sinks.alertmanager import AlertmanagerSettings, alert

from .test_flapping import cycle
from .test_localised import city, having
from .test_outages import at, of, town
from .world import HOUR, MINUTE, World, second

FAULT, HALF = 10 * MINUTE, 30  # half a beat, in which half of those fall that share a fault
CUT = "carrier_outage CMCC north"


def paged(world: World) -> Incident:
    return next(one for one in world.engine.incidents if one.paged_at is not None)


@pytest.mark.parametrize(
    "wanted", [{"carrier": "CMCC"}, {"region": "n"}, {"model": "V5"}, {"provider": "ps1", "region": "s"}]
)
def test_the_time_told_is_that_of_the_fault(wanted: dict[str, str]) -> None:
    world = city()
    world.stop(*having(world, **wanted))
    world.run(15 * MINUTE)
    outage = paged(world)
    assert FAULT - HALF <= second(outage.silent_since) <= FAULT
    assert second(outage.opened_at) > FAULT, "by the contract that is when it was noticed"
    found = alert(outage, outage.opened_at, AlertmanagerSettings(language="en"))["annotations"]["description"]
    assert f"silent since {local_time(outage.began)}" in found


def test_a_few_that_live_on_for_a_while_do_not_move_it() -> None:
    world = city()
    cut = having(world, carrier="CMCC")
    some = cut[::8]
    world.stop(*(key for key in cut if key not in some))
    world.run(70)
    world.stop(*some)
    world.run(15 * MINUTE)
    assert FAULT - HALF <= second(paged(world).silent_since) <= FAULT


def test_who_came_before_by_chance_does_not_move_it() -> None:
    world = city()
    cut = having(world, carrier="CMCC")
    world.stop(*cut[::8])
    world.run(50)
    world.stop(*cut)
    world.run(15 * MINUTE)
    assert FAULT + 50 - HALF <= second(paged(world).silent_since) <= FAULT + 50


def test_a_shop_is_silent_since_its_last_heartbeats() -> None:
    world = town()
    world.stop(*at(world, "north0"))
    world.run(HOUR)
    found = world.last("site_outage")
    assert FAULT - 60 <= second(found.silent_since) < FAULT < second(found.opened_at)


def test_what_goes_down_bit_by_bit_is_told_from_its_beginning() -> None:
    world = city()
    keys = having(world, model="P2000")
    for key in keys:
        world.birth(key, boot=2, firmware="9.9", model="P2000")
        world.run(4 * MINUTE)
        world.stop(key)
    world.run(HOUR)
    found = world.last("model_fault")
    assert FAULT < second(found.silent_since) < FAULT + 4 * MINUTE * len(keys) / 2
    assert second(found.silent_since) < second(found.opened_at) - 5 * MINUTE


def test_a_restart_keeps_it_and_what_is_over_still_tells_it() -> None:
    world = town()
    world.stop(*of(world, "CMCC", "north"))
    world.run(HOUR)
    known = paged(world).silent_since
    world.restart(world.records())
    world.link_up()
    world.run(10 * MINUTE)
    world.start()
    world.run(HOUR)
    over = world.last("carrier_outage")
    assert (over.status, over.silent_since) == (Status.RESOLVED, known)


def test_a_group_that_flaps_tells_when_it_fell_silent_this_time() -> None:
    world = town()
    cycle(world, of(world, "CMCC", "north"), 1, 6 * MINUTE, 4 * MINUTE)
    world.stop(*of(world, "CMCC", "north"))
    again = second(world.now)
    world.run(6 * MINUTE)
    found = world.last("flapping")
    assert again - 60 <= second(found.silent_since) < again < second(found.opened_at)
    summary, text = describe(found.kind, dict(found.scope), found.terminals, found.began, "en")
    assert summary == "Terminals with carrier CMCC, region north come and go together"
    assert text.startswith(f"Since {local_time(found.began)}. 6 terminals")


def test_what_no_group_shares_tells_no_such_time() -> None:
    world = town()
    world.stop("north0-1")
    world.run(HOUR)
    found = world.last("terminal_offline")
    assert (found.silent_since, found.began) == (None, found.opened_at)
