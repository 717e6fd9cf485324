"""Scenarios: what happens to the fleet, when, and to whom.

A strict YAML file. Times are scenario seconds from the start; `who` is a selector of the contract:

    name: carrier-outage
    duration_s: 180
    steps:
      - {at_s: 40, do: network_outage, who: {carrier: CMCC, region: changsha-yuhua}, for_s: 60}

Every problem is reported with its path. Where it can be wrong: a key given twice in one mapping is not
noticed; YAML takes the last.
"""

import math
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import FieldInfo, fields

from fleetmon.model.errors import ConfigError
from fleetmon.model.events import DeviceEvent, Id, Selector, Word
from fleetmon.model.registry import Registry, selects
from fleetmon.sim.roster import attributes

_YEAR = 31_536_000
At = Annotated[float, Meta(ge=0, le=_YEAR)]
Span = Annotated[float, Meta(gt=0, le=_YEAR)]


class Step(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="do"):
    """Something happens to some terminals. `who` empty is all of them, `for_s` empty until the end."""

    at_s: At
    who: Selector = {}
    for_s: Span | None = None


class NetworkOutage(Step, frozen=True, tag="network_outage"):
    """The network is gone: the connection dies without a word, sales are stored in the terminal and sent later."""


class Silence(Step, frozen=True, tag="silence"):
    """The application hangs: nothing is said or sold, while the connection stays."""


class Shutdown(Step, frozen=True, tag="shutdown"):
    """Switched off in good order, with a farewell."""


class Reboot(Step, frozen=True, tag="reboot"):
    """Power is cut; after `for_s` the terminal is back with the next boot."""

    for_s: Span = 20.0


class Device(Step, frozen=True, tag="device"):
    """A device fault is reported; with `for_s` it is cleared after that time."""

    component: Literal[
        "reader", "ped", "printer", "battery", "power", "storage", "clock", "sim", "security", "software", "keys"
    ]
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
            if not any(selects(step.who, terminal) for terminal in fleet)
        ]


STEPS: dict[str, type[Step]] = {
    "network_outage": NetworkOutage,
    "silence": Silence,
    "shutdown": Shutdown,
    "reboot": Reboot,
    "device": Device,
}


def shipped(name: str) -> Scenario:
    """A scenario that comes with the package, e.g. `carrier-outage`."""
    file = resources.files(__package__) / "scenarios" / f"{name}.yml"
    return read(file.read_text("utf-8"), name)


def load(path: Path) -> Scenario:
    """Read a scenario file; raises ConfigError with every problem found."""
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError([f"{path}: cannot be read: {error}"]) from None
    return read(text, str(path))


def read(text: str, source: str) -> Scenario:
    """A scenario from its YAML text; `source` names it in the problems."""
    try:
        raw = msgspec.yaml.decode(text)
    except (msgspec.DecodeError, TypeError, ValueError) as error:
        raise ConfigError([f"{source}: is no YAML: {error}"]) from None
    problems: list[str] = []
    values = _values(Scenario, raw, "", problems, apart="steps")
    steps = raw.get("steps", []) if isinstance(raw, dict) else []
    if not isinstance(steps, list):
        problems.append("steps: Expected `array`")
        steps = []
    duration = values.get("duration_s", _YEAR)
    read_steps = tuple(_step(step, f"steps[{index}].", duration, problems) for index, step in enumerate(steps))
    if problems:
        raise ConfigError([f"{source}: {problem}" for problem in problems])
    return Scenario(values["name"], duration, tuple(step for step in read_steps if step is not None))


def _step(raw: object, path: str, duration: float, problems: list[str]) -> Step | None:
    kind = STEPS.get(str(raw.get("do"))) if isinstance(raw, dict) else None
    if not isinstance(raw, dict) or kind is None:
        problems.append(f"{path}do: what happens is missing or unknown; one of {', '.join(STEPS)}")
        return None
    before = len(problems)
    values = _values(kind, {name: value for name, value in raw.items() if name != "do"}, path, problems)
    if values.get("at_s", 0) > duration:
        problems.append(f"{path}at_s: after the end of the scenario at {duration:g} s")
    if values.get("for_s") is not None and values.get("action", "set") != "set":
        problems.append(f"{path}for_s: only what is `set` can be cleared after a time")
    return kind(**values) if len(problems) == before else None


def _values(kind: type[Struct], raw: object, path: str, problems: list[str], apart: str = "") -> dict[str, Any]:
    """The fields of a struct one by one, so that one problem does not hide the next."""
    if not isinstance(raw, dict):
        problems.append(f"{path or 'the file'}: Expected a mapping, got {type(raw).__name__}")
        return {}
    known = {field.name: field for field in fields(kind)}
    problems += [f"{path}{name}: is no field here; known are {', '.join(known)}" for name in raw if name not in known]
    values = {}
    for name, field in known.items():
        if name in raw and name != apart:
            found = _faults(raw[name], field, f"{path}{name}")
            problems += found
            if not found:
                values[name] = msgspec.convert(raw[name], field.type)
        elif field.required:
            problems.append(f"{path}{name}: is missing")
    return values


def _faults(value: object, field: FieldInfo, path: str) -> list[str]:
    if isinstance(value, float) and not math.isfinite(value):
        return [f"{path}: is no finite number"]
    parts = [{name: part} for name, part in value.items()] if isinstance(value, dict) and value else [value]
    found = []
    for part in parts:
        try:
            msgspec.convert(part, field.type)
        except msgspec.ValidationError as error:
            name = f".{next(iter(part))}" if isinstance(part, dict) and part else ""
            found.append(f"{path}{name}: {str(error).split(' - at ')[0]}")
    return found
