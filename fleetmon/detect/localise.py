"""Where is it? The combination of attributes that explains best which parts of a fleet fail.

A table of failing and total by carrier, region, firmware and so on is searched for the scope that holds
the failures: `carrier=X`, `carrier=X & region=Y`, or a few of them together. The method is an expectation-based
scan statistic (Neill, Fast subset scan, JRSS-B 74(2), 2012) over the combinations that occur among failing
rows: how much likelier is the table if inside a scope some times as many fail as usual, and outside as many
as usual? The failures of a row count as negative binomial rather than Poisson: real rows differ more than
chance has it, and a few large ones would outvote the others. Each attribute named costs a penalty. What a
scope holds is taken away and the rest is searched again, for causes that come together: beside the best scope, and
beside the next ones too, because the best one may be no cause but what several causes have in common.

Beside the best scope the list holds what it may have been taken for: each scope one attribute wider, because a
cause that hurts some of its rows less looks narrower than it is; the best causes that come together; and, where
all its rows share more than its name says, that longer name, because nothing tells which of the two is the cause.

Large tables are quick because little of them is looked at: a combination is split only by the rows that fail more
than usual, one whose rows could not gain its penalty even each for itself is left out with all that is narrower,
names of the same rows are one, and of what was summed for a scope only the rows taken away are subtracted.

Where it can be wrong: `carrier=X` and `carrier=X & region=Y` are told apart only by the other regions, so when those
are few both are answers. Causes are taken away one by one, the largest first: one that explains less than a fifth of
those before, and no more than those may be off by, is an alternative at best, and when a third of the fleet fails for
several causes, a scope across them may come first. Healthy rows count little against a scope in which others fail by
far more than usual, so single rows that fail for reasons of their own make it look wider. It is asked where, never
whether: chance has a best scope too, of a low score. The whole fleet is an answer (a scope without attributes), and
the best one when all fail alike.
"""

import math
from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from typing import Final, NamedTuple

from fleetmon.model.failures import NONE, Leaf, Row, failures, usual

_PENALTY: Final = 2.0  # of log-likelihood, for each attribute named
_SIZE: Final = 20.0  # of the negative binomial: a row is a fifth off its history although nothing is wrong
_TIMES: Final = tuple(1.5 * 1.6**step for step in range(15))  # as many as usual fail: 1.5 to 1,081 times
_LONGEST: Final = 4  # attributes in one scope: nobody acts on longer descriptions
_FURTHER: Final = 1.2  # times the score: what causes together must explain beside what one of them less does,
_ROOTS: Final = 4.0  # or so many roots of the score of those before, by which that is off: then it is no chance
_STARTS: Final = 5  # scopes that may be the first of some causes: the best one may be what several have in common
_KEPT: Final = 3  # twos that are asked for a third
_TOLD: Final = 2  # sets of causes that go with the best scope: more of them crowd out the scopes
_EACH: Final = 0.5  # roots of what is explained: by so much one cause more has to be likelier,
_CLEAR: Final = 4.0  # and by so much other causes than those that go with the best scope
_SMALL: Final = 0.1  # of what the best scope explains: less is no answer by itself
_DECIMALS: Final = 6  # of a score when compared: the order of summation decides nothing
_EVEN: Final = 10.0**-_DECIMALS

Scope = dict[str, Hashable]
_Part = tuple[tuple[int, int], ...]  # the numbers of an attribute and of its value, for each attribute named


class Answer(NamedTuple):
    """One explanation of where the failures are."""

    scopes: list[Scope]  # several when causes come together
    score: float  # log-likelihood gained, less penalties
    share: float  # of belief, among the answers given with it; not calibrated


class _Found(NamedTuple):
    score: float
    parts: tuple[_Part, ...]
    gain: float  # the score without what coming together costs


class _Group(NamedTuple):
    """A scope that may be a cause."""

    part: _Part
    held: frozenset[int]  # the numbers of its leaves
    hot: list[int]  # those of them that could gain anything
    most: float  # what its leaves could gain, each for itself: the group gains less, whatever was taken away
    sums: list[float | None]  # what they gain together for each of `_TIMES`, as far as it was asked


class _Gains:
    """The log-likelihood that each leaf gains if some times as many fail as usual."""

    def __init__(self, leaves: Sequence[Leaf]) -> None:
        self._columns: list[list[float]] = [[] for _ in _TIMES]  # as far as they were asked
        means = usual(leaves)
        self._counts = [
            (leaf.failing, leaf.failing + _SIZE, mean / (mean + _SIZE))
            for leaf, mean in zip(leaves, means, strict=True)
        ]
        self.most = [  # is where as many fail as did
            max(0.0, _gain_of(*counts, max(_TIMES[0], counts[0] / mean))) if counts[0] > mean else 0.0
            for counts, mean in zip(self._counts, means, strict=True)
        ]

    def column(self, place: int) -> list[float]:
        column = self._columns[place]
        if not column:
            more, log_times, log1p = _TIMES[place] - 1, math.log(_TIMES[place]), math.log1p
            column = self._columns[place] = [
                failing * log_times - weight * log1p(more * part) for failing, weight, part in self._counts
            ]
        return column


