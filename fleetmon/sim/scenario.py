"""Scenarios: what happens to the fleet, when, and to whom.

A strict YAML file. Times are scenario seconds from the start; `who` is a selector of the contract:

    name: carrier-outage
    duration_s: 180
    steps:
      - {at_s: 40, do: network_outage, who: {carrier: CMCC, region: changsha-yuhua}, for_s: 60}

What can happen is in `STEPS`, with the fields of each struct. Every problem is reported with its path.
"""

import enum
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from msgspec import Meta, Struct

from fleetmon import strict
from fleetmon.model.errors import ConfigError
from fleetmon.model.events import Attribute, DeviceEvent, Id, Ratio, Selector, Word
from fleetmon.model.registry import CELLULAR, Registry, selects
from fleetmon.sim.roster import attributes

Component = Literal[
    "reader", "ped", "printer", "battery", "power", "storage", "clock", "sim", "security", "software", "keys"
]
_YEAR = 31_536_000
At = Annotated[float, Meta(ge=0, le=_YEAR)]
Span = Annotated[float, Meta(gt=0, le=_YEAR)]


class Effect(enum.Enum):
    """What a step takes from a terminal while it lasts."""

    NETWORK = "network"
    POWER = "power"
    OFF = "off"
    HANG = "hang"
    NOTHING = "nothing"


class Step(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="do"):
    """Something happens to some terminals. `who` empty is all of them, `for_s` empty until the end."""

    effect: ClassVar[Effect] = Effect.NOTHING
    named: ClassVar[Attribute | None] = None  # what `who` has to name

    at_s: At
    who: Selector = {}
    for_s: Span | None = None

    def strikes(self, terminal: dict[Attribute, str]) -> bool:
        """Whether it happens to a terminal with these attributes."""
        return selects(self.who, terminal)


class NetworkOutage(Step, frozen=True, tag="network_outage"):
    """The network is gone: the connection dies without a word, sales are stored in the terminal and sent later."""

    effect: ClassVar[Effect] = Effect.NETWORK


class CarrierOutage(NetworkOutage, frozen=True, tag="carrier_outage"):
    """A carrier is out: those of its terminals that use it, and not those on WiFi or a cable."""

    named: ClassVar[Attribute | None] = "carrier"

    def strikes(self, terminal: dict[Attribute, str]) -> bool:
        """Whether the terminal speaks through the air."""
        return terminal["network"] in CELLULAR and super().strikes(terminal)


class SiteOutage(NetworkOutage, frozen=True, tag="site_outage"):
    """All networks of a shop are gone, whatever its terminals use."""

    named: ClassVar[Attribute | None] = "site"


class Silence(Step, frozen=True, tag="silence"):
    """The application hangs: nothing is said or sold, while the connection stays."""

    effect: ClassVar[Effect] = Effect.HANG


class Shutdown(Step, frozen=True, tag="shutdown"):
    """Switched off in good order, with a farewell."""

    effect: ClassVar[Effect] = Effect.OFF


class Reboot(Step, frozen=True, tag="reboot"):
    """Power is cut; after `for_s` the terminal is back with the next boot."""

    effect: ClassVar[Effect] = Effect.POWER

    for_s: Span = 20.0


class Swap(Step, frozen=True, tag="swap"):
    """Another device takes the terminal's place: after `for_s` it is back with a new serial and few boots."""

    effect: ClassVar[Effect] = Effect.POWER

    for_s: Span = 300.0


class Skew(Step, frozen=True, tag="skew"):
    """The clock is wrong by `by_s` seconds more."""

    by_s: Annotated[float, Meta(ge=-100 * _YEAR, le=100 * _YEAR)]


class Loss(Step, frozen=True, tag="loss"):
    """The line loses so many more of the heartbeats."""

    rate: Ratio


