"""Will it fail within a week? What such error codes were followed by before, in this fleet.

Asked is the set of codes that a terminal told within a day. How often terminals failed in the week after the same set
is counted; what is not known of a set is believed as of others of its size: one code alone was followed by a failure
in 27 of 100 cases, two in 79 (a public set of industrial error logs), and that is worth ten cases of our own. The
longer ago the codes are, the less of the week is left for them to come true. Whoever has failed already is due.
Where it can be wrong: a fleet in which nothing was repaired yet knows only what others saw; parts that fail without a
word are not foreseen.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from fleetmon.model.days import DAY

WITHIN: Final = 7 * DAY
TOGETHER: Final = DAY  # codes within it are one set
_PRIOR: Final = (0.0, 0.27, 0.79, 0.85)  # by the number of codes; the last for that many and more
_WORTH: Final = 10  # cases

Codes = frozenset[str]


class History(NamedTuple):
    """What one terminal told and suffered, in order of time; a failure lasts from its beginning to its repair."""

    codes: Sequence[tuple[int, str]]
    failures: Sequence[tuple[int, int]]


class Cases(NamedTuple):
    """How often a set of codes was told, and how often a failure followed within the week."""

    told: int = 0
    failed: int = 0


class Reason(NamedTuple):
    """One code, how often it was told in the day that counts, and when last."""

    code: str
    times: int
    last_at: int


class Prognosis(NamedTuple):
    """How likely a failure within a week is, because of which codes, and by which cases of the past."""

    probability: float
    reasons: tuple[Reason, ...]
    cases: Cases
    failed_at: int | None = None  # it has failed already


Rates = Mapping[Codes, Cases]


def learn(history: History, until: int, rates: dict[Codes, Cases]) -> None:
    """Count what followed on one terminal, as far as a week has passed since."""
    for at, codes in _sets(history):
        if at + WITHIN <= until:
            told, failed = rates.get(codes, Cases())
            followed = any(at < begin <= at + WITHIN for begin, _ in history.failures)
            rates[codes] = Cases(told + 1, failed + followed)


def foresee(history: History, rates: Rates, now: int) -> Prognosis | None:
    """The prognosis for one terminal; None for one that told nothing lately."""
    broken = [begin for begin, end in history.failures if begin <= now < end]
    repaired = max((end for _, end in history.failures if end <= now), default=0)
    found = None
    for at, codes in _sets(history, anew=True):
        left = 1 - max(now - at, 0) / WITHIN
        if left > 0 and at >= repaired:
            probability = 1.0 if broken else round(1 - (1 - _rate(codes, rates)) ** left, 3)
            if found is None or probability >= found.probability:
                reasons = tuple(_reasons(history, at, codes))
                found = Prognosis(probability, reasons, rates.get(codes, Cases()), min(broken, default=None))
    if found is None and broken:
        return Prognosis(1.0, (), Cases(), min(broken))
    return found


def _rate(codes: Codes, rates: Rates) -> float:
    told, failed = rates.get(codes, Cases())
    return (failed + _WORTH * _PRIOR[min(len(codes), len(_PRIOR) - 1)]) / (told + _WORTH)


def _sets(history: History, *, anew: bool = False) -> Iterator[tuple[int, Codes]]:
    """The codes of each day at the moments at which they were others than before, or a day had passed.

    With `anew` also at those at which the same were told again. Of what is broken nothing can be foreseen, and a
    repair does away with what was told before.
    """
    first, last, before, failures = 0, 0, Codes(), list(history.failures)
    for index, (at, _) in enumerate(history.codes):
        while failures and failures[0][1] <= at:
            failures.pop(0)
            first, before = index, Codes()
        if failures and failures[0][0] <= at:
            continue
        while history.codes[first][0] <= at - TOGETHER:
            first += 1
        codes = Codes(code for _, code in history.codes[first : index + 1])
        if anew or codes != before or at >= last + TOGETHER:
            yield at, codes
            last, before = at, codes


def _reasons(history: History, at: int, codes: Codes) -> Iterator[Reason]:
    for code in sorted(codes):
        times = [when for when, one in history.codes if one == code and at - TOGETHER < when <= at]
        yield Reason(code, len(times), times[-1])
