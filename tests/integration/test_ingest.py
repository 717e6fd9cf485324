"""The subscriber against a real mosquitto."""

import asyncio
import datetime
import ssl
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiomqtt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from fleetmon.ingest.settings import MqttSettings, TlsSettings
from fleetmon.ingest.tls import tls_context, with_our_fault
from fleetmon.model.errors import ConfigError

Say = Callable[..., Awaitable[None]]
TAMPER = {"at": 1, "boot": 1, "seq": 1, "component": "security", "code": "Tamper", "action": "set"}


async def test_a_tamper_becomes_one_incident_and_a_repetition_none(start: Any, mosquitto: Any, say: Say) -> None:
    running = start(mqtt=MqttSettings(port=mosquitto.port))
    await running.until_ready()
    for _ in range(3):
        await say(mosquitto.port, "terminal/noodle-1/device", TAMPER)
    await running.until(lambda: running.daemon.intake.counts["device"] == 3, "three messages")
    await running.until(lambda: running.daemon._uncommitted == 0, "all are stored")
    await running.until(lambda: running.told == ["tamper firing"], "one incident")
    assert running.daemon.engine.shard.counts["repeated"] == 2


async def test_bad_messages_are_counted_kept_aside_and_change_nothing(start: Any, mosquitto: Any, say: Say) -> None:
    running = start(mqtt=MqttSettings(port=mosquitto.port))
    await running.until_ready()
    await say(mosquitto.port, "terminal/noodle-1/device", b"{broken")
    await say(mosquitto.port, "terminal/noodle-1/device", {"at": 1})
    await say(mosquitto.port, "terminal/noodle-1/nonsense", {})
    await say(mosquitto.port, "terminals/noodle-1/device", TAMPER)
    await say(mosquitto.port, "terminal/noodle-1/device", b"x" * 70_000)
    await say(mosquitto.port, "terminal/noodle-1/device", {**TAMPER, "detail": "card 4111111111111111 refused"})
    await say(mosquitto.port, "terminal/noodle-1/state", b"", retain=True)
    refused = running.daemon.quarantine.counts
    await running.until(lambda: refused.total() == 6 and running.daemon.intake.counts["withdrawn"], "all of them")
    assert refused == {"json": 1, "field": 1, "topic": 2, "too_large": 1, "pan": 1}
    assert running.told == []
    await running.stop()
    database = running.daemon.config.store.file
    assert b"4111111111111111" not in b"".join(file.read_bytes() for file in database.parent.glob("fleetmon.db*"))


async def test_acknowledged_only_after_the_commit(start: Any, mosquitto: Any, say: Say) -> None:
    """While the store cannot be written the broker keeps the message; nothing is told to anybody."""
    running = start(mqtt=MqttSettings(port=mosquitto.port))
    await running.until_ready()
    store = running.daemon.store
    held: list[Any] = []
    submit, store.submit = store.submit, held.append
    await say(mosquitto.port, "terminal/noodle-1/device", TAMPER)
    await running.until(lambda: running.daemon.intake.counts["device"] == 1, "the message")
    assert running.told == []
    assert running.daemon._uncommitted == 1
    store.submit = submit
    for work in held:
        submit(work)
    await running.until(lambda: running.told == ["tamper firing"], "the incident")
    assert running.daemon._uncommitted == 0


async def test_what_was_said_while_we_were_away_comes_after(start: Any, mosquitto: Any) -> None:
    """The session is resumed: QoS 1 messages of our absence are kept by the broker."""
    first = start(mqtt=MqttSettings(port=mosquitto.port))
    await first.until_ready()
    await first.stop()
    async with aiomqtt.Client("127.0.0.1", mosquitto.port, protocol=aiomqtt.ProtocolVersion.V5) as client:
        for seq in range(1, 1501):  # more than mosquitto's default queue of 1000
            payload = f'{{"at":1,"boot":1,"seq":{seq},"id":"x{seq}","kind":"sale","stage":"approved","amount":1}}'
            await client.publish("pos/v1/terminal/grill-1/transaction", payload, qos=1)
    second = start(mqtt=MqttSettings(port=mosquitto.port))
    await second.until_ready()
    await second.until(lambda: second.daemon.intake.counts["transaction"] >= 1500, "all messages")
    assert second.daemon.engine.shard.counts["repeated"] == 0


