"""The demo: with a broker as its own process, and without one."""

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from fleetmon.demo import servers
from fleetmon.demo.demo import demo


def children(pid: int) -> list[str]:
    listed = subprocess.run(["ps", "-o", "comm=", "--ppid", str(pid)], capture_output=True, text=True, check=False)
    return listed.stdout.split()


@pytest.mark.parametrize("arguments", [[], ["--stack", str(Path(__file__).parents[2] / "deploy")]])
async def test_ctrl_c_stops_everything_and_leaves_nothing_running(arguments: list[str], tmp_path: Path) -> None:
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "fleetmon", "demo", *arguments, stdout=asyncio.subprocess.PIPE, env=environment
    )
    said: list[bytes] = []
    assert process.stdout is not None
    try:
        async with asyncio.timeout(60):
            while not said or b"fleet up" not in said[-1]:
                said.append(await process.stdout.readline())
                assert said[-1], "the demo ended"
        started = children(process.pid)
        assert "mosquitto" in started
        assert ("prometheus" in started) == bool(arguments)
        process.send_signal(signal.SIGINT)
        async with asyncio.timeout(20):
            await process.stdout.read()
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
    assert list(tmp_path.iterdir()) == [], "a folder was left behind"
    left = subprocess.run(["ps", "-eo", "args="], capture_output=True, text=True, check=True).stdout
    assert str(tmp_path) not in left, "a server was left running"


async def test_without_mosquitto_the_fleet_speaks_to_the_daemon_directly(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(servers, "find", lambda _program: None)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    said: list[str] = []
    task = asyncio.create_task(demo(None, said.append, once=False))
    async with asyncio.timeout(30):
        while not any("fleet up" in line for line in said):
            if task.done():
                task.result()
            await asyncio.sleep(0.02)
    assert "No mosquitto found" in said[0]
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(servers, "find", lambda _program: None)

    def required(name: str) -> Any:
        return servers._required(name)

    with pytest.raises(Exception, match=r"prometheus is not installed; on Debian: deploy/install-servers\.sh"):
        required("prometheus")
