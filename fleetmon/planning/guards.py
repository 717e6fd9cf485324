"""Guard rails: how much of the fleet work may touch, for how long, and when not.

Pure checks: what is refused is told as a rule with its facts, and said in words elsewhere (`locale.objection`). Days
and hours of black-outs are those of China, as cut-offs are. What comes more than a quarter of a year from now is not
looked at, nor what a future calendar will call a holiday.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import cache
from typing import Final, NamedTuple

from fleetmon.model.days import DAY, WorkingDays, date_of, day_of, midnight
from fleetmon.model.window import Occurrence
from fleetmon.planning.reach import Reach
from fleetmon.planning.settings import GuardSettings

LOOKED_AT: Final = 92 * DAY
_RUN: Final = 14  # days to each side in which a holiday must begin that makes a weekend part of it
Rule = str  # share, length, cutoff, payday, holiday


class Objection(NamedTuple):
    """Why work is not to be done so. Facts: times in ms, lengths in s, shares in percent."""

    rule: Rule
    facts: dict[str, int | str]


class Plan(NamedTuple):
    """What is looked at: the times within `LOOKED_AT`, whom it touches, and the cut-offs of their merchants (ms)."""

    spans: Sequence[Occurrence]
    reach: Reach
    cutoffs: Collection[int]


def objections(plan: Plan, rules: GuardSettings, days: WorkingDays) -> list[Objection]:
    """Everything that speaks against it."""
    found = []
    if plan.reach.share > rules.largest_share:
        found.append(
            Objection(
                "share",
                {
                    "count": plan.reach.terminals,
                    "share": _percent(plan.reach.share),
                    "most": _percent(rules.largest_share),
                },
            )
        )
    found += too_long(max((span.end - span.start for span in plan.spans), default=0), rules)
    touched = list(_touched(plan, rules, days))
    for rule in ("cutoff", "payday", "holiday"):
        hits = [hit for found_rule, hit in touched if found_rule == rule]
        if hits:
            first = hits[0]
            facts: dict[str, int | str] = {
                "since_at": first.start,
                "until_at": first.end,
                "others": len(hits) - 1,
                "days": ", ".join(dict.fromkeys(date_of(day_of(one.start)) for one in hits)),
            }
            found.append(Objection(rule, facts))
    return found


def too_long(length: int, rules: GuardSettings) -> list[Objection]:
    """What speaks against work that lasts so many milliseconds."""
    if length <= rules.longest_s * 1000:
        return []
    return [Objection("length", {"length_s": length // 1000, "most_s": rules.longest_s})]


def needs_second(reach: Reach, rules: GuardSettings) -> bool:
    """Whether somebody else has to approve it."""
    return rules.second_person_from is not None and reach.terminals >= rules.second_person_from


def _percent(share: float) -> int:
    return round(share * 100)


def _touched(plan: Plan, rules: GuardSettings, days: WorkingDays) -> Iterator[tuple[Rule, Occurrence]]:
    """Each time of the work with each rule that it breaks. There may be thousands, so a day is looked at once."""
    closed: dict[Rule, Callable[[int], Sequence[Occurrence]]] = {
        "cutoff": cache(lambda day: _around(day, plan.cutoffs, rules)),
        "payday": cache(lambda day: _whole(day) if _is_payday(day, rules.paydays) else ()),
        "holiday": cache(lambda day: _whole(day) if rules.holidays and is_holiday(day, days) else ()),
    }
    for span in plan.spans:
        for rule, of_day in closed.items():
            if any(_meets(span, of_day(day)) for day in range(day_of(span.start) - 1, day_of(span.end) + 2)):
                yield rule, span


def _around(day: int, cutoffs: Iterable[int], rules: GuardSettings) -> list[Occurrence]:
    before, after = rules.cutoff_before_s * 1000, rules.cutoff_after_s * 1000
    return [Occurrence(midnight(day) + cutoff - before, midnight(day) + cutoff + after) for cutoff in cutoffs]


def _whole(day: int) -> list[Occurrence]:
    return [Occurrence(midnight(day), midnight(day + 1))]


def _meets(span: Occurrence, closed: Iterable[Occurrence]) -> bool:
    return any(span.start < one.end and one.start < span.end for one in closed if one.start < one.end)


def _is_payday(day: int, paydays: Iterable[int]) -> bool:
    """Whether it is one of these days of the month; those that the month lacks fall on its last day."""
    number = _of_month(day)
    return any(payday == number or (payday > number and _of_month(day + 1) == 1) for payday in paydays)


def _of_month(day: int) -> int:
    return int(date_of(day)[-2:])


def is_holiday(day: int, days: WorkingDays) -> bool:
    """Whether banks rest on this day for a holiday: it is one, or in a run of days of rest that holds one."""
    return not days.is_working(day) and any(
        other in days.closed for step in (1, -1) for other in _resting(day, step, days)
    )


def _resting(day: int, step: int, days: WorkingDays) -> Iterator[int]:
    for other in range(day, day + step * _RUN, step):
        if days.is_working(other):
            return
        yield other
