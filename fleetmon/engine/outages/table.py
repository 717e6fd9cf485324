"""The fleet as a table of cohorts: how many of each are silent, ought to be heard, and usually are silent.

A diverse fleet has ten thousands of cohorts, so which rows a scope takes is looked up by value; and of no more
attributes are rows told apart for `detect/localise` than leave it a table that it searches in some hundredths of a
second.
"""

import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final

from fleetmon.engine.groups import ATTRIBUTES, value
from fleetmon.model.incident import Scope
from fleetmon.model.terminal import Cohort

_AXES: Final = 5  # attributes compared at a time
_CELLS: Final = 2_000  # rows compared at a time
_NOBODY: Final = frozenset[int]()


class Table:
    """The rows, by number."""

    def __init__(self) -> None:
        self.failing: list[float] = []
        self.late: list[float] = []  # those too that are left out of `failing` as chance
        self.total: list[float] = []
        self.expected: list[float] = []
        self._values: dict[str, list[str]] = {name: [] for name in ATTRIBUTES}
        self._having: defaultdict[tuple[str, str], set[int]] = defaultdict(set)

    def __len__(self) -> int:
        return len(self.total)

    def add(self, cohort: Cohort, failing: float, late: float, total: float, expected: float) -> None:
        """One more row."""
        number = len(self)
        for name, values in self._values.items():
            said = value(cohort, name)
            values.append(said)
            self._having[name, said].add(number)
        self.failing.append(failing)
        self.late.append(late)
        self.total.append(total)
        self.expected.append(expected)

    def within(self, scope: Scope) -> Collection[int]:
        """The rows that a scope takes."""
        held = sorted([self._having.get(one, _NOBODY) for one in scope], key=len)
        return held[0].intersection(*held[1:]) if held else range(len(self))

    def telling(self, axes: Sequence[str]) -> list[str]:
        """The attributes to be compared: those by which the silent ones differ most from all."""
        compared: list[str] = []
        for name in sorted(axes, key=lambda name: -round(self._apart(name), 6)):
            if len(compared) < _AXES and (not compared or self._cells([*compared, name]) <= _CELLS):
                compared.append(name)
        return [name for name in axes if name in compared]

    def merged(self, axes: Sequence[str]) -> list[dict[str, Any]]:
        """The rows that `localise` reads, of these attributes only."""
        cells: defaultdict[tuple[str, ...], list[int]] = defaultdict(list)
        for number, values in enumerate(zip(*[self._values[name] for name in axes], strict=True)):
            cells[values].append(number)
        return [
            dict(zip(axes, values, strict=True))
            | {
                "failing": total(self.failing, held),
                "total": total(self.total, held),
                "expected": total(self.expected, held),
            }
            for values, held in cells.items()
        ]

    def _cells(self, axes: Sequence[str]) -> int:
        return len(self) if len(self) <= _CELLS else len(set(zip(*[self._values[name] for name in axes], strict=True)))

    def _apart(self, name: str) -> float:
        failing, everybody, shares = sum(self.failing), sum(self.total), defaultdict[str, float](float)
        for said, silent, count in zip(self._values[name], self.failing, self.total, strict=True):
            shares[said] += silent / failing - count / everybody
        return sum(map(abs, shares.values()))


def total(column: Sequence[float], rows: Iterable[int]) -> float:
    """What these rows hold together; exact, so that their order decides nothing."""
    return math.fsum([column[number] for number in rows])