async def test_a_broker_restart_is_deafness_not_a_dead_fleet(start: Any, mosquitto: Any, say: Say) -> None:
    running = start(mqtt=MqttSettings(port=mosquitto.port))
    await running.until_ready()
    await say(mosquitto.port, "terminal/noodle-1/heartbeat", {"at": 1, "boot": 1, "seq": 1, "interval_s": 1}, qos=0)
    await running.until(lambda: running.daemon.engine.fleet.terminals["noodle-1"].last_seen, "the heartbeat")
    mosquitto.stop()
    await running.until(lambda: running.daemon.engine.deaf, "deafness")
    status, text = await running.get("/-/ready")
    assert status == 503
    assert "broker" in text
    assert (await running.get("/-/healthy"))[0] == 200
    assert 'fleetmon_terminals{state="unknown"} 1.0' in (await running.get("/metrics"))[1]
    mosquitto.start()
    await running.until_ready()
    assert running.told == []
    await say(mosquitto.port, "terminal/noodle-1/device", {**TAMPER, "seq": 2})
    await running.until(lambda: running.told == ["tamper firing"], "it listens again")


async def test_a_broker_that_is_gone_at_the_start_is_waited_for(start: Any, broker_config: Any) -> None:
    broker = broker_config()
    running = start(mqtt=MqttSettings(port=broker.port, reconnect_max_s=0.2))
    await running.until(lambda: "Connect" in str(running.daemon.not_ready()), "a clear reason")
    assert (await running.get("/-/ready"))[0] == 503
    broker.start()
    await running.until_ready()


async def test_user_and_password(start: Any, broker_config: Any, tmp_path: Path) -> None:
    passwords = tmp_path / "passwords"
    passwords.write_text("")
    passwords.chmod(0o600)
    subprocess.run(["mosquitto_passwd", "-b", passwords, "fleetmon", "right"], check=True, capture_output=True)
    broker = broker_config(f"password_file {passwords}", anonymous=False)
    broker.start()
    refused = start(mqtt=MqttSettings(port=broker.port), username="fleetmon", password=b"wrong")
    await refused.until(lambda: "password_file" in str(refused.daemon.not_ready()), "the remedy")
    await refused.stop()
    running = start(mqtt=MqttSettings(port=broker.port), username="fleetmon", password=b"right")
    await running.until_ready()


async def test_a_dead_subscription_is_noticed_by_the_canary(start: Any, mosquitto: Any) -> None:
    """The connection stands, but nothing comes: as if the subscription were lost at the broker."""
    running = start(mqtt=MqttSettings(port=mosquitto.port, canary_s=0.05))
    await running.until_ready()
    subscriber = running.daemon.subscriber
    await running.until(lambda: subscriber.canary_lag_s is not None, "the first canary")
    topic, subscriber.canary_topic = subscriber.canary_topic, "fleetmon/canary/elsewhere"  # where nobody listens
    await running.until(lambda: "canary" in str(running.daemon.not_ready()), "the loss")
    subscriber.canary_topic = topic
    await running.until(lambda: subscriber.connects >= 2, "another connection")
    assert not [word for word in running.told if not word.startswith("ingest_impaired")], "our own matter, if any"


async def test_reading_pauses_while_the_store_lags(start: Any, mosquitto: Any) -> None:
    running = start(mqtt=MqttSettings(port=mosquitto.port, max_uncommitted=100))
    await running.until_ready()
    store = running.daemon.store
    held: list[Any] = []
    submit, store.submit = store.submit, held.append
    async with aiomqtt.Client("127.0.0.1", mosquitto.port, protocol=aiomqtt.ProtocolVersion.V5) as client:
        for seq in range(1, 1001):
            payload = f'{{"at":1,"boot":1,"seq":{seq},"no":"1","event":"opened"}}'
            await client.publish("pos/v1/terminal/grill-1/batch", payload, qos=1)
    await running.until(lambda: running.daemon._uncommitted > 100, "more than allowed")
    taken = running.daemon.intake.counts["batch"]
    assert taken < 1000, "it went on reading"
    store.submit = submit
    for work in held:
        submit(work)
    await running.until(lambda: running.daemon.intake.counts["batch"] == 1000, "the rest")
    await running.until(lambda: running.daemon._uncommitted == 0, "every commit")


