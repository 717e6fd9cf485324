"""What the store promises, on each database with a real server: the same tests, twice."""

from functools import partial

import pytest
import sqlalchemy as sa
from msgspec.structs import replace

from fleetmon.engine import Engine, Fact, Message, TerminalChange
from fleetmon.ingest.quarantine import Refused
from fleetmon.model.errors import StoreError
from fleetmon.model.events import DeviceEvent
from fleetmon.model.incident import Failing, Incident, Status, Transition
from fleetmon.model.registry import Registry
from fleetmon.model.terminal import PARTITIONS
from fleetmon.store import Store, StoreSettings, TerminalRow, address, check
from fleetmon.store.writes import QUARANTINE_ROWS

from .databases import Ask, settled, snapshot_all, submit, write

called = partial(Transition, calls=True)  # people are told

DAY = 86_400_000
NOW = 1_000 * DAY


def tamper(seq: int, action: str = "set", at: int = 1_000) -> Message:
    event = DeviceEvent(1, 1, seq, "security", "Tamper", action)  # type: ignore[arg-type]
    payload = f'{{"at":1,"boot":1,"seq":{seq},"component":"security","code":"Tamper","action":"{action}"}}'.encode()
    return Message(at + seq, "noodle-1", event, retained=False, topic="t", payload=payload)


def announced(incident_id: str, opened_at: int = 5, **scope: str) -> Incident:
    found = Incident(incident_id, "tamper", tuple(sorted(scope.items())), "critical", pages=True, opened_at=opened_at)
    found.status, found.fired_at, found.paged_at = Status.FIRING, opened_at, opened_at
    return found


def resolved(incident_id: str, opened_at: int, resolved_at: int) -> list[Transition]:
    over = announced(incident_id, opened_at)
    over.status, over.resolved_at = Status.RESOLVED, resolved_at
    fired = called(opened_at, Status.PENDING, announced(incident_id, opened_at), "Tamper")
    return [fired, called(resolved_at, Status.FIRING, over, "cleared")]


def row(terminal: str, state: str = "never_seen", since: int = 0, provider: str = "P1") -> TerminalRow:
    return TerminalRow(
        terminal, "M", "S", "R", "CMCC", "A", provider, "X", "1", "4g", registered=True, state=state, since=since
    )


def test_a_fact_is_stored_once_however_often_it_comes(store: Store) -> None:
    facts = [Fact("k1", 0, tamper(1)), Fact("k2", 0, tamper(2))]
    for _ in range(3):
        write(store, facts=facts)
    assert store.restore(lambda _: -1, 0).facts == [tamper(1), tamper(2)]


def test_incident_audit_and_outbox_go_in_together_and_only_once(store: Store) -> None:
    firing = announced("i", terminal="x")
    firing.silent_since, firing.failing = 3, Failing("fails", 0.5, odd=True)
    for _ in range(2):
        write(store, transitions=[called(5, Status.PENDING, firing, "Tamper")])
    assert store.restore(lambda _: -1, 0).firing == [firing]
    assert store.incident("i") == firing
    assert store.undelivered() == [("i", "firing", 5)]
    assert [(one.before, one.after, one.reason) for one in store.transitions("i")] == [("pending", "firing", "Tamper")]
    write(store, delivered=[("i", "firing")], at=9)
    assert store.undelivered() == []


def test_a_page_that_comes_later_than_the_incident_is_told_and_kept(store: Store) -> None:
    ticket = replace(announced("i", terminal="x"), paged_at=None, suppressed_by="window:operator:w")
    write(store, transitions=[Transition(5, Status.PENDING, ticket, "Tamper")])
    assert store.undelivered() == []
    paged = replace(ticket, paged_at=9, suppressed_by=None)
    write(store, transitions=[called(9, Status.FIRING, paged, "outlasted planned work")])
    assert store.restore(lambda _: -1, 0).firing == [paged]
    assert store.undelivered() == [("i", "firing", 9)]


