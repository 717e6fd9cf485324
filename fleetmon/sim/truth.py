"""The truth about a recording: what a correct replay must find in it, may find, and must not.

Derived from what befell the fleet, not from what the terminals said, and by the contract's words alone:
an outage has to be found where it took at least two shops (or terminals, of one shop) long enough to
miss several heartbeats. The form is that of the contract's sample.
Why each sale is not paid is in `verdict.py`.
Where it can be wrong: windows of time are wide, because losses delay both detection and recovery; outages
that overlap are not required, as either may hide the other.
"""

import math
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import Any, Final

import msgspec

from fleetmon.model.errors import ConfigError
from fleetmon.model.events import Attribute, Selector
from fleetmon.model.registry import Registry
from fleetmon.sim.fate import Span, Why
from fleetmon.sim.recorder import Recorded
from fleetmon.sim.roster import attributes
from fleetmon.sim.scenario import Device, Effect, HostOutage, Skew
from fleetmon.sim.verdict import Blamed, Verdicts

PAGING: Final = (
    "carrier_outage", "region_outage", "host_outage", "model_fault", "attribute_outage", "tamper", "ingest_impaired",
    "provider_unlicensed", "interface_fault", "maintenance_overdue",
)  # fmt: skip
SETTLING_S: Final = 180.0  # holds and confirmations on top of missed heartbeats
OPENED_BEATS: Final = 5
RESOLVED_BEATS: Final = 4
NEEDED_BEATS: Final = 4  # a shorter outage may pass unnoticed
HOST_S: Final = 900.0  # a host is judged by what it answered
HOST_PER_S: Final = 0.25  # requests; fewer in each of its reports prove little
_COMPONENTS: Final = {
    "security": "tamper", "battery": "battery", "power": "battery", "keys": "keys", "software": "software_fault",
    "sim": "sim_problem", "clock": "clock_skew",
}  # fmt: skip
_BLAMED: Final = ("carrier_outage", "site_outage", "terminal_offline", "host_outage")  # kinds that are causes, too
_SILENT: Final = ["terminal_offline", "site_outage", "flapping"]


def write(file: Path, recorded: Recorded, registry: Registry, duration_s: float) -> None:
    """Write the truth about a recording; raises ConfigError."""
    truth = Truth(recorded, registry, duration_s).told()
    try:
        file.write_bytes(msgspec.json.format(msgspec.json.encode(truth), indent=1) + b"\n")
    except OSError as error:
        raise ConfigError([f"{file}: cannot be written: {error}"]) from None


