"""Site and cohort: what do the silent terminals share? One table and one graph for each thing that terminals share.

Prometheus knows each of these by itself and no two together; sites and single terminals are only in the store.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from asking import like, of, while_heard, worst
from frame import ADDRESS, STORES, choice, dashboard, typed
from panels import Column, Head, Json, Label, Query, graph, listing, row, table

UID: Final = "fleetmon-cohort"
_HERE: Final = f"/d/{UID}?${{__url_time_range}}&${{datasource:queryparam}}&${{job:queryparam}}&${{instance:queryparam}}"
_STORE: Final = "&${store:queryparam}&${address:queryparam}"


class _Shared(NamedTuple):
    """Something that many terminals share: the variable, its label in metrics, its titles."""

    name: str
    label: str
    one: str
    cure: str

    @property
    def metric(self) -> str:
        return f"fleetmon_{self.name}_terminals"

    def terminals(self, *states: str) -> str:
        """The chosen ones in these states."""
        return of(self.metric, f'{self.label}=~"${self.name}"', f'state=~"{"|".join(states)}"')


_SHARED: Final[Sequence[_Shared]] = (
    _Shared("region", "terminal_region", "Region", "Power, a flood, or every carrier of a district."),
    _Shared("carrier", "carrier", "Carrier", "Call the carrier; terminals on cable or WLAN there are the comparison."),
    _Shared("model", "terminal_model", "Model", "A certificate or a fault of the series: call the vendor."),
    _Shared("firmware", "terminal_firmware", "Firmware", "A roll-out that went wrong: stop it."),
    _Shared("acquirer", "acquirer", "Acquirer", "Its terminals are silent, not its host: see incidents for that."),
    _Shared("provider", "provider", "Provider", "Its own network or its own work: ask the provider."),
)


def cohort() -> Json:
    """The dashboard."""
    tables = [_table(one, number) for number, one in enumerate(_SHARED)]
    graphs = [_graph(one, number) for number, one in enumerate(_SHARED)]
    variables = [choice(one.name, one.one, one.metric, one.label) for one in _SHARED]
    return dashboard(
        UID,
        "Site and cohort",
        "What do the terminals that are down share, and where are they?",
        [*tables, *graphs, row(40, "Sites and terminals (where the store is PostgreSQL)", 28, _sites())],
        [],
        [*variables, STORES, typed("site", "Site", ""), ADDRESS],
    )


def _place(number: int, top: int) -> tuple[int, int, int, int]:
    return number % 3 * 8, top + number // 3 * 7, 8, 7


def _table(one: _Shared, number: int) -> Json:
    up, heard = one.terminals("up", "suspect"), one.terminals("up", "suspect", "down")
    by = f"sum by ({one.label})"
    return table(
        Head(
            10 + number, f"{one.one}: down now",
            f"Terminals down, of those that ought to be heard, and the share that is up. {one.cure} Empty while "
            "fleetmon is deaf; a click chooses one.",
            _place(number, 0),
        ),
        [Label(one.label, one.one, ("Choose ${__value.text}", f"{_HERE}&var-{one.name}=${{__value.raw}}{_STORE}"))],
        [
            Column("Down", while_heard(f"{by} ({one.terminals('down')})")),
            Column("Of", while_heard(f"{by} ({heard})")),
            Column("Up", while_heard(f"{by} ({up}) / {by} ({heard})"), "percentunit"),
        ],
    )  # fmt: skip


def _graph(one: _Shared, number: int) -> Json:
    down = one.terminals("down")
    return graph(
        Head(
            20 + number, f"{one.one}: down over time",
            "The eight that had most terminals down at once. A step in one line is a common cause, slow growth in all "
            "of them is not. A gap: we were deaf.",
            _place(number, 14),
        ),
        [
            Query(while_heard(worst(one.label, down)), f"{{{{{one.label}}}}}")
        ],
        "short",
    )  # fmt: skip


def _sites() -> list[Json]:
    chosen = " AND ".join(like(one.name) for one in _SHARED)
    down = "count(*) FILTER (WHERE state = 'down')"
    return [
        listing(
            Head(
                31, "Sites with terminals down",
                "Of the chosen terminals, all conditions together. States are those last known, also while fleetmon "
                "is deaf. A click shows the terminals of the site.",
                (0, 29, 12, 10),
            ),
            [
                Label("site", "Site", ("Terminals of ${__value.text}", f"{_HERE}&var-site=${{__value.raw}}{_STORE}")),
                Label("region", "Region"),
                Label("down", "Down", unit="short"),
                Label("terminals", "Terminals", unit="short"),
                Label("since", "Since", unit="dateTimeAsIso"),
            ],
            f"SELECT site, region, {down} AS down, count(*) AS terminals, "
            "min(since) FILTER (WHERE state = 'down') AS since "
            f"FROM v_terminal WHERE {chosen} GROUP BY site, region HAVING {down} > 0 "
            "ORDER BY down DESC, site LIMIT 100",
        ),
        listing(
            Head(
                32, "Terminals of the site",
                "Of the site that is typed above, or was clicked on the left. A click on a terminal asks fleetmon "
                "for all that it knows.",
                (12, 29, 12, 10),
            ),
            [
                Label("terminal", "Terminal", ("All about it", "${address}/api/v1/terminals/${__value.raw}")),
                Label("state", "State"),
                Label("since", "Since", unit="dateTimeAsIso"),
                Label("carrier", "Carrier"),
                Label("model", "Model"),
                Label("firmware", "Firmware"),
            ],
            "SELECT terminal, state, since, carrier, model, firmware FROM v_terminal "
            "WHERE site = ${site:sqlstring} ORDER BY state <> 'down', terminal LIMIT 200",
        ),
    ]  # fmt: skip
