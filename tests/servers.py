"""The servers that tests start: each on a free loopback port, in a temporary folder."""

import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg


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
