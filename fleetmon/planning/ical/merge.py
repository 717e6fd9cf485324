"""What a calendar says laid over what was known of it: new, changed, cancelled, and what stays.

The UID tells which event is which. A lower SEQUENCE than the known one is an old copy and changes nothing. What people
have changed here stays changed until the calendar itself says something else. Where the file is the whole calendar (a
subscription), what it no longer lists is cancelled; what it lists and could not be taken stays as it was.
"""

import hashlib
from collections.abc import Mapping
from typing import Any, Final

import msgspec
from msgspec import Struct, field
from msgspec.structs import replace

from fleetmon.model.schedule import Entry
from fleetmon.planning.ical.read import Event, Reading, Refused
from fleetmon.planning.series import Series

_GONE: Final = "gone"  # what is remembered of an event that the calendar no longer lists


class Merged(Struct):
    """The entries to be written, by what became of them; of the others how many."""

    taken: list[Entry] = field(default_factory=list)
    changed: list[Entry] = field(default_factory=list)
    cancelled: list[Entry] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    unchanged: int = 0
    older: int = 0
    over: int = 0


def merge(found: Reading, known: Mapping[str, Entry], calendar: str, now: int, *, whole: bool) -> Merged:
    """`known`: the entries of this calendar by UID. `now` in ms; `calendar` is its name, and the author."""
    merged = Merged(refused=list(found.refused), over=len(found.over))
    for event in found.events:
        entry = known.get(event.uid)
        if entry is not None:
            _compare(merged, entry, event, calendar, now)
        elif event.state != "cancelled":
            merged.taken.append(_entry(event, calendar, now))
    if whole and all(one.uid for one in found.refused):  # one without may be any of the known
        listed = {event.uid for event in found.events} | {one.uid for one in found.refused} | set(found.over)
        for uid in sorted(known.keys() - listed):
            entry = known[uid]
            if entry.state != "cancelled" and Series(entry.schedule).spans(now, now):
                merged.cancelled.append(_next(entry, now, state="cancelled", author=calendar, told=_GONE))
    return merged


def _compare(merged: Merged, entry: Entry, event: Event, calendar: str, now: int) -> None:
    told = _digest(event)
    news = {"state": event.state, "author": calendar, "sequence": event.sequence, "told": told}
    if entry.told == told or event.state == entry.state == "cancelled":
        merged.unchanged += 1
    elif event.sequence < entry.sequence:
        merged.older += 1
    elif event.state == "cancelled":
        merged.cancelled.append(_next(entry, now, **news))
    else:
        merged.changed.append(_next(entry, now, schedule=event.schedule, approved_by="", **news))


def entry_id(calendar: str, uid: str) -> str:
    """The same event is the same window, whenever it is read."""
    return f"cal-{hashlib.sha256(msgspec.json.encode((calendar, uid))).hexdigest()[:24]}"


def _entry(event: Event, calendar: str, now: int) -> Entry:
    return Entry(
        id=entry_id(calendar, event.uid),
        schedule=event.schedule,
        state=event.state,
        version=1,
        since=now,
        author=calendar,
        created_at=now,
        created_by=calendar,
        calendar=calendar,
        uid=event.uid,
        sequence=event.sequence,
        told=_digest(event),
    )


def _next(entry: Entry, now: int, **fields: Any) -> Entry:  # noqa: ANN401 - of an entry
    """The next version."""
    return replace(entry, version=entry.version + 1, since=now, **fields)


def _digest(event: Event) -> str:
    """What the calendar said, whatever its number and its line."""
    return hashlib.sha256(msgspec.json.encode((event.state, event.schedule))).hexdigest()[:32]
