"""Alerts and maintenance: who is called for what, what is known to be wrong, and what was planned?

Incidents are fleetmon's and reach the Alertmanager from it; alerts here are those of Prometheus' own rules.
"""

from typing import Final

from asking import CONNECTED, OURS, WATCHDOG, of, trouble, troubled, while_heard
from frame import ADDRESS, STORES, began, dashboard, whose
from overview import this_page, wrong_now
from panels import (
    ANY,
    BLUE,
    GREEN,
    PLAIN,
    PLANNED,
    PURPLE,
    RED,
    YELLOW,
    Column,
    Head,
    Json,
    Label,
    Query,
    graph,
    listing,
    row,
    stat,
    table,
    timeline,
)

UID: Final = "fleetmon-alerts"
_UNPAID: Final = "in planned work, and cannot pay in an open shop"
_RULES: Final = 'alertname=~"Fleetmon.+", alertname!="FleetmonRulesWatchdog"'
_FIRING: Final = of("fleetmon_incidents", 'status="firing"')
_COVERED: Final = of("fleetmon_maintenance_terminals")
_NONE: Final = "nothing fires"
_SCOPE: Final = "host, carrier, region, site, merchant, terminal, acquirer, provider, model, firmware, network"
# What touches the time shown, as Grafana wants it.
_WHOSE: Final = (
    "SELECT starts_at AS time, ends_at AS timeend, concat_ws(': ', NULLIF(owner, ''), NULLIF(reason, '')) AS text, "
    "concat_ws(',', state, NULLIF(host, '')) AS tags FROM v_window "
    "WHERE state <> 'cancelled' AND starts_at <= $__timeTo() AND ends_at >= $__timeFrom() "
    "ORDER BY starts_at DESC, id LIMIT 200"
)


def alerts() -> Json:
    """The dashboard."""
    return dashboard(
        UID,
        "Alerts and maintenance",
        "Who is called for what, what is known to be wrong, and what was planned?",
        [
            this_page((0, 0, 3, 4)),
            *_incidents(),
            *_planned(),
            wrong_now((0, 4, 12, 9)),
            _over_time(),
            *_rules(),
            _work(),
            row(40, "Calendars and silences", 30, _more()),
            row(41, "Incidents and planned work (where the store is PostgreSQL)", 39, [*_stored(), *_stored_windows()]),
        ],
        [
            began("Alert on fleetmon", "alertname", OURS, YELLOW),
            whose("Planned work: whose (PostgreSQL)", _WHOSE, BLUE),
        ],
        [STORES, ADDRESS],
    )


def _incidents() -> list[Json]:
    return [
        stat(
            Head(
                2, "On-call was called",
                "Incidents that are firing and not explained by another: each is one alert in the Alertmanager. "
                "Grey: nobody can say that there is none.",
                (3, 0, 3, 4),
            ),
            trouble(f"sum({of('fleetmon_incidents_paged')})"),
            "short",
            ANY,
        ),
        stat(
            Head(
                3, "Firing incidents",
                "All that are wrong now, tickets included. /api/v1/incidents?status=firing lists them.",
                (6, 0, 3, 4),
            ),
            trouble(f"sum({_FIRING})"),
            "short",
        ),
        stat(
            Head(
                5, "Firing rules",
                "Alerts of Prometheus' own rules, on the fleet and on fleetmon: see the table. Grey: the rules are not "
                "evaluated (FleetmonRulesWatchdog is away).",
                (9, 0, 3, 4),
            ),
            f'count(ALERTS{{alertstate="firing", {_RULES}}}) or {while_heard(f"0 * count({WATCHDOG})")}',
            "short",
            ANY,
        ),
    ]  # fmt: skip


def _planned() -> list[Json]:
    active = of("fleetmon_windows", 'state="active"')
    return [
        stat(
            Head(
                6, "Planned work now",
                "Windows that are in force, and the blue stretches in all graphs. What opens in them pages nobody "
                "until they end, and counts everywhere.",
                (12, 0, 4, 4),
            ),
            f"sum({active})",
            "short",
            PLANNED,
        ),
        stat(
            Head(
                9, "Explained by it",
                "Firing incidents for which nobody is called because of planned work. Those that outlast it are "
                "called for when it ends.",
                (16, 0, 4, 4),
            ),
            f"sum({of('fleetmon_incidents_planned')})",
            "short",
            PLANNED,
        ),
        stat(
            Head(
                14, "Not back in time",
                "Windows that are over, with their grace, and not all who were up when they began are heard. Each is "
                "an incident maintenance_overdue, which calls: ask whoever did the work.",
                (20, 0, 4, 4),
            ),
            f"sum({of('fleetmon_windows_overdue')})",
            "short",
            [(None, PLAIN), (1, RED)],
        ),
    ]  # fmt: skip


def _over_time() -> Json:
    return graph(
        Head(
            10, "Firing incidents by kind",
            "The eight kinds with the most, of those that fired. Many terminal_offline and no outage: single faults. "
            "What is known to be wrong stays while we are deaf, and only ingest_impaired is new then. A gap where "
            "nothing fired: we were deaf or away, and nobody knows.",
            (12, 4, 12, 9),
        ),
        [Query(troubled("kind", _FIRING, _NONE), "{{kind}}")],
        "short",
        {_NONE: GREEN},
    )  # fmt: skip


