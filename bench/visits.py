"""Do proposed visits avoid the sales that a random one would hit? `python -m bench.visits`, three minutes.

Simulated shops sell for some weeks, and their terminals learn what is usual as in the daemon
(`engine/terminal/usage`). Then a visit is proposed for each shop, and what its terminals sell in the next week is
drawn. Hit are the sales inside the proposed time; a random choice takes any permitted time alike, so its expectation
is the mean over all of them. Beside it stands the best that anybody could choose who knew the course from which sales
are drawn.
Where it can be wrong: each week is like the other, and hours and weekdays are independent, as simulated customers
are.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from bench.report import Report, say
from fleetmon.engine.terminal.usage import Usage
from fleetmon.model.days import midnight
from fleetmon.model.hours import WEEK, Hours
from fleetmon.model.window import Occurrence
from fleetmon.planning.quiet_hours import STEP, Course, Shop, attended, choose, length, permitted
from fleetmon.planning.settings import VisitSettings
from fleetmon.sim.chance import Chance, seeded
from fleetmon.sim.demand import Course as Trade
from fleetmon.sim.demand import Demand, course_of
from fleetmon.sim.habits import REAL
from fleetmon.sim.pace import Moment
from fleetmon.sim.settings import SimSettings
from fleetmon.sim.synthesis import synthesise

DEVELOPMENT: Final = (1, 2, 3)
TEST: Final = (101, 102, 103, 104, 105)
TERMINALS: Final = 120
WEEKS: Final = 4
SETTINGS: Final = {
    "as shipped": VisitSettings(),
    "any hour of any day": VisitSettings(["Mo-Su 00:00-24:00"]),
    "Mo-Fr 09:00-18:00": VisitSettings(["Mo-Fr 09:00-18:00"]),
    "Mo-Fr 09:00-18:00, only while the shop is open": VisitSettings(["Mo-Fr 09:00-18:00"], 0),
}
_MONDAY: Final = midnight(4) + 2_900 * WEEK


class Sold(NamedTuple):
    """Sales inside the proposed times, those that random ones would hit, and those that the best would."""

    proposed: float
    random: float
    best: float

    @property
    def avoided(self) -> float:
        """The share of what a random choice would hit."""
        return 1 - self.proposed / self.random

    @property
    def possible(self) -> float:
        """The share that somebody who knew all would have avoided."""
        return 1 - self.best / self.random


class Site(NamedTuple):
    """A shop, what its terminals learned of its customers, and when these come in the next week."""

    per_hour: float
    trade: Trade
    hours: Hours | None  # None: it never closes, and nobody has said so
    usages: Sequence[tuple[Usage, float]]
    sales: Sequence[int]


def learned(seed: int, terminals: int, weeks: int) -> list[Site]:
    """A fleet after some weeks."""
    registry = synthesise(terminals, seed, hours=True)
    luck, frailty = seeded(seed, "trade"), REAL.sales.frailty
    merchants = {row.id: (luck.gammavariate(frailty, 1 / frailty), course_of(row.mcc)) for row in registry.merchants}
    found = []
    for row in registry.sites:
        trade, course = merchants[row.merchant]
        site = Site(SimSettings().sales_per_hour * trade, course, Hours(row.hours) if row.hours else None, [], [])
        size = sum(one.site == row.id for one in registry.terminals)
        found.append(_sell(site, size, weeks, seeded(seed, f"visits/{row.id}")))
    return found


def _sell(site: Site, terminals: int, weeks: int, chance: Chance) -> Site:
    now = _MONDAY + weeks * WEEK
    usages, sales = list[tuple[Usage, float]](), list[int]()
    for _ in range(terminals):
        usage = Usage()
        for at in _customers(site, chance, _MONDAY, now + WEEK):
            if at < now:
                usage.sell(at, 0.0)
            else:
                sales.append(at)
        usages.append((usage, 1.0))
    return site._replace(usages=usages, sales=sales)


def measure(fleet: Sequence[Site], weeks: int, settings: VisitSettings) -> Sold:
    """A visit to each shop in the week after those."""
    begin = _MONDAY + weeks * WEEK
    found = []
    for site in fleet:
        week = attended(site.hours, [usage for usage, _ in site.usages])
        works, nothing = Course(site.usages, week), Course((), week)
        shop = Shop(length(len(site.usages), settings), week, works, nothing)
        slot = choose(shop, begin, begin + WEEK, settings, lambda _: True)
        if slot is not None:  # else nobody is let in while technicians work
            allowed = list(permitted(shop, begin, begin + WEEK, settings))
            best = min(allowed, key=lambda one, site=site: _true(site, one))  # type: ignore[misc] # a default
            usual = sum(_hit(site.sales, one) for one in allowed) / len(allowed)
            found.append(Sold(_hit(site.sales, slot.span), usual, _hit(site.sales, best)))
    return total(found)


def total(found: Sequence[Sold]) -> Sold:
    """All together."""
    return Sold(*(sum(column) for column in zip(*found, strict=True)))


def _customers(site: Site, chance: Chance, begin: int, end: int) -> Iterator[int]:
    demand, at = Demand(site.per_hour, site.trade, site.hours, 1.0), begin
    while (at := at + round(demand.next_s(Moment(0.0, at), chance) * 1000)) < end:
        yield at


def _hit(sales: Sequence[int], span: Occurrence) -> int:
    return sum(span.start <= at < span.end for at in sales)


def _true(site: Site, span: Occurrence) -> float:
    steps = range(span.start, span.end, STEP)
    return sum(site.trade.at(at) for at in steps if site.hours is None or site.hours.is_open(at))


def visits(report: Report, _folder: Path, terminals: int, weeks: int) -> None:
    """The share of sales avoided, as shipped, on test seeds."""
    say(f"visits to the shops of {len(TEST)} fleets of {terminals} terminals, after {weeks} weeks")
    found = [measure(learned(seed, terminals, weeks), weeks, VisitSettings()) for seed in TEST]
    avoided, possible = ([100 * share for share in shares] for shares in zip(*map(_shares, found), strict=True))
    report.add(
        "visits_avoided", avoided, "sales that proposed visits avoid, of those that random ones hit", "%", least=90
    )
    report.add("visits_possible", possible, "the same, had the true course been known", "%")


def _shares(found: Sold) -> tuple[float, float]:
    return found.avoided, found.possible


def main() -> None:
    """All settings, on development and test seeds."""
    for which, seeds in (("development", DEVELOPMENT), ("test", TEST)):
        fleets = {seed: learned(seed, TERMINALS, WEEKS) for seed in seeds}
        for name, settings in SETTINGS.items():
            found = {seed: measure(fleet, WEEKS, settings) for seed, fleet in fleets.items()}
            told = ", ".join(f"{seed}: {one.avoided:.1%}" for seed, one in found.items())
            all_ = total(list(found.values()))
            print(f"{which} seeds, {name}: avoided {all_.avoided:.1%} of {all_.possible:.1%} possible ({told})")


if __name__ == "__main__":
    main()
