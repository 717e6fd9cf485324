"""The rules for good dashboards, held against ours. No server is asked, but promtool whether it can read the queries.

Fifteen of them are those of Grafana's own linter for dashboards, as its documentation tells them (the two on
logs have nothing to judge here); where ours differ on purpose, the test says why.
"""

import itertools
import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from grafana_foundation_sdk.models import units
from prometheus_client import CollectorRegistry, ProcessCollector

from bench import history, viewer
from fleetmon.sinks.metrics import everything

ROOT = Path(__file__).parents[2]
RULES = [
    rule
    for group in yaml.safe_load((ROOT / "deploy/prometheus/rules/fleetmon.yml").read_text())["groups"]
    for rule in group["rules"]
]
DASHBOARDS = viewer.dashboards()
PROMETHEUS = {"type": "prometheus", "uid": "${datasource}"}
STORE = {"type": "grafana-postgresql-datasource", "uid": "${store}"}
SHOWN, IN_ALL = 12, 20  # panels when opened, and with every row open
GREY = "#8e8e8e"
# Labels whose values are in our code, or in the configuration: at most eight, but for the few rules that fire at once.
BOUNDED = {"state", "reason", "order", "stage", "alertname", "alertmanager"}
UNITS = {"currency:¥"} | {
    value for name, value in vars(units).items() if not name.startswith("_") and isinstance(value, str)
}
# What Grafana fills in by itself.
BUILT_IN = {
    "__all",
    "__rate_interval",
    "__range",
    "__value",
    "__url_time_range",
    "__timeFilter",
    "__timeFrom",
    "__timeTo",
}
BUILT_IN |= {"re"}  # a quotation mark of SQL, which Grafana leaves alone as no variable has that name
# What Prometheus makes by itself, with the labels that are asked for.
THEIRS = {
    "up": set[str](),
    "ALERTS": {"alertname", "alertstate", "severity"}, "ALERTS_FOR_STATE": {"alertname", "severity"},
}  # fmt: skip
UNUSED = {
    "fleetmon_alertmanager_silence_failures_total": "whether one fails now is on a panel, by state",
    "fleetmon_config_last_reload_success_timestamp_seconds": "when; whether is on a panel",
    "fleetmon_notices_failed_total": "what waits is on a panel and has an alert",
    "fleetmon_notices_sent_total": "says whether a route is used at all",
    "fleetmon_process_max_fds": "for those who look for a leak",
    "fleetmon_process_open_fds": "for those who look for a leak",
    "fleetmon_process_virtual_memory_bytes": "says nothing of Python",
    "fleetmon_store_commits_total": "a store that is stuck shows in what waits",
}

each = pytest.mark.parametrize("dashboard", DASHBOARDS.values(), ids=DASHBOARDS)
PANELS = [(name, panel) for name, dashboard in DASHBOARDS.items() for panel in viewer.panels(dashboard)]
every_panel = pytest.mark.parametrize(
    "panel",
    [panel for _, panel in PANELS],
    ids=[f"{name}-{panel['title'].replace(' ', '-')}" for name, panel in PANELS],
)


def expressions(panel: dict[str, Any]) -> list[str]:
    return [target["expr"] for target in viewer.targets(panel)]


def everything_asked() -> Iterator[str]:
    for dashboard in DASHBOARDS.values():
        yield from (mark["expr"] for mark in viewer.marks(dashboard))
        yield from itertools.chain.from_iterable(expressions(panel) for panel in viewer.panels(dashboard))


def exported() -> dict[str, set[str]]:
    """Every metric of fleetmon and of its rules, with its labels."""
    story = history.Story(end=1_795_777_200)
    readings = msgspec.structs.replace(history.readings(story, story.end), outbox_oldest_s=1.0)
    registry = CollectorRegistry()
    found: dict[str, set[str]] = {}
    for family in [*everything(readings), *ProcessCollector(namespace="fleetmon", registry=registry).collect()]:
        for sample in family.samples:
            found[sample.name] = found.get(sample.name, set()) | set(sample.labels)
    for rule in RULES:
        if "record" in rule:
            level = rule["record"].split(":")[0].split("_")
            found[rule["record"]] = set(level) - {"instance"}
    return found


def selectors(expr: str) -> Iterator[tuple[str, str]]:
    """Every metric that an expression names, and what stands in its braces."""
    yield from re.findall(r"([a-zA-Z_:][\w:]*)\{([^}]*)\}", expr)


# -- a dashboard -----------------------------------------------------------------------------------


