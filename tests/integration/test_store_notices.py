"""Notices on the disk, on each database with a real server: the same tests, twice."""

import time

from msgspec.structs import replace

from fleetmon.model.audit import AuditEntry
from fleetmon.model.incident import Alternative, Incident
from fleetmon.model.notice import PAGE, RESOLVED, Document, Notice, Planned
from fleetmon.store import Store

from .databases import write

DAY = 86_400_000
FOUND = Incident(
    "i-1", "tamper", (("terminal", "T\0"),), "critical", True, 5, alternatives=(Alternative(((("a", "b"),),), 0.5),)
)


def untold(store: Store, route: str = "r") -> list[str]:
    return [one.word for one in store.untold(route, 9)]


def test_a_notice_is_untold_until_it_is_told_and_then_known(store: Store) -> None:
    page = Notice("r", "i-1", PAGE, 6, FOUND)
    write(store, notices=[page, Notice("r", "i-1", RESOLVED, 7, FOUND)])
    assert untold(store) == [PAGE, RESOLVED]
    assert store.untold("r", 9)[0].incident == replace(FOUND, scope=(("terminal", "T\ufffd"),))
    write(store, told=[page], at=8)
    write(store, notices=[page], at=9)  # the same fact read again
    assert untold(store) == [RESOLVED]
    assert len(store.untold("r", 1)) == 1


def test_an_end_is_told_where_the_beginning_was(store: Store) -> None:
    write(store, notices=[Notice("r", "i-1", PAGE, 6, FOUND)])
    write(store, notices=[Notice(route, "i-1", RESOLVED, 7, FOUND) for route in ("r", "other")])
    write(store, notices=[Notice("r", "i-2", RESOLVED, 7, FOUND)])
    assert (untold(store), untold(store, "other")) == ([PAGE, RESOLVED], [])


def test_whatever_a_notice_is_about_comes_back_as_it_was(store: Store) -> None:
    event = AuditEntry(5, "li", "created", "window", "w", {"after": {"starts": "x"}})
    found = [
        Notice("r", "w", "created/5", 5, planned=Planned(event, "field", "why", {"site": ["a", "b"]})),
        Notice("r", "report/1", "report", 6, document=Document("早报", "text", "<b>")),
    ]
    write(store, notices=found)
    assert store.untold("r", 9) == found


def test_what_is_older_than_the_retention_is_forgotten(store: Store) -> None:
    write(store, notices=[Notice("r", "old", PAGE, 6, FOUND), Notice("r", "new", PAGE, 100 * DAY, FOUND)])
    store.forget(91 * DAY)
    deadline = time.monotonic() + 20
    while len(store.untold("r", 9)) > 1 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert [one.subject for one in store.untold("r", 9)] == ["new"]
