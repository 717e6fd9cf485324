"""Pictures of the dashboards, drawn by Grafana's own published components in a real Chromium: `make dashboards-shots`.

Prometheus and PostgreSQL are asked here as Grafana would ask them; `grafana/render` draws their answers. The pictures
and the texts on them are left in `build/dashboards`, to be looked at. No file of the ordinary tests, as it needs Node,
Chromium and 400 MB of packages. What is Grafana's on the pictures and what is ours is said in `page.jsx`.
"""

import json
import subprocess
import time
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa

from bench import history, stored, viewer
from bench.history import AWAY, DEAF, HOUR
from fleetmon.store import Store, StoreSettings, address

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "build/dashboards"
DASHBOARDS = viewer.dashboards()
READER = ROOT / "grafana/provisioning/reader.sql"
CAPTION = (
    "Drawn by Grafana's published components from answers of a real Prometheus and PostgreSQL, not by a Grafana "
    "server; the marks on the time line are ours."
)
Json = dict[str, Any]
Pictures = dict[str, dict[str, Json]]  # what was found on them, by picture and panel


class Sources:
    """Asks as Grafana does."""

    def __init__(self, prometheus: str, store: psycopg.Connection[Any]) -> None:
        self._prometheus = prometheus
        self._store = store

    def ask(self, target: Json, span: viewer.Span, values: viewer.Values) -> Json:
        if "rawSql" in target:
            return self._listing(viewer.sql(target["rawSql"], span, values))
        return viewer.ask(self._prometheus, target, span, values)

    def _listing(self, query: str) -> Json:
        found = self._store.execute(query.encode())
        rows = found.fetchall()
        columns = []
        for index, column in enumerate(found.description or ()):
            values = [row[index] for row in rows]
            columns.append({"name": column.name, "type": _kind(values), "values": [_plain(value) for value in values]})
        return {"columns": columns}


def _kind(values: list[Any]) -> str:
    known = [value for value in values if value is not None]
    if known and isinstance(known[0], datetime):
        return "time"
    return "number" if known and isinstance(known[0], int | Decimal) else "string"


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return round(value.timestamp() * 1000)
    return float(value) if isinstance(value, Decimal) else str(value) if isinstance(value, date) else value


@pytest.fixture(scope="module")
def end() -> int:
    """The story ends now, for PostgreSQL has a clock of its own."""
    return int(time.time()) // 60 * 60


@pytest.fixture(scope="module")
def store(postgresql: Any, end: int) -> Iterator[psycopg.Connection[Any]]:
    settings = StoreSettings(postgresql.database())
    Store(settings).close()
    engine = address.connect(settings, None)
    stored.fill(engine, history.Story(end))
    engine.dispose()
    database = sa.make_url(settings.url).database
    postgresql.ask(READER.read_text(), database)
    parts = f"host=127.0.0.1 port={postgresql.port} user=fleetmon_reader dbname={database}"
    with psycopg.connect(parts, autocommit=True) as connection:
        yield connection


@pytest.fixture(scope="module")
def pictures(
    old_prometheus: Any, store: psycopg.Connection[Any], end: int, tmp_path_factory: pytest.TempPathFactory
) -> Pictures:
    """Draw all of them; what is on each panel of each."""
    bad, good = (tmp_path_factory.mktemp(name) for name in ("bad", "quiet"))
    history.write(bad, history.Story(end), 6.1, 30)
    history.write(good, history.Story(end, quiet=True), 6.1, 30)
    sources, quiet = (Sources(old_prometheus(folder).url, store) for folder in (bad, good))
    now = viewer.Span(end - 6 * HOUR, end, 30)
    shots = [_shot(sources, name, name, now) for name in DASHBOARDS]
    shots += [_shot(sources, name, f"{name}-open", now, rows=True) for name in DASHBOARDS]
    for file, left in (("overview-deaf", DEAF.until + 0.05), ("overview-no-answer", AWAY.until + 0.05)):
        then = end - round(left * HOUR)
        shots.append(_shot(sources, "overview", file, viewer.Span(then - HOUR, then, 30)))
    shots.append(_shot(quiet, "overview", "overview-quiet", now))
    return _draw(shots, tmp_path_factory.mktemp("shots"))


