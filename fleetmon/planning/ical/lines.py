"""An iCal file as components with the numbers of their lines, within limits whatever is in it.

Lines are unfolded as bytes, because some writers fold in the middle of a character. A line that cannot be read is
kept as a fault of its component. What is cut off or closed in the wrong order is no calendar at all: who takes part
of a file for the whole would cancel the rest. Where it can be wrong: only the properties in `READ` are looked at.
"""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from icalendar.parser import Contentline
from msgspec import Struct, field

from fleetmon.model.errors import ConfigError

BYTES_MOST: Final = 2_000_000
EVENTS_MOST: Final = 10_000
_LINE_MOST: Final = 65_536
_DEPTH: Final = 4
_NAME: Final = re.compile(rb"([A-Za-z0-9-]+)[ \t]*[:;]")
READ: Final = (
    "UID", "SEQUENCE", "STATUS", "DTSTART", "DTEND", "DURATION", "RRULE", "RDATE", "EXDATE", "EXRULE", "RECURRENCE-ID",
    "SUMMARY", "DESCRIPTION", "DTSTAMP", "METHOD", "TZID", "TZOFFSETTO", "X-LIC-LOCATION", "X-WR-TIMEZONE",
    "X-FLEETMON-SELECTOR", "X-FLEETMON-OWNER", "X-FLEETMON-REFERENCE", "X-FLEETMON-FLEXIBLE", "X-FLEETMON-LEAD",
)  # fmt: skip


class Property(NamedTuple):
    """One line; `value` as it stands there."""

    name: str
    parameters: dict[str, str]
    value: str
    line: int


class Component(Struct):
    """What stands between BEGIN and END."""

    name: str
    line: int
    properties: list[Property] = field(default_factory=list)
    parts: list["Component"] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def all(self, name: str) -> list[Property]:
        """Every property of this name."""
        return [one for one in self.properties if one.name == name]

    def first(self, name: str) -> Property | None:
        """The first of them."""
        return next((one for one in self.properties if one.name == name), None)


def calendars(data: bytes, source: str) -> list[Component]:
    """The calendars of a file; raises ConfigError for what is none, or is not whole."""
    if len(data) > BYTES_MOST:
        raise ConfigError([f"{source}: has {len(data)} bytes; at most {BYTES_MOST} are read"])
    root, open_ = Component("", 0), list[Component]()
    events = 0
    for number, line in _unfolded(data.removeprefix(b"\xef\xbb\xbf")):
        name = _NAME.match(line)
        word = name[1].decode().upper() if name else ""
        if word in ("BEGIN", "END"):
            what = line.partition(b":")[2].strip().decode("ascii", "replace").upper()[:64]
            events += word == "BEGIN" and what == "VEVENT"
            _step(root, open_, word, what, number, source)
        elif open_:
            _take(open_[-1], word, line, number)
        if events > EVENTS_MOST:
            raise ConfigError([f"{source}: has more than {EVENTS_MOST} events; split it"])
    if open_:
        raise ConfigError([f"{source}: is cut off: {open_[-1].name} of line {open_[-1].line} has no end"])
    found = [one for one in root.parts if one.name == "VCALENDAR"]
    if not found:
        begin = data[:40].decode("utf-8", "replace").split("\n")[0]
        raise ConfigError([f"{source}: holds no calendar; it begins with {begin!r}"])
    return found


def _step(root: Component, open_: list[Component], word: str, what: str, number: int, source: str) -> None:
    if word == "END":
        if not open_ or open_[-1].name != what:
            expected = f"{open_[-1].name} of line {open_[-1].line} is open" if open_ else "nothing is open"
            raise ConfigError([f"{source}: line {number}: END:{what} where {expected}"])
        open_.pop()
        return
    if len(open_) == _DEPTH:
        raise ConfigError([f"{source}: line {number}: components within components, deeper than {_DEPTH}"])
    made = Component(what, number)
    (open_[-1] if open_ else root).parts.append(made)
    open_.append(made)


def _take(component: Component, word: str, line: bytes, number: int) -> None:
    if not word:
        component.faults.append(f"line {number}: is no NAME:VALUE, nor does it continue the line before")
    elif word in READ:
        try:
            component.properties.append(_property(word, line, number))
        except (ValueError, AssertionError):  # UnicodeDecodeError is a ValueError
            component.faults.append(f"line {number}: {word} cannot be read; it may have {_LINE_MOST} bytes of UTF-8")


def _property(word: str, line: bytes, number: int) -> Property:
    if len(line) > _LINE_MOST:
        raise ValueError("is too long")
    text = line.decode()
    if text[len(word)] == ":":  # the parser looks at each letter, for parameters that most lines lack
        return Property(word, {}, text[len(word) + 1 :].strip(), number)
    name, said, value = Contentline(text).raw_parts()  # type: ignore[no-untyped-call]
    known = {str(key).upper(): one if isinstance(one, str) else ",".join(one) for key, one in said.items()}
    return Property(name.upper(), known, value.strip(), number)


def _unfolded(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Each logical line with the number of its first."""
    parts: list[bytes] = []
    begun = 0
    for number, raw in enumerate(data.split(b"\n"), 1):
        line = raw.rstrip(b"\r")
        if line[:1] in (b" ", b"\t") and parts:
            parts.append(line[1:])
            continue
        if parts:
            yield begun, b"".join(parts)
        parts, begun = ([line], number) if line.strip() else ([], number)
    if parts:
        yield begun, b"".join(parts)
