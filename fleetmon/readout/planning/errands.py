"""What speaks for a visit to single terminals: what is wrong, what wears out, what is not used any longer.

Read from what the engine knows anyway when somebody asks: incidents, what terminals say of themselves, the prognosis,
sales. Old software alone sends nobody, but is seen to where somebody goes. Where it can be wrong: which software is
newer is told by the numbers in its name.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from fleetmon.detect.prognosis import Prognosis
from fleetmon.engine import Engine
from fleetmon.engine.terminal.usage import sold_at
from fleetmon.model.days import DAY
from fleetmon.model.incident import Incident, Status
from fleetmon.model.terminal import NO_DEADLINE, Liveness, Terminal
from fleetmon.model.window import is_window
from fleetmon.planning.errands import BY_ITSELF, REASONS, reason
from fleetmon.readout.planning.prospects import Prospects
from fleetmon.readout.slices import slowly

_DORMANT: Final = 14 * DAY
_NOT_PAYING: Final = ("no_host", "failing", "quiet")  # what no incident tells of
_ABOUT: Final = 60_000  # by so much a terminal's clock may be ahead of ours or behind
_SPREAD: Final = 0.1  # of a model's terminals run what is not on trial any more


class Errand(NamedTuple):
    """One reason; `lost` is the share of the sales that it takes until somebody comes, as far as that is expected."""

    reason: str
    since: int
    lost: float
    incident: str | None = None
    probability: float | None = None  # of a failure within a week, where none has happened


async def errands(engine: Engine, prospects: Prospects) -> Mapping[str, list[Errand]]:
    """By terminal; those of one terminal by falling loss."""
    found: dict[str, dict[str, Errand]] = defaultdict(dict)
    async for incident in slowly(engine.incidents):
        for one in _of_incident(engine, incident):
            found[incident.scope[0][1]].setdefault(one.reason, one)
    for key in list(engine.shard.checkup.not_paying):
        if (idle := _not_paying(engine, key)) is not None and key not in found:
            found[key][idle.reason] = idle
    for key, prognosis in await prospects.all():
        if (likely := _likely(prognosis)) is not None:
            found[key].setdefault(likely.reason, likely)
    async for terminal in slowly(list(engine.fleet.terminals.values())):
        if (since := _dormant_since(terminal, engine.now)) is not None and terminal.id not in found:
            found[terminal.id]["dormant"] = Errand("dormant", since, 0.0)
    found = {key: known for key, known in found.items() if key in engine.fleet.terminals}  # the registry may change
    _add_old(engine, found)
    return {key: sorted(known.values(), key=lambda one: (-one.lost, one.reason)) for key, known in found.items()}


def reasons_of(engine: Engine, incident: Incident) -> list[str]:
    """For what somebody would go because of an incident; of a broken part, which it is."""
    if incident.kind in BY_ITSELF:
        return [incident.kind]
    if incident.kind != "device_fault":
        return []
    end = engine.now if incident.resolved_at is None else incident.resolved_at
    told = engine.explainer.timeline.of(f"terminal/{incident.scope[0][1]}", incident.opened_at - _ABOUT, end)
    lasting = {reason(one.kind, one.code) for one in told if one.end > max(one.begin, incident.opened_at)}
    parts = sorted(part for part in lasting if part is not None and part not in BY_ITSELF)
    once = any(one.begin == one.end and reason(one.kind, one.code) for one in told)
    return parts or ([] if once else ["unreachable"])


def _of_incident(engine: Engine, incident: Incident) -> Iterator[Errand]:
    """Of a terminal's own, unless another incident explains it."""
    explained = incident.suppressed_by is not None and not is_window(incident.suppressed_by)
    if incident.status is not Status.FIRING or explained or [name for name, _ in incident.scope] != ["terminal"]:
        return
    if incident.scope[0][1] in engine.fleet.terminals:
        for why in reasons_of(engine, incident):
            if engine.now - incident.opened_at >= REASONS[why].after:
                yield Errand(why, incident.opened_at, REASONS[why].lost, incident.id)


def _not_paying(engine: Engine, key: str) -> Errand | None:
    why = engine.shard.checkup.not_paying[key]
    told = engine.explainer.timeline.of(f"terminal/{key}", engine.now, engine.now)
    since = min((one.begin for one in told if one.kind == "not_paying" and one.end == NO_DEADLINE), default=engine.now)
    if why not in _NOT_PAYING or key not in engine.fleet.terminals or engine.now - since < REASONS[why].after:
        return None
    return Errand(why, since, REASONS[why].lost)


def _likely(prognosis: Prognosis) -> Errand | None:
    """What has not failed yet."""
    why = next((why for one in prognosis.reasons if (why := reason(*_split(one.code))) is not None), None)
    if why is None or prognosis.failed_at is not None:
        return None
    since = min(one.last_at for one in prognosis.reasons)
    return Errand(why, since, prognosis.probability * REASONS[why].lost, None, prognosis.probability)


def _add_old(engine: Engine, found: Mapping[str, dict[str, Errand]]) -> None:
    """Old software is renewed where somebody goes anyway."""
    newest = _newest(engine)
    for key, known in found.items():
        cohort = engine.fleet.terminals[key].cohort
        if cohort.firmware and _version(cohort.firmware) < newest.get(cohort.model, ()):
            known["old_firmware"] = Errand("old_firmware", 0, 0.0)


def _dormant_since(terminal: Terminal, now: int) -> int | None:
    """Since when nobody uses it that was used before: switched off in good order, or on and without a sale."""
    if not terminal.registered:
        return None
    if terminal.liveness is Liveness.ASLEEP:
        since = terminal.last_seen
    elif terminal.liveness is Liveness.UP and terminal.usage:
        since = sold_at(terminal.usage)
    else:
        return None
    return since if since and now - since > _DORMANT else None


def _newest(engine: Engine) -> dict[str, tuple[int, ...]]:
    """The newest software of each model that is not only tried out."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for (cohort, _), number in engine.fleet.census.counts.items():
        counts[cohort.model][cohort.firmware] += number
    return {
        model: max(_version(name) for name, number in found.items() if number >= _SPREAD * found.total())
        for model, found in counts.items()
        if any(number >= _SPREAD * found.total() for number in found.values())
    }


def _version(name: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"[0-9]{1,9}", name))


def _split(code: str) -> tuple[str, str]:
    component, _, rest = code.partition("/")
    return component, rest
