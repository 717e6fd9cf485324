"""Founding a merchant made to measure: terms under which the story's money is due at the right time."""

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Final

from fleetmon.model.registry import Merchant, Site, Terminal
from fleetmon.sim.chance import Chance
from fleetmon.sim.corpus.dates import MINUTE, Terms, clock_of, due, moment, written
from fleetmon.sim.corpus.device import Device
from fleetmon.sim.corpus.estate import CARRIERS, MODELS
from fleetmon.sim.corpus.scene import Scene
from fleetmon.sim.corpus.shop import Shop

if TYPE_CHECKING:
    from fleetmon.sim.corpus.plot import Plot

_PAYOUTS_S: Final = (43_200, 54_000, 61_200, 64_800, 64_800, 64_800, 72_000)
_CUTOFFS_S: Final = (82_800, 82_800, 82_800, 81_000, 79_200)
_GRACE_S: Final = (1800, 1800, 3600)
_TRADES: Final = ("5812", "5411", "5942", "5992", "7230", "5651", "5541")
_DEFAULTS: Final = Terms("T+1", "from_trade_date", "host", 82_800, 64_800, 1800)


class Unfit(Exception):  # noqa: N818 - it is no error, only a story without a day
    """The days of the scene have none that would fit."""


@dataclass(frozen=True)
class Ask:
    """What a story needs of a merchant.

    `need`: block (a day whose money is due), shift (the last such day), today, open (money of the day is not
    due yet), rests (not due because of days of rest). `late`: whether the shop sells past the cut-off.
    What is empty is drawn.
    """

    need: str = "block"
    cycles: tuple[str, ...] = ("T+1", "T+1", "D+1")
    capture: str = ""
    roll: str = ""
    sites: int = 1
    terminals: tuple[int, int] = (2, 4)
    late: bool | None = None
    region: str = ""
    acquirer: str = ""
    provider: str = ""
    carrier: str = ""
    network: str = ""
    model: str = ""
    limit: int | None = None
    account_class: int = 1
    in_grace: float = 0.2  # how often the end falls within the grace
    covers: str = ""
    detail: str = ""
    day: date | None = None


def found(plot: "Plot", ask: Ask) -> Shop:
    """A merchant as asked for, with sites and terminals, in the registry of the world."""
    chance, scene = plot.chance, plot.scene
    terms, day = _agreed(chance, scene, ask)
    estate, registry = plot.world.estate, plot.world.registry
    row = Merchant(
        id=f"m{estate.number()}",
        name=f"Shop {chance.randint(10, 99)}",
        number="",
        mcc=chance.choice(_TRADES),
        region=ask.region or chance.choice(estate.regions),
        acquirer=ask.acquirer or chance.choice(estate.acquirers),
        provider=ask.provider or chance.choice(estate.providers[:3]).id,
        account_class=1 if ask.account_class == 1 else 2,
        language=chance.choice(("zh", "en")),
        instant_limit=ask.limit,
    )
    row = _with_terms(chance, row, terms)
    registry.merchants.append(row)
    hours = _hours(chance, ask.late, terms.cutoff_s)
    devices: list[Device] = []
    for number in range(ask.sites):
        site = _site(plot, row, number, hours)
        days = [(hours, _close_s(chance, hours, terms.cutoff_s)) for _ in range(chance.randint(*ask.terminals))]
        devices += [_device(plot, ask, row, site, day) for day in days]
    covers = ask.covers or chance.choice(("rows", "rows", "batches", "date"))
    return Shop(row, terms, scene, chance, devices, day, chance.choice((0.0, 0.0038, 0.006)), covers)


def _with_terms(chance: Chance, row: Merchant, terms: Terms) -> Merchant:
    """The row, with terms that are the default left out now and then."""
    given = {
        "cycle": terms.cycle, "roll": terms.roll, "capture": terms.capture, "cutoff": written(terms.cutoff_s),
        "payout_by": written(terms.payout_by_s), "grace_s": terms.grace_s,
    }  # fmt: skip
    usual = {
        "cycle": _DEFAULTS.cycle, "roll": _DEFAULTS.roll, "capture": _DEFAULTS.capture,
        "cutoff": written(_DEFAULTS.cutoff_s), "payout_by": written(_DEFAULTS.payout_by_s),
        "grace_s": _DEFAULTS.grace_s,
    }  # fmt: skip
    said = {name: value for name, value in given.items() if value != usual[name] or chance.random() < 0.5}
    fields = {name: getattr(row, name) for name in row.__struct_fields__} | said
    fields["number"] = f"8{chance.randint(10, 99)}{chance.randint(1000, 9999)}{row.mcc}{chance.randint(100, 999)}A"
    return Merchant(**fields)


