"""A table of failures: how many fail of how many, by attributes, and how many do when nothing is wrong.

Rows as they are given are checked and made one where their values are the same; values are numbered in the order of
their names, so that what is found does not depend on the order of the rows, and numbers are quick to compare.

Where it can be wrong: without history the usual rate is taken from the table itself, by the attribute that tells
best. When nearly all fail by every attribute there is nobody to learn it from.
"""

import math
from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Final, NamedTuple

NONE: Final = -1  # the number of a value that is missing
_STRENGTH: Final = 50.0  # of so many, a row's own history weighs as much as everybody's
_MOST_USUAL: Final = 0.5  # without history: that more than half fail is nobody's habit
_LEAST_USUAL: Final = 0.001  # no history is long enough to promise less

Row = Mapping[str, object]
_Values = tuple[Hashable, ...]
_Counts = tuple[float, float, float | None]  # failing, total, expected


class Leaf(NamedTuple):
    """All rows of the same values, which are given by number."""

    values: tuple[int, ...]
    failing: float
    total: float
    expected: float | None


class Failures(NamedTuple):
    """The table."""

    leaves: list[Leaf]
    values: list[list[Hashable]]  # of each attribute, by number


def failures(rows: Iterable[Row], attributes: Sequence[str]) -> Failures:
    """Read a table; rows of nobody are left out.

    Raises:
        ValueError: A row is no mapping, or its numbers or values cannot be.
    """
    merged = _merged(rows, attributes)
    values = [sorted({own[axis] for own in merged} - {None}, key=_name) for axis in range(len(attributes))]
    numbers = [{None: NONE} | {value: number for number, value in enumerate(known)} for known in values]
    leaves = [
        Leaf(tuple([known[value] for known, value in zip(numbers, own, strict=True)]), *counts)
        for own, counts in merged.items()
    ]
    return Failures(sorted(leaves, key=itemgetter(0)), values)


def _merged(rows: Iterable[Row], attributes: Sequence[str]) -> dict[_Values, _Counts]:
    merged: dict[_Values, _Counts] = {}
    for number, row in enumerate(rows):
        if not isinstance(row, Mapping):
            raise ValueError(f"row {number} is a {type(row).__name__}, not a mapping of attributes and counts")  # noqa: TRY004
        counts, values = _counts(number, row), _values(number, row, attributes)
        if counts[1]:
            other = merged.get(values)
            merged[values] = counts if other is None else _sum(counts, other)
    return merged


def _counts(number: int, row: Row) -> _Counts:
    failing, total = _count(number, row, "failing"), _count(number, row, "total")
    expected = None if row.get("expected") is None else _count(number, row, "expected")
    if failing > total:
        raise ValueError(f"row {number}: failing is {failing:g} of a total of {total:g}")
    return failing, total, expected


def _count(number: int, row: Row, name: str) -> float:
    value = row.get(name)
    if not isinstance(value, (int, float)) or not 0 <= value < math.inf:
        raise ValueError(f"row {number}: {name} is {value!r}, not a number from 0")
    return float(value)


def _values(number: int, row: Row, attributes: Sequence[str]) -> _Values:
    values = tuple([row.get(attribute) for attribute in attributes])
    try:
        hash(values)
    except TypeError:
        attribute, value = next(one for one in zip(attributes, values, strict=True) if not _is_plain(one[1]))
        raise ValueError(f"row {number}: {attribute} is a {type(value).__name__}, not a plain value") from None
    return tuple([None if value == "" else value for value in values]) if "" in values else values


def _is_plain(value: object) -> bool:
    try:
        hash(value)
    except TypeError:
        return False
    return True


def _sum(one: _Counts, other: _Counts) -> _Counts:
    known = None if one[2] is None or other[2] is None else one[2] + other[2]
    return one[0] + other[0], one[1] + other[1], known


def _name(value: object) -> str:
    """What values are sorted by, whatever their type."""
    return f"{type(value).__name__} {value}"


def usual(leaves: Sequence[Leaf]) -> list[float]:
    """How many of each leaf fail when nothing is wrong: its history, drawn towards everybody's."""
    known = [(leaf.expected, leaf.total) for leaf in leaves if leaf.expected is not None]
    if known:
        rate = (sum(expected for expected, _ in known) + 0.5) / (sum(total for _, total in known) + 1)
    else:
        rate = _background(leaves)
    return [leaf.total * max(_rate(leaf, rate), _LEAST_USUAL) for leaf in leaves]


def _rate(leaf: Leaf, everybodys: float) -> float:
    if leaf.expected is None:
        return everybodys
    return (leaf.expected + _STRENGTH * everybodys) / (leaf.total + _STRENGTH)


def _background(leaves: Sequence[Leaf]) -> float:
    """The usual rate without history: of the attribute that tells best, what its better quarter stays below.

    By the attribute at fault, all but the values at fault are well; a quarter is, unless nearly all fail.
    """
    rates = [_MOST_USUAL]
    for axis in range(len(leaves[0].values) if leaves else 0):
        failing, total = defaultdict[int, float](float), defaultdict[int, float](float)
        for leaf in leaves:
            failing[leaf.values[axis]] += leaf.failing
            total[leaf.values[axis]] += leaf.total
        quarter = sum(total.values()) / 4
        for rate, weight in sorted([((failing[value] + 0.5) / (total[value] + 1), total[value]) for value in total]):
            quarter -= weight
            if quarter <= 0:
                rates.append(rate)
                break
    return min(rates)
