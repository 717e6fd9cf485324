"""Shared outages planted in a fleet, and the lives that its terminals lead then, for `bench.detection_score`.

Every three quarters of an hour something happens: an outage of a carrier, a region, a shop, a model, a firmware or of
two of these together; a provider that we do not hear; two at once; a shop within its region; a link that flaps; an
update after which terminals stop beating one by one; or nothing. A quarter takes only some of its members. Beside
them single terminals fail or flap, links lose, shops close and a few do not open.

A scope is planted only if it can be told by who falls silent: any other that is no longer differs from it by two
terminals and by a sixth of them.
"""

import math
import random
from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Final, NamedTuple

from bench.beats import HOUR, MINUTE, Life, Plan, Span, live
from bench.fleets import NAMES, SPAN, Fleet, Names, Unit, holders

_SLOT: Final = 48 * MINUTE
_LEAST, _MOST = 3, 400  # terminals taken
_FAILS: Final = 1 / (400 * HOUR)  # how often a terminal fails by itself
_FLAPS: Final = 0.005  # of terminals
_NEAR: Final = 4 * MINUTE  # silences closer than that are one
_LINGERS: Final = 10 * MINUTE  # what was wrong may be told so much later
_LEVELS: Final = ("one", "two", "nested", "flapping", "rollout", "none")
_SHARES: Final = (60, 14, 8, 7, 5, 6)

Held = dict[tuple[tuple[str, str], ...], int]


class Family(NamedTuple):
    """A way to fail together: by which names, and as which kinds of incident it may be told."""

    names: tuple[str, ...]
    kinds: frozenset[str]
    power: float = 0.0  # how often it takes the power, so that terminals restart; else the network
    weight: int = 2
    deaf: bool = False  # by the contract it is we who do not hear; nobody is down


_CARRIER, _ANY = frozenset({"carrier_outage"}), frozenset({"attribute_outage"})
_MODEL, _SITE = frozenset({"model_fault"}), frozenset({"site_outage"})
FAMILIES: Final = (
    Family(("carrier",), _CARRIER),
    Family(("region", "carrier"), _CARRIER, weight=3),
    Family(("region",), frozenset({"region_outage"}), power=1.0, weight=3),
    Family(("site",), _SITE, power=0.5, weight=4),
    Family(("model",), _MODEL, power=1.0),
    Family(("firmware",), _MODEL, power=1.0),
    Family(("provider",), frozenset({"ingest_impaired"}), weight=1, deaf=True),
    Family(("carrier", "model"), _ANY),
    Family(("carrier", "network"), _ANY, weight=1),
    Family(("region", "model"), _ANY, power=0.5, weight=1),
    Family(("region", "provider"), _ANY, weight=1),
)


class Outage(NamedTuple):
    """One cause: the truth."""

    family: str
    kinds: frozenset[str]
    scope: Names
    span: Span
    taken: frozenset[str]
    told_from: int  # when it can first be told from everything else
    power: bool
    parts: tuple[Span, ...]  # of its span, in which they are silent; several when it flaps
    alone: dict[str, Span]  # whoever falls silent at a time of its own
    deaf: bool = False  # nobody is down


class Plot(NamedTuple):
    """A fleet and what happens to it."""

    fleet: Fleet
    outages: list[Outage]
    flappers: dict[str, list[Span]]  # terminals that come and go
    failures: dict[str, list[Span]]  # what else terminals suffer by themselves
    updates: dict[str, tuple[Span, str]]  # what else a terminal runs for a while
    lives: dict[str, Life]

    def firmware(self, key: str, at: int) -> str:
        """What a terminal runs."""
        if key in self.updates and self.updates[key][0].begin <= at < self.updates[key][0].end:
            return self.updates[key][1]
        return self.fleet.units[key].names["firmware"]

    def units(self, at: int) -> list[Unit]:
        """All terminals, by what they run."""
        updated = {
            key: {**self.fleet.units[key].names, "firmware": firmware}
            for key, (span, firmware) in self.updates.items()
            if span.begin <= at < span.end
        }
        return [unit._replace(names=updated.get(unit.key, unit.names)) for unit in self.fleet.units.values()]

    def is_alone(self, key: str, at: int) -> bool:
        """Whether a terminal had a fault of its own then, or a little before."""
        return any(
            span.begin <= at < span.end + _LINGERS
            for span in (*self.failures.get(key, ()), *self.flappers.get(key, ()))
        )

    def awake(self, at: int) -> set[str]:
        """Who is switched on, or would be if nothing were wrong."""
        return {key for key, life in self.lives.items() if _is_on(life.off, life.absent, at)}


