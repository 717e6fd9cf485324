"""Every query of every dashboard, asked of a real Prometheus that holds six hours of a fleet of 10,000 terminals.

In one history everything happens that dashboards are for, in the other nothing is wrong. What is asked of the
store is in `test_dashboards_store.py`, what a living daemon shows in `test_dashboards.py`.
"""

import math
from pathlib import Path
from typing import Any

import pytest

from bench import history, viewer
from bench.history import AWAY, DEAF, HOUR, LATE, OUTAGE, VISIT, WORK, Between

END = 1_795_777_200  # 2026-11-27 at 19:00 in China: shops are open
SPAN = viewer.Span(END - 6 * HOUR, END, 60)
DASHBOARDS = viewer.dashboards()
PANELS = [(name, panel) for name, one in DASHBOARDS.items() for panel in viewer.panels(one) if viewer.targets(panel)]
every_panel = pytest.mark.parametrize(
    ("name", "panel"), PANELS, ids=[f"{name}-{panel['title'].replace(' ', '-')}" for name, panel in PANELS]
)
LINES, ROWS = 8, 250  # in one graph, in one table
SAMPLES = 200_000  # that Prometheus may hold at once for one query
# What shows nothing where nothing is wrong.
QUIET = {
    "Rules that fire",
    "Rules over time",
    "Why money is late",
    "Late money by acquirer",
    "Late money by where it is",
}
QUIET |= {"Money at risk by reason", "Money at risk by acquirer"}


class Prometheus:
    """Asks as Grafana does: text and colours are told in `test_dashboards.py`."""

    def __init__(self, url: str) -> None:
        self.url = url

    def ask(self, target: dict[str, Any], values: viewer.Values, span: viewer.Span = SPAN) -> dict[str, Any]:
        return viewer.ask(self.url, target, span, values)

    def at(self, expr: str, ago: float) -> list[dict[str, Any]]:
        """A query of now, asked hours before the end."""
        then = viewer.Span(SPAN.start, END - round(ago * HOUR))
        return list(self.ask({"expr": expr, "instant": True}, viewer.chosen(DASHBOARDS["overview"]), then)["result"])

    def labels(self, definition: str, values: viewer.Values) -> set[str]:
        """The values that a variable offers."""
        query = viewer.promql(definition, SPAN, values)
        selector, _, label = query.removeprefix("label_values(").removesuffix(")").rpartition(", ")
        return {
            one["metric"][label]
            for one in self.ask({"expr": f"group by ({label}) ({selector})", "instant": True}, values)["result"]
        }


@pytest.fixture(scope="module")
def asked(old_prometheus: Any, tmp_path_factory: pytest.TempPathFactory) -> Prometheus:
    return Prometheus(_begun(old_prometheus, tmp_path_factory.mktemp("bad"), history.Story(END), 6))


@pytest.fixture(scope="module")
def quiet(old_prometheus: Any, tmp_path_factory: pytest.TempPathFactory) -> Prometheus:
    return Prometheus(_begun(old_prometheus, tmp_path_factory.mktemp("quiet"), history.Story(END, quiet=True), 0.5))


def _begun(old_prometheus: Any, folder: Path, story: history.Story, hours: float) -> str:
    history.write(folder, story, hours, step_s=60)
    return str(old_prometheus(folder).url)


@every_panel
def test_on_a_bad_day_every_panel_has_something_to_show(asked: Prometheus, name: str, panel: dict[str, Any]) -> None:
    values = viewer.chosen(DASHBOARDS[name])
    for target in viewer.targets(panel):
        found = asked.ask(target, values)
        assert found["stats"]["samples"]["peakSamples"] <= SAMPLES
        if "offset 1w" in target["expr"] or "fleetmon_outbox_oldest" in target["expr"]:
            continue  # there is no week before, and nothing waits to be told
        assert found["result"], "nothing"
        if panel["type"] == "stat":
            assert len(found["result"]) == 1
        elif panel["type"] == "table":
            assert len(found["result"]) <= ROWS
        else:
            assert len(found["result"]) <= LINES
            legends = [legend(target["legendFormat"], series["metric"]) for series in found["result"]]
            assert len(set(legends)) == len(legends)
            assert all(legends)


