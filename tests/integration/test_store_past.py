"""What a restart needs of the past, on each database with a real server: episodes, sums of money, facts in parts."""

import threading

import msgspec

from fleetmon.engine import Fact, Message
from fleetmon.model.episode import Episode
from fleetmon.model.events import DeviceEvent, Notice
from fleetmon.model.incident import Incident, Status, Transition
from fleetmon.model.settlement import Settlement
from fleetmon.model.window import Occurrence, Window
from fleetmon.store import Archive, Store, StoreSettings

from .databases import Ask, write

DAY = 86_400_000
NOW = 1_000 * DAY


def tamper(seq: int, key: str = "a", at: int = 1_000) -> Message:
    event = DeviceEvent(1, 1, seq, "security", "Tamper", "set")
    return Message(at + seq, key, event, retained=False, topic="t", payload=msgspec.json.encode(event))


def resolved(incident_id: str, opened_at: int, resolved_at: int) -> list[Transition]:
    over = Incident(incident_id, "tamper", (), "critical", pages=True, opened_at=opened_at)
    over.status, over.fired_at, over.paged_at, over.resolved_at = Status.RESOLVED, opened_at, opened_at, resolved_at
    return [Transition(resolved_at, Status.FIRING, over, "cleared")]


def owed(merchant: str, *, overdue: int = 0, paid: int = 0, at: int = 9, due_at: int = NOW) -> Settlement:
    cause = "sim_problem" if overdue else ""
    sums = (2, overdue + paid, 1, paid, int(overdue > 0), overdue, 0, 0)
    return Settlement(merchant, "2026-11-20", "ACQ", cause, due_at, *sums, at)


def test_an_episode_is_one_row_from_its_beginning_to_its_end(store: Store) -> None:
    weak, mark = (
        Episode("weak", "terminal/a/heartbeat", 5, worst=-104.5),
        Episode("mark", "terminal/a/x", 6, 6, "why\0"),
    )
    for _ in range(2):
        write(store, episodes=[weak, mark, weak])
    found = store.restore(lambda _: -1, 0)
    assert (found.episodes, store.episodes(0, None, 9)) == (
        [weak],
        [Episode("mark", "terminal/a/x", 6, 6, "why\ufffd")],
    )
    weak.end, weak.count, weak.worst = 70, 3, -111.0
    write(store, episodes=[weak])
    assert store.restore(lambda _: -1, 0).episodes == []
    assert store.episodes(7, None, 9) == [weak]


def test_episodes_are_read_in_parts(store: Store) -> None:
    made = [Episode("silent", f"terminal/{key}/state", at, at + 1) for key in "bBa1" for at in range(4)]
    write(store, episodes=made)
    parts: list[Episode] = []
    while part := store.episodes(2, parts[-1] if parts else None, 3):
        parts += part
    assert sorted(parts, key=lambda one: (one.topic, one.begin)) == parts
    assert len(parts) == 12


def test_late_money_is_known_again_and_shown_in_its_view(store: Store, sql: Ask) -> None:
    write(store, settlements=[owed("a", overdue=700), owed("b", overdue=500), owed("c", paid=300)])
    assert {one.merchant for one in store.restore(lambda _: -1, 0).late} == {"a", "b"}
    write(store, settlements=[owed("b", paid=500, at=10), owed("a", overdue=700, paid=900, at=10)])
    assert store.restore(lambda _: -1, 0).late == [owed("a", overdue=700, paid=900, at=10)]
    names = "merchant, business_date, acquirer, cause, sales_late, amount_late, amount_expected, amount_paid"
    assert sql(f"SELECT {names} FROM v_settlement_late") == [
        ("a", "2026-11-20", "ACQ", "sim_problem", 1, 700, 1_600, 900)
    ]
    assert sql("SELECT hours_late > 100000 FROM v_settlement_late")[0][0], "until now"
    assert str(sql("SELECT due_at FROM v_settlement_late")[0][0])[:10] == "1972-09-27"


def test_planned_work_is_shown_as_it_is_known_now(store: Store, sql: Ask) -> None:
    first, second = Occurrence(1_000, 2_000), Occurrence(2**41, 2**41 + 1)
    work = Window("window:operator:w", "team", "operator", (first, second), {"region": ["r1"]}, reason="new roof")
    write(store, windows=[work, Window("window:mark:t", "", "mark", (first,))])
    asked = "SELECT id, owner, selector, state FROM v_window ORDER BY id, starts_at"
    assert sql(asked) == [
        ("window:mark:t", "", "{}", "ended"),
        ("window:operator:w", "team", '{"region":["r1"]}', "ended"),
        ("window:operator:w", "team", '{"region":["r1"]}', "scheduled"),
    ]
    called_off = msgspec.structs.replace(work, cancelled=True, occurrences=(second,))
    write(store, windows=[Window("window:mark:t", "", "mark", ()), called_off])
    assert sql(asked) == [("window:operator:w", "team", '{"region":["r1"]}', "cancelled")]
    assert str(sql("SELECT starts_at FROM v_window")[0][0])[:4] == "2039"


