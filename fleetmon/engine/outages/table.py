"""The fleet as a table of cohorts: how many of each are silent, ought to be heard, and usually are silent.

A diverse fleet has ten thousands of cohorts, so which rows a scope takes is looked up by value; and of no more
attributes are rows told apart for `detect/localise` than leave it a table that it searches in some hundredths of a
second.
"""

import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final

from fleetmon.engine.groups import value
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
        self._cohorts: list[Cohort] = []
        self._columns: dict[str, list[str]] = {}  # values by attribute, and the rows by value, as far as asked
        self._having: dict[str, dict[str, set[int]]] = {}

    def __len__(self) -> int:
        return len(self.total)

    def add(self, cohort: Cohort, failing: float, late: float, total: float, expected: float) -> None:
        """One more row."""
        self._cohorts.append(cohort)
        self.failing.append(failing)
        self.late.append(late)
        self.total.append(total)
        self.expected.append(expected)

    def within(self, scope: Scope) -> Collection[int]:
        """The rows that a scope takes."""
        held = sorted([self._rows(name).get(said, _NOBODY) for name, said in scope], key=len)
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
        for number, values in enumerate(zip(*map(self._values, axes), strict=True)):
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

    def _values(self, name: str) -> list[str]:
        found = self._columns.get(name)
        if found is None:
            found = self._columns[name] = [value(cohort, name) for cohort in self._cohorts]
        return found

    def _rows(self, name: str) -> dict[str, set[int]]:
        found = self._having.get(name)
        if found is None:
            rows = defaultdict[str, set[int]](set)
            for number, said in enumerate(self._values(name)):
                rows[said].add(number)
            found = self._having[name] = dict(rows)
        return found

    def _cells(self, axes: Sequence[str]) -> int:
        return len(self) if len(self) <= _CELLS else len(set(zip(*map(self._values, axes), strict=True)))

    def _apart(self, name: str) -> float:
        failing, everybody, shares = sum(self.failing), sum(self.total), defaultdict[str, float](float)
        for said, silent, count in zip(self._values(name), self.failing, self.total, strict=True):
            shares[said] += silent / failing - count / everybody
        return sum(map(abs, shares.values()))


def total(column: Sequence[float], rows: Iterable[int]) -> float:
    """What these rows hold together; exact, so that their order decides nothing."""
    return math.fsum([column[number] for number in rows])