def legend(form: str, metric: dict[str, str]) -> str:
    """What a line is called; empty where it lacks a label."""
    for label in [part.partition("}}")[0] for part in form.split("{{")[1:]]:
        if not metric.get(label):
            return ""
        form = form.replace(f"{{{{{label}}}}}", metric[label])
    return form


@every_panel
def test_where_nothing_is_wrong_panels_say_so(quiet: Prometheus, name: str, panel: dict[str, Any]) -> None:
    """A number, or nothing where that is what was promised; and nothing is red."""
    values = viewer.chosen(DASHBOARDS[name])
    span = viewer.Span(END - HOUR // 2, END, 60)
    for target in viewer.targets(panel):
        found = quiet.ask(target, values, span)["result"]
        if "offset 1w" in target["expr"]:
            continue
        assert bool(found) != (panel["title"] in QUIET)
        if panel["type"] == "stat":
            value = float(found[0]["value"][1])
            steps = panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
            colours = [step["color"] for step in steps if step["value"] is None or value >= step["value"]]
            assert colours[-1] != "red"
            if panel["title"] == "This page":
                assert value == 2


@pytest.mark.parametrize("name", DASHBOARDS)
@pytest.mark.parametrize(
    "values",
    [
        {"instance": ["pos-1:9877"], "region": ["changsha-yuhua"], "carrier": ["CMCC"], "acquirer": ["ACQ0"]},
        {"region": ["changsha-yuhua", "region-01"], "carrier": ["CMCC", "CUCC"], "acquirer": ["ACQ0", "ACQ1"]},
        {"model": ["model-1"], "firmware": ["2.1.1", "2.2.1"], "provider": ["provider-01"]},
        {"region": ["no (such) region"], "carrier": ["none"], "acquirer": ["nobody"], "firmware": ["9.9.9"]},
        {"job": ["nobody"], "instance": ["nowhere"]},
    ],
    ids=["one", "several", "others", "none-fits", "no-fleetmon"],
)
def test_whatever_is_chosen_every_query_is_answered(asked: Prometheus, name: str, values: viewer.Values) -> None:
    dashboard = DASHBOARDS[name]
    for panel in viewer.panels(dashboard):
        for target in viewer.targets(panel):
            found = asked.ask(target, viewer.chosen(dashboard, values))["result"]
            if values.get("job") == ["nobody"] and panel["type"] == "stat" and "ALERTS" not in target["expr"]:
                assert found == [], f"{panel['title']}: nobody is there"


def test_what_is_chosen_is_shown_and_nothing_else(asked: Prometheus) -> None:
    dashboard = DASHBOARDS["cohort"]
    tables = {panel["title"]: panel for panel in viewer.panels(dashboard) if panel["type"] == "table"}
    (down, *_) = viewer.targets(tables["Region: down now"])
    chosen = viewer.chosen(dashboard, {"region": ["region-01", "changsha-yuhua"]})
    assert {row["metric"]["terminal_region"] for row in asked.ask(down, chosen)["result"]} == {
        "region-01", "changsha-yuhua",
    }  # fmt: skip
    assert len(asked.ask(down, viewer.chosen(dashboard))["result"]) == 60


def test_the_graphs_of_a_cohort_show_those_that_were_worst(asked: Prometheus) -> None:
    dashboard = DASHBOARDS["cohort"]
    (graph,) = [panel for panel in viewer.panels(dashboard) if panel["title"] == "Region: down over time"]
    found = asked.ask(viewer.targets(graph)[0], viewer.chosen(dashboard))["result"]
    lines = {series["metric"]["terminal_region"]: series["values"] for series in found}
    assert len(lines) == LINES
    assert "changsha-yuhua" in lines, "where the carrier was out"
    inside = [float(value) for at, value in lines["changsha-yuhua"] if _holds(OUTAGE, at)]
    assert min(inside) > max(float(value) for at, value in lines["changsha-yuhua"] if at > END - 4 * HOUR)
    assert not [at for values in lines.values() for at, _ in values if _holds(DEAF, at)], "a gap while deaf"


def test_kinds_that_never_fired_are_not_listed_and_that_nothing_fires_is_told(
    asked: Prometheus, quiet: Prometheus
) -> None:
    (graph,) = [panel for panel in viewer.panels(DASHBOARDS["alerts"]) if panel["title"] == "Firing incidents by kind"]
    values, good = viewer.chosen(DASHBOARDS["alerts"]), viewer.Span(END - HOUR // 2, END, 60)
    (target,) = viewer.targets(graph)
    bad = {line["metric"]["kind"]: line["values"] for line in asked.ask(target, values)["result"]}
    assert set(bad) == {"carrier_outage", "ingest_impaired", "settlement_overdue", "tamper", "terminal_offline"}
    assert [at for at, value in bad["carrier_outage"] if value != "0"] == [
        at for at, _ in bad["tamper"] if _holds(OUTAGE, at)
    ]
    (line,) = quiet.ask(target, values, good)["result"]
    assert line["metric"] == {"kind": "nothing fires"}
    assert [value for _, value in line["values"]] == ["0"] * 31
    nobody = viewer.chosen(DASHBOARDS["alerts"], {"job": ["nobody"]})
    assert quiet.ask(target, nobody, good)["result"] == [], "and not where nobody knows"


@pytest.mark.parametrize("name", DASHBOARDS)
def test_variables_offer_what_there_is(asked: Prometheus, name: str) -> None:
    wanted = {
        "job": 1,
        "instance": 1,
        "region": 60,
        "carrier": 3,
        "model": 12,
        "firmware": 40,
        "acquirer": 8,
        "provider": 20,
    }
    for variable in DASHBOARDS[name]["templating"]["list"]:
        if variable["type"] == "query":
            found = asked.labels(variable["definition"], viewer.chosen(DASHBOARDS[name]))
            assert len(found) == wanted[variable["name"]], variable["name"]


@pytest.mark.parametrize("name", DASHBOARDS)
def test_marks_are_where_it_happened(asked: Prometheus, name: str) -> None:
    wanted = {
        "Deaf": [DEAF],
        "Planned work": [VISIT, WORK],
        "On-call was called": [_beginning(OUTAGE), _beginning(DEAF), _beginning(LATE)],
        "Alert on fleetmon": None,
    }
    for mark in viewer.marks(DASHBOARDS[name]):
        target = {"expr": mark["expr"], "instant": False}
        found = asked.ask(target, viewer.chosen(DASHBOARDS[name]))["result"]
        times = sorted({int(at) for series in found for at, _ in series["values"]})
        assert times, mark["name"]
        if (stretches := wanted[mark["name"]]) is not None:
            assert times == [at for at in range(SPAN.start, END + 1, 60) if any(_holds(one, at) for one in stretches)]


def _beginning(what: Between) -> Between:
    return Between(what.since, what.since - 1 / 12)


def _holds(what: Between, at: float) -> bool:
    return what.holds((END - at) / HOUR)


def test_what_cannot_be_believed_is_not_green(asked: Prometheus) -> None:
    stats = {
        panel["title"]: panel["targets"][0]["expr"]
        for panel in DASHBOARDS["overview"]["panels"]
        if panel["type"] == "stat"
    }
    deaf, away = DEAF.since - 0.1, AWAY.until + 0.05
    assert [row["value"][1] for row in asked.at(stats["This page"], deaf)] == ["1"]
    assert [row["value"][1] for row in asked.at(stats["This page"], away)] == ["0"]
    for title in ("Terminals up", "Out of service", "Late money", "Money at risk"):
        assert asked.at(stats[title], deaf) == [], f"{title}: deaf"
        assert asked.at(stats[title], away) == [], f"{title}: no answer"
    late = asked.at(stats["Late money"], 0)
    assert math.isclose(float(late[0]["value"][1]), _late_yuan())


def _late_yuan() -> float:
    sums = history.readings(history.Story(END), END).money.overdue_amount
    return sum(sums.values()) / 100
