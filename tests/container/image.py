"""The image, built from the wheel alone by a real builder, and run by a real runtime: `make deploy-proof`.

Python's own image cannot be had everywhere: Debian's release with the same Python stands in for it. No file of the
ordinary tests, as it needs root, namespaces and some minutes. Not tried: Docker's daemon, the images of others.
"""

import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
DOCKERFILE = ROOT / "deploy/docker/Dockerfile"
RELEASE = "trixie"  # Debian's with Python 3.13
OF_THE_MACHINE = ("/etc/ssl/certs", "/etc/resolv.conf", "/etc/hosts")  # by which the builder finds PyPI
CONFIGURATION = """\
mqtt: {{port: {mqtt}, session_expiry_s: 60}}
registry: registry.yml
store: {{url: "sqlite:////var/lib/fleetmon/fleetmon.db"}}
web: {{host: 127.0.0.1, port: {web}}}
"""
Run = Callable[..., subprocess.CompletedProcess[str]]


def run(*command: str | Path, check: bool = True) -> subprocess.CompletedProcess[str]:
    """What it printed; what went wrong, if something did."""
    assert shutil.which(command[0]), f"{command[0]} is missing: run `make deploy-proof`, or deploy/install-servers.sh"
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert not check or done.returncode == 0, f"{command}\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
    return done


def debian(release: str, packages: str, folder: Path) -> None:
    """A file system of a release, from where this machine gets its packages."""
    mirror = run("apt-get", "indextargets", "--format", "$(REPO_URI)", "Component: main").stdout.split()[0]
    run("debootstrap", "--variant=minbase", f"--include={packages}", release, folder, mirror)
    folder.chmod(0o755)  # its root, which is everybody's there