def test_all_of_a_work_or_nothing(store: Store, sql: Ask) -> None:
    """The last of its parts cannot be written: none of the others is there, and nothing is acknowledged."""
    sql("ALTER TABLE terminal_change RENAME TO elsewhere")
    done = submit(
        store,
        facts=[Fact("k1", 0, tamper(1))],
        transitions=[called(5, Status.PENDING, announced("i"), "Tamper")],
        terminals=[row("noodle-1")],
        changes=[TerminalChange(5, "noodle-1", "never_seen", "up")],
    )
    assert not done.wait(0.5)
    assert "terminal_change" in (store.failing or "")
    for table in ("fact", "incident", "transition", "outbox", "terminal"):
        assert sql(f"SELECT count(*) FROM {table}") == [(0,)], table
    sql("ALTER TABLE elsewhere RENAME TO terminal_change")
    assert done.wait(20)
    assert store.failing is None
    for table in ("fact", "incident", "transition", "outbox", "terminal", "terminal_change"):
        assert sql(f"SELECT count(*) FROM {table}") == [(1,)], table


def test_a_pending_incident_leaves_no_trace(store: Store) -> None:
    pending = Incident("i", "site_outage", (("site", "x"),), "warning", pages=False, opened_at=5)
    write(store, transitions=[Transition(5, None, pending, "silent together")])
    assert (store.incidents(None, None, 10), store.transitions("i")) == ([], [])


def test_a_restart_knows_what_the_snapshot_had_and_what_came_after(
    settings: StoreSettings, sample_registry: Registry
) -> None:
    """The set is in the snapshot, the clear only in the log of facts: a repetition of either is no news."""
    store = Store(settings)
    engine = Engine(sample_registry)
    engine.link_up(0)
    first = engine.observe([tamper(1)])
    write(store, facts=first.facts, transitions=first.transitions)
    snapshot_all(store, engine)
    second = engine.observe([tamper(2, "clear")])
    write(store, facts=second.facts, transitions=second.transitions)
    store.close()

    store, again = Store(settings), Engine(sample_registry)
    found = store.restore(lambda key: again.fleet.terminals[key].partition, 0)
    assert [message.event for message in found.facts] == [tamper(2, "clear").event]
    again.restore(found.records, found.facts, found.firing)
    again.link_up(5_000)
    repeated = again.observe([tamper(1), tamper(2, "clear")])
    assert not repeated.facts
    assert not repeated.transitions
    store.close()


def test_the_quarantine_is_bounded_and_paged(store: Store) -> None:
    write(store, refused=[Refused(number, "t", "json", "", 1, "x") for number in range(QUARANTINE_ROWS + 50)])
    newest = store.quarantine(600)
    rest = store.quarantine(600, newest[-1].id)
    assert [found.received_at for found in newest + rest] == list(range(QUARANTINE_ROWS + 49, 49, -1))


def test_nobody_can_stop_the_store_with_a_nul(store: Store, sql: Ask) -> None:
    """PostgreSQL takes none, and terminals may send it."""
    firing = announced("i", carrier="a\0b")
    write(
        store,
        refused=[Refused(1, "t", "json", "", 1, "x\0y")],
        transitions=[called(5, Status.PENDING, firing, "why\0")],
    )
    assert store.quarantine(1)[0].payload == "x\ufffdy"
    assert store.transitions("i")[0].reason == "why\ufffd"
    assert sql("SELECT carrier FROM v_incident") == [("a\ufffdb",)]


# -- terminals and the history of their liveness -------------------------------------------------------


def test_terminals_are_written_when_they_are_news_and_paged_by_id(store: Store) -> None:
    """By code point, as Python sorts, whatever language the database speaks."""
    ids = sorted(["b", "B", "a-1", "a.1", "a_1", "A", "10", "9", *(f"T{number:04d}" for number in range(1_200))])
    for _ in range(2):
        write(store, terminals=[row(found) for found in reversed(ids)])
    pages, after = [], None
    while page := store.terminals(after, 500):
        pages += page
        after = page[-1].id
    assert [found.id for found in pages] == ids
    assert pages[0] == row(ids[0])
    write(store, terminals=[row("T0001", provider="P2"), row("T0002", provider="P2", state="up", since=7)])
    assert [found.id for found in store.terminals(None, 10, provider="P2")] == ["T0001", "T0002"]
    assert store.terminals(None, 10, provider="P2", state="up") == [row("T0002", provider="P2", state="up", since=7)]
    assert store.terminals("T0002", 10, provider="P2") == []
    assert store.terminal("T0002") == row("T0002", provider="P2", state="up", since=7)
    assert store.terminal("nobody") is None