def plotted(fleet: Fleet, chance: random.Random) -> Plot:
    """Let things happen to a fleet."""
    plot = Plot(fleet, [], {}, {}, {}, {})
    level = ""
    for begin in range(SPAN.begin + HOUR, SPAN.end - _SLOT, _SLOT):
        if level in {"flapping", "rollout"}:  # they last for two
            level = ""
            continue
        level = chance.choices(_LEVELS, _SHARES)[0]
        plot.outages.extend(_happen(plot, level, begin + chance.randrange(5 * MINUTE), chance))
    for unit in fleet.units.values():
        if chance.random() < _FLAPS:
            plot.flappers[unit.key] = _on_and_off(SPAN.begin + chance.randrange(24 * HOUR), 20, 5 * MINUTE, chance)
    lived(plot, chance)
    return plot


def lived(plot: Plot, chance: random.Random) -> None:
    """Let everybody live through what is planted."""
    for unit in plot.fleet.units.values():
        life = live(unit.key, _plan(plot, unit, chance), chance)
        deaf = [one.span for one in plot.outages if one.deaf and unit.key in one.taken]
        dead = [span for span in life.dead if not any(one.begin <= span.begin < one.end for one in deaf)]
        plot.lives[unit.key] = life._replace(dead=dead)


def _happen(plot: Plot, level: str, at: int, chance: random.Random) -> Iterator[Outage]:
    """Plant what begins about then."""
    family = _family(chance)
    lasts = chance.randint(8, 25) * MINUTE
    span = Span(at, at + lasts)
    if level == "nested":
        yield from _nested(plot, span, chance)
    elif level == "rollout":
        yield from _rollout(plot, Span(at, at + 80 * MINUTE), chance)
    elif level == "flapping" and (scope := _scope(plot, family.names, Span(at, at + HOUR), chance)):
        parts = _on_and_off(at, 6, 6 * MINUTE, chance)
        flap = _outage(plot, family, scope, Span(at, parts[-1].end), chance)
        yield flap._replace(family=f"{flap.family}, flapping", kinds=flap.kinds | {"flapping"}, parts=tuple(parts))
    elif level in {"one", "two"}:
        scope = _scope(plot, family.names, span, chance)
        first = _outage(plot, family, scope, span, chance) if scope else None
        if first:
            yield first
        if first and level == "two" and (second := _beside(plot, first, chance)):
            yield second


def _family(chance: random.Random) -> Family:
    return chance.choices(FAMILIES, [family.weight for family in FAMILIES])[0]


def _outage(plot: Plot, family: Family, scope: Names, span: Span, chance: random.Random) -> Outage:
    members = sorted(open_all(plot, span) & holders(plot.units(span.begin), scope))
    if not family.deaf and chance.random() < 0.25:
        kept = max(_LEAST, round(len(members) * chance.uniform(0.7, 0.9)))
        members = sorted(chance.sample(members, min(kept, len(members))))
    power = chance.random() < family.power
    title = " x ".join(family.names)
    return Outage(title, family.kinds, scope, span, frozenset(members), span.begin, power, (span,), {}, family.deaf)


def _beside(plot: Plot, first: Outage, chance: random.Random) -> Outage | None:
    """Another outage at the same time, that takes mostly others."""
    begin = first.span.begin + chance.randrange(4 * MINUTE)
    span, family = Span(begin, first.span.end + 6 * MINUTE), _family(chance)
    scope = _scope(plot, family.names, span, chance)
    second = _outage(plot, family, scope, span, chance) if scope else None
    common = len(first.taken & second.taken) if second else 0
    return second if second and 2 * common < min(len(first.taken), len(second.taken)) else None