def _rules() -> list[Json]:
    return [
        table(
            Head(
                11, "Rules that fire",
                "Alerts of Prometheus' rules, and for how long each has been seen. Its runbook is linked in the alert.",
                (0, 13, 12, 8),
            ),
            [Label("alertname", "Alert", width=280), Label("severity", "Severity")],
            [
                Column(
                    "For",
                    f"max by (alertname, severity) (time() - ALERTS_FOR_STATE{{{_RULES}}} "
                    f'and ignoring (alertstate) ALERTS{{alertstate="firing"}})',
                    "s",
                )
            ],
        ),
        timeline(
            Head(
                12, "Rules over time",
                "When each rule was pending and when it fired. Nothing at all: all was well, or Prometheus was away.",
                (12, 13, 12, 8),
            ),
            Query(
                f'max by (alertname) (2 * ALERTS{{alertstate="firing", {_RULES}}} '
                f'or ALERTS{{alertstate="pending", {_RULES}}})',
                "{{alertname}}",
            ),
            {1: ("pending", YELLOW), 2: ("firing", RED)},
        ),
    ]  # fmt: skip


def _work() -> Json:
    down = of("fleetmon_terminals", 'state="down"')
    lost = of("fleetmon_maintenance_lost_payment_seconds_total")
    return graph(
        Head(
            13, "Terminals in planned work, and terminals down",
            "What is down while few are covered was not planned. Both fall together when work ends; what stays down "
            "is called for after the grace of its window (maintenance_overdue). Many that cannot pay while their shop "
            "is open: plan for quieter hours (fleetmon maintenance visits).",
            (0, 21, 24, 9),
        ),
        [
            Query(f"sum({_COVERED})", "in planned work"),
            Query(f"sum({down}) and on () (max({CONNECTED}) == 1)", "down"),
            Query(f"sum(rate({lost}[$__rate_interval])) or 0 * sum({_COVERED})", _UNPAID),
        ],
        "short",
        {"in planned work": BLUE, "down": RED, _UNPAID: PURPLE},
    )  # fmt: skip


def _more() -> list[Json]:
    read = of("fleetmon_calendar_read_timestamp_seconds")
    return [
        table(
            Head(
                15, "Calendars that are read",
                "When each was last read, events of it that were not taken, and how often it could not be read in the "
                "time shown. Old: notices of banks and providers may be missing.",
                (0, 31, 14, 8),
            ),
            [Label("calendar", "Calendar")],
            [
                Column("Read", f"time() - max by (calendar) ({read})", "s"),
                Column("Not taken", f"sum by (calendar) ({of('fleetmon_calendar_refused_events')})"),
                Column("Failed", f"sum by (calendar) (increase({of('fleetmon_calendar_failures_total')}[$__range]))"),
            ],
        ),
        table(
            Head(
                16, "Silences for planned work",
                "In the Alertmanagers, so that alerts of rules keep quiet too. impossible: no label names what the "
                "work covers. failing: rules may call for planned work; see the log for why.",
                (14, 31, 10, 8),
            ),
            [Label("alertmanager", "Alertmanager"), Label("state", "State")],
            [Column("Silences", f"sum by (alertmanager, state) ({of('fleetmon_alertmanager_silences')})")],
        ),
    ]  # fmt: skip


def _stored() -> list[Json]:
    return [
        listing(
            Head(
                31, "Incidents",
                "Those that began in the time shown, and all that are still open; the newest first. An outage began "
                "when the first of its terminals fell silent, as people are told. A click tells how each went.",
                (0, 40, 24, 10),
            ),
            [
                Label("began_at", "Since", unit="dateTimeAsIso"),
                Label("kind", "Kind"),
                Label("scope", "Where"),
                Label("status", "Status", width=80),
                Label("severity", "Severity", width=80),
                Label("minutes", "Lasts", unit="m", width=90),
                Label("terminals", "Terminals", unit="short", width=90),
                Label("paged_at", "Called at", unit="dateTimeAsIso"),
                Label("acknowledged_by", "Seen to by", width=100),
                Label("suppressed_by", "Explained by"),
                Label("id", "Incident", ("How it went", "${address}/api/v1/incidents/${__value.raw}")),
            ],
            f"SELECT began_at, kind, concat_ws(' ', {_SCOPE}) AS scope, status, severity, minutes, terminals, "
            "paged_at, acknowledged_by, suppressed_by, id FROM v_incident "
            "WHERE $__timeFilter(began_at) OR status = 'firing' ORDER BY began_at DESC, id LIMIT 100",
        ),
        listing(
            Head(
                32, "What it cost",
                "Of the incidents that began in the time shown: how many of each kind, how long they lasted together, "
                "and how many of them called somebody.",
                (0, 50, 8, 10),
            ),
            [
                Label("kind", "Kind"),
                Label("incidents", "Incidents", unit="short"),
                Label("called", "Called", unit="short"),
                Label("minutes", "Lasted", unit="m"),
            ],
            "SELECT kind, count(*) AS incidents, count(paged_at) AS called, sum(minutes) AS minutes "
            "FROM v_incident WHERE $__timeFilter(began_at) GROUP BY kind ORDER BY minutes DESC, kind",
        ),
    ]  # fmt: skip


def _stored_windows() -> list[Json]:
    return [
        listing(
            Head(
                33, "Planned work",
                "In force and to come, and what ended in the time shown.",
                (8, 50, 16, 10),
            ),
            [
                Label("state", "State", width=90),
                Label("starts_at", "From", unit="dateTimeAsIso"),
                Label("ends_at", "Until", unit="dateTimeAsIso"),
                Label("owner", "Owner", width=110),
                Label("host", "Host", width=90),
                Label("selector", "For"),
                Label("reason", "Reason"),
            ],
            "SELECT state, starts_at, ends_at, owner, host, selector, reason FROM v_window "
            "WHERE state IN ('active', 'scheduled') OR $__timeFilter(ends_at) "
            "ORDER BY state <> 'active', starts_at, id LIMIT 100",
        ),
    ]  # fmt: skip
