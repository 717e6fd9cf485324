"""Stories without an answer: the money is missing or the sale refused, and nothing that is known explains it."""

from fleetmon.sim.corpus.dates import MINUTE, moment
from fleetmon.sim.corpus.families.works import sell_day
from fleetmon.sim.corpus.founding import Ask
from fleetmon.sim.corpus.plot import Plot
from fleetmon.sim.corpus.sale import Fault, Other, Way
from fleetmon.sim.corpus.shop import Shop


def _riddle(plot: Plot, shop: Shop, why: str) -> Fault:
    doubt = (Other("not_due", "within the grace"),)
    return plot.fault("unknown", why, (moment(shop.day), plot.until), doubt=doubt)


def _ask(plot: Plot, acquirer: str = "") -> Ask:
    acquirer = acquirer or plot.chance.choice(plot.world.estate.plain_acquirers)
    return Ask(need="block", cycles=("T+1", "D+1"), capture="host", acquirer=acquirer, terminals=(2, 3), covers="rows")


def nothing_paid(plot: Plot) -> None:
    """No payout at all for the day; other merchants of the acquirer are paid."""
    shop = plot.shop(_ask(plot))
    sell_day(plot, shop)
    shop.ways[shop.day] = Way("silent", _riddle(plot, shop, "overdue, and nothing fits"))


def left_out(plot: Plot) -> None:
    """The day was paid, but some of its sales are not among the rows."""
    shop = plot.shop(_ask(plot))
    sell_day(plot, shop)
    way = Way("silent", _riddle(plot, shop, "left out of a payout that lists the others"))
    for sale in plot.chance.sample(shop.sales, (len(shop.sales) + 1) // 2):
        sale.way = way


def whole_acquirer(plot: Plot) -> None:
    """None of an acquirer's merchants is paid for a day, and the acquirer tells nothing of its files."""
    acquirer = plot.world.estate.host("acquirer", files=False).row.id
    first = plot.shop(_ask(plot, acquirer))
    why = "a whole acquirer did not pay, and says nothing"
    for shop in (first, plot.shop(_ask(plot, acquirer))):
        sell_day(plot, shop)
        guess = (Other("interface_fault", "it may be the acquirer's file"),)
        fault = plot.fault("unknown", why, (moment(shop.day), plot.until), accept=guess)
        shop.block(Way("silent", fault), shop.day)


def strange_code(plot: Plot) -> None:
    """Refused with codes that no table explains, once here and once there."""
    shop = plot.shop(Ask(need="today", terminals=(2, 4)))
    for device in shop.devices:
        for at in plot.today(device, plot.chance.randint(1, 2)):
            code = plot.chance.choice(("Q7", "E4", "W9", "K2"))
            fault = plot.fault("unknown", f"nobody knows what {code} means", (at, at + MINUTE), devices=[device])
            plot.refuse(shop, device, at, code, fault)
