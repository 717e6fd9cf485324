"""The store: what goes in together comes out together, and twice is once."""

import sqlite3
import threading
from pathlib import Path

import pytest

from fleetmon.engine import Engine, Fact, Message
from fleetmon.engine.snapshot import record
from fleetmon.ingest.quarantine import Refused
from fleetmon.model.errors import StoreError
from fleetmon.model.events import DeviceEvent
from fleetmon.model.incident import Incident, Status, Transition
from fleetmon.model.registry import Registry
from fleetmon.model.terminal import PARTITIONS
from fleetmon.store import Store, StoreSettings, Work
from fleetmon.store.writer import QUARANTINE_ROWS


def tamper(seq: int, action: str = "set") -> Message:
    event = DeviceEvent(1, 1, seq, "security", "Tamper", action)  # type: ignore[arg-type]
    payload = f'{{"at":1,"boot":1,"seq":{seq},"component":"security","code":"Tamper","action":"{action}"}}'.encode()
    return Message(1_000 + seq, "noodle-1", event, retained=False, topic="t", payload=payload)


def wait(store: Store, **work: object) -> None:
    done = threading.Event()
    store.submit(Work(done.set, **work))  # type: ignore[arg-type]
    assert done.wait(10)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "fleetmon.db"


def test_a_fact_is_stored_once_however_often_it_comes(path: Path) -> None:
    store = Store(StoreSettings(str(path)))
    facts = [Fact("k1", 0, tamper(1)), Fact("k2", 0, tamper(2))]
    for _ in range(3):
        wait(store, facts=facts)
    restored = store.restore({}, 0)
    assert [message.event for message in restored.facts] == [tamper(1).event, tamper(2).event]
    store.close()


def test_incident_audit_and_outbox_go_in_together_and_only_once(path: Path) -> None:
    store = Store(StoreSettings(str(path)))
    firing = Incident("i", "tamper", (("terminal", "x"),), "critical", pages=True, opened_at=5)
    firing.status, firing.fired_at, firing.paged_at = Status.FIRING, 5, 5
    change = Transition(5, Status.PENDING, firing, "Tamper")
    for _ in range(2):
        wait(store, transitions=[change])
    assert store.restore({}, 0).firing == [firing]
    assert store.undelivered() == [("i", "firing", 5)]
    wait(store, delivered=[("i", "firing")], at=9)
    assert store.undelivered() == []
    store.close()
    with sqlite3.connect(path) as connection:
        assert connection.execute("select count(*) from transition").fetchone() == (1,)
    connection.close()


def test_a_pending_incident_leaves_no_trace(path: Path) -> None:
    store = Store(StoreSettings(str(path)))
    pending = Incident("i", "site_outage", (("site", "x"),), "warning", pages=False, opened_at=5)
    wait(store, transitions=[Transition(5, None, pending, "silent together")])
    assert store.incidents(None, None, 10) == []
    store.close()


def test_a_restart_knows_what_the_snapshot_had_and_what_came_after(path: Path, sample_registry: Registry) -> None:
    """The set is in the snapshot, the clear only in the log of facts: a repetition of either is no news."""
    store = Store(StoreSettings(str(path)))
    engine = Engine(sample_registry)
    engine.link_up(0)
    first = engine.observe([tamper(1)])
    wait(store, facts=first.facts, transitions=first.transitions)
    for partition in range(PARTITIONS):
        records = [record(engine.shard, terminal) for terminal in engine.fleet.partitions[partition]]
        wait(store, partition=partition, records=records)
    second = engine.observe([tamper(2, "clear")])
    wait(store, facts=second.facts, transitions=second.transitions)

    again = Engine(sample_registry)
    found = store.restore({key: one.partition for key, one in again.fleet.terminals.items()}, 0)
    assert [message.event for message in found.facts] == [tamper(2, "clear").event]
    again.restore(found.records, found.facts, found.firing)
    again.link_up(5_000)
    repeated = again.observe([tamper(1), tamper(2, "clear")])
    assert not repeated.facts
    assert not repeated.transitions
    store.close()


def test_the_quarantine_is_bounded(path: Path) -> None:
    store = Store(StoreSettings(str(path)))
    refused = [Refused(number, "t", "json", "", 1, "x") for number in range(QUARANTINE_ROWS + 50)]
    wait(store, refused=refused)
    store.close()
    with sqlite3.connect(path) as connection:
        assert connection.execute("select count(*), min(received_at) from quarantine").fetchone() == (
            QUARANTINE_ROWS,
            50,
        )
    connection.close()


def test_a_locked_database_delays_and_loses_nothing(path: Path) -> None:
    store = Store(StoreSettings(str(path)))
    blocker = sqlite3.connect(path, isolation_level=None)
    blocker.execute("PRAGMA busy_timeout=0")
    blocker.execute("BEGIN IMMEDIATE")
    done = threading.Event()
    store.submit(Work(done.set, facts=[Fact("k1", 0, tamper(1))]))
    assert not done.wait(0.2), "nothing may be acknowledged yet"
    blocker.execute("COMMIT")
    blocker.close()
    assert done.wait(20)
    assert len(store.restore({}, 0).facts) == 1
    store.close()


@pytest.mark.parametrize("content", [b"this is no database, but long enough to be looked at" * 50])
def test_what_is_no_database_is_named_and_left_alone(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(StoreError, match=r"store\.path .*fleetmon\.db: file is not a database"):
        Store(StoreSettings(str(path)))
    assert path.read_bytes() == content
