"""Where is it? The combination of attributes that explains best which parts of a fleet fail.

A table of failing and total by carrier, region, firmware and so on is searched for the scope that holds
the failures: `carrier=X`, `carrier=X & region=Y`, or a few of them together. The method is an expectation-based
scan statistic (Neill, Fast subset scan, JRSS-B 74(2), 2012) over the combinations that occur among failing
rows: how much likelier is the table if inside a scope some times as many fail as usual, and outside as many
as usual? The failures of a row count as negative binomial rather than Poisson: real rows differ more than
chance has it, and a few large ones would outvote the others. Each attribute named costs a penalty. What the
best scope holds is taken away and the rest is searched again, for causes that come together.

Beside the best scope the list holds what it may have been taken for: each scope one attribute wider, because a
cause that hurts some of its rows less looks narrower than it is; the best causes that come together; and, where
all its rows share more than its name says, that longer name, because nothing tells which of the two is the cause.

Where it can be wrong: `carrier=X` and `carrier=X & region=Y` are told apart only by the other regions, so when those
are few both are answers. Causes are taken away one by one, the largest first: one that explains less than a fifth of
those before, and no more than those may be off by, is an alternative at best, and when a third of the fleet fails for
several causes, a scope across them may come first. It is asked where, never whether: chance has a best scope too, of
a low score. The whole fleet is an answer (a scope without attributes), and the best one when all fail alike.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from itertools import combinations, repeat
from operator import itemgetter
from typing import Final, NamedTuple

_PENALTY: Final = 2.0  # of log-likelihood, for each attribute named
_STRENGTH: Final = 50.0  # of so many, a row's own history weighs as much as everybody's
_SPREAD: Final = 0.05  # squared: a row is a fifth off its history although nothing is wrong
_TIMES: Final = tuple(1.5 * 1.6**step for step in range(15))  # as many as usual fail: 1.5 to 1,081 times
_LONGEST: Final = 4  # attributes in one scope: nobody acts on longer descriptions
_FURTHER: Final = 1.2  # times the score: what causes together must explain beside what one of them less does,
_ROOTS: Final = 4.0  # or so many roots of the score of those before, by which that is off: then it is no chance
_MOST_USUAL: Final = 0.5  # without history: that more than half fail is nobody's habit
_LEAST_USUAL: Final = 0.001  # no history is long enough to promise less; `_TIMES` reach from here to all
_DECIMALS: Final = 6  # of a score when compared: the order of summation decides nothing

Row = Mapping[str, object]
Scope = dict[str, Hashable]
_Part = tuple[tuple[int, Hashable], ...]  # the number of an attribute and its value, for each attribute named


class Answer(NamedTuple):
    """One explanation of where the failures are."""

    scopes: list[Scope]  # several when causes come together
    score: float  # log-likelihood gained, less penalties
    share: float  # of belief, among the answers given with it; not calibrated


class _Leaf(NamedTuple):
    """All rows of the same values; None where an attribute is missing."""

    values: tuple[Hashable, ...]
    failing: float
    total: float
    expected: float | None


class _Found(NamedTuple):
    score: float
    parts: tuple[_Part, ...]


class _Table(NamedTuple):
    """What is searched. Nothing is asked as often as for the sum of some leaves, so that is one call."""

    leaves: list[_Leaf]
    members: dict[_Part, list[int]]  # the leaves of each scope that holds a failing one; the shortest scopes first
    picks: dict[_Part, Callable[[list[float]], tuple[float, ...]]]  # the same of a column, and a zero
    gains: list[list[float]]  # a column for each of `_TIMES`: log-likelihood gained by each leaf, and a zero


def localise(rows: Iterable[Row], attributes: Iterable[str], *, top: int = 5) -> list[Answer]:
    """Give the best explanations, best first, at most `top`; none where nothing fails more than usual.

    A row has its values, `failing` and `total`, and `expected` failures where history tells them. A value that
    is missing, None or empty belongs to no scope of its attribute. The order of the rows does not matter.

    Raises:
        ValueError: A row is no mapping, its numbers cannot be, or the attributes are one text.
    """
    if isinstance(attributes, str):
        raise ValueError(f"attributes is the text {attributes!r}, not a list of names")  # noqa: TRY004
    attributes = list(dict.fromkeys(attributes))
    table = _table(_leaves(rows, attributes))
    ranked = _ranked(table, frozenset())
    if not ranked or top < 1:
        return []
    found = _distinct(table, ranked, top)
    held = {_held(table, one): one for one in found}
    best = next((one for one in ranked if one.parts[0]), ranked[0])  # of everybody nothing is left to search
    for one in (*_peeled(table, best), _pair(table, ranked)):
        held.setdefault(_held(table, one), one)
    others = [one for one in held.values() if len(one.parts) > 1] + _in_full(table, found[0])
    places = max(top - len(others), 1)  # the others have theirs, or halves of one cause crowd them out
    singles = _distinct(table, [found[0], *_wider(table, ranked), *found], places)
    return _answers(sorted([*singles, *others], key=_order)[:top], attributes)


def _table(leaves: list[_Leaf]) -> _Table:
    members = _members(leaves)
    return _Table(leaves, members, {part: itemgetter(*held, -1) for part, held in members.items()}, _gains(leaves))


def _leaves(rows: Iterable[Row], attributes: Sequence[str]) -> list[_Leaf]:
    merged: dict[tuple[Hashable, ...], _Leaf] = {}
    for number, row in enumerate(rows):
        leaf = _leaf(number, row, attributes)
        other = merged.get(leaf.values)
        merged[leaf.values] = leaf if other is None else _sum(leaf, other)
    return sorted((leaf for leaf in merged.values() if leaf.total), key=lambda leaf: _name(leaf.values))


def _leaf(number: int, row: Row, attributes: Sequence[str]) -> _Leaf:
    if not isinstance(row, Mapping):
        raise ValueError(f"row {number} is a {type(row).__name__}, not a mapping of attributes and counts")  # noqa: TRY004
    failing, total = _count(number, row, "failing"), _count(number, row, "total")
    expected = None if row.get("expected") is None else _count(number, row, "expected")
    if failing > total:
        raise ValueError(f"row {number}: failing is {failing:g} of a total of {total:g}")
    values = tuple([_value(number, row, attribute) for attribute in attributes])
    return _Leaf(values, failing, total, expected)


def _value(number: int, row: Row, attribute: str) -> Hashable:
    value = row.get(attribute)
    if not isinstance(value, Hashable):
        raise ValueError(f"row {number}: {attribute} is a {type(value).__name__}, not a plain value")  # noqa: TRY004
    return None if value == "" else value


def _count(number: int, row: Row, name: str) -> float:
    value = row.get(name)
    if not isinstance(value, int | float) or not 0 <= value < math.inf:
        raise ValueError(f"row {number}: {name} is {value!r}, not a number from 0")
    return float(value)


def _sum(one: _Leaf, other: _Leaf) -> _Leaf:
    known = None if one.expected is None or other.expected is None else one.expected + other.expected
    return _Leaf(one.values, one.failing + other.failing, one.total + other.total, known)


def _name(values: Iterable[object]) -> tuple[str, ...]:
    """What values are sorted by, whatever their type."""
    return tuple([f"{type(value).__name__} {value}" for value in values])


def _usual(leaves: Sequence[_Leaf]) -> list[float]:
    """How many of each leaf fail when nothing is wrong: its history, drawn towards everybody's."""
    known = [(leaf.expected, leaf.total) for leaf in leaves if leaf.expected is not None]
    if known:
        rate = (sum(expected for expected, _ in known) + 0.5) / (sum(total for _, total in known) + 1)
    else:
        rate = _background(leaves)
    return [leaf.total * max(_rate(leaf, rate), _LEAST_USUAL) for leaf in leaves]


