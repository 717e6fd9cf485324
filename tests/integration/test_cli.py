"""The commands as people type them: exit status, messages, no tracebacks."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]


def fleetmon(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "fleetmon", *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=60, env={**os.environ, **environment}
    )


def test_the_version() -> None:
    assert fleetmon("--version").stdout.startswith("fleetmon 0.")


def test_help_names_every_command() -> None:
    shown = fleetmon("--help").stdout
    for command in ("run", "demo", "simulate", "replay", "check-config", "schema"):
        assert command in shown


def test_check_config(tmp_path: Path) -> None:
    good = fleetmon("check-config", str(ROOT / "config/fleetmon.yml"))
    assert (good.returncode, good.stdout.strip().endswith("100 terminals registered")) == (0, True)
    (tmp_path / "bad.yml").write_text("registry: none.yml\nmqtt: {port: x}\nweb: {port: -1}\n")
    bad = fleetmon("check-config", str(tmp_path / "bad.yml"))
    assert bad.returncode == 1
    assert len(bad.stderr.splitlines()) == 3
    for wanted in ("mqtt.port", "web.port", "none.yml: cannot be read"):
        assert wanted in bad.stderr
    assert "Traceback" not in bad.stderr


def test_a_taken_port_and_a_broken_store_are_plain_errors(tmp_path: Path, mosquitto: Any) -> None:
    (tmp_path / "registry.yml").write_text("{}")
    config = {"registry": "registry.yml", "web": {"port": mosquitto.port}}
    (tmp_path / "c.yml").write_text(yaml.safe_dump(config))
    taken = fleetmon("run", "--config.file", str(tmp_path / "c.yml"))
    assert (taken.returncode, "Traceback" in taken.stderr) == (1, False)
    assert f"cannot listen on 127.0.0.1:{mosquitto.port}: Address already in use" in taken.stderr
    (tmp_path / "c.yml").write_text(yaml.safe_dump({"registry": "registry.yml", "web": {"port": 0}}))
    (tmp_path / "fleetmon.db").write_bytes(b"no database" * 200)
    broken = fleetmon("run", "--config.file", str(tmp_path / "c.yml"))
    assert (broken.returncode, "Traceback" in broken.stderr) == (1, False)
    assert "file is not a database" in broken.stderr


@pytest.mark.parametrize("form", ["json", "logfmt"])
def test_logs_are_one_line_an_event_and_the_daemon_ends_in_order(form: str, tmp_path: Path, mosquitto: Any) -> None:
    (tmp_path / "registry.yml").write_text("{}")
    config = {
        "registry": "registry.yml", "web": {"port": 0}, "mqtt": {"port": mosquitto.port}, "log": {"format": form},
    }  # fmt: skip
    (tmp_path / "c.yml").write_text(yaml.safe_dump(config))
    command = [sys.executable, "-m", "fleetmon", "run", "--config.file", str(tmp_path / "c.yml")]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        lines = [process.stderr.readline()]
        while "link up" not in lines[-1]:
            lines.append(process.stderr.readline())
            assert lines[-1], lines
        process.send_signal(signal.SIGTERM)
        lines += process.stderr.readlines()
        assert process.wait(20) == 0
    if form == "json":
        told = [json.loads(line)["msg"] for line in lines]
        assert told[0] == "restored"
    else:
        assert {line.split()[0][:3] for line in lines} == {"ts="}


def test_simulate_writes_a_registry_that_the_daemon_accepts(tmp_path: Path) -> None:
    written = fleetmon("simulate", "--terminals", "7", "--write-registry", str(tmp_path / "registry.yml"))
    assert written.returncode == 0, written.stderr
    (tmp_path / "c.yml").write_text("registry: registry.yml")
    assert "7 terminals registered" in fleetmon("check-config", str(tmp_path / "c.yml")).stdout


def test_simulate_without_a_broker_says_so() -> None:
    refused = fleetmon("simulate", "--terminals", "2", "--port", "9")
    assert (refused.returncode, "Traceback" in refused.stderr) == (1, False)
    assert "127.0.0.1:9" in refused.stderr or "localhost:9" in refused.stderr


def test_a_bad_scenario_is_named_with_every_problem(tmp_path: Path) -> None:
    (tmp_path / "s.yml").write_text("name: x\nsteps: [{do: explode}, {do: reboot}]\n")
    refused = fleetmon("simulate", "--scenario", str(tmp_path / "s.yml"))
    assert refused.returncode == 1
    for wanted in ("duration_s: is missing", "steps[0].do", "steps[1].at_s"):
        assert wanted in refused.stderr


def test_the_store_can_be_backed_up_and_checked(tmp_path: Path, mosquitto: Any) -> None:
    (tmp_path / "registry.yml").write_text("{}")
    path = tmp_path / "c.yml"
    path.write_text(yaml.safe_dump({"registry": "registry.yml", "web": {"port": 0}, "mqtt": {"port": mosquitto.port}}))
    nothing = fleetmon("store", "check", "--config.file", str(path))
    assert (nothing.returncode, "no such file" in nothing.stderr) == (1, True)
    command = [sys.executable, "-m", "fleetmon", "run", "--config.file", str(path)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert "restored" in process.stderr.readline()
        copied = fleetmon("store", "backup", str(tmp_path / "copy.db"), "--config.file", str(path))
        assert copied.returncode == 0, copied.stderr
        process.send_signal(signal.SIGTERM)
        process.stderr.read()
    assert fleetmon("store", "check", "--config.file", str(path)).stdout.strip() == "the store is whole"
    (tmp_path / "fleetmon.db").write_bytes((tmp_path / "copy.db").read_bytes())
    assert fleetmon("store", "check", "--config.file", str(path)).returncode == 0
    again = fleetmon("store", "backup", str(tmp_path / "copy.db"), "--config.file", str(path))
    assert (again.returncode, "Traceback" in again.stderr) == (1, False)
