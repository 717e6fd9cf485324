"""CPU of the whole daemon per heartbeat: real broker, real store, metrics on, as fast as the broker can.

    python bench/heartbeats.py [--terminals 10000] [--rounds 20] [--runs 7]

Publishes pre-encoded QoS 0 heartbeats of about 270 bytes over one connection and reads the daemon's CPU
time before and after. Prints the median with minimum and maximum. The machine is shared and noisy: read
the CPU figure, not the rate.
"""

import argparse
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import mqtt5
import msgspec
import yaml

from fleetmon.sim.synthesis import synthesise

TICKS = os.sysconf("SC_CLK_TCK")


def heartbeat(terminal: str, seq: int) -> bytes:
    body = {
        "at": 1_795_000_000_000 + seq * 60_000, "boot": 3, "seq": seq, "interval_s": 60, "uptime_s": 86_400,
        "net": {"type": "4g", "carrier": "CMCC", "rssi_dbm": -78, "rtt_ms": 120, "link": True, "host": True},
        "power": {"battery": 0.87, "charging": False}, "poi": {"status": "OK", "printer": "OK"},
        "counters": {"card_inserts": 1042, "read_errors": 3}, "signed_on": True,
    }  # fmt: skip
    payload = json.dumps(body, separators=(",", ":")).encode()
    return mqtt5.PublishPacket(f"pos/v1/terminal/{terminal}/heartbeat", payload).write()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def get(port: int, path: str) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
        return str(answer.read().decode())


def heard(port: int) -> int:
    line = next(line for line in get(port, "/metrics").splitlines() if 'messages_total{kind="heartbeat"}' in line)
    return int(float(line.split()[-1]))


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def wait(ready: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + 120
    while not ready():
        if time.monotonic() > deadline:
            sys.exit(f"{what}: not within 120 s")
        time.sleep(0.05)


def answers(port: int, path: str) -> bool:
    try:
        return bool(get(port, path))
    except OSError:
        return False


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--terminals", type=int, default=10_000)
    options.add_argument("--rounds", type=int, default=20)
    options.add_argument("--runs", type=int, default=7)
    chosen = options.parse_args()
    program = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
    registry = synthesise(chosen.terminals)
    with tempfile.TemporaryDirectory() as name:
        folder, broker, web = Path(name), free_port(), free_port()
        (folder / "registry.yml").write_bytes(msgspec.yaml.encode(registry))
        (folder / "fleetmon.yml").write_text(
            yaml.safe_dump({"registry": "registry.yml", "mqtt": {"port": broker}, "web": {"port": web}})
        )
        (folder / "mosquitto.conf").write_text(
            f"listener {broker} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\nuser {folder.owner()}\n"
        )
        mosquitto = subprocess.Popen([program, "-c", str(folder / "mosquitto.conf")], stderr=subprocess.DEVNULL)
        command = [sys.executable, "-m", "fleetmon", "run", "--config.file", str(folder / "fleetmon.yml")]
        daemon = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        try:
            wait(lambda: answers(web, "/-/ready"), "the daemon")
            fleet = [terminal.id for terminal in registry.terminals]
            figures = [measure(run, chosen.rounds, fleet, broker, web, daemon.pid) for run in range(chosen.runs)]
        finally:
            daemon.terminate()
            daemon.wait()
            mosquitto.terminate()
            mosquitto.wait()
    cpu = [figure[0] for figure in figures]
    rate = [figure[1] for figure in figures]
    print(f"CPU per heartbeat: {statistics.median(cpu):.2f} µs ({min(cpu):.2f}-{max(cpu):.2f}), {chosen.runs} runs")
    print(f"heartbeats per s:  {statistics.median(rate):,.0f} ({min(rate):,.0f}-{max(rate):,.0f})")


def measure(run: int, rounds: int, fleet: list[str], broker: int, web: int, pid: int) -> tuple[float, float]:
    """One run: (CPU in µs per heartbeat, heartbeats per second)."""
    stream = b"".join(heartbeat(terminal, run * rounds + number) for number in range(rounds) for terminal in fleet)
    count = rounds * len(fleet)
    with socket.create_connection(("127.0.0.1", broker)) as line:
        line.sendall(mqtt5.ConnectPacket("blaster", clean_start=True).write())
        line.recv(64)
        before, cpu, started = heard(web), cpu_s(pid), time.monotonic()
        line.sendall(stream)
        wait(lambda: heard(web) >= before + count, "all heartbeats")
        return (cpu_s(pid) - cpu) / count * 1e6, count / (time.monotonic() - started)


if __name__ == "__main__":
    main()
