"""Lines that are down over the cut-off: of one terminal, a shop, a carrier; dead SIMs and poor signal."""

from collections.abc import Sequence
from typing import Final

from fleetmon.sim.corpus.dates import DAY, HOUR, MINUTE, SECOND, moment
from fleetmon.sim.corpus.device import Device
from fleetmon.sim.corpus.founding import Ask
from fleetmon.sim.corpus.plot import Plot
from fleetmon.sim.corpus.sale import Other
from fleetmon.sim.corpus.shop import Shop

Told = tuple[str, str, tuple[Other, ...]]  # the cause, why, and what is right as well
_SHIFT: Final = ("T+1", "T+1", "D+1", "D+1")


def evening(plot: Plot, shop: Shop) -> tuple[int, int, int]:
    """A trouble over the moment that counts: its begin, its end, and until when sales suffer from it."""
    cut = shop.cut(shop.day)
    hours = shop.devices[0].hours
    last = cut if hours is None else min(cut, moment(shop.day, hours[1]))
    start = last - plot.chance.randint(30, 200) * MINUTE
    end = cut + plot.chance.choice((plot.chance.randint(6, 50), plot.chance.randint(50, 300))) * MINUTE
    return start, min(end, plot.until - 20 * MINUTE), last - 2 * MINUTE


def keep_inside(
    plot: Plot,
    shop: Shop,
    devices: Sequence[Device],
    span: tuple[int, int, int],
    told: Told,
) -> None:
    """Sales stored while the line is down, sent when it is back."""
    start, end, last = span
    cause, why, accept = told
    for device in devices:
        for at in plot.moments(
            device, start + 2 * MINUTE, min(last, end - MINUTE), plot.chance.randint(1, 3) + 2 * (len(devices) == 1)
        ):
            sent = max(device.back_after(at), end) + plot.chance.randint(15, 180) * SECOND
            fault = plot.fault(cause, why, (start, end), devices=devices, basis=at + SECOND, accept=accept)
            plot.store(shop, device, at, device.back_after(sent) + SECOND * plot.chance.randint(5, 40), fault)


def close_late(plot: Plot, shop: Shop, device: Device, span: tuple[int, int], told: Told) -> None:
    """Terminal capture: the day's batch is closed at the first chance after the trouble."""
    start, end = span
    closing = device.closings[shop.day]
    cause, why, accept = told
    at = device.back_after(max(end, closing.planned) + 30 * SECOND) + plot.chance.randint(30, 240) * SECOND
    closing.fault = plot.fault(cause, why, (start, at), devices=[device], basis=closing.planned, accept=accept)
    closing.at = at if at < plot.until - 3 * MINUTE else None


def terminal_offline(plot: Plot) -> None:
    """One terminal lost its line, its neighbours did not."""
    capture = plot.chance.choice(("host", "host", "terminal"))
    cycles = _SHIFT if capture == "terminal" else (*_SHIFT, "D+0", "T+0")
    shop = plot.shop(Ask(need="shift", cycles=cycles, capture=capture, terminals=(3, 4)))
    device = plot.chance.choice(shop.devices)
    start, end, last = evening(plot, shop)
    told = ("terminal_offline", "this terminal lost its line over the cut-off, the others did not", ())
    if capture == "host":
        device.away(start, end, "lost")
        keep_inside(plot, shop, [device], (start, end, last), told)
    else:
        begin = min(start, device.closings[shop.day].planned - plot.chance.randint(5, 90) * MINUTE)
        for at in plot.moments(device, moment(shop.day), begin - 5 * MINUTE, 3):
            plot.sell(shop, device, at)
        end = plot.until + DAY if plot.chance.random() < 0.35 else max(end, shop.cut(shop.day) + 9 * MINUTE)
        device.away(begin, end, "lost")
        close_late(plot, shop, device, (begin, end), told)
    plot.allow(["terminal_offline", "site_outage", "flapping", "batch_not_closed"], [device])


