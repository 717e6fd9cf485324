"""Recordings made in virtual time: repeatable, of the contract's form, true to the habits, and true."""

import gzip
import itertools
import os
import statistics
import subprocess
import sys
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from fleetmon.ingest import recording
from fleetmon.model.days import DAY, UTC_OFFSET
from fleetmon.model.errors import ConfigError
from fleetmon.model.events import Heartbeat, State, Transaction
from fleetmon.model.registry import Registry
from fleetmon.model.topics import Kind, Topics
from fleetmon.replay import replay
from fleetmon.sim import truth as truths
from fleetmon.sim.habits import QUIET, REAL, Delivery, Faults, Habits, Line, Shops, Wear
from fleetmon.sim.recorder import START, Recorded, record
from fleetmon.sim.scenario import (
    CarrierOutage,
    Device,
    HostOutage,
    NetworkOutage,
    Reboot,
    Scenario,
    SiteOutage,
    Skew,
    Step,
)
from fleetmon.sim.settings import SimSettings
from fleetmon.sim.synthesis import synthesise

SAMPLE = Path(__file__).parents[1] / "contract" / "v1" / "sample"
MIDNIGHT = 1_795_363_200_000  # Monday in Shanghai
FLEET = synthesise(60, 1, 60, hours=True)
CALM = msgspec.structs.replace(  # everybody is well; shops keep their hours, and lines lose little
    REAL,
    line=Line(loss=(0.001, 0.005), bad_share=0, again=(0, 0.1), fades_per_day=0, poor_share=0, storms_per_day=0),
    shops=Shops(late_share=0, early_share=0),
    faults=Faults(carrier_per_day=0, site_line_per_day=0, site_power_per_day=0),
    wear=Wear(life_h=0, crashes_per_day=0, swaps_per_day=0, forgotten=0),
)


def tape(
    folder: Path,
    *steps: Step,
    habits: Habits = QUIET,
    duration_s: float = 1800,
    start: int = START,
    fleet: Registry = FLEET,
    name: str = "r.ndjson",
    sales_per_hour: float = 6,
) -> tuple[Recorded, list[recording.Line]]:
    settings = SimSettings(habits=habits, sales_per_hour=sales_per_hour)
    recorded = record(fleet, Scenario("x", duration_s, steps), settings, start, folder / name)
    return recorded, list(recording.read(folder / name))


def told(recorded: Recorded, folder: Path, duration_s: float = 1800, fleet: Registry = FLEET) -> dict[str, Any]:
    truths.write(folder / "truth.json", recorded, fleet, duration_s)
    return msgspec.json.decode((folder / "truth.json").read_bytes(), type=dict)


def decoded(lines: list[recording.Line], kind: Kind) -> list[tuple[int, str, Any]]:
    found = []
    for line in lines:
        route = Topics().route(line.topic or "")
        assert route is not None
        if route.kind is kind:
            found.append((line.t, route.key, msgspec.json.decode(line.payload, type=kind.struct)))
    return found


def found_in(lines: list[recording.Line], fleet: Registry = FLEET) -> dict[str, Any]:
    return replay(lines, fleet, None, Topics())


# -- the file ------------------------------------------------------------------------------------------


def test_lines_are_of_the_contract_and_in_order_of_arrival(tmp_path: Path) -> None:
    recorded, lines = tape(tmp_path, habits=REAL)
    times = [line.t for line in lines]
    assert times == sorted(times)
    assert times[0] >= START
    assert times[-1] == recorded.until < START + 1_800_000
    assert len(lines) == recorded.messages > 60 * 25
    assert decoded(lines, Kind.HEARTBEAT)
    assert decoded(lines, Kind.TRANSACTION)
    assert not list(tmp_path.glob("*.part"))


def test_no_farewell_ends_it(tmp_path: Path) -> None:
    _, lines = tape(tmp_path)
    assert {state.state for _, _, state in decoded(lines, Kind.STATE)} == {"online"}


@pytest.mark.parametrize("suffix", ["", ".gz", ".zst"])
def test_the_suffix_compresses_and_the_content_stays(tmp_path: Path, suffix: str) -> None:
    (tmp_path / "a").mkdir()
    plain, packed = tape(tmp_path, habits=REAL)[1], tape(tmp_path / "a", habits=REAL, name=f"r.ndjson{suffix}")[1]
    assert [(line.t, line.topic, bytes(line.payload)) for line in plain] == [
        (line.t, line.topic, bytes(line.payload)) for line in packed
    ]


