"""When the money of a sale is due (contract, Reading rules; cycles after the field's usage).

Settlement counts from the approval at the host, in local time. Cards taken strictly later than the cut-off
count as the next day; QR payments count by calendar day. T cycles count working days, D cycles calendar
days. What would have been due without a cut-off, a holiday or a limit is asked by `Waiver`, which is how
a cause proves that it cost time.
Where it can be wrong: acquirers that close their books at other times on holidays.
"""

from typing import Final, NamedTuple

from msgspec import Struct

from fleetmon.model.days import DAY, WorkingDays, day_of, midnight
from fleetmon.model.registry import Capture, Cycle, Defaults, Merchant, Roll


class Terms(Struct, frozen=True):
    """What a merchant and its acquirer agreed. Times of day and grace in ms, the limit in fen."""

    cycle: Cycle
    roll: Roll
    capture: Capture
    cutoff: int
    payout_by: int
    grace: int
    instant_limit: int | None


class Waiver(NamedTuple):
    """What to leave out of account."""

    cutoff: bool = False
    holidays: bool = False


NO_WAIVER: Final = Waiver()


class Due(Struct, frozen=True, gc=False):
    """When the money has to be there; `day` is the cut-off-adjusted trade day."""

    at: int
    day: int
    provisional: bool


def terms(merchant: Merchant | None, defaults: Defaults) -> Terms:
    """The merchant's terms; what it does not say is the defaults'."""
    row = merchant or Merchant("unknown")
    return Terms(
        cycle=row.cycle or defaults.cycle,
        roll=row.roll or defaults.roll,
        capture=row.capture or defaults.capture,
        cutoff=time_of_day(row.cutoff or defaults.cutoff),
        payout_by=time_of_day(row.payout_by or defaults.payout_by),
        grace=(defaults.grace_s if row.grace_s is None else row.grace_s) * 1000,
        instant_limit=row.instant_limit,
    )


def time_of_day(clock: str) -> int:
    """`23:00:00` in ms since midnight."""
    hours, minutes, seconds = (int(part) for part in clock.split(":"))
    return ((hours * 60 + minutes) * 60 + seconds) * 1000


def trade_day(at: int, agreed: Terms, rail: str, waiver: Waiver = NO_WAIVER) -> int:
    """The day as which an approval at `at` counts: cards strictly later than the cut-off are tomorrow's."""
    day = day_of(at)
    late = rail == "card" and not waiver.cutoff and at - midnight(day) > agreed.cutoff
    return day + late


def due(
    at: int, agreed: Terms, rail: str, days: WorkingDays, *, over_limit: bool = False, waiver: Waiver = NO_WAIVER
) -> Due:
    """When money approved at `at` (ms) is due. `over_limit` takes a D+0 sale to T+1."""
    day = trade_day(at, agreed, rail, waiver)
    cycle = "T+1" if over_limit and agreed.cycle == "D+0" else agreed.cycle
    working = cycle[0] == "T" and not waiver.holidays
    known = True
    base = day
    if working and agreed.roll == "from_trade_workday":
        base, known = days.next(day)
    at_once = cycle[2] == "0" and at < midnight(base) + agreed.payout_by
    first = paid_on = base if at_once else base + 1
    if working:
        paid_on, sure = days.next(first)
        known = known and sure
    return Due(midnight(paid_on) + agreed.payout_by, day, not known)


def last_chance(now: int, at: int, agreed: Terms, rail: str, days: WorkingDays) -> int | None:
    """The latest moment from `at` on at which an approval would have been paid by `now`; None when never.

    Due times only step at midnights, cut-offs and payout times, so these are the moments to look at.
    """
    if due(at, agreed, rail, days).at > now:
        return None
    steps = sorted({agreed.payout_by - 1, agreed.cutoff, DAY - 1}, reverse=True)
    for day in range(day_of(now), day_of(at) - 1, -1):
        for moment in [midnight(day) + step for step in steps]:
            if at < moment <= now and due(moment, agreed, rail, days).at <= now:
                return moment
    return at
