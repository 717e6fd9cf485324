"""The example for Alertmanager, judged by its own tool: who is told of what, and what is inhibited by what."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from fleetmon.model.incident import Incident
from fleetmon.sinks.alertmanager import WATCHDOG, AlertmanagerSettings, alert

DEPLOY = Path(__file__).parents[2] / "deploy"
EXAMPLE = DEPLOY / "alertmanager/alertmanager.yml"
SETTINGS: dict[str, Any] = yaml.safe_load(EXAMPLE.read_text())


def amtool(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = ["amtool", *(str(argument) for argument in arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def in_use(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example with all of its receivers in use."""
    head, receivers = EXAMPLE.read_text().split("\nreceivers:\n")
    used = re.sub(r"^    # ", "    ", receivers, flags=re.MULTILINE)
    file = tmp_path_factory.mktemp("example") / "alertmanager.yml"
    file.write_text(f"{head}\nreceivers:\n{used}")
    return file


def test_alertmanager_accepts_it_as_it_is_and_with_all_receivers(in_use: Path) -> None:
    for file in (EXAMPLE, in_use):
        checked = amtool("check-config", file)
        assert checked.returncode == 0, checked.stdout + checked.stderr
    used = {key for one in yaml.safe_load(in_use.read_text())["receivers"] for key in one}
    assert used == {"name", "pagerduty_configs", "webhook_configs", "wechat_configs"}
    assert all(set(one) == {"name"} for one in SETTINGS["receivers"]), "as it is it tells nobody: it is run so"


def test_every_annotation_it_shows_is_one_of_ours(in_use: Path) -> None:
    shown = set(re.findall(r"\.CommonAnnotations\.(\w+)", in_use.read_text()))
    settings = AlertmanagerSettings(runbook_url="r", dashboard_url="d")
    made = alert(Incident("x", "battery", (("terminal", "t"),), "warning", pages=True, opened_at=0), 0, settings)
    assert shown
    assert shown <= set(made["annotations"])
    assert set(re.findall(r"\.CommonLabels\.(\w+)", in_use.read_text())) <= set(made["labels"])


@pytest.mark.parametrize(
    ("labels", "receivers"),
    [
        ("alertname=FleetmonCarrierOutage severity=critical kind=carrier_outage carrier=CMCC", "on-call"),
        ("alertname=FleetmonDown severity=critical", "on-call"),
        ("alertname=FleetmonMessagesRefused severity=warning", "tickets"),
        (f"alertname={WATCHDOG} severity=none", "dead-man"),
        ("alertname=FleetmonRulesWatchdog severity=none", "dead-man"),
        ("alertname=FleetmonAttributeOutage severity=critical provider=PROV1", "provider-PROV1,on-call"),
        ("alertname=FleetmonAttributeOutage severity=critical provider=PROV2", "on-call"),
        ("alertname=FleetmonBattery severity=warning provider=PROV1", "provider-PROV1,tickets"),
    ],
)
def test_who_is_told(labels: str, receivers: str) -> None:
    verify = f"--verify.receivers={receivers}"
    routed = amtool("config", "routes", "test", f"--config.file={EXAMPLE}", verify, *labels.split())
    assert routed.returncode == 0, routed.stdout + routed.stderr


def labels_in_tests() -> dict[str, list[set[str]]]:
    """The labels with which alerts of the rules fired in their tests."""
    found: dict[str, list[set[str]]] = {}
    for file in (DEPLOY / "prometheus/rules").glob("*_test.yml"):
        for test in yaml.safe_load(file.read_text())["tests"]:
            for case in test.get("alert_rule_test", []):
                for one in case.get("exp_alerts", []):
                    found.setdefault(case["alertname"], []).append(set(one["exp_labels"]))
    return found


def test_labels_that_have_to_be_equal_are_always_there() -> None:
    """Two that are missing are equal to Alertmanager: then one alert would keep all others still."""
    fired = labels_in_tests()
    for rule in SETTINGS["inhibit_rules"]:
        for matcher in (rule["source_matchers"][0], rule["target_matchers"][0]):
            name = matcher.removeprefix("alertname = ")
            for equal in rule.get("equal", []):
                assert fired[name]
                assert all(equal in labels for labels in fired[name]), f"{name} has not always {equal}"
