"""Where is it? Looks for what those who fell silent together share, before any of them is known to be down.

Whoever misses one beat is noted. When some were, a moment later (`SETTLE`) the largest crowd that can have
fallen silent at one moment is laid on a table by cohorts, beside all who ought to be heard and what silence is
usual for them at that hour, and `detect/localise` names the attributes. What it names is only a suspicion: whether
it is so the members decide, see `Outages`.

Where it can be wrong: of so many cohorts that a look would take too long only the most telling attributes are
compared.
"""

import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from fleetmon.detect.localise import Answer, localise
from fleetmon.engine.agenda import Parts
from fleetmon.engine.fleet import Fleet, suspicion
from fleetmon.engine.groups import ATTRIBUTES, covers, value
from fleetmon.engine.tally import parts
from fleetmon.engine.usual import Usual
from fleetmon.model.incident import Scope
from fleetmon.model.terminal import Cohort, Liveness, Terminal

FEW: Final = 4  # silent ones that may share something
_STALE: Final = 5  # times the wait for a suspect: whoever is silent for so long fell silent with none of the newest
_ROWS: Final = 300  # of a table that is laid out whole
_AXES: Final = 4  # attributes of a larger one
_AGAIN: Final = 0.4  # of lost beats the next is lost as well, on bad links
_BEATS: Final = 4  # after which nothing is proven by more of them
_SURE: Final = 9.0  # log-likelihood: of thousands of scopes looked at every few seconds chance has one of this a year
_AWAKE: Final = (Liveness.UP, Liveness.SUSPECT, Liveness.DOWN)


Row = dict[str, str | float]


class Suspicion(NamedTuple):
    """Scopes that may be why, causes that came together, and how much this is believed beside the other answers."""

    scopes: list[Scope]
    share: float


class Scan:
    """Who fell silent lately, and what is usual."""

    def __init__(self, fleet: Fleet, usual: Usual) -> None:
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
                if terminal is None or terminal.last_seen > at or now - at > _STALE * suspicion(terminal):
                    del self._late[key]
                elif terminal.liveness in _AWAKE and not terminal.overslept:
                    found.append(terminal)
            yield len(part)
        return found

    def suspicions(self, together: Sequence[Terminal], known: Collection[Scope], now: int) -> list[Suspicion]:
        """What those may share who fell silent together, the likeliest first; `known` outages are left out."""
        failing = Counter(terminal.cohort for terminal in together)
        beats = sorted((now - terminal.last_seen) // terminal.interval_ms for terminal in together)[len(together) // 2]
        rows = self._rows(failing, known, min(max(beats, 1), _BEATS), now)
        axes = _telling(rows)
        answers = localise(_merged(rows, axes) if len(axes) < len(ATTRIBUTES) else rows, axes)
        sure = [Suspicion([one for one in _scopes(a) if _gain(rows, one) >= _SURE], a.share) for a in answers]
        return [suspicion for suspicion in sure if suspicion.scopes]

    def _rows(self, failing: Mapping[Cohort, int], known: Collection[Scope], beats: int, now: int) -> list[Row]:
        total: Counter[Cohort] = Counter()
        for (cohort, state), count in self._fleet.census.counts.items():
            if state in _AWAKE:
                total[cohort] += count
        again = _AGAIN ** (beats - 1)
        everybody, rows = sum(total.values()), list[Row]()
        for cohort, count in total.items():
            if not any(covers(scope, cohort) for scope in known):
                row: Row = {name: value(cohort, name) for name in ATTRIBUTES}
                usual = count * again * self._usual.share(cohort, count, everybody, now)
                rows.append(row | {"failing": min(failing.get(cohort, 0), count), "total": count, "expected": usual})
        return rows


def _telling(rows: Sequence[Row]) -> list[str]:
    """The attributes to be compared: all, or of a large table those by which the silent ones differ most from all."""
    if len(rows) <= _ROWS:
        return list(ATTRIBUTES)
    failing = sum(float(row["failing"]) for row in rows) or 1.0
    total = sum(float(row["total"]) for row in rows) or 1.0

    def apart(name: str) -> float:
        parts: Counter[str | float] = Counter()
        for row in rows:
            parts[row[name]] += float(row["failing"]) / failing - float(row["total"]) / total  # type: ignore[assignment]
        return sum(map(abs, parts.values()))

    best = sorted(ATTRIBUTES, key=lambda name: -apart(name))[:_AXES]
    return [name for name in ATTRIBUTES if name in best]


def _merged(rows: Iterable[Row], axes: Sequence[str]) -> list[Row]:
    sums: dict[tuple[str | float, ...], list[float]] = {}
    for row in rows:
        held = sums.setdefault(tuple([row[name] for name in axes]), [0.0, 0.0, 0.0])
        for place, name in enumerate(("failing", "total", "expected")):
            held[place] += float(row[name])
    return [
        dict(zip(axes, values, strict=True)) | {"failing": failing, "total": total, "expected": expected}
        for values, (failing, total, expected) in sums.items()
    ]


def _gain(rows: Sequence[Row], scope: Scope) -> float:
    """How much likelier the silence of a scope is if something silenced it than if it is the usual (Poisson)."""
    inside = [row for row in rows if all(row[name] == wanted for name, wanted in scope)]
    failing, usual = sum(float(row["failing"]) for row in inside), sum(float(row["expected"]) for row in inside)
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
