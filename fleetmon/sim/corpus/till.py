"""The tills: sales with their numbers, the stages a terminal tells of them, and its batches."""

from typing import Final

from fleetmon.sim.chance import Chance, log_uniform
from fleetmon.sim.corpus.dates import MINUTE, SECOND, base_of
from fleetmon.sim.corpus.device import FOREVER, Closing, Device, Fields, OpenBatch
from fleetmon.sim.corpus.sale import Sale
from fleetmon.sim.corpus.shop import Shop

_BINS: Final = ("622588", "621700", "622202", "625912", "436742")
_AMOUNT: Final = (900.0, 60_000.0)


class Till:
    """Makes sales and tells of them."""

    def __init__(self, issuers: list[str]) -> None:
        self._issuers = issuers
        self._made = 0

    def sale(self, shop: Shop, device: Device, at: int, chance: Chance) -> Sale:
        """A sale approved at once; whoever wants another one changes it."""
        self._made += 1
        issuer = chance.choice(self._issuers)
        sale = Sale(
            shop=shop,
            device=device,
            id=f"{device.id}-{chance.getrandbits(20):05x}{self._made}",
            at=at,
            amount=round(log_uniform(chance, _AMOUNT)),
            outcome="approved",
            host_at=at + chance.randint(500, 1800),
            issuer=issuer,
            card=f"{_BINS[self._issuers.index(issuer) % len(_BINS)]}******{chance.randint(1000, 9999)}",
            stan=f"{chance.randint(1, 999_999):06d}",
            rrn=f"{chance.randint(10**11, 10**12 - 1)}",
            auth=f"{chance.randint(0, 999_999):06d}",
        )
        shop.sales.append(sale)
        return sale

    def tell(self, sale: Sale) -> None:
        """Say what the terminal says of the sale, once all is known."""
        common = self._common(sale)
        device, at = sale.device, sale.at
        if sale.outcome == "stored":
            device.say(at, "transaction", **common, stage="stored", response="Y1")
            if sale.host_at is not None:
                device.say(sale.host_at + 500, "transaction", **common, stage="uploaded", **_approval(sale))
            return
        device.say(at, "transaction", **common, stage="requested")
        if sale.outcome == "approved":
            told_at = (sale.host_at or at) + 400
            device.say(told_at, "transaction", **common, stage="approved", **_approval(sale))
        elif sale.outcome == "declined":
            response = {"response": sale.response} if sale.response else {}
            device.say(at + 1500, "transaction", **common, stage="declined", **response)
        else:
            device.say(at + 45 * SECOND, "transaction", **common, stage="unanswered")

    def _common(self, sale: Sale) -> Fields:
        common: Fields = {"id": sale.id, "kind": "sale", "amount": sale.amount, "stan": sale.stan}
        if sale.shop.row.acquirer:
            common["acquirer"] = sale.shop.row.acquirer
        if sale.rail == "qr":
            return {**common, "rail": "qr"}
        return {**common, "issuer": sale.issuer, "card": sale.card}


def _approval(sale: Sale) -> Fields:
    approval: Fields = {"response": "00", "rrn": sale.rrn, "auth": sale.auth, "host_at": sale.host_at}
    if sale.batch is not None:
        approval["batch"] = sale.batch
    if sale.posted is not None:
        approval["posted"] = dict(zip(("merchant", "mcc"), sale.posted, strict=True))
    return approval


def number_batches(shop: Shop) -> None:
    """Give every sale its batch, and let the terminals tell of batches they close themselves."""
    first = shop.chance.randint(1, 30)
    for index, device in enumerate(shop.devices):
        sales = [sale for sale in shop.sales if sale.device is device and sale.is_money and sale.host_at is not None]
        if shop.terms.capture == "terminal":
            _own_batches(device, sales, (first + index) * 1000)
        else:
            for sale in sales:
                day = base_of(shop.terms, sale.host_at or sale.at, sale.rail)
                place = (day - device.scene.days[0]).days
                sale.batch = f"{(first + index) * 1000 + place:06d}"


def _own_batches(device: Device, sales: list[Sale], first: int) -> None:
    """Under terminal capture: a batch from one closing to the next."""
    opened_at, number = device.scene.start - 2 * MINUTE, first
    for closing in sorted(device.closings.values(), key=lambda closing: closing.planned):
        closing.no = f"{number:06d}"
        end = device.closed_at(closing)
        within = [
            sale for sale in sales if opened_at <= (sale.host_at or 0) and (end is None or (sale.host_at or 0) < end)
        ]
        if end is None:
            if closing is max(device.closings.values(), key=lambda one: one.planned):
                _stay_open(device, closing, opened_at, within)
            continue
        _batch(device, closing, opened_at, within)
        opened_at, number = end, number + 1


def _stay_open(device: Device, closing: Closing, opened_at: int, sales: list[Sale]) -> None:
    for sale in sales:
        sale.batch = closing.no
    device.batches.append(OpenBatch(closing.no, opened_at, FOREVER, [(s.host_at or 0, s.amount) for s in sales]))


def _batch(device: Device, closing: Closing, opened_at: int, sales: list[Sale]) -> None:
    _stay_open(device, closing, opened_at, sales)
    end = closing.at or 0
    device.batches[-1] = device.batches[-1]._replace(closed_at=end)
    totals = {"count": len(sales), "amount": sum(sale.amount for sale in sales)}
    if opened_at >= device.scene.start and device.reachable(opened_at + 2 * SECOND):
        device.say(opened_at + 2 * SECOND, "batch", no=closing.no, event="opened")
    if closing.agreed:
        device.say(end, "batch", no=closing.no, event="closed", result="agree", response=closing.response, **totals)
        return
    device.say(end, "batch", no=closing.no, event="closed", result="not_agree", response=closing.response, **totals)
    if closing.brief:
        return
    count = max(len(sales) - device.chance.randint(1, 2), 0)
    event = device.chance.choice(("uploaded", "failed"))
    device.say(
        end + 40 * SECOND, "batch", no=closing.no, event=event, uploaded_count=count,
        result="not_agree" if event == "uploaded" else "error", response="95", **totals,
    )  # fmt: skip