def site_outage(plot: Plot) -> None:
    """A shop's network is down: every terminal of it, whatever its carrier; the merchant's other shop is fine."""
    shop = plot.shop(Ask(need="shift", cycles=(*_SHIFT, "D+0", "T+0"), capture="host", sites=2, terminals=(2, 4)))
    site = shop.devices[0].row.site
    struck = [device for device in shop.devices if device.row.site == site]
    start, end, last = evening(plot, shop)
    for device in struck:
        device.away(start + plot.chance.randint(0, 20_000), end + plot.chance.randint(0, 40_000), "lost")
    accept = (Other("terminal_offline", "seen from one terminal"),) if plot.partial and len(struck) < 3 else ()
    keep_inside(plot, shop, struck, (start, end, last), ("site_outage", "the whole shop had no network", accept))
    opened = (start, start + 25 * MINUTE)
    plot.incident(["site_outage"], {"site": site}, opened, must=plot.difficulty == "clean", page=False,
                  members=[device.id for device in struck])  # fmt: skip
    plot.allow(["terminal_offline", "site_outage", "flapping", "attribute_outage"], struck)


def carrier_outage(plot: Plot) -> None:
    """A carrier is down in a region: its cellular terminals, in several shops; WiFi and other carriers are fine."""
    chance = plot.chance
    region, carrier = plot.world.estate.region(), chance.choice(("CMCC", "CUCC", "CTCC", "CBN"))
    shops: list[Shop] = []
    count = 2 if plot.partial else chance.randint(3, 5)
    for number in range(count):
        ask = Ask(
            need="shift", cycles=("D+1", "T+1"), capture="host", region=region, terminals=(2, 4), in_grace=0,
            carrier=carrier if number < 3 and chance.random() < 0.8 else "", network="4g" if number < 2 else "",
            day=shops[0].day if shops else None,
        )  # fmt: skip
        shops.append(plot.shop(ask))
    start, end, _ = evening(plot, shops[0])
    end = max(end, start + 50 * MINUTE)
    struck = []
    for shop in shops:
        mine = [d for d in shop.devices if d.row.carrier == carrier and d.row.network == "4g"]
        for device in mine:
            device.away(start + chance.randint(0, 25_000), end + chance.randint(0, 60_000), "lost")
        struck += mine
    few = len(struck) < 5
    accept = (
        (Other("terminal_offline", "too few to tell"), Other("site_outage", "too few to tell"))
        if few or plot.partial
        else ()
    )
    for shop in shops:
        hours = shop.devices[0].hours
        last = shop.cut(shop.day) if hours is None else min(shop.cut(shop.day), moment(shop.day, hours[1]))
        mine = [device for device in struck if device in shop.devices]
        told = ("carrier_outage", "the carrier was down in the region over the cut-off", accept)
        keep_inside(plot, shop, mine, (start, end, last - 2 * MINUTE), told)
    _expect_outage(plot, {"carrier": carrier, "region": region}, struck, (start, end), must=not few)


def _expect_outage(
    plot: Plot, scope: dict[str, object], struck: Sequence[Device], span: tuple[int, int], *, must: bool
) -> None:
    start, end = span
    open_all = all(device.is_open(start) and device.is_open(start + 40 * MINUTE) for device in struck)
    plot.incident(
        ["carrier_outage"], scope, (start, start + 25 * MINUTE), must=must and open_all, page=True,
        scopes=[{**scope, "network": "4g"}],
        members=[device.id for device in struck],
        resolved=[end, end + 25 * MINUTE] if all(device.is_open(end) for device in struck) else None,
    )  # fmt: skip
    plot.allow(["terminal_offline", "site_outage", "flapping", "region_outage", "attribute_outage"], struck)


