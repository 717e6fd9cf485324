"""Real servers for tests: each on a free loopback port, in a temporary folder, gone afterwards.

A server that is not installed is an error, not a skip: run `make test`, which installs them.
"""

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import aiomqtt
import psycopg
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

settings.register_profile("hunt", max_examples=2000, deadline=None, print_blob=True)
SAMPLE = Path(__file__).parent / "contract" / "v1" / "sample"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(ready: Callable[[], object], what: str, timeout_s: float = 15.0) -> None:
    """Poll until ready; fail with the name of what did not come."""
    deadline = time.monotonic() + timeout_s
    while not ready():
        assert time.monotonic() < deadline, f"{what}: not within {timeout_s:g} s"
        time.sleep(0.02)


def http_get(url: str) -> tuple[int, str]:
    """Status and body; status 0 where nobody listens."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()
    except (urllib.error.URLError, OSError):
        return 0, ""


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


class Server:
    """One server process that can be stopped and started again on the same port."""

    def __init__(self, name: str, arguments: list[str], port: int, log: Path) -> None:
        found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")
        assert found, f"{name} is not installed: run `make test`, or deploy/install-servers.sh"
        self.port = port
        self.log = log
        self._command = [found, *arguments]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log, cwd=self.log.parent)
        wait_for(self._answers, f"{self._command[0]} ({self.log.read_text()[-2000:]})")

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)
            self._process = None

    def restart(self) -> None:
        self.stop()
        self.start()

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, f"it ended: {self.log.read_text()[-2000:]}"
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


class PostgreSQL(Server):
    """A PostgreSQL server that can be stopped and started again, and makes databases."""

    def __init__(self, folder: Path) -> None:
        programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
        assert programs, "postgresql is not installed: run `make test`, or deploy/install-servers.sh postgresql"
        owner: list[str] = []
        if os.geteuid() == 0:  # which it refuses to run as
            shutil.chown(folder, "postgres", "postgres")
            owner = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"]
        data, port = folder / "data", free_port()
        initialise = [
            *owner,
            str(programs[-1] / "initdb"),
            "-A",
            "trust",
            "-U",
            "postgres",
            "-E",
            "UTF8",
            "-D",
            str(data),
        ]
        subprocess.run([*initialise, "--no-locale"], check=True, capture_output=True, cwd=folder)
        rule = "host all secretive 127.0.0.1/32 scram-sha-256\n"  # one user has to prove who he is
        access = data / "pg_hba.conf"
        access.write_text(rule + access.read_text())
        options = {"listen_addresses": "127.0.0.1", "unix_socket_directories": "", "log_line_prefix": "%m "}
        options["fsync"] = "off"  # its power is not cut here, and the files of many databases take long at the end
        arguments = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        command = [*owner, str(programs[-1] / "postgres"), "-D", str(data), "-p", str(port), *arguments]
        super().__init__(command[0], command[1:], port, folder / "log")
        self._databases = 0

    def start(self) -> None:
        super().start()
        wait_for(self._takes_questions, "postgresql")

    def _takes_questions(self) -> bool:
        try:
            return bool(self.ask("SELECT 1"))
        except psycopg.OperationalError:  # it is starting up
            return False

    def stop(self) -> None:
        """Cut all connections, as a restart of the machine would; SIGTERM would wait for them to go."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
        super().stop()

    def ask(self, query: str, database: str = "postgres") -> list[tuple[Any, ...]]:
        """Run one statement as the server's own administrator."""
        address = f"host=127.0.0.1 port={self.port} user=postgres dbname={database}"
        with psycopg.connect(address, autocommit=True) as connection:
            found = connection.execute(query.encode())
            return found.fetchall() if found.description else []

    def database(self, user: str = "fleetmon") -> str:
        """The URL of a new empty database of an ordinary user, which sorts as people do."""
        self._databases += 1
        name = f"test_{self._databases}"
        if not self.ask(f"SELECT 1 FROM pg_roles WHERE rolname = '{user}'"):
            self.ask(f"CREATE ROLE {user} LOGIN PASSWORD 'hush'")
        sorting = "LOCALE_PROVIDER icu ICU_LOCALE 'en' LOCALE 'C'"
        self.ask(f"CREATE DATABASE {name} OWNER {user} TEMPLATE template0 ENCODING 'UTF8' {sorting}")
        return f"postgresql://{user}@127.0.0.1:{self.port}/{name}"


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
