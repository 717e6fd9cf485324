"""How soon and how surely are shared outages told, and by what they share? One part of `bench.detection_score`.

A *claim* is an incident about more than one terminal that was told to people, paged or as a ticket. It is right if
half of those whom its scope names, and who ought to be heard, are silent because of planted outages; it is about
the outage whose victims its scope fits best. An outage is found when what is claimed about it names half of its
victims; of an update that takes one after the other, half of those it has taken by then. Its scope is told when the
first claim has exactly its names and a kind that fits; at place k, when it is among the first k of the incident's
alternatives or, where it has none, of `localise`.

The usual detectors know only terminals: each that they call down is told, and is a page.
"""

import random
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

from bench.beats import HOUR, MINUTE
from bench.fleets import NAMES, SPAN, Names, found, holders
from bench.liveness import Tally
from bench.planted import Outage, Plot, plotted
from bench.watchers import Verdicts, fleetmon, usual
from fleetmon.detect.localise import Scope, localise
from fleetmon.model.incident import Incident, Status, Transition

LARGE: Final = 5  # from so many on the targets hold
GROUPS: Final = frozenset({"carrier_outage", "region_outage", "site_outage", "model_fault", "attribute_outage"})
_SHARED: Final = GROUPS | {"flapping", "ingest_impaired"}
_ALONE: Final = frozenset({"terminal_offline", "flapping"})
_RECOVERY: Final = 20 * MINUTE  # after its end, in which what is told about its victims is due to their return
_EARLY: Final = 2 * MINUTE  # an incident may be dated by the last sign of life
_WARM: Final = SPAN.begin + HOUR
_PLACES: Final = 5


class Claim(NamedTuple):
    """What was told of one incident."""

    kind: str
    scope: Names
    opened_at: int
    told_at: int  # and not explained by another
    others: list[list[Scope]]  # what it may be else, best first; empty where the incident does not tell
    pages: bool  # and not by a ticket

    @property
    def terminal(self) -> str:
        """Whom it is about, if it is about one terminal."""
        return self.scope.get("terminal", "")

    def __str__(self) -> str:
        """For people."""
        scope = ", ".join(f"{name}={value}" for name, value in sorted(self.scope.items()))
        return f"{self.kind} {scope} (minute {(self.told_at - SPAN.begin) // MINUTE})"


class Told(NamedTuple):
    """What was made of one planted outage."""

    family: str
    size: int
    delay: int | None  # from when it could be told until it was, less one beat; None: it was not found
    place: int  # of the true scope among the answers; 0: at none
    shared: int  # claims about it
    alone: int  # single terminals told because of it
    late: int  # of both, after its end
    cycles: int  # how often it came and went
    wrong: str  # what was said instead of its scope
    pages: int  # how often people were called because of it, by day or night, whatever it was called


class Judged(NamedTuple):
    """What one detector made of one fleet, or of several."""

    outages: list[Told]
    claims: Counter[str]  # right and wrong ones, and of those the large: that name `LARGE` terminals or more
    flaps: list[tuple[int, int]]  # of each terminal that flaps: how often it was told, of how often it went
    tally: Tally
    false: list[str]

    @staticmethod
    def none() -> "Judged":
        """Of no fleet yet."""
        return Judged([], Counter(), [], Tally(_WARM), [])

    def add(self, other: "Judged") -> None:
        """Take in another fleet."""
        self.outages.extend(other.outages)
        self.claims.update(other.claims)
        self.flaps.extend(other.flaps)
        self.tally.add(other.tally)
        self.false.extend(other.false)


def scored(seed: str, size: int, interval: int) -> dict[str, Judged]:
    """All detectors on one fleet."""
    chance = random.Random(f"fleet {seed}")
    plot = plotted(found(size, interval, chance), chance)
    watched = fleetmon(plot.fleet.registry(), plot.lives, firmware=plot.firmware)
    result = {"fleetmon": judged(plot, claimed(watched.transitions), watched.verdicts)}
    for name, verdicts in usual(plot.lives.values()).items():
        result[name] = paged(plot, verdicts)
    return result


# -- the engine --------------------------------------------------------------------------------------


