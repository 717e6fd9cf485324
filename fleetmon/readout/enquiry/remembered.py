"""What people remember of a sale: what is on its slip, or the day, the time and the amount. Which fit, and how nearly?

A time of day without a day is of any day. Where it can be wrong: people round times, and a slip shows the clock of
the terminal; so a time fits half an hour either way.
"""

from typing import Final

from fleetmon.model.days import DAY, UTC_OFFSET, day_of, midnight
from fleetmon.model.sale import Sale
from fleetmon.web.ports import SettlementFilter

AROUND: Final = 1_800_000
CURRENCY: Final = "CNY"  # of the amounts that people ask for


def taken_at(sale: Sale) -> int:
    """When the customer paid."""
    return sale.swiped_at or sale.at


def fits(sale: Sale, wanted: SettlementFilter) -> bool:
    """Whether it may be the one."""
    return (
        wanted.rrn in (None, sale.rrn)
        and wanted.transaction in (None, sale.id)
        and (wanted.amount is None or is_of_amount(sale, wanted))
        and apart(sale, wanted) <= (0 if wanted.time is None else AROUND)
    )


def is_of_amount(sale: Sale, wanted: SettlementFilter) -> bool:
    """Whether it is of the amount that is asked for."""
    return wanted.amount == sale.amount and sale.currency == CURRENCY


def apart(sale: Sale, wanted: SettlementFilter) -> int:
    """How far it was taken from the time that is asked for, in ms; 0 within a day, where only that is known."""
    at = taken_at(sale)
    if wanted.time is None:
        return 0 if wanted.day is None else abs(day_of(at) - wanted.day) * DAY
    if wanted.day is not None:
        return abs(at - midnight(wanted.day) - wanted.time)
    off = abs((at + UTC_OFFSET) % DAY - wanted.time)
    return min(off, DAY - off)
