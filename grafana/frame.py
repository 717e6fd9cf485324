"""What all our dashboards share: variables, links between them, marks on the time line, times.

Classic JSON of schema version 41, which Grafana 11 to 13 load; what only newer ones know is not used.
"""

from collections.abc import Sequence
from typing import Final

from asking import CONNECTED, of
from panels import BLUE, GREY, SOURCE, STORE, Json, stored


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


def whose(name: str, sql: str, colour: str) -> Json:
    """Marks with words from the store. Off until somebody turns it on above: where there is no PostgreSQL, it errs."""
    return {
        "datasource": STORE,
        "enable": False,
        "hide": False,
        "iconColor": colour,
        "name": name,
        "target": stored(sql),
    }


def began(name: str, by: str, selector: str, colour: str) -> Json:
    """Marks where something began, by a label: the whole of what lasts for hours would colour everything."""
    here = f"count by ({by}) ({selector} > 0)"
    before = f"count by ({by}) ({selector} offset 5m > 0)"
    return annotation(name, f"{here} unless {before}", f"{name}: {{{{{by}}}}}", colour)


def dashboard(
    uid: str,
    title: str,
    question: str,
    panels: Sequence[Json],
    annotations: Sequence[Json],
    variables: Sequence[Json] = (),
) -> Json:
    """A dashboard; its own annotations and variables come after those that all have."""
    return {
        "annotations": {"list": [_DEAF, _PLANNED, *annotations]},
        "description": question,
        "editable": False,
        "fiscalYearStartMonth": 0,
        "graphTooltip": 1,  # one crosshair for all
        "links": [_LINKS],
        "panels": list(panels),
        "refresh": "30s",
        "schemaVersion": 41,
        "tags": ["fleetmon"],
        "templating": {"list": [_DATASOURCE, _JOB, _INSTANCE, *variables]},
        "time": {"from": "now-6h", "to": "now"},
        "timezone": "browser",
        "title": f"fleetmon / {title}",
        "uid": uid,
        "version": 1,
    }


def choice(name: str, title: str, metric: str, label: str) -> Json:
    """A variable: one, several or all values of a label. All means also those that have none."""
    return _query(name, title, f"label_values({of(metric)}, {label})", ".*")


def typed(name: str, title: str, value: str) -> Json:
    """A variable that somebody types."""
    return {
        "current": {"selected": True, "text": value, "value": value},
        "hide": 0,
        "label": title,
        "name": name,
        "options": [],
        "query": value,
        "type": "textbox",
    }


def _source(name: str, title: str, plugin: str) -> Json:
    return {"hide": 0, "label": title, "name": name, "query": plugin, "refresh": 1, "type": "datasource"}


def _query(name: str, title: str, query: str, everything: str) -> Json:
    return {
        "allValue": everything,
        "current": {"selected": True, "text": ["All"], "value": ["$__all"]},
        "datasource": SOURCE,
        "definition": query,
        "hide": 0,
        "includeAll": True,
        "label": title,
        "multi": True,
        "name": name,
        "query": {"query": query, "refId": name},
        "refresh": 2,  # with the time range
        "sort": 1,
        "type": "query",
    }


_LINKS: Final[Json] = {
    "asDropdown": True,
    "includeVars": True,
    "keepTime": True,
    "tags": ["fleetmon"],
    "targetBlank": False,
    "title": "fleetmon",
    "type": "dashboards",
}
_DATASOURCE: Final = _source("datasource", "Data source", "prometheus")
# `up` is there when fleetmon is not.
_JOB: Final = _query("job", "Job", 'label_values(up{job=~"fleetmon.*"}, job)', "fleetmon.*")  # others are up, too
_INSTANCE: Final = _query("instance", "Instance", 'label_values(up{job=~"$job"}, instance)', ".+")
_WINDOWS: Final = of("fleetmon_windows", 'state="active"')
_DEAF: Final = annotation("Deaf", f"max({CONNECTED}) == 0", "deaf: nobody knows", GREY)
_PLANNED: Final = annotation("Planned work", f"sum({_WINDOWS}) > 0", "planned work", BLUE)
# Where fleetmon itself is for a browser, and the store behind it, if that is PostgreSQL.
ADDRESS: Final = typed("address", "fleetmon at", "http://localhost:9877")
STORES: Final = _source("store", "Store (PostgreSQL)", "grafana-postgresql-datasource")