def test_facts_are_read_in_parts_from_a_time_on(store: Store, sql: Ask) -> None:
    write(store, facts=[Fact(f"k{number}", 3, tamper(number, at=1_000 * number)) for number in range(1, 51)])
    sql("DELETE FROM fact WHERE id IN (7, 21, 22, 23, 50)")
    until = store.restore(lambda _: -1, 0).newest
    sql("UPDATE fact SET kind = 'Tomorrow' WHERE id = 30")
    for at in (0, 1_001, 1_002, 20_020, 21_500, 23_999, 24_024, 49_049, 60_000):
        wanted = sql(f"SELECT coalesce(max(id), 0) FROM fact WHERE received_at < {at}")[0][0]
        found = store.facts_before(at)
        assert wanted <= found
        assert not sql(f"SELECT 1 FROM fact WHERE id > {wanted} AND id <= {found}"), at
    after, keys, unreadable = store.facts_before(20_020), list[str](), 0
    while after < until:
        part = store.facts(after, until, 4)
        after, unreadable = part.last, unreadable + part.unreadable
        keys += [fact.key for fact in part.facts]
        assert {fact.epoch for fact in part.facts} <= {3}
    assert keys == [f"k{number}" for number in (20, *range(24, 30), *range(31, 50))]
    assert unreadable == 1


def test_a_few_are_asked_for_while_the_store_is_in_use(store: Store, settings: StoreSettings) -> None:
    keys = ("a/0/1/1", "a/0/1/2", "a-1/0/1/1", "a0/x", "p/host/a/file/1", "p/merchant/a/account/1", "p/host/a1/file/1")
    facts = [
        Fact(key, 0, tamper(number, key.removeprefix("p/host/").removeprefix("p/merchant/").split("/")[0]))
        for number, key in enumerate(keys)
    ]
    write(store, facts=facts, episodes=[Episode("weak", "terminal/a/heartbeat", 5, 9)])
    write(store, transitions=resolved("i", 1, 2))
    with Archive(settings, None) as archive:
        found = [fact.key for fact in archive.facts_about(["a"], "p", 0, 9)]
        assert found == ["a/0/1/1", "a/0/1/2", "p/host/a/file/1", "p/merchant/a/account/1"]
        assert [fact.key for fact in archive.facts_about(["a"], "p", 1_001, 1)] == [found[1], *found[2:]], "the latest"
        assert (len(archive.episodes(0)), [one.id for one in archive.incidents(0, 9)]) == (1, ["i"])
        assert archive.restored(NOW).newest == len(keys)


def test_an_empty_store_has_no_past(store: Store) -> None:
    assert (store.facts_before(NOW), store.restore(lambda _: -1, 0).newest) == (0, 0)
    assert (store.episodes(0, None, 9), store.past_incidents(0, 9)) == ([], [])


def test_announced_work_and_past_incidents_are_known_again(store: Store) -> None:
    said = Notice(5, "n", "scheduled", 10, 20)
    notice = Message(5, "ACQ", said, retained=True, topic="t/n", payload=msgspec.json.encode(said))
    write(store, facts=[Fact("n", 0, notice), Fact("k", 0, tamper(1))])
    assert store.restore(lambda _: -1, 0).notices == [notice]
    write(store, transitions=[*resolved("a", 1, 2), *resolved("b", 1, 7), *resolved("c", 1, 5)])
    assert [one.id for one in store.past_incidents(3, 9)] == ["c", "b"]
    assert [one.id for one in store.past_incidents(0, 1)] == ["b"], "the latest"


def test_what_is_too_old_goes_and_what_lasts_stays(store: Store, sql: Ask) -> None:
    old, young = NOW - 91 * DAY, NOW - 89 * DAY
    over = [Episode("weak", f"terminal/a{number}/heartbeat", old, old) for number in range(1_200)]
    lately, lasts = Episode("weak", "terminal/b/heartbeat", old, young), Episode("weak", "terminal/c/heartbeat", old)
    sums = [owed("old", overdue=5, due_at=old), owed("young", due_at=young)]
    write(store, episodes=[*over, lately, lasts], settlements=sums)
    store.forget(NOW)
    pause = threading.Event()
    for _ in range(1_000):
        if sql("SELECT count(*) FROM episode") == [(2,)] and sql("SELECT count(*) FROM settlement") == [(1,)]:
            break
        pause.wait(0.02)
    assert sql("SELECT topic FROM episode ORDER BY topic") == [("terminal/b/heartbeat",), ("terminal/c/heartbeat",)]
    assert sql("SELECT merchant FROM settlement") == [("young",)]
