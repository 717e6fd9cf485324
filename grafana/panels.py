"""Panels as Grafana's classic JSON wants them, and what is the same on every dashboard of ours.

What stale data would show is decided here: a single number is an instant query, because a range query
shows the last value of hours ago as if it were now; and a missing one is grey and says "unknown".
Written against schema version 41, which Grafana 11 to 13 load.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

Json = dict[str, Any]

SOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}
GREEN, YELLOW, RED, BLUE, PURPLE, ORANGE = "green", "yellow", "red", "blue", "purple", "orange"
GREY: Final = "#8e8e8e"  # nobody knows
PLAIN: Final = "text"  # a number that is neither good nor bad by itself
Step = tuple[float | None, str]  # from this value on, this colour; None: from the beginning
NEUTRAL: Final[Sequence[Step]] = ((None, PLAIN),)


class Head(NamedTuple):
    """What every panel has. `at` is x, y, width, height on a grid of 24 columns; `id` never changes, links use it."""

    id: int
    title: str
    about: str  # what it means and what to do
    at: tuple[int, int, int, int]


class Query(NamedTuple):
    """One expression, and what its series are called."""

    expr: str
    legend: str = ""


def stat(
    head: Head,
    expr: str,
    unit: str,
    steps: Sequence[Step] = NEUTRAL,
    texts: Mapping[float, tuple[str, str]] | None = None,
) -> Json:
    """One number, on a ground of its colour; `texts` names values: (text, colour)."""
    named = {f"{value:g}": _result(*text) for value, text in (texts or {}).items()}
    mappings: list[Json] = [{"type": "value", "options": named}] if named else []
    options = {
        "colorMode": "background" if named or steps is not NEUTRAL else "value",
        "graphMode": "none",
        "justifyMode": "center",
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "textMode": "value",
    }
    panel = _panel("stat", head, [_target("A", Query(expr), instant=True)], unit, options)
    panel["fieldConfig"]["defaults"] |= {
        "color": {"mode": "thresholds"},
        "mappings": [*mappings, _UNKNOWN],
        "noValue": "unknown",
        "thresholds": _thresholds(steps),
    }
    return panel


def graph(
    head: Head, queries: Sequence[Query], unit: str, colours: Mapping[str, str] | None = None, *, stacked: bool = False
) -> Json:
    """Lines over time, coloured by the name of the series. Stack only parts of a whole. A gap stays a gap."""
    targets = [_target(chr(ord("A") + index), query, instant=False) for index, query in enumerate(queries)]
    options = {
        "legend": {"calcs": ["lastNotNull"], "displayMode": "table", "placement": "right", "showLegend": True},
        "tooltip": {"mode": "multi", "sort": "desc"},
    }
    panel = _panel("timeseries", head, targets, unit, options)
    panel["fieldConfig"]["defaults"] |= {
        "color": {"mode": "palette-classic"},
        "min": 0,
        "custom": {
            "drawStyle": "line",
            "fillOpacity": 60 if stacked else 10,
            "lineWidth": 1,
            "showPoints": "never",
            "spanNulls": False,
            "stacking": {"group": "A", "mode": "normal" if stacked else "none"},
        },
    }
    panel["fieldConfig"]["overrides"] = [_coloured(name, colour) for name, colour in (colours or {}).items()]
    return panel


def table(head: Head, by: str, columns: Mapping[str, str], unit: str) -> Json:
    """One row for each value of the label `by`, one column for each title and its expression; the first one sorts."""
    named = {chr(ord("A") + index): (title, expr) for index, (title, expr) in enumerate(columns.items())}
    targets = [_target(ref, Query(expr), instant=True, form="table") for ref, (_, expr) in named.items()]
    options = {"cellHeight": "sm", "showHeader": True, "sortBy": [{"desc": True, "displayName": next(iter(columns))}]}
    panel = _panel("table", head, targets, unit, options)
    panel["transformations"] = [
        {"id": "joinByField", "options": {"byField": by, "mode": "outer"}},
        {
            "id": "organize",
            "options": {
                # With several queries the time of each stands in a column of its own.
                "excludeByName": dict.fromkeys(("Time", *(f"Time {n + 1}" for n in range(len(columns)))), True),
                "renameByName": {f"Value #{ref}": title for ref, (title, _) in named.items()},
            },
        },
    ]
    panel["fieldConfig"]["defaults"] |= {"noValue": "unknown", "mappings": [_UNKNOWN]}
    return panel


def annotation(name: str, expr: str, title: str, colour: str) -> Json:
    """A marked stretch of time on every graph, as long as the expression has a series."""
    return {
        "datasource": SOURCE,
        "enable": True,
        "expr": expr,
        "hide": False,
        "iconColor": colour,
        "name": name,
        "step": "60s",
        "titleFormat": title,
    }


def dashboard(uid: str, title: str, question: str, panels: Sequence[Json], annotations: Sequence[Json]) -> Json:
    """A dashboard with what all of ours share: variables, links, times."""
    return {
        "annotations": {"list": list(annotations)},
        "description": question,
        "editable": False,
        "fiscalYearStartMonth": 0,
        "graphTooltip": 1,  # one crosshair for all
        "links": [_LINKS],
        "panels": list(panels),
        "refresh": "30s",
        "schemaVersion": 41,
        "tags": ["fleetmon"],
        "templating": {"list": [_DATASOURCE, _JOB]},
        "time": {"from": "now-6h", "to": "now"},
        "timezone": "browser",
        "title": f"fleetmon / {title}",
        "uid": uid,
        "version": 1,
    }


def _panel(kind: str, head: Head, targets: list[Json], unit: str, options: Json) -> Json:
    x, y, width, height = head.at
    return {
        "datasource": SOURCE,
        "description": head.about,
        "fieldConfig": {"defaults": {"unit": unit}, "overrides": []},
        "gridPos": {"x": x, "y": y, "w": width, "h": height},
        "id": head.id,
        "options": options,
        "targets": targets,
        "title": head.title,
        "type": kind,
    }


def _target(ref: str, query: Query, *, instant: bool, form: str = "time_series") -> Json:
    return {
        "datasource": SOURCE,
        "editorMode": "code",
        "expr": query.expr,
        "format": form,
        "instant": instant,
        "legendFormat": query.legend,
        "range": not instant,
        "refId": ref,
    }


def _thresholds(steps: Sequence[Step]) -> Json:
    return {"mode": "absolute", "steps": [{"color": colour, "value": value} for value, colour in steps]}


def _result(text: str, colour: str) -> Json:
    return {"color": colour, "text": text}


def _coloured(name: str, colour: str) -> Json:
    fixed = {"fixedColor": colour, "mode": "fixed"}
    return {"matcher": {"id": "byName", "options": name}, "properties": [{"id": "color", "value": fixed}]}


_UNKNOWN: Final[Json] = {"type": "special", "options": {"match": "null+nan", "result": _result("unknown", GREY)}}
_LINKS: Final[Json] = {
    "asDropdown": True,
    "includeVars": True,
    "keepTime": True,
    "tags": ["fleetmon"],
    "targetBlank": False,
    "title": "fleetmon",
    "type": "dashboards",
}
_DATASOURCE: Final[Json] = {
    "hide": 0,
    "label": "Prometheus",
    "name": "datasource",
    "query": "prometheus",
    "type": "datasource",
}
_JOB: Final[Json] = {
    "datasource": SOURCE,
    "definition": 'label_values(up{job=~"fleetmon.*"}, job)',  # `up` is there when fleetmon is not
    "hide": 0,
    "label": "Job",
    "name": "job",
    "query": {"query": 'label_values(up{job=~"fleetmon.*"}, job)', "refId": "job"},
    "refresh": 2,  # with the time range
    "sort": 1,
    "type": "query",
}
