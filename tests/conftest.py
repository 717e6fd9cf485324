"""What all tests may ask for: real servers, a daemon, the sample. All are gone afterwards.

A server that is not installed is an error, not a skip: run `make test`, which installs them.
"""

import asyncio
import json
import shutil
import socket
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import aiomqtt
import pytest
from hypothesis import settings

from fleetmon import config
from fleetmon.app import Daemon
from fleetmon.config import Config, Loaded
from fleetmon.model.incident import Transition
from fleetmon.model.registry import Registry
from fleetmon.store import StoreSettings
from fleetmon.web.access import Tokens
from fleetmon.web.settings import WebSettings

from .servers import PostgreSQL, Server, free_port, http_get, wait_for

settings.register_profile("hunt", max_examples=2000, deadline=None, print_blob=True)
SAMPLE = Path(__file__).parent / "contract" / "v1" / "sample"


@pytest.fixture(name="wait_for")
def _wait_for() -> Callable[..., None]:
    """Poll until something is so: `wait_for(lambda: ..., "what")`."""
    return wait_for


@pytest.fixture(name="free_port")
def _free_port() -> Callable[[], int]:
    """A loopback port that nobody has now."""
    return free_port


@pytest.fixture
def listens() -> Callable[[int], bool]:
    """Whether somebody answers on a loopback port."""

    def look(port: int) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    return look


@pytest.fixture(name="http_get")
def _http_get() -> Callable[[str], tuple[int, str]]:
    """Status and body of a page; status 0 where nobody listens."""
    return http_get


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    """A running PostgreSQL; every test asks it for a database of its own."""
    with tempfile.TemporaryDirectory(prefix="fleetmon-postgresql-") as folder:  # pytest's own are closed to others
        server = PostgreSQL(Path(folder))
        server.start()
        yield server
        server.stop()


