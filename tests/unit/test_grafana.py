"""The dashboards as files: what the generator writes, what Grafana's own model of them takes, what is provisioned."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from bench import viewer

ROOT = Path(__file__).parents[2]
GRAFANA = ROOT / "grafana"
RULES = ROOT / "deploy/prometheus/rules/fleetmon.yml"
DASHBOARDS = viewer.dashboards()
# What Grafana's model adds to a panel, link, mark or variable that says nothing of it.
DEFAULTS = {
    *("repeatDirection", "transparent", "placement", "builtIn", "icon", "tooltip", "auto", "auto_count", "auto_min"),
    *("includeAll", "multi", "skipUrlSync", "allowCustomValue"),
}


def test_the_committed_json_is_what_the_generator_writes(tmp_path: Path) -> None:
    subprocess.run([sys.executable, GRAFANA / "generate.py", tmp_path], check=True)
    written = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    committed = {file.name: file.read_bytes() for file in (GRAFANA / "dashboards").iterdir()}
    assert written == committed, "run: python grafana/generate.py"


@pytest.mark.parametrize("name", DASHBOARDS)
def test_grafanas_own_model_of_a_dashboard_loses_and_changes_nothing(name: str) -> None:
    """It drops keys that it does not know, so a misspelt one is a difference."""
    ours = DASHBOARDS[name]
    theirs = json.loads(JSONEncoder(sort_keys=True).encode(Dashboard.from_json(ours)))
    found = list(differences(ours, theirs, ""))
    assert [one for one in found if one.rpartition("/")[2] not in DEFAULTS] == []


def test_the_model_is_that_of_the_grafana_we_write_for() -> None:
    """The index holds the one of Grafana 10.1 to be newer."""
    assert version("grafana-foundation-sdk").removeprefix("v") == "0.0.21"


def test_a_misspelt_key_would_be_found() -> None:
    spoilt = json.loads(json.dumps(DASHBOARDS["overview"]))
    spoilt["panels"][0]["fieldConfig"]["defaults"]["unitt"] = "s"
    theirs = json.loads(JSONEncoder(sort_keys=True).encode(Dashboard.from_json(spoilt)))
    assert any("unitt" in one for one in differences(spoilt, theirs, ""))


def differences(ours: Any, theirs: Any, where: str) -> Iterator[str]:
    """Where two structures are not the same."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key in sorted(ours.keys() | theirs.keys()):
            if key in ours and key in theirs:
                yield from differences(ours[key], theirs[key], f"{where}/{key}")
            else:
                yield f"{where}/{key}"
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for number, (one, other) in enumerate(zip(ours, theirs, strict=True)):
            yield from differences(one, other, f"{where}/{number}")
    elif ours != theirs:
        yield f"{where}: {ours!r} became {theirs!r}"


def test_alerts_lead_to_a_dashboard_that_exists() -> None:
    found = set(re.findall(r"/d/([\w-]+)", RULES.read_text()))
    assert found
    assert found <= {dashboard["uid"] for dashboard in DASHBOARDS.values()}


def test_grafana_finds_its_sources() -> None:
    sources = yaml.safe_load((GRAFANA / "provisioning/datasources/fleetmon.yaml").read_text())
    assert sources["apiVersion"] == 1
    by_uid = {source["uid"]: source for source in sources["datasources"]}
    assert set(by_uid) == {"fleetmon-prometheus", "fleetmon-alertmanager", "fleetmon-postgresql"}
    assert not any(source["editable"] for source in by_uid.values())
    prometheus, store = by_uid["fleetmon-prometheus"], by_uid["fleetmon-postgresql"]
    assert prometheus["jsonData"]["alertmanagerUid"] in by_uid
    scraping = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text())["global"]["scrape_interval"]
    assert prometheus["jsonData"]["timeInterval"] == scraping == f"{viewer.SCRAPE_S}s"
    assert "database" in store["jsonData"], "Grafana 12 looks for it nowhere else"
    assert store["secureJsonData"]["password"].startswith("$"), "a secret comes from outside"
    kinds = {target["datasource"]["type"] for one in DASHBOARDS.values() for panel in viewer.panels(one)
             for target in panel["targets"]}  # fmt: skip
    assert kinds <= {source["type"] for source in by_uid.values()}


def test_grafana_finds_its_dashboards() -> None:
    dashboards = yaml.safe_load((GRAFANA / "provisioning/dashboards/fleetmon.yaml").read_text())
    assert dashboards["apiVersion"] == 1
    (provider,) = dashboards["providers"]
    assert provider["type"] == "file"
    assert provider["allowUiUpdates"] is False
