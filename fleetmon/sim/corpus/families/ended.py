"""Sales that never became money: cancelled, keyed wrong, or declined because of the card."""

from fleetmon.sim.corpus.dates import HOUR, MINUTE, SECOND, moment
from fleetmon.sim.corpus.founding import Ask
from fleetmon.sim.corpus.plot import Plot
from fleetmon.sim.corpus.sale import CARD_FAULTS, Other


def cancelled(plot: Plot) -> None:
    """Voided after a while, refunded in full before payout, or reversed."""
    shop = plot.shop(Ask(need=plot.chance.choice(("open", "today")), in_grace=0))
    for device in shop.devices:
        for at in plot.moments(device, moment(shop.day), moment(shop.day) + 21 * HOUR, 2):
            kind = plot.chance.choice(("void", "void", "refund", "reversal"))
            undone = at + plot.chance.randint(22, 100) * (SECOND if kind == "reversal" else MINUTE)
            if undone > plot.until - 5 * MINUTE or not device.calm(undone):
                continue
            fault = plot.fault("cancelled", f"the customer has it back: {kind}", (at, undone), devices=[device])
            sale = plot.sell(shop, device, at, cancelled=fault)
            plot.undo(sale, kind, undone)


def entry_error(plot: Plot) -> None:
    """A wrong amount, voided at once and sold again; or refused, because no such amount or card exists."""
    shop = plot.shop(Ask(need="today", cycles=("T+1", "D+1")))
    for device in plot.pick(shop.devices, 3):
        for at in plot.today(device, 2)[:-1] or plot.today(device, 1):
            if plot.chance.random() < 0.4:
                _refused(plot, shop.devices.index(device), at)
            elif at < plot.until - 12 * MINUTE and device.calm(at + 6 * MINUTE):
                undone = at + plot.chance.randint(25, 150) * SECOND
                voided = Other("cancelled", "it was voided")
                fault = plot.fault(
                    "entry_error", "ten times the amount, voided and sold again", (at, undone), devices=[device],
                    accept=(voided,),
                )  # fmt: skip
                sale = plot.sell(shop, device, at, cancelled=fault)
                right, sale.amount = sale.amount, sale.amount * plot.chance.choice((10, 10, 100))
                plot.undo(sale, "void", undone)
                again = plot.sell(shop, device, undone + plot.chance.randint(20, 100) * SECOND, amount=right)
                again.card, again.issuer = sale.card, sale.issuer


def _refused(plot: Plot, number: int, at: int) -> None:
    shop = plot.shops[-1]
    code = plot.chance.choice(("13", "64", "14"))
    also = (Other("card_declined", "the issuer knows no such card"),) if code == "14" else ()
    device = shop.devices[number]
    fault = plot.fault("entry_error", f"refused with {code}", (at, at), devices=[device], accept=also)
    sale = plot.refuse(shop, device, at, code, fault)
    if code == "13":
        sale.amount = plot.chance.choice((1, 99_999_900))


def card_declined(plot: Plot) -> None:
    """The card's limit, funds, PIN or state; other cards are taken at the same time."""
    shop = plot.shop(Ask(need="today", cycles=("T+1", "D+1", "D+0")))
    for device in shop.devices:
        for at in plot.today(device, plot.chance.randint(1, 3)):
            code = plot.chance.choice(CARD_FAULTS)
            fault = plot.fault("card_declined", f"the issuer refused with {code}", (at, at), devices=[device])
            plot.refuse(shop, device, at, code, fault)
            if plot.confounded and device.calm(at + 3 * MINUTE) and at < plot.until - 8 * MINUTE:
                plot.sell(shop, device, at + 3 * MINUTE)
