"""fleetmon itself: does it hear, keep and tell everything, in time? In the order in which data flow."""

from typing import Final

from asking import OURS, of, while_heard
from frame import began, dashboard
from overview import this_page
from panels import BLUE, GREEN, PURPLE, RED, YELLOW, Column, Head, Json, Label, Query, graph, row, stat, table

UID: Final = "fleetmon-itself"
_CONTRACT: Final = of("fleetmon_mqtt_message_failures_total")
_STARTED: Final = of("fleetmon_process_start_time_seconds")
_BUILD: Final = of("fleetmon_build_info")
_RUNNING: Final = f"max by (version, instance) (time() - {_STARTED} * on (job, instance) group_left (version) {_BUILD})"
_ORDER: Final = of("fleetmon_mqtt_message_order_total")


def itself() -> Json:
    """The dashboard."""
    return dashboard(
        UID,
        "fleetmon itself",
        "Does fleetmon hear, keep and tell everything, in time?",
        [
            this_page((0, 0, 4, 4)),
            *_health(),
            *_ingest(),
            *_keeping(),
            *_telling(),
            row(40, "More", 20, [*_stream(), *_process(), *_oddities()]),
        ],
        [began("Alert on fleetmon", "alertname", OURS, YELLOW)],
    )


def _health() -> list[Json]:
    return [
        stat(
            Head(
                2, "Store",
                "FAILING: nothing is acknowledged and nobody is told until it can be written again "
                "(FleetmonStoreFailing). /-/ready gives the reason; the broker keeps the messages.",
                (4, 0, 5, 4),
            ),
            f"max({of('fleetmon_store_failing')})",
            "none",
            texts={0: ("OK", GREEN), 1: ("FAILING", RED)},
        ),
        stat(
            Head(
                3, "Oldest news untold",
                "How long on-call has waited for the oldest news that no Alertmanager has taken (FleetmonOutboxStuck). "
                "None: all was told. It falls by itself; when it grows, look at the Alertmanagers.",
                (9, 0, 5, 4),
            ),
            f"time() - min({of('fleetmon_outbox_oldest_timestamp_seconds')}) "
            f"or -1 + 0 * max({of('fleetmon_outbox_pending')} == 0)",
            "s",
            [(None, GREEN), (300, RED)],
            texts={-1: ("none", GREEN)},
        ),
        stat(
            Head(
                4, "Configuration",
                "REFUSED: the last reading of configuration, registry or tokens failed, and the one before is in "
                "force. The log names every problem with its path.",
                (14, 0, 5, 4),
            ),
            f"min({of('fleetmon_config_last_reload_successful')})",
            "none",
            texts={0: ("REFUSED", RED), 1: ("OK", GREEN)},
        ),
        stat(
            Head(
                5, "The past",
                "READING: sales of before the start are still being read back, and no money is called late until "
                "they are known.",
                (19, 0, 5, 4),
            ),
            f"min({of('fleetmon_ledger_recalled')})",
            "none",
            texts={0: ("READING", BLUE), 1: ("KNOWN", GREEN)},
        ),
    ]  # fmt: skip


def _ingest() -> list[Json]:
    return [
        graph(
            Head(
                10, "Messages",
                "What the fleet says, a second. Refused ones are not of the contract; see Refused messages.",
                (0, 4, 8, 8),
            ),
            [
                Query(f"sum({of('instance:fleetmon_mqtt_messages:rate5m')})", "taken"),
                Query(f"sum({of('instance:fleetmon_mqtt_message_failures:rate5m')})", "refused"),
            ],
            "cps",
            {"taken": BLUE, "refused": RED},
        ),
        graph(
            Head(
                19, "Heartbeats that arrive",
                "Of those that the terminals which are up promise. Below the line for ten minutes, unexplained, it is "
                "FleetmonHeartbeatsMissing: the broker drops what it cannot deliver, or a bridge is down.",
                (8, 4, 8, 8),
            ),
            [Query(while_heard(f"min({of('instance:fleetmon_heartbeats:ratio_rate5m')})"), "arrive")],
            "percentunit",
            {"arrive": GREEN},
            limit=0.7,
        ),
        graph(
            Head(
                11, "Refused messages",
                "The share of what is heard that is not of the contract. Above the line for ten minutes it is "
                "FleetmonMessagesRefused: a new firmware, or a stranger at the broker. /api/v1/quarantine shows them.",
                (16, 4, 8, 8),
            ),
            [Query(f"max({of('instance:fleetmon_mqtt_message_failures:ratio_rate5m')})", "refused")],
            "percentunit",
            {"refused": RED},
            limit=0.01,
        ),
    ]  # fmt: skip


