"""`python -m bench.localise`: how often is the place found where a fleet fails? Two simple methods are asked beside it.

    python -m bench.localise [--generated 400] [--seed 1] [--cases DIR]

Generated tables know nothing of the method: fleets of some carriers, regions, firmware versions and acquirers of
unequal size, a usual rate that differs by row, and one or two causes that make a part of their scope fail; in the
uneven ones a cause hurts some of its rows far less, by the value of an attribute that it does not name.
`--cases` are failure tables of others, laid out as the RobustSpot data set (MIT): `config/anomaly.yaml` names
minute and cause of each case, `data/*.csv` has `value` (failing) and `cnt` (total) by minute and attributes;
history is the four minutes before. Seconds are CPU time.

An answer is right by name when it names exactly the true scopes, and by row when it holds exactly their rows:
some labels name an attribute that says nothing more. F1 is of the scopes of the first answers, by name.
"""

import argparse
import csv
import itertools
import math
import random
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import yaml

from fleetmon.detect.localise import localise

_MINUTE_S, _MINUTES_BEFORE = 60, 4
_PLACES: Final = (1, 3, 5)
_LEAST_POWER: Final = 0.1  # of the excess explained, to count in Adtributor; its paper's default
_ENOUGH_POWER: Final = 0.67  # and of a whole set
_SHAPES: Final = {"carrier": (3, 5), "region": (4, 12), "firmware": (2, 6), "acquirer": (2, 4)}
_LEAST_AFFECTED: Final = 3
_SIZES: Final = ((3, 7), (8, 15), (16, 63), (64, 10_000))  # by how many terminals are concerned

Row = dict[str, Any]
Scopes = list[dict[str, Any]]
Method = Callable[[Sequence[Row], Sequence[str]], list[Scopes]]


class Case(NamedTuple):
    """A table of failures, and where they come from."""

    attributes: tuple[str, ...]
    rows: list[Row]
    truth: Scopes
    affected: int = 0  # terminals that fail because of the smallest cause


