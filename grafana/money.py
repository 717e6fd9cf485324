"""Money: is any late, will any be, why, and when is the next due? Amounts in yuan, as fleetmon's ledger has them."""

from typing import Final

from overview import trouble, while_heard
from panels import BLUE, GREEN, RED, YELLOW, Head, Json, Query, annotation, dashboard, graph, stat, table

UID: Final = "fleetmon-money"
_JOB: Final = 'job=~"$job"'
_NOUGHT: Final = f"0 * max(fleetmon_mqtt_connected{{{_JOB}}})"  # without late money there is no series
_DAYS: Final = f"fleetmon_settlement_overdue{{{_JOB}}}"
_LATE: Final = f"fleetmon_settlement_overdue_amount_fen{{{_JOB}}}"
_AT_RISK: Final = f"fleetmon_settlement_at_risk_amount_fen{{{_JOB}}}"
_CODES: Final = f"fleetmon_response_codes_unknown_total{{{_JOB}}}"


def money() -> Json:
    """The dashboard."""
    return dashboard(
        UID,
        "Money",
        "Is money late, will any be, and why?",
        [*_now(), *_why()],
        [annotation("Late money", f"count by (cause) ({_DAYS} > 0)", "late: {{cause}}", RED)],
    )


def _now() -> list[Json]:
    return [
        stat(
            Head(
                1, "Late money",
                "Overdue, held or returned when it had to be there (FleetmonSettlementOverdue). Grey: while fleetmon "
                "is deaf nobody can say that nothing is late. /api/v1/settlements?late=true lists the sales.",
                (0, 0, 5, 4),
            ),
            trouble(f"(sum({_LATE}) / 100 or {_NOUGHT})"),
            "currencyCNY",
            [(None, GREEN), (1, RED)],
        ),
        stat(
            Head(
                2, "Late business dates",
                "Merchants' business dates with late money: each is an incident. Many with little money each are a "
                "common cause: see the table.",
                (5, 0, 4, 4),
            ),
            trouble(f"(sum({_DAYS}) or {_NOUGHT})"),
            "short",
        ),
        stat(
            Head(
                3, "Money at risk",
                "Not late yet, and will be unless something happens (FleetmonSettlementAtRisk): still in a terminal, "
                "in a batch that is open an hour before its day ends, for a blocked account, or in a late file.",
                (9, 0, 5, 4),
            ),
            while_heard(f"(sum({_AT_RISK}) / 100 or {_NOUGHT})"),
            "currencyCNY",
        ),
        stat(
            Head(
                4, "Next due in",
                "How long until the next money has to be there. Grey: none is expected.",
                (14, 0, 5, 4),
            ),
            f"min(fleetmon_settlement_next_due_timestamp_seconds{{{_JOB}}}) - time()",
            "s",
        ),
        stat(
            Head(
                5, "Calendar known for",
                "How far the working days are known (FleetmonCalendarEnds). After that due times follow weekdays "
                "only: vouch for the next year in the registry, calendar.known_to.",
                (19, 0, 5, 4),
            ),
            f"min(fleetmon_calendar_known_until_timestamp_seconds{{{_JOB}}}) - time()",
            "s",
        ),
    ]  # fmt: skip


def _why() -> list[Json]:
    return [
        table(
            Head(
                6, "Why money is late",
                "By the first cause: merchants' business dates, and yuan. Each incident names who acts.",
                (0, 4, 9, 9),
            ),
            "cause",
            {"Dates": f"sum by (cause) ({_DAYS})", "Yuan": f"sum by (cause) ({_LATE}) / 100"},
            "short",
        ),
        graph(
            Head(
                7, "Late money by acquirer",
                "One acquirer that rises alone is its own fault, or that of the file between institutions.",
                (9, 4, 15, 9),
            ),
            [Query(f"sum by (acquirer) ({_LATE}) / 100", "{{acquirer}}")],
            "currencyCNY",
        ),
        graph(
            Head(
                8, "Money at risk by reason",
                "What is in terminals rises in an outage and falls after it; what stays is a matter for the merchant. "
                "Some money counts for several reasons.",
                (0, 13, 12, 8),
            ),
            [Query(f"sum by (reason) ({_AT_RISK}) / 100", "{{reason}}")],
            "currencyCNY",
            {"in_terminal": BLUE, "batch_open": YELLOW, "account_blocked": RED},
        ),
        graph(
            Head(
                9, "Unknown response codes",
                "Answers, a second, with codes that stand in no table: ask the acquirer what they mean.",
                (12, 13, 12, 8),
            ),
            [Query(f"sum by (acquirer) (rate({_CODES}[$__rate_interval]))", "{{acquirer}}")],
            "cps",
        ),
    ]  # fmt: skip
