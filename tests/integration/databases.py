"""What tests do with a store: write and wait for it, and look from beside."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

from fleetmon.engine import Engine
from fleetmon.engine.snapshot import record
from fleetmon.model.terminal import PARTITIONS
from fleetmon.store import Store, StoreSettings, Work, address

Ask = Callable[[str], list[Any]]


def submit(store: Store, **work: Any) -> threading.Event:
    """Hand over some work; the event tells that it is on the disk."""
    done = threading.Event()
    store.submit(Work(done.set, **work))
    return done


def write(store: Store, **work: Any) -> None:
    """The same, and wait for it."""
    assert submit(store, **work).wait(20), store.failing


def asking(settings: StoreSettings) -> Iterator[Ask]:
    """One connection beside the store's; yields once."""
    engine = address.connect(settings, None)

    def ask(query: str) -> list[Any]:
        with engine.begin() as connection:
            result = connection.exec_driver_sql(query)
            return [tuple(row) for row in result] if result.returns_rows else []

    yield ask
    engine.dispose()


def snapshot_all(store: Store, engine: Engine) -> None:
    """What is known of all terminals."""
    for partition in range(PARTITIONS):
        records = [record(engine.shard, terminal) for terminal in engine.fleet.partitions[partition]]
        write(store, partition=partition, records=records)


def settled(done: Callable[[], bool], timeout_s: float = 20.0) -> None:
    """Wait until it is."""
    waiting, pause = timeout_s, threading.Event()
    while not done():
        assert waiting > 0, f"not within {timeout_s:g} s"
        pause.wait(0.02)
        waiting -= 0.02
