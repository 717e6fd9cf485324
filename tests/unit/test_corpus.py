"""The explanation corpus: of the contract's form, repeatable, and true by rules of its own."""

import gzip
import json
import re
import subprocess
import sys
from collections import Counter, defaultdict
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from fleetmon.ingest.intake import Intake, Publication
from fleetmon.ingest.quarantine import Quarantine
from fleetmon.model.registry import Registry
from fleetmon.model.topics import DEFAULT_PREFIX, Topics
from fleetmon.sim.corpus import CALIBRATION, DEVELOPMENT, FAMILIES, TEST, Corpus, generate

CONTRACT = Path(__file__).parents[1] / "contract" / "v1"
SAMPLE = json.loads((CONTRACT / "sample" / "truth.json").read_text("utf-8"))
TEXT = (CONTRACT / "telemetry.md").read_text("utf-8")
CAUSES = set(re.findall(r"^\| `(\w+)` \|", TEXT[TEXT.index("## Cause ids") :], re.MULTILINE))
STATES = set(re.findall(r"`(\w+)`", TEXT[TEXT.index("Transaction states:") : TEXT.index("Stages:")]))
STAGES = {"terminal", "host", "batch", "clearing", "payout", "bank", "done"}
KINDS = set(re.findall(r"`(\w+)`", TEXT[TEXT.index("Incident kinds:") :]))
SEEDS = (1, 2, 3)


@cache
def corpus(seed: int) -> Corpus:
    return generate(seed)


@cache
def heard(seed: int) -> list[dict[str, Any]]:
    return [json.loads(line) for line in corpus(seed).lines]


@pytest.mark.parametrize("seed", SEEDS)
def test_every_line_is_accepted_and_they_come_in_order(seed: int) -> None:
    quarantine = Quarantine(100)
    intake = Intake(Topics(DEFAULT_PREFIX), quarantine)
    before, taken, links = 0, 0, 0
    for line in heard(seed):
        assert line["t"] >= before
        before = line["t"]
        if "link" in line:
            links += 1
            continue
        payload = msgspec.json.encode(line["payload"])
        taken += len(intake.take([Publication(line["topic"], payload, line.get("retain", False))], line["t"]))
    assert taken + links == len(corpus(seed).lines) == corpus(seed).truth["messages"]
    assert before == corpus(seed).truth["until"]
    kinds = {
        "state",
        "heartbeat",
        "device",
        "transaction",
        "batch",
        "health",
        "file",
        "settlement",
        "account",
        "backoffice",
    }
    assert kinds <= set(intake.counts)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_registry_contradicts_nothing(seed: int) -> None:
    registry = corpus(seed).registry
    assert registry.problems() == []
    assert msgspec.yaml.decode(msgspec.yaml.encode(registry), type=Registry) == registry
    numbers = [merchant.number for merchant in registry.merchants]
    assert {len(number) for number in numbers} == {15}


def test_the_same_seed_gives_the_same_bytes() -> None:
    names = ["weak_signal", "host_outage", "software_fault"]
    first, again, other = generate(2, names), generate(2, names), generate(3, names)
    assert again == first
    assert other.lines != first.lines


def test_a_few_families_can_be_had_alone() -> None:
    alone = generate(7, ["tamper", "short_paid"], {"clean": 1.0}).truth["explanations"]
    told = {(record["cause"], record["difficulty"]) for record in alone if record["group"] != "ordinary"}
    assert told == {("tamper", "clean"), ("short_paid", "clean")}


def test_every_cause_comes_about_in_every_difficulty_somewhere() -> None:
    told = Counter(record["cause"] for seed in SEEDS for record in corpus(seed).truth["explanations"])
    assert set(told) == CAUSES
    difficulties = {record["difficulty"] for record in corpus(1).truth["explanations"]}
    assert difficulties == {"clean", "confounded", "partial", "undecidable"}
    assert set(FAMILIES) >= CAUSES


