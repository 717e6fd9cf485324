"""The unit, read by systemd's own tools; no running systemd is needed. What it is told: test_supervision."""

import shutil
import subprocess
from pathlib import Path

import pytest

UNITS = Path(__file__).parents[2] / "deploy/systemd"
MOST_EXPOSED = 2.0


def systemd(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    assert shutil.which(program), f"{program} is missing: run `make test`, or deploy/install-servers.sh systemd"
    return subprocess.run([program, *arguments], capture_output=True, text=True, check=False, timeout=60)


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit with a command that is there."""
    command = tmp_path / "bin/fleetmon"
    command.parent.mkdir()
    command.write_text("#!/bin/sh\n")
    command.chmod(0o755)
    text = (UNITS / "fleetmon.service").read_text()
    assert "ExecStart=/opt/fleetmon/bin/fleetmon run " in text
    (tmp_path / "fleetmon.service").write_text(text.replace("/opt/fleetmon/bin/fleetmon", str(command)))
    return tmp_path / "fleetmon.service"


def test_systemd_has_nothing_to_say_about_the_unit(unit: Path) -> None:
    verified = systemd("systemd-analyze", "verify", "--man=no", str(unit))
    assert (verified.returncode, verified.stderr) == (0, "")


def test_a_mistake_in_it_would_be_found(unit: Path) -> None:
    unit.write_text(unit.read_text().replace("Type=notify", "Type=notfy"))
    assert "notfy" in systemd("systemd-analyze", "verify", "--man=no", str(unit)).stderr


def test_it_gives_little_away(unit: Path) -> None:
    limit = f"--threshold={MOST_EXPOSED * 10:.0f}"
    scored = systemd("systemd-analyze", "security", "--offline=true", "--no-pager", limit, str(unit))
    assert scored.returncode == 0, scored.stdout[-200:]
    assert float(scored.stdout.split(": ")[-1].split()[0]) <= MOST_EXPOSED


def test_the_user_is_made(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    made = systemd("systemd-sysusers", f"--root={tmp_path}", str(UNITS / "fleetmon.sysusers"))
    assert made.returncode == 0, made.stderr
    (line,) = (tmp_path / "etc/passwd").read_text().splitlines()
    name, *_, home, shell = line.split(":")
    assert (name, home, shell.split("/")[-1]) == ("fleetmon", "/var/lib/fleetmon", "nologin")
