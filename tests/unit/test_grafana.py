"""The committed dashboards: as generated, and as the rules for good ones want them. No server is asked."""

import itertools
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
GRAFANA = ROOT / "grafana"
FILES = sorted((GRAFANA / "dashboards").glob("*.json"))
DASHBOARDS = [json.loads(file.read_text()) for file in FILES]
RULES = ROOT / "deploy/prometheus/rules/fleetmon.yml"
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
each = pytest.mark.parametrize("dashboard", DASHBOARDS, ids=[file.stem for file in FILES])
every_panel = pytest.mark.parametrize(
    "panel",
    [panel for dashboard in DASHBOARDS for panel in dashboard["panels"]],
    ids=lambda panel: str(panel["title"]).replace(" ", "-"),
)
# The units that the panels use, as Grafana's getValueFormats() calls them.
UNITS = {"none", "short", "percentunit", "s", "cps", "currencyCNY"}


def expressions(panel: dict[str, Any]) -> list[str]:
    return [target["expr"] for target in panel["targets"]]


def test_the_committed_json_is_what_the_generator_writes(tmp_path: Path) -> None:
    subprocess.run([sys.executable, GRAFANA / "generate.py", tmp_path], check=True)
    written = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    assert written == {file.name: file.read_bytes() for file in FILES}, "run: python grafana/generate.py"


@each
def test_a_dashboard_has_a_place_a_question_and_at_most_twelve_panels(dashboard: dict[str, Any]) -> None:
    assert dashboard["uid"].startswith("fleetmon-")
    assert dashboard["title"].startswith("fleetmon / ")
    assert dashboard["tags"] == ["fleetmon"]
    assert dashboard["description"].endswith("?")
    assert dashboard["editable"] is False
    assert dashboard["graphTooltip"] == 1
    assert dashboard["timezone"] == "browser"
    assert dashboard["refresh"] in {"30s", "1m"}
    assert len(dashboard["panels"]) <= 12
    assert "__inputs" not in dashboard
    assert "id" not in dashboard, "that is the number in somebody's database"


def test_no_two_dashboards_share_a_uid() -> None:
    assert len({dashboard["uid"] for dashboard in DASHBOARDS}) == len(DASHBOARDS)


@each
def test_panels_have_ids_of_their_own_and_do_not_overlap(dashboard: dict[str, Any]) -> None:
    panels = dashboard["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    assert all(panel["id"] > 0 for panel in panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= 24
        cells = set(itertools.product(range(at["x"], at["x"] + at["w"]), range(at["y"], at["y"] + at["h"])))
        assert not cells & taken, f"{panel['title']} lies on another"
        taken |= cells
    assert len(taken) == 24 * max(y + 1 for _, y in taken), "a hole in the page"


@each
def test_variables_are_defined_and_used_and_no_datasource_is_named(dashboard: dict[str, Any]) -> None:
    variables = {variable["name"]: variable for variable in dashboard["templating"]["list"]}
    assert variables["datasource"]["type"] == "datasource"
    text = json.dumps(dashboard)
    used = set(re.findall(r"\$\{?(\w+)", text)) - {"__rate_interval", "__interval", "__range"}
    assert used == set(variables)
    assert all(variable["refresh"] == 2 for variable in variables.values() if variable["type"] == "query")
    places = [*dashboard["panels"], *dashboard["annotations"]["list"]]
    places += [target for panel in dashboard["panels"] for target in panel["targets"]]
    places += [variable for variable in variables.values() if variable["type"] == "query"]
    assert all(place["datasource"] == SOURCE for place in places)


@each
def test_what_happened_is_marked_for_everyone_to_see(dashboard: dict[str, Any]) -> None:
    for mark in [*dashboard["annotations"]["list"], *dashboard["links"]]:
        assert "placement" not in mark, "it would vanish into a menu"
        assert not mark.get("hide")


@every_panel
def test_a_panel_says_what_it_shows_in_which_unit(panel: dict[str, Any]) -> None:
    assert panel["title"]
    assert panel["description"].endswith(".")
    assert panel["fieldConfig"]["defaults"]["unit"] in UNITS
    assert panel["targets"]
    references = [target["refId"] for target in panel["targets"]]
    assert len(set(references)) == len(references)
    if panel["type"] == "timeseries":
        assert all(target["legendFormat"] for target in panel["targets"])
        assert panel["fieldConfig"]["defaults"]["custom"]["spanNulls"] is False, "a gap is told, not bridged"


@every_panel
def test_a_single_number_is_of_now_and_a_missing_one_is_unknown(panel: dict[str, Any]) -> None:
    """A range query would show the last value of hours ago as if it were now."""
    if panel["type"] == "timeseries":
        return
    assert all(target["instant"] and not target["range"] for target in panel["targets"])
    defaults = panel["fieldConfig"]["defaults"]
    assert defaults["noValue"] == "unknown"
    missing = defaults["mappings"][-1]
    assert (missing["type"], missing["options"]["match"]) == ("special", "null+nan")
    assert missing["options"]["result"] == {"text": "unknown", "color": "#8e8e8e"}


@every_panel
def test_counters_are_never_shown_raw(panel: dict[str, Any]) -> None:
    for expr in expressions(panel):
        assert len(re.findall(r"\w+_total\b", expr)) == len(re.findall(r"(?:rate|increase)\(\w+_total\b", expr))
        assert 'job=~"$job"' in expr or "ALERTS" in expr, "every query asks for the job that was chosen"


@every_panel
def test_colours_change_where_the_alert_that_is_named_fires(panel: dict[str, Any]) -> None:
    steps = panel["fieldConfig"]["defaults"].get("thresholds", {"steps": []})["steps"]
    numbers = {step["value"] for step in steps if step["value"] is not None}
    if numbers in (set(), {1}):  # {1}: there is one, or there is none
        return
    named = re.findall(r"Fleetmon\w+", panel["description"])
    rules = [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]
    firing = [rule["expr"] for rule in rules if rule.get("alert") in named]
    assert numbers == {float(found) for expr in firing for found in re.findall(r"\w:\w+ [<>] ([\d.]+)", expr)}


def test_alerts_lead_to_a_dashboard_that_exists() -> None:
    found = set(re.findall(r"/d/([\w-]+)", RULES.read_text()))
    assert found
    assert found <= {dashboard["uid"] for dashboard in DASHBOARDS}


def test_grafana_finds_its_sources_and_dashboards() -> None:
    sources = yaml.safe_load((GRAFANA / "provisioning/datasources/fleetmon.yaml").read_text())
    assert sources["apiVersion"] == 1
    by_uid = {source["uid"]: source for source in sources["datasources"]}
    assert set(by_uid) == {"fleetmon-prometheus", "fleetmon-alertmanager"}
    assert not any(source["editable"] for source in by_uid.values())
    assert by_uid["fleetmon-prometheus"]["jsonData"]["alertmanagerUid"] in by_uid
    scraping = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text())["global"]["scrape_interval"]
    assert by_uid["fleetmon-prometheus"]["jsonData"]["timeInterval"] == scraping
    dashboards = yaml.safe_load((GRAFANA / "provisioning/dashboards/fleetmon.yaml").read_text())
    assert dashboards["apiVersion"] == 1
    (provider,) = dashboards["providers"]
    assert provider["type"] == "file"
    assert provider["allowUiUpdates"] is False
