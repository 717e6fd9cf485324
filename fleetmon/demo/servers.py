"""Servers of the system's packages as children of the demo: own ports, own folder, gone with it."""

import asyncio
import contextlib
import getpass
import shutil
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

from fleetmon.model.errors import ConfigError

START_TIMEOUT_S: Final = 20.0
STOP_TIMEOUT_S: Final = 5.0
_BROKER: Final = """\
listener {port} 127.0.0.1
allow_anonymous true
max_queued_messages 0
max_inflight_messages 0
"""


def find(program: str) -> str | None:
    """Where a program is; servers often live where only root looks."""
    return shutil.which(program) or shutil.which(program, path="/usr/sbin:/usr/local/sbin:/opt/homebrew/sbin")


def free_port(wished: int) -> int:
    """The wished loopback port, or any free one if it is taken."""
    for port in (wished, 0):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return int(probe.getsockname()[1])
    raise ConfigError(["no free port on 127.0.0.1"])


def listens(port: int) -> bool:
    """Whether somebody answers on a loopback port."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextlib.asynccontextmanager
async def running(program: str, arguments: list[str], port: int, folder: Path) -> AsyncIterator[None]:
    """A server that answers on `port`, until the block is left; raises ConfigError if it does not come up."""
    log = folder / f"{Path(program).name}.log"
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            program, *arguments, stdout=output, stderr=output, cwd=folder, start_new_session=True
        )
    try:
        async with asyncio.timeout(START_TIMEOUT_S):
            while not listens(port):
                if process.returncode is not None:
                    raise ConfigError([f"{program} ended at once: {log.read_text(errors='replace')[-500:].strip()}"])
                await asyncio.sleep(0.05)
        yield
    except TimeoutError:
        raise ConfigError([f"{program} does not answer on port {port}"]) from None
    finally:
        await _stop(process)


async def _stop(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        async with asyncio.timeout(STOP_TIMEOUT_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


@contextlib.asynccontextmanager
async def broker(folder: Path) -> AsyncIterator[int | None]:
    """A private mosquitto and its port; None where mosquitto is not installed."""
    program = find("mosquitto")
    if program is None:
        yield None
        return
    port = free_port(1883)
    config = folder / "mosquitto.conf"
    config.write_text(_BROKER.format(port=port) + f"user {getpass.getuser()}\n")
    async with running(program, ["-c", str(config)], port, folder):
        yield port


@contextlib.asynccontextmanager
async def monitoring(deploy: Path, web_port: int, folder: Path) -> AsyncIterator[dict[str, str]]:
    """Prometheus and Alertmanager with the configurations in `deploy`; their addresses by name."""
    ports = {9090: free_port(9090), 9093: free_port(9093), 9877: web_port}
    prometheus, alertmanager = (_required(name) for name in ("prometheus", "prometheus-alertmanager"))
    _rewire(deploy / "prometheus" / "prometheus.yml", folder / "prometheus.yml", ports)
    told = [
        f"--config.file={deploy / 'alertmanager' / 'alertmanager.yml'}",
        f"--storage.path={folder / 'alertmanager'}",
        f"--web.listen-address=127.0.0.1:{ports[9093]}",
        "--cluster.listen-address=",
    ]
    scraping = [
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'prometheus'}",
        f"--web.listen-address=127.0.0.1:{ports[9090]}",
    ]
    async with running(alertmanager, told, ports[9093], folder), running(prometheus, scraping, ports[9090], folder):
        yield {"Alertmanager": f"http://127.0.0.1:{ports[9093]}", "Prometheus": f"http://127.0.0.1:{ports[9090]}"}


def _rewire(example: Path, copy: Path, ports: dict[int, int]) -> None:
    """The shipped configuration and its rules, with the usual ports replaced by those of the demo."""
    text = example.read_text(encoding="utf-8")
    for usual, port in ports.items():
        text = text.replace(f"localhost:{usual}", f"127.0.0.1:{port}")
    copy.write_text(text, encoding="utf-8")
    shutil.copytree(example.parent / "rules", copy.parent / "rules")


def _required(program: str) -> str:
    found = find(program)
    if found is None:
        raise ConfigError([f"{program} is not installed; on Debian: deploy/install-servers.sh {program}"])
    return found
