"""The overview: is the fleet taking payments, what is wrong now, is the data fresh, is fleetmon itself fine?

To be read in five seconds, from the left: the first panel says whether the rest can be believed. Numbers
by which colours change are those of the alert that the description names.
"""

from typing import Final

from panels import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    RED,
    YELLOW,
    Head,
    Json,
    Query,
    annotation,
    dashboard,
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
_JOB: Final = 'job=~"$job"'
_HEARD: Final = f"on () (max(fleetmon_mqtt_connected{{{_JOB}}}) == 1)"
_FIRING: Final = f'fleetmon_incidents{{{_JOB}, status="firing"}}'
_PAGED: Final = f"fleetmon_incidents_paged{{{_JOB}}}"
_TAKEN: Final = f"fleetmon_incident_terminals{{{_JOB}}}"
_NOT_OURS: Final = "Fleetmon(RulesWatchdog|ManyTerminalsDown|Settlement.+)"  # but the fleet's and the merchants'
_OURS: Final = f'ALERTS{{alertstate="firing", alertname=~"Fleetmon.+", alertname!~"{_NOT_OURS}"}}'
_WATCHDOG: Final = 'ALERTS{alertstate="firing", alertname="FleetmonRulesWatchdog"}'


def while_heard(expr: str) -> str:
    """Nothing while we are deaf, and at once: a record would be green for one more evaluation."""
    return f"{expr} and {_HEARD}"


def trouble(expr: str) -> str:
    """A count of troubles: shown when there are any, but "none" only while we hear."""
    return f"{expr} > 0 or {while_heard(expr)}"


def overview() -> Json:
    """The dashboard."""
    return dashboard(
        UID,
        "Overview",
        "Is the fleet taking payments, what is wrong now, and can this page be believed?",
        [*_is_it_up(), *_what_is_wrong(), *_fleet(), *_data()],
        [
            annotation("Paged incidents", f"sum by (kind) ({_PAGED}) > 0", "paged: {{kind}}", RED),
            annotation("Alerts on fleetmon", f"count by (alertname) ({_OURS})", "{{alertname}}", YELLOW),
        ],
    )


def _is_it_up() -> list[Json]:
    return [
        stat(
            Head(
                1, "This page",
                "LIVE: fleetmon answers and hears the broker. DEAF: it answers but does not hear; the state of the "
                "fleet is unknown, and so is every grey panel (FleetmonDeaf). NO ANSWER: Prometheus does not reach "
                "fleetmon (FleetmonDown). Unless LIVE, look at fleetmon and the broker first: /-/ready says what is "
                "missing.",
                (0, 0, 4, 4),
            ),
            f"max(up{{{_JOB}}}) + (max(fleetmon_mqtt_connected{{{_JOB}}}) or vector(0))",
            "none",
            texts={0: ("NO ANSWER", RED), 1: ("DEAF", GREY), 2: ("LIVE", GREEN)},
        ),
        stat(
            Head(
                2, "Terminals up",
                "Of the terminals that ought to be heard, those not proven down; sleeping and never seen ones do not "
                "count. Yellow and red as FleetmonManyTerminalsDown, which calls only where five are down and no page "
                "explains them. Grey: unknown.",
                (4, 0, 4, 4),
            ),
            while_heard(f"min(instance:fleetmon_terminals_up:ratio{{{_JOB}}})"),
            "percentunit",
            [(None, RED), (0.8, YELLOW), (0.95, GREEN)],
        ),
        stat(
            Head(
                3, "Terminals down",
                "Proven silent: three heartbeats missed, or a last will and one. What they share stands in the table "
                "of incidents. Unknown while we are deaf.",
                (8, 0, 4, 4),
            ),
            while_heard(f'sum(fleetmon_terminals{{{_JOB}, state="down"}})'),
            "short",
        ),
    ]  # fmt: skip


