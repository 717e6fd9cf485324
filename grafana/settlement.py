"""Settlement: is money late, will any be, why, where is it, and when is the next due? In yuan, as the ledger has it."""

from typing import Final

from asking import NOUGHT, busiest, like, of, trouble, while_heard, worst, yuan
from frame import ADDRESS, STORES, choice, dashboard
from overview import this_page
from panels import (
    ANY,
    BLUE,
    PLAIN,
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
    listing,
    row,
    stat,
    table,
)

UID: Final = "fleetmon-settlement"
_CHOSEN: Final = 'acquirer=~"$acquirer"'
_DAYS: Final = of("fleetmon_settlement_overdue", _CHOSEN)
_LATE: Final = of("fleetmon_settlement_overdue_amount_fen", _CHOSEN)
_WHERE: Final = of("fleetmon_settlement_overdue_stage_amount_fen", _CHOSEN)
_AT_RISK: Final = of("fleetmon_settlement_at_risk_amount_fen", _CHOSEN)
_EXPECTED: Final = of("fleetmon_settlement_expected_amount_fen", _CHOSEN)
_DUE: Final = of("fleetmon_settlement_due_amount_fen")
_LATE_SALES: Final = 'job:fleetmon_settlement_late_sales:ratio_rate1d{job=~"$job"}'  # no instance: it may change
_CODES: Final = of("fleetmon_response_codes_unknown_total", _CHOSEN)
_STAGES: Final = {
    "terminal": YELLOW,
    "host": PURPLE,
    "batch": BLUE,
    "clearing": "light-blue",
    "payout": RED,
    "bank": "orange",
}
_AHEAD: Final = {f"{days:02}": f"in {days} days" for days in range(2, 14)}
_WHEN: Final = {"00": "today", "01": "tomorrow", **_AHEAD, "14+": "later"}


def settlement() -> Json:
    """The dashboard."""
    return dashboard(
        UID,
        "Settlement",
        "Is money late, will any be, why, and where is it?",
        [
            this_page((0, 0, 4, 4)),
            *_now(),
            *_late(),
            *_coming(),
            row(40, "More", 22, _more()),
            row(41, "Merchants (where the store is PostgreSQL)", 31, _merchants()),
        ],
        [],
        [choice("acquirer", "Acquirer", "fleetmon_acquirer_terminals", "acquirer"), STORES, ADDRESS],
    )


def _now() -> list[Json]:
    return [
        stat(
            Head(
                2, "Late money",
                "Overdue, held or returned when it had to be there (FleetmonSettlementOverdue). Grey: while fleetmon "
                "is deaf nobody can say that nothing is late. /api/v1/settlements?late=true lists the sales.",
                (4, 0, 4, 4),
            ),
            trouble(f"({yuan(_LATE)} or {NOUGHT})"),
            YUAN,
            ANY,
        ),
        stat(
            Head(
                3, "Late business dates",
                "Merchants' business dates with late money: each is an incident. Many with little money each are a "
                "common cause: see the table.",
                (8, 0, 4, 4),
            ),
            trouble(f"(sum({_DAYS}) or {NOUGHT})"),
            "short",
        ),
        stat(
            Head(
                4, "Money at risk",
                "Not late yet, and will be unless something happens (FleetmonSettlementAtRisk): still in a terminal, "
                "in a batch that is open an hour before its day ends, for a blocked account, or in a late file.",
                (12, 0, 4, 4),
            ),
            while_heard(f"({yuan(_AT_RISK)} or {NOUGHT})"),
            YUAN,
        ),
        stat(
            Head(
                5, "Next due in",
                "How long until the next money has to be there, of any acquirer. Grey: none is expected.",
                (16, 0, 4, 4),
            ),
            f"min({of('fleetmon_settlement_next_due_timestamp_seconds')}) - time()",
            "s",
        ),
        stat(
            Head(
                15, "Late sales, a day",
                "Of the sales of the last day of which it is decided, those whose money was late. Red: three times "
                "what a month allows (FleetmonSettlementBudgetBurning). Grey: nothing was decided.",
                (20, 0, 4, 4),
            ),
            f"max({_LATE_SALES})",
            "percentunit",
            [(None, PLAIN), (0.03, RED)],
        ),
    ]  # fmt: skip


def _late() -> list[Json]:
    return [
        table(
            Head(
                7, "Why money is late",
                "By the first cause: merchants' business dates, and yuan. Each incident names who acts.",
                (0, 4, 8, 9),
            ),
            [Label("cause", "Cause")],
            [
                Column("Yuan", yuan(_LATE, "cause"), YUAN, bar=True),
                Column("Dates", f"sum by (cause) ({_DAYS})"),
            ],
        ),
        graph(
            Head(
                8, "Late money by acquirer",
                "One acquirer that rises alone is its own fault, or that of the file between institutions. The eight "
                "with the most.",
                (8, 4, 8, 9),
            ),
            [Query(f"{worst('acquirer', _LATE)} / 100", "{{acquirer}}")],
            YUAN,
        ),
        graph(
            Head(
                9, "Late money by where it is",
                "In the terminal or its batch: the merchant or the provider can act. In clearing: the acquirer has "
                "not paid. Payout: held or returned. Bank: instructed and not credited.",
                (16, 4, 8, 9),
            ),
            [Query(yuan(_WHERE, "stage"), "{{stage}}")],
            YUAN,
            _STAGES,
            stacked=True,
        ),
    ]  # fmt: skip