class Truth:
    """What is true of one recording."""

    def __init__(self, recorded: Recorded, registry: Registry, duration_s: float) -> None:
        self._recorded = recorded
        self._registry = registry
        self._duration_s = duration_s
        self._blamed: dict[int, Blamed | None] = {}  # by identity of the span, as many sales share one
        self._fleet = list(attributes(registry).values())
        self._beat_s = max((row.interval_s or registry.defaults.interval_s for row in registry.terminals), default=60)
        self._off = [span for span in recorded.lived if span.step.effect in (Effect.OFF, Effect.POWER)]

    def told(self) -> dict[str, Any]:
        """All of it, as the sample has it."""
        incidents = [incident for span in self._recorded.lived for incident in self._incidents(span)]
        paged = {kind for incident in incidents if incident["page"] for kind in incident["kinds"]}
        recorded, moments = self._recorded, (self._recorded.started_at, self._recorded.until)
        money = Verdicts(recorded.journal, self._registry, recorded.lived, moments, self._blame)
        return {
            "until": recorded.until,
            "messages": recorded.messages,
            "explanations": list(money.explanations()),
            "paid": money.paid(),
            "incidents": incidents,
            "allowed": list(self._allowed()),
            "forbidden": [{"kinds": [kind for kind in PAGING if kind not in paged], "terminals": None}],
            "max_pages": sum(len(one["scopes"]) for one in incidents if one["page"]) + money.pages(),
        }

    def _incidents(self, span: Span) -> Iterator[dict[str, Any]]:
        members = self._members(span)
        if span.why not in (Why.STORY, Why.FAULT) or not members:
            return
        kinds = self._kinds(span, members)
        if not kinds:
            return
        yield {
            "kinds": kinds,
            "scope": self._scope(span, members),
            "scopes": self._scopes(span, members),
            "members": [self._fleet[number]["terminal"] for number in members],
            "start": self._at(span.begin_s),
            "must": self._must(span, members),
            "page": kinds[0] in PAGING,
            "opened": [self._at(span.begin_s), self._at(span.begin_s + self._late(span, OPENED_BEATS))],
            "resolved": self._resolved(span),
        }

    def _kinds(self, span: Span, members: Sequence[int]) -> list[str]:
        step = span.step
        if isinstance(step, Device):
            return [] if step.action == "clear" else [_COMPONENTS.get(step.component, "device_fault")]
        if step.effect in (Effect.NOTHING, Effect.OFF):
            return [
                kind for what, kind in ((HostOutage, "host_outage"), (Skew, "clock_skew")) if isinstance(step, what)
            ]
        return [self._outage(span, members)]

    def _outage(self, span: Span, members: Sequence[int]) -> str:
        """What an outage is called: by the narrowest of terminal and shop, else by the widest attribute named."""
        if len(members) == 1:
            return "terminal_offline"
        if len({self._fleet[number]["site"] for number in members}) == 1:
            return "site_outage"
        widest: tuple[tuple[Attribute, str], ...] = (
            ("carrier", "carrier_outage"), ("model", "model_fault"), ("firmware", "model_fault"),
            ("region", "region_outage"),
        )  # fmt: skip
        return next((kind for name, kind in widest if name in span.step.who), "attribute_outage")

    def _must(self, span: Span, members: Sequence[int]) -> bool:
        step, lasts_s = span.step, min(span.end_s, self._duration_s) - span.begin_s
        if isinstance(step, Device):
            return step.component == "security"
        if isinstance(step, HostOutage):
            busy = self._recorded.journal.made(self._hosts(members), self._at(span.begin_s), lasts_s) >= HOST_PER_S
            return busy and lasts_s >= HOST_S and step.swallows + step.refuses >= 0.5
        if step.effect is Effect.NOTHING or lasts_s < NEEDED_BEATS * self._beat_s + 60:
            return False
        hidden = any(
            other is not span
            and other.step.effect is not Effect.NOTHING
            and other.begin_s < span.end_s
            and span.begin_s < other.end_s + SETTLING_S
            and len(set(other.struck) & set(members)) * 2 > len(members)
            for other in self._recorded.lived
        )
        return not hidden

    def _blame(self, span: Span) -> Blamed | None:
        if id(span) not in self._blamed:
            self._blamed[id(span)] = self._judge(span)
        return self._blamed[id(span)]

    def _judge(self, span: Span) -> Blamed | None:
        """What a trouble is called as a cause; None where it may pass unnoticed or be taken for another."""
        members = self._members(span)
        kinds = self._kinds(span, members) if members else []
        if not kinds or kinds[0] not in _BLAMED or not self._must(span, members):
            return None
        if kinds[0] != "terminal_offline":
            return Blamed(kinds[0], (), span)
        shop = {number for number, row in enumerate(self._fleet) if row["site"] == self._fleet[members[0]]["site"]}
        lonely = any(
            other is not span
            and other.step.effect is not Effect.NOTHING
            and other.begin_s < span.end_s
            and span.begin_s < other.end_s
            and shop & set(other.struck)
            for other in self._recorded.lived
        )
        return None if lonely else Blamed(kinds[0], ("site_outage",) if len(shop) == 1 else (), span)

    def _members(self, span: Span) -> list[int]:
        """Who was there to be struck: not those that were off at that time."""
        away = {
            number
            for other in self._off
            if other is not span and other.begin_s <= span.begin_s < other.end_s
            for number in other.struck
        }
        return [number for number in span.struck if number not in away]

    def _scope(self, span: Span, members: Sequence[int]) -> Selector:
        if isinstance(span.step, HostOutage):
            return {"host": self._hosts(members)[0]}  # type: ignore[dict-item] # hosts have a word of their own
        if len(members) == 1:
            return {"terminal": self._fleet[members[0]]["terminal"]}
        return span.step.who

    def _scopes(self, span: Span, members: Sequence[int]) -> list[dict[str, str]]:
        """One for each combination of the values that were named."""
        if isinstance(span.step, HostOutage):
            return [{"host": host} for host in self._hosts(members)]
        scope = self._scope(span, members)
        values = [value if isinstance(value, list) else [value] for value in scope.values()]
        return [dict(zip(scope, chosen, strict=True)) for chosen in product(*values)]

    def _hosts(self, members: Sequence[int]) -> list[str]:
        return sorted({self._fleet[number]["acquirer"] for number in members})

    def _resolved(self, span: Span) -> list[int] | None:
        if math.isinf(span.end_s) or span.end_s >= self._duration_s:
            return None
        return [self._at(span.end_s), self._at(span.end_s + self._late(span, RESOLVED_BEATS))]

    def _late(self, span: Span, beats: int) -> float:
        """How many seconds after the fact it has to be told."""
        return HOST_S if isinstance(span.step, HostOutage) else beats * self._beat_s + SETTLING_S

    def _allowed(self) -> Iterator[dict[str, Any]]:
        """What befell single terminals may be noticed, and need not."""
        befallen: dict[Why, set[str]] = {}
        for span in self._recorded.lived:
            if span.why is not Why.NIGHT and span.step.effect is not Effect.NOTHING:
                befallen.setdefault(span.why, set()).update(self._fleet[number]["terminal"] for number in span.struck)
        for why, terminals in befallen.items():
            yield {"kinds": _SILENT, "terminals": sorted(terminals), "why": why.value}
        for component, topics in sorted(self._recorded.complaints.items()):
            kinds = [_COMPONENTS.get(component, "device_fault"), *(_SILENT if component == "battery" else [])]
            told = sorted(topic.split("/")[-2] for topic in topics)
            yield {"kinds": kinds, "terminals": told, "why": f"{component} told of it"}

    def _at(self, scenario_s: float) -> int:
        return self._recorded.started_at + round(scenario_s * 1000)
