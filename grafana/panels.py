"""Panels as Grafana's classic JSON wants them.

What stale data would show is decided here: a single number is an instant query, because a range query
shows the last value of hours ago as if it were now; and a missing one is grey and says "unknown".
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

Json = dict[str, Any]

SOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}
STORE: Final = {"type": "grafana-postgresql-datasource", "uid": "${store}"}
GREEN, YELLOW, RED, BLUE, PURPLE = "green", "yellow", "red", "blue", "purple"
GREY: Final = "#8e8e8e"  # nobody knows
YUAN: Final = "currency:¥"  # Grafana has no unit of that name, but any sign for a currency
PLAIN: Final = "text"  # a number that is neither good nor bad by itself
Step = tuple[float | None, str]  # from this value on, this colour; None: from the beginning
NEUTRAL: Final[Sequence[Step]] = ((None, PLAIN),)
ANY: Final[Sequence[Step]] = ((None, GREEN), (1, RED))  # there is one, or there is none
PLANNED: Final[Sequence[Step]] = ((None, PLAIN), (1, BLUE))


_NARROW: Final = 9  # columns, in which there is no room for a table beside the lines


class Head(NamedTuple):
    """What every panel has. `at` is x, y, width, height on a grid of 24 columns; `id` never changes, links use it."""

    id: int
    title: str
    about: str  # what it means and what to do
    at: tuple[int, int, int, int]


class Query(NamedTuple):
    """One expression, and what its series are called."""

    expr: str
    legend: str


class Column(NamedTuple):
    """One column of numbers. `bar` draws each as a bar, too."""

    title: str
    expr: str
    unit: str = "short"
    bar: bool = False


class Label(NamedTuple):
    """A column of names: the label or field, its title, where a click leads, and what values are called.

    `width` is in pixels; without one it shares what is left with others.
    """

    field: str
    title: str
    link: tuple[str, str] | None = None  # title, address
    texts: Mapping[str, str] = {}
    unit: str = "string"
    width: int = 0


def stat(
    head: Head,
    expr: str,
    unit: str,
    steps: Sequence[Step] = NEUTRAL,
    texts: Mapping[float, tuple[str, str]] | None = None,
) -> Json:
    """One number, on a ground of its colour if it is good or bad; `texts` names values: (text, colour)."""
    named = {f"{value:g}": _result(*text) for value, text in (texts or {}).items()}
    mappings: list[Json] = [{"type": "value", "options": named}] if named else []
    options = {
        "colorMode": "value" if not named and steps[0][1] == PLAIN else "background",
        "graphMode": "none",
        "justifyMode": "center",
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "textMode": "value",
    }
    panel = _panel("stat", head, [_target("A", Query(expr, ""), instant=True)], unit, options)
    panel["fieldConfig"]["defaults"] |= {
        "color": {"mode": "thresholds"},
        "mappings": [*mappings, _UNKNOWN],
        "noValue": "unknown",
        "thresholds": _thresholds(steps),
    }
    return panel


def graph(
    head: Head,
    queries: Sequence[Query],
    unit: str,
    colours: Mapping[str, str] | None = None,
    *,
    stacked: bool = False,
    limit: float | None = None,
    most: float | None = None,
) -> Json:
    """Lines over time, coloured by the name of the series; a dashed line at the limit of an alert; a gap stays a gap.

    Stack only parts of a whole. `most` is the end of the scale, of shares say. The legend tells the highest value:
    the last one would be told as if it were of now.
    """
    targets = [_target(chr(ord("A") + index), query, instant=False) for index, query in enumerate(queries)]
    wide = {"calcs": ["max"], "displayMode": "table", "placement": "right", "showLegend": True}
    narrow = {"calcs": [], "displayMode": "list", "placement": "bottom", "showLegend": True}
    options = {
        "legend": wide if head.at[2] > _NARROW else narrow,
        "tooltip": {"mode": "multi", "sort": "desc"},
    }
    panel = _panel("timeseries", head, targets, unit, options)
    defaults = panel["fieldConfig"]["defaults"]
    defaults |= {
        "color": {"mode": "palette-classic"},
        "min": 0,
        "custom": {
            "drawStyle": "line",
            "fillOpacity": 60 if stacked else 10,
            "lineWidth": 1,
            "showPoints": "never",
            "spanNulls": False,
            "stacking": {"group": "A", "mode": "normal" if stacked else "none"},
            "thresholdsStyle": {"mode": "off" if limit is None else "dashed"},
        },
    }
    if limit is not None:
        defaults["thresholds"] = _thresholds([(None, "transparent"), (limit, RED)])
    if most is not None:
        defaults["max"] = most
    panel["fieldConfig"]["overrides"] = [
        _override(name, {"color": {"fixedColor": colour, "mode": "fixed"}}) for name, colour in (colours or {}).items()
    ]
    return panel


def table(head: Head, labels: Sequence[Label], columns: Sequence[Column], *, by_label: bool = False) -> Json:
    """A row for each combination of labels, sorted by the first column, or by the first label.

    Several columns are joined by one label; many labels go with one column.
    """
    assert len(labels) == 1 or len(columns) == 1, head.title
    refs = [chr(ord("A") + index) for index in range(len(columns))]
    targets = [
        _target(ref, Query(column.expr, ""), instant=True, form="table")
        for ref, column in zip(refs, columns, strict=True)
    ]
    first = labels[0].title if by_label else columns[0].title
    panel = _panel("table", head, targets, columns[0].unit, _sorted(first, descending=not by_label))
    joined = len(columns) > 1
    values = [f"Value #{ref}" for ref in refs] if joined else ["Value"]
    organized = {
        # With several queries the time of each stands in a column of its own.
        "excludeByName": dict.fromkeys(("Time", *(f"Time {n + 1}" for n in range(len(columns)))), True),
        "indexByName": {name: place for place, name in enumerate((*(label.field for label in labels), *values))},
        "renameByName": {label.field: label.title for label in labels}
        | {value: column.title for value, column in zip(values, columns, strict=True)},
    }
    join: list[Json] = [{"id": "joinByField", "options": {"byField": labels[0].field, "mode": "outer"}}]
    panel["transformations"] = [*(join if joined else []), {"id": "organize", "options": organized}]
    panel["fieldConfig"]["defaults"] |= _COLUMNS
    panel["fieldConfig"]["overrides"] = [
        *(_override(column.title, _cells(column)) for column in columns),
        *(_override(label.title, {"custom.width": 150} | _names(label)) for label in labels),
    ]
    return panel


def stored(sql: str) -> Json:
    """What is asked of the store."""
    return {
        "datasource": STORE,
        "editorMode": "code",
        "format": "table",
        "rawQuery": True,
        "rawSql": sql,
        "refId": "A",
    }


def listing(head: Head, labels: Sequence[Label], sql: str) -> Json:
    """What the store has, one column a label, in the order of the query. Only where the store is PostgreSQL."""
    panel = _panel("table", head, [stored(sql)], "string", _sorted())
    panel["datasource"] = STORE
    panel["transformations"] = [
        {"id": "organize", "options": {"renameByName": {label.field: label.title for label in labels}}}
    ]
    panel["fieldConfig"]["defaults"] |= _COLUMNS
    panel["fieldConfig"]["overrides"] = [_override(label.title, _names(label)) for label in labels]
    return panel


def timeline(head: Head, query: Query, texts: Mapping[float, tuple[str, str]]) -> Json:
    """A bar for each series, in the colour of its state: (text, colour)."""
    options = {
        "alignValue": "left",
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
        "mergeValues": True,
        "rowHeight": 0.8,
        "showValue": "auto",
        "tooltip": {"mode": "single", "sort": "none"},
    }
    panel = _panel("state-timeline", head, [_target("A", query, instant=False)], "none", options)
    named = {f"{value:g}": _result(*text) for value, text in texts.items()}
    panel["fieldConfig"]["defaults"] |= {
        "color": {"mode": "thresholds"},
        "custom": {"fillOpacity": 70, "insertNulls": False, "lineWidth": 0, "spanNulls": False},
        "mappings": [{"type": "value", "options": named}],
        "noValue": "none",
        "thresholds": _thresholds(NEUTRAL),
    }
    return panel


def row(id_: int, title: str, y: int, panels: Sequence[Json]) -> Json:
    """Panels that are seen, and asked for, only when somebody opens it."""
    return {
        "collapsed": True,
        "gridPos": {"x": 0, "y": y, "w": 24, "h": 1},
        "id": id_,
        "panels": list(panels),
        "title": title,
        "type": "row",
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


def _sorted(column: str = "", *, descending: bool = False) -> Json:
    options: Json = {"cellHeight": "sm", "showHeader": True}
    return options | ({"sortBy": [{"desc": descending, "displayName": column}]} if column else {})


def _cells(column: Column) -> Json:
    shape = {"custom.cellOptions": {"mode": "basic", "type": "gauge", "valueDisplayMode": "text"}, "min": 0}
    return {"unit": column.unit, "noValue": "unknown", "mappings": [_UNKNOWN]} | (shape if column.bar else {})


def _names(label: Label) -> Json:
    shown: Json = {"unit": label.unit}
    if label.texts:
        options = {value: {"text": text} for value, text in label.texts.items()}
        shown["mappings"] = [{"type": "value", "options": options}]
    if label.unit.startswith("dateTime"):
        shown["custom.width"] = 165
    if label.width:
        shown["custom.width"] = label.width
    if label.link:
        shown["links"] = [{"title": label.link[0], "url": label.link[1]}]
    return shown


def _override(name: str, properties: Json) -> Json:
    found = [{"id": key, "value": value} for key, value in properties.items()]
    return {"matcher": {"id": "byName", "options": name}, "properties": found}


def _thresholds(steps: Sequence[Step]) -> Json:
    return {"mode": "absolute", "steps": [{"color": colour, "value": value} for value, colour in steps]}


def _result(text: str, colour: str) -> Json:
    return {"color": colour, "text": text}


_COLUMNS: Final[Json] = {"custom": {"minWidth": 70}}  # the default of 150 pushes the last ones out
_UNKNOWN: Final[Json] = {"type": "special", "options": {"match": "null+nan", "result": _result("unknown", GREY)}}