def _gain_of(failing: float, weight: float, part: float, times: float) -> float:
    return failing * math.log(times) - weight * math.log1p((times - 1) * part)


class _Table(NamedTuple):
    """What is searched."""

    leaves: list[Leaf]
    gains: _Gains
    groups: dict[_Part, _Group]  # those that could gain most first


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
    leaves, values = failures(rows, attributes)
    table = _table(leaves)
    ranked = _ranked(table)
    if not ranked or top < 1:
        return []
    others = _together(table, ranked, top) + _in_full(table, ranked[0])
    places = max(top - len(others), 1)  # the others have theirs, or halves of one cause crowd them out
    singles = list(dict.fromkeys([ranked[0], *_wider(ranked), *ranked]))[:places]
    return _answers(sorted([*singles, *others], key=_order)[:top], attributes, values)


def _table(leaves: list[Leaf]) -> _Table:
    gains = _Gains(leaves)
    groups = sorted(_groups(leaves, gains), key=lambda group: -group.most)
    return _Table(leaves, gains, {group.part: group for group in groups})


def _groups(leaves: Sequence[Leaf], gains: _Gains) -> list[_Group]:
    """The combinations of values that could gain enough to matter; of the same leaves that with the first name."""
    columns, most = list(zip(*[leaf.values for leaf in leaves], strict=True)), gains.most
    beside = [
        {value: frozenset(numbers) for value, numbers in _by_value(column, range(len(leaves))).items()}
        for column in columns
    ]
    everybody = frozenset(range(len(leaves)))
    level = [_group((), everybody, [number for number in everybody if most[number]], sum(most))]
    found = {everybody: level[0]}
    for length in range(1, _LONGEST + 1):
        wide, level = [group for group in level if len(group.held) > 1], []
        for wider in wide:
            for axis in range(wider.part[-1][0] + 1 if wider.part else 0, len(columns)):
                for value, hot in _by_value(columns[axis], wider.hot).items():
                    could = sum(map(most.__getitem__, hot))
                    if could > _PENALTY * length and value != NONE:
                        held = wider.held & beside[axis][value]
                        if held not in found:
                            found[held] = _group((*wider.part, (axis, value)), held, hot, could)
                            level.append(found[held])
    return list(found.values())


def _group(part: _Part, held: frozenset[int], hot: list[int], most: float) -> _Group:
    return _Group(part, held, hot, most, [None] * len(_TIMES))


def _by_value(column: Sequence[int], numbers: Iterable[int]) -> dict[int, list[int]]:
    """These leaves by their values of an attribute."""
    found = defaultdict[int, list[int]](list)
    for number in numbers:
        found[column[number]].append(number)
    return found


def _shorter(part: _Part) -> list[_Part]:
    return [part[:place] + part[place + 1 :] for place in range(len(part))]


def _ranked(table: _Table) -> list[_Found]:
    """The scopes that explain something, best first."""
    found, place, best = list[_Found](), 0, 0.0
    for part, group in table.groups.items():
        if group.most < _SMALL * best:
            break
        gain, place = _climb(table.gains, group, frozenset(), place)
        score = gain - _PENALTY * len(part)
        if score > 0:
            found.append(_Found(score if part else score / _FURTHER, (part,), score))
            best = max(best, score)
    return sorted(found, key=_order)


def _next(table: _Table, found: _Found) -> list[_Found]:
    """The best two scopes of what the found ones leave; what one of them is a part of is beside it no cause."""
    taken, most = _held(table, found), table.gains.most
    best, place, least = list[_Found](), 0, 0.0
    for part, group in table.groups.items():
        if group.most - _PENALTY < least:
            break
        penalty, inside = _PENALTY * len(part), group.held & taken
        if group.most - sum(map(most.__getitem__, inside)) - penalty < least:
            continue
        if any(set(part) <= set(one) for one in found.parts):
            continue
        gain, place = _climb(table.gains, group, inside, place)
        if (score := gain - penalty) > 0:
            best = sorted([*best, _Found(score, (part,), score)], key=_order)[:2]
            least = best[1].score - _EVEN if len(best) > 1 else 0.0
    return best


def _climb(gains: _Gains, group: _Group, without: frozenset[int], place: int) -> tuple[float, int]:
    """The largest gain of a group, and of which column, searched from one on: beside it the sums only fall."""
    best = _gain(gains, group, without, place)
    for step in (1, -1):
        start = place
        while 0 <= place + step < len(_TIMES) and (gain := _gain(gains, group, without, place + step)) > best:
            best, place = gain, place + step
        if place != start:
            break
    return best, place