def claimed(transitions: Iterable[Transition]) -> list[Claim]:
    """What was told, in order."""
    found: dict[str, Claim] = {}
    for change in transitions:
        one = change.incident
        if one.kind in _SHARED | _ALONE and one.status is Status.FIRING and one.suppressed_by is None:
            found.setdefault(
                one.id, Claim(one.kind, dict(one.scope), one.opened_at, change.at, _others(one), one.pages)
            )
    return list(found.values())


def _others(incident: Incident) -> list[list[Scope]]:
    """The alternatives of an incident."""
    return [[dict(scope) for scope in one.scopes] for one in incident.alternatives]


def judged(plot: Plot, claims: Sequence[Claim], verdicts: Verdicts) -> Judged:
    """Hold the claims against what was planted."""
    about: dict[int, list[tuple[Claim, set[str]]]] = {number: [] for number in range(len(plot.outages))}
    late, counts, false = Counter[int](), Counter[str](), list[str]()
    for claim in claims:
        if claim.terminal:
            continue
        members, number = _subject(plot, claim)
        right = number is not None and _is_right(plot, claim, members)
        large = len(members) >= LARGE
        counts.update(["right" if right else "wrong", *(["large right" if right else "large wrong"] * large)])
        if not right:
            false.append(str(claim))
            late.update(_ended(plot, members, claim.told_at))
        elif number is not None:
            about[number].append((claim, members))
    outages = []
    for number, outage in enumerate(plot.outages):
        alone, after = _alone(plot, outage, claims)
        told = _told(plot, outage, about[number])
        outages.append(told._replace(alone=alone, late=told.late + after + late[number]))
    return Judged(outages, counts, _flaps(plot, claims), _tally(plot, verdicts), false)


def _subject(plot: Plot, claim: Claim) -> tuple[set[str], int | None]:
    """Who is meant and ought to be heard, and which outage fits them best."""
    units = plot.units(max(claim.opened_at, SPAN.begin))
    members = holders(units, claim.scope) & plot.awake(claim.opened_at)
    fits = {
        number: len(members & outage.taken) / len(members | outage.taken)
        for number, outage in enumerate(plot.outages)
        if outage.span.begin - _EARLY <= claim.opened_at < outage.span.end
    }
    best = max(fits, key=lambda number: fits[number], default=None)
    return members, best if best is not None and fits[best] else None


def _is_right(plot: Plot, claim: Claim, members: set[str]) -> bool:
    """Whether it has the name of an outage (whoever closes before the end is no part of that), or half are silent."""
    at = claim.opened_at
    under_way = [one for one in plot.outages if one.span.begin - _EARLY <= at < one.span.end]
    silent = {key for key in members if any(span.begin <= at < span.end for span in plot.lives[key].absent)}
    silent.update(*[members & one.taken for one in under_way])
    return claim.scope in [one.scope for one in under_way] or 2 * len(silent) >= len(members) > 0


def _ended(plot: Plot, members: set[str], at: int) -> list[int]:
    """The outages that ended a little before and took half of these."""
    return [
        number
        for number, outage in enumerate(plot.outages)
        if outage.span.end <= at < outage.span.end + _RECOVERY and 2 * len(members & outage.taken) > len(members)
    ]


def _told(plot: Plot, outage: Outage, claims: Sequence[tuple[Claim, set[str]]]) -> Told:
    on = [(claim, members) for claim, members in claims if claim.told_at < outage.span.end]
    named, delay = set[str](), None
    for claim, members in sorted(on, key=lambda one: one[0].told_at):
        named |= members & outage.taken
        if delay is None and 2 * len(named) >= _taken_by(outage, claim.told_at):
            delay = max(claim.told_at - outage.told_from, 0) - plot.fleet.interval
    place = _place(plot, outage, on[0][0]) if on else 0
    wrong = (
        ""
        if place == 1
        else f"{outage.family} {outage.scope} of {len(outage.taken)}: "
        + ("; ".join(str(claim) for claim, _ in on) or "nothing")
    )
    cycles = max(len(outage.parts), 1)
    pages = sum(claim.pages for claim, _ in claims)
    late = len(claims) - len(on)
    return Told(outage.family, len(outage.taken), delay, place, len(on), 0, late, cycles, wrong, pages)


