"""Fate: everything that befalls the fleet, by the scenario and by the habits, in order of time.

Each source of events tells its spans by their beginning, as far ahead as somebody asks; they are merged,
and every span becomes two happenings, its beginning and its end. The same seed gives the same fate,
whatever the terminals draw for themselves.
Where it can be wrong: shops close by their hours and not by their customers, and one fault does not
cause another (a power cut takes no cell with it).
"""

import enum
import heapq
import math
from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import accumulate, count
from operator import attrgetter
from typing import Final, NamedTuple

from fleetmon.model.days import DAY, UTC_OFFSET
from fleetmon.model.events import Attribute, Selector
from fleetmon.model.hours import WEEK, Hours
from fleetmon.model.registry import CELLULAR, Registry
from fleetmon.sim.chance import Chance, arrivals, log_uniform, seeded
from fleetmon.sim.habits import Span as Range
from fleetmon.sim.roster import attributes
from fleetmon.sim.scenario import (
    CarrierOutage,
    Component,
    Device,
    HostOutage,
    Loss,
    NetworkOutage,
    Reboot,
    Scenario,
    Shutdown,
    SiteOutage,
    Step,
    Swap,
)
from fleetmon.sim.settings import SimSettings

DAY_S: Final = 86_400
MINUTE: Final = 60_000
_MONDAY: Final = 4 * DAY - UTC_OFFSET  # the first one since 1970, in Shanghai
_PARTS: Final[tuple[tuple[Component, str], ...]] = (
    ("reader", "ReadFailure"),
    ("printer", "OutOfOrder"),
    ("ped", "KeypadFailure"),
    ("storage", "Full"),
)
_CRASH_S: Final = (20.0, 90.0)
_SWAP_S: Final = (180.0, 900.0)


class Why(enum.Enum):
    """Whose doing a span is."""

    STORY = "scenario"
    NIGHT = "closed"
    LATE = "opened late"
    EARLY = "closed early"
    FADE = "lost line"
    STORM = "carrier loses more"
    FAULT = "shared fault"
    WEAR = "wear"


class Span(NamedTuple):
    """From one scenario time to another (infinite: to the end) a step holds terminals, named by their number."""

    begin_s: float
    end_s: float
    step: Step
    struck: tuple[int, ...]
    why: Why


class Happening(NamedTuple):
    """A span begins or ends."""

    at_s: float
    begins: bool
    span: Span