def _gain(gains: _Gains, group: _Group, without: frozenset[int], place: int) -> float:
    column, gain = gains.column(place), group.sums[place]
    if gain is None:
        gain = group.sums[place] = sum(map(column.__getitem__, group.held))
    return gain - sum(map(column.__getitem__, without)) if without else gain


def _order(found: _Found) -> tuple[float, int, list[tuple[tuple[int, ...], tuple[int, ...]]]]:
    """Best first; of equals the shortest, then that of earlier attributes, then by name."""
    parts = [(tuple([axis for axis, _ in part]), tuple([value for _, value in part])) for part in found.parts]
    return -_weight(found), sum(map(len, found.parts)), parts


def _weight(found: _Found) -> float:
    return round(found.score, _DECIMALS)


def _held(table: _Table, found: _Found) -> frozenset[int]:
    return frozenset().union(*[table.groups[part].held for part in found.parts])


def _wider(ranked: Sequence[_Found]) -> list[_Found]:
    """What names one attribute less than the best: a cause that is weaker in places looks narrower than it is."""
    (part,) = ranked[0].parts
    shorter = set(_shorter(part)) - {()}
    return [one for one in ranked if one.parts[0] in shorter]


def _in_full(table: _Table, best: _Found) -> list[_Found]:
    """The longest name of the same leaves, if there is a longer one: nothing tells which of the names is the cause."""
    (part,) = best.parts
    values = [table.leaves[number].values for number in table.groups[part].held]
    common = [(axis, known[0]) for axis, known in enumerate(zip(*values, strict=True)) if len(set(known)) == 1]
    full = tuple([(axis, value) for axis, value in common if value != NONE])
    score = best.score - _PENALTY * (len(full) - len(part))
    return [_Found(score, (full,), score)] if part and full != part and score > 0 else []


def _together(table: _Table, ranked: Sequence[_Found], top: int) -> list[_Found]:
    """Causes that come together: what goes with the best scope, and what else is clearly likelier than that."""
    starts = [one for one in ranked if one.parts[0]][:_STARTS]  # beside the whole fleet there is nothing
    twos = [two for start in starts for two in _with_next(table, start)]
    usual = [_pair(table, ranked), *twos[:1]]
    threes = {two: _with_next(table, two)[0] for two in sorted(twos, key=_likely)[-_KEPT:]}
    if twos and twos[0].score > starts[0].score:
        usual.append(threes[twos[0]] if twos[0] in threes else _with_next(table, twos[0])[0])
    told = _others(table, sorted(usual, key=_order), ranked[:top])[:_TOLD]
    for likely in _others(table, sorted([*twos, *threes.values()], key=_likely)[-1:], [*ranked[:top], *usual]):
        if _likely(likely) > max(map(_likely, told), default=0.0) + _CLEAR:
            best = max(one.score for one in (ranked[0], *told))  # to come before that it has to explain further
            told.append(likely._replace(score=max(min(likely.score, best), likely.score / _FURTHER)))
    return told


def _others(table: _Table, found: Iterable[_Found], known: Iterable[_Found]) -> list[_Found]:
    """Those that hold other leaves than any before them."""
    held, others = {_held(table, one) for one in known}, list[_Found]()
    for one in found:
        if (its := _held(table, one)) not in held:
            held.add(its)
            others.append(one)
    return others


def _with_next(table: _Table, found: _Found) -> list[_Found]:
    more = _next(table, found)
    return [_joined(found, one) for one in more] or [found]


def _likely(found: _Found) -> float:
    return found.gain - _EACH * (len(found.parts) - 1) * math.sqrt(found.gain)


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
            held = len(table.groups[other.parts[0]].held) + len(table.groups[part].held)
            if held < len(table.groups[rest].held) and (len(best.parts) == 1 or _weight(pair) > _weight(best)):
                best = pair
    return best


def _joined(found: _Found, more: _Found) -> _Found:
    whole = found.score + more.score
    score = max(whole / _FURTHER, whole - _ROOTS * math.sqrt(found.score))
    return _Found(score, found.parts + more.parts, found.gain + more.gain)


def _answers(found: Sequence[_Found], attributes: Sequence[str], values: Sequence[Sequence[Hashable]]) -> list[Answer]:
    best = found[0].score
    # a likelihood is sure of itself in proportion to its size; being off by its root is what is seen
    weights = [math.exp((one.score - best) / math.sqrt(best)) for one in found]
    return [
        Answer(
            [{attributes[axis]: values[axis][value] for axis, value in part} for part in one.parts], one.score, weight
        )
        for one, weight in zip(found, [weight / sum(weights) for weight in weights], strict=True)
    ]
