"""What goes on beside a story and has nothing to do with it: a reader who believes the nearest fault is misled.

Each decoy keeps clear of sales and closings, so that it changes nothing of what is true.
"""

from collections.abc import Callable
from typing import Final

from fleetmon.sim.corpus.dates import DAY, HOUR, MINUTE, SECOND, moment
from fleetmon.sim.corpus.device import Device
from fleetmon.sim.corpus.plot import Plot
from fleetmon.sim.corpus.sale import Sale
from fleetmon.sim.corpus.shop import Shop


def confound(plot: Plot) -> None:
    """Add one to three decoys to a merchant of the story."""
    shop = plot.chance.choice(plot.shops)
    for decoy in plot.chance.sample(_DECOYS, plot.chance.randint(1, 3)):
        decoy(plot, shop)


def _clear(device: Device, shop: Shop, start: int, end: int) -> bool:
    """Whether nothing of the terminal happens between the two, nor shortly before or after."""
    low, high = start - 4 * MINUTE, end + 4 * MINUTE
    if high > device.scene.until or not (device.reachable(low) and device.reachable(high)):
        return False
    busy = [
        at
        for sale in shop.sales
        if sale.device is device
        for at in (sale.at, sale.host_at or sale.at)
    ]  # fmt: skip
    busy += [at for closing in device.closings.values() for at in (closing.planned, closing.at or closing.planned)]
    busy += [said.at for said in device.said]
    return not any(low <= at <= high for at in busy)


def _gone_afterwards(plot: Plot, shop: Shop) -> None:
    """A terminal of the story fails after all it had to send was sent."""
    sales = [sale for sale in shop.sales if sale.host_at is not None]
    if not sales:
        return
    sale = max(plot.chance.sample(sales, min(3, len(sales))), key=_sent)
    for _ in range(12):
        start = _sent(sale) + plot.chance.randint(6, 600) * MINUTE
        end = start + plot.chance.randint(20, 150) * MINUTE
        if _clear(sale.device, shop, start, end) and sale.device.is_open(start):
            sale.device.away(start, end, "lost")
            plot.allow(["terminal_offline", "site_outage", "flapping"], [sale.device])
            return


def _sent(sale: Sale) -> int:
    return sale.host_at or sale.at


def _neighbour_breaks(plot: Plot, shop: Shop) -> None:
    """A part of another terminal fails, about when the story happens."""
    idle = [device for device in shop.devices if not any(sale.device is device for sale in shop.sales)]
    device = plot.chance.choice(idle or shop.devices)
    at = moment(shop.day, plot.chance.randint(11, 21) * 3600 + plot.chance.randint(0, 3599))
    code = plot.chance.choice(("NoPaper", "PaperJam", "PaperLow"))
    if idle and _clear(device, shop, at, at + HOUR):
        _breaks(plot, device, (at, at + plot.chance.randint(5, 55) * MINUTE), "printer", code)


def _broke_before(plot: Plot, shop: Shop) -> None:
    """A part of a terminal of the story failed, and was well again before anything happened."""
    device = plot.chance.choice(shop.devices)
    at = moment(shop.day, plot.chance.randint(9, 12) * 3600 + plot.chance.randint(0, 3599))
    if _clear(device, shop, at, at + HOUR):
        _breaks(plot, device, (at, at + plot.chance.randint(5, 40) * MINUTE), "reader", "ReaderFault")


def _breaks(plot: Plot, device: Device, span: tuple[int, int], component: str, code: str) -> None:
    start, end = span
    device.report(start, component, code, "set", plot.chance.choice(("critical", "warning")))
    device.report(end, component, code, "clear", "info")
    device.show(start, end, "poi", **({"reader": False} if component == "reader" else {"printer": code}))
    device.trouble(start, end)
    plot.allow(["device_fault"], [device])


def _neighbour_is_weak(plot: Plot, shop: Shop) -> None:
    """Another terminal has poor signal all evening, and still gets through."""
    idle = [device for device in shop.devices if not any(sale.device is device for sale in shop.sales)]
    if idle:
        device = idle[0]
        start = moment(shop.day, 17 * 3600)
        device.show(start, start + 6 * HOUR, "net", rssi_dbm=-111, rtt_ms=2400, loss=0.2)
        plot.allow(["weak_signal", "flapping", "terminal_offline"], [device])


def _foreign_notice(plot: Plot, shop: Shop) -> None:
    """Work at a host this merchant has nothing to do with."""
    host = plot.world.estate.host("acquirer", files=False).row.id
    start = moment(shop.day, plot.chance.randint(20, 22) * 3600)
    number = plot.world.estate.number()
    notice = {"id": f"n{number}", "starts_at": start, "ends_at": start + 3 * HOUR, "title": "System upgrade"}
    announced = max(start - DAY, plot.scene.start + HOUR)
    for event, at in (("scheduled", announced), ("started", start), ("ended", start + 3 * HOUR)):
        if at < plot.until - MINUTE:
            plot.tell(at, f"host/{host}/notice/n{number}", {**notice, "event": event})


def _rollout(plot: Plot, shop: Shop) -> None:
    """All terminals of the merchant get a new version by night, and go on working."""
    at = moment(shop.day, 3 * 3600)
    for device in shop.devices:
        if device.hours is None:
            if not _clear(device, shop, at, at + 2 * MINUTE) or at < plot.scene.start:
                continue
            device.away(at, at + 70 * SECOND, "power")
        device.updates.append((at, {"firmware": f"{device.firmware}.1"}))


_DECOYS: Final[tuple[Callable[[Plot, Shop], None], ...]] = (
    _gone_afterwards, _gone_afterwards, _neighbour_breaks, _broke_before, _neighbour_is_weak, _foreign_notice, _rollout,
)  # fmt: skip
