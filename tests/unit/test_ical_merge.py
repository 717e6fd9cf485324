"""A calendar read again and again: what is new, changed, cancelled, and what people changed meanwhile."""

from typing import Any

from msgspec.structs import replace

from fleetmon.model.schedule import Entry
from fleetmon.planning.ical.merge import Merged, merge

from .ics import NOW, calendar, event, taken

LATER = NOW + 60_000


class Books:
    """Entries of one calendar by UID, as they are kept between two readings."""

    def __init__(self) -> None:
        self.entries: dict[str, Entry] = {}

    def read(self, *events: str, now: int = NOW, whole: bool = True, **binding: Any) -> Merged:
        merged = merge(taken(calendar(*events), now, **binding), self.entries, "cmcc", now, whole=whole)
        for entry in (*merged.taken, *merged.changed, *merged.cancelled):
            self.entries[entry.uid] = entry
        return merged


def told(merged: Merged) -> tuple[list[str], list[str], list[str], int]:
    names = [[entry.uid for entry in part] for part in (merged.taken, merged.changed, merged.cancelled)]
    return names[0], names[1], names[2], merged.unchanged


def test_the_first_reading_takes_all_and_the_second_nothing() -> None:
    books = Books()
    assert told(books.read(event(uid="a"), event("STATUS:TENTATIVE", uid="b"))) == (["a", "b"], [], [], 0)
    a, b = books.entries["a"], books.entries["b"]
    assert (a.state, a.version, a.since, a.author, a.calendar) == ("approved", 1, NOW, "cmcc", "cmcc")
    assert b.state == "proposed"
    assert a.id != b.id
    assert told(books.read(event("STATUS:TENTATIVE", uid="b"), event(uid="a"), now=LATER)) == ([], [], [], 2)
    assert books.entries["a"] is a


def test_the_same_event_is_the_same_window_in_any_process() -> None:
    first, second = Books(), Books()
    first.read(event(uid="a"))
    second.read(event(uid="a"), now=LATER)
    assert first.entries["a"].id == second.entries["a"].id


def test_a_changed_event_is_a_new_version() -> None:
    books = Books()
    books.read(event("SEQUENCE:1", uid="a"))
    merged = books.read(event("SEQUENCE:2", uid="a", end="20261124T040000"), now=LATER)
    assert told(merged) == ([], ["a"], [], 0)
    found = books.entries["a"]
    assert (found.version, found.since, found.created_at, found.schedule.duration_s) == (2, LATER, NOW, 10_800)


def test_a_change_counts_also_where_the_writer_forgot_to_count_it() -> None:
    books = Books()
    books.read(event("SEQUENCE:1", uid="a"))
    assert told(books.read(event("SEQUENCE:1", uid="a", end="20261124T040000")))[1] == ["a"]


def test_an_old_copy_changes_nothing() -> None:
    books = Books()
    books.read(event("SEQUENCE:5", uid="a"))
    merged = books.read(event("SEQUENCE:4", uid="a", end="20261124T090000"))
    assert merged.older == 1
    assert books.entries["a"].schedule.duration_s == 7200


def test_a_new_line_that_says_nothing_new_is_no_change() -> None:
    books = Books()
    books.read(event("SEQUENCE:1", "DTSTAMP:20261101T000000Z", uid="a"))
    assert told(books.read(event("X-ANY:1", "SEQUENCE:9", "DTSTAMP:20261102T000000Z", uid="a")))[3] == 1


def test_what_is_cancelled_or_gone_is_cancelled_once() -> None:
    books = Books()
    books.read(event(uid="a"), event(uid="b"), event(uid="c"))
    assert told(books.read(event("STATUS:CANCELLED", uid="a"), event(uid="c"), now=LATER)) == ([], [], ["a", "b"], 1)
    assert {uid: entry.state for uid, entry in books.entries.items()} == {
        "a": "cancelled", "b": "cancelled", "c": "approved",
    }  # fmt: skip
    assert told(books.read(event("STATUS:CANCELLED", uid="a"), event(uid="c"))) == ([], [], [], 2)
    assert told(books.read(event("STATUS:CANCELLED", uid="unheard of"), event(uid="c"))) == ([], [], [], 1)


def test_what_comes_back_is_planned_again() -> None:
    books = Books()
    books.read(event(uid="a"))
    books.read()
    gone = books.entries["a"]
    assert told(books.read(event(uid="a"))) == ([], ["a"], [], 0)
    assert [gone.state, books.entries["a"].state] == ["cancelled", "approved"]


def test_a_part_of_a_calendar_cancels_nothing() -> None:
    books = Books()
    books.read(event(uid="a"), event(uid="b"))
    assert told(books.read(event(uid="b"), whole=False)) == ([], [], [], 1)


def test_what_cannot_be_read_any_more_stays_as_it_was() -> None:
    books = Books()
    books.read(event(uid="a"), event(uid="b"), event(uid="c"))
    merged = books.read(event("RRULE:FREQ=NEVER", uid="a"), event(uid="c"))
    assert told(merged) == ([], [], ["b"], 1)
    assert [one.uid for one in merged.refused] == ["a"]
    assert books.entries["a"].state == "approved"
    nameless = books.read(event(uid=""))  # it may be any of them
    assert told(nameless) == ([], [], [], 0)


def test_what_is_over_is_no_longer_cancelled_by_being_dropped() -> None:
    books = Books()
    books.read(event(uid="a"))
    after = NOW + 40 * 3_600_000
    assert told(books.read(now=after)) == ([], [], [], 0)
    assert books.entries["a"].state == "approved"


def test_what_people_changed_here_stays_until_the_calendar_says_something_else() -> None:
    books = Books()
    books.read(event("SEQUENCE:1", uid="a"), event("STATUS:TENTATIVE", uid="b"))
    books.entries["a"] = replace(books.entries["a"], state="cancelled", author="Li", version=2)
    books.entries["b"] = replace(books.entries["b"], state="approved", approved_by="Li", version=2)
    assert told(books.read(event("SEQUENCE:1", uid="a"), event("STATUS:TENTATIVE", uid="b"))) == ([], [], [], 2)
    merged = books.read(event("SEQUENCE:2", uid="a", end="20261124T050000"), event("STATUS:TENTATIVE", uid="b"))
    assert told(merged) == ([], ["a"], [], 1)
    assert [books.entries[uid].state for uid in "ab"] == ["approved", "approved"]
