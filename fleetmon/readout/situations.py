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
from fleetmon.model.terminal import Liveness, Terminal

KEPT: Final = 15_000  # ms
MOST: Final = 100_000
_SILENT: Final = (Liveness.SUSPECT, Liveness.DOWN)
_OUGHT: Final = (Liveness.UP, *_SILENT)


class Situations:
    """Works them out for one engine."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._kept: dict[tuple[str, str | None], Situation] = {}  # of outages of many

    def of(self, incident: Incident, provider: str | None = None) -> Situation | None:
        """How things stand with an incident; None when it is over."""
        if incident.status not in (Status.PENDING, Status.FIRING):
            return None
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
        if terminal is None or terminal.liveness not in _SILENT or not self._hears(terminal.cohort.provider, None):
            return Situation(engine.now, names)
        heard_at = terminal.last_seen or None
        return Situation(engine.now, names, None, None, heard_at, None, None, *self._sales([terminal]))

    def _of_many(self, incident: Incident, provider: str | None) -> Situation:
        engine, scope, names = self._engine, incident.scope, self._names(incident.scope)
        own, others = self._counts(scope, provider)
        silent, members, rest = _sum(own, _SILENT), _sum(own, _OUGHT), _sum(others, _OUGHT)
        if not members:
            return Situation(engine.now, names)
        elsewhere = _sum(others, _SILENT) / rest if rest else None
        if members > MOST:
            return Situation(engine.now, names, silent, members, None, None, elsewhere)
        still = [
            one
            for one in engine.fleet.groups.members(scope)
            if one.liveness in _SILENT and self._hears(one.cohort.provider, provider)
        ]
        early = [one.last_seen for one in still if one.last_seen <= incident.opened_at]
        heard_at, later = max(early, default=0) or None, len(still) - len(early)
        return Situation(engine.now, names, silent, members, heard_at, later, elsewhere, *self._sales(still))

    def _counts(self, scope: Scope, provider: str | None) -> tuple[Counter[Liveness], Counter[Liveness]]:
        """How many of the scope, and how many others, are in which state."""
        own, others = Counter[Liveness](), Counter[Liveness]()
        for (cohort, liveness), count in self._engine.fleet.census.counts.items():
            if self._hears(cohort.provider, provider):
                (own if covers(scope, cohort) else others)[liveness] += count
        if scope and scope[0][0] == "site":
            shop = self._engine.fleet.groups.members(scope)
            own = Counter(one.liveness for one in shop if self._hears(one.cohort.provider, provider))
            others -= own
        return own, others

    def _hears(self, owner: str, provider: str | None) -> bool:
        """Whether silence of this provider's terminals means something, and may be told."""
        shard = self._engine.shard
        return provider in (None, owner) and shard.deaf_since is None and owner not in shard.unheard

    def _sales(self, silent: Sequence[Terminal]) -> tuple[int | None, int | None, int | None]:
        """What is known to wait in them, by when the first has to be closed, and when the first is due."""
        now = self._engine.now
        found = list(self._engine.arrears.outlook.inside(one.id for one in silent))
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
