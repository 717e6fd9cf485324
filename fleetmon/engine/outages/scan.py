"""Where is it? Looks for what those who fell silent together share, before any of them is known to be down.

Whoever misses one beat is noted. When some were, a moment later (`SETTLE`) the largest crowd that can have
fallen silent at one moment is laid on a table by cohorts, beside all who ought to be heard and what silence is
usual for them at that hour, and `detect/localise` names the attributes. What it names is only a suspicion: whether
it is so the members decide, see `Outages`.

Where it can be wrong: only the five attributes are compared by which the silent ones differ most from all, and
fewer in a fleet of very many cohorts, so that a look takes milliseconds.
"""

import math
from collections import Counter
from collections.abc import Collection, Container, Mapping, Sequence
from typing import Final, NamedTuple

from fleetmon.detect.localise import Answer, localise
from fleetmon.engine.agenda import Parts
from fleetmon.engine.fleet import Fleet, suspicion
from fleetmon.engine.groups import ATTRIBUTES, covers, value
from fleetmon.engine.outages.table import Table, total
from fleetmon.engine.tally import parts
from fleetmon.engine.terminal.lateness import Lateness
from fleetmon.model.incident import Scope
from fleetmon.model.terminal import Cohort, Liveness, Terminal

FEW: Final = 4  # silent ones that may share something
STALE: Final = 5  # times the wait for a suspect: whoever is silent for so long fell silent with none of the newest
_STRUCK: Final = 0.25  # of a cohort: if fewer are silent, that is left out as chance
MOST: Final = 0.6  # of those beside a scope who are silent as well: they share it
_AGAIN: Final = 0.4  # of lost beats the next is lost as well, on bad links
_BEATS: Final = 4  # after which nothing is proven by more of them
_TRUSTED: Final = 5.0  # terminals that what is usual is worth beside what is seen now
_SURE: Final = 9.0  # log-likelihood: of thousands of scopes looked at every few seconds chance has one of this a year
_APART: Final = 3.0  # the same beside its neighbours of the moment, who are few
_PENALTY: Final = 2.0  # and more for each attribute named: there are as many more scopes of which one is the worst
_AWAKE: Final = (Liveness.UP, Liveness.SUSPECT, Liveness.DOWN)


class Suspicion(NamedTuple):
    """Scopes that may be why, causes that came together, and how much this is believed beside the other answers."""

    scopes: list[Scope]
    share: float