class HostOutage(Step, frozen=True, tag="host_outage"):
    """An acquirer does not work: so many requests get no answer, so many are refused with code 91."""

    named: ClassVar[Attribute | None] = "acquirer"

    swallows: Ratio = 0.35
    refuses: Ratio = 0.6


class Device(Step, frozen=True, tag="device"):
    """A device fault is reported; with `for_s` it is cleared after that time."""

    component: Component
    code: Word
    action: Literal["set", "clear", "oneshot"] = "set"
    severity: Literal["critical", "warning", "info"] | None = None

    def event(self, at: int, *, cleared: bool = False) -> DeviceEvent:
        """The message, not numbered yet; `at` is the terminal's own clock."""
        action = "clear" if cleared else self.action
        return DeviceEvent(at, 0, 0, self.component, self.code, action, self.severity)


class Scenario(Struct, frozen=True, forbid_unknown_fields=True):
    """A story of `duration_s` scenario seconds."""

    name: Id
    duration_s: Span
    steps: tuple[Step, ...] = ()

    def problems(self, registry: Registry) -> list[str]:
        """Steps that would happen to nobody in this fleet: most often a misspelt value."""
        fleet = attributes(registry).values()
        return [
            f"steps[{index}].who: selects no terminal of this registry"
            for index, step in enumerate(self.steps)
            if not any(map(step.strikes, fleet))
        ]


STEPS: dict[str, type[Step]] = {
    "network_outage": NetworkOutage,
    "carrier_outage": CarrierOutage,
    "site_outage": SiteOutage,
    "silence": Silence,
    "shutdown": Shutdown,
    "reboot": Reboot,
    "device": Device,
    "swap": Swap,
    "skew": Skew,
    "loss": Loss,
    "host_outage": HostOutage,
}


def shipped(name: str) -> Scenario:
    """A scenario that comes with the package, e.g. `carrier-outage`."""
    file = resources.files(__package__) / "scenarios" / f"{name}.yml"
    return read(file.read_text("utf-8"), name)


def load(path: Path) -> Scenario:
    """Read a scenario file; raises ConfigError with every problem found."""
    return _scenario(strict.document(path), str(path))


def read(text: str, source: str) -> Scenario:
    """A scenario from its YAML text; `source` names it in the problems."""
    return _scenario(strict.parse(text, source), source)


class _Outline(Struct, forbid_unknown_fields=True):
    name: Id
    duration_s: Span
    steps: list[Any] = []


def _scenario(found: object, source: str) -> Scenario:
    problems = list(strict.problems(found, _Outline))
    raw = found.get("steps") if isinstance(found, dict) else None
    for index, step in enumerate(raw if isinstance(raw, list) else []):
        problems += _step_problems(step, f"steps[{index}]")
    if problems:
        raise ConfigError([f"{source}: {problem}" for problem in problems])
    outline = strict.convert(found, _Outline, source)
    steps = tuple([strict.convert(_without_do(step), STEPS[step["do"]], source) for step in outline.steps])
    late = [
        f"{source}: steps[{index}].at_s: after the end of the scenario at {outline.duration_s:g} s"
        for index, step in enumerate(steps)
        if step.at_s > outline.duration_s
    ]
    if late:
        raise ConfigError(late)
    return Scenario(outline.name, outline.duration_s, steps)


def _step_problems(raw: object, path: str) -> Iterator[str]:
    kind = STEPS.get(str(raw.get("do"))) if isinstance(raw, dict) else None
    if not isinstance(raw, dict) or kind is None:
        yield f"{path}.do: what happens is missing or unknown; one of {', '.join(STEPS)}"
        return
    yield from strict.problems(_without_do(raw), kind, path)
    if raw.get("for_s") is not None and raw.get("action", "set") != "set":
        yield f"{path}.for_s: only what is `set` can be cleared after a time"
    if kind.named is not None and kind.named not in (raw.get("who") or {}):
        yield f"{path}.who: has to name the {kind.named}"


def _without_do(step: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in step.items() if name != "do"}
