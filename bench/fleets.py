"""Fleets whose terminals share carriers, regions, shops and more, made independently of the simulator.

Values are of unequal size and go together as they do in the field: a region has its preferred acquirer and
provider, a shop its carrier, a vendor's models their firmware. Some terminals on WiFi name a carrier in the
registry, which is nothing to them. Most shops declare their hours and keep them by a few minutes.
"""

import random
from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple, cast

from bench.beats import DAY, HOUR, MINUTE, START, Link, Span
from bench.liveness import mixed
from fleetmon.model.registry import CELLULAR, Host, Network, Provider, Registry, Site, Terminal

SPAN: Final = Span(START + 17 * HOUR, START + 46 * HOUR)  # from Monday evening until Tuesday night
NAMES: Final = ("site", "region", "carrier", "acquirer", "provider", "model", "firmware", "network")
_CARRIERS: Final = {"CMCC": 0.5, "CTCC": 0.3, "CUCC": 0.2}
_NETWORKS: Final = {"4g": 0.6, "wifi": 0.25, "ethernet": 0.1, "2g": 0.05}
_SHOPS: Final = {(1, 1): 0.35, (2, 3): 0.35, (4, 8): 0.22, (9, 40): 0.08}  # terminals in one
_OPENS: Final = tuple(HOUR * quarters // 4 for quarters in (32, 33, 34, 36, 38, 40))
_CLOSES: Final = tuple(HOUR * quarters // 4 for quarters in (80, 82, 84, 86, 88, 92))
_PUNCTUAL: Final = 15 * MINUTE

Names = dict[str, str]


class Shop(NamedTuple):
    """When it is off, and when it ought to be open and is not."""

    hours: str  # declared; empty: always open
    off: Span
    evening: Span
    absent: list[Span]


class Unit(NamedTuple):
    """One terminal. `names` are those that matter: on WiFi a carrier does not."""

    key: str
    names: Names
    carrier: str  # as registered
    link: Link


class Fleet(NamedTuple):
    """A fleet before anything happens to it."""

    interval: int
    keep_alive: int
    units: dict[str, Unit]
    shops: dict[str, Shop]

    def registry(self) -> Registry:
        """What the operator knows: all but the firmware."""
        regions = {unit.names["site"]: unit.names["region"] for unit in self.units.values()}
        named = {name: sorted({unit.names[name] for unit in self.units.values()}) for name in ("acquirer", "provider")}
        return Registry(
            hosts=[Host(key, "acquirer") for key in named["acquirer"]],
            providers=[Provider(key) for key in named["provider"]],
            sites=[
                Site(key, region=regions[key], hours=[shop.hours] if shop.hours else [])
                for key, shop in self.shops.items()
            ],
            terminals=[
                Terminal(
                    unit.key,
                    site=unit.names["site"],
                    region=unit.names["region"],
                    carrier=unit.carrier,
                    acquirer=unit.names["acquirer"],
                    provider=unit.names["provider"],
                    model=unit.names["model"],
                    network=cast("Network", unit.names["network"]),
                    interval_s=self.interval // 1000,
                )
                for unit in self.units.values()
            ],
        )


def found(size: int, interval: int, chance: random.Random) -> Fleet:
    """Draw a fleet of so many terminals."""
    regions = [f"r{number}" for number in range(chance.randint(4, 12))]
    habits = {
        region: (chance.choice(["ACQ-1", "ACQ-2", "ACQ-3"]), chance.choice(["SP-1", "SP-2", "SP-3", "SP-4"]))
        for region in regions
    }
    units: dict[str, Unit] = {}
    shops: dict[str, Shop] = {}
    while len(units) < size:
        site = f"s{len(shops)}"
        shops[site] = _shop(chance)
        names = {"site": site, "region": _unequal(regions, chance)}
        acquirer, provider = habits[names["region"]]
        names["acquirer"] = acquirer if chance.random() < 0.7 else chance.choice(["ACQ-1", "ACQ-2", "ACQ-3"])
        names["provider"] = provider if chance.random() < 0.6 else chance.choice(["SP-1", "SP-2", "SP-3", "SP-4"])
        carrier = _one(_CARRIERS, chance)
        for _ in range(chance.randint(*_one(_SHOPS, chance))):
            unit = _unit(f"t{len(units):04}", names, carrier, chance)
            units[unit.key] = unit
    keep_alive = interval * 3 // 2 if chance.random() < 0.5 else interval * 6
    return Fleet(interval, keep_alive, units, shops)


def _unit(key: str, names: Names, carrier: str, chance: random.Random) -> Unit:
    model = _unequal(["M0", "M1", "M2", "M3"], chance)
    firmware = f"{'AB'[int(model[1]) // 2]}-{_unequal(['2', '3', '1'], chance)}"
    network = _one(_NETWORKS, chance)
    carrier = carrier if chance.random() < 0.6 else _one(_CARRIERS, chance)
    mobile = network in CELLULAR
    known = {**names, "carrier": carrier if mobile else "", "model": model, "firmware": firmware, "network": network}
    return Unit(key, known, carrier if mobile or chance.random() < 0.3 else "", mixed(chance))


def _shop(chance: random.Random) -> Shop:
    if chance.random() < 0.3:
        return Shop("", Span(0, 0), Span(0, 0), [])
    opens, closes = chance.choice(_OPENS), chance.choice(_CLOSES)
    closed = [START + day * DAY + closes + _about(8 * MINUTE, chance) for day in (0, 1)]
    opened = START + DAY + opens + _about(5 * MINUTE, chance)
    absent = [Span(START + DAY + opens, START + DAY + closes)] if chance.random() < 0.02 else []
    off = Span(closed[0], SPAN.end if absent else opened)
    return Shop(f"Mo-Su {_clock(opens)}-{_clock(closes)}", off, Span(closed[1], SPAN.end), absent)


def _about(spread: int, chance: random.Random) -> int:
    """What people mean by on time: never more than a quarter of an hour off."""
    return max(min(int(chance.gauss(0, spread)), _PUNCTUAL), -_PUNCTUAL)


def _clock(at: int) -> str:
    return f"{at // HOUR:02}:{at % HOUR // MINUTE:02}"


def _one(weights: dict[Any, float], chance: random.Random) -> Any:  # noqa: ANN401 - a key of it
    return chance.choices(list(weights), list(weights.values()))[0]


def _unequal(values: Sequence[str], chance: random.Random) -> str:
    return chance.choices(values, [1 / (n + 1) ** 0.7 for n in range(len(values))])[0]


def holders(units: Iterable[Unit], scope: Names) -> set[str]:
    """Who has these values."""
    wanted = scope.items()
    return {unit.key for unit in units if wanted <= unit.names.items()}
