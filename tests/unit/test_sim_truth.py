"""The truth that is recorded beside a simulated day's money, and what a replay makes of it."""

import importlib.util
from collections import Counter, defaultdict
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import msgspec
import pytest
from msgspec.structs import replace

from fleetmon.ingest import recording
from fleetmon.model.events import Batch, Payout, Transaction
from fleetmon.model.registry import Registry
from fleetmon.model.topics import Kind, Topics
from fleetmon.replay import replay
from fleetmon.sim import truth as truths
from fleetmon.sim.habits import QUIET, REAL, Faults, Habits, Line, Shops, Wear
from fleetmon.sim.recorder import record
from fleetmon.sim.scenario import CarrierOutage, HostOutage, NetworkOutage, Scenario, Skew, Step
from fleetmon.sim.settings import SimSettings
from fleetmon.sim.synthesis import synthesise

HOUR = 3600
FRIDAY = 1_795_104_000_000  # midnight in Shanghai
MONDAY = FRIDAY + 3 * 86_400_000
FLEET = synthesise(40, 1, 60)
REGION = "changsha-yuhua"
CALM = replace(  # shops keep their hours, lines lose little, and nothing breaks
    REAL,
    line=Line(loss=(0.001, 0.005), bad_share=0, again=(0, 0.1), fades_per_day=0, poor_share=0, storms_per_day=0),
    shops=Shops(late_share=0, early_share=0),
    faults=Faults(carrier_per_day=0, site_line_per_day=0, site_power_per_day=0),
    wear=Wear(life_h=0, crashes_per_day=0, swaps_per_day=0, forgotten=0),
)


class Played(NamedTuple):
    lines: list[recording.Line]
    truth: dict[str, Any]
    found: dict[str, Any]

    @property
    def causes(self) -> Counter[str]:
        return Counter(one["cause"] for one in self.truth["explanations"])

    @property
    def explained(self) -> dict[tuple[str, str], str]:
        return {
            (one["terminal"], one["transaction"]): one["findings"][0]["cause"] for one in self.found["explanations"]
        }

    def of(self, kind: Kind) -> list[tuple[str, Any]]:
        routed = [(Topics().route(line.topic or ""), line) for line in self.lines]
        return [
            (route.key, msgspec.json.decode(line.payload, type=kind.struct))
            for route, line in routed
            if route is not None and route.kind is kind
        ]


def play(
    folder: Path,
    *steps: Step,
    hours: float,
    fleet: Registry = FLEET,
    habits: Habits = QUIET,
    start: int = MONDAY,
    sales_per_hour: float = 1,
) -> Played:
    settings = SimSettings(habits=habits, sales_per_hour=sales_per_hour)
    recorded = record(fleet, Scenario("x", hours * HOUR, steps), settings, start, folder / "r.ndjson")
    truths.write(folder / "truth.json", recorded, fleet, hours * HOUR)
    lines = list(recording.read(folder / "r.ndjson"))
    truth = msgspec.json.decode((folder / "truth.json").read_bytes())
    return Played(lines, truth, replay(lines, fleet, None, Topics()))


