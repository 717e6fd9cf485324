"""Terminal capture: the batch is not closed, does not agree, or is closed by a clock that is wrong."""

from fleetmon.sim.corpus.dates import MINUTE, moment
from fleetmon.sim.corpus.device import Device
from fleetmon.sim.corpus.founding import Ask
from fleetmon.sim.corpus.plot import Plot
from fleetmon.sim.corpus.shop import Shop


def trade(plot: Plot, shop: Shop, device: Device, count: int, until: int | None = None) -> None:
    """Sales of the story's day that belong into the day's batch."""
    closing = device.closings[shop.day]
    for at in plot.moments(device, moment(shop.day), (until or closing.planned) - 5 * MINUTE, count):
        plot.sell(shop, device, at)


def batch_not_closed(plot: Plot) -> None:
    """Nobody did the end-of-day settlement; closed by hand the next day, or with the next batch, or not yet."""
    ending = plot.chance.choice(("morning", "next", "never"))
    shop = plot.shop(Ask(need="block" if ending == "never" else "shift", capture="terminal", terminals=(2, 4)))
    why = "terminal capture, and the day's batch was not closed before the cut-off"
    for device in plot.pick(shop.devices, plot.chance.randint(1, 2)):
        trade(plot, shop, device, plot.chance.randint(2, 5))
        for day, closing in device.closings.items():
            if day < shop.day or (day > shop.day and ending != "never"):
                continue
            span = (closing.planned, plot.until)
            closing.fault = plot.fault("batch_not_closed", why, span, devices=[device], basis=closing.planned)
            closing.at = None
            if ending == "morning":
                by_hand = device.back_after(moment(day, 24 * 3600 + plot.chance.randint(9 * 3600, 11 * 3600)))
                closing.at = by_hand + MINUTE if by_hand < plot.until - 10 * MINUTE else None
        plot.allow(["batch_not_closed"], [device])


def batch_mismatch(plot: Plot) -> None:
    """Totals of terminal and host differ; the batch waits until they are compared."""
    shop = plot.shop(Ask(need="block", capture="terminal", covers="batches"))
    for device in plot.pick(shop.devices, plot.chance.randint(1, 2)):
        trade(plot, shop, device, plot.chance.randint(2, 5))
        closing = device.closings[shop.day]
        span = (closing.planned, plot.until)
        closing.agreed, closing.response = False, plot.chance.choice(("95", "95", "00"))
        closing.brief = plot.partial
        closing.fault = plot.fault(
            "batch_mismatch", "the totals differ", span, devices=[device], stages=("batch", "clearing")
        )
        plot.allow(["batch_mismatch"], [device])


def clock_skew(plot: Plot) -> None:
    """The terminal closes its batch by its own clock, and that is wrong.

    A slow one closes after the cut-off; a fast one closes while the shop still sells, and what it sells
    then waits for the next day's closing.
    """
    covers = plot.chance.choice(("rows", "batches"))
    shop = plot.shop(Ask(need="shift", capture="terminal", late=True, terminals=(2, 3), covers=covers))
    device = plot.chance.choice(shop.devices)
    slow = plot.chance.random() < 0.6
    closing = device.closings[shop.day]
    to_cut = shop.cut(shop.day) - closing.planned
    by = to_cut + plot.chance.randint(6, 34) * MINUTE if slow else plot.chance.randint(70, 200) * MINUTE
    device.skews.append((0, 2 * plot.until, -by if slow else by))
    shift = by if slow else -by
    for each in device.closings.values():
        each.at = each.planned + shift
        why = f"its clock is {by // MINUTE} min {'slow' if slow else 'fast'}, and by it the batch was closed"
        told_at = each.planned if slow else None
        span = (plot.scene.start, plot.until)
        each.fault = plot.fault("clock_skew", why, span, devices=[device], basis=each.planned, told_at=told_at)
    if slow:
        trade(plot, shop, device, 4)
    else:
        for at in plot.moments(device, (closing.at or 0) + MINUTE, closing.planned - MINUTE, 4):
            plot.sell(shop, device, at)
    if not plot.partial and plot.chance.random() < 0.4:
        device.report(moment(shop.day, 12 * 3600), "clock", "TimeDrift", "oneshot", "warning")
    plot.allow(["clock_skew"], [device])