class Judged(NamedTuple):
    """One answer: at which place the truth is (0: nowhere), and the scopes of the first one."""

    by_name: int
    by_row: int
    right: int
    said: int
    wanted: int
    seconds: float


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.localise")
    parser.add_argument(
        "--generated", type=int, default=400, help="how many generated tables, with and without history"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cases", type=Path, help="a folder of failure tables of others")
    options = parser.parse_args()
    print(f"{'':34}{'cases':>6}  top-1  top-3  top-5   by row top-1/3/5      F1   ms/case   worst")
    if options.cases:
        _print("foreign", list(foreign(options.cases)))
    for kind in ("history", "no history", "uneven"):
        cases = generated(options.generated, options.seed, history=kind != "no history", uneven=kind == "uneven")
        by_size = [[case for case in cases if low <= case.affected <= high] for low, high in _SIZES]
        for (low, high), some in zip(_SIZES, by_size, strict=True):
            _print(f"{kind}, {low}-{high} affected", some, only_ours=True)
        _print(f"{kind}, >= 8 affected", [case for case in cases if case.affected >= 8])


def ours(rows: Sequence[Row], attributes: Sequence[str]) -> list[Scopes]:
    return [answer.scopes for answer in localise(rows, attributes)]


def worst_value(rows: Sequence[Row], attributes: Sequence[str]) -> list[Scopes]:
    """The single values of which most fail, of those with at least a hundredth of all."""
    failing, total = _sums(rows, attributes, "failing"), _sums(rows, attributes, "total")
    least = sum(row["total"] for row in rows) / 100
    ranked = sorted((key for key in total if total[key] >= least), key=lambda key: -failing[key] / total[key])
    return [[{attribute: value}] for attribute, value in ranked[:5]]


def adtributor(rows: Sequence[Row], attributes: Sequence[str]) -> list[Scopes]:
    """Adtributor (Bhagwan et al., NSDI 2014): per attribute the values of most surprise that explain the excess."""
    usual = sum(row["failing"] for row in rows) / sum(row["total"] for row in rows)
    rows = [{"expected": row["total"] * usual, **row} for row in rows]
    failing, expected = _sums(rows, attributes, "failing"), _sums(rows, attributes, "expected")
    all_failing, all_expected = (sum(row.get(name, 0) for row in rows) or math.inf for name in ("failing", "expected"))
    excess = (all_failing - all_expected) or math.inf
    found = []
    for attribute in attributes:
        surprises = {
            key: _surprise(expected[key] / all_expected, failing[key] / all_failing)
            for key in failing
            if key[0] == attribute
        }
        power, names, surprise = 0.0, list[dict[str, Any]](), 0.0
        for key in sorted(surprises, key=lambda key: -surprises[key]):
            explains = (failing[key] - expected[key]) / excess
            if explains > _LEAST_POWER and power <= _ENOUGH_POWER:
                power, surprise = power + explains, surprise + surprises[key]
                names.append({key[0]: key[1]})
        if power > _ENOUGH_POWER:
            found.append((surprise, names))
    return [names for _, names in sorted(found, key=lambda one: -one[0])[:5]]


METHODS: Final[dict[str, Method]] = {"fleetmon": ours, "worst single value": worst_value, "Adtributor": adtributor}


def judge(case: Case, method: Method) -> Judged:
    began = time.process_time()
    answers = method(case.rows, case.attributes)
    seconds = time.process_time() - began
    truth, rows = _names(case.truth), _held(case, case.truth)
    first = _names(answers[0]) if answers else frozenset()
    return Judged(
        next((place for place, scopes in enumerate(answers, 1) if _names(scopes) == truth), 0),
        next((place for place, scopes in enumerate(answers, 1) if _held(case, scopes) == rows), 0),
        len(first & truth),
        len(first),
        len(truth),
        seconds,
    )


def foreign(folder: Path) -> Iterator[Case]:
    listed = yaml.safe_load((folder / "config" / "anomaly.yaml").read_text(encoding="utf-8"))
    for one in listed:
        with (folder / "data" / f"{one['data']}.csv").open(encoding="utf-8-sig", newline="") as file:
            lines = list(csv.DictReader(file))
        attributes = tuple(name for name in lines[0] if name not in {"min", "value", "cnt"})
        now, before = dict[tuple[str, ...], tuple[float, float]](), defaultdict[tuple[str, ...], list[float]](list)
        shown = defaultdict[tuple[str, ...], float](float)
        for line in lines:
            key, age = tuple(line[name] for name in attributes), one["timestamp"] - int(line["min"])
            if age == 0:
                now[key] = float(line["value"]), float(line["cnt"])
            elif 0 < age <= _MINUTES_BEFORE * _MINUTE_S:
                before[key].append(float(line["value"]))
                shown[key] += float(line["cnt"])
        rows: list[Row] = []
        for key, (failing, total) in now.items():
            row: Row = {**dict(zip(attributes, key, strict=True)), "failing": failing, "total": total}
            if shown[key]:
                row["expected"] = total * sum(before[key]) / shown[key]
            rows.append(row)
        causes = [one["cause"]] if isinstance(one["cause"], dict) else one["cause"]
        yield Case(attributes, rows, [{name: str(value) for name, value in cause.items()} for cause in causes])


def generated(count: int, seed: int, *, history: bool, uneven: bool = False) -> list[Case]:
    return [_generate(random.Random(f"{seed} {number}"), history=history, uneven=uneven) for number in range(count)]


def _generate(chance: random.Random, *, history: bool, uneven: bool) -> Case:
    """Draw fleets and causes until enough fail of each cause, and no shorter name says the same."""
    while True:
        sizes = _fleet(chance)
        truth = [_scope(chance, sizes) for _ in range(1 if chance.random() < 0.85 else 2)]
        affected = [Counter[tuple[str, ...]]() for _ in truth]
        usual, rows = math.exp(chance.uniform(math.log(0.002), math.log(0.05))), []
        hurts = [chance.uniform(0.5, 1) for _ in truth]
        milder = [_milder(chance, scope) if uneven else {} for scope in truth]
        for key, total in sorted(sizes.items()):
            rate = min(usual * chance.lognormvariate(0, 0.3), 1)
            failing = _binomial(chance, total, rate)
            for scope, hurt, mild, hit in zip(truth, hurts, milder, affected, strict=True):
                if scope.items() <= dict(zip(_SHAPES, key, strict=True)).items():
                    less = math.prod(mild.get(value, 1.0) for value in key)
                    hit[key] = _binomial(chance, total - failing, hurt * less)
                    failing += hit[key]
            row: Row = {**dict(zip(_SHAPES, key, strict=True)), "failing": failing, "total": total}
            if history:
                row["expected"] = _binomial(chance, 4 * total, rate) / 4
            rows.append(row)
        case = Case(tuple(_SHAPES), rows, truth, min(hit.total() for hit in affected))
        if case.affected >= _LEAST_AFFECTED and _is_plain(case):
            return case


def _fleet(chance: random.Random) -> Counter[tuple[str, ...]]:
    """How many terminals of each combination: values are of unequal size, and firmware goes with the region."""
    values = {name: [f"{name}{n}" for n in range(chance.randint(*shape))] for name, shape in _SHAPES.items()}
    weights = {name: [1 / (n + 1) ** 0.7 for n in range(len(known))] for name, known in values.items()}
    preferred = {region: chance.choice(values["firmware"]) for region in values["region"]}
    sizes = Counter[tuple[str, ...]]()
    for _ in range(chance.choice((300, 1_000, 3_000))):
        one = {name: chance.choices(values[name], weights[name])[0] for name in values}
        if chance.random() < 0.4:
            one["firmware"] = preferred[one["region"]]
        sizes[tuple(one.values())] += 1
    return sizes


def _scope(chance: random.Random, sizes: Counter[tuple[str, ...]]) -> dict[str, str]:
    one = dict(zip(_SHAPES, chance.choice(sorted(sizes)), strict=True))
    named = chance.sample(sorted(one), chance.choices((1, 2, 3), (50, 35, 15))[0])
    return {name: one[name] for name in _SHAPES if name in named}


def _milder(chance: random.Random, scope: dict[str, str]) -> dict[str, float]:
    """By how much a cause hurts less, by the values of an attribute that it does not name."""
    name = chance.choice([name for name in _SHAPES if name not in scope])
    values = [f"{name}{number}" for number in range(_SHAPES[name][1])]
    return {value: chance.uniform(0.05, 0.6) for value in values if chance.random() < 0.5}


def _binomial(chance: random.Random, count: int, rate: float) -> int:
    return sum(chance.random() < rate for _ in range(count))


def _is_plain(case: Case) -> bool:
    """Whether each scope has rows of its own, and no part of its name says the same."""
    shorter = [
        dict(part)
        for scope in case.truth
        for length in range(len(scope))
        for part in itertools.combinations(scope.items(), length)
    ]
    apart = sum(len(_held(case, [scope])) for scope in case.truth) == len(_held(case, case.truth))
    return apart and not any(_held(case, [part]) == _held(case, [scope]) for part in shorter for scope in case.truth)


def _sums(rows: Sequence[Row], attributes: Sequence[str], name: str) -> dict[tuple[str, Any], float]:
    sums = defaultdict[tuple[str, Any], float](float)
    for row, attribute in itertools.product(rows, attributes):
        sums[attribute, row[attribute]] += row.get(name, 0)
    return sums


def _surprise(before: float, after: float) -> float:
    """Half of the Jensen-Shannon divergence's term of one value."""
    middle = (before + after) / 2
    return sum(part * math.log(part / middle) for part in (before, after) if part > 0) / 2


def _names(scopes: Scopes) -> frozenset[frozenset[tuple[str, Any]]]:
    return frozenset(frozenset(scope.items()) for scope in scopes)


def _held(case: Case, scopes: Scopes) -> frozenset[int]:
    return frozenset(n for n, row in enumerate(case.rows) if any(scope.items() <= row.items() for scope in scopes))


def _print(title: str, cases: Sequence[Case], *, only_ours: bool = False) -> None:
    for name, method in METHODS.items():
        if cases and (name == "fleetmon" or not only_ours):
            judged = [judge(case, method) for case in cases]
            print(f"{title if name == 'fleetmon' else '  ' + name:34}{len(cases):6}{_figures(judged)}")


def _figures(judged: Sequence[Judged]) -> str:
    by_name, by_row = (
        "  ".join(f"{sum(0 < getattr(one, kind) <= places for one in judged) / len(judged):.3f}" for places in _PLACES)
        for kind in ("by_name", "by_row")
    )
    f1 = 2 * sum(one.right for one in judged) / (sum(one.said + one.wanted for one in judged) or 1)
    times = [one.seconds * 1e3 for one in judged]
    return f"  {by_name}   {by_row}   {f1:.3f}  {sum(times) / len(times):7.1f}  {max(times):7.1f}"


if __name__ == "__main__":
    main()
