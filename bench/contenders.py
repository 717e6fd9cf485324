"""Who is measured: fleetmon, a null subscriber, and two exporters that turn MQTT into metrics.

Each has a broker of its own, so that only one of them works at a time while all stay warm. Nobody is
crippled: log levels are low, topics narrow, and each gets the settings that its documentation and our
own trials found best. What the exporters do is less than what fleetmon does, and not the same: they keep
the last value of each number of each terminal, and no state, no deadlines, no store.
"""

import contextlib
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import yaml

from bench.servers import LOOPBACK, Child, Home, broker, child, free_port, get, required
from fleetmon.model.registry import Registry

_GAUGES = (
    ("seq", "seq"), ("interval_s", "interval_s"), ("uptime_s", "uptime_s"), ("net_rssi_dbm", "net.rssi_dbm"),
    ("net_rtt_ms", "net.rtt_ms"), ("power_battery", "power.battery"),
    ("card_inserts", "counters.card_inserts"), ("read_errors", "counters.read_errors"),
)  # fmt: skip


class Contender:
    """One process under load. `received` is asked before and after a run, never in it."""

    def __init__(self, name: str, process: Child, broker_port: int) -> None:
        self.name = name
        self.pid = process.pid
        self.process = process
        self.broker = broker_port

    def received(self) -> int:
        """Messages that it has counted itself."""
        raise NotImplementedError

    def last(self) -> float | None:
        """When it took in the last one (seconds since 1970), where it can tell."""
        return None


class Null(Contender):
    """See `null.py`."""

    def received(self) -> int:
        """As it says itself."""
        return int(self._ask()[0])

    def last(self) -> float | None:
        """As it says itself."""
        return float(self._ask()[1])

    def _ask(self) -> list[str]:
        pipes = self.process.process
        assert pipes.stdin is not None
        assert pipes.stdout is not None
        pipes.stdin.write(b"?\n")
        pipes.stdin.flush()
        return pipes.stdout.readline().decode().split()


class Fleetmon(Contender):
    """The whole daemon: store, metrics, API."""

    home: Home

    def received(self) -> int:
        """By its metrics; ends the benchmark if it refused any."""
        found = self.home.metrics()
        refused = sum(value for series, value in found.items() if "message_failures_total" in series)
        if refused:
            sys.exit(f"bench: fleetmon refused {refused:g} messages of the load")
        return int(sum(value for series, value in found.items() if "mqtt_messages_total" in series))

    def last(self) -> float | None:
        """By its metrics, to the millisecond."""
        return self.home.metrics().get("fleetmon_last_message_timestamp_seconds")


class Exporter(Contender):
    """An exporter and the name of its own counter of messages."""

    web: int
    counter: str

    def received(self) -> int:
        """By its metrics, all topics together."""
        lines = re.findall(rf"^{self.counter}(?:{{.*}})? (\S+)$", get(self.web, "/metrics"), re.MULTILINE)
        return int(sum(map(float, lines)))


@contextlib.contextmanager
def null(folder: Path) -> Iterator[Contender]:
    pipe = -1  # subprocess.PIPE
    with (
        broker(folder) as port,
        child("null", [sys.executable, "-m", "bench.null", str(port)], folder, stdin=pipe, stdout=pipe) as process,
    ):
        yield Null("null subscriber", process, port)


@contextlib.contextmanager
def fleetmon(folder: Path, registry: Registry) -> Iterator[Contender]:
    with broker(folder) as port:
        home = Home(folder, port, registry)
        with home.daemon() as process:
            found = Fleetmon("fleetmon", process, port)
            found.home = home
            yield found


@contextlib.contextmanager
def prometheus_mqtt_exporter(folder: Path) -> Iterator[Contender]:
    """Debian's package (the program is also known as mqtt2prometheus)."""
    program = required("prometheus-mqtt-exporter", "prometheus-mqtt-exporter")
    with broker(folder) as port:
        web, config = free_port(), folder / "exporter.yaml"
        mqtt = {
            "server": f"tcp://{LOOPBACK}:{port}",
            "client_id": "peer",
            "topic_path": "pos/v1/terminal/+/heartbeat",
            "device_id_regex": "pos/v1/terminal/(?P<deviceid>[^/]+)/heartbeat",
            "qos": 0,
        }
        gauges = [{"prom_name": name, "mqtt_name": path, "help": name, "type": "gauge"} for name, path in _GAUGES]
        config.write_text(yaml.safe_dump({"mqtt": mqtt, "cache": {"timeout": "24h"}, "metrics": gauges}))
        command = [program, "-config", str(config), "-listen-address", LOOPBACK, "-listen-port", str(web)]
        with child("exporter", [*command, "-log-level", "error"], folder) as process:
            yield _started("prometheus-mqtt-exporter", process, port, web, "received_messages")


@contextlib.contextmanager
def mqtt_exporter(folder: Path) -> Iterator[Contender]:
    """From PyPI, in an environment of its own."""
    with broker(folder) as port:
        web = free_port()
        settings = {
            "MQTT_ADDRESS": LOOPBACK,
            "MQTT_PORT": str(port),
            "MQTT_TOPIC": "pos/v1/terminal/+/heartbeat",
            "PROMETHEUS_ADDRESS": LOOPBACK,
            "PROMETHEUS_PORT": str(web),
            "LOG_LEVEL": "ERROR",
        }
        with child("exporter", [required("mqtt-exporter")], folder, settings) as process:
            yield _started("mqtt-exporter", process, port, web, "mqtt_message_total")


def _started(name: str, process: Child, port: int, web: int, counter: str) -> Contender:
    found = Exporter(name, process, port)
    found.web, found.counter = web, counter
    process.until(lambda: _reachable(web), "no answer")
    return found


def _reachable(web: int) -> bool:
    try:
        return bool(get(web, "/metrics"))
    except OSError:
        return False
