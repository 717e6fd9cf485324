"""One terminal's days: when it is away and why, what it says, and what its heartbeats would show.

Stories write into it in any order and in true time; `speech.py` turns it into messages, numbers them and
sets the terminal's own clock to them.
"""

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from fleetmon.model.registry import Terminal
from fleetmon.sim.chance import Chance
from fleetmon.sim.corpus.dates import HOUR, MINUTE, SECOND, clock_of, moment
from fleetmon.sim.corpus.scene import Scene

if TYPE_CHECKING:
    from fleetmon.sim.corpus.sale import Fault

FOREVER: Final = 2**62
OFF: Final = frozenset({"night", "power", "maintenance"})  # after these it has booted
Fields = dict[str, Any]


class Spell(NamedTuple):
    """Not connected from `start` to `end`; why: night, lost, power or maintenance."""

    start: int
    end: int
    why: str


@dataclass(frozen=True)
class Overlay:
    """What the heartbeats show from `start` to `end`, other than usual; a callable is given the time."""

    start: int
    end: int
    group: str
    values: dict[str, object]


class OpenBatch(NamedTuple):
    """A batch while it is open in a terminal, with the moments and amounts of its sales."""

    no: str
    opened_at: int
    closed_at: int
    sales: list[tuple[int, int]]


class Said(NamedTuple):
    """A message as it was made, before it has a number and a clock."""

    at: int
    kind: str
    fields: Fields


@dataclass
class Closing:
    """The end of a batch. `at` None: nobody closed it that day; `agreed` false: the totals differ."""

    planned: int
    at: int | None
    no: str = ""
    agreed: bool = True
    response: str = "00"
    brief: bool = False  # of a mismatch only the closing itself is told
    fault: "Fault | None" = None


@dataclass(eq=False)
class Device:
    """A terminal and its story so far."""

    row: Terminal
    scene: Scene
    chance: Chance
    hours: tuple[int, int] | None  # seconds of the day; None: always open
    close_s: int  # the terminal's own daily closing of its batch
    firmware: str
    app: str
    detail: str = "rich"  # how much its heartbeats tell: rich, plain or thin
    position: tuple[float, float] = (0.0, 0.0)
    spells: list[Spell] = field(default_factory=list)
    said: list[Said] = field(default_factory=list)
    overlays: list[Overlay] = field(default_factory=list)
    pending: list[tuple[int, int, int]] = field(default_factory=list)  # stored, uploaded, amount
    reversals: list[tuple[int, int]] = field(default_factory=list)  # open, answered
    skews: list[tuple[int, int, int]] = field(default_factory=list)  # from, to, by ms
    updates: list[tuple[int, dict[str, str]]] = field(default_factory=list)  # State fields new from then on
    troubles: list[tuple[int, int]] = field(default_factory=list)  # no ordinary sale then
    closings: dict[date, Closing] = field(default_factory=dict)
    batches: list[OpenBatch] = field(default_factory=list)
    loss: float = 0.01

    def __post_init__(self) -> None:
        """The nights, and the daily closing of the batch."""
        self._gaps: list[Spell] | None = None
        for day in self.scene.days:
            self._add_day(day)

    def _add_day(self, day: date) -> None:
        first = day == self.scene.days[0]
        if self.hours is not None:
            opens, closes = self.hours
            open_at = moment(day, opens) - self.chance.randint(3, 18) * MINUTE
            # A quarter of an hour after closing at the latest: the next day's first span begins there.
            close_at = moment(day, closes) + self.chance.randint(60, 840) * SECOND
            if first and open_at > self.scene.start:
                self.spells.append(Spell(self.scene.start - 9 * HOUR, open_at, "night"))
            following = moment(day, opens) + 24 * HOUR - self.chance.randint(3, 18) * MINUTE
            self.spells.append(Spell(close_at, following, "night"))
        planned = moment(day, self.close_s) + self.chance.randint(0, 50) * SECOND
        self.closings[day] = Closing(planned, planned)

    @property
    def id(self) -> str:
        """Its id in the registry."""
        return self.row.id

    def away(self, start: int, end: int, why: str) -> None:
        """Take it off the air."""
        self.spells.append(Spell(start, end, why))
        self._gaps = None

    def gaps(self) -> list[Spell]:
        """The spells without overlaps; each has the reason of the one that began it, or `night` if it turned one."""
        if self._gaps is None:
            merged: list[Spell] = []
            for spell in sorted(self.spells):
                if merged and spell.start <= merged[-1].end:
                    last = merged[-1]
                    merged[-1] = Spell(last.start, max(last.end, spell.end), last.why)
                else:
                    merged.append(spell)
            self._gaps = merged
        return self._gaps

    def gap_at(self, at: int) -> Spell | None:
        """The gap that holds the moment."""
        gaps = self.gaps()
        index = bisect_right(gaps, (at, FOREVER, "")) - 1
        return gaps[index] if index >= 0 and gaps[index].start <= at < gaps[index].end else None

    def booted_in(self, gap: Spell) -> bool:
        """Whether it was switched off during the gap, by whatever reason the gap began."""
        return any(spell.why in OFF for spell in self.spells if spell.start < gap.end and gap.start < spell.end)

    def reachable(self, at: int) -> bool:
        """Whether it is connected at that moment."""
        return self.gap_at(at) is None

    def back_after(self, at: int) -> int:
        """When it is connected again; the moment itself, if it is."""
        gap = self.gap_at(at)
        return gap.end if gap else at

    def is_open(self, at: int) -> bool:
        """Whether the shop sells at that moment."""
        if self.hours is None:
            return True
        return self.hours[0] * 1.0 <= clock_of(at) < self.hours[1]

    def calm(self, at: int) -> bool:
        """Whether an ordinary sale can be made then."""
        return self.is_open(at) and self.reachable(at) and not any(low <= at < high for low, high in self.troubles)

    def say(self, at: int, kind: str, /, **fields: object) -> None:
        """Make a message."""
        self.said.append(Said(at, kind, fields))

    def report(self, at: int, component: str, code: str, action: str = "set", severity: str = "critical") -> None:
        """Make a device event."""
        self.say(at, "device", component=component, code=code, action=action, severity=severity)

    def show(self, start: int, end: int, group: str, **values: object | Callable[[int], object]) -> None:
        """Let the heartbeats show something else for a while."""
        self.overlays.append(Overlay(start, end, group, values))

    def trouble(self, start: int, end: int) -> None:
        """Make no ordinary sale then."""
        self.troubles.append((start, end))

    def skew_at(self, at: int) -> int:
        """By how many milliseconds its clock is wrong."""
        return sum(by for start, end, by in self.skews if start <= at < end)

    def closed_at(self, closing: Closing) -> int | None:
        """When the batch was closed; None if nobody closed it, or the terminal could reach nobody."""
        return closing.at if closing.at is not None and self.reachable(closing.at) else None

    def closed_after(self, at: int) -> Closing | None:
        """The batch's closing that a sale of that moment falls into; None if none has come by the end."""
        last = self.scene.until - 2 * MINUTE
        done = [
            (closed, number)
            for number, closing in enumerate(self.closings.values())
            if (closed := self.closed_at(closing)) is not None and at < closed < last
        ]
        return list(self.closings.values())[min(done)[1]] if done else None
