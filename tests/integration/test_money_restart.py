"""SIGKILL while money is late: afterwards the same is late, for the same reasons, and nobody is called twice."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from fleetmon.model.days import UTC_OFFSET

Say = Callable[..., Awaitable[None]]
MINUTE = 60_000
# As `fleetmon run`, but what waits at the broker has a second to arrive instead of a minute.
RUN = (
    "import fleetmon.engine.money.arrears as arrears; arrears.CATCH_UP = 1_000; from fleetmon.cli import main; "
    "import sys; sys.argv = ['fleetmon', 'run', '--config.file', sys.argv[1]]; main()"
)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class House:
    """The daemon as a process of its own, on a fleet whose money is due ten minutes ago."""

    def __init__(self, folder: Path, broker: int) -> None:
        self.folder, self.broker, self.port = folder, broker, free_port()
        self.began = time.time_ns() // 1_000_000
        local = (self.began - 10 * MINUTE + UTC_OFFSET) // 1_000 % 86_400
        due = f"{local // 3600:02d}:{local // 60 % 60:02d}:{local % 60:02d}"
        merchants = [{"id": one, "acquirer": "ACQ"} for one in ("plain", "held", "kept", "paid", "open")]
        registry = {
            "hosts": [{"id": "ACQ", "kind": "acquirer"}],
            "merchants": merchants,
            "terminals": [{"id": f"{one['id']}-1", "merchant": one["id"], "acquirer": "ACQ"} for one in merchants],
            "defaults": {"cycle": "D+0", "payout_by": due, "grace_s": 0},
        }
        config = {"registry": "registry.yml", "mqtt": {"port": broker}, "web": {"port": self.port}}
        (folder / "registry.yml").write_text(yaml.safe_dump(registry))
        (folder / "fleetmon.yml").write_text(yaml.safe_dump(config))
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with (self.folder / "log").open("ab") as log:
            command = [sys.executable, "-c", RUN, str(self.folder / "fleetmon.yml")]
            self.process = subprocess.Popen(command, stderr=log, stdout=log)

    def end(self, number: int) -> None:
        assert self.process is not None
        if self.process.poll() is None:
            os.kill(self.process.pid, number)
            self.process.wait(20)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with contextlib.closing(sqlite3.connect(self.folder / "fleetmon.db", timeout=10)) as connection:
            return connection.execute(query).fetchall()

    def explained(self) -> dict[str, Any]:
        """What is said of each sale, without the texts, in which time goes on."""
        page = json.loads(self.get("/api/v1/settlements"))
        assert page["complete"]
        names = ("state", "stage", "due_at", "amount", "findings", "at_risk", "payout")
        return {row["transaction"]: {name: row[name] for name in names} for row in page["settlements"]}

    def asked_without_a_daemon(self, merchant: str, *more: str) -> dict[str, Any]:
        command = [sys.executable, "-m", "fleetmon", "explain", "--merchant", merchant, "--format", "json", *more]
        command += ["--config.file", str(self.folder / "fleetmon.yml")]
        answer = json.loads(subprocess.run(command, check=not more, capture_output=True).stdout)
        near = [one["transaction"] for one in (answer["nearest"] or {"sales": []})["sales"]]
        return {row["transaction"]: row["findings"] for row in answer["explanations"]} | dict.fromkeys(near)

    def incidents(self) -> list[tuple[Any, ...]]:
        columns = "id, kind, scope, status, opened_at, paged_at, suppressed_by"
        return self.rows(f"SELECT {columns} FROM incident WHERE kind = 'settlement_overdue' ORDER BY id")

    def looked_at(self) -> int:
        return int(self.rows("SELECT coalesce(min(updated_at), 0) FROM settlement")[0][0])

    async def until(self, happened: Callable[[], object], what: str) -> None:
        for _ in range(1_500):
            with contextlib.suppress(sqlite3.OperationalError):  # no table yet
                if happened():
                    return
            await asyncio.sleep(0.02)
        pytest.fail(f"{what}: not within 30 s; {(self.folder / 'log').read_text()[-3000:]}")

    def recalled(self) -> bool:
        return "fleetmon_ledger_recalled 1.0" in self.get("/metrics")

    def get(self, path: str) -> str:
        """What it answers; nothing where nobody listens."""
        with (
            contextlib.suppress(urllib.error.URLError),
            urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer,
        ):
            return str(answer.read().decode())
        return ""


@pytest.fixture
def house(tmp_path: Path, mosquitto: Any) -> Iterator[House]:
    made = House(tmp_path, mosquitto.port)
    made.start()
    yield made
    made.end(signal.SIGTERM)


async def test_late_money_and_its_reasons_outlive_a_kill(house: House, say: Say) -> None:
    await house.until(house.recalled, "an empty store is recalled")
    await tell(house, say)
    await house.until(lambda: len(house.rows("SELECT 1 FROM settlement")) == 4, "everybody due is looked at")
    await house.until(lambda: len(house.incidents()) == 3, "three are late")
    before, said = house.incidents(), house.explained()
    assert {row[3] for row in before} == {"firing"}
    assert {json.loads(row[2])["merchant"] for row in before} == {"plain", "held", "kept"}
    assert set(said) == {"plain-a", "plain-b", "held-a", "kept-a", "open-a"}
    assert said["held-a"]["findings"][0]["cause"] == "risk_hold"
    assert said["open-a"]["state"] == "not_due"
    pages = house.rows("SELECT incident_id, status FROM outbox ORDER BY 1")

    for _ in range(2):
        house.end(signal.SIGKILL)
        assert house.asked_without_a_daemon("held") == {"held-a": said["held-a"]["findings"]}
        assert house.asked_without_a_daemon("paid", "--amount", "20000").keys() == {"paid-a"}
        assert house.asked_without_a_daemon("paid", "--amount", "20001") == {"paid-a": None}, "the nearest"
        assert house.asked_without_a_daemon("p", "--transaction", "paid-a").keys() == {"paid-a"}, "of four who fit"
        assert house.asked_without_a_daemon("kept") == {"kept-a": said["kept-a"]["findings"]}
        again = time.time_ns() // 1_000_000
        house.start()
        await house.until(house.recalled, "the ledger is recalled")
        await house.until(lambda: house.looked_at() > again, "everybody is looked at again")  # noqa: B023
        assert house.incidents() == before
        assert house.explained() == said
        assert house.rows("SELECT incident_id, status FROM outbox ORDER BY 1") == pages

    await say(house.broker, "merchant/plain/settlement", payout(house, "p1", "credited", "plain-a", "plain-b"))
    await house.until(lambda: [row[3] for row in house.incidents()].count("resolved") == 1, "its end is seen")
    late = house.rows("SELECT merchant, sales_late, amount_late, cause FROM v_settlement_late ORDER BY 1")
    assert [row[:3] for row in late] == [("held", 1, 2_000_000), ("kept", 1, 2_000_000)]


async def tell(house: House, say: Say) -> None:
    """Five shops: one waits without a word, one is held, one has it in its terminal, one is paid, one is not due."""
    sold = house.began - 70 * MINUTE
    for name in ("plain-a", "plain-b", "held-a", "paid-a"):
        await say(house.broker, f"terminal/{name[:-2]}-1/transaction", sale(name, "approved", sold))
    await say(house.broker, "terminal/open-1/transaction", sale("open-a", "approved", house.began))
    await say(house.broker, "terminal/kept-1/transaction", sale("kept-a", "stored", sold))
    await say(house.broker, "terminal/kept-1/device", fault(sold - MINUTE))
    pending = {"pending": {"count": 1, "amount": 2_000_000}, "interval_s": 60}
    beat = {"at": time.time_ns() // 1_000_000, "boot": 1, "seq": 9, **pending}
    await say(house.broker, "terminal/kept-1/heartbeat", beat, qos=0)
    await say(house.broker, "merchant/held/settlement", payout(house, "p2", "held", "held-a", reason="risk_review"))
    await say(house.broker, "merchant/paid/settlement", payout(house, "p3", "credited", "paid-a"))


def sale(name: str, stage: str, at: int) -> dict[str, Any]:
    seq = ord(name[-1])
    answer = {"rrn": f"r-{name}", "host_at": at, "response": "00"} if stage == "approved" else {}
    told = {"id": name, "kind": "sale", "stage": stage, "rail": "qr", "amount": 2_000_000, "acquirer": "ACQ"}
    return {"at": at, "boot": 1, "seq": seq, **told, **answer}


def fault(at: int) -> dict[str, Any]:
    return {"at": at, "boot": 1, "seq": 5, "component": "sim", "code": "SimDeactivated", "action": "set"}


def payout(house: House, key: str, event: str, *sales: str, reason: str | None = None) -> dict[str, Any]:
    rows = [{"rrn": f"r-{name}", "amount": 2_000_000, "fee": 0} for name in sales]
    day = time.strftime("%Y-%m-%d", time.gmtime((house.began - 70 * MINUTE + UTC_OFFSET) / 1000))
    told = {"id": key, "business_date": day, "event": event, "amount": 2_000_000 * len(sales), "rows": rows}
    return {"at": house.began - 30 * MINUTE, **told, **({"reason": reason} if reason else {})}
