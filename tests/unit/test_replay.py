"""Replay: the contract's form, the sample's one outage, and nothing that depends on how the recording is read."""

import gzip
import json
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import zstandard

from fleetmon.engine import Message
from fleetmon.ingest import recording
from fleetmon.model.errors import ConfigError
from fleetmon.model.events import Heartbeat
from fleetmon.model.registry import Registry
from fleetmon.model.topics import Topics
from fleetmon.replay import Times, replay

HOUR = 3_600_000


def run(path: Path, registry: Registry, until: int | None = None) -> dict[str, Any]:
    return replay(recording.read(path), registry, until, Topics())


def test_the_command_fits_the_contract_and_finds_what_the_sample_holds(sample: Path) -> None:
    files = [str(sample / "recording.ndjson"), "--registry", str(sample / "registry.yml")]
    command = [sys.executable, "-m", "fleetmon", "replay", *files, "--format", "json"]
    replayed = subprocess.run(command, capture_output=True, check=True)
    check = [sys.executable, str(sample.parent / "check_replay.py"), str(sample / "truth.json")]
    checked = subprocess.run(check, input=replayed.stdout, capture_output=True, check=False)
    assert checked.returncode == 0, checked.stdout


def test_the_sample_is_one_outage_paged_once(sample: Path, sample_registry: Registry) -> None:
    truth = json.loads((sample / "truth.json").read_text())
    out = run(sample / "recording.ndjson", sample_registry)
    (wanted,) = truth["incidents"]
    (incident,) = out["incidents"]
    assert incident["kind"] in wanted["kinds"]
    assert incident["scope"] == wanted["scope"]
    assert incident["terminals"] == len(wanted["members"])
    assert wanted["opened"][0] <= incident["opened_at"] <= wanted["opened"][1]
    assert wanted["resolved"][0] <= incident["resolved_at"] <= wanted["resolved"][1]
    assert [page["status"] for page in out["pages"]] == ["firing", "resolved"]
    assert out["until"] == truth["until"]


def test_compressed_recordings_give_the_same_to_the_byte(
    sample: Path, sample_registry: Registry, tmp_path: Path
) -> None:
    plain = (sample / "recording.ndjson").read_bytes()
    (tmp_path / "r.ndjson.gz").write_bytes(gzip.compress(plain))
    (tmp_path / "r.ndjson.zst").write_bytes(zstandard.compress(plain))
    wanted = json.dumps(run(sample / "recording.ndjson", sample_registry))
    for name in ("r.ndjson.gz", "r.ndjson.zst"):
        assert json.dumps(run(tmp_path / name, sample_registry)) == wanted


def test_after_the_last_line_nobody_listens_so_only_money_gets_late(sample: Path, sample_registry: Registry) -> None:
    last = json.loads((sample / "truth.json").read_text())["until"]
    now = run(sample / "recording.ndjson", sample_registry)
    later = run(sample / "recording.ndjson", sample_registry, last + 30 * 86_400_000)
    assert later["until"] == last + 30 * 86_400_000
    heard = [incident for incident in later["incidents"] if incident["kind"] != "settlement_overdue"]
    assert heard == now["incidents"]
    assert {one["state"] for one in later["explanations"]} == {"overdue"}


def test_an_earlier_until_ends_there(sample: Path, sample_registry: Registry) -> None:
    during = 1_790_253_000_000 + 1_800_000
    out = run(sample / "recording.ndjson", sample_registry, during)
    assert [incident["resolved_at"] for incident in out["incidents"]] == [None]
    assert [page["status"] for page in out["pages"]] == ["firing"]


def test_our_own_deafness_is_one_incident_and_no_dead_fleet(
    sample: Path, sample_registry: Registry, tmp_path: Path
) -> None:
    """Half an hour of the sample's quiet beginning is lost because we did not hear it."""
    lines = [json.loads(line) for line in (sample / "recording.ndjson").read_text().splitlines()]
    start = lines[0]["t"]
    gone, back = start + 1_200_000, start + 3_000_000
    kept = [line for line in lines if line["t"] < gone or back < line["t"] < start + 5_400_000]
    kept += [{"t": gone, "link": "down"}, {"t": back, "link": "up"}]
    kept.sort(key=lambda line: line["t"])
    (tmp_path / "r.ndjson").write_text("".join(f"{json.dumps(line)}\n" for line in kept))
    out = run(tmp_path / "r.ndjson", sample_registry)
    assert [(found["kind"], found["opened_at"], found["resolved_at"]) for found in out["incidents"]] == [
        ("ingest_impaired", gone, back)
    ]


