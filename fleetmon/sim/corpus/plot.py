"""What a story works with: merchants made to measure, sales, faults, and chance of its own."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from fleetmon.sim.chance import Chance
from fleetmon.sim.corpus.dates import MINUTE, SECOND
from fleetmon.sim.corpus.device import FOREVER, Device, Fields
from fleetmon.sim.corpus.founding import Ask, found
from fleetmon.sim.corpus.sale import Fault, Sale
from fleetmon.sim.corpus.shop import Shop

if TYPE_CHECKING:
    from fleetmon.sim.corpus.world import World

LAST_WORDS: Final = 3 * MINUTE  # nothing a story needs to be heard is said later than so long before the end


@dataclass(eq=False)
class Plot:
    """One story in the making."""

    world: "World"
    family: str
    group: str
    difficulty: str
    chance: Chance

    def __post_init__(self) -> None:
        """No merchants yet."""
        self.shops: list[Shop] = []
        self.scene = self.world.scene
        self.until = self.scene.until

    @property
    def partial(self) -> bool:
        """Whether part of the telemetry is to be missing."""
        return self.difficulty == "partial"

    @property
    def confounded(self) -> bool:
        """Whether something else has to go on as well."""
        return self.difficulty == "confounded"

    def shop(self, ask: Ask | None = None) -> Shop:
        """A merchant of this story's own."""
        shop = found(self, ask or Ask())
        self.shops.append(shop)
        self.world.shops.append(shop)
        return shop

    def fault(self, cause: str, why: str, span: tuple[int, int], **more: object) -> Fault:
        """What goes wrong in this story; `devices` names the terminals that show it."""
        devices = more.pop("devices", None)
        terminals = tuple(device.id for device in devices) if isinstance(devices, Sequence) else ()
        start, end = span
        given = {"group": self.group, "difficulty": self.difficulty, "terminals": terminals, **more}
        return Fault(cause, why, start=start, end=min(end, self.until), **given)  # type: ignore[arg-type] # names of Fault

    def moments(self, device: Device, low: int, high: int, count: int) -> list[int]:
        """So many moments between the two at which the shop is open, in order, some seconds apart."""
        low, high = max(low, self.scene.start + 5 * MINUTE), min(high, self.until - LAST_WORDS)
        if high <= low:
            return []
        drawn = sorted(self.chance.randint(low, high) for _ in range(count * 4))
        fitting = [at for at in drawn if device.is_open(at)]
        apart = [at for index, at in enumerate(fitting) if not index or at - fitting[index - 1] > 15 * SECOND]
        return sorted(self.chance.sample(apart, min(count, len(apart))))

    def sell(self, shop: Shop, device: Device, at: int, **more: object) -> Sale:
        """A sale that the host approved at once, unless said otherwise."""
        sale = self.world.till.sale(shop, device, at, self.chance)
        sale.group, sale.difficulty = self.group, self.difficulty
        for name, value in more.items():
            setattr(sale, name, value)
        return sale

    def store(self, shop: Shop, device: Device, at: int, uploaded_at: int | None, fault: Fault) -> Sale | None:
        """A sale kept in the terminal; None if the end comes before anybody hears of it."""
        if device.back_after(at) > self.until - LAST_WORDS:
            return None
        if uploaded_at is not None and uploaded_at > self.until - LAST_WORDS:
            uploaded_at = None
        sale = self.sell(shop, device, at, outcome="stored", host_at=uploaded_at, fault=fault)
        device.pending.append((at, uploaded_at or FOREVER, sale.amount))
        return sale

    def refuse(self, shop: Shop, device: Device, at: int, code: str, fault: Fault) -> Sale:
        """A sale that was declined."""
        return self.sell(shop, device, at, outcome="declined", response=code, fault=fault, host_at=None)

    def undo(self, sale: Sale, kind: str, at: int, *, stage: str = "approved") -> None:
        """A void, refund or reversal of the sale."""
        fields = {"id": f"{sale.id}x", "kind": kind, "amount": sale.amount, "original": sale.id}
        acquirer = {"acquirer": sale.shop.row.acquirer} if sale.shop.row.acquirer else {}
        sale.device.say(at, "transaction", **fields, **acquirer, stage="requested")
        if stage == "approved":
            answer = {"response": "00", "rrn": f"{self.chance.randint(10**11, 10**12 - 1)}", "host_at": at + 900}
            sale.device.say(at + 1400, "transaction", **fields, **acquirer, **answer, stage="approved")
        elif stage == "unanswered":
            sale.device.say(at + 45 * SECOND, "transaction", **fields, **acquirer, stage="unanswered")

    def today(self, device: Device, count: int, since: int = 0) -> list[int]:
        """Moments of the last day on which the shop sells."""
        first = max(since, self.world.midnight)
        return self.moments(device, first + MINUTE, self.until - LAST_WORDS, count)

    def tell(self, at: int, topic: str, payload: Fields) -> None:
        """Something a host or the merchant's side says, with the prefix left out."""
        self.world.tell(at, topic, {"at": at, **payload})

    def incident(self, kinds: Sequence[str], scope: dict[str, object], opened: tuple[int, int], **more: object) -> None:
        """What has to be found of this story as an incident, unless `must` is false."""
        self.world.incidents.append({"kinds": list(kinds), "scope": scope, "opened": opened, **more})

    def allow(self, kinds: Sequence[str], devices: Sequence[Device]) -> None:
        """Incidents that may open because of this story, and need not."""
        self.world.allowed.append({"kinds": list(kinds), "terminals": sorted(d.id for d in devices), "why": self.group})

    def pick(self, devices: Sequence[Device], count: int = 1) -> list[Device]:
        """Some of the terminals, in the order of the registry."""
        chosen = self.chance.sample(range(len(devices)), min(count, len(devices)))
        return [devices[number] for number in sorted(chosen)]
