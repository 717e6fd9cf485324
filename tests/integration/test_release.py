"""The wheel by itself: built, installed where no repository is, and run from an empty folder.

Its dependencies are those of the tests' own environment, which a .pth file shows to the new one: nothing is fetched.
"""

import json
import os
import signal
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from fleetmon import __version__
from fleetmon.commands.files import PARTS

ROOT = Path(__file__).parents[2]
MOST_BYTES = 2_000_000


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made from the source archive, as a release is."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr[-2000:] + made.stdout[-2000:]
    (found,) = folder.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command of a new environment that holds the wheel and sees the dependencies."""
    folder = tmp_path_factory.mktemp("away")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder / "venv")], check=True)
    python = folder / "venv/bin/python"
    (packages,) = (folder / "venv/lib").glob("python*/site-packages")
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")  # without its own .pth files
    command = [sys.executable, "-m", "pip", "--python", str(python), "install", "-q", "--no-index", "--no-deps"]
    subprocess.run([*command, str(wheel)], check=True)
    return folder / "venv/bin/fleetmon"


@pytest.fixture
def fleetmon(installed: Path, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run the installed command in an empty folder, where nothing points to the repository."""

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [str(installed), *arguments]
        return subprocess.run(command, cwd=tmp_path, env=away(), capture_output=True, text=True, check=False)

    return run


def away() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


def kept_in(part: str) -> list[Path]:
    return [path for path in (ROOT / part, *(ROOT / part).rglob("*")) if path.is_file()]


def test_the_wheel_is_small_and_holds_what_it_should(wheel: Path) -> None:
    assert wheel.name == f"fleetmon-{__version__}-py3-none-any.whl"
    assert wheel.stat().st_size <= MOST_BYTES
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    top = {name.split("/")[0] for name in names}
    assert top == {"fleetmon", f"fleetmon-{__version__}.dist-info"}, "nothing beside the package"
    mine = [path.relative_to(ROOT) for path in (ROOT / "fleetmon").rglob("*") if path.is_file()]
    assert {str(path) for path in mine if "__pycache__" not in path.parts} <= names
    for part in PARTS:
        kept = {f"fleetmon/share/{path.relative_to(ROOT)}" for path in kept_in(part)}
        assert kept, part
        assert kept <= names


def test_what_files_writes_is_what_the_wheel_is_given() -> None:
    given = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert given["force-include"] == {part: f"fleetmon/share/{part}" for part in PARTS}


def test_it_runs_from_itself(fleetmon: Callable[..., Any], installed: Path, tmp_path: Path) -> None:
    plays = "from fleetmon.sim.scenario import shipped; shipped('carrier-outage')"
    where = subprocess.run(
        [str(installed.parent / "python"), "-c", f"{plays}; import fleetmon; print(fleetmon.__file__)"],
        cwd=tmp_path, env=away(), capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert Path(where.stdout.strip()).is_relative_to(installed.parents[1])
    assert fleetmon("--version").stdout == f"fleetmon {__version__}\n"
    assert json.loads(fleetmon("schema").stdout)["asyncapi"].startswith("3.")


def test_files_come_out_as_they_went_in(fleetmon: Callable[..., Any], tmp_path: Path) -> None:
    assert fleetmon("files", "new").returncode == 0
    for part in PARTS:
        for path in kept_in(part):
            assert (tmp_path / "new" / path.relative_to(ROOT)).read_bytes() == path.read_bytes()
    checked = fleetmon("check-config", "new/config/fleetmon.yml")
    assert checked.stdout.strip().endswith("100 terminals registered"), checked.stderr


def test_texts_and_presets_came_along(fleetmon: Callable[..., Any], sample: Path) -> None:
    asked = ["explain", "--merchant", "noodle", "--recording", str(sample / "recording.ndjson")]
    told = fleetmon(*asked, "--registry", str(sample / "registry.yml"), "--lang", "zh")
    assert (told.returncode, "款项" in told.stdout) == (0, True), told.stderr
    assert "cn-acquirer" in fleetmon("import", "--help").stdout


def test_the_daemon_lives_without_the_repository(
    installed: Path,
    tmp_path: Path,
    mosquitto: Any,
    wait_for: Callable[..., None],
    free_port: Callable[[], int],
    http_get: Callable[[str], tuple[int, str]],
) -> None:
    """Migrations, texts of the API, the store, the link to the broker."""
    port = free_port()
    (tmp_path / "registry.yml").write_text("terminals: [{id: T1}]")
    config = {"registry": "registry.yml", "web": {"port": port}, "mqtt": {"port": mosquitto.port}}
    (tmp_path / "fleetmon.yml").write_text(yaml.safe_dump(config))
    command = [str(installed), "run", "--config.file", "fleetmon.yml"]
    with (
        (tmp_path / "log").open("w") as log,
        subprocess.Popen(command, cwd=tmp_path, env=away(), stderr=log, stdout=log) as process,
    ):
        try:
            wait_for(lambda: http_get(f"http://127.0.0.1:{port}/-/ready")[0] == 200, "ready", 30)
            for page in ("/metrics", "/schema/openapi.json", "/api/v1/terminals"):
                assert http_get(f"http://127.0.0.1:{port}{page}")[0] == 200
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0, (tmp_path / "log").read_text()
    assert "Traceback" not in (tmp_path / "log").read_text()
    checked = subprocess.run(
        [str(installed), "store", "check", "--config.file", "fleetmon.yml"],
        cwd=tmp_path, env=away(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert checked.stdout == "the store is whole\n", checked.stderr