def certificate(
    folder: Path,
    name: str,
    issuer: tuple[x509.Certificate, ec.EllipticCurvePrivateKey] | None,
    days: int = 1,
    usage: x509.ObjectIdentifier | None = None,
) -> Any:
    """Make `name.pem` and `name.key` in the folder; signed by the issuer, or by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer[0].subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=3))
        .not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
    )
    if usage is not None:
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
    made = builder.sign(issuer[1] if issuer else key, hashes.SHA256())
    (folder / f"{name}.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / f"{name}.key").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return made, key


def with_certificates(
    broker_config: Any, folder: Path, *, broker_days: int = 1, client_days: int = 1
) -> tuple[int, TlsSettings, Any]:
    """A running broker that asks for certificates: its port, a client's settings, and who signs."""
    authority = certificate(folder, "ca", None)
    certificate(folder, "broker", authority, broker_days)
    certificate(folder, "client", authority, client_days)
    broker = broker_config(
        f"cafile {folder}/ca.pem", f"certfile {folder}/broker.pem", f"keyfile {folder}/broker.key",
        "require_certificate true",
    )  # fmt: skip
    broker.start()
    tls = TlsSettings(*(str(folder / name) for name in ("ca.pem", "client.pem", "client.key")))
    return broker.port, tls, authority


async def test_mutual_tls(start: Any, broker_config: Any, tmp_path: Path) -> None:
    port, tls, _ = with_certificates(broker_config, tmp_path)
    stranger = start(mqtt=MqttSettings(port=port, tls=TlsSettings(ca_file=tls.ca_file)))
    await asyncio.sleep(0.3)
    assert stranger.daemon.not_ready(), "no certificate of ours, no entry"
    await stranger.stop()
    running = start(mqtt=MqttSettings(port=port, tls=tls))
    await running.until_ready()


async def test_a_fault_of_our_own_ends_the_daemon_loudly(start: Any, mosquitto: Any, say: Say) -> None:
    running = start(mqtt=MqttSettings(port=mosquitto.port))
    await running.until_ready()

    def broken(_messages: object) -> None:
        raise ZeroDivisionError("ours")

    running.daemon.engine.observe = broken
    await say(mosquitto.port, "terminal/noodle-1/device", TAMPER)
    with pytest.raises(ExceptionGroup) as caught:
        await asyncio.wait_for(asyncio.shield(running.task), 10)
    assert caught.group_contains(ZeroDivisionError)


def test_tls_uses_no_old_protocol() -> None:
    assert tls_context(TlsSettings()).minimum_version >= ssl.TLSVersion.TLSv1_2


async def test_a_broker_that_forbids_the_canary_is_no_link_and_is_not_hammered(
    start: Any, broker_config: Any, tmp_path: Path
) -> None:
    (tmp_path / "acl").write_text("topic read pos/v1/#\n")
    broker = broker_config(f"acl_file {tmp_path}/acl")
    broker.start()
    running = start(mqtt=MqttSettings(port=broker.port))
    await running.until(lambda: "publish and read that topic" in str(running.daemon.not_ready()), "the remedy")
    assert running.daemon.engine.deaf
    assert running.daemon.subscriber.connects == 0


@pytest.mark.parametrize(("broker_days", "client_days"), [(-1, 1), (1, -1)])
async def test_an_expired_certificate_is_named(
    start: Any, broker_config: Any, tmp_path: Path, broker_days: int, client_days: int
) -> None:
    port, tls, _ = with_certificates(broker_config, tmp_path, broker_days=broker_days, client_days=client_days)
    running = start(mqtt=MqttSettings(port=port, tls=tls))
    await running.until(lambda: "certificate" in str(running.daemon.not_ready()).lower(), "the certificate is named")
    assert "expired" in str(running.daemon.not_ready()).lower()