@each
def test_it_has_a_place_a_question_and_few_panels(dashboard: dict[str, Any]) -> None:
    assert dashboard["uid"].startswith("fleetmon-")
    assert dashboard["title"].startswith("fleetmon / ")
    assert dashboard["tags"] == ["fleetmon"]
    assert dashboard["description"].endswith("?")
    assert dashboard["editable"] is False  # uneditable-dashboard
    assert dashboard["graphTooltip"] == 1
    assert dashboard["timezone"] == "browser"
    assert dashboard["refresh"] in {"30s", "1m"}
    assert len([panel for panel in dashboard["panels"] if panel["type"] != "row"]) <= SHOWN
    assert len(list(viewer.panels(dashboard))) <= IN_ALL
    assert "__inputs" not in dashboard
    assert "id" not in dashboard, "that is the number in somebody's database"


def test_no_two_dashboards_share_a_uid() -> None:
    assert len({dashboard["uid"] for dashboard in DASHBOARDS.values()}) == len(DASHBOARDS) == 5


@each
def test_panels_have_ids_of_their_own_and_do_not_overlap(dashboard: dict[str, Any]) -> None:
    everything = [*dashboard["panels"], *(one for row in dashboard["panels"] for one in row.get("panels", ()))]
    ids = [panel["id"] for panel in everything]
    assert len(set(ids)) == len(ids)
    assert min(ids) > 0
    taken: set[tuple[int, int]] = set()
    bottom = 0
    for panel in dashboard["panels"]:
        if panel["type"] == "row":
            assert panel["collapsed"]
            assert panel["gridPos"]["y"] >= bottom
            _fill(panel["panels"], set(), panel["gridPos"]["y"] + 1)
        bottom = max(bottom, panel["gridPos"]["y"] + panel["gridPos"]["h"])
    _fill([panel for panel in dashboard["panels"] if panel["type"] != "row"], taken, 0)


def _fill(panels: list[dict[str, Any]], taken: set[tuple[int, int]], top: int) -> None:
    for panel in panels:
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= 24
        assert at["y"] >= top
        cells = set(itertools.product(range(at["x"], at["x"] + at["w"]), range(at["y"], at["y"] + at["h"])))
        assert not cells & taken, f"{panel['title']} lies on another"
        taken |= cells
    assert len(taken) == 24 * (max(y + 1 for _, y in taken) - top), "a hole in the page"


@each
def test_variables_are_as_the_linter_wants_them(dashboard: dict[str, Any]) -> None:
    variables = {variable["name"]: variable for variable in dashboard["templating"]["list"]}
    source = variables["datasource"]  # template-datasource
    assert (source["type"], source["query"], source["label"]) == ("datasource", "prometheus", "Data source")
    for name in ("job", "instance"):  # template-job, template-instance
        assert variables[name]["label"] == name.title()
        assert variables[name]["multi"]
        assert variables[name]["includeAll"]
    # Other than the linter wants: ".+" would take in whatever else Prometheus scrapes, and `up` is said of all of it.
    assert variables["job"]["allValue"] == "fleetmon.*"
    assert variables["instance"]["allValue"] == ".+"
    for variable in variables.values():
        if variable["type"] == "query":
            assert variable["datasource"] == PROMETHEUS
            assert variable["refresh"] == 2  # template-on-time-change-reload
            assert re.fullmatch(r"label_values\(\w+\{[^}]+\}, \w+\)", variable["definition"])  # template-label-promql
            assert variable["query"]["query"] == variable["definition"]


@each
def test_variables_are_defined_and_used(dashboard: dict[str, Any]) -> None:
    variables = [variable["name"] for variable in dashboard["templating"]["list"]]
    used = set(re.findall(r"\$\{?(\w+)", json.dumps(dashboard)))
    assert used - BUILT_IN == set(variables)
    assert len(variables) == len(set(variables))


@each
def test_no_datasource_is_named(dashboard: dict[str, Any]) -> None:
    places = [*viewer.panels(dashboard), *dashboard["annotations"]["list"]]
    places += [target for panel in viewer.panels(dashboard) for target in panel["targets"]]
    assert all(place["datasource"] in (PROMETHEUS, STORE) for place in places)  # panel-datasource
    assert all(
        target["datasource"] == panel["datasource"] for panel in viewer.panels(dashboard) for target in panel["targets"]
    )
    outside = [panel for panel in dashboard["panels"] if panel["type"] != "row"]
    assert not any(viewer.targets(panel, STORE["type"]) for panel in outside), "where there is no PostgreSQL, it errs"