def test_the_same_seed_gives_the_same_bytes_in_any_process(tmp_path: Path) -> None:
    def run(name: str, seed: int, hashes: str) -> bytes:
        command = [sys.executable, "-m", "fleetmon", "simulate", "--terminals", "30", "--habits", "real"]
        arguments = ["--seed", str(seed), "--record", str(tmp_path / name), "--truth", str(tmp_path / f"{name}.json")]
        subprocess.run([*command, *arguments], check=True, env={**os.environ, "PYTHONHASHSEED": hashes})
        return (tmp_path / name).read_bytes() + (tmp_path / f"{name}.json").read_bytes()

    one = run("a.ndjson.gz", 1, "1")
    assert one == run("b.ndjson.gz", 1, "2")
    assert gzip.decompress((tmp_path / "a.ndjson.gz").read_bytes()).count(b"\n") > 1000
    assert one != run("c.ndjson.gz", 2, "1")


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["--truth", "t.json"], 2, "add --record"),
        (["--habits", "wild", "--record", "r"], 1, "wild: cannot be read"),
        (["--speed", "5", "--record", "r"], 1, "speed has no meaning"),
    ],
)
def test_the_command_says_what_does_not_fit(tmp_path: Path, arguments: list[str], status: int, words: str) -> None:
    command = [sys.executable, "-m", "fleetmon", "simulate", "--terminals", "3", *arguments]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ended.returncode == status
    assert words in ended.stderr
    assert not list(tmp_path.iterdir())


def test_the_registry_is_written_beside(tmp_path: Path) -> None:
    beside = ["--record", str(tmp_path / "r.zst"), "--write-registry", str(tmp_path / "registry.yml")]
    command = [sys.executable, "-m", "fleetmon", "simulate", "--terminals", "5", "--habits", "real", *beside]
    subprocess.run(command, check=True)
    fleet = msgspec.convert(yaml.safe_load((tmp_path / "registry.yml").read_text("utf-8")), Registry)
    assert any(site.hours for site in fleet.sites)
    assert found_in(list(recording.read(tmp_path / "r.zst")), fleet)["pages"] == []


def test_what_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be written"):
        tape(tmp_path / "none")


def test_a_recording_has_no_speed(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="virtual time"):
        record(FLEET, Scenario("x", 60), SimSettings(speed=2), START, tmp_path / "r")


def test_messages_of_quality_1_come_twice_and_late_and_beats_do_not(tmp_path: Path) -> None:
    habits = msgspec.structs.replace(QUIET, delivery=Delivery((0, 0), repeated=0.2, late=0.2))
    _, lines = tape(tmp_path, habits=habits, sales_per_hour=60)
    sales = Counter((key, sale.seq) for _, key, sale in decoded(lines, Kind.TRANSACTION))
    assert sum(count > 1 for count in sales.values()) / len(sales) == pytest.approx(0.2, abs=0.05)
    late = [at - sale.at for at, _, sale in decoded(lines, Kind.TRANSACTION)]
    assert 0.25 < sum(delay > 2_000 for delay in late) / len(late) < 0.45
    assert max(late) < 62_000
    beats = Counter((key, beat.seq) for _, key, beat in decoded(lines, Kind.HEARTBEAT))
    assert set(beats.values()) == {1}


# -- fitting back: the table from the recording ----------------------------------------------------------


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> list[recording.Line]:
    """A day of a fleet that never closes, with real losses and trade, and nothing else."""
    habits = msgspec.structs.replace(
        REAL,
        line=msgspec.structs.replace(REAL.line, fades_per_day=0, poor_share=0, storms_per_day=0),
        shops=Shops(kept=False),
        faults=CALM.faults,
        wear=CALM.wear,
    )
    fleet = synthesise(150, 3, 60)
    folder = tmp_path_factory.mktemp("day")
    return tape(folder, habits=habits, duration_s=86_400, start=MIDNIGHT, fleet=fleet, sales_per_hour=2)[1]


