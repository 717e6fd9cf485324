"""SIGKILL under load, several times, at random points: nothing acknowledged is lost, nothing happens twice."""

import asyncio
import contextlib
import hashlib
import json
import os
import random
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import aiohttp
import aiomqtt
import pytest
import yaml

KILLS = 5
SHOPS = [[f"{shop}-{number}" for number in range(1, 8)] for shop in ("noodle", "grill")]


class Victim:
    """The daemon as its own process, started again and again on the same store."""

    def __init__(self, folder: Path, config: dict[str, Any]) -> None:
        self.folder = folder
        (folder / "fleetmon.yml").write_text(yaml.safe_dump(config))
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "fleetmon", "run", "--config.file", str(self.folder / "fleetmon.yml")]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(command, stderr=log, stdout=log)

    def kill(self) -> None:
        assert self.process is not None
        assert self.process.poll() is None, (self.folder / "log").read_text()[-3000:]
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(20)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with contextlib.closing(sqlite3.connect(self.folder / "fleetmon.db", timeout=10)) as connection:
            try:
                return connection.execute(query).fetchall()
            except sqlite3.OperationalError:
                return []


class Till:
    """What the terminals of all shops say at once; every QoS 1 message is noted once the broker has taken it."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.taken: set[str] = set()
        self.cycles = 0
        self._seq = Counter[str]()

    async def run(self, until: asyncio.Event) -> None:
        async with asyncio.TaskGroup() as tasks:
            for shop in SHOPS:
                tasks.create_task(self._sell(shop, until))

    async def _sell(self, shop: list[str], until: asyncio.Event) -> None:
        async with aiomqtt.Client("127.0.0.1", self.port, protocol=aiomqtt.ProtocolVersion.V5) as client:
            while not until.is_set():
                async with asyncio.TaskGroup() as tasks:
                    for terminal in shop:
                        tasks.create_task(self._cycle(client, f"{terminal}-{self.cycles}"))
                self.cycles += len(shop)

    async def _cycle(self, client: aiomqtt.Client, terminal: str) -> None:
        """A tamper comes and goes, with a sale between; each time of another terminal, else it is a loose contact."""
        tamper = {"component": "security", "code": "Tamper"}
        await self._say(client, terminal, "device", {**tamper, "action": "set"})
        sale = {"id": f"{terminal}-{self._seq[terminal]}", "kind": "sale", "stage": "approved", "amount": 100}
        await self._say(client, terminal, "transaction", sale)
        await self._say(client, terminal, "device", {**tamper, "action": "clear"})
        await client.publish(
            f"pos/v1/terminal/{terminal}/heartbeat", self._message(terminal, {"interval_s": 3600}), qos=0
        )

    async def _say(self, client: aiomqtt.Client, terminal: str, level: str, body: dict[str, Any]) -> None:
        payload = self._message(terminal, body)
        await client.publish(f"pos/v1/terminal/{terminal}/{level}", payload, qos=1)
        key = f"{terminal}/{body['id']}/approved" if level == "transaction" else f"{terminal}/0/1/{self._seq[terminal]}"
        self.taken.add(key)

    def _message(self, terminal: str, body: dict[str, Any]) -> str:
        self._seq[terminal] += 1
        return json.dumps({"at": time.time_ns() // 1_000_000, "boot": 1, "seq": self._seq[terminal], **body})


@pytest.mark.parametrize("seed", [1, 2])
async def test_nothing_acknowledged_is_lost_and_nothing_happens_twice(
    seed: int, tmp_path: Path, mosquitto: Any, sample: Path
) -> None:
    victim = Victim(
        tmp_path,
        {"registry": str(sample / "registry.yml"), "mqtt": {"port": mosquitto.port}, "web": {"port": 0}},
    )
    till, enough, rng = Till(mosquitto.port), asyncio.Event(), random.Random(seed)
    victim.start()
    await eventually(lambda: "link up" in (tmp_path / "log").read_text(), "the daemon has subscribed")
    saying = asyncio.create_task(till.run(enough))
    try:
        for _ in range(KILLS):
            stored = len(victim.rows("select id from fact"))
            await eventually(lambda: len(victim.rows("select id from fact")) > stored + 50, "it takes in messages")  # noqa: B023
            await asyncio.sleep(rng.random() * 0.3)
            victim.kill()
            victim.start()
        enough.set()
        await saying
        await eventually(
            lambda: till.taken <= {key for (key,) in victim.rows("select key from fact")}, "the rest is stored"
        )
        await eventually(
            lambda: not victim.rows("select 1 from incident where status = 'firing'"), "the last fault is cleared"
        )
    finally:
        enough.set()
        await saying
        victim.stop()

    keys = Counter(key for (key,) in victim.rows("select key from fact"))
    assert set(keys) >= till.taken, "a message that the broker was told is safe is not in the store"
    assert max(keys.values()) == 1
    effects = Counter(victim.rows("select after, before from transition"))
    assert effects == {("firing", "pending"): till.cycles, ("resolved", "firing"): till.cycles}
    assert victim.rows("select distinct kind from incident") == [("tamper",)], "a false incident"


async def test_who_sees_to_it_is_known_after_a_kill(tmp_path: Path, mosquitto: Any, sample: Path) -> None:
    """Killed as soon as the answer is there: what was answered holds, and is written down once."""
    digest = hashlib.sha256(b"secret").hexdigest()
    (tmp_path / "tokens.yml").write_text(f"tokens: [{{name: wang, sha256: {digest}, role: operator}}]")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    web = {"port": port, "tokens_file": "tokens.yml"}
    victim = Victim(tmp_path, {"registry": str(sample / "registry.yml"), "mqtt": {"port": mosquitto.port}, "web": web})
    body = {"until": round(time.time() * 1000) + 3_600_000, "comment": "on my way"}
    try:
        victim.start()
        await eventually(lambda: "link up" in (tmp_path / "log").read_text(), "the daemon has subscribed")
        async with aiomqtt.Client("127.0.0.1", mosquitto.port, protocol=aiomqtt.ProtocolVersion.V5) as client:
            said = {"at": 1, "boot": 1, "seq": 1, "component": "security", "code": "Tamper", "action": "set"}
            await client.publish("pos/v1/terminal/noodle-1/device", json.dumps(said), qos=1)
        await eventually(lambda: victim.rows("select id from incident"), "the incident")
        ((key,),) = victim.rows("select id from incident")
        address = f"http://127.0.0.1:{port}/api/v1/incidents/{key}"
        async with aiohttp.ClientSession(headers={"Authorization": "Bearer secret"}) as session:
            async with session.put(f"{address}/acknowledgement", json=body) as answer:
                assert answer.status == 201
            victim.kill()
            victim.start()
            await eventually(lambda: (tmp_path / "log").read_text().count("link up") == 2, "it is back")
            async with session.get(address) as answer:
                known = await answer.json()
            assert (known["status"], known["acknowledgement"]["author"]) == ("firing", "wang")
            async with session.put(f"{address}/acknowledgement", json=body) as answer:
                assert (answer.status, await answer.json()) == (200, known["acknowledgement"]), "it knows it in memory"
    finally:
        victim.stop()
    assert victim.rows("select author, action from audit") == [("wang", "acknowledged")]
    assert victim.rows("select status from outbox") == [("firing",)], "nobody was called a second time"


async def eventually(happened: Any, what: str, timeout_s: float = 30.0) -> None:
    try:
        async with asyncio.timeout(timeout_s):
            while not happened():
                await asyncio.sleep(0.02)
    except TimeoutError:
        pytest.fail(f"{what}: not within {timeout_s:g} s")