def _agreed(chance: Chance, scene: Scene, ask: Ask) -> tuple[Terms, date]:
    """Terms and the trade day they make fit; by calendar days where working days cannot."""
    for turn in range(400):
        cycles = ask.cycles if turn < 60 or ask.need == "rests" or ask.cycles[0].endswith("0") else ("D+1",)
        cycle = chance.choice(cycles)
        in_grace = chance.random() < ask.in_grace and turn < 60
        grace_s = chance.choice(_GRACE_S)
        payout_by_s = chance.choice(_PAYOUTS_S)
        if in_grace:
            payout_by_s = int(clock_of(scene.until)) // 60 * 60 - chance.randint(4, grace_s // 60 - 4) * 60
        roll = "from_trade_date"
        if cycle.startswith("T+1"):
            roll = ask.roll or chance.choice(("from_trade_date", "from_trade_date", "from_trade_workday"))
        capture = ask.capture or chance.choice(("host", "host", "host", "terminal"))
        if cycle.endswith("0") and not ask.capture:
            capture = "host"  # who pays within the day does not wait for a closing at its end
        cutoff_s = chance.choice(_CUTOFFS_S)
        terms = Terms(cycle, roll, capture, cutoff_s, payout_by_s, grace_s, ask.limit)
        day = _day(chance, scene, ask, terms, in_grace=in_grace)
        if day is not None and (ask.day is None or day == ask.day):
            return terms, day
    raise Unfit


def _day(chance: Chance, scene: Scene, ask: Ask, terms: Terms, *, in_grace: bool) -> date | None:
    dues = {day: due(terms, scene.week, moment(day, 39_000)).at for day in scene.days}
    if terms.cycle == "T+0":
        dues = {day: at for day, at in dues.items() if scene.week.works(day)}
    if ask.need == "today":
        return scene.today
    if ask.need == "rests":
        calm = {day: due(terms, scene.week, moment(day, 39_000), rests=False).at for day in dues}
        moved = [day for day, at in dues.items() if calm[day] <= scene.until < at and day < scene.today]
        return chance.choice(moved) if moved else None
    settled = [day for day, at in dues.items() if at <= scene.until and (terms.instant or day < scene.today)]
    if ask.need == "open":
        settled = [day for day, at in dues.items() if at > scene.until]
    if not settled or ask.need == "open":
        return chance.choice(settled) if settled else None
    grace = terms.grace_s * 1000 + 5 * MINUTE
    late = [day for day in settled if dues[day] + grace < scene.until]
    if in_grace or ask.need == "shift":
        return settled[-1] if (settled[-1] in late) is not in_grace else None
    return chance.choice(late[-2:]) if late else None


def _hours(chance: Chance, late: bool | None, cutoff_s: int) -> tuple[int, int] | None:
    """Opening hours in seconds of the day; None: always open."""
    if late is None:
        late = chance.random() < 0.35
    opens = chance.choice((27_000, 28_800, 30_600, 32_400, 34_200))
    if not late:
        return opens, chance.choice((73_800, 75_600, 77_400, 79_200))
    return None if chance.random() < 0.35 else (opens, max(cutoff_s + 2400, 85_200))


def _close_s(chance: Chance, hours: tuple[int, int] | None, cutoff_s: int) -> int:
    """When its terminals close their batches by themselves: before the cut-off, and before they are switched off."""
    latest = cutoff_s if hours is None else min(cutoff_s, hours[1])
    return latest - chance.randint(10, 40) * 60


def _site(plot: "Plot", row: Merchant, number: int, hours: tuple[int, int] | None) -> Site:
    chance = plot.chance
    site = Site(
        id=f"{row.id}-s{number + 1}",
        merchant=row.id,
        region=row.region,
        lat=round(chance.uniform(24, 38), 4),
        lng=round(chance.uniform(104, 120), 4),
        hours=[] if hours is None else [f"Mo-Su {written(hours[0])[:5]}-{written(hours[1])[:5]}"],
        ssid=f"shop-{row.id}-{number + 1}",
    )
    plot.world.registry.sites.append(site)
    return site


def _device(plot: "Plot", ask: Ask, shop: Merchant, site: Site, day: tuple[tuple[int, int] | None, int]) -> Device:
    chance, registry = plot.chance, plot.world.registry
    mine = sum(terminal.merchant == shop.id for terminal in registry.terminals)
    model = ask.model or chance.choice(MODELS)
    row = Terminal(
        id=f"{shop.id}-t{mine + 1}",
        merchant=shop.id,
        site=site.id,
        region=shop.region,
        carrier=ask.carrier or chance.choice(CARRIERS[:3]),
        acquirer=shop.acquirer,
        provider=shop.provider,
        model=model,
        serial=f"SN{chance.randint(10_000_000, 99_999_999)}",
        interval_s=300,
        network=ask.network or chance.choice(("4g", "4g", "4g", "4g", "wifi", "ethernet")),  # type: ignore[arg-type] # words
    )
    registry.terminals.append(row)
    details = ("thin", "thin", "plain") if plot.partial else ("rich", "rich", "plain")
    version = MODELS.index(model) if model in MODELS else 0
    device = Device(
        row, plot.scene, chance, *day, firmware=f"7.{version}.4", app=f"pay-3.{version}.0",
        detail=ask.detail or chance.choice(details), position=(site.lat or 0.0, site.lng or 0.0),
    )  # fmt: skip
    device.loss = chance.choice((0.0, 0.005, 0.01, 0.03)) if not plot.partial else chance.uniform(0.01, 0.08)
    return device
