"""Everything of one recording: stories and ordinary days, put together, told in order of arrival, and judged."""

from collections.abc import Iterator
from datetime import date
from typing import Any, Final

import msgspec

from fleetmon.model.registry import FeeClasses, Registry
from fleetmon.sim.chance import Chance
from fleetmon.sim.corpus.dates import DAY, MINUTE, moment
from fleetmon.sim.corpus.deafness import deafened, draw
from fleetmon.sim.corpus.device import Fields
from fleetmon.sim.corpus.estate import Estate
from fleetmon.sim.corpus.hosts import files, health
from fleetmon.sim.corpus.money import Payouts
from fleetmon.sim.corpus.sale import NORMAL, Sale, Way
from fleetmon.sim.corpus.scene import Scene
from fleetmon.sim.corpus.shop import Shop
from fleetmon.sim.corpus.speech import PREFIX, Line, lines
from fleetmon.sim.corpus.till import Till, number_batches

_FEES: Final = FeeClasses(
    standard=["5812", "5411", "5942", "5992", "7230", "5651"], reduced=["5541", "4900"], zero=["8211", "8062", "8398"]
)


class World:
    """The stage on which stories play."""

    def __init__(self, chance: Chance, scene: Scene) -> None:
        self.chance = chance
        self.scene = scene
        self.estate = Estate(chance)
        self.registry = Registry(fee_classes=_FEES, calendar=scene.calendar)
        self.till = Till(self.estate.issuers)
        self.shops: list[Shop] = []
        self.incidents: list[Fields] = []
        self.allowed: list[Fields] = []
        self.credited: dict[tuple[str, date], int] = {}
        self.midnight = moment(scene.today)
        self.deaf = draw(chance, scene)
        if self.deaf is not None:
            start, end = self.deaf
            impaired = {"kinds": ["ingest_impaired"], "scope": {}, "opened": (start, end + MINUTE), "must": False}
            self.incidents.append(impaired)
        self._told: list[Line] = []

    def tell(self, at: int, topic: str, payload: Fields) -> None:
        """Something a host or the merchant's side says; it takes a moment to arrive."""
        heard = at + self.chance.randint(50, 900)
        for copy in (0, self.chance.randint(100, 29_000)) if self.chance.random() < 0.02 else (0,):
            self._told.append(Line(heard + copy, len(self._told), f"{PREFIX}/{topic}", payload))

    def finish(self) -> None:
        """After the last story: ordinary sales, batches, money, and what hosts say."""
        for shop in self.shops:
            self._trade(shop)
        for shop in self.shops:
            _settle_closings(shop)
            number_batches(shop)
            payouts = Payouts(shop, self.tell)
            payouts.pay()
            self.credited |= {(shop.id, day): at for day, at in payouts.credited.items()}
            for at, status, by in shop.account_events:
                self.tell(at, f"merchant/{shop.id}/account", {"at": at, "status": status, "by": by})
            for sale in shop.sales:
                self.till.tell(sale)
        for plan in self.estate.hosts.values():
            mine = [shop for shop in self.shops if shop.row.acquirer == plan.row.id]
            for at, topic, payload in (
                *health(plan, self.scene, self.chance),
                *files(plan, self.scene, mine, self.chance),
            ):
                self.tell(at, topic, payload)
        self._complete_registry()

    def _complete_registry(self) -> None:
        self.registry.hosts.extend(plan.row for plan in self.estate.hosts.values())
        self.registry.providers.extend(self.estate.providers)

    def _trade(self, shop: Shop) -> None:
        """Ordinary sales: most on days whose money has come by the end, so that few are merely not due."""
        for device in shop.devices:
            for day in self.scene.days:
                if shop.terms.cycle == "T+0" and not self.scene.week.works(day):
                    continue
                settled = shop.settled(day)
                count = shop.chance.choice((0, 1, 1, 2)) if settled else int(shop.chance.random() < 0.12)
                for _ in range(round(count * shop.trade)):
                    at = max(moment(day), self.scene.start) + shop.chance.randint(1, DAY - 1)
                    quiet = device.calm(at) and device.calm(at + 2 * MINUTE)
                    if shop.terms.capture == "terminal" and at > device.closings[day].planned - 2 * MINUTE:
                        continue
                    if quiet and at < min(self.scene.until - 5 * MINUTE, moment(day) + shop.terms.cutoff_s * 1000):
                        sale = self.till.sale(shop, device, at, shop.chance)
                        if shop.chance.random() < 0.25 and shop.terms.capture == "host":
                            sale.rail, sale.issuer = "qr", ""

    def lines(self) -> Iterator[bytes]:
        """The recording, in order of arrival; the last line comes at the very end."""
        until = self.scene.until
        told = [line for line in self._told if line.t < until]
        for shop in self.shops:
            for device in shop.devices:
                told += [line for line in lines(device) if line.t < until]
        if self.deaf is not None:
            told = list(deafened(told, self.deaf))
            told += [Line(at, 0, "", {"link": word}) for at, word in zip(self.deaf, ("down", "up"), strict=True)]
        told.sort(key=lambda line: (line.t, line.topic, line.order))
        last = self.estate.acquirers[0]
        payload = {"at": until, "window_s": 600, "requests": 210, "codes": {"00": 204, "51": 6}, "signed_on": True}
        told.append(Line(until, 0, f"{PREFIX}/host/{last}/health", payload))
        encode = msgspec.json.Encoder().encode
        for line in told:
            if not line.topic:
                yield encode({"t": line.t, **line.payload})
                continue
            whole: dict[str, Any] = {"t": line.t, "topic": line.topic, "payload": line.payload}
            if line.retain:
                whole["retain"] = True
            yield encode(whole)


def _settle_closings(shop: Shop) -> None:
    """Under terminal capture, what befell a batch's closing befell the sales in it."""
    if shop.terms.capture != "terminal":
        return
    for sale in shop.sales:
        planned = sale.planned()
        if not sale.is_money or planned is None or planned.fault is None:
            continue
        sale.group, sale.difficulty = planned.fault.group, planned.fault.difficulty
        sale.fault = sale.fault or planned.fault
        if not planned.agreed and sale.way is NORMAL:
            sale.way = Way("silent", planned.fault)


def explained(world: World) -> list[Sale]:
    """All sales, in the order of the registry."""
    return [sale for shop in world.shops for sale in shop.sales]
