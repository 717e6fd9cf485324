"""Topics, registry, selectors and incidents."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetmon.engine.fleet import Fleet
from fleetmon.model.errors import IllegalTransitionError
from fleetmon.model.incident import LEGAL, Incident, Status, fnv1a, incident_id
from fleetmon.model.registry import (
    Defaults,
    Host,
    Merchant,
    Provider,
    Registry,
    Site,
    Terminal,
    selects,
)  # fmt: skip
from fleetmon.model.terminal import PARTITIONS
from fleetmon.model.topics import Kind, Route, Topics

ids = st.from_regex(r"[A-Za-z0-9._-]{1,64}", fullmatch=True)


@given(st.sampled_from(Kind), ids, ids, st.sampled_from(["pos/v1", "a", "pos/v2/x"]))
def test_a_topic_leads_back_to_its_kind_and_sender(kind: Kind, key: str, notice: str, prefix: str) -> None:
    topics = Topics(prefix)
    assert topics.route(topics.topic(kind, key, notice)) == Route(kind, key)


@given(st.text(max_size=40) | st.text("/abcterminalhos+#.", max_size=40).map("pos/v1/terminal/".__add__))
def test_any_other_topic_is_refused_not_raised_on(topic: str) -> None:
    route = Topics().route(topic)
    assert route is None or topic == Topics().topic(route.kind, route.key, topic.rpartition("/")[2])


@pytest.mark.parametrize(
    "topic",
    [
        "", "pos/v1", "pos/v1/", "pos/v1/terminal/t", "pos/v1/terminal//state", "pos/v1/terminal/t/state/",
        "pos/v1/terminal/t/state/x", "pos/v1/terminal/t t/state", "pos/v1/terminal/t\n/state", "pos/v1/host/h/notice",
        "pos/v1/host/h/notice/", "pos/v1/host/h/state", "pos/v12/terminal/t/state", f"pos/v1/terminal/{'t' * 65}/state",
    ],
)  # fmt: skip
def test_topics_that_are_nearly_right_are_refused(topic: str) -> None:
    assert Topics().route(topic) is None


def test_a_registry_says_everything_that_contradicts_itself() -> None:
    registry = Registry(
        hosts=[Host("h", "acquirer"), Host("h", "issuer")],
        providers=[Provider("p")],
        merchants=[Merchant("m", acquirer="nowhere", provider="p")],
        sites=[
            Site("s", merchant="m", hours=["Mo 25:00-26:00"]),
            Site("s2", merchant="x"),
            Site("s4", hours=["Mo 08:00-20:00"]),
            Site("s5", hours=["Mo 25:00-26:00"]),
        ],
        terminals=[Terminal("t", site="s", merchant="m", acquirer="h"), Terminal("t", site="s3", provider="p2")],
    )
    assert [problem.partition(":")[0] for problem in registry.problems()] == [
        "hosts[1].id", "terminals[1].id", "merchants[0].acquirer", "sites[1].merchant", "terminals[1].site",
        "terminals[1].provider", "sites[0].hours", "sites[3].hours",
    ]  # fmt: skip


def test_a_registry_without_contradictions_has_no_problems() -> None:
    registry = Registry(merchants=[Merchant("m")], sites=[Site("s", merchant="m")], terminals=[Terminal("t", site="s")])
    assert registry.problems() == []


@pytest.mark.parametrize("clock", ["24:00:00", "23:60:00", "9:00:00", "23:00", "23:00:00\n", ""])
def test_clock_times_are_hours_minutes_and_seconds(clock: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"cutoff": clock}, Defaults)


def test_what_a_terminal_does_not_say_comes_from_its_site_or_merchant() -> None:
    fleet = Fleet(
        Registry(
            merchants=[Merchant("m", region="r1", acquirer="a1", provider="p1")],
            sites=[Site("s", merchant="m", region="r2")],
            terminals=[
                Terminal("t1", merchant="m", site="s"),
                Terminal("t2", merchant="m", region="r3", acquirer="a2"),
            ],
            defaults=Defaults(interval_s=45),
        )
    )
    one, two = fleet.terminals.values()
    assert (one.cohort.region, one.cohort.acquirer, one.cohort.provider) == ("r2", "a1", "p1")
    assert (two.cohort.region, two.cohort.acquirer, two.cohort.provider) == ("r3", "a2", "p1")
    assert one.interval_ms == 45_000


def test_a_selector_wants_all_its_attributes_and_any_of_their_values() -> None:
    has = {"carrier": "CMCC", "region": "north", "site": ""}
    assert selects({}, has)  # type: ignore[arg-type]
    assert selects({"carrier": "CMCC", "region": ["south", "north"]}, has)  # type: ignore[arg-type]
    assert not selects({"carrier": "CMCC", "region": ["south"]}, has)  # type: ignore[arg-type]
    assert not selects({"carrier": []}, has)  # type: ignore[arg-type]
    assert not selects({"model": "A920"}, has)  # type: ignore[arg-type]


def test_terminals_of_a_site_share_a_partition_and_all_partitions_are_used() -> None:
    fleet = Fleet(Registry(terminals=[Terminal(f"t{n}", site=f"s{n // 3}") for n in range(9000)]))
    by_site = {one.site: one.partition for one in fleet.terminals.values()}
    assert all(one.partition == by_site[one.site] for one in fleet.terminals.values())
    assert set(by_site.values()) == set(range(PARTITIONS))


@pytest.mark.parametrize("before", [None, *Status])
@pytest.mark.parametrize("after", list(Status))
def test_an_incident_moves_only_as_its_table_says(before: Status | None, after: Status) -> None:
    incident = Incident("i", "tamper", (), "critical", pages=True, opened_at=1)
    if before is None:
        return
    incident.status = before
    if (before, after) in LEGAL:
        incident.move(after)
        assert incident.status is after
    else:
        with pytest.raises(IllegalTransitionError):
            incident.move(after)


def test_incident_ids_differ_by_kind_scope_time_and_turn() -> None:
    scope = (("carrier", "CMCC"),)
    found = {
        incident_id("a", scope, 1, 0), incident_id("b", scope, 1, 0), incident_id("a", (), 1, 0),
        incident_id("a", scope, 2, 0), incident_id("a", scope, 1, 1),
    }  # fmt: skip
    assert len(found) == 5
    assert incident_id("a", scope, 1, 0) == incident_id("a", scope, 1, 0)


def test_the_hash_is_the_published_one() -> None:
    assert fnv1a("") == 0xCBF29CE484222325
    assert fnv1a("foobar") == 0x85944171F73967E8