def test_a_change_is_history_and_state_at_once(store: Store, sql: Ask) -> None:
    steps = [
        TerminalChange(5, "a", "never_seen", "up"), TerminalChange(9, "a", "up", "suspect"),
        TerminalChange(9, "b", "never_seen", "up"), TerminalChange(12, "a", "suspect", "down"),
    ]  # fmt: skip
    write(store, terminals=[row("a"), row("b")])
    for _ in range(2):  # repeated after a commit whose answer was lost
        write(store, changes=steps)
    assert (store.terminal("a"), store.terminal("b")) == (row("a", "down", 12), row("b", "up", 9))
    page = store.changes("a", None, 2)
    assert [(found.at, found.before, found.after) for found in page] == [(12, "suspect", "down"), (9, "up", "suspect")]
    assert [(found.at, found.after) for found in store.changes("a", page[-1].id, 2)] == [(5, "up")]
    found = sql('SELECT terminal, state, "before", since FROM v_terminal ORDER BY terminal')
    assert [one[:3] for one in found] == [("a", "down", "suspect"), ("b", "up", "never_seen")]
    assert str(found[0][3])[:23].replace("T", " ") == "1970-01-01 00:00:00.012"


def test_terminals_that_left_the_fleet_are_taken_out(store: Store) -> None:
    write(store, terminals=[row("a"), row("b"), row("c")], changes=[TerminalChange(5, "b", "never_seen", "up")])
    gone = store.departed({"a"})
    assert sorted(gone) == ["b", "c"]
    write(store, departed=gone)
    assert [found.id for found in store.terminals(None, 10)] == ["a"]
    assert len(store.changes("b", None, 10)) == 1, "its history stays"


# -- incidents -----------------------------------------------------------------------------------------


