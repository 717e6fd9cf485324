"""The broker for a fleet, with certificates made as users make them: nobody speaks for another. Real mosquitto."""

import asyncio
import contextlib
import gc
import os
import shutil
import socket
import ssl
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import aiomqtt
import pytest

from fleetmon.ingest.publish import Client

DEPLOY = Path(__file__).parents[2] / "deploy"
CANARY = "fleetmon/canary/fleetmon"


class Fleet:
    """A broker with both listeners, and clients with the certificates of `prepare.sh`."""

    def __init__(self, folder: Path, ports: tuple[int, int]) -> None:
        self.secrets = folder / "secrets"
        self.terminals, self.systems = ports
        prepare(self.secrets, "T1", "T2", "ACQ-1")
        etc = folder / "mosquitto"
        (etc / "conf.d").mkdir(parents=True)
        (etc / "tls").mkdir()
        for source, name in {"ca.pem": "ca.pem", "broker.pem": "broker.pem", "broker.key": "broker.key"}.items():
            shutil.copy(self.secrets / source, etc / "tls" / name)
        shutil.copy(DEPLOY / "mosquitto/terminals.acl", etc)
        systems = (DEPLOY / "mosquitto/systems.acl").read_text()
        (etc / "systems.acl").write_text(systems.replace("#user ACQ-1\n#topic", "user ACQ-1\ntopic", 1))
        fleet = (DEPLOY / "mosquitto/fleet.conf").read_text().replace("/etc/mosquitto/", f"{etc}/")
        fleet = fleet.replace("listener 8883", f"listener {self.terminals} 127.0.0.1")
        fleet = fleet.replace("listener 8884", f"listener {self.systems} 127.0.0.1")
        (etc / "conf.d/fleet.conf").write_text(fleet)
        main = (DEPLOY / "compose/mosquitto.conf").read_text().replace("/etc/mosquitto/", f"{etc}/")
        self.config = etc / "mosquitto.conf"
        self.config.write_text(main.replace("/mosquitto/data/", f"{etc}/") + f"user {etc.owner()}\n")

    def client(self, name: str, *, inner: bool = False, **more: Any) -> aiomqtt.Client:
        at = self.secrets / "fleetmon" if name == "fleetmon" else self.secrets / "clients" / name
        trust = ssl.create_default_context(cafile=str(self.secrets / "ca.pem"))
        trust.load_cert_chain(f"{at}.pem", f"{at}.key")
        more = {"identifier": f"any-{name}", "protocol": aiomqtt.ProtocolVersion.V5, **more}
        return Client("127.0.0.1", self.systems if inner else self.terminals, tls_context=trust, **more)

    async def say(self, name: str, *topics: str, inner: bool = False, identifier: str | None = None) -> None:
        """One connection for each message: mosquitto 2.0.11 ends that of a client who may not publish what it did."""
        for topic in topics:
            client = self.client(name, inner=inner, identifier=identifier or f"any-{name}")
            with contextlib.suppress(aiomqtt.MqttError):
                async with client:
                    await client.publish(topic, b"{}", qos=1, timeout=0.5)


def prepare(secrets: Path, *names: str) -> subprocess.CompletedProcess[str]:
    command = ["sh", str(DEPLOY / "compose/prepare.sh"), *names]
    environment = {**os.environ, "SECRETS": str(secrets)}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True)


