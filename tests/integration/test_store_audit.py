"""Acknowledgements and the audit on the disk, on each database with a real server: the same tests, twice."""

import threading
from typing import Any

import pytest
from alembic import command
from msgspec.structs import replace

from fleetmon.engine import Engine, Message, Outcome
from fleetmon.model.acknowledgement import acknowledgement
from fleetmon.model.audit import AuditEntry
from fleetmon.model.events import DeviceEvent
from fleetmon.model.incident import Incident, Status, Transition
from fleetmon.model.registry import Registry
from fleetmon.store import Store, StoreSettings, Work, address, check, migrate
from fleetmon.store.writer import FAILURES

from .databases import Ask, asking

DAY = 86_400_000


def submit(store: Store, *outcomes: Outcome) -> threading.Event:
    done = threading.Event()
    for outcome in outcomes:
        last = outcome is outcomes[-1]
        work = Work(
            done.set if last else lambda: None,
            facts=outcome.facts,
            transitions=outcome.transitions,
            audit=outcome.audit,
        )
        store.submit(work)
    return done


def write(store: Store, *outcomes: Outcome) -> None:
    assert submit(store, *outcomes).wait(20), store.failing


def alarmed(registry: Registry) -> tuple[Engine, Outcome, str]:
    """An engine to which a tampered terminal was told, and the id of the incident."""
    engine = Engine(registry)
    engine.link_up(0)
    event = DeviceEvent(1, 1, 1, "security", "Tamper", "set")
    payload = b'{"at":1,"boot":1,"seq":1,"component":"security","code":"Tamper","action":"set"}'
    outcome = engine.observe([Message(1_000, "noodle-1", event, retained=False, topic="t", payload=payload)])
    return engine, outcome, outcome.transitions[-1].incident.id


def test_who_sees_to_it_is_in_its_row_in_the_view_and_known_after_a_restart(
    store: Store, sql: Ask, sample_registry: Registry
) -> None:
    engine, fired, key = alarmed(sample_registry)
    acknowledged = engine.acknowledge(5_000, key, "wang", 65_000, 'says "on it"\0')
    for _ in range(2):  # a commit whose answer was lost is written again
        write(store, fired, acknowledged)
    (firing,) = store.restore(lambda _: -1, 0).firing
    known = firing.acknowledgement
    assert known is not None
    assert (known.author, known.at, known.until, known.terminals, known.paged) == ("wang", 5_000, 65_000, 1, True)
    assert known.comment == 'says "on it"\ufffd', "PostgreSQL could not read a NUL in its JSON"
    assert store.incident(key) == firing
    view = sql("SELECT status, acknowledged_by, acknowledged_until, called_again_at FROM v_incident")
    assert view[0][:2] == ("firing", "wang")
    assert str(view[0][2])[:19].replace("T", " ") == "1970-01-01 00:01:05"
    assert view[0][3] is None
    (entry,) = store.audit(None, None, None, 10)
    assert (entry.at, entry.author, entry.action, entry.kind, entry.subject) == (
        5_000, "wang", "acknowledged", "incident", key,
    )  # fmt: skip
    assert entry.detail["before"] is None
    assert entry.detail["after"]["until"] == 65_000

    again = Engine(sample_registry)
    again.advance(6_000)
    again.restore([], [], [firing])
    again.link_up(6_000)
    assert [change for change in again.advance(64_999).transitions if change.incident.id == key] == []
    lapsed = again.advance(DAY)
    assert [(entry.action, entry.subject) for entry in lapsed.audit] == [("lapsed", key)], "its time was planned anew"
    write(store, lapsed)
    told = store.incident(key)
    assert told is not None
    assert told.acknowledgement is None
    assert told.called_again_at == lapsed.audit[0].at
    view = sql("SELECT acknowledged_by, acknowledged_until, called_again_at IS NULL FROM v_incident")
    assert [tuple(map(bool, row)) for row in view] == [(False, False, False)]


def test_all_of_it_or_nothing(store: Store, sql: Ask, settings: StoreSettings, sample_registry: Registry) -> None:
    """The audit cannot be written: neither is the acknowledgement, nor how it went."""
    engine, fired, key = alarmed(sample_registry)
    write(store, fired)
    sql("ALTER TABLE audit RENAME TO elsewhere")
    done = submit(store, engine.acknowledge(5_000, key, "wang", 65_000))
    assert not done.wait(0.5)
    assert "audit" in (store.failing or "")
    assert sql("SELECT acknowledgement FROM incident") == [(None,)]
    assert sql("SELECT reason FROM transition") == [("Tamper",)]
    sql("ALTER TABLE elsewhere RENAME TO audit")
    assert done.wait(20)
    assert sql("SELECT reason FROM transition ORDER BY id") == [("Tamper",), ("acknowledged",)]
    assert len(store.audit("incident", key, "wang", 10)) == 1
    assert check(settings) == []


