"""The shipped Prometheus rules, judged by Prometheus' own tools; what those do not ask is asked here."""

import re
import subprocess
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
import yaml

from fleetmon.demo import servers
from fleetmon.detect import GROUP_DETECTORS, POLICIES

PROMETHEUS = Path(__file__).parents[2] / "deploy" / "prometheus"
RULES = PROMETHEUS / "rules" / "fleetmon.yml"
TESTS = sorted((PROMETHEUS / "rules").glob("*_test.yml"))


def promtool(*arguments: object) -> None:
    command = ["promtool", *(str(argument) for argument in arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def shipped() -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


ALERTS = [rule for rule in shipped() if "alert" in rule]
RECORDS = [rule for rule in shipped() if "record" in rule]


def test_prometheus_accepts_the_configuration_and_its_rules() -> None:
    promtool("check", "config", PROMETHEUS / "prometheus.yml")  # and with it the rule files that it names
    assert yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text())["rule_files"] == ["rules/fleetmon.yml"]


def test_the_demo_takes_the_rules_along(tmp_path: Path) -> None:
    servers._rewire(PROMETHEUS / "prometheus.yml", tmp_path / "prometheus.yml", {9877: 1})
    promtool("check", "config", tmp_path / "prometheus.yml")


def test_the_rules_fire_and_keep_still_as_promised() -> None:
    assert len(TESTS) == 2
    promtool("test", "rules", *TESTS)


def test_each_alert_is_tested_firing_and_not_firing() -> None:
    cases: dict[str, set[tuple[str, bool]]] = defaultdict(set)
    for test in (test for file in TESTS for test in yaml.safe_load(file.read_text())["tests"]):
        for case in test.get("alert_rule_test", []):
            found = {alert["exp_labels"]["severity"] for alert in case.get("exp_alerts", [])}
            severities = {rule["labels"]["severity"] for rule in ALERTS if rule["alert"] == case["alertname"]}
            cases[case["alertname"]] |= {(severity, severity in found) for severity in severities}
    for rule in ALERTS:
        wanted = {(rule["labels"]["severity"], firing) for firing in (True, False)}
        if rule["alert"] == "FleetmonRulesWatchdog":
            wanted = {("none", True)}  # which never keeps still
        assert wanted <= cases[rule["alert"]], f"{rule['alert']} lacks a case"


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: f"{rule['alert']}-{rule['labels']['severity']}")
def test_an_alert_says_what_is_wrong_and_where_to_look(rule: dict[str, Any]) -> None:
    assert re.fullmatch("Fleetmon([A-Z][a-z]+)+", rule["alert"])
    assert rule["labels"]["severity"] in {"critical", "warning", "info", "none"}
    texts = rule["annotations"]
    assert "{{" not in texts["summary"], "a summary never changes while the alert lasts"
    assert texts["description"]
    assert re.search("/d/fleetmon-[a-z]+", texts["dashboard_url"])
    assert "\n" not in texts["dashboard_url"].strip()
    assert texts["dashboard_url"] == texts["dashboard_url"].strip()
    assert texts["runbook_url"].endswith("/runbooks/{{ end }}" + rule["alert"])


def test_records_are_named_by_level_metric_and_operation_and_each_is_used() -> None:
    dashboards = (RULES.parents[3] / "grafana/dashboards").glob("*.json")
    texts = RULES.read_text() + "".join(file.read_text() for file in dashboards)
    for rule in RECORDS:
        assert re.fullmatch(r"[a-z_]+:fleetmon_[a-z_]+:[a-z0-9_]+", rule["record"])
        assert texts.count(rule["record"]) > 1, f"nobody uses {rule['record']}"


def test_what_silences_many_and_pages_is_no_second_page() -> None:
    """A new kind of shared outage has to be named here, or Prometheus calls for what fleetmon has called for."""
    wanted = {one.kind for one in GROUP_DETECTORS if one.policy.pages} | {"maintenance_overdue"}
    many = [rule["expr"] for rule in ALERTS if rule["alert"] == "FleetmonManyTerminalsDown"]
    for expr in many:
        (named,) = re.findall(r'fleetmon_incidents_paged\{kind=~"([^"]+)"', expr)
        assert {kind for kind in POLICIES if re.fullmatch(named, kind)} == wanted
    assert len(many) == 2