@pytest.fixture(autouse=True)
def nothing_is_left_unasked(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """asyncio complains of the reason for which a broker hung up, when nobody asked for it."""
    yield
    gc.collect()
    told = [record.getMessage() for when in ("call", "teardown") for record in caplog.get_records(when)]
    assert [line for line in told if "never retrieved" in line] == []


@pytest.fixture
def fleet(
    tmp_path: Path, free_port: Callable[[], int], wait_for: Callable[..., None], listens: Callable[[int], bool]
) -> Iterator[Fleet]:
    made = Fleet(tmp_path, (free_port(), free_port()))
    program = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
    with (tmp_path / "log").open("w") as log:
        broker = subprocess.Popen([program, "-c", str(made.config)], stdout=log, stderr=log)
    try:
        wait_for(lambda: listens(made.terminals) and listens(made.systems), "mosquitto with TLS")
        yield made
    finally:
        broker.terminate()
        broker.wait(10)


async def heard(fleet: Fleet, happens: Callable[[], Any]) -> list[str]:
    """What fleetmon hears of the fleet while something happens, up to its own message after it."""
    found: list[str] = []
    async with asyncio.timeout(20), fleet.client("fleetmon", inner=True) as listener:
        await listener.subscribe([("pos/v1/#", 1), (CANARY, 0)])
        await happens()
        await listener.publish(CANARY, b"over", qos=1)
        async for message in listener.messages:
            if str(message.topic) == CANARY:
                return found
            found.append(str(message.topic))
    raise AssertionError("the broker went away")


async def test_a_terminal_speaks_for_itself_only(fleet: Fleet) -> None:
    async def speak() -> None:
        tried = ("terminal/T2/device", "host/T1/health", "merchant/T1/settlement", "terminal/T1/device")
        await fleet.say("T1", CANARY, *(f"pos/v1/{topic}" for topic in tried))

    assert await heard(fleet, speak) == ["pos/v1/terminal/T1/device"]


async def test_a_last_will_is_no_way_round(fleet: Fleet) -> None:
    async def die() -> None:
        async with fleet.client("fleetmon", inner=True, identifier="witness") as witness:
            await witness.subscribe("pos/v1/terminal/+/state", qos=1)
            for name in ("T2", "T1"):
                will = aiomqtt.Will("pos/v1/terminal/T1/state", b"{}", qos=1)
                with contextlib.suppress(aiomqtt.MqttError):
                    async with fleet.client(name, will=will) as client:
                        cable: Any = client._client.socket()
                        cable.shutdown(socket.SHUT_RDWR)  # and is cut
            await anext(aiter(witness.messages))
        await fleet.say("ACQ-1", "pos/v1/host/ACQ-1/health", inner=True)  # mosquitto has looked at both ends by then

    found = await heard(fleet, die)
    assert sorted(found) == ["pos/v1/host/ACQ-1/health", "pos/v1/terminal/T1/state"], "T2's will spoke for T1"


async def test_a_terminal_reads_nothing_and_pushes_nobody_off(fleet: Fleet) -> None:
    async with asyncio.timeout(20), fleet.client("T1", identifier="T1") as terminal:
        await terminal.subscribe("#", qos=1)

        async def speak() -> None:
            await fleet.say("T2", "pos/v1/terminal/T2/device", identifier="T1")

        assert await heard(fleet, speak) == ["pos/v1/terminal/T2/device"]
        await terminal.publish(
            "pos/v1/terminal/T1/device", b"{}", qos=1
        )  # still connected, and answered after all else
        assert len(terminal.messages) == 0


async def test_a_system_says_what_its_lines_allow(fleet: Fleet) -> None:
    async def speak() -> None:
        tried = ("host/ACQ-2/health", "terminal/T1/state", "host/ACQ-1/health")
        await fleet.say("ACQ-1", *(f"pos/v1/{topic}" for topic in tried), inner=True)
        await fleet.say(
            "T1", "pos/v1/terminal/T1/state", inner=True
        )  # its certificate is good here, its rights are not
        await fleet.say("fleetmon", "pos/v1/host/ACQ-1/file")  # from where the terminals are
        await fleet.say("fleetmon", "pos/v1/merchant/M1/settlement", inner=True, identifier="import")

    assert await heard(fleet, speak) == ["pos/v1/host/ACQ-1/health", "pos/v1/merchant/M1/settlement"]


@pytest.mark.parametrize("inner", [False, True])
async def test_strangers_are_not_let_in(fleet: Fleet, tmp_path: Path, *, inner: bool) -> None:
    prepare(tmp_path / "other", "T1")  # the right name, signed by somebody else
    trust = ssl.create_default_context(cafile=str(fleet.secrets / "ca.pem"))
    port = fleet.systems if inner else fleet.terminals
    for certificate in (None, tmp_path / "other/clients/T1"):
        if certificate:
            trust.load_cert_chain(f"{certificate}.pem", f"{certificate}.key")
        with pytest.raises(aiomqtt.MqttError):
            async with aiomqtt.Client("127.0.0.1", port, tls_context=trust, timeout=2):
                pass
    with pytest.raises(aiomqtt.MqttError):
        async with aiomqtt.Client("127.0.0.1", port, timeout=2):  # without TLS
            pass


def test_prepare_keeps_what_is_there_and_refuses_names_that_are_no_ids(tmp_path: Path) -> None:
    prepare(tmp_path, "T1")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    prepare(tmp_path, "T1")
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    for name in ("+", "T1/#", "a b", "fleetmon", ""):
        with pytest.raises(subprocess.CalledProcessError) as refused:
            prepare(tmp_path, name)
        assert f"'{name}': a name has letters" in refused.value.stderr
    assert len(list((tmp_path / "clients").iterdir())) == 2
    assert tmp_path.stat().st_mode & 0o077 == 0