@each
def test_what_happened_is_marked_for_everyone_to_see(dashboard: dict[str, Any]) -> None:
    for mark in [*dashboard["annotations"]["list"], *dashboard["links"]]:
        assert "placement" not in mark, "it would vanish into a menu"
        assert not mark.get("hide")
    marks = {mark["name"]: mark for mark in dashboard["annotations"]["list"]}
    assert marks["Planned work"]["enable"]
    assert marks["Planned work"]["iconColor"] == "blue"
    assert marks["Deaf"]["iconColor"] == GREY
    assert len(marks) == len(dashboard["annotations"]["list"])
    words = [mark for mark in marks.values() if mark["datasource"] == STORE]
    assert bool(words) == (dashboard["uid"] == "fleetmon-alerts"), "whose the work is, is told where people look for it"
    for mark in words:
        assert not mark["enable"], "where there is no PostgreSQL, it errs: somebody turns it on"
        assert mark["target"]["datasource"] == STORE
        assert mark["iconColor"] == "blue"
        assert re.findall(r" AS (\w+)", mark["target"]["rawSql"]) == ["time", "timeend", "text", "tags"]


@each
def test_the_first_panel_says_whether_the_rest_can_be_believed(dashboard: dict[str, Any]) -> None:
    first = min(dashboard["panels"], key=lambda panel: (panel["gridPos"]["y"], panel["gridPos"]["x"]))
    if dashboard["uid"] == "fleetmon-cohort":
        assert "while" in first["description"], "its tables are empty then"
    else:
        assert (first["id"], first["title"]) == (1, "This page")


@each
def test_links_lead_somewhere(dashboard: dict[str, Any]) -> None:
    uids = {one["uid"] for one in DASHBOARDS.values()}
    assert dashboard["links"][0]["tags"] == ["fleetmon"]
    assert dashboard["links"][0]["includeVars"]
    for url in re.findall(r'"url": "([^"]+)"', json.dumps(dashboard)):
        if url.startswith("/d/"):
            assert url.removeprefix("/d/").partition("?")[0] in uids
            assert "${__url_time_range}" in url
            assert "${datasource:queryparam}" in url
        else:
            assert url.startswith("${address}/api/v1/")


# -- a panel ---------------------------------------------------------------------------------------


@every_panel
def test_it_says_what_it_shows_in_which_unit(panel: dict[str, Any]) -> None:
    assert panel["title"]  # panel-title-description
    assert panel["description"].endswith(".")
    assert panel["targets"]  # panel-no-targets
    units = [panel["fieldConfig"]["defaults"]["unit"]]  # panel-units
    for override in panel["fieldConfig"]["overrides"]:
        units += [one["value"] for one in override["properties"] if one["id"] == "unit"]
    assert set(units) <= UNITS
    references = [target["refId"] for target in panel["targets"]]
    assert len(set(references)) == len(references)
    if panel["type"] in ("timeseries", "state-timeline"):
        assert all(target["legendFormat"] for target in panel["targets"])
        assert panel["fieldConfig"]["defaults"]["custom"]["spanNulls"] is False, "a gap is told, not bridged"


@every_panel
def test_no_fleet_makes_a_graph_of_many_lines(panel: dict[str, Any]) -> None:
    """Every line has the labels of its legend; those are ours, or only the eight that matter most are asked for."""
    if panel["type"] not in ("timeseries", "state-timeline"):
        return
    assert len(panel["targets"]) <= 8
    for target in viewer.targets(panel):
        labels = re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])
        if not labels:
            assert re.match(r"(?:time\(\) - )?(?:sum|max|min)\(", target["expr"]), "one line"
        elif not set(labels) <= BOUNDED:
            assert "topk(8, " in target["expr"]
            (label,) = labels
            assert re.match(rf"sum by \({label}\) ", target["expr"])
        else:
            assert re.match(rf"(?:sum|max) by \({', '.join(labels)}\) ", target["expr"])


@every_panel
def test_a_single_number_is_of_now_and_a_missing_one_is_unknown(panel: dict[str, Any]) -> None:
    """A range query would show the last value of hours ago as if it were now."""
    if panel["type"] in ("timeseries", "state-timeline"):
        return
    assert all(target["instant"] and not target["range"] for target in viewer.targets(panel))
    if panel["type"] == "stat":
        defaults = panel["fieldConfig"]["defaults"]
        assert defaults["noValue"] == "unknown"
        missing = defaults["mappings"][-1]
        assert (missing["type"], missing["options"]["match"]) == ("special", "null+nan")
        assert missing["options"]["result"] == {"text": "unknown", "color": GREY}