def _rate(leaf: _Leaf, everybodys: float) -> float:
    if leaf.expected is None:
        return everybodys
    return (leaf.expected + _STRENGTH * everybodys) / (leaf.total + _STRENGTH)


def _background(leaves: Sequence[_Leaf]) -> float:
    """The usual rate without history: of the attribute that tells best, what its better quarter stays below.

    By the attribute at fault, all but the values at fault are well; a quarter is, unless nearly all fail.
    """
    rates = [_MOST_USUAL]
    for axis in range(len(leaves[0].values) if leaves else 0):
        failing, total = defaultdict[Hashable, float](float), defaultdict[Hashable, float](float)
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


def _gains(leaves: Sequence[_Leaf]) -> list[list[float]]:
    size, usual = 1 / _SPREAD, _usual(leaves)
    counts = [
        (leaf.failing, leaf.failing + size, mean, math.log(size + mean))
        for leaf, mean in zip(leaves, usual, strict=True)
    ]
    return [
        [
            failing * log_times - weight * (math.log(size + times * mean) - usually)
            for failing, weight, mean, usually in counts
        ]
        + [0.0]
        for times, log_times in zip(_TIMES, map(math.log, _TIMES), strict=True)
    ]


def _members(leaves: Sequence[_Leaf]) -> dict[_Part, list[int]]:
    """The leaves of every combination of values that occurs in a failing leaf."""
    failing, quiet = [
        [number for number, leaf in enumerate(leaves) if bool(leaf.failing) is it] for it in (True, False)
    ]
    columns, still = _columns(leaves, failing), _columns(leaves, quiet)
    found: dict[_Part, list[int]] = {}
    for length in range(min(len(columns), _LONGEST) + 1):
        for axes in combinations(range(len(columns)), length):
            groups: defaultdict[tuple[Hashable, ...], list[int]] = defaultdict(list)
            for number, key in zip(failing, _keys(columns, axes), strict=False):
                groups[key].append(number)
            for number, key in zip(quiet, _keys(still, axes), strict=False):
                if key in groups:
                    groups[key].append(number)
            for key, group in groups.items():
                if None not in key:
                    found[tuple(zip(axes, key, strict=True))] = group
    return found


