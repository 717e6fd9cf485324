"""Hosts and those who maintain them: planned work, outages nobody announced, and files between institutions."""

from collections.abc import Sequence
from typing import Final

from fleetmon.sim.corpus.dates import HOUR, MINUTE, SECOND, day_of, moment
from fleetmon.sim.corpus.device import Device
from fleetmon.sim.corpus.estate import Spike
from fleetmon.sim.corpus.families.batches import trade
from fleetmon.sim.corpus.families.outages import close_late, evening, keep_inside
from fleetmon.sim.corpus.founding import Ask
from fleetmon.sim.corpus.hosts import file_time
from fleetmon.sim.corpus.plot import Plot
from fleetmon.sim.corpus.sale import Other, Way
from fleetmon.sim.corpus.shop import Shop

_CYCLES: Final = ("T+1", "D+1")


def notice(plot: Plot, host: str, span: tuple[int, int], services: Sequence[str] = (), **more: object) -> None:
    """Announce work, and tell when it begins and ends; partial: only announce it."""
    start, end = span
    number = f"n{plot.world.estate.number()}"
    told = {
        "id": number,
        "starts_at": start,
        "ends_at": end,
        "title": plot.chance.choice(("Upgrade", "系统维护", "Cut-over")),
    }
    told |= more
    if services:
        told["services"] = list(services)
    announced = max(plot.scene.start + 20 * MINUTE, start - plot.chance.randint(3, 40) * HOUR)
    events = [("scheduled", min(announced, start - 10 * MINUTE))]
    if not plot.partial:
        events += [("started", start), ("ended", end)]
    for event, at in events:
        if at < plot.until - 2 * MINUTE:
            plot.tell(at, f"host/{host}/notice/{number}", {**told, "event": event})


def terminal_maintenance(plot: Plot) -> None:
    """A technician works on a terminal, or its provider works on all of them, over the cut-off."""
    (_provider if plot.chance.random() < 0.45 else _technician)(plot)


def _technician(plot: Plot) -> None:
    shop = plot.shop(Ask(need="shift", cycles=_CYCLES, capture="terminal", terminals=(2, 3)))
    device = plot.chance.choice(shop.devices)
    start = device.closings[shop.day].planned - plot.chance.randint(10, 100) * MINUTE
    end = max(evening(plot, shop)[1], shop.cut(shop.day) + 8 * MINUTE)
    trade(plot, shop, device, 4, start)
    until = {} if plot.partial else {"until": end, "by": "technician"}
    device.say(start - 5 * SECOND, "maintenance", event="begin", reason="planned exchange of a part", **until)
    device.away(start, end, "maintenance")
    back = device.back_after(end) + 10 * SECOND
    device.say(back, "maintenance", event="end")
    close_late(
        plot, shop, device, (start, back), ("terminal_maintenance", "it was under maintenance over its closing", ())
    )
    plot.allow(["terminal_offline", "batch_not_closed", "maintenance_overdue"], [device])


def _provider(plot: Plot) -> None:
    provider = plot.world.estate.provider()
    region = plot.world.estate.region()
    first = plot.shop(Ask(need="shift", cycles=("D+1", "T+1"), capture="host", provider=provider, region=region))
    shops = [first]
    for _ in range(plot.chance.randint(0, 2)):
        ask = Ask(need="shift", cycles=("D+1", "T+1"), capture="host", provider=provider, region=region, day=first.day)
        shops.append(plot.shop(ask))
    start, end, _ = evening(plot, first)
    select = {"provider": provider} | ({"region": [region]} if plot.chance.random() < 0.5 else {})
    notice(plot, provider, (start - 2 * MINUTE, end + 2 * MINUTE), select=select)
    for shop in shops:
        for device in shop.devices:
            device.away(start + plot.chance.randint(0, 90_000), end - plot.chance.randint(0, 90_000), "lost")
        told = ("terminal_maintenance", "its provider had announced work over the cut-off", ())
        keep_inside(plot, shop, shop.devices, (start, end, _last(shop)), told)
        plot.allow(["terminal_offline", "site_outage", "region_outage", "attribute_outage"], shop.devices)


def _last(shop: Shop) -> int:
    """Until when the shop sells on its day, or the moment that counts."""
    hours = shop.devices[0].hours
    cut = shop.cut(shop.day)
    return (cut if hours is None else min(cut, moment(shop.day, hours[1]))) - 2 * MINUTE


def host_maintenance(plot: Plot) -> None:
    """An acquirer has announced work: it refuses sales, takes none over the cut-off, or does not pay."""
    acquirer = plot.world.estate.host("acquirer", health=not plot.partial).row.id
    if plot.chance.random() < 0.3:
        _not_paying(plot, acquirer)
    else:
        plot.chance.choice((_refusing, _refusing, _storing))(plot, acquirer, announced=True)


