"""What systemd is told, asked of a real daemon by a real notification socket."""

import asyncio
import contextlib
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from fleetmon import supervision
from fleetmon.supervision import Supervision

Until = Callable[..., None]


class Manager:
    """The service manager's end: every line it was told, in order."""

    def __init__(self, address: str) -> None:
        self.told: list[str] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(address.replace("@", "\0", 1))
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        with contextlib.suppress(OSError):
            while message := self._socket.recv(4096):
                self.told += message.decode().splitlines()

    def count(self, line: str) -> int:
        return self.told.count(line)

    def status(self) -> str:
        return next((line for line in reversed(self.told) if line.startswith("STATUS=")), "")

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[tuple[Manager, str]]:
    address = str(tmp_path / "notify")
    made = Manager(address)
    yield made, address
    made.close()


@pytest.fixture
def unit(tmp_path: Path, manager: tuple[Manager, str]) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start the daemon as systemd would, on a broker's port."""
    started: list[subprocess.Popen[str]] = []

    def begin(broker: int, **more: Any) -> subprocess.Popen[str]:
        (tmp_path / "registry.yml").write_text("{}")
        config = {"registry": "registry.yml", "mqtt": {"port": broker, "reconnect_max_s": 1.0}, **more}
        (tmp_path / "fleetmon.yml").write_text(yaml.safe_dump(config))
        command = [sys.executable, "-m", "fleetmon", "run", "--config.file", str(tmp_path / "fleetmon.yml")]
        environment = {**os.environ, "NOTIFY_SOCKET": manager[1], "WATCHDOG_USEC": "60000000"}
        with (tmp_path / "log").open("a") as log:
            started.append(subprocess.Popen(command, stderr=log, env=environment, text=True))
        return started[-1]

    yield begin
    for process in started:
        process.kill()
        process.wait()


def test_the_life_of_a_unit(
    unit: Callable[..., subprocess.Popen[str]],
    manager: tuple[Manager, str],
    mosquitto: Any,
    tmp_path: Path,
    wait_for: Until,
    free_port: Callable[[], int],
    http_get: Callable[[str], tuple[int, str]],
) -> None:
    told, port = manager[0], free_port()
    process = unit(mosquitto.port, web={"port": port})
    wait_for(lambda: told.count("READY=1"), "READY=1")
    assert http_get(f"http://127.0.0.1:{port}/-/healthy")[0] == 200, "ready before it serves"
    wait_for(lambda: told.status() == "STATUS=ready", "STATUS=ready")
    wait_for(lambda: told.count("WATCHDOG=1") > 2, "the watchdog is fed")
    mosquitto.stop()
    wait_for(lambda: told.status().startswith("STATUS=broker: "), "the broker's absence in STATUS")
    fed = told.count("WATCHDOG=1")
    wait_for(lambda: told.count("WATCHDOG=1") > fed + 1, "fed although the broker is away")
    before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    (tmp_path / "registry.yml").write_text("terminals: [{id: T1}]")
    process.send_signal(signal.SIGHUP)
    wait_for(lambda: told.count("READY=1") == 2, "READY=1 after the reload")
    start = told.told.index("RELOADING=1")
    name, value = told.told[start + 1].split("=")
    assert (name, before <= int(value) <= time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000) == (
        "MONOTONIC_USEC", True,
    )  # fmt: skip
    (tmp_path / "registry.yml").write_text("terminals: [{id: }]")
    process.send_signal(signal.SIGHUP)
    wait_for(lambda: told.count("READY=1") == 3, "READY=1 after a refused reload")
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0
    assert told.count("STOPPING=1") == 1
    assert told.told.index("STOPPING=1") > start


def test_ready_without_a_broker(
    unit: Callable[..., subprocess.Popen[str]],
    manager: tuple[Manager, str],
    wait_for: Until,
    free_port: Callable[[], int],
) -> None:
    """Or systemd would restart it for as long as the broker is away, and nobody could ask it anything."""
    unit(free_port(), web={"port": 0})
    wait_for(lambda: manager[0].count("READY=1"), "READY=1")
    wait_for(lambda: manager[0].status().startswith("STATUS=broker: "), "what is missing")
    assert manager[0].count("READY=1") == 1