def _what_is_wrong() -> list[Json]:
    return [
        stat(
            Head(
                4, "Incidents for which on-call was called",
                "Firing and not explained by another. Red: each is one alert in the Alertmanager, with its scope and "
                "what to do. Grey: nobody can say that there is none.",
                (12, 0, 4, 4),
            ),
            trouble(f"sum({_PAGED})"),
            "short",
            [(None, GREEN), (1, RED)],
        ),
        stat(
            Head(
                5, "Firing incidents",
                "All that are wrong now, tickets included. /api/v1/incidents?status=firing lists them.",
                (16, 0, 4, 4),
            ),
            trouble(f"sum({_FIRING})"),
            "short",
        ),
        stat(
            Head(
                6, "Alerts on fleetmon itself",
                "Firing rules about fleetmon: down, deaf, store, outbox, Alertmanager, refused messages. Red: look "
                "them up in Prometheus or the Alertmanager. Grey: deaf, no answer, or the rules are not evaluated "
                "(FleetmonRulesWatchdog is away).",
                (20, 0, 4, 4),
            ),
            f"count({_OURS}) or {while_heard(f'0 * count({_WATCHDOG})')}",
            "short",
            [(None, GREEN), (1, RED)],
        ),
    ]  # fmt: skip


def _fleet() -> list[Json]:
    return [
        graph(
            Head(
                7, "Terminals by state",
                "Everything that fleetmon watches. Grey is our own deafness, blue is sleep outside opening hours, "
                "orange is under planned work, purple was never heard. Red that grows at once is a common cause: see "
                "the incidents.",
                (0, 4, 14, 9),
            ),
            [Query(f"sum by (state) (fleetmon_terminals{{{_JOB}}})", "{{state}}")],
            "short",
            STATE_COLOURS,
            stacked=True,
        ),
        table(
            Head(
                8, "What is wrong now",
                "By kind: firing incidents, the terminals they have taken, and those for which on-call was called. "
                "While fleetmon is deaf, nothing but ingest_impaired opens.",
                (14, 4, 10, 9),
            ),
            "kind",
            {
                "Firing": f"sum by (kind) ({_FIRING})",
                "Terminals": f"sum by (kind) ({_TAKEN})",
                "Paged": f"sum by (kind) ({_PAGED})",
            },
            "short",
        ),
    ]  # fmt: skip


def _data() -> list[Json]:
    return [
        graph(
            Head(
                9, "Messages",
                "What the fleet says, a second. Refused ones are not of the contract; more than 1 % of all is "
                "FleetmonMessagesRefused, and fleetmon_mqtt_message_failures_total knows the reasons.",
                (0, 13, 10, 8),
            ),
            [
                Query(f"sum(instance:fleetmon_mqtt_messages:rate5m{{{_JOB}}})", "taken"),
                Query(f"sum(instance:fleetmon_mqtt_message_failures:rate5m{{{_JOB}}})", "refused"),
            ],
            "cps",
            {"taken": BLUE, "refused": RED},
        ),
        stat(
            Head(
                10, "Since the last message",
                "Age of the last valid message of any terminal. Long while LIVE: terminals are all silent, or the "
                "broker's access list hides them from us.",
                (10, 13, 4, 4),
            ),
            f"time() - max(fleetmon_last_message_timestamp_seconds{{{_JOB}}})",
            "s",
        ),
        stat(
            Head(
                11, "Way through the broker",
                "How long fleetmon's message to itself took. Three that do not come back are deafness. Seconds mean "
                "that the broker or fleetmon is behind.",
                (10, 17, 4, 4),
            ),
            while_heard(f"max(fleetmon_canary_lag_seconds{{{_JOB}}})"),
            "s",
        ),
        graph(
            Head(
                12, "Waiting in fleetmon",
                "Messages not yet stored, and news for on-call that no Alertmanager has taken (FleetmonOutboxStuck "
                "after five minutes). Both fall back to nought by themselves; what grows points to the disk or to the "
                "Alertmanagers.",
                (14, 13, 10, 8),
            ),
            [
                Query(f"sum(fleetmon_uncommitted_messages{{{_JOB}}})", "messages to be stored"),
                Query(f"sum(fleetmon_outbox_pending{{{_JOB}}})", "news to be told"),
            ],
            "short",
            {"messages to be stored": BLUE, "news to be told": YELLOW},
        ),
    ]  # fmt: skip