@every_panel
def test_counters_are_never_shown_raw(panel: dict[str, Any]) -> None:
    for expr in expressions(panel):
        bare = re.sub(r"\{[^}]*\}", "", expr)
        counters = len(re.findall(r"\w+_total\b", bare))
        assert counters == len(re.findall(r"(?:rate|increase)\(\w+_total\[", bare))  # target-counter-agg
        ranges = re.findall(r"(?:rate|increase)\(\w+\[([^\]]+)\]", bare)  # target-rate-interval
        assert set(ranges) <= {"$__rate_interval", "$__range"}, "the whole time shown is as good"


@every_panel
def test_every_query_asks_for_what_was_chosen(panel: dict[str, Any]) -> None:
    for expr in expressions(panel):
        for name, inside in selectors(expr):
            if not name.startswith("ALERTS"):  # those on a fleetmon that is not there have neither
                assert 'job=~"$job"' in inside, name  # target-job
                assert 'instance=~"$instance"' in inside or name.startswith("job:"), name  # target-instance


@every_panel
def test_colours_change_where_the_alert_that_is_named_fires(panel: dict[str, Any]) -> None:
    steps = panel["fieldConfig"]["defaults"].get("thresholds", {"steps": []})["steps"]
    numbers = {step["value"] for step in steps if step["value"] is not None}
    if numbers in (set(), {1}):  # {1}: there is one, or there is none
        return
    named = re.findall(r"Fleetmon\w+", panel["description"])
    firing = [rule["expr"] for rule in RULES if rule.get("alert") in named]
    assert firing, "which alert is it?"
    found = [number for expr in firing for number in re.findall(r"[<>]=? ([\d.]+)(?: \* ([\d.]+))?", expr)]
    assert numbers <= {float(one) * float(other or 1) for one, other in found}


@every_panel
def test_planned_work_is_blue_and_never_red(panel: dict[str, Any]) -> None:
    if panel["type"] == "stat" and re.search("_maintenance_|_planned", expressions(panel)[0]):
        steps = panel["fieldConfig"]["defaults"].get("thresholds", {"steps": []})["steps"]
        assert {step["color"] for step in steps} <= {"text", "blue"}


# -- what is asked ---------------------------------------------------------------------------------


def test_prometheus_can_read_every_query(tmp_path: Path) -> None:
    """target-promql"""
    values = {"job": "j", "instance": "i", **dict.fromkeys(("region", "carrier", "model", "firmware"), "x")}
    values |= dict.fromkeys(("acquirer", "provider"), "x")
    span = viewer.Span(0, 3_600)
    asked = [viewer.promql(expr, span, values) for expr in everything_asked()]
    rules = [{"record": f"asked:{number}", "expr": expr} for number, expr in enumerate(asked)]
    (tmp_path / "asked.yml").write_text(yaml.safe_dump({"groups": [{"name": "asked", "rules": rules}]}))
    command = ["promtool", "check", "rules", "--lint=none", str(tmp_path / "asked.yml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_metric_and_label_that_is_asked_for_exists() -> None:
    known = exported() | THEIRS
    for expr in everything_asked():
        for name, inside in selectors(expr):
            assert name in known, name
            matched = set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)\s*\"", inside))
            assert matched - {"job", "instance"} <= known[name], f"{name}: {matched}"
        for variable in [variable for one in DASHBOARDS.values() for variable in one["templating"]["list"]]:
            if variable["type"] == "query":
                metric, label = re.findall(r"\((\w+)\{[^}]*\}, (\w+)\)", variable["definition"])[0]
                assert label in known[metric] | {"job", "instance"}


def test_every_metric_is_of_use_to_somebody() -> None:
    """A series that no panel and no rule asks for is one to take away, or to name in UNUSED with its reason."""
    asked = " ".join([*everything_asked(), *(rule["expr"] for rule in RULES)])
    used = set(re.findall(r"[a-zA-Z_:][\w:]*", asked))
    assert set(exported()) - used == set(UNUSED)


def test_an_alert_that_a_description_names_exists() -> None:
    known = {rule["alert"] for rule in RULES if "alert" in rule}
    for name, panel in PANELS:
        assert set(re.findall(r"Fleetmon[A-Z]\w+", panel["description"])) <= known, name
