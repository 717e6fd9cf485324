"""The index of the fleet: however terminals came into it, everybody is where a look at each one says."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from fleetmon.engine import Engine, Message
from fleetmon.engine.fleet import Fleet
from fleetmon.engine.groups import takes
from fleetmon.engine.snapshot import record
from fleetmon.model.events import State
from fleetmon.model.incident import fnv1a
from fleetmon.model.registry import Merchant, Registry, Site, Terminal
from fleetmon.model.terminal import PARTITIONS, Liveness, partition_of

CARRIERS = ("", "CMCC", "CUCC")
NOBODY_KNOWS = "stranger"
said = st.tuples(
    st.sampled_from(["t0", "t1", "t2", "t3", NOBODY_KNOWS]),
    st.sampled_from(["online", "offline"]),
    st.sampled_from(CARRIERS),
    st.sampled_from(["", "1.0", "2.0"]),
    st.sampled_from([None, 30, 90]),
)


def registry(sites: int = 2) -> Registry:
    return Registry(
        merchants=[Merchant("m", region="r", acquirer="a")],
        sites=[Site(f"s{number}", merchant="m", hours=["Mo-Su 08:00-20:00"]) for number in range(sites)],
        terminals=[
            Terminal(f"t{number}", merchant="m", site=f"s{number % 3}" if number % 3 < sites else "", carrier="CMCC")
            for number in range(4)
        ],
    )


def told(words: list[tuple[str, str, str, str, int | None]]) -> Engine:
    engine = Engine(registry())
    engine.link_up(1)
    for number, (key, state, carrier, firmware, interval_s) in enumerate(words, 1):
        birth = {"at": number, "boot": number, "session": f"{key}-{number}", "state": state}
        event = State(**birth, carrier=carrier or None, firmware=firmware or None, interval_s=interval_s)  # type: ignore[arg-type]
        engine.observe([Message(number * 1_000, key, event, False, f"pos/v1/terminal/{key}/state", b"")])
    return engine


def assert_in_order(fleet: Fleet) -> None:
    everybody = list(fleet.terminals.values())
    assert fleet.census.counts == Counter((one.cohort, one.liveness) for one in everybody)
    assert fleet.census.unregistered == sum(not one.registered for one in everybody)
    placed = [(number, one.id) for number, part in enumerate(fleet.partitions) for one in part]
    assert sorted(placed) == sorted((one.partition, one.id) for one in everybody)
    scopes = {(("carrier", one.cohort.carrier), ("firmware", one.cohort.firmware)) for one in everybody}
    for scope in scopes | {(("site", one.site),) for one in everybody if one.site}:
        wanted = sorted(one.id for one in everybody if takes(scope, one))
        assert sorted(one.id for one in fleet.groups.members(scope)) == wanted


@given(st.lists(said, max_size=12))
def test_a_restored_fleet_is_the_one_that_was_recorded(words: list[tuple[str, str, str, str, int | None]]) -> None:
    before = told(words)
    records = [record(before.shard, one) for part in before.fleet.partitions for one in part]
    after = Engine(registry())
    after.restore(records, [], [])
    assert_in_order(before.fleet)
    assert_in_order(after.fleet)
    again = {one.id: record(after.shard, one) for one in after.fleet.terminals.values()}
    for one in records:
        if Liveness(one.liveness) is not Liveness.DOWN:  # which needs an incident to stay so
            assert again[one.id] == one


@given(st.lists(said, max_size=6), st.integers(0, 3))
def test_another_registry_puts_everybody_in_their_new_place(
    words: list[tuple[str, str, str, str, int | None]], sites: int
) -> None:
    engine = told(words)
    engine.register(registry(sites))
    assert_in_order(engine.fleet)


def test_shops_with_the_same_hours_share_them() -> None:
    fleet = Fleet(registry())
    first, second = (fleet.hours(fleet.terminals[key]) for key in ("t0", "t1"))
    assert first is second
    assert first.next_closing(0) is not None


@given(st.text())
def test_a_partition_is_the_published_hash_modulo_their_number(key: str) -> None:
    assert partition_of(key) == fnv1a(key) % PARTITIONS
