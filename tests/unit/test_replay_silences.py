"""Recordings in which the link stands and nothing comes: one incident of our own, and nothing else for it."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from fleetmon.config import load_registry
from fleetmon.ingest import recording
from fleetmon.model.registry import Registry
from fleetmon.model.topics import Topics
from fleetmon.replay import replay

MINUTE = 60_000
Told = dict[str, Any]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Told], Path]:
    """Three quarters of an hour of a hundred simulated terminals, true to life, of two providers."""
    folder = tmp_path_factory.mktemp("recorded")
    lines, registry, scenario = (folder / name for name in ("lines.ndjson", "registry.yml", "scenario.yml"))
    scenario.write_text(yaml.safe_dump({"name": "while", "duration_s": 2_700, "steps": []}))
    options = ["--terminals", "100", "--habits", "real", "--scenario", scenario, "--record", lines]
    command = [sys.executable, "-m", "fleetmon", "simulate", *map(str, options), "--write-registry", str(registry)]
    subprocess.run(command, check=True, capture_output=True)
    return [json.loads(line) for line in lines.read_text().splitlines()], registry


def unheard(told: list[Told], folder: Path, concerned: Callable[[str], bool]) -> tuple[Path, int, int]:
    """Of some terminals nothing comes for twenty minutes; what a bridge must not lose comes after them."""
    start = told[0]["t"] + 10 * MINUTE
    end = start + 20 * MINUTE
    kept = []
    for line in told:
        level, key = line["topic"].split("/")[2:4]
        if start <= line["t"] < end and level == "terminal" and concerned(key):
            if line.get("qos", 0):
                kept.append({**line, "t": end})
        else:
            kept.append(line)
    path = folder / "unheard.ndjson"
    path.write_text("".join(f"{json.dumps(line)}\n" for line in sorted(kept, key=lambda line: int(line["t"]))))
    return path, start, end


def providers(registry: Registry) -> dict[str, str]:
    of = {merchant.id: merchant.provider for merchant in registry.merchants}
    return {row.id: row.provider or of[row.merchant] for row in registry.terminals}


@pytest.mark.parametrize("provider", ["SP-1", "SP-2", None])
def test_a_silence_of_all_there_is_of_somebody_is_ours(
    recorded: tuple[list[Told], Path], tmp_path: Path, provider: str | None
) -> None:
    told, written = recorded
    registry = load_registry(written)
    of = providers(registry)
    path, start, end = unheard(told, tmp_path, lambda key: provider in {None, of[key]})
    plain = tmp_path / "plain.ndjson"
    plain.write_text("".join(f"{json.dumps(line)}\n" for line in told))
    usual = replay(recording.read(plain), registry, None, Topics())
    found = replay(recording.read(path), registry, None, Topics())
    (ours,) = [one for one in found["incidents"] if one["kind"] == "ingest_impaired"]
    assert ours["scope"] == ({"provider": provider} if provider else {})
    assert start < ours["opened_at"] <= ours["paged_at"] < start + 2 * MINUTE
    assert end <= ours["resolved_at"] < end + 2 * MINUTE
    silences = {"terminal_offline", "site_outage", "carrier_outage", "region_outage", "attribute_outage", "model_fault"}
    before = {(one["kind"], str(one["scope"])) for one in usual["incidents"]}
    new = [one for one in found["incidents"] if (one["kind"], str(one["scope"])) not in before]
    assert [one for one in new if one["kind"] in silences] == []
    assert [page["status"] for page in found["pages"] if page["incident"] == ours["id"]] == ["firing", "resolved"]
