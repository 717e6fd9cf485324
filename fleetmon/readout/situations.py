"""How things stand with what an incident has taken, worked out when people are told of it.

One walk over the terminals of the scope, remembered for some seconds, as an Alertmanager is told again and again;
nothing of it is kept by the engine. Whoever is confined to a provider gets figures of that provider's terminals.
Where it can be wrong: who is silent because of planned work counts as silent; a scope of more than `MOST` terminals
is counted, and not walked, so that the loop is not held up.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from typing import Final

from fleetmon.engine import Engine
from fleetmon.engine.groups import covers
from fleetmon.engine.outages import is_of_many
from fleetmon.locale import Situation
from fleetmon.model.incident import Incident, Scope, Status
from fleetmon.model.terminal import Cohort, Liveness, Terminal

KEPT: Final = 15_000  # ms
MOST: Final = 100_000
_SILENT: Final = (Liveness.SUSPECT, Liveness.DOWN)
_OUGHT: Final = (Liveness.UP, *_SILENT)


class Situations:
    """Works them out for one engine."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._kept: dict[tuple[str, str | None], Situation] = {}  # of outages of many

    def of(self, incident: Incident, provider: str | None = None) -> Situation:
        """How things stand with an incident; nothing but names when it is over, or we do not hear."""
        if incident.status not in (Status.PENDING, Status.FIRING) or self._engine.deaf:
            return Situation(self._engine.now, self._names(incident.scope))
        if not is_of_many(incident):
            return self._of_one(incident)
        key, now = (incident.id, provider), self._engine.now
        if key not in self._kept or now - self._kept[key].at >= KEPT:
            self._kept = {one: known for one, known in self._kept.items() if now - known.at < KEPT}
            self._kept[key] = self._of_many(incident, provider)
        return self._kept[key]

    def _of_one(self, incident: Incident) -> Situation:
        engine, names = self._engine, self._names(incident.scope)
        terminal = engine.fleet.terminals.get(dict(incident.scope).get("terminal", ""))
        if terminal is None or terminal.liveness not in _SILENT or terminal.cohort.provider in engine.shard.unheard:
            return Situation(engine.now, names)
        return Situation(
            engine.now, names, None, None, terminal.last_seen or None, None, None, *self._sales([terminal])
        )

    def _of_many(self, incident: Incident, provider: str | None) -> Situation:
        now, scope, names = self._engine.now, incident.scope, self._names(incident.scope)
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
            return Situation(now, names)
        elsewhere = _sum(others, _SILENT) / rest if rest else None
        still = [one for one in own if one.liveness in _SILENT]
        early = [one.last_seen for one in still if one.last_seen <= incident.opened_at]
        heard_at, later = max(early, default=0) or None, len(still) - len(early)
        return Situation(now, names, silent, members, heard_at, later, elsewhere, *self._sales(still))

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

    def _names(self, scope: Scope) -> dict[str, list[str]]:
        """What the registry knows of a terminal, a shop, a merchant or a host; only who may see it asks."""
        fleet, directory = self._engine.fleet, self._engine.explainer.ledger.directory
        found = dict[str, list[str]]()
        for attribute, value in scope:
            if attribute == "host" and (host := directory.hosts.get(value)):
                found[attribute] = [host.name]
            elif attribute == "merchant":
                found[attribute] = [self._merchant(value)]
            elif attribute == "site":
                shop = fleet.groups.shop(value)
                merchants = {one.merchant for one in shop}
                found[attribute] = [self._merchant(merchants.pop()) if len(merchants) == 1 else "", *_region(shop)]
            elif attribute == "terminal" and (terminal := fleet.terminals.get(value)):
                found[attribute] = [self._merchant(terminal.merchant), terminal.site, terminal.cohort.region]
        known = {name: [word for word in dict.fromkeys(words) if word] for name, words in found.items()}
        return {name: words for name, words in known.items() if words}

    def _merchant(self, key: str) -> str:
        row = self._engine.explainer.ledger.directory.merchants.get(key)
        return row.name if row is not None else ""


def _sum(counts: Counter[Liveness], states: Collection[Liveness]) -> int:
    return sum(counts[state] for state in states)


def _region(shop: Sequence[Terminal]) -> list[str]:
    return [shop[0].cohort.region] if shop else []
