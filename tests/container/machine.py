"""A machine that systemd has booted, on which fleetmon is installed as the documentation says: `make deploy-proof`.

The machine is a container of systemd-nspawn with Debian's own Python and the network of this one. No file of the
ordinary tests, as it needs root, cgroups and some minutes. Not tried: another systemd than Debian's.
"""

import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from .image import OF_THE_MACHINE, ROOT, debian, run

RELEASE = "bookworm"  # systemd 252, Python 3.11
PACKAGES = "systemd,systemd-sysv,dbus,python3-venv,ca-certificates"
INSTALLING = (ROOT / "docs/installing.md").read_text().split("## systemd\n")[1].split("\n## ")[0]
INSTALL, START = re.findall(r"```sh\n(.*?)```", INSTALLING, flags=re.DOTALL)
CREDENTIAL = re.findall(r"```ini\n(.*?)```", INSTALLING, flags=re.DOTALL)[0]
PASSWORD_FILE = re.findall(r"`password_file: (\S+)`", INSTALLING)[0]
FLEETMON = "/opt/fleetmon/bin/fleetmon"
NSPAWN = ("systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--directory")
HURRY = "[Service]\nWatchdogSec=4\nRestartSec=1\n"
CONFIGURATION = """\
mqtt: {{host: 127.0.0.1, port: {mqtt}}}
registry: registry.yml
store: {{url: "sqlite:////var/lib/fleetmon/fleetmon.db"}}
web: {{port: {web}}}
"""


class Machine:
    """A booted system."""

    def __init__(self, root: Path, console: Path) -> None:
        self._console = console
        with console.open("w") as log:
            self.process = subprocess.Popen([*NSPAWN, root, "--boot"], stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def ask(self, *command: str, check: bool = True) -> str:
        """Run something on it."""
        return run("nsenter", "--target", self._init(), "--all", "--", *command, check=check).stdout.strip()

    def is_up(self) -> bool:
        """Whether it takes logins."""
        assert self.process.poll() is None, self._console.read_text()[-2000:]
        return bool(self._init()) and self.ask("systemctl", "is-active", "multi-user.target", check=False) == "active"

    def _init(self) -> str:
        """Its first process, as it is numbered here."""
        return Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().partition(" ")[0]

    def shows(self, name: str) -> str:
        """One property of the service."""
        return self.ask("systemctl", "show", "fleetmon", "--value", "--property", name)

    def stop(self) -> None:
        """Shut it down."""
        self.process.terminate()
        self.process.wait(60)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A system on which the commands of the documentation were run, up to where its fleet is described."""
    root = tmp_path_factory.mktemp("machine")
    debian(RELEASE, PACKAGES, root)
    (wheel,) = (ROOT / "dist").glob("*.whl")
    shutil.copy(wheel, root / "root")
    mounts = [f"--bind-ro={path}" for path in OF_THE_MACHINE if path != "/etc/resolv.conf"]
    run(*NSPAWN, root, "--pipe", *mounts, "--chdir=/root", "sh", "-euc", INSTALL)
    return root


@pytest.fixture
def machine(
    installed: Path, tmp_path: Path, broker_config: Callable[..., Any], free_port: Callable[[], int], wait_for: Any
) -> Iterator[tuple[Machine, Any, int]]:
    """Booted, with the service enabled, which has the password of a credential; its broker and its port."""
    known = tmp_path / "passwords"
    known.touch()
    run("mosquitto_passwd", "-b", known, "fleetmon", "hush")
    broker = broker_config(f"password_file {known}", anonymous=False)
    broker.start()
    port = free_port()
    folder = installed / "etc/fleetmon"
    text = CONFIGURATION.format(mqtt=broker.port, web=port)
    (folder / "fleetmon.yml").write_text(text)
    made = Machine(installed, tmp_path / "console")
    try:
        wait_for(made.is_up, "booted", 60)
        made.ask("sh", "-euc", START)
        give_password(installed, broker.port)
        made.ask("sh", "-euc", "systemctl daemon-reload && systemctl restart fleetmon")
        yield made, broker, port
    finally:
        made.stop()


def give_password(root: Path, port: int) -> None:
    """What the documentation says of passwords."""
    (root / "etc/fleetmon/mqtt-password").write_text("hush\n")
    file = root / "etc/fleetmon/fleetmon.yml"
    secret = f"username: fleetmon, password_file: {PASSWORD_FILE}"
    file.write_text(file.read_text().replace(f"port: {port}", f"port: {port}, {secret}", 1))
    drop_in = root / "etc/systemd/system/fleetmon.service.d"
    drop_in.mkdir()
    (drop_in / "password.conf").write_text(CREDENTIAL)
    (drop_in / "hurry.conf").write_text(HURRY)


def come_online(broker: Any, key: str) -> None:
    """A terminal says so, as nothing that it may lose."""
    said = json.dumps({"at": 1, "state": "online", "boot": 1, "session": "s-1"})
    to = ["-p", str(broker.port), "-u", "fleetmon", "-P", "hush", "-t", f"pos/v1/terminal/{key}/state"]
    run("mosquitto_pub", *to, "-q", "1", "-m", said)


def test_the_service_runs_as_its_unit_says(
    machine: tuple[Machine, Any, int], wait_for: Callable[..., None], http_get: Callable[[str], tuple[int, str]]
) -> None:
    booted, broker, port = machine

    def is_up() -> bool:
        return bool('"state":"up"' in http_get(f"http://127.0.0.1:{port}/api/v1/terminals/T000001")[1])

    def is_back(restarts: int) -> bool:
        return booted.shows("NRestarts") == str(restarts) and booted.shows("ActiveState") == "active"

    assert booted.shows("ActiveState") == "active", "it tells systemd when it is ready"
    wait_for(lambda: booted.shows("StatusText") == "ready", "connected with the password of its credential")
    come_online(broker, "T000001")
    wait_for(is_up, "online")

    booted.ask(FLEETMON, "check-config", "/etc/fleetmon/fleetmon.yml")
    booted.ask(FLEETMON, "store", "backup", "/root/copy.db", "--config.file", "/etc/fleetmon/fleetmon.yml")

    first = booted.shows("MainPID")
    assert booted.ask("stat", "--format=%U", f"/proc/{first}") == "fleetmon"
    booted.ask("systemctl", "reload", "fleetmon")
    wait_for(lambda: "reloaded" in booted.ask("journalctl", "--unit=fleetmon"), "reloaded")
    assert booted.shows("MainPID") == first

    booted.ask("systemctl", "kill", "--signal=STOP", "fleetmon")
    wait_for(lambda: is_back(1), "the watchdog", 60)
    assert "watchdog" in booted.ask("journalctl", "--unit=fleetmon").lower()
    booted.ask("systemctl", "kill", "--signal=KILL", "fleetmon")
    wait_for(lambda: is_back(2), "restarted", 60)
    wait_for(is_up, "what was known of the terminal before")

    booted.ask("systemctl", "stop", "fleetmon")
    assert (booted.shows("ActiveState"), booted.shows("Result")) == ("inactive", "success")