@pytest.mark.parametrize("seed", SEEDS)
def test_the_truth_has_the_form_of_the_sample(seed: int) -> None:
    truth = corpus(seed).truth
    assert set(truth) == set(SAMPLE)
    assert truth["explanations"]
    form = set(SAMPLE["explanations"][0]) | {"difficulty"}
    for record in truth["explanations"]:
        assert set(record) == form
        assert record["cause"] in CAUSES
        assert {other["cause"] for other in record["accept"]} <= CAUSES - {record["cause"]}
        assert all(other["why"] for other in record["accept"])
        assert set(record["state"] or ()) <= STATES
        assert set(record["stage"] or ()) <= STAGES
        assert record["evidence"]["from"] <= record["evidence"]["to"] <= truth["until"]
        assert record["terminal"] in record["evidence"]["terminals"]
    for incident in truth["incidents"]:
        assert set(incident) == set(SAMPLE["incidents"][0])
        assert set(incident["kinds"]) <= KINDS
    allowed = [kind for one in [*truth["allowed"], *truth["forbidden"]] for kind in one["kinds"]]
    assert set(allowed) <= KINDS


@pytest.mark.parametrize("seed", SEEDS)
def test_every_sale_that_is_heard_is_paid_explained_or_refused_before_the_last_day(seed: int) -> None:
    truth = corpus(seed).truth
    explained = {(record["terminal"], record["transaction"]) for record in truth["explanations"]}
    paid = {(terminal, sale) for terminal, sale in truth["paid"]}
    assert not explained & paid
    stages: dict[tuple[str, str], set[str]] = defaultdict(set)
    for line in heard(seed):
        if line.get("topic", "").endswith("/transaction") and line["payload"]["kind"] == "sale":
            stages[line["topic"].split("/")[3], line["payload"]["id"]].add(line["payload"]["stage"])
    assert explained | paid <= set(stages)
    assert all(stages[key] & {"declined", "unanswered"} for key in set(stages) - explained - paid)


@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_paid_is_covered_by_a_credit_and_the_rest_is_not(seed: int) -> None:
    rows, batches, dates = set(), set(), set()
    for line in heard(seed):
        payload = line.get("payload", {})
        if not line.get("topic", "").endswith("/settlement") or payload["event"] != "credited":
            continue
        merchant = line["topic"].split("/")[3]
        if payload["amount"] < payload["expected"]:
            continue
        rows |= {(merchant, row["rrn"]) for row in payload.get("rows", ())}
        batches |= {(merchant, batch) for batch in payload.get("batches", ())}
        if "rows" not in payload and "batches" not in payload:
            dates.add(merchant)
    truth = corpus(seed).truth
    owners = {terminal.id: terminal.merchant for terminal in corpus(seed).registry.terminals}
    unpaid = {(record["terminal"], record["transaction"]) for record in truth["explanations"]}
    paid = {(terminal, sale) for terminal, sale in truth["paid"]}
    for line in heard(seed):
        payload = line.get("payload", {})
        if not line.get("topic", "").endswith("/transaction") or "rrn" not in payload or payload["kind"] != "sale":
            continue
        terminal = line["topic"].split("/")[3]
        merchant = owners[terminal]
        covered = (merchant, payload["rrn"]) in rows or (merchant, payload.get("batch")) in batches
        if (terminal, payload["id"]) in paid:
            assert covered or merchant in dates
        elif (terminal, payload["id"]) in unpaid:
            assert not covered


def test_the_sets_of_seeds_are_apart() -> None:
    assert not set(DEVELOPMENT) & set(CALIBRATION)
    assert not set(CALIBRATION) & set(TEST)
    assert not set(DEVELOPMENT) & set(TEST)


def test_the_command_writes_recording_registry_and_truth(tmp_path: Path) -> None:
    files = {name: tmp_path / name for name in ("r.ndjson.gz", "registry.yml", "truth.json")}
    command = [
        sys.executable, "-m", "fleetmon", "simulate", "--corpus", "keys,holiday", "--seed", "5",
        "--record", str(files["r.ndjson.gz"]), "--write-registry", str(files["registry.yml"]),
        "--truth", str(files["truth.json"]),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "to explain" in done.stdout
    made = generate(5, ["keys", "holiday"])
    assert gzip.decompress(files["r.ndjson.gz"].read_bytes()).splitlines() == made.lines
    assert json.loads(files["truth.json"].read_text("utf-8")) == made.truth
    assert len(yaml.safe_load(files["registry.yml"].read_text("utf-8"))["terminals"]) == len(made.registry.terminals)


@pytest.mark.parametrize("arguments", [["--corpus", "nothing", "--record", "x.ndjson"], ["--corpus", "all"]])
def test_the_command_says_what_is_wrong(arguments: list[str], tmp_path: Path) -> None:
    command = [sys.executable, "-m", "fleetmon", "simulate", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode in (1, 2)
    assert "corpus" in done.stderr
    assert not (tmp_path / "x.ndjson").exists()
