"""Money that was sent back, kept, shortened, carried over, misrouted or never seen; and merchants that were stopped."""

from collections.abc import Callable
from typing import Final

from msgspec.structs import replace

from fleetmon.sim.corpus.dates import DAY, HOUR, MINUTE, day_of, moment
from fleetmon.sim.corpus.families.works import sell_day
from fleetmon.sim.corpus.founding import Ask
from fleetmon.sim.corpus.plot import Plot
from fleetmon.sim.corpus.sale import Fault, Other, Way
from fleetmon.sim.corpus.shop import Shop

_ANY: Final = ("T+1", "T+1", "D+1", "D+0", "T+0")


def stopped(cause: str, kind: str, reasons: tuple[str, ...], status: str = "") -> Callable[[Plot], None]:
    """A story in which payouts end with that event and one of these reasons; partial: without the reason."""

    def story(plot: Plot) -> None:
        shop = plot.shop(_ask(cause, plot))
        sell_day(plot, shop)
        reason = plot.chance.choice(reasons)
        bare = plot.partial and (bool(status) or kind == "held")
        accept = (Other("unknown", "no reason is told"),) if bare and not status else ()
        span = (_before_payout(plot, shop), plot.until)
        fault = plot.fault(cause, f"{kind}: {reason}", span, accept=accept)
        way = Way(kind, fault, None if bare else reason, share=plot.chance.uniform(0.1, 0.9))
        if kind == "carried_over" or cause == "deposit_hold":
            shop.ways[shop.day] = way
        else:
            shop.block(way, shop.day)
        if status and (bare or plot.chance.random() < 0.7):
            words = (status, "closed") if status == "invalid" else (status,)
            shop.account_events.append((span[0], plot.chance.choice(words), "bank"))

    return story


def _ask(cause: str, plot: Plot) -> Ask:
    return Ask(
        need="shift" if plot.chance.random() < 0.5 else "block",
        cycles=_ANY if cause not in ("carried_over", "deposit_hold", "account_limit") else ("T+1", "D+1"),
        account_class=2 if cause == "account_limit" else 1,
        terminals=(1, 3),
    )


def _before_payout(plot: Plot, shop: Shop) -> int:
    """A moment before the money of the story's day would be sent."""
    if shop.terms.instant:
        return max(moment(shop.day), plot.scene.start) + plot.chance.randint(1, 30) * MINUTE
    due_at = shop.due_of(shop.day)
    return max(moment(day_of(due_at)) - plot.chance.randint(0, 4) * HOUR, plot.scene.start + 5 * MINUTE)


def account_limit(plot: Plot) -> None:
    """A class II account takes 10,000 yuan a day; what is over comes back."""
    shop = plot.shop(_ask("account_limit", plot))
    sell_day(plot, shop)
    mine = list(shop.sales)
    for sale in mine:
        sale.amount = max(sale.amount, round(plot.chance.uniform(1.05, 1.6) * 1_000_000 / len(mine)))
    fault = plot.fault("account_limit", "over the daily limit of a class II account", (moment(shop.day), plot.until))
    shop.ways[shop.day] = Way("returned", fault, None if plot.partial else "account_limit", covers="date")


def deposit_hold(plot: Plot) -> None:
    """The swipe that activates a terminal is kept as its deposit."""
    shop = plot.shop(_ask("deposit_hold", plot))
    shop.trade = 0
    amount = plot.chance.choice((300_000, 500_000, 299_900, 19_900))
    for device in shop.devices:
        for at in plot.moments(device, moment(shop.day) + 8 * HOUR, shop.latest(device, shop.day), 1):
            fault = plot.fault("deposit_hold", "kept as the activation deposit", (at, plot.until), devices=[device])
            sale = plot.sell(shop, device, at, amount=amount)
            sale.way = Way("held", fault, "deposit", covers="rows")
    sell_day(plot, shop)


def short_paid(plot: Plot) -> None:
    """A fee or a chargeback was taken; partial: the credit is only less than expected."""
    shop = plot.shop(Ask(need="block", terminals=(1, 3)))
    sell_day(plot, shop)
    reason = plot.chance.choice(("fee", "chargeback", "fee"))
    fault = plot.fault("short_paid", f"less than expected: {reason}", (moment(shop.day), plot.until))
    share = plot.chance.uniform(0.4, 0.97)
    kind = "underpaid" if plot.partial else "short_paid"
    shop.ways[shop.day] = Way(kind, fault, None if plot.partial else reason, share=share)


