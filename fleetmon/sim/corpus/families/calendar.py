"""Nobody's fault: not due yet, after the cut-off, days of rest, and the limit of instant payout."""

from fleetmon.sim.corpus.dates import HOUR, MINUTE, SECOND, moment
from fleetmon.sim.corpus.founding import Ask
from fleetmon.sim.corpus.plot import Plot


def not_due(plot: Plot) -> None:
    """Sales whose money is simply not due; in the confounded story some waited in the terminal, before the cut-off."""
    cycles = plot.chance.choice((("T+1",), ("D+1",), ("D+0",), ("T+1", "D+1")))
    shop = plot.shop(Ask(need="open", cycles=cycles, in_grace=0, covers="rows"))
    for device in shop.devices:
        begin = moment(shop.day)
        times = plot.moments(device, begin, min(shop.latest(device, shop.day), begin + 21 * HOUR), 2)
        for at in times:
            if plot.confounded and shop.terms.capture == "host" and device is shop.devices[0]:
                fault = plot.fault("terminal_offline", "the line was gone for minutes", (at, at), basis=at + SECOND)
                plot.store(shop, device, at, at + plot.chance.randint(60, 600) * SECOND, fault)
            else:
                plot.sell(shop, device, at)


def after_cutoff(plot: Plot) -> None:
    """Card sales approved after the cut-off, beside payments that just made it."""
    shop = plot.shop(Ask(need="shift", late=True, capture="host", terminals=(2, 3)))
    cut = shop.cut(shop.day)
    slow = plot.chance.randint(5, 50) * MINUTE * (plot.chance.random() < 0.5)
    for number, device in enumerate(shop.devices):
        for at in plot.moments(device, cut + SECOND, cut + plot.chance.randint(8, 38) * MINUTE, 3):
            plot.sell(shop, device, at)
        for at in plot.moments(device, cut + SECOND, cut + 30 * MINUTE, 1):
            plot.sell(shop, device, at, rail="qr", issuer="")
        if plot.confounded and number == 0:
            if slow:  # its clock says that it was before the cut-off; the host's counts
                device.skews.append((plot.scene.start, plot.until, -slow))
            plot.sell(shop, device, cut - 4 * SECOND, host_at=cut)
            plot.sell(shop, device, cut - 2 * SECOND - number * 100, host_at=cut + plot.chance.randint(1, 9000))


def holiday(plot: Plot) -> None:
    """Working days are counted, and there were none in between."""
    late = True if plot.confounded else None
    shop = plot.shop(Ask(need="rests", cycles=("T+1",), late=late, terminals=(2, 4)))
    begin, cut = moment(shop.day), shop.cut(shop.day)
    for device in shop.devices:
        for at in plot.moments(device, begin + 8 * HOUR, shop.latest(device, shop.day), plot.chance.randint(1, 3)):
            plot.sell(shop, device, at)
        if plot.confounded and shop.terms.capture == "host":
            for at in plot.moments(device, cut + SECOND, cut + 25 * MINUTE, 1):
                plot.sell(shop, device, at)


def instant_limit(plot: Plot) -> None:
    """Instant payout up to a daily limit; the rest comes as T+1."""
    limit = plot.chance.choice((100_000, 200_000, 300_000, 500_000))
    shop = plot.shop(Ask(need="shift", cycles=("D+0",), limit=limit, terminals=(1, 3), capture="host", in_grace=0))
    shop.trade = 0
    begin = moment(shop.day)
    times = sorted(
        (at, number)
        for number, device in enumerate(shop.devices)
        for at in plot.moments(device, begin, min(shop.cut(shop.day) - 15 * MINUTE, plot.until), 6)
    )
    share = plot.chance.uniform(0.16, 0.3)
    for at, number in times:
        amount = round(limit * share * plot.chance.uniform(0.7, 1.3))
        plot.sell(shop, shop.devices[number], at, amount=amount)
