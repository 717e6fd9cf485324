"""Terminals that cannot pay or settle: broken parts, power, tamper, keys, software, and the wrong place."""

from typing import Final

from fleetmon.sim.corpus.dates import HOUR, MINUTE, SECOND, moment
from fleetmon.sim.corpus.device import FOREVER, Device
from fleetmon.sim.corpus.families.batches import trade
from fleetmon.sim.corpus.families.outages import close_late, evening, keep_inside
from fleetmon.sim.corpus.founding import Ask
from fleetmon.sim.corpus.plot import Plot
from fleetmon.sim.corpus.sale import Fault, Other, Way
from fleetmon.sim.corpus.shop import Shop

_CYCLES: Final = ("T+1", "D+1")


def ask_for(plot: Plot, need: str, capture: str = "", **more: object) -> Ask:
    """A merchant whose terminals tell of their parts, though only in heartbeats when telemetry is partial."""
    detail = "plain" if plot.partial else "rich"
    return Ask(need=need, cycles=_CYCLES, capture=capture, detail=detail, **more)  # type: ignore[arg-type] # names of Ask


def refuse_today(plot: Plot, shop: Shop, device: Device, fault: Fault, codes: tuple[str, ...]) -> None:
    """Sales refused since the fault began."""
    for at in plot.today(device, plot.chance.randint(2, 5), fault.start + MINUTE):
        if device.reachable(at) and device.reachable(at + 5 * SECOND):
            plot.refuse(shop, device, at, plot.chance.choice(codes), fault)


