"""What befalls fleetmon and its broker, with both of them real: no terminal is ever called silent for it.

The fleet beats every three seconds instead of every minute, so ten seconds stand for three minutes.
"""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from fleetmon import config
from fleetmon.app import Daemon
from fleetmon.config import Config, Loaded
from fleetmon.ingest.settings import MqttSettings
from fleetmon.model.terminal import Liveness
from fleetmon.store import StoreSettings
from fleetmon.web.settings import WebSettings

from .test_kill import Victim, eventually

INTERVAL_S = 3
LONG_S = 4 * INTERVAL_S  # a silence of so long would have had everybody called down


class Fleet:
    """Forty simulated terminals in a process of their own, each a client with a will."""

    def __init__(self, folder: Path) -> None:
        self.registry = folder / "registry.yml"
        self.log = folder / "fleet.log"
        made_up = ["--terminals", "40", "--interval-s", str(INTERVAL_S), "--write-registry", str(self.registry)]
        subprocess.run([sys.executable, "-m", "fleetmon", "simulate", *made_up], check=True, capture_output=True)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, port: int) -> None:
        play = ["--registry", self.registry, "--port", str(port), "--sales-per-hour", "0"]
        with self.log.open("ab") as log:
            command = [sys.executable, "-m", "fleetmon", "simulate", *map(str, play)]
            self._process = subprocess.Popen(command, stdout=log, stderr=log)

    def kill(self) -> None:
        """All connections are lost at once, and the broker publishes all wills."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    made = Fleet(tmp_path)
    yield made
    made.kill()


@pytest.fixture
async def watching(running_daemon: Any, tmp_path: Path, fleet: Fleet) -> Callable[..., Any]:
    """Start a daemon on the fleet, and wait until everybody is up."""

    async def begin(port: int) -> Any:
        settings = Config(
            registry="", mqtt=MqttSettings(port=port, reconnect_max_s=1.0), web=WebSettings(port=0),
            store=StoreSettings(f"sqlite:///{tmp_path}/fleetmon.db"),
        )  # fmt: skip
        loaded = Loaded(settings, config.load_registry(fleet.registry), None, None)
        running = running_daemon(Daemon(loaded))
        running.daemon._on_transition = running.transitions.append
        await running.until_ready()
        fleet.start(port)
        await running.until(lambda: up(running) == 40, "everybody is up", 60)
        return running

    return begin


def up(running: Any) -> int:
    return sum(one.liveness is Liveness.UP for one in running.daemon.engine.fleet.terminals.values())


def down(running: Any) -> list[str]:
    return [one.id for one in running.daemon.engine.fleet.terminals.values() if one.liveness is Liveness.DOWN]


async def all_well(running: Any, seconds: float = LONG_S) -> None:
    """Nobody is called down for so long, and what was announced is our own matter."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert down(running) == []
        await asyncio.sleep(0.1)
    await running.until(lambda: up(running) == 40, "everybody is up again", 30)
    assert {change.incident.kind for change in running.transitions} <= {"ingest_impaired"}
    assert not running.told or running.told[0] == "ingest_impaired firing"


async def test_a_broker_that_restarts_or_is_away_for_long_takes_no_terminal_with_it(
    watching: Any, mosquitto: Any
) -> None:
    running = await watching(mosquitto.port)
    mosquitto.restart()
    await all_well(running)
    mosquitto.stop()
    await all_down(running)
    mosquitto.start()
    await running.until_ready()
    await all_well(running)
    assert running.told.count("ingest_impaired firing") <= 1, "none if it was away for less than half a minute"


async def all_down(running: Any) -> None:
    """The link is lost for long."""
    await running.until(lambda: running.daemon.engine.deaf, "the link is lost")
    await asyncio.sleep(LONG_S)
    assert down(running) == []