async def test_a_renewed_certificate_needs_no_restart(start: Any, broker_config: Any, tmp_path: Path) -> None:
    port, tls, authority = with_certificates(broker_config, tmp_path, client_days=-1)
    running = start(mqtt=MqttSettings(port=port, tls=tls, reconnect_max_s=0.2))
    await running.until(lambda: "renew it" in str(running.daemon.not_ready()), "the remedy")
    (tmp_path / "client.pem").unlink()
    await running.until(lambda: "files exist" in str(running.daemon.not_ready()), "the file that is missing meanwhile")
    assert running.daemon.subscriber.connects == 0
    certificate(tmp_path, "client", authority)
    await running.until_ready()
    assert running.daemon.subscriber.connects == 1


@pytest.mark.parametrize(("days", "usage", "fault"), [
    (1, None, ""),
    (-1, None, "certificate has expired"),
    (-1, ExtendedKeyUsageOID.CLIENT_AUTH, "certificate has expired"),
    (1, ExtendedKeyUsageOID.CLIENT_AUTH, ""),
])  # fmt: skip
def test_what_is_wrong_with_our_own_certificate_is_said_whatever_the_broker_says(
    tmp_path: Path, days: int, usage: x509.ObjectIdentifier | None, fault: str
) -> None:
    """A broker that hangs up may take its reason with it."""
    certificate(tmp_path, "client", certificate(tmp_path, "ca", None), days, usage)
    ours = TlsSettings(*(str(tmp_path / name) for name in ("ca.pem", "client.pem", "client.key")))
    reason = with_our_fault("Connection reset by peer", ours)
    assert reason.startswith("Connection reset by peer")
    assert fault in reason
    assert ("renew it" in reason) is bool(fault)
    assert with_our_fault("reset", TlsSettings(ca_file=ours.ca_file)) == "reset"
    assert with_our_fault("reset", None) == "reset"


def test_an_unreadable_certificate_is_named(tmp_path: Path) -> None:
    (tmp_path / "client.pem").write_text("no certificate")
    for settings in (TlsSettings(ca_file="nowhere.pem"), TlsSettings(cert_file=str(tmp_path / "client.pem"))):
        with pytest.raises(ConfigError, match="check that the files exist, fit together and are readable"):
            tls_context(settings)


async def test_the_clock_of_a_terminal_decides_nothing(start: Any, mosquitto: Any, say: Say) -> None:
    """1970, the far future: valid, and dated by their arrival."""
    running = start(mqtt=MqttSettings(port=mosquitto.port))
    await running.until_ready()
    for seq, at in enumerate((0, 9_000_000_000_000_000, 1), 1):
        await say(mosquitto.port, "terminal/noodle-1/heartbeat", {"at": at, "boot": 1, "seq": seq}, qos=0)
    terminal = running.daemon.engine.fleet.terminals["noodle-1"]
    await running.until(lambda: terminal.seq == 3, "all three")
    assert abs(terminal.last_seen - running.daemon.engine.now) < 10_000
    assert running.daemon.quarantine.counts.total() == 0


async def test_a_hostile_client_that_makes_up_terminals_stays_within_bounds(start: Any, mosquitto: Any) -> None:
    running = start(mqtt=MqttSettings(port=mosquitto.port), max_unregistered=100)
    await running.until_ready()
    async with aiomqtt.Client("127.0.0.1", mosquitto.port, protocol=aiomqtt.ProtocolVersion.V5) as client:
        for number in range(2_000):
            body = f'{{"at":1,"boot":1,"session":"s","state":"online","carrier":"C{number}","model":"M{number}"}}'
            await client.publish(f"pos/v1/terminal/X{number}/state", body, qos=1)
    await running.until(lambda: running.daemon.quarantine.counts["unregistered_limit"] == 1_900, "the refusals")
    await running.until(lambda: running.daemon._uncommitted == 0, "all acknowledged")
    assert len(running.daemon.engine.fleet.terminals) == 118
    text = (await running.get("/metrics"))[1]
    assert "fleetmon_unregistered_terminals 100.0" in text
    assert text.count("\n") < 20_000