def _keeping() -> list[Json]:
    return [
        graph(
            Head(
                12, "Way through the broker",
                "How long fleetmon's message to itself took, and how long ago it came back (FleetmonCanarySilent after "
                "two minutes). Seconds on the way mean that the broker or fleetmon is behind.",
                (0, 12, 8, 8),
            ),
            [
                Query(while_heard(f"max({of('fleetmon_canary_lag_seconds')})"), "there and back"),
                Query(f"time() - max({of('fleetmon_last_canary_timestamp_seconds')})", "since it came"),
            ],
            "s",
            {"there and back": PURPLE, "since it came": BLUE},
            limit=120,
        ),
        graph(
            Head(
                13, "Waiting",
                "Messages that were taken in and are not acknowledged yet, news for on-call that no Alertmanager has "
                "taken, and direct notices that no receiver has (FleetmonNoticesStuck). All fall back to nought by "
                "themselves; what grows points to the disk or the database, or to whoever is to be told.",
                (8, 12, 8, 8),
            ),
            [
                Query(f"sum({of('fleetmon_uncommitted_messages')})", "messages to be stored"),
                Query(f"sum({of('fleetmon_outbox_pending')})", "news to be told"),
                Query(f"sum({of('fleetmon_notices_waiting')})", "direct notices"),
            ],
            "short",
            {"messages to be stored": BLUE, "news to be told": YELLOW, "direct notices": PURPLE},
        ),
    ]  # fmt: skip


def _telling() -> list[Json]:
    failing = of("instance_alertmanager:fleetmon_alertmanager_send_failures:ratio_rate5m")
    return [
        graph(
            Head(
                17, "Posts that fail",
                "By Alertmanager. Above the line it is FleetmonAlertmanagerUnreachable; others still get everything.",
                (16, 12, 8, 8),
            ),
            [Query(f"max by (alertmanager) ({failing})", "{{alertmanager}}")],
            "percentunit",
            limit=0.5,
            most=1,
        ),
    ]  # fmt: skip


def _stream() -> list[Json]:
    return [
        graph(
            Head(
                31, "Refused by reason",
                "Messages a second. pan: somebody sent a card number, which was not kept; unregistered_limit: too many "
                "terminals that the registry lacks.",
                (0, 21, 8, 8),
            ),
            [Query(f"sum by (reason) (rate({_CONTRACT}[$__rate_interval]))", "{{reason}}")],
            "cps",
        ),
        graph(
            Head(
                32, "Out of order",
                "Messages a second that were repeated, late, of an old boot, or missing. Missing ones are lost before "
                "us; the broker's queue may have overflowed.",
                (8, 21, 8, 8),
            ),
            [Query(f"sum by (order) (rate({_ORDER}[$__rate_interval]))", "{{order}}")],
            "cps",
        ),
        graph(
            Head(
                33, "Connections to the broker",
                "Made since the point before. More than one now and then: the link is shaky, or another client uses "
                "our client id.",
                (16, 21, 8, 8),
            ),
            [Query(f"sum(increase({of('fleetmon_mqtt_connects_total')}[$__rate_interval]))", "connections")],
            "short",
        ),
    ]  # fmt: skip


def _process() -> list[Json]:
    return [
        graph(
            Head(
                15, "CPU",
                "Of one core. Messages a second and CPU rise together; CPU alone is something else.",
                (0, 29, 6, 8),
            ),
            [Query(f"sum(rate({of('fleetmon_process_cpu_seconds_total')}[$__rate_interval]))", "cores")],
            "percentunit",
            {"cores": PURPLE},
        ),
        graph(
            Head(
                18, "Memory",
                "Resident. It grows with terminals and with sales that are not paid yet, and not for days on end.",
                (6, 29, 6, 8),
            ),
            [Query(f"sum({of('fleetmon_process_resident_memory_bytes')})", "resident")],
            "bytes",
            {"resident": PURPLE},
        ),
        graph(
            Head(
                35, "Ledger",
                "Sales in memory that are neither paid nor cancelled. What only grows is money that nobody tells of.",
                (18, 29, 6, 8),
            ),
            [Query(f"sum({of('fleetmon_ledger_open_sales')})", "open sales")],
            "short",
        ),
        graph(
            Head(
                14, "Worst lag of the loop",
                "How late the event loop came round. A second is a second in which nothing was heard or told.",
                (12, 29, 6, 8),
            ),
            [Query(f"max({of('fleetmon_event_loop_lag_seconds')})", "lag")],
            "s",
            {"lag": YELLOW},
        ),
    ]  # fmt: skip


def _oddities() -> list[Json]:
    return [
        table(
            Head(
                37, "Versions",
                "What runs where, and since when. Short when nobody restarted it: see the log.",
                (0, 37, 18, 8),
            ),
            [Label("version", "Version"), Label("instance", "Instance")],
            [Column("Running for", _RUNNING, "s")],
        ),
        stat(
            Head(
                38, "Not in the registry",
                "Terminals that speak and that the registry lacks: nobody knows whose they are. Add them.",
                (18, 37, 6, 8),
            ),
            f"sum({of('fleetmon_unregistered_terminals')})",
            "short",
        ),
    ]  # fmt: skip