def _coming() -> list[Json]:
    return [
        table(
            Head(
                10, "Due calendar",
                "Money on its way and not late, of all acquirers, by the day it has to be there. No row: nothing is "
                "due that day, as on a holiday.",
                (0, 13, 6, 9),
            ),
            [Label("days", "Due", texts=_WHEN)],
            [Column("Yuan", f"sum by (days) ({_DUE}) / 100 > 0", YUAN, bar=True)],
            by_label=True,
        ),
        graph(
            Head(
                11, "Money at risk by reason",
                "What is in terminals rises in an outage and falls after it; what stays is a matter for the merchant. "
                "Some money counts for several reasons.",
                (6, 13, 9, 9),
            ),
            [Query(yuan(_AT_RISK, "reason"), "{{reason}}")],
            YUAN,
            {"in_terminal": BLUE, "batch_open": YELLOW, "account_blocked": RED},
        ),
        graph(
            Head(
                13, "Money on its way by where it is",
                "What is not late. Clearing is with the acquirer or its bank. It falls when payouts come; a day on "
                "which it does not is one on which somebody should ask.",
                (15, 13, 9, 9),
            ),
            [Query(yuan(_EXPECTED, "stage"), "{{stage}}")],
            YUAN,
            _STAGES,
            stacked=True,
        ),
    ]  # fmt: skip


def _more() -> list[Json]:
    return [
        graph(
            Head(
                12, "Money at risk by acquirer",
                "One that rises alone has a late file, or its host is away. The eight with the most.",
                (0, 23, 10, 8),
            ),
            [Query(f"{worst('acquirer', _AT_RISK)} / 100", "{{acquirer}}")],
            YUAN,
        ),
        graph(
            Head(
                14, "Unknown response codes",
                "Answers, a second, with codes that stand in no table: ask the acquirer what they mean. The eight "
                "with the most.",
                (10, 23, 10, 8),
            ),
            [Query(busiest("acquirer", _CODES), "{{acquirer}}")],
            "cps",
        ),
        stat(
            Head(
                6, "Calendar known for",
                "How far the working days are known (FleetmonCalendarEnds). After that due times follow weekdays "
                "only: vouch for the next year in the registry, calendar.known_to.",
                (20, 23, 4, 4),
            ),
            f"min({of('fleetmon_calendar_known_until_timestamp_seconds')}) - time()",
            "s",
        ),
        stat(
            Head(
                16, "Conflicting rows",
                "Rows of settlement files, in the time shown, that two payouts claim: ask the acquirer which is right.",
                (20, 27, 4, 4),
            ),
            f"sum(increase({of('fleetmon_ledger_conflicts_total')}[$__range]))",
            "short",
        ),
    ]  # fmt: skip


def _merchants() -> list[Json]:
    return [
        listing(
            Head(
                31, "Merchants with most late money",
                "The twenty with the most. Call these before they call. A click asks fleetmon for a merchant's sales.",
                (0, 32, 14, 10),
            ),
            [
                Label(
                    "merchant", "Merchant",
                    ("Its money by business date", "${address}/api/v1/merchants/${__value.raw}/settlements"),
                ),
                Label("acquirer", "Acquirer"),
                Label("yuan", "Yuan", unit=YUAN),
                Label("sales", "Sales", unit="short"),
                Label("due_at", "Due since", unit="dateTimeAsIso"),
                Label("causes", "Causes"),
            ],
            "SELECT merchant, acquirer, sum(amount_late) / 100.0 AS yuan, sum(sales_late) AS sales, "
            "min(due_at) AS due_at, string_agg(DISTINCT cause, ', ') AS causes "
            f"FROM v_settlement_late WHERE {like('acquirer')} GROUP BY merchant, acquirer "
            "ORDER BY yuan DESC, merchant LIMIT 20",
        ),
        listing(
            Head(
                32, "Late business dates",
                "How many merchants' money of a date is late for what cause. Many of one date: a file, a bank or a "
                "holiday that somebody did not know.",
                (14, 32, 10, 10),
            ),
            [
                Label("business_date", "Date"),
                Label("cause", "Cause"),
                Label("merchants", "Merchants", unit="short"),
                Label("yuan", "Yuan", unit=YUAN),
            ],
            "SELECT business_date, cause, count(*) AS merchants, sum(amount_late) / 100.0 AS yuan "
            f"FROM v_settlement_late WHERE {like('acquirer')} GROUP BY business_date, cause "
            "ORDER BY business_date DESC, yuan DESC LIMIT 50",
        ),
    ]  # fmt: skip
