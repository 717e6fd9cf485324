"""What is wrong with a schedule as it was written: all of it at once, each with its field and what to do."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from fleetmon.model.cards import holds_card
from fleetmon.model.schedule import Schedule
from fleetmon.model.window import values
from fleetmon.planning import zones
from fleetmon.planning.reach import Reach
from fleetmon.planning.rules import YEARS
from fleetmon.planning.series import Series

_LOOKED_AT: Final = 60 * 86_400_000  # in which work must not run into its own next time
INTO_ITSELF: Final = "duration_s: it would still go on when it begins again; make it shorter, or the rule rarer"
_TEXTS: Final = ("owner", "reason", "reference")


def time_problems(schedule: Schedule, now: int) -> list[str]:
    """What is wrong with when it is to be, looked at from `now` (ms)."""
    found = [*field_problems(schedule)]
    if not found:
        try:
            found += _series_problems(schedule, Series(schedule), now)
        except ValueError as error:
            found += [f"rrule: {line}" for line in str(error).split("\n")]
    return found


def text_problems(schedule: Schedule) -> list[str]:
    """Texts that must not be kept, and such as are missing."""
    found = [
        f"{name}: holds what looks like a card number; remove it"
        for name in _TEXTS
        if holds_card(getattr(schedule, name))
    ]
    return found if schedule.owner.strip() else [*found, "owner: is missing; say who answers for the work"]


def scope_problems(schedule: Schedule, reach: Reach) -> list[str]:
    """What is wrong with whom it is for, in the fleet as it is now."""
    found = [
        f'selector.{name}: no terminal has "{value}"; {_near(value, known)}'
        for name, (strangers, known) in sorted(reach.unknown.items())
        for value in strangers
    ]
    found += [f"selector.{name}: is empty; name a value, or leave it out" for name in _empty(schedule)]
    if schedule.host and not reach.host_known:
        found.append(f'host: "{schedule.host}" is no host, provider or carrier of the registry')
    elif not found and not reach.terminals and (schedule.selector or not schedule.host):
        found.append("selector: matches no terminal; its attributes must all fit the same terminal")
    if reach.terminals == reach.fleet > 1 and not schedule.everything and not schedule.host:
        found.append(
            f"selector: matches all {reach.fleet} terminals; narrow it, "
            "or say everything: true, or --everything, if that is meant"
        )
    return found


def field_problems(schedule: Schedule) -> Iterator[str]:
    """What no schedule may have, whoever wrote it."""
    if zones.find(schedule.zone) is None:
        yield f'zone: "{schedule.zone}" is no IANA time zone; {zones.advice(schedule.zone)}'
    if (schedule.ends is None) == (schedule.duration_s is None):
        yield "ends: give either ends or duration_s" + (", not both" if schedule.ends else "")
    for name in ("starts", "ends", "rdate", "exdate"):
        said = getattr(schedule, name) or []
        for index, text in enumerate([said] if isinstance(said, str) else said):
            where = name if isinstance(said, str) else f"{name}[{index}]"
            try:
                year = datetime.fromisoformat(text.rstrip("Z")).year
            except ValueError:
                yield f'{where}: "{text}" is in no calendar'
            else:
                if year not in YEARS:
                    yield f'{where}: "{text}" is not in the years {YEARS.start} to {YEARS.stop - 1}'
    for index, change in enumerate(schedule.changes):
        if change.end and change.end <= change.start:
            yield f"changes[{index}].end: is not after its start; end 0 means that it does not happen"


def _series_problems(schedule: Schedule, series: Series, now: int) -> Iterator[str]:
    if series.length <= 0:
        yield (
            f'ends: "{schedule.ends}" is not after starts "{schedule.starts}"; half-open, so it must be a second later'
        )
        return
    if series.rule is not None and not series.rule.meets_start:
        first = series.rule.first.isoformat()
        yield f'starts: "{schedule.starts}" does not fit rrule; it first meets {first}: begin then, or change the rule'
    if series.rule is not None and series.rule.until is not None and series.rule.until < series.start:
        yield f'rrule: UNTIL is before starts "{schedule.starts}"; the rule would never happen'
    coming = series.spans(now, now + _LOOKED_AT)
    if not coming:
        if schedule.rrule or schedule.rdate:
            yield "rrule: never happens again; change UNTIL, COUNT or exdate"
        elif schedule.exdate and series.start + series.length > now:
            yield "exdate: leaves no time; remove it, or do not plan the work at all"
        else:
            yield "ends: is over already; plan it for later"
    if series.runs_into_itself(coming):
        yield INTO_ITSELF


def _empty(schedule: Schedule) -> list[str]:
    return [name for name, wanted in schedule.selector.items() if not all(values(wanted)) or not values(wanted)]


def _near(value: str, known: Sequence[str]) -> str:
    return f"did you mean {' or '.join(known)}?" if known else f'check how "{value}" is written in the registry'