def _taken_by(outage: Outage, at: int) -> int:
    """How many it had taken by then."""
    return sum(key not in outage.alone or outage.alone[key].begin <= at for key in outage.taken)


def _place(plot: Plot, outage: Outage, claim: Claim) -> int:
    """At which place the true scope is."""
    if claim.scope == outage.scope:
        return int(claim.kind in outage.kinds)
    true = [one.scope for one in plot.outages if one.span.begin <= claim.told_at < one.span.end]
    said: list[list[Scope]] = [[{**claim.scope}]]
    answers = [answer.scopes for answer in localise(_seen(plot, claim.told_at), NAMES)] if not claim.others else []
    ranked = said + [scopes for scopes in claim.others or answers if scopes != said[0]]
    for place, scopes in enumerate(ranked[:_PLACES], 1):
        if outage.scope in scopes and all(scope in true for scope in scopes):
            return place
    return 0


def _seen(plot: Plot, at: int) -> list[dict[str, Any]]:
    """Who has not been heard for more than a beat, by all names: what `localise` would be asked."""
    awake, rows = plot.awake(at), list[dict[str, Any]]()
    for unit in plot.units(at):
        if unit.key in awake:
            signals = plot.lives[unit.key].signals
            before = reversed(signals[: bisect_left(signals, at, key=lambda signal: signal.at)])
            heard = next((signal.at for signal in before if signal.what != "will"), 0)
            rows.append({**unit.names, "failing": int(at - heard > 1.1 * plot.fleet.interval), "total": 1})
    return rows


def _alone(plot: Plot, outage: Outage, claims: Sequence[Claim]) -> tuple[int, int]:
    """How often single terminals were told because of it: while it lasted, and after."""
    on = late = 0
    for claim in claims:
        at, key = claim.told_at, claim.terminal
        if key in outage.taken and not plot.is_alone(key, at):
            on += outage.span.begin <= at < outage.span.end
            late += outage.span.end <= at < outage.span.end + _RECOVERY and not _is_taken(plot, key, at)
    return on, late


def _is_taken(plot: Plot, key: str, at: int) -> bool:
    return any(key in one.taken and one.span.begin <= at < one.span.end for one in plot.outages)


def _flaps(plot: Plot, claims: Sequence[Claim]) -> list[tuple[int, int]]:
    told = Counter(claim.terminal for claim in claims)
    return [(told[key], len(plot.lives[key].dead)) for key in plot.flappers]


def _tally(plot: Plot, verdicts: Verdicts) -> Tally:
    tally = Tally(_WARM)
    for key, life in plot.lives.items():
        tally.judge(life, verdicts[key])
    return tally


# -- the usual ---------------------------------------------------------------------------------------


def paged(plot: Plot, verdicts: Verdicts) -> Judged:
    """The same of a detector that tells every terminal that it calls down."""
    outages, counts = [], Counter[str]()
    for outage in plot.outages:
        downs = sorted(down.begin for key in outage.taken for down in verdicts[key])
        on = [at for at in downs if outage.span.begin <= at < outage.span.end]
        half = next((at for number, at in enumerate(on, 1) if 2 * number >= _taken_by(outage, at)), None)
        delay = None if half is None else max(half - outage.told_from, 0) - plot.fleet.interval
        late = sum(outage.span.end <= at < outage.span.end + _RECOVERY for at in downs)
        cycles = max(len(outage.parts), 1)
        outages.append(Told(outage.family, len(outage.taken), delay, 0, 0, len(on), late, cycles, "", len(on) + late))
    for key, life in plot.lives.items():
        silent = (*life.dead, *life.absent)
        right = sum(any(span.begin <= down.begin < span.end for span in silent) for down in verdicts[key])
        counts.update({"right": right, "wrong": len(verdicts[key]) - right})
    counts.update({f"large {name}": count for name, count in counts.items()})
    flaps = [(len(verdicts[key]), len(plot.lives[key].dead)) for key in plot.flappers]
    return Judged(outages, counts, flaps, _tally(plot, verdicts), [])
