"""What a scrape shows of money: how much is late, expected and at risk, by causes, stages and acquirers.

Read on the event loop at the moment of the scrape, from sums that the engine keeps: no sale is looked at.
"""

from collections import Counter

from fleetmon.engine import Engine
from fleetmon.model.days import midnight
from fleetmon.sinks.money import Money


def owed(engine: Engine) -> Money:
    """As of now. Amounts in fen, times in seconds since 1970."""
    explainer, arrears, now = engine.explainer, engine.arrears, engine.now
    directory, outlook = explainer.ledger.directory, arrears.outlook
    overdue, amounts = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    for (cause, acquirer, _), days in arrears.merchant_days.items():
        overdue[cause, acquirer] += days
    for (cause, acquirer, _), amount in arrears.totals.items():
        amounts[cause, acquirer] += amount
    next_due = outlook.next_due(now)
    return Money(
        overdue=overdue,
        overdue_amount=amounts,
        overdue_stage_amount=arrears.stages,
        expected_amount=outlook.expected,
        due_amount=outlook.due_days(now),
        at_risk_amount=outlook.at_risk(now),
        next_due_s=None if next_due is None else next_due / 1000,
        calendar_known_until_s=midnight(directory.days.known_to + 1) / 1000,
        unknown_codes=outlook.unknown_codes,
        open_sales=outlook.open_sales,
        conflicts=explainer.ledger.conflicts,
        recalled=arrears.recalled,
        judged_sales=arrears.punctuality.judged,
        late_sales=arrears.punctuality.late,
    )
