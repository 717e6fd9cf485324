"""Real servers as children of the benchmark: own ports, own folder, gone with it.

Everything is read from outside: CPU and memory from /proc, readiness and counters over HTTP.
"""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import yaml

from fleetmon.model.registry import Registry

ROOT = Path(__file__).parents[1]
LOOPBACK = "127.0.0.1"
_TICKS = os.sysconf("SC_CLK_TCK")
_IDLE_S = 0.5
_IDLE_SHARE = 0.1  # of a core; a daemon that only ticks uses less
_PAGE = os.sysconf("SC_PAGE_SIZE")


def required(program: str, package: str | None = None) -> str:
    """Where a program is; ends the benchmark with what to do when it is nowhere."""
    places = f"/usr/sbin:/usr/local/sbin:{Path(sys.prefix) / 'peers/bin'}"
    found = shutil.which(program) or shutil.which(program, path=places)
    if found is None:
        sys.exit(
            f"bench: {program} is not installed: `make bench` installs it, or deploy/install-servers.sh {package}"
            if package
            else f"bench: {program} is not installed: `make bench` installs it from bench/peers.txt"
        )
    return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def get(port: int, path: str, timeout_s: float = 60.0) -> str:
    with urllib.request.urlopen(f"http://{LOOPBACK}:{port}{path}", timeout=timeout_s) as answer:
        return str(answer.read().decode())


def answers(port: int, path: str) -> bool:
    try:
        return bool(get(port, path, 5.0))
    except (OSError, urllib.error.URLError):
        return False


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((LOOPBACK, port)) == 0


def wait(happened: Callable[[], object], what: str, timeout_s: float = 120.0, every_s: float = 0.05) -> None:
    """Poll until something happened; ends the benchmark with the name of what did not."""
    deadline = time.monotonic() + timeout_s
    while not happened():
        if time.monotonic() > deadline:
            sys.exit(f"bench: {what}: not within {timeout_s:g} s")
        time.sleep(every_s)


def cpu_s(pid: int) -> float:
    """CPU that a process and its children, dead and alive, have used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    alive = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return sum(map(int, fields[11:15])) / _TICKS + sum(cpu_s(int(child)) for child in alive)


def rss_bytes(pid: int | str) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE


def settle(pid: int) -> tuple[float, float]:
    """Wait until a process does nothing any more; when that began, and the CPU it has used by then."""
    samples = [(time.time(), cpu_s(pid))]
    while True:
        time.sleep(0.01)
        samples.append((time.time(), cpu_s(pid)))
        now, used = samples[-1]
        while now - samples[1][0] > _IDLE_S:
            samples.pop(0)
        if now - samples[0][0] >= _IDLE_S and used - samples[0][1] <= _IDLE_SHARE * _IDLE_S:
            return samples[0][0], used


class Child:
    """One process with its log."""

    def __init__(self, name: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
        self.name = name
        self.pid = process.pid
        self.process = process
        self._log = log

    def until(self, happened: Callable[[], object], what: str, timeout_s: float = 120.0) -> None:
        """Wait for it, unless the process ends."""

        def happened_or_ended() -> object:
            if self.process.poll() is not None:
                sys.exit(f"bench: {self.name} ended: {self._log.read_text(errors='replace')[-2000:].strip()}")
            return happened()

        wait(happened_or_ended, f"{self.name}: {what}", timeout_s)

    def stop(self, timeout_s: float = 60.0) -> None:
        """SIGTERM, and when that does not help SIGKILL."""
        self.process.terminate()
        try:
            self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            sys.exit(f"bench: {self.name} did not end within {timeout_s:g} s of SIGTERM")


@contextlib.contextmanager
def child(
    name: str,
    command: Sequence[str],
    folder: Path,
    environment: Mapping[str, str] | None = None,
    **pipes: Any,  # noqa: ANN401 - those of Popen
) -> Iterator[Child]:
    """A process that ends with the block."""
    log = folder / f"{name}.log"
    with log.open("ab") as output:
        streams: dict[str, Any] = {"stdout": output, "stderr": output, **pipes}
        process: subprocess.Popen[bytes] = subprocess.Popen(
            command, cwd=ROOT, env={**os.environ, **(environment or {})}, **streams
        )
    try:
        yield Child(name, process, log)
    finally:
        if process.poll() is None:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(60)
        if process.poll() is None:
            process.kill()
            process.wait()


@contextlib.contextmanager
def broker(folder: Path) -> Iterator[int]:
    """A private mosquitto with the shipped settings, which keep everything; its port."""
    folder.mkdir(parents=True, exist_ok=True)
    port, config = free_port(), folder / "mosquitto.conf"
    text = (ROOT / "deploy/mosquitto/mosquitto.conf").read_text(encoding="utf-8")
    text = text.replace("listener 1883 127.0.0.1", f"listener {port} {LOOPBACK}")
    config.write_text(f"{text.replace('/var/lib/mosquitto/', f'{folder}/')}\nuser {folder.owner()}\n")
    with child("mosquitto", [required("mosquitto", "mosquitto"), "-c", str(config)], folder) as process:
        process.until(lambda: listens(port), "no answer")
        yield port


class Home:
    """The folder of one daemon: configuration, registry and store, which outlive its process."""

    def __init__(self, folder: Path, broker_port: int, registry: Registry, max_uncommitted: int | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.web = free_port()
        self.store = folder / "fleetmon.db"
        mqtt = {"port": broker_port} | ({"max_uncommitted": max_uncommitted} if max_uncommitted else {})
        (folder / "registry.json").write_bytes(msgspec.json.encode(registry))
        (folder / "fleetmon.yml").write_text(
            yaml.safe_dump({"registry": "registry.json", "mqtt": mqtt, "web": {"port": self.web}})
        )

    @contextlib.contextmanager
    def daemon(self, ready_within_s: float = 120.0) -> Iterator[Child]:
        """The whole daemon, as an operator starts it, from the moment it is ready."""
        command = [sys.executable, "-m", "fleetmon", "run", "--config.file", str(self.folder / "fleetmon.yml")]
        with child("fleetmon", command, self.folder) as process:
            process.until(lambda: answers(self.web, "/-/ready"), "not ready", ready_within_s)
            yield process

    def metrics(self) -> dict[str, float]:
        """Every sample of a scrape by its name with labels."""
        return samples(get(self.web, "/metrics"))


def samples(page: str) -> dict[str, float]:
    """A page of metrics as series -> value."""
    found = {}
    for line in page.splitlines():
        if line and not line.startswith("#"):
            body, _, tail = line.rpartition("} ")
            series, value = (f"{body}}}", tail) if body else line.split(" ", 1)
            found[series] = float(value.split()[0])
    return found
