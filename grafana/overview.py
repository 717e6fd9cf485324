"""The overview: is the fleet taking payments, is money late, can this page be believed?

To be read in five seconds, from the left: the first panel says whether the rest can be believed. Numbers
by which colours change are those of the alert that the description names.
"""

from typing import Final

from asking import CONNECTED, NOUGHT, OURS, WATCHDOG, of, trouble, while_heard, yuan
from frame import began, dashboard
from panels import (
    ANY,
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PLANNED,
    PURPLE,
    RED,
    YELLOW,
    YUAN,
    Column,
    Head,
    Json,
    Label,
    Query,
    graph,
    stat,
    table,
)

UID: Final = "fleetmon-overview"
STATE_COLOURS: Final = {
    "up": GREEN,
    "suspect": YELLOW,
    "down": RED,
    "asleep": BLUE,
    "never_seen": PURPLE,
    "maintenance": ORANGE,
    "unknown": GREY,
}
_FIRING: Final = of("fleetmon_incidents", 'status="firing"')
_PAGED: Final = of("fleetmon_incidents_paged")
_DOWN: Final = of("fleetmon_terminals", 'state="down"')
_TALK: Final = of("fleetmon_mqtt_messages_total", 'kind="transaction"')


def overview() -> Json:
    """The dashboard."""
    return dashboard(
        UID,
        "Overview",
        "Is the fleet taking payments, is money late, and can this page be believed?",
        [this_page((0, 0, 3, 4)), *_fleet(), *_money(), *_called(), *_middle(), *_bottom()],
        [
            began("On-call was called", "kind", _PAGED, RED),
            began("Alert on fleetmon", "alertname", OURS, YELLOW),
        ],
    )


def this_page(at: tuple[int, int, int, int]) -> Json:
    """Whether anything here can be believed; it comes first wherever it stands."""
    return stat(
        Head(
            1, "This page",
            "LIVE: fleetmon answers and hears the broker. DEAF: it answers but does not hear; the state of the "
            "fleet is unknown, and so is every grey panel (FleetmonDeaf). NO ANSWER: Prometheus does not reach "
            "fleetmon (FleetmonDown). Unless LIVE, look at fleetmon and the broker first: /-/ready says what is "
            "missing.",
            at,
        ),
        f"max({of('up')}) + (max({CONNECTED}) or vector(0))",
        "none",
        texts={0: ("NO ANSWER", RED), 1: ("DEAF", GREY), 2: ("LIVE", GREEN)},
    )  # fmt: skip


def _fleet() -> list[Json]:
    return [
        stat(
            Head(
                2, "Terminals up",
                "Of the terminals that ought to be heard, those not proven down; sleeping and never seen ones do not "
                "count. Yellow and red as FleetmonManyTerminalsDown, which calls only where five are down and no page "
                "explains them. Grey: unknown.",
                (3, 0, 3, 4),
            ),
            while_heard(f"min({of('instance:fleetmon_terminals_up:ratio')})"),
            "percentunit",
            [(None, RED), (0.8, YELLOW), (0.95, GREEN)],
        ),
        stat(
            Head(
                3, "Terminals down",
                "Proven silent: each missed more heartbeats than its link ever loses. What they share stands in the "
                "table below and in Site and cohort. Those in planned work count. Unknown while we are deaf.",
                (6, 0, 3, 4),
            ),
            while_heard(f"sum({_DOWN})"),
            "short",
        ),
        stat(
            Head(
                13, "In planned work",
                "Terminals that planned work covers now, silent or not: nobody is called for them until it ends. "
                "Which work it is stands in Alerts and maintenance.",
                (9, 0, 3, 4),
            ),
            f"sum({of('fleetmon_maintenance_terminals')})",
            "short",
            PLANNED,
        ),
    ]  # fmt: skip