def _shot(sources: Sources, name: str, file: str, span: viewer.Span, *, rows: bool = False) -> Json:
    dashboard = DASHBOARDS[name]
    values = viewer.chosen(dashboard, {"site": "shop-0044"})
    closed = [one for one in dashboard["panels"] if one["type"] == "row"]
    panels = viewer.panels(dashboard) if rows else [one for one in dashboard["panels"] if one not in closed]
    return {
        "file": file,
        "title": dashboard["title"],
        "about": f"{dashboard['description']} {CAPTION}",
        "span": span._asdict() | {"step": span.step_s},
        "panels": [
            {"panel": panel, "answers": [sources.ask(target, span, values) for target in panel["targets"]]}
            for panel in panels
        ],
        "rows": [{"title": one["title"], "y": one["gridPos"]["y"]} for one in closed],
        "stretches": list(_stretches(sources, dashboard, span, values)),
    }


def _stretches(sources: Sources, dashboard: Json, span: viewer.Span, values: viewer.Values) -> Iterator[Json]:
    """Points that follow each other are one mark."""
    for mark in viewer.marks(dashboard):
        found = sources.ask({"expr": mark["expr"], "instant": False}, span, values)["result"]
        for series in found:
            times = [int(at) for at, _ in series["values"]]
            begun = times[0]
            for at, following in zip(times, [*times[1:], 0], strict=True):
                if following - at != span.step_s:
                    yield {"from": begun, "to": at, "colour": mark["iconColor"]}
                    begun = following


def _draw(shots: list[Json], work: Path) -> Pictures:
    FOLDER.mkdir(parents=True, exist_ok=True)
    (work / "answers.json").write_text(json.dumps(shots))
    command = ["node", str(ROOT / "grafana/render/shoot.mjs"), str(work / "answers.json"), str(FOLDER)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads((FOLDER / "told.json").read_text())
    assert found["problems"] == []
    return {file: {panel["title"]: panel for panel in panels} for file, panels in found["told"].items()}


def text(pictures: Pictures, file: str, title: str) -> str:
    """What stands on a panel below its title, one space between words."""
    return " ".join(str(pictures[file][title]["text"]).split()).removeprefix(title).strip()


def test_every_panel_has_something_on_it(pictures: Pictures) -> None:
    for file, panels in pictures.items():
        for title, panel in panels.items():
            if file != "overview-no-answer":
                assert panel["canvases"] or text(pictures, file, title) not in ("", "No data"), f"{file}: {title}"


def test_the_overview_tells_numbers_with_their_units(pictures: Pictures) -> None:
    seen = {title: text(pictures, "overview", title) for title in pictures["overview"]}
    assert seen["This page"] == "LIVE"
    assert seen["Terminals up"].endswith("%")
    assert (seen["In planned work"], seen["On-call was called"]) == ("214", "1")
    assert seen["Late money"] == "¥161K"
    assert "settlement_overdue 12 24 0 0" in seen["What is wrong now"]
    assert not [title for title, words in seen.items() if "currency" in words]


def test_nothing_is_green_that_nobody_knows(pictures: Pictures) -> None:
    green = pictures["overview"]["This page"]["ground"]
    assert green
    assert pictures["overview-quiet"]["Late money"]["ground"] == green
    for file, word in (("overview-deaf", "DEAF"), ("overview-no-answer", "NO ANSWER")):
        assert text(pictures, file, "This page") == word
        assert text(pictures, file, "Terminals up") == text(pictures, file, "Late money") == "unknown"
        assert green not in {panel["ground"] for panel in pictures[file].values()}, file


def test_money_has_its_names_and_its_days(pictures: Pictures) -> None:
    assert text(pictures, "settlement", "Due calendar") == (
        "Due Yuan today ¥3.10M tomorrow ¥4.20M in 4 days ¥950K later ¥12K"
    )
    assert text(pictures, "settlement", "Why money is late").startswith("Cause Yuan Dates network_outage ¥92.5K 25")
    (link, *_) = pictures["settlement-open"]["Merchants with most late money"]["links"]
    assert "/api/v1/merchants/" in link


def test_a_click_on_a_cohort_chooses_it(pictures: Pictures) -> None:
    links = pictures["cohort"]["Carrier: down now"]["links"]
    assert len(links) == 3
    assert all(link.startswith("/d/fleetmon-cohort?") for link in links)


def test_planned_work_and_rules_are_listed(pictures: Pictures) -> None:
    work = text(pictures, "alerts-open", "Planned work")
    assert work.index("active") < work.index("scheduled")
    assert "new routers" in work
    assert "FleetmonSettlementAtRisk warning 1.50 hours" in text(pictures, "alerts", "Rules that fire")
    assert "FleetmonDeaf" in text(pictures, "alerts", "Rules over time")
