"""The compose stack and the image, as far as they can be tried without a container engine.

Compose's own parser reads the file and hadolint the Dockerfile; fleetmon's configuration of the stack runs against a
real broker and a real PostgreSQL, set up by the files of the stack. Not tried here: the images of others, and the
building of ours.
"""

import json
import os
import re
import shutil
import ssl
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml

from fleetmon import config
from fleetmon.model.errors import ConfigError
from fleetmon.web.settings import WebSettings

ROOT = Path(__file__).parents[2]
COMPOSE = ROOT / "deploy/compose"
DOCKERFILE = ROOT / "deploy/docker/Dockerfile"


def run(*command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """One of the tools beside this Python."""
    program = str(Path(sys.executable).parent / command[0])
    found = program if Path(program).exists() else command[0]
    return subprocess.run(
        [found, *command[1:]], capture_output=True, text=True, check=False, env={**os.environ, **environment}
    )


@pytest.fixture(scope="module")
def stack() -> dict[str, Any]:
    """The file as compose understands it, with absolute paths."""
    read = run("docker-compose", "-f", str(COMPOSE / "compose.yml"), "config", "--format", "json")
    assert (read.returncode, read.stderr) == (0, "")
    return dict(json.loads(read.stdout))


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    subprocess.run(
        ["sh", str(COMPOSE / "prepare.sh")],
        env={**os.environ, "SECRETS": str(tmp_path / "secrets")}, capture_output=True, check=True,
    )  # fmt: skip
    return tmp_path / "secrets"


def test_every_file_it_mounts_is_there(stack: dict[str, Any], secrets: Path) -> None:
    mounted = [one["source"] for each in stack["services"].values() for one in each.get("volumes", ())]
    files = [Path(source) for source in mounted if source.startswith("/")]
    assert len(files) > 10
    assert [str(path) for path in files if not path.exists()] == []
    wanted = {Path(secret["file"]) for secret in stack["secrets"].values()}
    assert {path.parent for path in wanted} == {COMPOSE / "secrets"}
    assert {path.name for path in wanted} <= {path.name for path in secrets.iterdir()}
    build = stack["services"]["fleetmon"]["build"]
    assert (Path(build["context"]) / build["dockerfile"]).resolve() == DOCKERFILE


def test_every_service_can_be_told_apart_from_a_dead_one(stack: dict[str, Any]) -> None:
    assert set(stack["services"]) == {"mosquitto", "postgres", "fleetmon", "prometheus", "alertmanager", "grafana"}
    for name, service in stack["services"].items():
        assert service["restart"] == "unless-stopped"
        assert "no-new-privileges:true" in service["security_opt"]
        if name == "fleetmon":
            assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
            assert "HEALTHCHECK" in DOCKERFILE.read_text()
        else:
            assert service["healthcheck"]["test"][0] == "CMD", name
            assert re.fullmatch(r"[\w/-]+:v?\d+\.\d+[\w.-]*", service["image"]), f"{name}: which version?"


def test_only_the_terminals_come_in_from_outside(stack: dict[str, Any]) -> None:
    opened = {
        port["published"] for service in stack["services"].values() for port in service.get("ports", ())
        if port.get("host_ip") != "127.0.0.1"
    }  # fmt: skip
    assert opened == {"8883"}


def test_no_secret_stands_in_a_file_of_the_repository(stack: dict[str, Any]) -> None:
    given = [name for each in stack["services"].values() for name in each.get("environment", {})]
    assert [name for name in given if "PASSWORD" in name and not name.endswith("_FILE")] == []
    # In the uppermost file: the builder of the source archive reads no other.
    assert "/deploy/compose/secrets/" in (ROOT / ".gitignore").read_text().splitlines()


def test_hadolint_has_nothing_to_say_about_the_dockerfile(tmp_path: Path) -> None:
    assert (run("hadolint", str(DOCKERFILE)).returncode, run("hadolint", str(DOCKERFILE)).stdout) == (0, "")
    (tmp_path / "Dockerfile").write_text("FROM debian\nRUN cd /tmp && sudo true\n")
    assert run("hadolint", str(tmp_path / "Dockerfile")).returncode != 0


def test_the_image_is_made_from_the_wheel_alone_and_runs_as_nobody() -> None:
    lines = DOCKERFILE.read_text().replace("\\\n", " ").splitlines()
    copied = [line.split()[1:] for line in lines if line.startswith(("COPY", "ADD"))]
    assert copied == [["fleetmon-*.whl", "./"], ["--from=build", "/opt/fleetmon", "/opt/fleetmon"]]
    assert "USER 10001:10001" in lines
    assert all(
        "--require-hashes" in line or "--no-deps" in line for line in re.findall(r"pip install[^&]*", "\n".join(lines))
    )
    (probe,) = [line.partition(" CMD ")[2] for line in lines if line.startswith("HEALTHCHECK")]
    program = json.loads(probe)[2]
    compile(program, "HEALTHCHECK", "exec")
    assert f"127.0.0.1:{WebSettings().port}/-/healthy" in program


def test_prometheus_takes_its_configuration(stack: dict[str, Any], tmp_path: Path) -> None:
    shutil.copy(COMPOSE / "prometheus.yml", tmp_path)
    shutil.copytree(ROOT / "deploy/prometheus/rules", tmp_path / "rules")
    checked = run("promtool", "check", "config", "--lint-fatal", str(tmp_path / "prometheus.yml"))
    assert checked.returncode == 0, checked.stderr
    mine, shipped = (
        yaml.safe_load(path.read_text())
        for path in (COMPOSE / "prometheus.yml", ROOT / "deploy/prometheus/prometheus.yml")
    )
    text = json.dumps(shipped).replace("localhost:9093", "alertmanager:9093").replace("localhost:9877", "fleetmon:9877")
    assert mine == json.loads(text), "differs from the shipped one in more than where things are"
    assert {"alertmanager", "fleetmon"} <= set(stack["services"])


def test_grafana_finds_in_the_stack_what_its_dashboards_ask_for() -> None:
    inside = {one["uid"]: one for one in yaml.safe_load((COMPOSE / "grafana.yml").read_text())["datasources"]}
    shipped = yaml.safe_load((ROOT / "grafana/provisioning/datasources/fleetmon.yaml").read_text())["datasources"]
    for one in shipped:
        there = inside[one["uid"]]
        assert {**one, "url": "", "user": "", "jsonData": 0, "secureJsonData": 0} == {
            **there, "url": "", "user": "", "jsonData": 0, "secureJsonData": 0,
        }  # fmt: skip
    assert "$__file{/run/secrets/grafana-reader-password}" in json.dumps(inside["fleetmon-postgresql"])


def placed(text: str, secrets: Path) -> str:
    """The stack's configuration of fleetmon with its secrets where they are here."""
    names = {"ca": "ca.pem", "fleetmon-certificate": "fleetmon.pem", "fleetmon-key": "fleetmon.key"}
    names |= {"store-password": "store-password", "tokens": "tokens.yml"}
    for name, file in names.items():
        assert text.count(f"/run/secrets/{name}\n") == 1
        text = text.replace(f"/run/secrets/{name}\n", f"{secrets / file}\n")
    return text


def test_the_stack_without_its_secrets_says_which_are_missing() -> None:
    with pytest.raises(ConfigError) as refused:
        config.load(COMPOSE / "fleetmon.yml", {})
    said = "\n".join(refused.value.problems)
    assert {name for name in ("ca", "store-password", "tokens") if f"/run/secrets/{name}" in said} == {
        "ca", "store-password", "tokens",
    }  # fmt: skip


def test_fleetmon_runs_in_the_stack_and_grafana_may_read(
    secrets: Path,
    tmp_path: Path,
    postgresql: Any,
    broker_config: Callable[..., Any],
    wait_for: Callable[..., None],
    free_port: Callable[[], int],
    http_get: Callable[[str], tuple[int, str]],
) -> None:
    """The certificates of prepare.sh, the roles of postgres.sh, the configuration of the stack."""
    inner = free_port()
    certificates = {"cafile": "ca.pem", "certfile": "broker.pem", "keyfile": "broker.key"}
    broker = broker_config(
        f"listener {inner} 127.0.0.1", "require_certificate true", "use_identity_as_username true",
        *(f"{option} {secrets / name}" for option, name in certificates.items()),
    )  # fmt: skip
    broker.start()
    access = {"PGHOST": "127.0.0.1", "PGPORT": str(postgresql.port), "SECRETS": str(secrets)}
    access["READER"] = str(ROOT / "grafana/provisioning/reader.sql")
    roles = (COMPOSE / "postgres.sh").read_text()  # other tests have a role of fleetmon's name on this server
    (tmp_path / "postgres.sh").write_text(re.sub(r"\bfleetmon\b(?=[; ]|$)", "stacked", roles, flags=re.MULTILINE))
    made = run("sh", str(tmp_path / "postgres.sh"), **access)
    assert made.returncode == 0, made.stderr
    port = free_port()
    text = placed((COMPOSE / "fleetmon.yml").read_text(), secrets)
    text = text.replace("host: mosquitto\n  port: 8884", f"host: localhost\n  port: {inner}")
    server = f"stacked@127.0.0.1:{postgresql.port}/stacked"
    text = text.replace("fleetmon@postgres:5432/fleetmon", server).replace("http://alertmanager:9093", "")
    text = text.replace("host: 0.0.0.0", f"host: 127.0.0.1\n  port: {port}")
    (tmp_path / "fleetmon.yml").write_text(text)
    shutil.copy(ROOT / "config/registry.yml", tmp_path)
    command = [sys.executable, "-m", "fleetmon", "run", "--config.file", str(tmp_path / "fleetmon.yml")]
    with (tmp_path / "log").open("w") as log, subprocess.Popen(command, stderr=log) as process:
        try:
            wait_for(lambda: http_get(f"http://127.0.0.1:{port}/-/ready")[0] == 200, "ready", 40)
            assert http_get(f"http://127.0.0.1:{port}/api/v1/terminals")[0] == 401
        finally:
            process.terminate()
            assert process.wait(30) == 0, (tmp_path / "log").read_text()
    password = (secrets / "grafana-reader-password").read_text()
    reader = f"host=127.0.0.1 port={postgresql.port} dbname=stacked user=fleetmon_reader password={password}"
    with psycopg.connect(reader, autocommit=True) as connection:
        for view in ("v_terminal", "v_incident", "v_window", "v_settlement_late"):
            connection.execute(f"SELECT * FROM {view}")
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            connection.execute("CREATE TABLE mine ()")
        for refused in ("DELETE FROM terminal", "SELECT * FROM terminal", "SELECT * FROM quarantine"):
            connection.execute("SET default_transaction_read_only = off")
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(refused)


def test_the_certificates_are_of_the_names_terminals_use(tmp_path: Path) -> None:
    subprocess.run(
        ["sh", str(COMPOSE / "prepare.sh")], capture_output=True, check=True,
        env={**os.environ, "SECRETS": str(tmp_path), "BROKER_NAMES": "mqtt.example.com"},
    )  # fmt: skip
    decoded: Any = ssl._ssl._test_decode_cert(str(tmp_path / "broker.pem"))  # type: ignore[attr-defined]
    assert ("DNS", "mqtt.example.com") in decoded["subjectAltName"]