@pytest.fixture
def broker_config(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Make a mosquitto with the shipped settings and more lines of configuration; stopped at the end."""
    made: list[Server] = []

    def make(*lines: str, anonymous: bool = True) -> Server:
        port = free_port()
        folder = tmp_path / f"mosquitto-{port}"
        folder.mkdir()
        shipped = (Path(__file__).parents[1] / "deploy/mosquitto/mosquitto.conf").read_text()
        text = shipped.replace("listener 1883 127.0.0.1", f"listener {port} 127.0.0.1")
        text = text.replace("/var/lib/mosquitto/", f"{folder}/").replace(
            "allow_anonymous true", f"allow_anonymous {str(anonymous).lower()}"
        )
        (folder / "mosquitto.conf").write_text("\n".join([text, f"user {Path(folder).owner()}", *lines]) + "\n")
        made.append(Server("mosquitto", ["-c", str(folder / "mosquitto.conf")], port, folder / "log"))
        return made[-1]

    yield make
    for server in made:
        server.stop()


@pytest.fixture
def mosquitto(broker_config: Callable[..., Server]) -> Server:
    """A running broker with the shipped settings."""
    server = broker_config()
    server.start()
    return server


@pytest.fixture
def alertmanager(tmp_path: Path) -> Iterator[Server]:
    """A running Alertmanager with the shipped example."""
    port = free_port()
    folder = tmp_path / "alertmanager"
    folder.mkdir()
    example = Path(__file__).parents[1] / "deploy/alertmanager/alertmanager.yml"
    shutil.copy(example, folder / "alertmanager.yml")
    arguments = [
        f"--config.file={folder / 'alertmanager.yml'}",
        f"--storage.path={folder}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",
    ]
    server = Server("prometheus-alertmanager", arguments, port, folder / "log")
    server.start()
    wait_for(lambda: http_get(f"{server.url}/-/ready")[0] == 200, "alertmanager ready")
    yield server
    server.stop()


class Running:
    """A daemon in this process, and what it did."""

    def __init__(self, daemon: Daemon, transitions: list[Transition]) -> None:
        self.daemon = daemon
        self.transitions = transitions
        self.task = asyncio.create_task(daemon.run())

    async def get(self, path: str) -> tuple[int, str]:
        return await asyncio.to_thread(http_get, f"http://127.0.0.1:{self.daemon.port}{path}")

    async def until(self, happened: Callable[[], object], what: str, timeout_s: float = 15.0) -> None:
        try:
            async with asyncio.timeout(timeout_s):
                while not happened():
                    if self.task.done():
                        self.task.result()
                    await asyncio.sleep(0.01)
        except TimeoutError:
            pytest.fail(f"{what}: not within {timeout_s:g} s")

    async def until_ready(self) -> None:
        await self.until(lambda: not self.daemon.not_ready(), "ready")

    @property
    def told(self) -> list[str]:
        """Kind and status of every transition that is announced."""
        changes = [change.incident for change in self.transitions if change.incident.fired_at is not None]
        return [f"{incident.kind} {incident.status.value}" for incident in changes]

    async def stop(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


@pytest.fixture
async def start(tmp_path: Path, sample_registry: Registry) -> AsyncIterator[Callable[..., Running]]:
    """Start daemons on the sample's fleet, with sections of the configuration as arguments; stopped at the end."""
    started: list[Running] = []

    def begin(
        password: bytes | None = None,
        username: str | None = None,
        tokens: Tokens | None = None,
        notice_urls: dict[str, str] | None = None,
        **sections: Any,
    ) -> Running:
        sections = {"store": StoreSettings(f"sqlite:///{tmp_path}/fleetmon.db"), "web": WebSettings(port=0), **sections}
        transitions: list[Transition] = []
        loaded = Loaded(
            Config(registry="", **sections), sample_registry, username, password, tokens, notice_urls=notice_urls or {}
        )
        started.append(Running(Daemon(loaded, on_transition=transitions.append), transitions))
        return started[-1]

    yield begin
    for one in started:
        await one.stop()


@pytest.fixture
async def running_daemon() -> AsyncIterator[Callable[[Daemon], Running]]:
    """Run daemons that a test has made itself; stopped at the end."""
    started: list[Running] = []

    def begin(daemon: Daemon) -> Running:
        started.append(Running(daemon, []))
        return started[-1]

    yield begin
    for one in started:
        await one.stop()


@pytest.fixture
def say() -> Callable[..., Awaitable[None]]:
    """Publish one message to a broker, as any client would: `say(port, "terminal/T1/device", {...}, qos=1)`."""

    async def publish(port: int, topic: str, body: object, *, qos: int = 1, retain: bool = False) -> None:
        payload = body if isinstance(body, bytes) else json.dumps(body).encode()
        async with aiomqtt.Client("127.0.0.1", port, protocol=aiomqtt.ProtocolVersion.V5) as client:
            await client.publish(f"pos/v1/{topic}", payload, qos=qos, retain=retain)

    return publish


@pytest.fixture
def prometheus(tmp_path: Path) -> Iterator[Callable[[int], Server]]:
    """Start a Prometheus with the shipped configuration, scraping the fleetmon on a port."""
    made: list[Server] = []

    def begin(target: int) -> Server:
        port = free_port()
        folder = tmp_path / "prometheus"
        folder.mkdir()
        shipped = (Path(__file__).parents[1] / "deploy/prometheus/prometheus.yml").read_text()
        text = shipped.replace("localhost:9877", f"127.0.0.1:{target}").replace("15s", "1s")
        (folder / "prometheus.yml").write_text(text)
        shutil.copytree(Path(__file__).parents[1] / "deploy/prometheus/rules", folder / "rules")
        arguments = [
            f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
        ]
        made.append(Server("prometheus", arguments, port, folder / "log"))
        made[-1].start()
        wait_for(lambda: http_get(f"{made[-1].url}/-/ready")[0] == 200, "prometheus ready")
        return made[-1]

    yield begin
    for server in made:
        server.stop()


@pytest.fixture(scope="module")
def old_prometheus() -> Iterator[Callable[[Path], Server]]:
    """Start a Prometheus that scrapes nobody on blocks that were written into a folder's `data`."""
    made: list[Server] = []

    def begin(folder: Path) -> Server:
        port = free_port()
        (folder / "prometheus.yml").write_text("scrape_configs: []\n")
        arguments = [
            f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / 'data'}",
            "--storage.tsdb.retention.time=100y",
            f"--web.listen-address=127.0.0.1:{port}",
        ]
        made.append(Server("prometheus", arguments, port, folder / "log"))
        made[-1].start()
        wait_for(lambda: http_get(f"{made[-1].url}/-/ready")[0] == 200, "prometheus ready")
        return made[-1]

    yield begin
    for server in made:
        server.stop()


@pytest.fixture
def sample_registry() -> Registry:
    return config.load_registry(SAMPLE / "registry.yml")


@pytest.fixture(scope="session")
def sample() -> Path:
    """The folder of the contract's worked sample."""
    return SAMPLE
