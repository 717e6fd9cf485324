"""When fleetmon itself fails: loudly, and without spoiling what is stored."""

import asyncio
import os
import signal
import sqlite3
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from fleetmon import config
from fleetmon.app import Daemon
from fleetmon.engine import Fact, Message
from fleetmon.ingest.settings import MqttSettings
from fleetmon.model.errors import ConfigError, StoreError
from fleetmon.store import Work

Say = Callable[..., Awaitable[None]]
TAMPER = {"at": 1, "boot": 1, "seq": 1, "component": "security", "code": "Tamper", "action": "set"}


async def test_a_fault_in_the_middle_of_a_batch_does_not_hide_its_messages_from_the_next_run(
    start: Any, mosquitto: Any, say: Say
) -> None:
    """The engine has noted the message when the fault comes; the restart must not think that it is stored."""
    first = start(mqtt=MqttSettings(port=mosquitto.port))
    await first.until_ready()
    await say(mosquitto.port, "terminal/noodle-1/device", TAMPER)
    await first.until(lambda: first.told == ["tamper firing"], "the incident")
    observe = first.daemon.engine.observe

    def fail(messages: Any) -> None:
        observe(messages)
        raise ZeroDivisionError("ours")

    first.daemon.engine.observe = fail
    await say(mosquitto.port, "terminal/noodle-1/device", {**TAMPER, "seq": 2, "action": "clear"})
    with pytest.raises(ExceptionGroup):
        await first.task
    second = start(mqtt=MqttSettings(port=mosquitto.port))
    await second.until(lambda: second.told == ["tamper resolved"], "the broker sends it again, and it counts")


async def test_a_fault_of_the_writer_ends_the_daemon(start: Any, mosquitto: Any) -> None:
    running = start(mqtt=MqttSettings(port=mosquitto.port))
    await running.until_ready()
    nothing: Any = None
    running.daemon.store.submit(
        Work(lambda: None, facts=[Fact("k", 0, Message(1, "x", nothing, False, "t", nothing)), nothing])
    )
    with pytest.raises(ExceptionGroup) as caught:
        await running.task
    assert caught.group_contains(AttributeError)


async def test_a_fact_that_cannot_be_read_stops_the_start_and_spoils_nothing(
    start: Any, mosquitto: Any, say: Say
) -> None:
    first = start(mqtt=MqttSettings(port=mosquitto.port))
    await first.until_ready()
    await say(mosquitto.port, "terminal/noodle-1/device", TAMPER)
    await first.until(lambda: first.told == ["tamper firing"], "the incident")
    await first.stop()
    file = first.daemon.config.store.file
    assert file is not None
    with sqlite3.connect(file) as connection:
        connection.execute(
            "insert into fact (key, received_at, kind, subject, epoch, retained, topic, payload) "
            "values ('new', 1, 'FromTheFuture', 'noodle-1', 0, 0, 't', '{}')"
        )
        before = connection.execute("select * from snapshot").fetchall()
    connection.close()
    second = start(mqtt=MqttSettings(port=mosquitto.port))
    with pytest.raises(StoreError, match="FromTheFuture"):
        await second.task
    with sqlite3.connect(file) as connection:
        assert connection.execute("select * from snapshot").fetchall() == before
    connection.close()


@pytest.fixture
def written(tmp_path: Path, mosquitto: Any) -> Callable[..., Path]:
    def write(terminals: list[str], **sections: Any) -> Path:
        (tmp_path / "registry.yml").write_text(yaml.safe_dump({"terminals": [{"id": key} for key in terminals]}))
        path = tmp_path / "fleetmon.yml"
        base = {"registry": "registry.yml", "mqtt": {"port": mosquitto.port}, "web": {"port": 0}}
        path.write_text(yaml.safe_dump(base | sections))
        return path

    return write


async def test_reload_takes_the_registry_and_refuses_what_needs_a_restart(
    written: Callable[..., Path], running_daemon: Any
) -> None:
    path = written(["T1", "T2"])
    running = running_daemon(Daemon(config.load(path, {}), reread=lambda: config.load(path, {})))
    await running.until_ready()
    written(["T2", "T3"])
    await running.daemon.reload()
    assert sorted(running.daemon.engine.fleet.terminals) == ["T2", "T3"]
    (path.parent / "registry.yml").write_text("terminals: [{id: T4}, {id: T4}]")
    with pytest.raises(ConfigError, match="there twice"):
        await running.daemon.reload()
    written(["T5"], mqtt={"port": 1})
    with pytest.raises(ConfigError, match="mqtt: changed; restart"):
        await running.daemon.reload()
    assert sorted(running.daemon.engine.fleet.terminals) == ["T2", "T3"], "a refused one changes nothing"
    assert "fleetmon_config_last_reload_successful 0.0" in (await running.get("/metrics"))[1]


async def test_sighup_reloads(written: Callable[..., Path], tmp_path: Path) -> None:
    path = written(["T1"])
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "fleetmon", "run", "--config.file", str(path), stderr=asyncio.subprocess.PIPE
    )
    assert process.stderr is not None

    async def until(text: str) -> None:
        assert process.stderr is not None
        async with asyncio.timeout(20):
            while text not in (await process.stderr.readline()).decode():
                assert process.returncode is None

    try:
        await until("link up")
        written(["T1", "T2"])
        os.kill(process.pid, signal.SIGHUP)
        await until("configuration reloaded")
        (tmp_path / "registry.yml").write_text("terminals: nonsense")
        os.kill(process.pid, signal.SIGHUP)
        await until("configuration refused")
    finally:
        process.terminate()
        await process.stderr.read()
        assert await process.wait() == 0