def test_a_locked_database_is_told_and_no_reason_to_be_restarted(
    unit: Callable[..., subprocess.Popen[str]],
    manager: tuple[Manager, str],
    mosquitto: Any,
    tmp_path: Path,
    wait_for: Until,
) -> None:
    told = manager[0]
    unit(mosquitto.port, web={"port": 0})
    wait_for(lambda: told.status() == "STATUS=ready", "STATUS=ready")
    with contextlib.closing(sqlite3.connect(tmp_path / "fleetmon.db")) as other:
        other.execute("BEGIN IMMEDIATE")
        wait_for(lambda: "database is locked" in told.status(), "the lock in STATUS", 30)
        fed = told.count("WATCHDOG=1")
        wait_for(lambda: told.count("WATCHDOG=1") > fed, "fed: the store tries again", 30)
    wait_for(lambda: told.status() == "STATUS=ready", "STATUS=ready again", 30)
    assert told.count("READY=1") == 1, "it is the same process"


async def test_one_part_that_stands_still_starves_the_watchdog(
    manager: tuple[Manager, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervision, "LOOK_S", 0.01)
    told, at, missing = manager[0], [0, 0], ["store: no space\nleft"]
    watching = asyncio.create_task(
        Supervision({"NOTIFY_SOCKET": manager[1]}).watch(lambda: (at[0], at[1]), lambda: missing)
    )

    async def until(happened: Callable[[], object]) -> None:
        async with asyncio.timeout(10):
            while not happened():
                await asyncio.sleep(0.01)

    await until(lambda: told.status() == "STATUS=store: no space left")
    assert told.told == ["STATUS=store: no space left"], "not ready before anything has moved, and told once"
    at[0] += 1
    missing.append("broker: away")  # whatever is told after this was told after the look at what moved
    await until(lambda: told.status().endswith("broker: away"))
    assert not {"READY=1", "WATCHDOG=1"} & set(told.told), "only the clock ticks: the store's writer hangs"
    at[1] += 1
    await until(lambda: told.count("READY=1") == 1 and told.count("WATCHDOG=1") == 1)
    at[1] += 1
    missing.clear()
    await until(lambda: told.status() == "STATUS=ready")
    assert told.count("WATCHDOG=1") == 1, "only the store moves: the rounds of the engine do not end"
    watching.cancel()


async def test_the_writer_that_hangs_makes_no_progress(start: Callable[..., Any]) -> None:
    """A commit that neither ends nor fails: the loop lives, and that is not enough."""
    running = start()
    release = threading.Event()
    daemon = running.daemon
    await running.until(lambda: daemon.store.commits > 0, "a commit")
    original = daemon.store._writer._assure
    daemon.store._writer._assure = release.wait
    await running.until(daemon.store._writer._queue.empty, "the writer took its last work")
    at = daemon._progress()
    await running.until(lambda: daemon._progress()[0] > at[0] + 20, "the clock ticks on")
    stuck = daemon._progress()
    await running.until(lambda: daemon._progress()[0] > stuck[0] + 20, "the clock ticks on")
    assert daemon._progress()[1] == stuck[1]
    daemon.store._writer._assure = original
    release.set()
    await running.until(lambda: daemon._progress()[1] > stuck[1], "the writer goes on")


def test_abstract_names_and_no_manager_at_all(tmp_path: Path, wait_for: Until) -> None:
    made = Manager(f"@{tmp_path}/abstract")
    Supervision({"NOTIFY_SOCKET": f"@{tmp_path}/abstract"}).stopping()
    wait_for(lambda: made.count("STOPPING=1"), "STOPPING=1")
    Supervision({"NOTIFY_SOCKET": str(tmp_path / "gone")}).stopping()
    Supervision({}).stopping()
    assert made.count("STOPPING=1") == 1, "nobody hears of those"
    made.close()
