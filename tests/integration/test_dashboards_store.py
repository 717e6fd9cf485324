"""What dashboards ask of the store, asked of a real PostgreSQL by the user that the shipped script makes."""

from collections.abc import Callable, Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa

from bench import history, stored, viewer
from fleetmon.store import Store, StoreSettings, address

END = 1_795_777_200
SPAN = viewer.Span(END - 6 * history.HOUR, END)
PLUGIN = "grafana-postgresql-datasource"
DASHBOARDS = viewer.dashboards()
PANELS = [(name, panel) for name, one in DASHBOARDS.items() for panel in viewer.panels(one)]
PANELS = [(name, panel) for name, panel in PANELS if viewer.targets(panel, PLUGIN)]
READER = Path(__file__).parents[2] / "grafana/provisioning/reader.sql"
VIEWS = {"v_terminal", "v_incident", "v_window", "v_settlement_late"}
every_listing = pytest.mark.parametrize("title", [panel["title"] for _, panel in PANELS])
Rows = list[dict[str, Any]]
Read = Callable[[str], Rows]


@pytest.fixture(scope="module")
def read(postgresql: Any) -> Iterator[Read]:
    yield from _reading(postgresql, history.Story(END))


@pytest.fixture(scope="module")
def quiet(postgresql: Any) -> Iterator[Read]:
    yield from _reading(postgresql, history.Story(END, quiet=True))


def _reading(postgresql: Any, story: history.Story) -> Iterator[Read]:
    settings = StoreSettings(postgresql.database())
    Store(settings).close()
    engine = address.connect(settings, None)
    stored.fill(engine, story)
    engine.dispose()
    database = sa.make_url(settings.url).database
    postgresql.ask(READER.read_text(), database)
    parts = f"host=127.0.0.1 port={postgresql.port} user=fleetmon_reader dbname={database}"
    with psycopg.connect(parts, autocommit=True, row_factory=psycopg.rows.dict_row) as connection:
        yield lambda query: list(connection.execute(query.encode()))


def named(title: str) -> tuple[str, dict[str, Any]]:
    return next((name, panel) for name, panel in PANELS if panel["title"] == title)


def rows_of(read: Read, title: str, values: viewer.Values | None = None) -> Rows:
    name, panel = named(title)
    (target,) = panel["targets"]
    return read(viewer.sql(target["rawSql"], SPAN, viewer.chosen(DASHBOARDS[name], values)))


@every_listing
def test_each_listing_has_rows_and_the_columns_that_it_titles(read: Read, title: str) -> None:
    found = rows_of(read, title, {"site": "shop-0044"})
    _, panel = named(title)
    assert 0 < len(found) <= 200
    titles = panel["transformations"][0]["options"]["renameByName"]
    assert set(found[0]) == set(titles)
    overridden = {override["matcher"]["options"] for override in panel["fieldConfig"]["overrides"]}
    assert overridden == set(titles.values())
    units = {
        override["matcher"]["options"]: one["value"]
        for override in panel["fieldConfig"]["overrides"]
        for one in override["properties"]
        if one["id"] == "unit"
    }
    for column, shown in titles.items():
        values = [row[column] for row in found if row[column] is not None]
        kind = datetime if units[shown].startswith("dateTime") else str if units[shown] == "string" else (int, Decimal)
        assert all(isinstance(value, kind) for value in values), shown


@every_listing
def test_where_nothing_is_wrong_the_lists_of_troubles_are_empty(quiet: Read, title: str) -> None:
    assert bool(rows_of(quiet, title)) == (title == "Planned work")


@every_listing
def test_whatever_is_chosen_is_answered(read: Read, title: str) -> None:
    everything = len(rows_of(read, title))
    for value in (["ACQ1"], ["ACQ1", "ACQ2"], ["xi'an (old)"]):
        assert len(rows_of(read, title, {"acquirer": value, "region": value, "site": value[0]})) <= everything


def test_the_conditions_of_a_cohort_hold_together(read: Read) -> None:
    everything = rows_of(read, "Sites with terminals down")
    assert len(everything) == 100
    one = rows_of(read, "Sites with terminals down", {"region": ["region-01", "region-02"], "carrier": ["CUCC"]})
    assert {row["region"] for row in one} <= {"region-01", "region-02"}
    assert one[0]["down"] >= 1
    assert one[0]["terminals"] >= one[0]["down"]


def test_a_site_shows_its_terminals_and_no_others(read: Read) -> None:
    found = rows_of(read, "Terminals of the site", {"site": "shop-0044"})
    assert [row["terminal"] for row in found] == [f"pos-{number:05}" for number in range(176, 180)]


def test_merchants_stand_in_the_order_of_what_is_late(read: Read) -> None:
    found = rows_of(read, "Merchants with most late money")
    assert [row["yuan"] for row in found] == sorted((row["yuan"] for row in found), reverse=True)
    assert len(found) == 20
    mine = rows_of(read, "Merchants with most late money", {"acquirer": [found[0]["acquirer"]]})
    assert {row["acquirer"] for row in mine} == {found[0]["acquirer"]}
    dates = rows_of(read, "Late business dates")
    assert sum(row["merchants"] for row in dates) == 50


def test_incidents_of_the_time_shown_and_open_ones(read: Read) -> None:
    found = rows_of(read, "Incidents")
    kinds = {row["kind"] for row in found}
    assert kinds == {"carrier_outage", "ingest_impaired", "tamper", "terminal_offline"}
    (outage,) = [row for row in found if row["kind"] == "carrier_outage"]
    assert outage["scope"] == "CMCC changsha-yuhua"
    assert outage["minutes"] == 60
    assert {row["suppressed_by"] for row in found if row["kind"] == "terminal_offline"} == {"window:operator:yuhua"}
    (cost,) = [row for row in rows_of(read, "What it cost") if row["kind"] == "carrier_outage"]
    assert (cost["incidents"], cost["called"]) == (1, 1)


def test_marks_of_planned_work_say_whose_it_is_and_why(read: Read) -> None:
    (mark,) = [one for one in DASHBOARDS["alerts"]["annotations"]["list"] if one["datasource"]["type"] == PLUGIN]

    def marks(span: viewer.Span) -> list[tuple[str, int, int]]:
        found = read(viewer.sql(mark["target"]["rawSql"], span, viewer.chosen(DASHBOARDS["alerts"])))
        assert all(set(row) == {"time", "timeend", "text", "tags"} for row in found)
        return [(row["text"], row["time"].timestamp(), row["timeend"].timestamp()) for row in found]

    hour = history.HOUR
    routers = ("provider-01: new routers", END - hour // 2, END + hour)
    reader = ("provider-01: reader replaced", END - 5 * hour // 2, END - 3 * hour // 2)
    assert marks(SPAN) == [routers, reader]
    assert marks(viewer.Span(END, END + 60)) == [routers], "it began before the time shown, and ends after it"
    assert marks(viewer.Span(END - 6 * hour, END - 3 * hour)) == []


def test_the_reader_reads_the_views_and_nothing_else(read: Read) -> None:
    for view in VIEWS:
        read(f"SELECT * FROM {view} LIMIT 1")
    for statement in (
        "SELECT * FROM fact",
        "SELECT * FROM terminal",
        "DELETE FROM v_terminal",
        "CREATE TABLE t (i int)",
    ):
        with pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.ReadOnlySqlTransaction)):
            read(statement)


def test_what_is_asked_are_the_documented_views() -> None:
    asked = " ".join(target["rawSql"] for _, panel in PANELS for target in panel["targets"])
    assert {word.strip() for word in asked.split() if word.startswith("v_")} == VIEWS