@pytest.fixture(scope="module")
def contract() -> ModuleType:
    """The contract's own judge of a replay."""
    file = Path(__file__).parents[1] / "contract" / "v1" / "check_replay.py"
    spec = importlib.util.spec_from_file_location("check_replay", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def problems(contract: ModuleType, played: Played) -> list[str]:
    """What contract and truth have to object to."""
    paid = {tuple(one) for one in played.truth["paid"]}
    stray = [f"{where} is paid, and explained" for where in paid & set(played.explained)]
    return [*contract.check(played.found), *contract.compare(played.found, played.truth), *stray]


def test_quiet_days_are_paid_and_nobody_is_called(tmp_path: Path, contract: ModuleType) -> None:
    fleet = synthesise(40, 1, 60, hours=True)
    played = play(tmp_path, hours=52, fleet=fleet, habits=CALM)
    assert problems(contract, played) == []
    assert played.found["pages"] == []
    assert "settlement_overdue" not in {one["kind"] for one in played.found["incidents"]}
    assert set(played.causes) <= {"not_due", "after_cutoff", "card_declined", "cancelled"}
    assert played.causes["not_due"] > 100
    sold = {(key, sale.id) for key, sale in played.of(Kind.TRANSACTION) if sale.kind == "sale" and sale.host_at}
    judged = {(one["terminal"], one["transaction"]) for one in played.truth["explanations"]}
    assert sold - judged == {tuple(one) for one in played.truth["paid"]}
    assert len(played.truth["paid"]) > 500


def test_an_outage_over_the_cutoff_is_why_the_money_comes_a_day_later(tmp_path: Path, contract: ModuleType) -> None:
    outage = CarrierOutage(at_s=21 * HOUR, for_s=3 * HOUR, who={"carrier": "CMCC", "region": REGION})
    played = play(tmp_path, outage, hours=44)
    assert problems(contract, played) == []
    assert played.truth["max_pages"] == 1
    assert played.causes["carrier_outage"] > 5
    assert played.causes["after_cutoff"] > 5
    (blamed,) = {one["evidence"]["from"] for one in played.truth["explanations"] if one["cause"] == "carrier_outage"}
    assert blamed == MONDAY + 21 * HOUR * 1000
    # Before their time is up the same sales are only not due yet.
    earlier = play(tmp_path, outage, hours=30)
    assert problems(contract, earlier) == []
    assert "carrier_outage" not in earlier.causes


def test_a_host_that_fails_at_the_hour_of_paying_is_why_it_is_late(tmp_path: Path, contract: ModuleType) -> None:
    ((bank, _),) = Counter(row.acquirer for row in FLEET.terminals).most_common(1)
    start = MONDAY + 16 * HOUR * 1000
    outage = HostOutage(at_s=900, for_s=9 * HOUR, who={"acquirer": bank})
    played = play(tmp_path, outage, hours=3.25, start=start, sales_per_hour=80)
    assert problems(contract, played) == []
    late = [one for one in played.truth["explanations"] if one["state"] == ["overdue"]]
    assert late
    assert {one["cause"] for one in late} == {"host_outage"}
    refused = [one for one in played.truth["explanations"] if one["cause"] == "host_outage" and one["due_at"] is None]
    assert {one["state"][0] for one in refused} == {"declined", "unknown"}
    payers = {payout.payer for _, payout in played.of(Kind.SETTLEMENT)}
    assert bank not in payers
    assert payers


def test_on_a_weekend_the_holiday_is_why(tmp_path: Path, contract: ModuleType) -> None:
    played = play(tmp_path, hours=45, start=FRIDAY)
    assert problems(contract, played) == []
    assert played.causes["holiday"] > 100


def test_of_what_two_troubles_share_or_a_wrong_clock_tells_nothing_is_said(
    tmp_path: Path, contract: ModuleType
) -> None:
    clerk = FLEET.terminals[0].id
    steps = [
        CarrierOutage(at_s=21 * HOUR, for_s=3 * HOUR, who={"carrier": "CMCC", "region": REGION}),
        NetworkOutage(at_s=22 * HOUR, for_s=4 * HOUR, who={"terminal": [row.id for row in FLEET.terminals]}),
        Skew(at_s=0, by_s=7200, who={"terminal": clerk}),
    ]
    played = play(tmp_path, *steps, hours=44)
    judged = {(one["terminal"], one["transaction"]) for one in played.truth["explanations"]}
    kept = {(key, sale.id) for key, sale in played.of(Kind.TRANSACTION) if sale.stage == "stored"}
    assert "carrier_outage" not in played.causes
    assert not {where for where in judged & kept if where[0] == clerk}
    assert [one for one in contract.compare(played.found, played.truth) if not one.startswith("incident")] == []


def test_under_terminal_capture_money_counts_from_the_closing_of_the_batch(
    tmp_path: Path, contract: ModuleType
) -> None:
    batched = [replace(row, capture="terminal") for row in FLEET.merchants]
    fleet = replace(synthesise(40, 1, 60, hours=True), merchants=batched)
    played = play(tmp_path, hours=44, fleet=fleet, habits=CALM)
    assert problems(contract, played) == []
    assert played.found["pages"] == []
    closed: dict[tuple[str, str], Batch] = {}
    for key, batch in played.of(Kind.BATCH):
        if batch.event == "closed":
            closed[key, batch.no] = batch
    sales: dict[str, tuple[str, Transaction]] = {}
    sums: dict[tuple[str, str], set[tuple[str, int]]] = defaultdict(set)
    for key, sale in played.of(Kind.TRANSACTION):
        if sale.host_at and sale.kind == "sale":
            sales[sale.rrn] = key, sale
            sums[key, sale.batch].add((sale.id, sale.amount))
    for where, batch in closed.items():
        assert (batch.count, batch.amount) == (len(sums[where]), sum(amount for _, amount in sums[where]))
    payouts = [payout for _, payout in played.of(Kind.SETTLEMENT)]
    assert payouts
    for payout in payouts:
        assert isinstance(payout, Payout)
        for row in payout.rows or ():
            key, sale = sales[row.rrn or ""]
            assert closed[key, sale.batch or ""].at < payout.at
    unpaid = Counter(one["stage"] for one in played.found["explanations"] if one["state"] == "not_due")
    assert unpaid["batch"] > 100
    assert set(unpaid) <= {"batch", "clearing"}