def _columns(leaves: Sequence[_Leaf], numbers: Sequence[int]) -> list[list[Hashable]]:
    """The values of some leaves, by attribute."""
    width = len(leaves[0].values) if leaves else 0
    return [[leaves[number].values[axis] for number in numbers] for axis in range(width)]


def _keys(columns: Sequence[list[Hashable]], axes: Sequence[int]) -> Iterable[tuple[Hashable, ...]]:
    """The values by some attributes together; by none always the same."""
    return zip(*[columns[axis] for axis in axes], strict=True) if axes else repeat(())


def _ranked(table: _Table, taken: frozenset[int]) -> list[_Found]:
    """Every scope that explains something of the leaves not taken yet, best first; of equals the shortest."""
    columns = [[0.0 if number in taken else gain for number, gain in enumerate(column)] for column in table.gains]
    found, everybody, place = [], len(table.leaves), 0
    for part, pick in table.picks.items():
        if part and len(table.members[part]) == everybody:
            continue  # a value that all have says nothing
        gain, place = _climb(columns, pick, place)
        score = gain - _PENALTY * len(part)
        if score > 0:
            found.append(_Found(score if part else score / _FURTHER, (part,)))
    return sorted(found, key=_weight, reverse=True)


def _climb(
    columns: Sequence[list[float]], pick: Callable[[list[float]], tuple[float, ...]], place: int
) -> tuple[float, int]:
    """The largest sum of what is picked, and of which column, searched from one on: beside it the sums only fall."""
    best = sum(pick(columns[place]))
    for step in (1, -1):
        start = place
        while 0 <= place + step < len(columns) and (gain := sum(pick(columns[place + step]))) > best:
            best, place = gain, place + step
        if place != start:
            break
    return best, place