def sim_problem(plot: Plot) -> None:
    """The SIM is deactivated or its data is used up; a new one, or a new month, brings the terminal back."""
    shop = plot.shop(Ask(need="shift", cycles=_SHIFT, capture="host", network="4g", detail="rich"))
    device = plot.chance.choice(shop.devices)
    start, end, last = evening(plot, shop)
    end = min(plot.chance.choice((end, moment(shop.day) + DAY + plot.chance.randint(9, 12) * HOUR)), plot.until - HOUR)
    device.away(start, end, "lost")
    used_up = plot.chance.random() < 0.35 and not plot.partial
    iccid = f"8986{plot.chance.randint(10**14, 10**15 - 1)}0"
    device.updates.append((0, {"iccid": iccid}))
    if used_up:
        device.report(start - 40 * SECOND, "sim", "DataExhausted")
        device.report(device.back_after(end) + 3 * SECOND, "sim", "DataExhausted", "clear", "info")
    else:
        device.updates.append((end, {"iccid": f"8986{plot.chance.randint(10**14, 10**15 - 1)}3"}))
        if not plot.partial:
            device.report(start + 20 * SECOND, "sim", "SimDeactivated")
            device.report(device.back_after(end) + 3 * SECOND, "sim", "SimDeactivated", "clear", "info")
    accept = (Other("terminal_offline", "only the changed SIM tells"),) if plot.partial else ()
    keep_inside(plot, shop, [device], (start, end, last), ("sim_problem", "its SIM did not work", accept))
    plot.allow(["sim_problem", "terminal_offline", "flapping"], [device])


def weak_signal(plot: Plot) -> None:
    """A poor link: answers time out, or sales wait inside until it is better."""
    late = plot.chance.random() < 0.5
    need = "shift" if late else "today"
    detail = "plain" if plot.partial else "rich"
    shop = plot.shop(Ask(need=need, cycles=_SHIFT, capture="host", network="4g", detail=detail))
    device = plot.chance.choice(shop.devices)
    if plot.partial:
        device.loss = 0.4
    if late:
        start, end, last = evening(plot, shop)
        _poor(plot, device, start - 20 * MINUTE, end)
        keep_inside(plot, shop, [device], (start, end, last), ("weak_signal", "too poor a link to send them", ()))
    else:
        times = plot.today(device, 3)
        if times:
            start, end = times[0] - 40 * MINUTE, min(times[-1] + 30 * MINUTE, plot.until)
            _poor(plot, device, start, end)
            for at in times:
                _times_out(plot, shop, device, at, (start, end))
    plot.allow(["weak_signal", "flapping", "terminal_offline", "offline_pending"], [device])


def _poor(plot: Plot, device: Device, start: int, end: int) -> None:
    chance = plot.chance
    rssi, rtt = chance.randint(-119, -109), chance.randint(1800, 6000)
    device.trouble(start, end)
    device.show(
        start, end, "net",
        rssi_dbm=lambda _: rssi + chance.randint(-3, 3),
        rtt_ms=lambda _: round(rtt * chance.uniform(0.6, 1.5)),
        loss=lambda _: round(chance.uniform(0.18, 0.5), 2),
        host=lambda _: chance.random() < 0.6,
        reconnects=lambda at: 2 + (at - start) // (4 * MINUTE),
    )  # fmt: skip
    for _ in range(chance.randint(0, 3)):
        at = chance.randint(start, max(start, end - 6 * MINUTE))
        device.away(at, at + chance.randint(70, 200) * SECOND, "lost")


def _times_out(plot: Plot, shop: Shop, device: Device, at: int, span: tuple[int, int]) -> None:
    reversed_at = at + plot.chance.randint(60, 300) * SECOND
    accept = (Other("cancelled", "it was reversed"), Other("one_sided", "the answer never came"))
    fault = plot.fault("weak_signal", "the answer timed out on a poor link", span, devices=[device], accept=accept)
    sale = plot.sell(shop, device, at, outcome="unanswered", host_at=None, fault=fault)
    device.reversals.append((at + 45 * SECOND, reversed_at))
    if reversed_at < plot.until - 3 * MINUTE:
        plot.undo(sale, "reversal", reversed_at)
