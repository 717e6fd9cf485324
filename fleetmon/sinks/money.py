"""Money in `/metrics`: what is late, what will be, and how far the calendar is known.

Causes times acquirers, never merchants. Acquirers beyond the cap, those with the least money first, are
counted together, so that no number of invented ones exceeds the budget of series.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final

from msgspec import Struct
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

ACQUIRERS_KEPT: Final = 50
OTHER: Final = "__other__"
Sums = Mapping[tuple[str, str], int]  # by cause, stage or reason, and acquirer
AHEAD: Final = 14  # days of the due calendar by themselves; long holidays are ten


class Money(Struct, frozen=True):
    """What a scrape shows of the ledger. Times in seconds, amounts in fen."""

    overdue: Sums  # merchants' days
    overdue_amount: Sums
    overdue_stage_amount: Sums
    expected_amount: Sums
    at_risk_amount: Sums
    due_amount: Mapping[int, int]  # by days from today
    next_due_s: float | None
    calendar_known_until_s: float
    unknown_codes: Mapping[str, int]  # by acquirer, capped where they are counted: a sum may never fall
    open_sales: int
    conflicts: int
    recalled: bool = True  # whether all is known again that was told before the start
    judged_sales: int = 0
    late_sales: int = 0  # of those


def families(money: Money) -> Iterator[Metric]:
    """All of it."""
    kept = _greatest(money.overdue_amount, money.at_risk_amount, money.expected_amount)
    yield _by_acquirer(
        "fleetmon_settlement_overdue", "Merchants' business dates whose money is late, by first cause.", "cause",
        money.overdue, kept,
    )  # fmt: skip
    yield _by_acquirer(
        "fleetmon_settlement_overdue_amount_fen", "Late money, by first cause.", "cause", money.overdue_amount, kept
    )
    yield _by_acquirer(
        "fleetmon_settlement_overdue_stage_amount_fen", "Late money, by where it stands.", "stage",
        money.overdue_stage_amount, kept,
    )  # fmt: skip
    yield _by_acquirer(
        "fleetmon_settlement_expected_amount_fen", "Money on its way that is not late, by where it stands.", "stage",
        money.expected_amount, kept,
    )  # fmt: skip
    yield _calendar(money.due_amount)
    yield _by_acquirer(
        "fleetmon_settlement_at_risk_amount_fen",
        "Money that will be late unless something happens; some counts for several reasons.", "reason",
        money.at_risk_amount, kept,
    )  # fmt: skip
    if money.next_due_s is not None:
        yield GaugeMetricFamily(
            "fleetmon_settlement_next_due_timestamp_seconds", "When the next money has to be there.",
            value=money.next_due_s,
        )  # fmt: skip
    yield GaugeMetricFamily(
        "fleetmon_calendar_known_until_timestamp_seconds", "Until when the working days are known.",
        value=money.calendar_known_until_s,
    )  # fmt: skip
    codes = CounterMetricFamily(
        "fleetmon_response_codes_unknown", "Answers with codes that stand in no table.", labels=["acquirer"]
    )
    for acquirer, count in sorted(money.unknown_codes.items()):
        codes.add_metric([acquirer], count)
    yield codes
    yield CounterMetricFamily(
        "fleetmon_settlement_judged_sales",
        "Sales of which it is decided whether their money came in time.", value=money.judged_sales,
    )  # fmt: skip
    yield CounterMetricFamily(
        "fleetmon_settlement_late_sales", "Those of them whose money was late.", value=money.late_sales
    )
    yield GaugeMetricFamily(
        "fleetmon_ledger_open_sales", "Sales in memory that are neither paid nor cancelled.", value=money.open_sales
    )
    yield GaugeMetricFamily(
        "fleetmon_ledger_recalled",
        "Whether the sales of before the start are known again; until then no money is called late.",
        value=money.recalled,
    )
    yield CounterMetricFamily(
        "fleetmon_ledger_conflicts", "Rows of settlement files that two payouts claim.", value=money.conflicts
    )


def _calendar(amounts: Mapping[int, int]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(
        "fleetmon_settlement_due_amount_fen", "Money on its way, by the days until it has to be there.", labels=["days"]
    )
    for ahead in range(AHEAD):
        family.add_metric([f"{ahead:02}"], amounts.get(ahead, 0))  # sorts as it reads
    family.add_metric([f"{AHEAD}+"], sum(amount for ahead, amount in amounts.items() if ahead >= AHEAD))
    return family


def _greatest(*several: Sums) -> set[str]:
    """The acquirers with the most money, as many as are shown by themselves."""
    sizes: Counter[str] = Counter()
    for sums in several:
        for (_, acquirer), amount in sums.items():
            sizes[acquirer] += amount
    return {acquirer for acquirer, _ in sorted(sizes.items(), key=lambda one: (-one[1], one[0]))[:ACQUIRERS_KEPT]}


def _by_acquirer(name: str, text: str, label: str, sums: Sums, kept: set[str]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, text, labels=[label, "acquirer"])
    capped: Counter[tuple[str, str]] = Counter()
    for (value, acquirer), amount in sums.items():
        capped[value, acquirer if acquirer in kept else OTHER] += amount
    for labels, amount in sorted(capped.items()):
        family.add_metric(labels, amount)
    return family
