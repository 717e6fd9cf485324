"""Asks the store itself, when no daemon runs: an engine is made that knows what is stored about who may be meant.

Where it can be wrong: how a host answered all the others is not known here, only what the host and this merchant's
terminals told; so a host's failure is less certain than a daemon would say. A word that fits very many merchants is
not looked for in the sales of all of them.
"""

from typing import Final

from fleetmon.config import Loaded
from fleetmon.engine import Engine
from fleetmon.engine.incidents import PAST
from fleetmon.engine.timeline import KEPT
from fleetmon.model.days import day_of, midnight
from fleetmon.readout.enquiry.enquiry import Answer, Enquiry, Party, answer, matching
from fleetmon.store import Archive

_FACTS: Final = 100_000  # of one terminal or merchant
_WORDS: Final = 5_000  # of one host
_LOOKED_AT: Final = 100  # merchants; reading back takes some 10 ms of each


def ask(loaded: Loaded, asked: Enquiry, now: int) -> Answer:
    """The answer at `now` (ms); raises StoreError when the store cannot be read."""
    registry, config = loaded.registry, loaded.config
    parties = matching((Party(row.id, row.name, row.number) for row in registry.merchants), asked.merchant)
    if not parties or len(parties) > (1 if asked.is_general else _LOOKED_AT):
        return Answer(now, parties)
    merchants = {one.id for one in parties}
    engine = Engine(registry, loaded.days, config.response_codes, max_unregistered=config.max_unregistered)
    engine.advance(now)
    since = midnight(day_of(now) - config.ledger_days)
    with Archive(config.store, loaded.store_password) as archive:
        found = archive.restored(now)
        engine.restore(found.records, found.facts, found.firing)
        engine.resume(found.episodes, found.notices, found.late)
        engine.recall((), archive.episodes(now - KEPT), archive.incidents(since, PAST))
        own = [*merchants, *(row.id for row in registry.terminals if row.merchant in merchants)]
        hosts = [row.id for row in registry.hosts]
        engine.recall(list(archive.facts_about(own, config.mqtt.prefix, since, _FACTS)))
        engine.recall(list(archive.facts_about(hosts, config.mqtt.prefix, since, _WORDS)))
    return answer(engine, asked)
