"""Sales that wait though the line is well: inside the terminal, behind the merchant's system, or half done."""

from fleetmon.sim.corpus.dates import HOUR, MINUTE, SECOND, moment
from fleetmon.sim.corpus.device import FOREVER
from fleetmon.sim.corpus.families.outages import evening, keep_inside
from fleetmon.sim.corpus.founding import Ask
from fleetmon.sim.corpus.plot import Plot
from fleetmon.sim.corpus.shop import Shop


def offline_pending(plot: Plot) -> None:
    """Stored and not sent, while the terminal is reachable: it holds them until somebody sends them."""
    stays = plot.chance.random() < 0.5
    ask = Ask(need="block" if stays else "shift", cycles=("T+1", "D+1", "D+0", "T+0"), capture="host")
    shop = plot.shop(ask)
    why = "stored in the terminal and not sent, while it was reachable"
    for device in plot.pick(shop.devices, plot.chance.randint(1, 2)):
        begin = moment(shop.day, 9 * 3600)
        sent = None if stays else shop.cut(shop.day) + plot.chance.randint(20, 700) * MINUTE
        for at in plot.moments(device, begin, shop.cut(shop.day) - 10 * MINUTE, plot.chance.randint(2, 5)):
            fault = plot.fault("offline_pending", why, (at, sent or plot.until), devices=[device], basis=at + SECOND)
            sent_at = None if sent is None else device.back_after(sent) + plot.chance.randint(20, 200) * SECOND
            plot.store(shop, device, at, sent_at, fault)
        plot.allow(["offline_pending"], [device])


def backoffice_backlog(plot: Plot) -> None:
    """The merchant's own system passes sales on, and is hours behind."""
    batches = plot.chance.random() < 0.35
    ask = Ask(need="shift", cycles=("T+1", "D+1"), capture="terminal" if batches else "host", late=True)
    shop = plot.shop(ask)
    start, end, last = evening(plot, shop)
    end = max(end, shop.cut(shop.day) + 12 * MINUTE)
    why = "the merchant's system was behind and passed them on after the cut-off"
    if batches:
        for device in shop.devices:
            closing = device.closings[shop.day]
            for at in plot.moments(device, moment(shop.day), closing.planned - 5 * MINUTE, 2):
                plot.sell(shop, device, at)
            closing.fault = plot.fault(
                "backoffice_backlog", why, (start, end), devices=shop.devices, basis=closing.planned
            )
            closing.at = device.back_after(end) + plot.chance.randint(20, 200) * SECOND
    else:
        keep_inside(plot, shop, shop.devices, (start, end, last), ("backoffice_backlog", why, ()))
    _queue(plot, shop, start, end)
    plot.allow(["offline_pending", "batch_not_closed"], shop.devices)


def _queue(plot: Plot, shop: Shop, start: int, end: int) -> None:
    """What the merchant's system tells of its queue: rarely when all is well, often when it is not."""
    peak = plot.chance.randint(150, 4000)
    at = plot.scene.start + HOUR
    while at < plot.until - MINUTE:
        share = max(0.0, min((at - start) / HOUR, (end - at) / (15 * MINUTE), 1.0)) if start < at < end else 0.0
        depth = plot.chance.randint(0, 4) + round(peak * share)
        told = {"queue_depth": depth, "lag_s": depth // 2 if not share else (at - start) // 1000}
        if depth and not plot.partial:
            told["oldest_at"] = at - told["lag_s"] * 1000
        plot.tell(at, f"merchant/{shop.id}/backoffice", told)
        busy = start - HOUR < at < end
        at += (plot.chance.randint(20, 30) if plot.partial else 10) * MINUTE if busy else 2 * HOUR


def one_sided(plot: Plot) -> None:
    """The cardholder may have been debited, the sale is not confirmed, and the reversal is not answered."""
    shop = plot.shop(Ask(need="today", detail="thin" if plot.partial else ""))
    for device in plot.pick(shop.devices, 2):
        for at in plot.today(device, plot.chance.randint(1, 2)):
            why = "no answer came, and none to the reversal"
            fault = plot.fault("one_sided", why, (at, plot.until), devices=[device])
            sale = plot.sell(shop, device, at, outcome="unanswered", host_at=None, fault=fault)
            device.reversals.append((at + 46 * SECOND, FOREVER))
            if not plot.partial:
                for tries in range(plot.chance.randint(1, 3)):
                    again = at + (70 + 400 * tries) * SECOND
                    if device.calm(again) and again < plot.until - 3 * MINUTE:
                        plot.undo(sale, "reversal", again, stage="unanswered")