class Fate:
    """What will befall this fleet from `started_at` (wall time in ms) on."""

    def __init__(self, registry: Registry, scenario: Scenario, settings: SimSettings, started_at: int) -> None:
        self._scenario = scenario
        self._settings = settings
        self._habits = settings.habits
        self._started_at = started_at
        self._fleet = list(attributes(registry).values())
        self._rules = {site.id: tuple(site.hours) for site in registry.sites if site.hours}
        self._members: dict[str, list[int]] = {}
        for number, row in enumerate(self._fleet):
            self._members.setdefault(row["site"], []).append(number)

    def happenings(self) -> Iterator[Happening]:
        """In order of time, until the end of the scenario; on equal times an end comes before a beginning."""
        last = self._scenario.duration_s
        numbers = count()
        under_way: list[tuple[float, int, Span]] = []
        for span in heapq.merge(*self._sources(), key=attrgetter("begin_s")):
            if span.begin_s >= last:
                break
            while under_way and under_way[0][0] <= span.begin_s:
                yield _ended(heapq.heappop(under_way))
            yield Happening(span.begin_s, begins=True, span=span)
            if span.end_s < last:
                heapq.heappush(under_way, (span.end_s, next(numbers), span))
        while under_way:
            yield _ended(heapq.heappop(under_way))

    def _sources(self) -> Iterator[Iterator[Span]]:
        line, wear, faults = self._habits.line, self._habits.wear, self._habits.faults
        chance = seeded(self._settings.seed, "what")

        def storm(at_s: float, for_s: float, who: Selector) -> Loss:
            return Loss(at_s=at_s, for_s=for_s, who=who, rate=log_uniform(chance, line.storm_loss))

        def broken(at_s: float, for_s: float, who: Selector) -> Device:
            component, code = chance.choice(_PARTS)
            return Device(at_s=at_s, for_s=for_s, who=who, component=component, code=code, severity="critical")

        repair_s = (wear.repair_h[0] * 3600, wear.repair_h[1] * 3600)
        failures = 24 / wear.life_h if wear.life_h else 0.0
        yield iter(sorted(self._story(), key=attrgetter("begin_s")))
        if self._habits.shops.kept:
            for site in self._rules:
                yield self._nights(site)
        yield self._fades()
        yield self._strikes(storm, ("carrier",), line.storms_per_day, line.storm_s, Why.STORM)
        yield self._strikes(CarrierOutage, ("carrier", "region"), faults.carrier_per_day, faults.carrier_s)
        yield self._strikes(SiteOutage, ("site",), faults.site_line_per_day, faults.site_s)
        yield self._strikes(Reboot, ("site",), faults.site_power_per_day, faults.site_s)
        yield self._strikes(HostOutage, ("acquirer",), faults.host_per_day, faults.host_s)
        yield self._strikes(Reboot, ("terminal",), wear.crashes_per_day, _CRASH_S, Why.WEAR)
        yield self._strikes(Swap, ("terminal",), wear.swaps_per_day, _SWAP_S, Why.WEAR)
        yield self._strikes(broken, ("terminal",), failures, repair_s, Why.WEAR)

    def _story(self) -> Iterator[Span]:
        for step in self._scenario.steps:
            end_s = math.inf if step.for_s is None else step.at_s + step.for_s
            struck = tuple(number for number, row in enumerate(self._fleet) if step.strikes(row))
            yield Span(step.at_s, end_s, step, struck, Why.STORY)

    # -- by itself ---------------------------------------------------------------------------------

    def _strikes(
        self,
        make: Callable[..., Step],
        by: tuple[Attribute, ...],
        per_day: float,
        lasts_s: Range,
        why: Why = Why.FAULT,
    ) -> Iterator[Span]:
        """Now and then one of those that share these attributes, each group as likely as the other, is struck."""
        chance = seeded(self._settings.seed, f"{make.__name__} {' '.join(by)}")
        groups = self._groups(*by) if per_day else []
        for at_s in arrivals(chance, len(groups) * per_day / DAY_S):
            struck = chance.choice(groups)
            for_s = log_uniform(chance, lasts_s)
            step = make(at_s=at_s, for_s=for_s, who=_who(self._fleet[struck[0]], *by))
            yield Span(at_s, at_s + for_s, step, struck, why)

    def _groups(self, *names: Attribute) -> list[tuple[int, ...]]:
        """The terminals that share these attributes; of carriers only those that use one."""
        groups: dict[tuple[str, ...], list[int]] = {}
        for number, row in enumerate(self._fleet):
            values = tuple([row[name] for name in names])
            if all(values) and ("carrier" not in names or row["network"] in CELLULAR):
                groups.setdefault(values, []).append(number)
        return [tuple(group) for group in groups.values()]

    def _fades(self) -> Iterator[Span]:
        """Lines of single terminals go and come back, those of the poorly covered ones often."""
        line, chance = self._habits.line, seeded(self._settings.seed, "fade")
        rates = [
            line.poor_fades_per_day
            if row["network"] in CELLULAR and line.poor_share and chance.random() < line.poor_share
            else line.fades_per_day
            for row in self._fleet
        ]
        weights = list(accumulate(rates))
        for at_s in arrivals(chance, (weights[-1] if weights else 0.0) / DAY_S):
            (number,) = chance.choices(range(len(rates)), cum_weights=weights)
            for_s = log_uniform(chance, line.fade_s)
            step = NetworkOutage(at_s=at_s, for_s=for_s, who=_who(self._fleet[number], "terminal"))
            yield Span(at_s, at_s + for_s, step, (number,), Why.FADE)

    # -- opening hours -----------------------------------------------------------------------------

    def _nights(self, site: str) -> Iterator[Span]:
        """The times at which a shop's terminals are off because it is closed."""
        habits, chance = self._habits.shops, seeded(self._settings.seed, f"shop/{site}")
        members = self._members.get(site, [])
        stay_on = chance.random() < habits.on_at_night
        power_off = chance.random() < habits.power_off
        if stay_on or not members:
            return
        for closed_at, opened_at in self._closings(self._rules[site]):
            early, late = chance.random() < habits.early_share, chance.random() < habits.late_share
            leave = closed_at + round(chance.uniform(*habits.closes_after_min) * MINUTE)
            come = opened_at - round(chance.uniform(*habits.opens_before_min) * MINUTE)
            if early:
                leave = closed_at - round(chance.uniform(*habits.early_min) * MINUTE)
            if late:
                come = opened_at + round(chance.uniform(*habits.late_min) * MINUTE)
            why = Why.LATE if late else Why.EARLY if early else Why.NIGHT
            if leave < come:
                yield from self._night(members, leave, come, why, chance, power_off=power_off)

    def _night(
        self, members: list[int], leave: int, come: int, why: Why, chance: Chance, *, power_off: bool
    ) -> Iterator[Span]:
        """One after the other, or all at once by the main switch."""
        begins = [self._scenario_s(leave)] * len(members)
        if not power_off:
            begins = sorted(begin + chance.uniform(0, 120) for begin in begins)
        for number, begin in zip(members, begins, strict=True):
            begin_s = max(begin, 0.0)
            end_s = self._scenario_s(come) + chance.uniform(0, 90)
            if end_s > begin_s:
                who = _who(self._fleet[number], "terminal")
                kind = Reboot if power_off else Shutdown
                yield Span(begin_s, end_s, kind(at_s=begin_s, for_s=end_s - begin_s, who=who), (number,), why)

    def _closings(self, rules: tuple[str, ...]) -> Iterator[tuple[int, int]]:
        """When a shop closes and opens again, from the night of the start on."""
        for weeks in count(-1):
            for closed, opened in _closings(rules):
                shift = _MONDAY + (self._started_at - _MONDAY) // WEEK * WEEK + weeks * WEEK
                if opened + shift > self._started_at:
                    yield closed + shift, opened + shift
            if not _closings(rules):
                return

    def _scenario_s(self, at: int) -> float:
        return (at - self._started_at) / 1000 * self._settings.speed


@lru_cache(maxsize=256)
def _closings(rules: tuple[str, ...]) -> list[tuple[int, int]]:
    """When a shop closes and opens again in the week that begins at the epoch's first Monday, in ms from there."""
    hours = Hours(list(rules))
    opens = [hours.is_open(_MONDAY + minute * MINUTE) for minute in range(2 * WEEK // MINUTE)]
    edges = [minute * MINUTE for minute in range(1, len(opens)) if opens[minute] is not opens[minute - 1]]
    closings = [edge for edge in edges if not opens[edge // MINUTE] and edge <= WEEK]
    return [(closed, next(edge for edge in edges if edge > closed)) for closed in closings]


def _who(row: dict[Attribute, str], *names: Attribute) -> Selector:
    return {name: row[name] for name in names}


def _ended(pending: tuple[float, int, Span]) -> Happening:
    return Happening(pending[0], begins=False, span=pending[2])