def host_outage(plot: Plot) -> None:
    """An acquirer or an issuer fails, and nobody announced it."""
    if plot.chance.random() < 0.3:
        _issuer_fails(plot)
        return
    acquirer = plot.world.estate.host("acquirer", health=not plot.partial).row.id
    plot.chance.choice((_refusing, _storing))(plot, acquirer, announced=False)
    if plot.confounded:
        _misleading_notice(plot, acquirer)


def _misleading_notice(plot: Plot, acquirer: str) -> None:
    """Of this host, but cancelled; or for a service that is not concerned."""
    start = plot.until - plot.chance.randint(2, 30) * HOUR
    number = f"n{plot.world.estate.number()}"
    told = {"id": number, "starts_at": start, "ends_at": start + 4 * HOUR, "title": "Upgrade"}
    cancelled = plot.chance.random() < 0.5
    events = ("scheduled", "cancelled") if cancelled else ("scheduled",)
    for tries, event in enumerate(events):
        at = max(plot.scene.start + HOUR, start - 30 * HOUR) + tries * 20 * MINUTE
        fields = {**told, "event": event} | (
            {} if cancelled else {"services": ["payout"], "ends_at": start + 2 * MINUTE}
        )
        plot.tell(min(at, start - MINUTE), f"host/{acquirer}/notice/{number}", fields)


def _refusing(plot: Plot, acquirer: str, *, announced: bool) -> None:
    cause = "host_maintenance" if announced else "host_outage"
    shops = [plot.shop(Ask(need="today", acquirer=acquirer, capture="host")) for _ in range(plot.chance.randint(1, 3))]
    length = plot.chance.randint(30, 150) * MINUTE
    end = min(plot.until - plot.chance.choice((-60, 10, 60)) * MINUTE, plot.until + HOUR)
    earliest = max(plot.world.midnight + 9.6 * HOUR, end - length)
    start, end = round(earliest), max(end, round(earliest) + 30 * MINUTE)
    codes = plot.chance.choice((("96",), ("96", "90"), ("91", "92"))) if announced else ("91", "96", "68", "92")
    _spike(plot, acquirer, (start, end), codes)
    if announced:
        notice(plot, acquirer, (start - MINUTE, end + 3 * MINUTE), plot.chance.choice(((), ("card",), ("card", "qr"))))
    for shop in shops:
        for device in shop.devices:
            device.trouble(start - MINUTE, end + MINUTE)
            for at in plot.moments(
                device, start + MINUTE, min(end - MINUTE, plot.until - 4 * MINUTE), plot.chance.randint(1, 3)
            ):
                _fails(plot, shop, device, at, codes, cause, (start, end))
    devices = [device for shop in shops for device in shop.devices]
    _expect_host(plot, acquirer, devices, (start, end), announced=announced)


def _fails(
    plot: Plot, shop: Shop, device: Device, at: int, codes: Sequence[str], cause: str, span: tuple[int, int]
) -> None:
    silent = cause == "host_outage" and plot.chance.random() < 0.25
    accept = (Other("one_sided", "no answer came"),) if silent else ()
    fault = plot.fault(cause, f"{cause}: no sale was taken", span, devices=shop.devices, accept=accept)
    if silent:
        plot.sell(shop, device, at, outcome="unanswered", host_at=None, fault=fault)
        device.reversals.append((at + 46 * SECOND, span[1] + 2 * MINUTE))
    else:
        plot.refuse(shop, device, at, plot.chance.choice(codes), fault)


def _storing(plot: Plot, acquirer: str, *, announced: bool) -> None:
    cause = "host_maintenance" if announced else "host_outage"
    first = plot.shop(Ask(need="shift", cycles=("D+1", "T+1"), acquirer=acquirer, capture="host", terminals=(2, 3)))
    shops = [first]
    if plot.chance.random() < 0.6:
        shops.append(
            plot.shop(Ask(need="shift", cycles=("D+1", "T+1"), acquirer=acquirer, capture="host", day=first.day))
        )
    start, end, _ = evening(plot, first)
    end = max(end, start + 40 * MINUTE)
    _spike(plot, acquirer, (start, end), ("91", "96", "68"))
    if announced:
        notice(plot, acquirer, (start - MINUTE, end + 2 * MINUTE))
    devices = [device for shop in shops for device in shop.devices]
    for device in devices:
        device.trouble(start - MINUTE, end + MINUTE)
        device.show(start, end, "net", host=False)
    for shop in shops:
        why = "the acquirer could not be reached over the cut-off"
        also = (Other("offline_pending", "only the waiting sales are seen"),) if plot.partial and not announced else ()
        keep_inside(plot, shop, shop.devices, (start, end, _last(shop)), (cause, why, also))
    plot.allow(["offline_pending"], devices)
    _expect_host(plot, acquirer, devices, (start, end), announced=announced, must=False)


def _spike(plot: Plot, host: str, span: tuple[int, int], codes: Sequence[str]) -> None:
    share = plot.chance.uniform(0.6, 0.95) / len(codes)
    signed_on = plot.chance.random() < 0.6
    shares = dict.fromkeys(codes, share)
    plot.world.estate.hosts[host].spikes.append(Spike(*span, shares, plot.chance.randint(5000, 30000), signed_on))