def this_morning(plot: Plot, device: Device) -> int:
    """A moment of the last day at which the shop is open and much of the day is still to come."""
    opens = max(plot.world.midnight, 0) + (device.hours[0] * 1000 if device.hours else 7 * HOUR)
    return opens + plot.chance.randint(5, max(6, min(300, (plot.until - opens) // MINUTE - 60))) * MINUTE


def device_fault(plot: Plot) -> None:
    """A printer without which the batch cannot be closed, a store that cannot be read, a reader that reads nothing."""
    plot.chance.choice((_printer, _printer, _storage, _reader, _reader))(plot)


def _printer(plot: Plot) -> None:
    shop = plot.shop(ask_for(plot, "shift", "terminal"))
    device = plot.chance.choice(shop.devices)
    start = device.closings[shop.day].planned - plot.chance.randint(15, 240) * MINUTE
    end = max(evening(plot, shop)[1], shop.cut(shop.day) + 10 * MINUTE)
    end = device.back_after(end)
    trade(plot, shop, device, 4, start)
    code = plot.chance.choice(("NoPaper", "PaperJam", "OutOfOrder"))
    _broken(plot, device, (start, end), "printer", code)
    device.show(start, end, "poi", printer=code)
    close_late(
        plot, shop, device, (start, end), ("device_fault", "without its printer the batch could not be closed", ())
    )
    plot.allow(["batch_not_closed"], [device])


def _storage(plot: Plot) -> None:
    shop = plot.shop(ask_for(plot, "shift", "host"))
    device = plot.chance.choice(shop.devices)
    start, end, last = evening(plot, shop)
    also = (Other("offline_pending", "only the waiting sales are seen"),) if plot.partial else ()
    _broken(plot, device, (start, end), "storage", plot.chance.choice(("StorageFault", "StorageFull")))
    device.show(start, end, "poi", status="Busy")
    keep_inside(plot, shop, [device], (start, end, last), ("device_fault", "its store could not be read", also))
    plot.allow(["offline_pending"], [device])


def _reader(plot: Plot) -> None:
    shop = plot.shop(ask_for(plot, "today"))
    device = plot.chance.choice(shop.devices)
    start = this_morning(plot, device)
    component = plot.chance.choice(("reader", "reader", "ped"))
    _broken(plot, device, (start, FOREVER), component, "ReaderFault" if component == "reader" else "PedFault")
    device.show(start, FOREVER, "poi", **{component: False})
    if component == "reader":
        device.show(
            start, FOREVER, "counters", card_inserts=500, read_errors=lambda at: 12 + (at - start) // (7 * MINUTE)
        )
    why = f"its {component} did not work"
    fault = plot.fault("device_fault", why, (start, plot.until), devices=[device])
    refuse_today(plot, shop, device, fault, ("",))


def _broken(plot: Plot, device: Device, span: tuple[int, int], component: str, code: str) -> None:
    start, end = span
    device.trouble(start, end)
    if not plot.partial:
        device.report(start, component, code)
        if end < plot.until:
            device.report(device.back_after(end), component, code, "clear", "info")
    plot.allow(["device_fault"], [device])


def battery(plot: Plot) -> None:
    """Flat, or without mains, over the closing of the batch."""
    shop = plot.shop(ask_for(plot, "shift", "terminal"))
    device = plot.chance.choice(shop.devices)
    dies = device.closings[shop.day].planned - plot.chance.randint(4, 90) * MINUTE
    end = max(evening(plot, shop)[1], shop.cut(shop.day) + 9 * MINUTE)
    if plot.chance.random() < 0.3:
        end = plot.until + HOUR  # it is not back yet
    trade(plot, shop, device, 4, dies)
    flat = plot.partial or plot.chance.random() < 0.6
    if flat:
        drains = plot.chance.randint(50, 240) * MINUTE
        first = plot.chance.uniform(0.3, 0.6)
        device.show(
            dies - drains, dies, "power", charging=False,
            battery=lambda at: round(max(0.02, first * (dies - at) / drains), 2),
        )  # fmt: skip
    if not plot.partial:
        component, code = ("battery", "BatteryLow") if flat else ("power", "MainsLost")
        device.report(dies - (plot.chance.randint(3, 20) * MINUTE if flat else 4 * SECOND), component, code)
        if end < plot.until:
            device.report(device.back_after(end) + 20 * SECOND, component, code, "clear", "info")
    device.away(dies, end, "power")
    close_late(plot, shop, device, (dies, end), ("battery", "without power the batch was not closed in time", ()))
    plot.allow(["battery", "terminal_offline", "site_outage", "batch_not_closed"], [device])


def tamper(plot: Plot) -> None:
    """The terminal locks itself: it neither sells nor settles."""
    settles = plot.chance.random() < 0.4
    shop = plot.shop(ask_for(plot, "block", "terminal") if settles else ask_for(plot, "today"))
    device = plot.chance.choice(shop.devices)
    if settles:
        start = device.closings[shop.day].planned - plot.chance.randint(20, 300) * MINUTE
        trade(plot, shop, device, 4, start)
        for day, closing in device.closings.items():
            if day >= shop.day:
                why = "locked by its tamper protection, it could not settle"
                closing.fault = plot.fault("tamper", why, (start, plot.until), devices=[device], basis=closing.planned)
                closing.at = None
    else:
        start = this_morning(plot, device)
        fault = plot.fault("tamper", "locked by its tamper protection", (start, plot.until), devices=[device])
        refuse_today(plot, shop, device, fault, ("", "", "A7"))
    device.trouble(start, FOREVER)
    device.show(start, FOREVER, "poi", security=False, status="Unreachable" if plot.partial else "Maintenance")
    if not plot.partial:
        device.report(start, "security", "Tamper")
    late = 20 if plot.partial else 4
    plot.incident(["tamper"], {"terminal": device.id}, (start, start + late * MINUTE), must=device.is_open(start),
                  members=[device.id])  # fmt: skip
    plot.allow(["tamper", "batch_not_closed"], [device])


def keys(plot: Plot) -> None:
    """Not signed on today: the host refuses every message authentication code."""
    shop = plot.shop(ask_for(plot, "today"))
    device = plot.chance.choice(shop.devices)
    start = this_morning(plot, device) - plot.chance.choice((0, 20)) * MINUTE
    device.trouble(start, FOREVER)
    if not plot.partial:
        device.report(start, "keys", plot.chance.choice(("NotSignedOn", "KeyExpired", "KeyMissing")))
    if not plot.partial or plot.chance.random() < 0.5:
        device.show(start, FOREVER, "", signed_on=False)
    fault = plot.fault("keys", "not signed on", (start, plot.until), devices=[device])
    refuse_today(plot, shop, device, fault, ("A0", "A0", "99", "A7"))
    plot.allow(["keys"], [device])


def software_fault(plot: Plot) -> None:
    """Since an update it sends what the host cannot read, or starts again and again."""
    if plot.chance.random() < 0.6:
        _unreadable(plot)
    else:
        _crash_loop(plot)


def _unreadable(plot: Plot) -> None:
    shop = plot.shop(ask_for(plot, "today", terminals=(3, 4)))
    struck = plot.pick(shop.devices, plot.chance.randint(1, 3))
    at = plot.world.midnight + plot.chance.randint(150, 290) * MINUTE
    for device in struck:
        if device.hours is None:
            device.away(at, at + 80 * SECOND, "power")
        if not plot.partial:
            device.updates.append((at, {"firmware": f"{device.firmware}.2", "app": "pay-4.0.0"}))
            device.report(device.back_after(at) + 5 * SECOND, "software", "UpdateInstalled", "oneshot", "info")
        device.trouble(at, FOREVER)
        why = "since an update the host refuses its messages as badly formed"
        refuse_today(plot, shop, device, plot.fault("software_fault", why, (at, plot.until), devices=struck), ("30",))
    plot.allow(["software_fault", "model_fault", "attribute_outage", "terminal_offline"], struck)


def _crash_loop(plot: Plot) -> None:
    shop = plot.shop(ask_for(plot, "shift", "terminal"))
    device = plot.chance.choice(shop.devices)
    closing = device.closings[shop.day]
    start = closing.planned - plot.chance.randint(40, 150) * MINUTE
    end = max(evening(plot, shop)[1], shop.cut(shop.day) + 10 * MINUTE)
    trade(plot, shop, device, 4, start)
    device.updates.append((start, {"app": "pay-4.0.1"}))
    device.trouble(start, end)
    at, crashes = start, 0
    while at < end:
        if device.reachable(at):
            crashes += 1
            if not plot.partial:
                device.report(at - 2 * SECOND, "software", "AppCrash", "oneshot", "warning")
            device.away(at, at + plot.chance.randint(60, 130) * SECOND, "power")
        at += plot.chance.randint(6, 13) * MINUTE
    device.show(start, end, "counters", app_crashes=lambda at: 1 + (at - start) // (9 * MINUTE), reboots=crashes)
    close_late(plot, shop, device, (start, end), ("software_fault", "starting again and again it could not settle", ()))
    plot.allow(["software_fault", "flapping", "terminal_offline", "batch_not_closed"], [device])


def terminal_moved(plot: Plot) -> None:
    """Used far from its registered place: the acquirer refuses its sales, or holds the merchant's money."""
    holds = plot.chance.random() < 0.4
    shop = plot.shop(ask_for(plot, "block" if holds else "today", terminals=(1, 1) if holds else (2, 3)))
    device = plot.chance.choice(shop.devices)
    lat, lng = device.position
    away = (
        round(lat + plot.chance.choice((-1, 1)) * plot.chance.uniform(0.15, 3), 4),
        round(lng + plot.chance.uniform(0, 2), 4),
    )
    start = moment(shop.day, 5 * 3600) if holds else plot.world.midnight
    device.show(start, FOREVER, "geo", lat=away[0], lng=away[1])
    if holds:
        trade(plot, shop, device, 4)
        accept = (Other("risk_hold", "the hold is what the acquirer says"),)
        why = "used far from its place, and its money held for that"
        fault = plot.fault("terminal_moved", why, (start, plot.until), devices=[device], accept=accept)
        shop.block(Way("held", fault, "risk_review"), shop.day)
    else:
        device.trouble(start, FOREVER)
        fault = plot.fault("terminal_moved", "used far from its place", (start, plot.until), devices=[device])
        refuse_today(plot, shop, device, fault, ("58", "58", "40"))
    plot.allow(["terminal_moved"], [device])