def test_the_losses_can_be_estimated_from_the_recording(day: list[recording.Line]) -> None:
    gaps: dict[str, list[int]] = defaultdict(list)
    last: dict[str, int] = {}
    for _, key, beat in decoded(day, Kind.HEARTBEAT):
        if key in last:
            gaps[key].append(round((beat.uptime_s * 1000 - last[key]) / 60_000))
        last[key] = round(beat.uptime_s * 1000)
    rates = {key: 1 - len(steps) / sum(steps) for key, steps in gaps.items()}
    usual = sorted(rate for rate in rates.values() if rate < 0.08)
    assert statistics.median(usual) == pytest.approx(0.01, abs=0.003)
    assert usual[len(usual) // 10] > 0.001
    assert usual[-1] < 0.08
    assert len(rates) - len(usual) in range(11)  # 3 % of 150
    lost = sum(step - 1 for steps in gaps.values() for step in steps)
    runs = sum(step > 1 for steps in gaps.values() for step in steps)
    assert 0.16 < 1 - runs / lost < 0.45  # the chance that a loss is followed by another


def test_trade_can_be_estimated_from_the_recording(day: list[recording.Line]) -> None:
    hours = Counter[int]()
    stages = Counter[str]()
    rails = Counter[str]()
    for _, _, sale in decoded(day, Kind.TRANSACTION):
        stages[sale.stage] += sale.kind == "sale"
        if sale.stage == "requested" and sale.kind == "sale":
            hours[(sale.at + UTC_OFFSET) % DAY // 3_600_000] += 1
            rails[sale.rail] += 1
    total = hours.total()
    assert sum(hours[hour] for hour in range(10, 17)) / total == pytest.approx(0.45, abs=0.08)
    assert sum(hours[hour] for hour in range(1, 5)) / total < 0.05
    assert rails["qr"] / total == pytest.approx(0.45, abs=0.03)
    assert stages["declined"] / total == pytest.approx(0.03, abs=0.01)
    assert 0.001 < stages["unanswered"] / total < 0.03
    merchants = Counter(key for _, key, sale in decoded(day, Kind.TRANSACTION))
    counts = list(merchants.values())
    assert statistics.pstdev(counts) > 0.4 * statistics.mean(counts)  # far more than chance alone


def test_clocks_are_believed_and_their_errors_bounded(day: list[recording.Line]) -> None:
    wrong = {key for at, key, beat in decoded(day, Kind.HEARTBEAT) if abs(beat.at - at) > 5_000}
    assert len(wrong) <= 4  # half a percent of 150


# -- truth, and what the engine makes of it -------------------------------------------------------------


def test_the_truth_has_the_form_of_the_sample(tmp_path: Path) -> None:
    sample = msgspec.json.decode((SAMPLE / "truth.json").read_bytes())
    outage = CarrierOutage(at_s=600, for_s=600, who={"carrier": "CMCC", "region": "changsha-yuhua"})
    truth = told(tape(tmp_path, outage)[0], tmp_path)
    assert list(truth) == list(sample)
    assert set(truth["incidents"][0]) == set(sample["incidents"][0])
    assert set(truth["forbidden"][0]) == set(sample["forbidden"][0])


def test_a_recorded_carrier_outage_is_found_as_one_page(tmp_path: Path) -> None:
    outage = CarrierOutage(at_s=3600, for_s=3600, who={"carrier": "CMCC", "region": "changsha-yuhua"})
    recorded, lines = tape(tmp_path, outage, habits=CALM, duration_s=10_800)
    truth = told(recorded, tmp_path, 10_800)
    found = found_in(lines)
    (expected,) = truth["incidents"]
    paged = [incident for incident in found["incidents"] if incident["paged_at"] is not None]
    assert [(one["kind"], one["scope"]) for one in paged] == [("carrier_outage", expected["scope"])]
    assert expected["opened"][0] <= paged[0]["opened_at"] <= expected["opened"][1]
    assert expected["resolved"][0] <= paged[0]["resolved_at"] <= expected["resolved"][1]
    assert expected["must"] is expected["page"] is True
    assert sum(page["status"] == "firing" for page in found["pages"]) == truth["max_pages"] == 1
    sales = {(sale.stage, key, sale.id) for _, key, sale in decoded(lines, Kind.TRANSACTION)}
    stages = Counter(stage for stage, _, _ in sales)
    assert stages["stored"] == stages["uploaded"] > 0


def test_a_quiet_day_with_shops_closing_pages_nobody_and_misses_nobody(tmp_path: Path) -> None:
    recorded, lines = tape(tmp_path, habits=CALM, duration_s=86_400, start=MIDNIGHT, sales_per_hour=1)
    farewells = [state.reason for _, _, state in decoded(lines, Kind.STATE) if state.state == "offline"]
    assert {"lost", "shutdown"} <= set(farewells)
    found = found_in(lines)
    assert found["pages"] == []
    silent = [one for one in found["incidents"] if one["kind"] in ("terminal_offline", "site_outage")]
    assert silent == []
    assert told(recorded, tmp_path, 86_400)["max_pages"] == 0


def test_wills_come_late_and_sales_of_an_outage_afterwards(tmp_path: Path) -> None:
    habits = msgspec.structs.replace(QUIET, line=msgspec.structs.replace(QUIET.line, will_after_s=(15, 45)))
    _, lines = tape(tmp_path, NetworkOutage(at_s=600, for_s=600), habits=habits, sales_per_hour=60)
    wills = [at - START for at, _, state in decoded(lines, Kind.STATE) if state.reason == "lost"]
    assert len(wills) == 60
    assert all(614_000 < at < 646_000 for at in wills)


def test_the_truth_names_every_kind_of_step(tmp_path: Path) -> None:
    site, acquirer = FLEET.terminals[0].site, FLEET.merchants[0].acquirer
    assert FLEET.terminals[1].site == site
    clerk = FLEET.terminals[-1].id
    steps: list[Step] = [
        SiteOutage(at_s=300, for_s=600, who={"site": site}),
        HostOutage(at_s=300, for_s=1200, who={"acquirer": acquirer}),
        NetworkOutage(at_s=1000, for_s=300, who={"region": "changsha-kaifu"}),
        NetworkOutage(at_s=1000, for_s=400, who={"terminal": clerk}),
        Reboot(at_s=1500, who={"model": "N910"}),
        Skew(at_s=100, by_s=3600, who={"terminal": clerk}),
        Device(at_s=200, component="security", code="Tamper", who={"terminal": clerk}),
        Device(at_s=210, component="printer", code="Jam", who={"terminal": clerk}, for_s=60),
    ]
    recorded, lines = tape(tmp_path, *steps)
    truth = told(recorded, tmp_path)
    kinds = {one["kinds"][0]: one for one in truth["incidents"]}
    assert set(kinds) == {
        "site_outage", "host_outage", "region_outage", "terminal_offline", "model_fault", "clock_skew", "tamper",
        "device_fault",
    }  # fmt: skip
    assert kinds["host_outage"]["scope"] == {"host": acquirer}
    assert kinds["site_outage"]["must"]
    assert kinds["tamper"]["must"]
    assert kinds["tamper"]["resolved"] is None
    assert not kinds["model_fault"]["must"]  # back within a beat
    assert {"carrier_outage"} <= set(truth["forbidden"][0]["kinds"])
    assert {rule["why"] for rule in truth["allowed"]} >= {"scenario", "printer told of it", "security told of it"}
    refused = [sale for _, _, sale in decoded(lines, Kind.TRANSACTION) if sale.response == "91"]
    assert refused
    assert {sale.acquirer for sale in refused} == {acquirer}
    worst = max(decoded(lines, Kind.HEALTH), key=lambda heard: heard[2].codes.get("91", 0))
    assert worst[1] == acquirer


def test_whoever_is_closed_is_no_member_of_an_outage(tmp_path: Path) -> None:
    outage = CarrierOutage(at_s=3600, for_s=3600, who={"carrier": "CMCC", "region": "changsha-yuhua"})
    recorded, lines = tape(tmp_path, outage, habits=CALM, duration_s=7200, start=MIDNIGHT)
    truth = told(recorded, tmp_path, 7200)
    births = {key for at, key, _ in decoded(lines, Kind.STATE) if at < MIDNIGHT + 3_500_000}
    for incident in truth["incidents"]:
        assert set(incident["members"]) <= births


def test_a_day_of_everything_replays_without_a_false_page(tmp_path: Path) -> None:
    faults = msgspec.structs.replace(REAL.faults, carrier_per_day=0)
    habits = msgspec.structs.replace(REAL, faults=faults)
    recorded, lines = tape(tmp_path, habits=habits, duration_s=86_400, start=MIDNIGHT, sales_per_hour=1)
    truth = told(recorded, tmp_path, 86_400)
    pages = {page["incident"] for page in found_in(lines)["pages"]}
    assert len(pages) <= truth["max_pages"] == 0
    assert recorded.complaints.get("printer") or recorded.complaints.get("battery")
    kinds = {
        type(event) for kind in (Kind.HEARTBEAT, Kind.STATE, Kind.TRANSACTION) for _, _, event in decoded(lines, kind)
    }
    assert kinds == {Heartbeat, State, Transaction}
    pairs = itertools.pairwise(line.t for line in lines)
    assert all(first <= second for first, second in pairs)