def credit_missing(plot: Plot) -> None:
    """The acquirer says it has paid, and the bank shows nothing."""
    shop = plot.shop(Ask(need="block", cycles=_ANY))
    sell_day(plot, shop)
    doubt = (Other("not_due", "within the grace"), Other("unknown", "within the grace"))
    fault = plot.fault("credit_missing", "instructed and never credited", (moment(shop.day), plot.until), doubt=doubt)
    shop.ways[shop.day] = Way("instructed", fault)


def merchant_rewritten(plot: Plot) -> None:
    """Posted under another merchant or a cheaper class, and unpaid."""
    shop = plot.shop(Ask(need="block", cycles=("T+1", "D+1"), covers="rows"))
    sell_day(plot, shop)
    number, mcc = shop.row.number, shop.row.mcc
    cheaper = plot.chance.choice(("8062", "8211", "8398", "4900"))
    region = f"{plot.chance.randint(1000, 9999)}"
    posted = plot.chance.choice((
        (f"{number[:7]}{cheaper}{number[11:]}", cheaper), (f"{number[:3]}{region}{number[7:]}", mcc), (number, cheaper),
    ))  # fmt: skip
    fault = plot.fault("merchant_rewritten", "posted under another merchant or class", (moment(shop.day), plot.until))
    in_rows = plot.chance.random() < 0.5
    if not in_rows or not plot.partial:
        for sale in shop.sales:
            sale.posted = posted
    shop.ways[shop.day] = Way("instructed" if in_rows else "silent", fault, covers="rows", posted=posted)
    plot.allow(["merchant_rewritten"], shop.devices)


def provider_unlicensed(plot: Plot) -> None:
    """The money is said to come from an institution without a valid licence, and does not come."""
    payer = plot.world.estate.host("institution", files=False, health=False, licensed=False)
    if plot.chance.random() < 0.5:
        ended = day_of(moment(plot.scene.days[0]) - plot.chance.randint(5, 700) * DAY)
        payer.row = replace(payer.row, licence="Z8801", licence_valid_to=ended.isoformat())
    shop = plot.shop(Ask(need="shift", cycles=("T+1", "D+1")))
    sell_day(plot, shop)
    fault = plot.fault("provider_unlicensed", "paid by one without a licence", (moment(shop.day), plot.until))
    shop.ways[shop.day] = Way("instructed", fault, payer=payer.row.id)
    opened = (shop.due_of(shop.day) - 12 * HOUR, plot.until)
    scopes = [{"merchant": shop.id}, {"payer": payer.row.id}]
    plot.incident(["provider_unlicensed"], {"host": payer.row.id}, opened, page=True, scopes=scopes)
    plot.allow(["provider_unlicensed"], shop.devices)


def merchant_suspended(plot: Plot) -> None:
    """The acquirer stopped this merchant: its sales are refused, its money is kept."""
    shop = plot.shop(Ask(need="shift", cycles=("T+1", "D+1"), terminals=(2, 4)))
    sell_day(plot, shop)
    since = max(_before_payout(plot, shop) + HOUR, plot.scene.start + 10 * MINUTE)
    if not plot.partial:
        shop.account_events.append((since, "suspended", "acquirer"))
    accept = (Other("unknown", "nobody told that it was stopped"),) if plot.partial else ()
    kept = plot.fault("merchant_suspended", "the acquirer stopped this merchant", (since, plot.until), accept=accept)
    for day in plot.scene.days:
        if shop.due_of(day) > since:
            shop.ways[day] = Way("silent", kept)
    _refuse_all(plot, shop, kept)


def _refuse_all(plot: Plot, shop: Shop, kept: Fault) -> None:
    codes = plot.chance.choice((("03",), ("03", "58"), ("97",)))
    for device in shop.devices:
        device.trouble(kept.start - MINUTE, plot.until)
        for at in plot.today(device, plot.chance.randint(1, 3), kept.start + MINUTE):
            plot.refuse(shop, device, at, plot.chance.choice(codes), kept)
