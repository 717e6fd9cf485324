"""What the registry calls those of whom an incident tells: people know a shop by its name, and not by its id."""

from collections.abc import Iterator

from fleetmon.engine import Engine
from fleetmon.model.incident import Scope


def names(engine: Engine, scope: Scope) -> dict[str, list[str]]:
    """By attribute: the names of a scope, and where it is. Only who may see it asks."""
    found = {attribute: list(dict.fromkeys(_names(engine, attribute, value))) for attribute, value in scope}
    known = {attribute: [word for word in words if word] for attribute, words in found.items()}
    return {attribute: words for attribute, words in known.items() if words}


def _names(engine: Engine, attribute: str, value: str) -> Iterator[str]:
    fleet, directory = engine.fleet, engine.explainer.ledger.directory
    if attribute in ("host", "acquirer") and (host := directory.hosts.get(value)):
        yield host.name
    elif attribute == "provider":
        yield directory.providers.get(value, "")
    elif attribute == "merchant":
        yield _merchant(engine, value)
    elif attribute == "site":
        shop = fleet.groups.shop(value)
        merchants = {one.merchant for one in shop}
        yield _merchant(engine, merchants.pop()) if len(merchants) == 1 else ""
        yield shop[0].cohort.region if shop else ""
    elif attribute == "terminal" and (terminal := fleet.terminals.get(value)):
        yield from (_merchant(engine, terminal.merchant), terminal.site, terminal.cohort.region)


def _merchant(engine: Engine, key: str) -> str:
    row = engine.explainer.ledger.directory.merchants.get(key)
    return row.name if row is not None else ""
