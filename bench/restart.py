"""A large fleet's daemon stopped and started again, then scraped, then lied to.

Restart to ready counts from the start of the process to the first 200 of `/-/ready`, with a registry that the
first run accepted and kept, and its snapshots of every terminal. Scrapes are whole answers of
`/metrics` over HTTP. Liars are births of terminals that nobody registered, with a model, firmware and
carrier of each one's own, and of registered ones who claim the same.
"""

import statistics
import sys
import threading
import time
from pathlib import Path
from typing import Final

from bench.load import Publisher, beats, birth, packet
from bench.report import Report, say
from bench.servers import Child, Home, broker, cpu_s, get, rss_bytes, samples, settle
from fleetmon.sim.synthesis import synthesise

INTERVAL_S: Final = 3_600
_READY_WITHIN_S: Final = 600.0
_SCRAPES: Final = 15
_LOAD: Final = 400_000  # messages, during which the loaded scrapes are made


def restart(report: Report, folder: Path, terminals: int, key: str, runs: int, lies: int) -> None:
    """`key` is the name of the figure; with `lies` the scrapes and the liars follow."""
    say(f"restart: {terminals:,} terminals; the first run")
    registry = synthesise(terminals, interval_s=INTERVAL_S)
    fleet = [row.id for row in registry.terminals]
    with broker(folder / "broker") as port:
        home = Home(folder / "daemon", port, registry)
        del registry
        with home.daemon(_READY_WITHIN_S) as process:
            _fill(process, home, port, fleet)
            settle(process.pid)  # until all of it is stored
            process.stop()
        found, used, resident = [], [], 0
        for number in range(runs):
            started = time.monotonic()
            with home.daemon(_READY_WITHIN_S) as process:
                found.append(time.monotonic() - started)
                used.append(cpu_s(process.pid))
                say(f"restart {number + 1}/{runs}: ready after {found[-1]:.2f} s, {used[-1]:.2f} s of CPU")
                resident = rss_bytes(process.pid)
                if home.metrics()['fleetmon_terminals{state="never_seen"}']:
                    sys.exit("bench: the daemon has not taken up its terminals again; its log may say why")
                if lies and number == runs - 1:
                    _scrapes(report, home, port, fleet)
                    _lies(report, process, home, port, fleet, lies)
                process.stop()
    target = 10.0 if key == "restart_s" else None
    report.add(key, found, f"restart to ready, {terminals:,}", "s", most=target)
    report.add(f"cpu_{key}", used, f"CPU until then, {terminals:,}", "s")
    report.add(f"resident_{key}_mb", [resident / 1e6], f"memory of the whole daemon, {terminals:,}", "MB")


def _fill(process: Child, home: Home, port: int, fleet: list[str]) -> None:
    """Everybody beats twice."""
    for seq in range(2):
        with Publisher(port) as publisher:
            for start in range(0, len(fleet), 50_000):
                publisher.send(beats(fleet[start : start + 50_000], [seq], INTERVAL_S))
    wanted = 2 * len(fleet)
    process.until(lambda: _heard(home) == wanted, f"{wanted:,} heartbeats not taken in", 300)
    say(f"restart: {len(fleet):,} terminals heard")


def _heard(home: Home) -> int:
    time.sleep(0.2)
    return int(home.metrics().get('fleetmon_mqtt_messages_total{kind="heartbeat"}', 0))


def _scrape(home: Home) -> float:
    started = time.perf_counter()
    page = get(home.web, "/metrics")
    if "fleetmon_terminals" not in page:
        sys.exit("bench: /metrics does not show the fleet")
    return (time.perf_counter() - started) * 1e3


def _scrapes(report: Report, home: Home, port: int, fleet: list[str]) -> None:
    """Idle, then while heartbeats come as fast as the broker hands them on."""
    idle = []
    for _ in range(_SCRAPES):
        time.sleep(0.2)
        idle.append(_scrape(home))
    report.add("metrics_ms", idle, f"/metrics idle, {len(fleet):,}", "ms", most=150)
    stream = beats(fleet, range(2, 2 + -(-_LOAD // len(fleet))), INTERVAL_S)
    loaded: list[float] = []
    with Publisher(port) as publisher:
        sender = threading.Thread(target=publisher.send, args=(stream,))
        sender.start()
        while sender.is_alive():
            loaded.append(_scrape(home))
            time.sleep(0.1)
        sender.join()
    report.add("metrics_loaded_ms", loaded, f"/metrics under full load, {len(fleet):,}", "ms")


def _lies(report: Report, process: Child, home: Home, port: int, fleet: list[str], lies: int) -> None:
    say(f"{lies:,} births with made-up names")
    at = time.time_ns() // 1_000_000
    before = home.metrics()
    started = time.monotonic()
    with Publisher(port, "liar") as publisher:
        publisher.send(b"".join(_lie(number, fleet, at) for number in range(lies)))
    process.until(lambda: _taken(home.metrics()) - _taken(before) >= lies, "the births not taken in", 600)
    report.add("lies_s", [time.monotonic() - started], f"taking in {lies:,} made-up births", "s")
    page = get(home.web, "/metrics")
    report.add("series", [len(samples(page))], f"series after {lies:,} made-up names", "", most=20_000)
    times = [_scrape(home) for _ in range(5)]
    report.add("metrics_lies_ms", [statistics.median(times)], "/metrics after that", "ms")
    lag = samples(page)["fleetmon_event_loop_lag_seconds"]
    report.add("lies_lag_ms", [lag * 1e3], "event loop blocked meanwhile (worst)", "ms")


def _lie(number: int, fleet: list[str], at: int) -> bytes:
    """Every other one in the name of a registered terminal."""
    terminal = fleet[number % len(fleet)] if number % 2 else f"GHOST-{number:06d}"
    said = birth(terminal, at, INTERVAL_S, f"model-{number}", f"carrier-{number}")
    return packet(f"pos/v1/terminal/{terminal}/state", said)


def _taken(found: dict[str, float]) -> float:
    """Births that were decoded or refused."""
    time.sleep(0.2)
    names = ('fleetmon_mqtt_messages_total{kind="state"}', "message_failures_total")
    return sum(value for series, value in found.items() if any(name in series for name in names))