def _expect_host(
    plot: Plot, host: str, devices: Sequence[Device], span: tuple[int, int], *, announced: bool, must: bool = True
) -> None:
    plot.allow(["host_outage", "attribute_outage", "interface_fault"], devices)
    if announced:
        return
    start, end = span
    must = must and not plot.partial and min(end, plot.until) - start > 40 * MINUTE
    members = [device.id for device in devices]
    opened = (start, start + 30 * MINUTE)
    plot.incident(["host_outage"], {"host": host}, opened, must=must, page=True, members=members)


def _not_paying(plot: Plot, acquirer: str) -> None:
    """The payout service is under maintenance on the day on which the money is due."""
    shop = plot.shop(Ask(need="shift", acquirer=acquirer, cycles=_CYCLES))
    due_day = day_of(shop.due_of(shop.day))
    start = moment(due_day, plot.chance.randint(4, 8) * 3600)
    end = max(plot.until + plot.chance.randint(1, 8) * HOUR, start + 6 * HOUR)
    notice(plot, acquirer, (start, end), ("payout",))
    fault = plot.fault("host_maintenance", "nothing is paid out while the announced work goes on", (start, end))
    sell_day(plot, shop)
    for day in plot.scene.days:
        if shop.due_of(day) > start:
            shop.ways[day] = Way("silent", fault)


def sell_day(plot: Plot, shop: Shop) -> None:
    """Sales of the story's day whose money is due together."""
    for device in shop.devices:
        for at in plot.moments(
            device, moment(shop.day) + 8 * HOUR, shop.latest(device, shop.day), plot.chance.randint(1, 3)
        ):
            plot.sell(shop, device, at)


def _issuer_fails(plot: Plot) -> None:
    """Only the cards of one bank are refused, at whatever shop."""
    issuer = plot.world.estate.host("issuer", health=not plot.partial).row.id
    shops = [plot.shop(Ask(need="today", capture="host")) for _ in range(2)]
    end = plot.until - plot.chance.randint(5, 60) * MINUTE
    start = max(round(plot.world.midnight + 9.6 * HOUR), end - plot.chance.randint(45, 200) * MINUTE)
    end = max(end, start + 30 * MINUTE)
    _spike(plot, issuer, (start, end), ("91",))
    for shop in shops:
        for device in shop.devices:
            for number, at in enumerate(plot.moments(device, start + MINUTE, min(end, plot.until) - 6 * MINUTE, 3)):
                if number == 1:
                    plot.sell(shop, device, at)  # another bank's card is taken
                    continue
                why = "the issuer did not work; other banks' cards were taken"
                fault = plot.fault("host_outage", why, (start, end), devices=shop.devices)
                sale = plot.refuse(shop, device, at, "91", fault)
                sale.issuer, sale.card = issuer, f"622848******{plot.chance.randint(1000, 9999)}"
    devices = [device for shop in shops for device in shop.devices]
    _expect_host(plot, issuer, devices, (start, end), announced=False, must=False)


def interface_fault(plot: Plot) -> None:
    """The acquirer took the sales, and its settlement file is late, incomplete or refused."""
    plan = plot.world.estate.host("acquirer")
    how = "expected" if plot.partial else plot.chance.choice(("late", "late", "partial", "rejected"))
    first = plot.shop(Ask(need="shift", cycles=("D+1", "T+1"), acquirer=plan.row.id, capture="host", covers="rows"))
    shops = [first]
    for _ in range(plot.chance.randint(0, 2)):
        ask = Ask(
            need="shift", cycles=("D+1", "T+1"), acquirer=plan.row.id, capture="host", covers="rows", day=first.day
        )
        shops.append(plot.shop(ask))
    ready = file_time(first.day, plot.chance)
    told_at = ready + plot.chance.randint(20, 150) * MINUTE
    told: list[tuple[int, dict[str, object]]] = [(ready - 2 * HOUR, {"event": "expected"})]
    if how != "expected":
        code = {"code": plot.chance.choice(("D2", "D4", "D7"))} if how == "rejected" else {}
        told.append((told_at, {"event": how, **code}))
    plan.filed[first.day.isoformat()] = told
    accept = (Other("unknown", "a file that was only expected tells little"),) if how == "expected" else ()
    fault = plot.fault(
        "interface_fault", f"the settlement file of the day: {how}", (told_at, plot.until), accept=accept
    )
    for shop in shops:
        sell_day(plot, shop)
        way = Way("silent", fault)
        if how == "partial":
            for sale in shop.sales:
                if plot.chance.random() < 0.5:
                    sale.way = way
        else:
            shop.ways[shop.day] = way
    opened = (ready - 2 * HOUR, told_at + 10 * MINUTE)
    plot.incident(["interface_fault"], {"host": plan.row.id}, opened, must=how != "expected", page=True)
