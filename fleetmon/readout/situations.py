"""How things stand with what an incident has taken, worked out when people are told of it.

One walk over the terminals of the scope, remembered for some seconds, as an Alertmanager is told again and again;
nothing of it is kept by the engine. Whoever is confined to a provider gets figures of that provider's terminals.
Where it can be wrong: who is silent because of planned work counts as silent; a scope of more than `MOST` terminals
is counted, and not walked, so that the loop is not held up.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from typing import Final

from msgspec.structs import replace

from fleetmon.engine import Engine
from fleetmon.engine.groups import covers
from fleetmon.engine.outages.outages import is_of_many
from fleetmon.locale import Also, Situation
from fleetmon.model.incident import Failing, Incident, Status
from fleetmon.model.terminal import Cohort, Liveness, Terminal
from fleetmon.readout.names import names
from fleetmon.readout.sight import Sight

KEPT: Final = 15_000  # ms
MOST: Final = 100_000
_SILENT: Final = (Liveness.SUSPECT, Liveness.DOWN)
_OUGHT: Final = (Liveness.UP, *_SILENT)
Names = dict[str, list[str]]


class Situations:
    """Works them out for one engine."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._kept: dict[tuple[str, str | None], Situation] = {}  # of outages of many
        self._big: dict[str | None, tuple[int, list[Incident]]] = {}  # by provider: when, and what was big then

    def of(self, incident: Incident, provider: str | None = None) -> Situation:
        """How things stand with an incident; no figures of now when it is over, or we do not hear."""
        now, known, failing = self._engine.now, names(self._engine, incident.scope), incident.failing or Failing("")
        told = Situation(now, known, failing=failing.sign, failed=failing.share or None)
        if incident.status not in (Status.PENDING, Status.FIRING) or self._engine.deaf:
            return told
        if failing.sign:
            return replace(told, also=self._also(incident, provider))
        if not is_of_many(incident):
            return self._of_one(incident, known, self._also(incident, provider))
        key = (incident.id, provider)
        if key not in self._kept or now - self._kept[key].at >= KEPT:
            self._kept = {one: kept for one, kept in self._kept.items() if now - kept.at < KEPT}
            self._kept[key] = self._of_many(incident, known, provider)
        return self._kept[key]

    def _of_one(self, incident: Incident, known: Names, also: Also | None) -> Situation:
        engine = self._engine
        terminal = engine.fleet.terminals.get(dict(incident.scope).get("terminal", ""))
        if terminal is None or terminal.liveness not in _SILENT or terminal.cohort.provider in engine.shard.unheard:
            return Situation(engine.now, known, also=also)
        amount, closes_at, due_at = self._sales([terminal])
        return Situation(
            engine.now, known, heard_at=terminal.last_seen or None, waiting=amount, closes_at=closes_at, due_at=due_at,
            also=also,
        )  # fmt: skip

    def _of_many(self, incident: Incident, known: Names, provider: str | None) -> Situation:
        now, scope, also = self._engine.now, incident.scope, self._also(incident, provider)
        everybody, groups = self._heard(provider), self._engine.fleet.groups
        if scope and scope[0][0] == "site":
            own: Sequence[Terminal] = [one for one in groups.members(scope) if one.cohort in everybody]
            counts = Counter(one.liveness for one in own)
        else:
            mine = {one for one in everybody if covers(scope, one)}
            counts = self._count(mine)
            own = groups.like(mine.__contains__) if counts.total() <= MOST else []
        others = self._count(everybody)
        others.subtract(counts)
        silent, members, rest = _sum(counts, _SILENT), _sum(counts, _OUGHT), _sum(others, _OUGHT)
        if not members:
            return Situation(now, known, also=also)
        elsewhere = _sum(others, _SILENT) / rest if rest else None
        still = [one for one in own if one.liveness in _SILENT]
        early = [one.last_seen for one in still if one.last_seen <= incident.opened_at]
        heard_at, later = max(early, default=0) or None, len(still) - len(early)
        return Situation(now, known, silent, members, heard_at, later, elsewhere, *self._sales(still), also)

    def _also(self, incident: Incident, provider: str | None) -> Also | None:
        """What else is big; of a ticket nobody asks that."""
        if not incident.pages:
            return None
        found = [one for one in self._at_large(provider) if one.id != incident.id and one.status is Status.FIRING]
        if not found:
            return Also(0)
        first = found[0]
        return Also(len(found), first.kind, dict(first.scope), names(self._engine, first.scope), first.terminals)

    def _at_large(self, provider: str | None) -> list[Incident]:
        """What fires and is an outage of many, or called people, unless something else explains it; biggest first."""
        now = self._engine.now
        if provider not in self._big or now != self._big[provider][0]:  # of one round only: outages come together
            sight = Sight(self._engine.fleet, provider)
            found = [
                one
                for one in self._engine.incidents
                if one.status is Status.FIRING
                and one.suppressed_by is None
                and (is_of_many(one) or one.paged_at is not None)
                and sight.concerned(one)
            ]
            self._big[provider] = now, sorted(found, key=lambda one: (-one.terminals, one.opened_at, one.id))
        return self._big[provider][1]

    def _heard(self, provider: str | None) -> set[Cohort]:
        """The cohorts of which silence means something, and may be told."""
        cohorts, unheard = {cohort for cohort, _ in self._engine.fleet.census.counts}, self._engine.shard.unheard
        return {one for one in cohorts if provider in (None, one.provider) and one.provider not in unheard}

    def _count(self, cohorts: Collection[Cohort]) -> Counter[Liveness]:
        found = Counter[Liveness]()
        for (cohort, liveness), count in self._engine.fleet.census.counts.items():
            found[liveness] += count if cohort in cohorts else 0
        return found

    def _sales(self, silent: Sequence[Terminal]) -> tuple[int | None, int | None, int | None]:
        """What is known to wait in them, by when the first has to be closed, and when the first is due."""
        now = self._engine.now
        found = list(self._engine.arrears.outlook.inside([one.id for one in silent]))
        closes_at = min((one.closes_at for one in found if one.closes_at > now), default=None)
        due_at = min((one.due_at for one in found if one.due_at > now), default=None)
        return sum(one.amount for one in found) or None, closes_at, due_at


def _sum(counts: Counter[Liveness], states: Collection[Liveness]) -> int:
    return sum(counts[state] for state in states)
