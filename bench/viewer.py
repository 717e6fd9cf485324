"""What Grafana does with our dashboards before it draws: it fills in variables, and asks.

For tests, timings and pictures.

Where it can be wrong: this follows Grafana's documentation, not its code. Values with special characters are
escaped a little differently for Prometheus.
"""

import json
import re
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

Json = dict[str, Any]
Values = Mapping[str, str | Sequence[str]]  # several values of a variable, or one text that is taken as it is

FOLDER: Final = Path(__file__).parents[1] / "grafana/dashboards"
SCRAPE_S: Final = 15  # as the data source in grafana/provisioning says
_VARIABLE: Final = re.compile(r"\$\{(\w+)(?::(\w+))?\}|\$(\w+)")
_TIME_FILTER: Final = re.compile(r"\$__timeFilter\((\w+)\)")


class Span(NamedTuple):
    """The time that is shown, in seconds since 1970, and how far apart points are."""

    start: int
    end: int
    step_s: int = 60


def dashboards() -> dict[str, Json]:
    """The committed ones, by the name of the file."""
    return {file.stem: json.loads(file.read_text(encoding="utf-8")) for file in sorted(FOLDER.glob("*.json"))}


def panels(dashboard: Json) -> Iterator[Json]:
    """Every panel that shows something, also those in rows."""
    for panel in dashboard["panels"]:
        yield from panel["panels"] if panel["type"] == "row" else [panel]


def marks(dashboard: Json) -> list[Json]:
    """The annotations that Prometheus is asked for."""
    return [mark for mark in dashboard["annotations"]["list"] if "expr" in mark]


def targets(panel: Json, plugin: str = "prometheus") -> list[Json]:
    """What a panel asks of one kind of data source."""
    return [target for target in panel["targets"] if target["datasource"]["type"] == plugin]


def chosen(dashboard: Json, values: Values | None = None) -> Values:
    """What the variables stand at when it is opened, but for those that somebody has set."""
    found: dict[str, str | Sequence[str]] = {}
    for variable in dashboard["templating"]["list"]:
        if variable["type"] == "query":
            found[variable["name"]] = variable["allValue"]
        elif variable["type"] == "textbox":
            found[variable["name"]] = variable["query"]
    return {**found, **{name: value for name, value in (values or {}).items() if name in found}}


def promql(expr: str, span: Span, values: Values) -> str:
    """An expression as Prometheus gets it."""
    built_in = {
        "__rate_interval": f"{max(span.step_s + SCRAPE_S, 4 * SCRAPE_S)}s",
        "__interval": f"{span.step_s}s",
        "__range": f"{span.end - span.start}s",
    }
    return _filled(expr, {**values, **built_in}, slash=r"\\\\")  # it stands between quotation marks there


def sql(query: str, span: Span, values: Values) -> str:
    """A query as PostgreSQL gets it."""
    first, last = (datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ") for at in (span.start, span.end))
    query = query.replace("$__timeFrom()", f"'{first}'").replace("$__timeTo()", f"'{last}'")
    return _filled(_TIME_FILTER.sub(rf"\1 BETWEEN '{first}' AND '{last}'", query), values)


def _filled(text: str, values: Values, slash: str = r"\\") -> str:
    def value(found: re.Match[str]) -> str:
        name, form = found[1] or found[3], found[2] or "regex"
        return _formatted(values[name], form, slash) if name in values else found[0]

    return _VARIABLE.sub(value, text)


def _formatted(value: str | Sequence[str], form: str, slash: str) -> str:
    if form == "sqlstring":
        every = [value] if isinstance(value, str) else value
        return ",".join("'" + one.replace("'", "''") + "'" for one in every)
    assert form == "regex", form
    if isinstance(value, str):
        return value
    escaped = [re.sub(r"[\\^$*+?.()|\[\]{}/]", rf"{slash}\g<0>", one) for one in value]
    return escaped[0] if len(escaped) == 1 else f"({'|'.join(escaped)})"


def ask(prometheus: str, target: Json, span: Span, values: Values) -> Json:
    """What Prometheus at this URL answers: `result`, and `stats` of what it took."""
    query = promql(target["expr"], span, values)
    if target["instant"]:
        path, times = "query", {"time": str(span.end)}
    else:
        path, times = "query_range", {"start": str(span.start), "end": str(span.end), "step": str(span.step_s)}
    body = urllib.parse.urlencode({"query": query, "stats": "all", **times}).encode()
    with urllib.request.urlopen(f"{prometheus}/api/v1/{path}", data=body, timeout=30) as answer:
        found = json.loads(answer.read())
    assert found["status"] == "success", found
    assert not found.get("warnings"), found
    return dict(found["data"])