def _order(found: _Found) -> tuple[float, int, list[tuple[tuple[int, ...], tuple[str, ...]]]]:
    """Best first; of equals the shortest, then that of earlier attributes, then by name."""
    parts = [(tuple([axis for axis, _ in part]), _name(value for _, value in part)) for part in found.parts]
    return -_weight(found), sum(map(len, found.parts)), parts


def _weight(found: _Found) -> float:
    return round(found.score, _DECIMALS)


def _held(table: _Table, found: _Found) -> frozenset[int]:
    return frozenset(number for part in found.parts for number in table.members[part])


def _wider(table: _Table, ranked: Sequence[_Found]) -> list[_Found]:
    """What names one attribute less than the best: a cause that is weaker in places looks narrower than it is."""
    (part,) = ranked[0].parts
    shorter = {part[:place] + part[place + 1 :] for place in range(len(part))} - {()}
    held = [table.members[wide] for wide in shorter if wide in table.members]
    return [one for one in ranked if table.members[one.parts[0]] in held] if held else []


def _in_full(table: _Table, best: _Found) -> list[_Found]:
    """The longest name of the same leaves, if there is a longer one: nothing tells which of the names is the cause."""
    (part,) = best.parts
    values = [table.leaves[number].values for number in table.members[part]]
    common = [(axis, known[0]) for axis, known in enumerate(zip(*values, strict=True)) if len(set(known)) == 1]
    full = tuple([(axis, value) for axis, value in common if value is not None])
    score = best.score - _PENALTY * (len(full) - len(part))
    return [_Found(score, (full,))] if part and full != part and score > 0 else []


def _distinct(table: _Table, ranked: Iterable[_Found], top: int) -> list[_Found]:
    """The best, without longer names for the same leaves: a site says nothing more with its region."""
    found: dict[frozenset[int], _Found] = {}
    for one in ranked:
        found.setdefault(_held(table, one), one)
        if len(found) == top:
            break
    return list(found.values())


def _peeled(table: _Table, best: _Found) -> list[_Found]:
    """Take away what the best scope holds and search the rest: for a second, and when that adds enough for a third."""
    second = _with_next(table, best)
    return [second] if second.score < best.score else [second, _with_next(table, second)]


def _with_next(table: _Table, found: _Found) -> _Found:
    rest = _ranked(table, _held(table, found))
    return next((_joined(found, one) for one in rest if not _contains(one, found)), found)


def _contains(one: _Found, found: _Found) -> bool:
    """Whether one is a scope that some scope found is a part of: what is beside a part is no cause of its own."""
    return any(set(one.parts[0]) <= set(part) for part in found.parts)


def _pair(table: _Table, ranked: Sequence[_Found]) -> _Found:
    """The best two scopes that differ in one value only, unless nobody has a third value; else the best scope."""
    first: dict[tuple[_Part, int], _Found] = {}
    best = ranked[0]
    for one in ranked:
        (part,) = one.parts
        if len(best.parts) > 1 and _joined(ranked[0], one).score < best.score:
            break  # nor does any pair that comes later reach it
        for place, (axis, _) in enumerate(part):
            rest = part[:place] + part[place + 1 :]
            other = first.setdefault((rest, axis), one)
            if other is one:
                continue
            pair = _joined(other, one)
            held = len(table.members[other.parts[0]]) + len(table.members[part])
            if held < len(table.members[rest]) and (len(best.parts) == 1 or _weight(pair) > _weight(best)):
                best = pair
    return best


def _joined(found: _Found, more: _Found) -> _Found:
    whole = found.score + more.score
    return _Found(max(whole / _FURTHER, whole - _ROOTS * math.sqrt(found.score)), found.parts + more.parts)


def _answers(found: Sequence[_Found], attributes: Sequence[str]) -> list[Answer]:
    best = found[0].score
    # a likelihood is sure of itself in proportion to its size; being off by its root is what is seen
    weights = [math.exp((one.score - best) / math.sqrt(best)) for one in found]
    return [
        Answer([{attributes[axis]: value for axis, value in part} for part in one.parts], one.score, weight)
        for one, weight in zip(found, [weight / sum(weights) for weight in weights], strict=True)
    ]