def _money() -> list[Json]:
    return [
        stat(
            Head(
                14, "Late money",
                "Overdue, held or returned when it had to be there (FleetmonSettlementOverdue). Red: see Settlement "
                "for causes. Grey: while fleetmon is deaf nobody can say that nothing is late.",
                (12, 0, 3, 4),
            ),
            trouble(f"({yuan(of('fleetmon_settlement_overdue_amount_fen'))} or {NOUGHT})"),
            YUAN,
            ANY,
        ),
        stat(
            Head(
                15, "Money at risk",
                "Not late yet, and will be unless something happens (FleetmonSettlementAtRisk). Settlement says "
                "where it is stuck.",
                (15, 0, 3, 4),
            ),
            while_heard(f"({yuan(of('fleetmon_settlement_at_risk_amount_fen'))} or {NOUGHT})"),
            YUAN,
        ),
    ]  # fmt: skip


def _called() -> list[Json]:
    return [
        stat(
            Head(
                4, "On-call was called",
                "Incidents that are firing and not explained by another. Red: each is one alert in the Alertmanager, "
                "with its scope and what to do. Grey: nobody can say that there is none.",
                (18, 0, 3, 4),
            ),
            trouble(f"sum({_PAGED})"),
            "short",
            ANY,
        ),
        stat(
            Head(
                6, "Alerts on fleetmon",
                "Firing rules about fleetmon itself: down, deaf, store, outbox, Alertmanager, refused messages. Red: "
                "see fleetmon itself. Grey: deaf, no answer, or the rules are not evaluated (FleetmonRulesWatchdog is "
                "away).",
                (21, 0, 3, 4),
            ),
            f"count({OURS}) or {while_heard(f'0 * count({WATCHDOG})')}",
            "short",
            ANY,
        ),
    ]  # fmt: skip


def _middle() -> list[Json]:
    return [
        graph(
            Head(
                7, "Terminals by state",
                "Everything that fleetmon watches. Grey is our own deafness, blue is sleep outside opening hours, "
                "orange is under planned work, purple was never heard. Red that grows at once is a common cause: see "
                "the table beside it.",
                (0, 4, 14, 9),
            ),
            [Query(f"sum by (state) ({of('fleetmon_terminals')})", "{{state}}")],
            "short",
            STATE_COLOURS,
            stacked=True,
        ),
        wrong_now((14, 4, 10, 9)),
    ]  # fmt: skip


def wrong_now(at: tuple[int, int, int, int]) -> Json:
    """What is wrong, by kind of incident."""
    return table(
        Head(
            8, "What is wrong now",
            "By kind: firing incidents, the terminals they have taken, those for which on-call was called, those that "
            "somebody sees to, and those that planned work explains. While fleetmon is deaf, nothing but "
            "ingest_impaired opens.",
            at,
        ),
        [Label("kind", "Kind")],
        [
            Column("Firing", f"sum by (kind) ({_FIRING})"),
            Column("Terminals", f"sum by (kind) ({of('fleetmon_incident_terminals')})"),
            Column("Called", f"sum by (kind) ({_PAGED})"),
            Column("Seen to", f"sum by (kind) ({of('fleetmon_incidents_acknowledged')})"),
            Column("Planned", f"sum by (kind) ({of('fleetmon_incidents_planned')})"),
        ],
    )  # fmt: skip


def _bottom() -> list[Json]:
    return [
        graph(
            Head(
                16, "Payments",
                "What terminals tell of transactions, a second, now and a week ago. Far below last week while "
                "terminals are up: they are heard and do not sell; ask the acquirers. A gap: we were deaf.",
                (0, 13, 12, 8),
            ),
            [
                Query(while_heard(f"sum(rate({_TALK}[$__rate_interval]))"), "now"),
                Query(f"sum(rate({_TALK}[$__rate_interval] offset 1w))", "a week ago"),
            ],
            "cps",
            {"now": BLUE, "a week ago": GREY},
        ),
        graph(
            Head(
                17, "Age of what is shown",
                "Since the last valid message of any terminal, and how long fleetmon's message to itself took through "
                "the broker; three that do not come back are deafness. Long while LIVE: terminals are all silent, or "
                "the broker's access list hides them from us.",
                (12, 13, 12, 8),
            ),
            [
                Query(f"time() - max({of('fleetmon_last_message_timestamp_seconds')})", "last message"),
                Query(while_heard(f"max({of('fleetmon_canary_lag_seconds')})"), "way through the broker"),
            ],
            "s",
            {"last message": BLUE, "way through the broker": PURPLE},
        ),
    ]  # fmt: skip
