"""A soak: thousands of simulated terminals, two restarts of the broker, one SIGKILL of the daemon.

    python -m bench.soak [--terminals 20000] [--minutes 10]

It ends with the state that a calm run would have: every terminal up, no terminal or outage ever
announced, every sale in the store with all its stages. Exit status 1 when it does not.
"""

import argparse
import contextlib
import signal
import sqlite3
import sys
import tempfile
import time
from pathlib import Path

from bench.servers import LOOPBACK, ROOT, Child, Home, child, free_port, listens, required, wait
from fleetmon.sim.synthesis import synthesise

RESTARTS = (0.3, 0.7)  # shares of the time
KILL = 0.5


class Processes:
    """Broker and daemon, stopped and started again in the course of the soak."""

    def __init__(self, folder: Path, terminals: int) -> None:
        self.port = free_port()
        self._folder = folder
        text = (ROOT / "deploy/mosquitto/mosquitto.conf").read_text(encoding="utf-8")
        text = text.replace("listener 1883 127.0.0.1", f"listener {self.port} {LOOPBACK}")
        text = f"{text.replace('/var/lib/mosquitto/', f'{folder}/')}\nuser {folder.owner()}\n"
        (folder / "mosquitto.conf").write_text(text)
        self.home = Home(folder / "daemon", self.port, synthesise(terminals))
        self._broker, self._daemon = contextlib.ExitStack(), contextlib.ExitStack()

    def start_broker(self) -> None:
        command = [required("mosquitto", "mosquitto"), "-c", str(self._folder / "mosquitto.conf")]
        process = self._broker.enter_context(child("mosquitto", command, self._folder))
        process.until(lambda: listens(self.port), "no answer")

    def start_daemon(self) -> Child:
        return self._daemon.enter_context(self.home.daemon())

    def restart_broker(self) -> None:
        self._broker.close()
        self.start_broker()

    def kill_daemon(self, daemon: Child) -> None:
        daemon.process.send_signal(signal.SIGKILL)
        daemon.process.wait()
        self._daemon.close()

    def stop(self) -> None:
        self._daemon.close()
        self._broker.close()


def soak(terminals: int, minutes: float, folder: Path) -> list[str]:
    """Everything that is not as after a calm run."""
    started, length = time.monotonic(), minutes * 60
    processes = Processes(folder, terminals)
    home = processes.home

    def until(share: float, then: str) -> None:
        wait(lambda: time.monotonic() - started > share * length, "the time", length + 60, 0.5)
        up = home.metrics().get('fleetmon_terminals{state="up"}', 0)
        print(f"[{time.monotonic() - started:6.0f} s] {up:.0f} terminals up; {then}", flush=True)

    try:
        processes.start_broker()
        daemon = processes.start_daemon()
        with child("simulator", _fleet(terminals, length, processes.port, folder), folder):
            until(RESTARTS[0], "the broker is restarted")
            processes.restart_broker()
            until(KILL, "the daemon is killed")
            processes.kill_daemon(daemon)
            processes.start_daemon()
            until(RESTARTS[1], "the broker is restarted")
            processes.restart_broker()
            until(1.0, "the end")
            found = home.metrics()
            wait(lambda: home.metrics()["fleetmon_uncommitted_messages"] == 0, "everything stored")
            return _differences(terminals, found, home.store)
    finally:
        processes.stop()


def _fleet(terminals: int, length: float, port: int, folder: Path) -> list[str]:
    (folder / "soak.yml").write_text(f"name: soak\nduration_s: {length * 2}\n")  # it outlives the soak
    command = [sys.executable, "-m", "fleetmon", "simulate", "--host", LOOPBACK, "--port", str(port)]
    return [*command, "--terminals", str(terminals), "--scenario", str(folder / "soak.yml")]


def _differences(terminals: int, found: dict[str, float], store: Path) -> list[str]:
    """What is not as after a calm run: somebody not up, an incident, a gap in what was said."""
    problems = []
    up = found.get('fleetmon_terminals{state="up"}', 0)
    if up != terminals:
        problems.append(f"{terminals - up:.0f} of {terminals} terminals are not up")
    connection = sqlite3.connect(f"file:{store}?mode=ro", uri=True)
    incidents = connection.execute("select kind, count(*) from incident group by kind").fetchall()
    problems += [f"{count} false incidents: {kind}" for kind, count in incidents if kind != "ingest_impaired"]
    rows = connection.execute(
        "select count(distinct json_extract(payload, '$.stage')) from fact where kind = 'Transaction' "
        "group by subject, json_extract(payload, '$.id') having min(received_at) < "
        "(select max(received_at) - 10000 from fact)"  # later ones may be under way
    ).fetchall()
    connection.close()
    halves = sum(stages < 2 for (stages,) in rows)
    print(f"{len(rows)} sales stored, {halves} of them with one stage only", flush=True)
    return [*problems, f"{halves} of {len(rows)} sales lack a stage"] if halves else problems


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--terminals", type=int, default=20_000)
    options.add_argument("--minutes", type=float, default=10.0)
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="fleetmon-soak-") as name:
        problems = soak(chosen.terminals, chosen.minutes, Path(name))
    print("\n".join(problems) or "the state is that of a calm run")
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()