@pytest.mark.parametrize("set_right", [False, True])
def test_a_clock_of_the_recorder_that_is_set_back_moves_nothing(
    sample: Path, sample_registry: Registry, tmp_path: Path, *, set_right: bool
) -> None:
    """In the middle of the sample's outage it is set back by an hour, and later, perhaps, forward again."""
    lines = [json.loads(line) for line in (sample / "recording.ndjson").read_text().splitlines()]
    (wanted,) = run(sample / "recording.ndjson", sample_registry)["incidents"]
    step, right = wanted["opened_at"] + 1_800_000, wanted["opened_at"] + 5_400_000
    for line in lines:
        if step <= line["t"] < right or (step <= line["t"] and not set_right):
            line["t"] -= 3_600_000
    (tmp_path / "r.ndjson").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    out = run(tmp_path / "r.ndjson", sample_registry)
    (found,) = out["incidents"]
    same = "kind", "scope", "opened_at", "paged_at", "terminals"
    assert [found[name] for name in same] == [wanted[name] for name in same]
    assert abs(found["resolved_at"] - wanted["resolved_at"]) < 300_000, "no more than the gap in which it was set"


@pytest.mark.parametrize("set_right", [False, True])
def test_a_clock_of_the_recorder_that_is_set_ahead_is_nobodys_silence(
    sample: Path, sample_registry: Registry, tmp_path: Path, *, set_right: bool
) -> None:
    """In the sample's quiet beginning it is set ahead by an hour, and later, perhaps, right again."""
    lines = [json.loads(line) for line in (sample / "recording.ndjson").read_text().splitlines()]
    wanted = run(sample / "recording.ndjson", sample_registry)
    step = lines[0]["t"] + 1_200_000
    for line in lines:
        if step <= line["t"] and not (set_right and step + 1_800_000 <= line["t"]):
            line["t"] += HOUR
    (tmp_path / "r.ndjson").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    out = run(tmp_path / "r.ndjson", sample_registry)
    same = "kind", "scope", "terminals"
    assert [[one[name] for name in same] for one in out["incidents"]] == [
        [one[name] for name in same] for one in wanted["incidents"]
    ]
    for name in "opened_at", "paged_at", "resolved_at":
        assert abs(out["incidents"][0][name] - wanted["incidents"][0][name]) < 60_000, "an hour that did not pass"


def test_a_leap_that_the_terminals_clocks_have_seen_is_a_silence() -> None:
    times, start = Times(), 10 * HOUR
    for passed in range(0, 300_000, 1_000):
        times.hear([beat(times.at(start + passed), at=start + passed)])
    assert times.at(start + 900_000, [beat(start + 900_000, at=start + 900_000)]) == start + 900_000


def beat(received_at: int, *, at: int) -> Message:
    return Message(received_at, "t", Heartbeat(at=at, boot=1, seq=1), False, "", b"")


def test_a_clock_that_is_set_nearly_right_again_is_followed() -> None:
    """It was five seconds ahead, was set back by an hour, and ten minutes later set right."""
    times, seconds, start = Times(), range(0, 600_000, 1_000), 10 * HOUR
    ahead = [times.at(start + 5_000 + passed) for passed in seconds]
    back = [times.at(start - HOUR + 600_000 + passed) for passed in seconds]
    right = [times.at(start + 1_200_000 + passed) for passed in seconds]
    assert all(0 <= after - before <= 10_000 for before, after in pairwise([*ahead, *back, *right]))
    assert right[-1] == start + 1_799_000


@pytest.mark.parametrize(
    "text", ["nonsense", '{"t":1}', '{"t":1,"topic":"a","link":"up"}', '{"t":-1,"topic":"a"}', '{"t":1,"link":"left"}']
)
def test_a_line_that_is_none_is_named(text: str, tmp_path: Path) -> None:
    (tmp_path / "r.ndjson").write_text('{"t":1,"topic":"a","payload":{}}\n\n' + text + "\n")
    with pytest.raises(ConfigError, match=r"r\.ndjson:3: "):
        list(recording.read(tmp_path / "r.ndjson"))


def test_a_recording_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "r.ndjson.gz").write_bytes(b"no gzip")
    for name in ("none.ndjson", "r.ndjson.gz"):
        with pytest.raises(ConfigError, match="cannot be read"):
            list(recording.read(tmp_path / name))