def test_incidents_are_paged_newest_first(store: Store) -> None:
    opened = {f"i{number:02d}": number // 3 for number in range(20)}
    write(
        store,
        transitions=[called(at, Status.PENDING, announced(one, at), "x") for one, at in opened.items()],
    )
    pages: list[Incident] = []
    while page := store.incidents("firing", "tamper", 7, (pages[-1].opened_at, pages[-1].id) if pages else None):
        pages += page
    assert [found.id for found in pages] == sorted(opened, key=lambda one: (-opened[one], one))
    assert store.incidents("resolved", None, 7) == []
    assert store.incident("nothing") is None


def test_the_view_of_incidents_has_scope_times_and_minutes(store: Store, sql: Ask) -> None:
    over = announced("i", 60_000, region="R", carrier="CMCC")
    over.status, over.resolved_at, over.terminals = Status.RESOLVED, 150_000, 4
    write(store, transitions=[called(150_000, Status.FIRING, over, "heard again")])
    found = sql(
        "SELECT carrier, region, site, host, status, terminals, minutes, opened_at, resolved_at FROM v_incident"
    )
    assert found[0][:6] == ("CMCC", "R", None, None, "resolved", 4)
    assert float(found[0][6]) == 1.5
    assert [str(time)[11:19] for time in found[0][7:]] == ["00:01:00", "00:02:30"]
    write(store, transitions=[called(5, Status.PENDING, announced("j"), "x")])
    assert sql("SELECT minutes > 1000000 FROM v_incident WHERE id = 'j'")[0][0], "until now while it lasts"


def test_the_view_of_incidents_counts_from_when_people_are_told_it_began(store: Store, sql: Ask) -> None:
    over = announced("i", 60_000, carrier="CMCC")
    over.status, over.resolved_at, over.silent_since = Status.RESOLVED, 150_000, 30_000
    write(store, transitions=[called(150_000, Status.FIRING, over, "heard again")])
    ((began, opened, minutes),) = sql("SELECT began_at, opened_at, minutes FROM v_incident")
    assert [str(began)[11:19], str(opened)[11:19], float(minutes)] == ["00:00:30", "00:01:00", 2.0]


def test_an_end_that_nobody_has_heard_of_is_told_after_a_restart_however_late(store: Store) -> None:
    """While every Alertmanager is away fleetmon may be restarted, too."""
    write(store, transitions=resolved("heard", 5, 9) + resolved("unheard", 5, 9))
    write(store, delivered=[("heard", "firing"), ("heard", "resolved")], at=10)
    assert [one.id for one in store.restore(lambda _: -1, NOW).resolved] == ["unheard"]
    assert sorted(store.undelivered()) == [("unheard", "firing", 5), ("unheard", "resolved", 9)]


def test_the_provider_in_the_labels_of_an_alert_is_kept(store: Store) -> None:
    for one, provider in (("i", "field-1"), ("j", "")):
        write(store, transitions=[called(5, Status.PENDING, announced(one), "x")], owners=[(one, provider)])
    write(store, transitions=[called(5, Status.PENDING, announced("k"), "x")])
    write(store, transitions=[Transition(7, Status.FIRING, announced("i"), "grew")])
    found = store.restore(lambda _: -1, 0)
    assert found.owners == {"i": "field-1", "j": ""}
    assert {one.id for one in found.firing} == {"i", "j", "k"}


def test_what_is_asked_together_is_answered_as_of_one_moment(store: Store) -> None:
    """Else a report would count a terminal in one place and not in the other."""
    write(store, terminals=[row("a")])
    count = sa.text("SELECT count(*) FROM terminal")
    with store._reading() as connection:
        before = connection.scalar(count)
        write(store, terminals=[row("b")])
        assert connection.scalar(count) == before == 1
    assert len(store.terminals(None, 9)) == 2


# -- retention -----------------------------------------------------------------------------------------


def test_what_is_too_old_goes_and_what_is_needed_stays(store: Store, sql: Ask) -> None:
    old, young = NOW - 91 * DAY, NOW - 89 * DAY
    write(store, facts=[Fact(f"old{number}", 0, tamper(number, at=old)) for number in range(1_200)])
    for partition in range(PARTITIONS):
        write(store, partition=partition, records=[])
    write(store, facts=[Fact("late", 0, tamper(1, at=old)), Fact("young", 0, tamper(2, at=young))])
    write(
        store,
        transitions=[
            *resolved("over", old, old + 1),
            *resolved("lately", old, young),
            called(old, Status.PENDING, announced("lasts", old), "Tamper"),
        ],
        terminals=[row("a")],
        changes=[TerminalChange(old, "a", "never_seen", "up"), TerminalChange(young, "a", "up", "down")],
    )
    store.forget(NOW)
    settled(lambda: sql("SELECT count(*) FROM fact")[0][0] == 2 and len(store.incidents(None, None, 9)) == 2)
    assert sql("SELECT key FROM fact ORDER BY id") == [("late",), ("young",)], "no snapshot contains the late one"
    assert sorted(found.id for found in store.incidents(None, None, 10)) == ["lasts", "lately"]
    assert store.transitions("over") == []
    assert {one for one, _, _ in store.undelivered()} == {"lasts", "lately"}
    assert [found.after for found in store.changes("a", None, 10)] == ["down"]
    assert [message.received_at for message in store.restore(lambda _: -1, 0).facts] == [old + 1, young + 2]


def test_without_all_snapshots_no_fact_is_forgotten(store: Store, sql: Ask) -> None:
    write(store, facts=[Fact("k", 0, tamper(1, at=0))])
    for partition in range(PARTITIONS - 1):
        write(store, partition=partition, records=[])
    store.forget(NOW)
    write(store, terminals=[row("a")])
    assert sql("SELECT count(*) FROM fact") == [(1,)]


def test_forgetting_holds_up_nobody(store: Store, sql: Ask) -> None:
    """While much is to be forgotten a commit waits for one bite at most; and it goes on under load."""
    write(store, facts=[Fact(f"k{number}", 0, tamper(number, at=0)) for number in range(20_000)])
    for partition in range(PARTITIONS):
        write(store, partition=partition, records=[])
    store.forget(NOW)
    write(store, facts=[Fact("news", 0, tamper(1, at=NOW))])
    assert sql("SELECT count(*) FROM fact")[0][0] > 10_000, "it was not waited for"
    settled(lambda: sql("SELECT count(*) FROM fact") == [(1,)])


# -- trouble -------------------------------------------------------------------------------------------


def test_a_locked_database_delays_and_loses_nothing(store: Store, settings: StoreSettings) -> None:
    blocker = address.connect(settings, None)
    with blocker.connect() as connection:
        if settings.file is None:
            connection.exec_driver_sql("LOCK TABLE fact IN ACCESS EXCLUSIVE MODE")
        else:
            connection.exec_driver_sql("UPDATE fact SET epoch = 1")
        done = submit(store, facts=[Fact("k1", 0, tamper(1))])
        assert not done.wait(0.3), "nothing may be acknowledged yet"
        connection.rollback()
    blocker.dispose()
    assert done.wait(20)
    assert len(store.restore(lambda _: -1, 0).facts) == 1


def test_a_full_disk_delays_and_loses_nothing(store: Store, settings: StoreSettings, sql: Ask) -> None:
    """SQLite is given no more pages. PostgreSQL's disk cannot be filled here: a trigger says what it would say."""
    allowed = 1

    def limit(connection: sa.Connection) -> None:
        connection.exec_driver_sql(f"PRAGMA max_page_count = {allowed}")

    if settings.file is not None:
        sa.event.listen(store._engine, "begin", limit)
    else:
        full = "BEGIN RAISE EXCEPTION 'No space left on device' USING ERRCODE = 'disk_full'; END"
        sql(f"CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ {full} $$")
        sql("CREATE TRIGGER full_disk BEFORE INSERT ON fact FOR EACH ROW EXECUTE FUNCTION full_disk()")
    facts = [Fact(f"k{number}", 0, tamper(number)) for number in range(2_000)]
    done = submit(store, facts=facts)
    assert not done.wait(0.5)
    assert "full" in (store.failing or "") or "No space left" in (store.failing or "")
    assert sql("SELECT count(*) FROM fact") == [(0,)]
    if settings.file is not None:
        allowed = 1_000_000
    else:
        sql("DROP TRIGGER full_disk ON fact")
    assert done.wait(20)
    assert store.failing is None
    assert len(store.restore(lambda _: -1, 0).facts) == 2_000


def test_closing_while_nothing_can_be_written_says_so(settings: StoreSettings) -> None:
    store, blocker = Store(settings), address.connect(settings, None)
    with blocker.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE fact RENAME TO elsewhere")
    done = submit(store, facts=[Fact("k1", 0, tamper(1))])
    assert not store.close(patience_s=0.3)
    assert not done.is_set()
    blocker.dispose()


def test_a_damaged_snapshot_is_named(store: Store, settings: StoreSettings, sql: Ask) -> None:
    write(store, partition=7, records=[])
    sql("UPDATE snapshot SET records = " + ("x'ff'" if settings.file else "'\\xff'::bytea"))
    with pytest.raises(StoreError, match=r"store\.url .*: snapshot of partition 7: .*; restore a backup, or"):
        store.restore(lambda _: -1, 0)
    assert [problem.partition(":")[0] for problem in check(settings)] == ["snapshot of partition 7"]


def test_check_finds_what_contradicts_itself(store: Store, settings: StoreSettings, sql: Ask) -> None:
    write(store, transitions=[*resolved("a", 1, 2), *resolved("b", 1, 2), *resolved("c", 1, 2)])
    assert check(settings) == []
    sql("DELETE FROM incident WHERE id = 'a'")
    sql("DELETE FROM outbox WHERE incident_id = 'b'")
    sql("UPDATE incident SET status = 'firing' WHERE id = 'c'")
    sql("DELETE FROM transition WHERE incident_id = 'c' AND after = 'firing'")
    assert check(settings) == [
        "a transition without its incident: a",
        "a message to people without its incident: a",
        "an incident whose transitions do not lead to its status: c",
        "an incident that paged without a message to people: b",
        "a resolved incident without its end, or a firing one with an end: c",
    ]