def _nested(plot: Plot, span: Span, chance: random.Random) -> Iterator[Outage]:
    """A shop fails while, or just before, its region does, and takes longer to mend."""
    held = _held(plot, Span(span.begin - 6 * MINUTE, span.end + 20 * MINUTE))
    for region in chance.sample(sorted({unit.names["region"] for unit in plot.fleet.units.values()}), 3):
        sites = sorted({unit.names["site"] for unit in plot.fleet.units.values() if unit.names["region"] == region})
        large = [site for site in sites if _may_fail(plot, held, {"site": site}, 4)]
        if not large or not _may_fail(plot, held, {"region": region}, 20):
            continue
        begin = span.begin + chance.choice((-6, 3)) * MINUTE
        wide, narrow = FAMILIES[2], FAMILIES[3]
        yield _outage(plot, wide, {"region": region}, span, chance)
        within = _outage(plot, narrow, {"site": chance.choice(large)}, Span(begin, span.end + 20 * MINUTE), chance)
        yield within._replace(family="site in region", told_from=begin if begin < span.begin else span.end)
        return


def _rollout(plot: Plot, span: Span, chance: random.Random) -> Iterator[Outage]:
    """An update comes to some terminals in half an hour; each beats for four minutes more."""
    scope = _scope(plot, ("firmware",), span, chance)
    if scope is None or plot.updates:
        return
    members = sorted(open_all(plot, span) & holders(plot.fleet.units.values(), scope))
    stops: dict[str, Span] = {}
    for key in chance.sample(members, min(max(_LEAST, len(members) * 2 // 3), 60)):
        updated = span.begin + chance.randrange(30 * MINUTE)
        plot.updates[key] = Span(updated, span.end), f"{scope['firmware']}.1"
        stops[key] = Span(updated + 4 * MINUTE, span.end)
    told_from = sorted(one.begin for one in stops.values())[min(5, len(stops)) - 1]
    new = {"firmware": f"{scope['firmware']}.1"}
    yield Outage("firmware, rollout", _MODEL, new, span, frozenset(stops), told_from, True, (), stops)  # noqa: FBT003


def _on_and_off(at: int, cycles: int, about: int, chance: random.Random) -> list[Span]:
    spans = []
    for _ in range(cycles):
        off = int(about * chance.uniform(0.8, 1.2))
        spans.append(Span(at, at + off))
        at += off + int(about * chance.uniform(0.8, 1.2))
    return spans


# -- scopes ------------------------------------------------------------------------------------------


def _scope(plot: Plot, names: tuple[str, ...], span: Span, chance: random.Random) -> Names | None:
    """Draw a scope with these names that can be told from others; small ones as often as large ones."""
    held = _held(plot, span)
    wanted = math.exp(chance.uniform(math.log(_LEAST), math.log(_MOST)))
    sizes = {
        scope: members.bit_count()
        for scope, members in held.items()
        if tuple(name for name, _ in scope) == tuple(sorted(names, key=NAMES.index))
    }
    fit = [scope for scope, size in sizes.items() if _LEAST <= size <= _MOST]
    for scope in sorted(fit, key=lambda one: (abs(math.log(sizes[one] / wanted)), one))[:12]:
        if _may_fail(plot, held, dict(scope), _LEAST):
            return dict(scope)
    return None


def _may_fail(plot: Plot, held: Held, scope: Names, least: int) -> bool:
    """Whether enough share it, it can be told from others, and it is new: what fails again is another matter."""
    known = tuple((name, scope[name]) for name in NAMES if name in scope)
    enough = held.get(known, 0).bit_count() >= least
    return enough and scope not in [one.scope for one in plot.outages] and _is_plain(known, held)


def _held(plot: Plot, span: Span) -> Held:
    """Of every scope of one or two names, who is in it and open all the time, as the bits of a number."""
    found: Held = {}
    whole = open_all(plot, span)
    for place, unit in enumerate(plot.units(span.begin)):
        if unit.key in whole:
            known = [(name, unit.names[name]) for name in NAMES if unit.names[name]]
            for scope in [*combinations(known, 1), *combinations(known, 2)]:
                found[scope] = found.get(scope, 0) | 1 << place
    return found


def _is_plain(scope: tuple[tuple[str, str], ...], held: Held) -> bool:
    members = held[scope]
    apart = max(2.0, members.bit_count() / 6)
    return not any(
        (members ^ other).bit_count() < apart
        for also, other in held.items()
        if len(also) <= len(scope) and also != scope
    )


def open_all(plot: Plot, span: Span) -> set[str]:
    """Who is switched on for the whole span, by the hours of its shop."""
    shops = {
        site
        for site, shop in plot.fleet.shops.items()
        if not any(off.begin < span.end and off.end > span.begin for off in (shop.off, shop.evening))
    }
    return {unit.key for unit in plot.fleet.units.values() if unit.names["site"] in shops}


# -- lives -------------------------------------------------------------------------------------------


def _plan(plot: Plot, unit: Unit, chance: random.Random) -> Plan:
    """What one terminal lives through."""
    shop = plot.fleet.shops[unit.names["site"]]
    off = [span for span in (shop.off, shop.evening) if span.begin < min(span.end, SPAN.end)]
    if off and not shop.absent:  # at its opening a shop's terminals come one by one
        off[0] = Span(off[0].begin, off[0].end + chance.randrange(8 * MINUTE))
    own = plot.failures[unit.key] = list(_own(chance))
    silences = [*_shared(plot, unit.key), *[(span, chance.random() < 0.5) for span in own]]
    silences += [(span, False) for span in plot.flappers.get(unit.key, ())]
    dead, unheard = list[Span](), list[Span]()
    for span, power in _apart(_clipped(silences, off)):
        (dead if power else unheard).append(span)
    polite = chance.random() < 0.5
    return Plan(plot.fleet.interval, SPAN, unit.link, off, dead, shop.absent, plot.fleet.keep_alive, unheard, polite)


def _shared(plot: Plot, key: str) -> Iterator[tuple[Span, bool]]:
    for outage in plot.outages:
        if key in outage.taken:
            yield from ((span, outage.power) for span in outage.parts)
            if key in outage.alone:
                yield outage.alone[key], outage.power
    if key in plot.updates:
        begin = plot.updates[key][0].begin
        yield Span(begin - MINUTE, begin), True


def _own(chance: random.Random) -> Iterator[Span]:
    at = SPAN.begin
    while (at := at + int(chance.expovariate(_FAILS))) < SPAN.end:
        lasts = chance.randint(15, 180) * MINUTE
        yield Span(at, at + lasts)
        at += lasts


def _clipped(silences: Sequence[tuple[Span, bool]], off: Sequence[Span]) -> Iterator[tuple[Span, bool]]:
    """What of the silences falls in open hours."""
    edges = [SPAN.begin, *[at for span in off for at in span], SPAN.end]
    for begin, end in zip(edges[::2], edges[1::2], strict=True):
        for span, power in silences:
            within = Span(max(span.begin, begin), min(span.end, end))
            if within.end - within.begin >= MINUTE:
                late = Span(within.begin, end if end - within.end < _NEAR else within.end)
                yield (Span(begin, late.end) if late.begin - begin < _NEAR else late), power


def _apart(silences: Iterator[tuple[Span, bool]]) -> list[tuple[Span, bool]]:
    """Silences that touch, or nearly, as one."""
    found: list[tuple[Span, bool]] = []
    for span, power in sorted(silences):
        if found and span.begin - found[-1][0].end < _NEAR:
            last, was = found[-1]
            found[-1] = Span(last.begin, max(last.end, span.end)), was or power
        else:
            found.append((span, power))
    return found


def _is_on(off: Sequence[Span], absent: Sequence[Span], at: int) -> bool:
    if any(span.begin <= at < span.end for span in absent):
        return True
    return not any(span.begin <= at < span.end for span in off)