@pytest.fixture(scope="module")
def builder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """Buildah with a store of its own."""
    folder = tmp_path_factory.mktemp("containers")
    options: list[str | Path] = ["--root", folder / "root", "--runroot", folder / "run", "--storage-driver", "vfs"]

    def build(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        return run("buildah", *options, *arguments)

    yield build
    build("rm", "--all")
    build("rmi", "--all", "--force")


@pytest.fixture(scope="module")
def image(builder: Run, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The name of the image."""
    base = tmp_path_factory.mktemp("base")
    debian(RELEASE, "python3-venv,ca-certificates", base)
    (base / "usr/local/bin/python").symlink_to("/usr/bin/python3")
    empty = builder("from", "scratch").stdout.strip()
    builder("add", "--quiet", empty, base, "/")
    wanted = set(re.findall(r"^FROM (\S+)", DOCKERFILE.read_text(), flags=re.MULTILINE))
    for name in wanted:
        builder("commit", "--quiet", empty, f"docker.io/library/{name}")
    assert wanted == {"python:3.13-slim-bookworm"}, f"{RELEASE} has another Python"
    mounts = [part for path in OF_THE_MACHINE for part in ("--volume", f"{path}:{path}:ro")]
    builder(
        "bud", "--isolation", "chroot", "--network", "host", "--format", "docker", "--pull-never", *mounts,
        "--file", DOCKERFILE, "--tag", "fleetmon", ROOT / "dist",
    )  # fmt: skip
    return "localhost/fleetmon"


@pytest.fixture(scope="module")
def settings(builder: Run, image: str) -> dict[str, Any]:
    """What the image says of how it is run."""
    return dict(json.loads(builder("inspect", "--type", "image", image).stdout)["Docker"]["config"])


@pytest.fixture(scope="module")
def files(builder: Run, image: str) -> Path:
    """Its file system."""
    container = builder("from", "--pull-never", image).stdout.strip()
    return Path(builder("mount", container).stdout.strip())


class Container:
    """The image as a container of runc: a read-only root, no capabilities, the network of the machine."""

    def __init__(self, folder: Path, files: Path, settings: dict[str, Any], configuration: Path) -> None:
        self._name = f"fleetmon-{folder.name}"
        run("runc", "spec", "--bundle", folder)
        spec = json.loads((folder / "config.json").read_text())
        user, group = map(int, settings["User"].split(":"))
        spec["root"] = {"path": str(files), "readonly": True}
        spec["process"] |= {
            "terminal": False, "noNewPrivileges": True, "capabilities": {}, "rlimits": [],
            "user": {"uid": user, "gid": group}, "env": settings["Env"], "cwd": settings["WorkingDir"],
            "args": settings["Entrypoint"] + settings["Cmd"],
        }  # fmt: skip
        kept = [f"uid={user}", f"gid={group}", "mode=0750"]
        spec["mounts"] = [one for one in spec["mounts"] if one["type"] != "cgroup"]
        for volume in settings["Volumes"]:
            spec["mounts"].append({"destination": volume, "type": "tmpfs", "source": "tmpfs", "options": kept})
        spec["mounts"].append(
            {"destination": "/etc/fleetmon", "type": "bind", "source": str(configuration), "options": ["bind", "ro"]}
        )
        spec["linux"]["namespaces"] = [{"type": name} for name in ("pid", "ipc", "uts", "mount")]
        (folder / "config.json").write_text(json.dumps(spec))
        self.log = folder / "log"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(["runc", "run", "--bundle", folder, self._name], stdout=log, stderr=log)

    def ask(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run something inside."""
        return run("runc", "exec", self._name, *command, check=False)

    def stop(self) -> int:
        """The exit status."""
        run("runc", "kill", self._name, "TERM")
        return self.process.wait(30)

    def remove(self) -> None:
        """Whatever became of it."""
        run("runc", "delete", "--force", self._name)
        self.process.wait(30)


@pytest.fixture
def container(
    tmp_path: Path, files: Path, settings: dict[str, Any], mosquitto: Any, free_port: Callable[[], int]
) -> Iterator[tuple[Container, int]]:
    """A daemon that is connected to a broker, and the port of its API."""
    configuration = tmp_path / "etc"
    configuration.mkdir()
    port = free_port()
    (configuration / "fleetmon.yml").write_text(CONFIGURATION.format(mqtt=mosquitto.port, web=port))
    shutil.copy(ROOT / "config/registry.yml", configuration)
    bundle = tmp_path / "bundle"
    bundle.mkdir()
    made = Container(bundle, files, settings, configuration)
    yield made, port
    made.remove()


def test_the_image_says_how_it_is_run(settings: dict[str, Any], files: Path) -> None:
    assert (settings["User"], settings["StopSignal"]) == ("10001:10001", "SIGTERM")
    assert settings["Healthcheck"]["Test"][0] == "CMD"
    assert set(settings["Volumes"]) == {"/var/lib/fleetmon"}
    left = [path.name for path in files.glob("**/fleetmon-*.whl")] + [path.name for path in (files / "build").glob("*")]
    assert not left, "the wheel stays in the stage that unpacks it"


async def test_it_runs_as_nobody_with_a_read_only_root(
    container: tuple[Container, int],
    mosquitto: Any,
    settings: dict[str, Any],
    say: Callable[..., Any],
    wait_for: Callable[..., None],
    http_get: Callable[[str], tuple[int, str]],
) -> None:
    inside, port = container
    url = f"http://127.0.0.1:{port}"
    wait_for(lambda: http_get(f"{url}/-/ready")[0] == 200 or inside.process.poll(), "ready", 60)
    assert inside.process.poll() is None, inside.log.read_text()
    await say(mosquitto.port, "terminal/T000001/heartbeat", {"at": 1, "boot": 1, "seq": 1, "interval_s": 60}, qos=0)
    wait_for(lambda: json.loads(http_get(f"{url}/api/v1/terminals/T000001")[1])["state"] == "up", "the heartbeat")
    healthy = [word.replace(":9877/", f":{port}/") for word in settings["Healthcheck"]["Test"][1:]]
    assert inside.ask(*healthy).returncode == 0
    assert inside.ask("id", "--user").stdout.strip() == "10001"
    assert "Read-only file system" in inside.ask("touch", "/opt/fleetmon/mine").stderr
    assert inside.ask("test", "-s", "/var/lib/fleetmon/fleetmon.db").returncode == 0
    capabilities = inside.ask("grep", "^Cap", "/proc/1/status").stdout.split()[1::2]
    assert set(capabilities) == {"0" * 16}
    assert inside.stop() == 0, inside.log.read_text()