def test_who_is_called_again_is_to_be_told_again(store: Store) -> None:
    """Also when the first call was told long ago, and only once, however often that is written."""
    first = Incident("i", "tamper", (), "critical", pages=True, opened_at=5)
    first.status, first.fired_at, first.paged_at = Status.FIRING, 5, 5
    calls = [Outcome(transitions=[Transition(5, Status.PENDING, first, "Tamper", calls=True)])]
    write(store, *calls)
    for at in (7, 9):
        store.submit(Work(lambda: None, delivered=[("i", "firing")], at=at))
        write(store, calls[0])
        assert store.undelivered() == []
        again = replace(first, called_again_at=at)
        write(store, Outcome(transitions=[Transition(at, Status.FIRING, again, "acknowledgement expired", calls=True)]))
        assert store.undelivered() == [("i", "firing", at)]


def test_rows_of_the_audit_are_never_changed_and_never_too_old(store: Store, sql: Ask) -> None:
    entry = AuditEntry(1, "wang", "cancelled", "window", "window:operator:w", {"before": {"owner": "us"}})
    write(store, Outcome(audit=[entry]))
    for statement in ("UPDATE audit SET author = 'li'", "DELETE FROM audit"):
        with pytest.raises(FAILURES, match="rows of the audit are never changed"):
            sql(statement)
    store.forget(1_000 * DAY)
    write(store, Outcome(audit=[entry]))
    assert [found.author for found in store.audit("window", None, None, 10)] == ["wang"]


def test_the_audit_is_paged_and_filtered(store: Store) -> None:
    entries = [
        AuditEntry(number, "wang" if number % 2 else None, "changed", "incident", f"i{number % 3}", {"n": number})
        for number in range(60)
    ]
    write(store, *[Outcome(audit=entries[start : start + 7]) for start in range(0, 60, 7)])
    found: list[Any] = []
    while page := store.audit(None, None, None, 8, found[-1].id if found else None):
        found += page
    assert [row.detail["n"] for row in found] == list(range(59, -1, -1))
    assert {row.author for row in store.audit(None, None, "wang", 99)} == {"wang"}
    mine = store.audit("incident", "i1", "wang", 99)
    assert [row.detail["n"] for row in mine] == [number for number in range(59, -1, -1) if number % 6 == 1]
    assert store.audit("window", None, None, 9) == []


def test_check_misses_who_acknowledged(store: Store, settings: StoreSettings, sample_registry: Registry) -> None:
    engine, fired, key = alarmed(sample_registry)
    acknowledged = engine.acknowledge(5_000, key, "wang", 65_000)
    write(store, fired, Outcome(transitions=acknowledged.transitions))
    assert check(settings) == [f"an acknowledged incident of which the audit knows nothing: {key}"]
    write(store, Outcome(audit=acknowledged.audit))
    assert check(settings) == []


def test_incidents_of_before_are_there_after_the_migration(settings: StoreSettings) -> None:
    """A database of the version before, with an incident and its view, is brought up."""
    engine = address.connect(settings, None)
    with engine.begin() as connection:
        config = migrate._config()
        config.attributes["connection"] = connection
        command.upgrade(config, "0004")
        columns = "id, kind, scope, severity, pages, status, opened_at, fired_at, paged_at, terminals, evidence"
        row = """'i', 'tamper', '{"terminal": "t"}', 'critical', true, 'firing', 5, 5, 5, 1, '[]'"""
        connection.exec_driver_sql(f"INSERT INTO incident ({columns}) VALUES ({row})")
    engine.dispose()
    store = Store(settings)
    (firing,) = store.restore(lambda _: -1, 0).firing
    assert (firing.acknowledgement, firing.called_again_at, firing.scope) == (None, None, (("terminal", "t"),))
    firing.acknowledgement = acknowledgement(firing, "wang", 6, 60_000, "")
    write(store, Outcome(transitions=[Transition(6, Status.FIRING, firing, "acknowledged")]))
    for ask in asking(settings):
        assert ask("SELECT terminal, acknowledged_by FROM v_incident") == [("t", "wang")]
    store.close()
