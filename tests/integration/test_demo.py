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
from msgspec.structs import replace

from fleetmon.demo import servers
from fleetmon.demo.demo import demo, held_up, the_fleet, the_tale
from fleetmon.demo.story import Story
from fleetmon.ingest import recording
from fleetmon.model.days import DAY
from fleetmon.model.topics import Topics
from fleetmon.readout.situations import Situations
from fleetmon.replay import play
from fleetmon.sim.recorder import START, record
from fleetmon.sim.settings import SimSettings
from fleetmon.sim.simulator import Progress


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


def test_in_the_end_it_says_why_the_money_of_a_stuck_sale_comes_later(tmp_path: Path) -> None:
    """The demo's own story, three minutes of it in virtual time."""
    tale = the_tale()
    registry = the_fleet(tale, START)
    settings = SimSettings(sales_per_hour=120)
    record(registry, replace(tale, duration_s=185), settings, START, tmp_path / "r.ndjson")
    played = play(recording.read(tmp_path / "r.ndjson"), registry, None, Topics())
    found = held_up(played.engine)
    assert found is not None
    assert (found.state, found.findings[0].cause) == ("not_due", "carrier_outage")
    outages = [one for one in played.transitions if one.incident.kind == "carrier_outage"]
    assert found.findings[0].incident == outages[-1].incident.id
    assert found.due_at is not None
    assert found.due_at > played.until + DAY // 2, "without the outage it had been paid in these minutes"

    said: list[str] = []
    story = Story(said.append, lambda: found, Situations(played.engine).of)
    for change in played.transitions:
        story.on_transition(change)
    story.on_progress(Progress(185, 185, 100, 100, 1, 1, 1, 0, 0, 0, 1, ()))
    assert story.over.is_set()
    text = "\n".join(said)
    assert found.terminal in text
    assert found.texts["en"].sentence in text
    assert found.texts["zh"].sentence in text
    assert f"Who acts: {found.texts['en'].who}" in text
    assert f"由谁处理：{found.texts['zh'].who}" in text
    overdue = [one for one in played.transitions if one.incident.kind == "settlement_overdue"]
    assert overdue == [], "whoever was not struck is paid in time"


def test_a_server_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(servers, "find", lambda _program: None)

    def required(name: str) -> Any:
        return servers._required(name)

    with pytest.raises(Exception, match=r"prometheus is not installed; on Debian: deploy/install-servers\.sh"):
        required("prometheus")