async def test_all_wills_at_once_are_not_all_terminals(watching: Any, mosquitto: Any, fleet: Fleet) -> None:
    running = await watching(mosquitto.port)
    fleet.kill()
    terminals = running.daemon.engine.fleet.terminals.values()
    await running.until(lambda: sum(bool(one.will_at) for one in terminals) == 40, "all wills")
    looks = running.daemon._turns.rounds
    await running.until(lambda: running.daemon._turns.rounds > looks + 10, "they are looked at without their terminals")
    fleet.start(mosquitto.port)
    await all_well(running, 2 * LONG_S)
    assert down(running) == []


async def test_a_clock_that_is_set_by_an_hour_changes_nothing(
    watching: Any, mosquitto: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = await watching(mosquitto.port)
    real, before = time.time_ns, running.daemon.engine.now
    monkeypatch.setattr("fleetmon.clock.time.time_ns", lambda: real() + 3_600_000_000_000)
    await running.until(lambda: running.daemon.engine.now > before + 3_600_000, "the step")
    await all_well(running)
    monkeypatch.setattr("fleetmon.clock.time.time_ns", lambda: real() - 3_600_000_000_000)
    await all_well(running)
    assert running.told == []


async def test_an_access_list_that_was_changed_is_our_own_fault_though_the_link_stands(
    watching: Any, broker_config: Any, tmp_path: Path
) -> None:
    rules = tmp_path / "acl"
    rules.write_text("topic readwrite #\n")
    rules.chmod(0o644)
    broker = broker_config(f"acl_file {rules}")
    broker.start()
    running = await watching(broker.port)
    rules.write_text("topic readwrite fleetmon/#\ntopic write pos/v1/#\n")
    broker._process.send_signal(signal.SIGHUP)
    await running.until(lambda: running.daemon.engine.deaf, "it is noticed", 30)
    assert running.daemon.not_ready() == [], "the link stands"
    status, text = await running.get("/metrics")
    assert status == 200
    assert 'fleetmon_terminals{state="unknown"} 40.0' in text
    assert "fleetmon_ingest_impaired 1.0" in text
    await asyncio.sleep(LONG_S)
    assert down(running) == []
    rules.write_text("topic readwrite #\n")
    broker._process.send_signal(signal.SIGHUP)
    await running.until(lambda: not running.daemon.engine.deaf, "it is over", 30)
    await all_well(running)


async def test_a_process_that_is_suspended_or_killed_wakes_without_a_word(
    tmp_path: Path, mosquitto: Any, fleet: Fleet
) -> None:
    victim = Victim(tmp_path, {"registry": str(fleet.registry), "mqtt": {"port": mosquitto.port}, "web": {"port": 0}})
    seen = "select count(*) from terminal_change where after = 'up'"
    victim.start()
    await eventually(lambda: "link up" in (tmp_path / "log").read_text(), "the daemon has subscribed")
    fleet.start(mosquitto.port)
    try:
        await eventually(lambda: victim.rows(seen) == [(40,)], "everybody is up", 60)
        assert victim.process is not None
        os.kill(victim.process.pid, signal.SIGSTOP)
        await asyncio.sleep(LONG_S)
        os.kill(victim.process.pid, signal.SIGCONT)
        await eventually(lambda: "stalled" in (tmp_path / "log").read_text(), "it noticed")
        await asyncio.sleep(LONG_S)
        victim.kill()
        await asyncio.sleep(LONG_S)
        victim.start()
        await eventually(lambda: (tmp_path / "log").read_text().count("link up") >= 2, "it listens again")
        await asyncio.sleep(LONG_S)
        assert victim.rows("select terminal from terminal_change where after = 'down'") == []
        assert victim.rows("select kind from incident") == []
    finally:
        victim.stop()


def test_the_registry_of_the_fleet_tells_how_fast_it_beats(fleet: Fleet) -> None:
    assert {one["interval_s"] for one in yaml.safe_load(fleet.registry.read_text())["terminals"]} == {INTERVAL_S}