class Scan:
    """Who fell silent lately, and what is usual."""

    def __init__(self, fleet: Fleet, usual: Lateness) -> None:
        self._fleet = fleet
        self._usual = usual
        self._late: dict[str, int] = {}  # terminals that missed a beat, and when that was noticed

    def note(self, terminal: Terminal, at: int) -> bool:
        """A terminal is late, or worse; whether enough are for a look."""
        self._late.pop(terminal.id, None)
        self._late[terminal.id] = at
        return len(self._late) >= FEW

    def late(self, now: int) -> Parts[list[Terminal]]:
        """Who was noted and not heard since, the earliest first; who has been silent for long is forgotten."""
        terminals, found = self._fleet.terminals, list[Terminal]()
        for part in parts(list(self._late.items())):
            for key, at in part:
                terminal = terminals.get(key)
                if terminal is None or terminal.last_seen > at or now - at > STALE * suspicion(terminal):
                    del self._late[key]
                elif terminal.liveness in _AWAKE and not terminal.overslept:
                    found.append(terminal)
            yield len(part)
        return found

    def suspicions(self, together: Sequence[Terminal], known: Collection[Scope], now: int) -> Parts[list[Suspicion]]:
        """What those may share who fell silent together, the likeliest first; `known` outages are left out."""
        beats = sorted((now - terminal.last_seen) // terminal.interval_ms for terminal in together)[len(together) // 2]
        failing = Counter([terminal.cohort for terminal in together])
        return (yield from self._suspicions(failing, known, ATTRIBUTES, beats, now))

    def one_by_one(self, known: Collection[Scope], axes: Sequence[str], now: int) -> Parts[list[Suspicion]]:
        """What those may share of these attributes who are down, whenever that came."""
        counts = self._fleet.census.counts.items()
        down = Counter({cohort: count for (cohort, state), count in counts if state is Liveness.DOWN})
        return (yield from self._suspicions(down, known, axes, _BEATS, now))

    def _suspicions(
        self, failing: Mapping[Cohort, int], known: Collection[Scope], axes: Sequence[str], beats: int, now: int
    ) -> Parts[list[Suspicion]]:
        awake = self._awake(known)
        yield len(awake)
        struck = {cohort: count for cohort, count in failing.items() if count >= _STRUCK * awake.get(cohort, math.inf)}
        if sum(struck.values()) < FEW:
            return []  # here and there one, which is chance
        table = yield from self._table(failing, struck, awake, min(max(beats, 1), _BEATS), now)
        compared = table.telling(axes)
        yield len(table)
        answers = localise(table.merged(compared), compared)
        yield len(table)
        causes = [widest([_widened(table, scope) for scope in _scopes(answer)]) for answer in answers]
        sure = [[scope for scope in some if _is_sure(table, scope, some)] for some in causes]
        return [Suspicion(some, answer.share) for some, answer in zip(sure, answers, strict=True) if some]

    def _awake(self, known: Collection[Scope]) -> dict[Cohort, int]:
        """How many of each cohort ought to be heard."""
        awake: Counter[Cohort] = Counter()
        for (cohort, state), count in self._fleet.census.counts.items():
            if state in _AWAKE:
                awake[cohort] += count
        return {one: count for one, count in awake.items() if not any(covers(scope, one) for scope in known)}

    def _table(
        self,
        failing: Mapping[Cohort, int],
        struck: Mapping[Cohort, int],
        awake: Mapping[Cohort, int],
        beats: int,
        now: int,
    ) -> Parts[Table]:
        """The table; who is not struck is well, though some may be late."""
        again, table = _AGAIN ** (beats - 1), Table()
        share = self._usual.at(now, sum(awake.values()))
        for part in parts(list(awake.items())):
            for cohort, count in part:
                usual = count * again * share(cohort, count)
                table.add(cohort, min(struck.get(cohort, 0), count), min(failing.get(cohort, 0), count), count, usual)
            yield len(part)
        return table


def _widened(table: Table, scope: Scope) -> Scope:
    """The scope without attributes beside which most are silent, too: of who is left out by chance nobody is told."""
    held = set(table.within(scope))
    for attribute in scope:
        wider = tuple([one for one in scope if one is not attribute])
        beside = [row for row in table.within(wider) if row not in held]
        if wider and total(table.failing, beside) >= max(1, MOST * total(table.total, beside)):
            return _widened(table, wider)
    return scope


def widest(scopes: Sequence[Scope]) -> list[Scope]:
    """The scopes without any that is a part of another: of two causes one may have been widened over both."""
    return [one for one in dict.fromkeys(scopes) if not any(set(other) < set(one) for other in scopes)]


def _is_sure(table: Table, scope: Scope, causes: Sequence[Scope]) -> bool:
    """Whether far more are silent than is usual there, and than are beside it now, where no other cause is."""
    taken = set[int]().union(*[table.within(cause) for cause in causes])
    return _gain(table, scope) >= _SURE and _contrast(table, scope, taken) >= _APART + _PENALTY * len(scope)


def _contrast(table: Table, scope: Scope, taken: Container[int]) -> float:
    """How much likelier the silence of a scope is if it has a share of its own than if it has that of its neighbours.

    The neighbours are those who differ in one attribute, and whom no cause has `taken`: when a carrier loses more than
    it ever did, some of its terminals are silent together by chance. Few neighbours are believed to be as usual.
    """
    inside = table.within(scope)
    failing, everybody = total(table.failing, inside), total(table.total, inside)
    share = usual = total(table.expected, inside) / everybody
    for attribute in scope:
        near = table.within(tuple([one for one in scope if one is not attribute]))
        beside = [row for row in near if row not in taken]
        share = max(share, (total(table.late, beside) + _TRUSTED * usual) / (total(table.total, beside) + _TRUSTED))
    if failing <= share * everybody:
        return 0.0
    heard = everybody - failing
    gained = failing * math.log(failing / everybody / share)
    return gained + (heard * math.log(heard / everybody / (1 - share)) if heard else 0)


def _gain(table: Table, scope: Scope) -> float:
    """How much likelier the silence of a scope is if something silenced it than if it is the usual (Poisson)."""
    inside = table.within(scope)
    failing, usual = total(table.failing, inside), total(table.expected, inside)
    return failing * math.log(failing / usual) - (failing - usual) if failing > usual > 0 else 0.0


def _scopes(answer: Answer) -> list[Scope]:
    return [tuple(sorted((name, str(wanted)) for name, wanted in scope.items())) for scope in answer.scopes]


def named(scope: Scope, silent: Sequence[Terminal]) -> Scope:
    """The scope with what goes without saying: the one carrier of a region, the one region where a carrier is."""
    found = dict(scope)
    for name, beside in (("carrier", {"region"}), ("region", {"carrier", "network"})):
        values = {value(terminal.cohort, name) for terminal in silent}
        if name not in found and found.keys() <= beside and len(values) == 1 and "" not in values:
            found[name] = values.pop()
    return tuple(sorted(found.items()))
