"""The next version of an entry: what people do with planned work, each as a new version, nothing in place.

Times in milliseconds, cut to seconds, which is how exactly a schedule can say when.
"""

import hashlib
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from fleetmon.model.errors import ConflictError, ForbiddenError
from fleetmon.model.schedule import Change, Entry, EntryState, Schedule
from fleetmon.model.window import Occurrence
from fleetmon.planning.series import Series

LONGEST_EXTENSION: Final = 366 * 86_400_000


def written(schedule: Schedule, author: str, now: int, state: EntryState) -> Entry:
    """A new entry; its id follows from who wrote what and when."""
    digest = hashlib.sha256(msgspec.json.encode((schedule, author, now))).hexdigest()
    return Entry(f"w-{digest[:16]}", schedule, state, 1, now, author, now, author)


def rewritten(entry: Entry, schedule: Schedule, author: str, now: int, state: EntryState) -> Entry:
    """With another schedule; who approved the old one did not approve this."""
    return _next(entry, author, now, schedule=schedule, state=state, approved_by="")


def approved(entry: Entry, author: str, now: int) -> Entry:
    """By a second person."""
    if entry.state != "proposed":
        raise ConflictError(f"Window {entry.id} is {entry.state}; only what is proposed can be approved.")
    if author == entry.author:
        raise ForbiddenError(f"Somebody other than {author}, who wrote it, has to approve it.")
    return _next(entry, author, now, state="approved", approved_by=author)


def cancelled(entry: Entry, author: str, now: int) -> Entry:
    """None of its times to come happens; what is in force ends now."""
    if entry.state == "cancelled":
        raise ConflictError(f"Window {entry.id} is cancelled already.")
    return _next(entry, author, now, state="cancelled")


def ended(entry: Entry, span: Occurrence, author: str, now: int) -> Entry:
    """The time that is in force ends now; later ones stay."""
    schedule = entry.schedule
    if _recurs(schedule) or schedule.flexible_s is not None:
        schedule = _with_change(schedule, span.start, 0, 0)
    else:
        schedule = replace(schedule, ends=None, duration_s=max((now - span.start) // 1000, 1))
    return _next(entry, author, now, schedule=schedule)


def extended(entry: Entry, span: Occurrence, begun: int | None, until: int, author: str, now: int) -> Entry:
    """The time that is in force, or was just now, lasts longer; later ones stay. `begun`: when flexible work did."""
    if until <= max(span.end, now):
        raise ConflictError("until: is not later than its end and now; to end it earlier, end it then.")
    if until > now + LONGEST_EXTENSION:
        raise ConflictError("until: is more than a year ahead.")
    schedule = entry.schedule
    if schedule.flexible_s is not None and (_recurs(schedule) or begun is None):
        raise ConflictError(
            "It is flexible, and recurs or has not begun: plan the time it needs as a window of its own."
        )
    if schedule.flexible_s is not None and begun is not None:
        schedule = replace(schedule, flexible_s=(until - begun) // 1000)
    elif _recurs(schedule):
        schedule = _with_change(schedule, span.start, span.start, until // 1000 * 1000)
    else:
        schedule = replace(schedule, ends=None, duration_s=(until - span.start) // 1000)
    return _next(entry, author, now, schedule=schedule)


def _recurs(schedule: Schedule) -> bool:
    return bool(schedule.rrule or schedule.rdate or schedule.changes)


def _with_change(schedule: Schedule, start: int, begin: int, end: int) -> Schedule:
    """Another word on the time that starts then, wherever its rule had it."""
    moved = next((one for one in schedule.changes if one.end and one.start == start), None)
    of = moved.of if moved is not None else start
    others = [one for one in schedule.changes if one.of != of]
    return replace(schedule, changes=sorted([*others, Change(of, begin, end)], key=lambda one: one.of))


def _next(entry: Entry, author: str, now: int, **fields: Any) -> Entry:  # noqa: ANN401 - of an entry
    return replace(entry, version=entry.version + 1, since=now, author=author, **fields)


def over_at(entry: Entry) -> int | None:
    """When all of its times are over; None: never."""
    if entry.state == "cancelled":
        return entry.since
    return Series(entry.schedule).over_at
