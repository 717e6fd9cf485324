"""Which terminals could take payments when: the fleet's time in a span, summed up by columns of an hour or so.

A terminal counts while it was expected: heard, or missed. Who was switched off with its shop closed, or was never
heard, does not. A missed one was lost from its last sign of life until it was heard again; who was only late was not.
Alive but not able to pay is lost, too, unless all that speaks for it is that nobody bought. Time that planned work
covers is counted by itself, and of time in which we did not hear, or did not watch, nothing is said: it is neither
good nor bad.
Where it can be wrong: a missed terminal may have taken payments that we heard nothing of.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Final, Literal, NamedTuple

from fleetmon.model.terminal import NO_DEADLINE
from fleetmon.readout.report.spans import Span, within, without
from fleetmon.store import ChangeRow, Night, TerminalRow

Kind = Literal["up", "down", "idle", "planned", "blind"]
KINDS: Final[tuple[Kind, ...]] = ("up", "down", "idle", "planned", "blind")
_LATE: Final = "suspect"


class Lost(NamedTuple):
    """A terminal took no payments; `since` is when that began, None: before the span."""

    terminal: TerminalRow
    begin: int
    end: int
    since: int | None
    idle: bool  # alive, and not able to pay


class Columns:
    """Sums of terminals' time by columns. Adding costs the same however long it was."""

    def __init__(self, edges: Sequence[int]) -> None:
        """`edges` of the columns, the last one included."""
        self.edges = edges
        self._parts = {kind: [0] * len(edges) for kind in KINDS}  # time in a part of a column
        self._steps = {kind: [0] * len(edges) for kind in KINDS}  # terminals from this column on

    def add(self, kind: Kind, begin: int, end: int, times: int = 1) -> None:
        """So many terminals were so from then to then, inside the edges."""
        edges, parts, steps = self.edges, self._parts[kind], self._steps[kind]
        first, last = bisect_right(edges, begin) - 1, bisect_right(edges, end) - 1
        if first == last:
            parts[first] += times * (end - begin)
            return
        parts[first] += times * (edges[first + 1] - begin)
        parts[last] += times * (end - edges[last])
        steps[first + 1] += times
        steps[last] -= times

    def sums(self, kind: Kind) -> list[int]:
        """Milliseconds by column."""
        found, many = [], 0
        for column in range(len(self.edges) - 1):
            many += self._steps[kind][column]
            width = self.edges[column + 1] - self.edges[column]
            found.append(self._parts[kind][column] + many * width)
        return found


class Attendance(NamedTuple):
    """What a night comes to."""

    columns: Columns
    lost: list[Lost]


def attendance(
    night: Night,
    edges: Sequence[int],
    provider: str | None,
    blind: Callable[[str], Sequence[Span]],
    planned: Callable[[TerminalRow, Span], Sequence[Span]],
) -> Attendance:
    """Sum up a night. `blind` is when nobody heard a provider's terminals, `planned` what of a span work covered."""
    found = Attendance(Columns(edges), [])
    counts, whole = dict(night.counts), (edges[0], edges[-1])
    silences = {(one.topic.split("/")[1], one.end): one.begin for one in night.episodes if one.kind == "silent"}
    for row in night.rows.values():
        counts[row.provider, row.state] = counts.get((row.provider, row.state), 0) - 1
    for (name, state), count in counts.items():
        if count > 0 and state == "up" and provider in (None, name):
            _up(found.columns, whole, blind(name), count)
    moved = {key: list(rows) for key, rows in groupby(night.changes, key=attrgetter("terminal"))}
    for row in night.rows.values():
        if provider in (None, row.provider):
            for kind, span, since in _stretches(row, moved.get(row.id, ()), whole, silences):
                if kind == "up":
                    _up(found.columns, span, blind(row.provider))
                else:
                    _lose(found, Lost(row, *span, since, idle=False), blind(row.provider), planned)
    for one in night.episodes:
        is_idle = one.kind == "not_paying" and one.code != "quiet"
        idle = night.rows.get(one.topic.split("/")[1]) if is_idle else None
        if idle is not None and provider in (None, idle.provider):
            _idle(found, idle, (one.begin, one.end), blind(idle.provider), planned)
    return found


def _idle(
    found: Attendance,
    row: TerminalRow,
    span: Span,
    blind: Sequence[Span],
    planned: Callable[[TerminalRow, Span], Sequence[Span]],
) -> None:
    """It was alive and could not pay."""
    start, end = found.columns.edges[0], found.columns.edges[-1]
    for cut in within(span, [(start, end)]):
        since = span[0] if span[0] >= start else None
        _lose(found, Lost(row, *cut, since, idle=True), blind, planned)


def _stretches(
    row: TerminalRow, changes: Sequence[ChangeRow], whole: Span, silences: Mapping[tuple[str, int], int]
) -> Iterator[tuple[str, Span, int | None]]:
    """When it was up, and when it was down and since when, in order; a silence begins with the last sign of life."""
    until = whole[1]
    for kind, begin, end in reversed(_resolved(row, changes, whole)):
        stop = min(end, until)
        if kind == "down":
            since = silences.get((row.id, NO_DEADLINE if end == whole[1] else end), begin)
            until = max(min(since, begin), whole[0])
            yield kind, (until, stop), since if since > whole[0] else None
        elif kind == "up" and begin < stop:
            yield kind, (begin, stop), None


def _resolved(row: TerminalRow, changes: Sequence[ChangeRow], whole: Span) -> list[tuple[str, int, int]]:
    """Its states one after the other. Whoever was late was what it turned out to be; two that are the same are one."""
    states = [changes[0].before if changes else row.state, *[change.after for change in changes]]
    times = [whole[0], *[change.at for change in changes], whole[1]]
    found: list[tuple[str, int, int]] = []
    for place in reversed(range(len(states))):
        state, begin, end = states[place], times[place], times[place + 1]
        if state == _LATE:
            state = found[-1][0] if found else ""
        if found and found[-1][0] == state:
            found[-1] = state, begin, found[-1][2]
        else:
            found.append((state, begin, end))
    return found[::-1]


def _lose(
    found: Attendance, lost: Lost, blind: Sequence[Span], planned: Callable[[TerminalRow, Span], Sequence[Span]]
) -> None:
    """Count a loss by what it was: not seen by us, planned, or a loss. Who is idle is counted as up already."""
    whole = lost.begin, lost.end
    work = planned(lost.terminal, whole)
    for begin, end in within(whole, blind) if not lost.idle else ():
        found.columns.add("blind", begin, end)
    for heard in without(whole, blind):
        for begin, end in within(heard, work) if not lost.idle else ():
            found.columns.add("planned", begin, end)
        for begin, end in without(heard, work):
            found.columns.add("idle" if lost.idle else "down", begin, end)
            found.lost.append(lost._replace(begin=begin, end=end))


def _up(columns: Columns, span: Span, blind: Sequence[Span], times: int = 1) -> None:
    for begin, end in within(span, blind):
        columns.add("blind", begin, end, times)
    for begin, end in without(span, blind):
        columns.add("up", begin, end, times)
