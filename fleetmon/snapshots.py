"""Writes the soft state down, one partition after the other, so that a restart reads back little more than that.

All of them are written within two minutes, or as fast as the store can keep up. What the store may forget of the
past is forgotten on the same round.
"""

import asyncio
import contextlib
from collections.abc import Callable
from functools import partial
from typing import Final

from fleetmon.engine import Engine
from fleetmon.engine.snapshot import record
from fleetmon.enrolment import Enrolment
from fleetmon.model.errors import StoreError
from fleetmon.model.terminal import PARTITIONS
from fleetmon.store import Store, Work

EVERY_S: Final = 120.0 / PARTITIONS


class Snapshots:
    """The soft state of one engine, in one store."""

    def __init__(self, engine: Engine, store: Store, enrolment: Enrolment, wall: Callable[[], int]) -> None:
        """`wall` gives the time in milliseconds since 1970."""
        self._engine = engine
        self._store = store
        self._enrolment = enrolment
        self._wall = wall

    async def run(self) -> None:
        """Go round until cancelled."""
        written = asyncio.Event()
        tell = partial(asyncio.get_running_loop().call_soon_threadsafe, written.set)
        while True:
            for partition in range(PARTITIONS):
                self._write(partition)
                self._store.submit(Work(tell, terminals=self._enrolment.rows(partition)))
                await asyncio.sleep(EVERY_S)
                await written.wait()
                written.clear()
            self._store.forget(self._wall())
            with contextlib.suppress(StoreError):  # which the writer will meet and tell
                departed = await asyncio.to_thread(self._store.departed, self._engine.fleet.terminals)
                self._store.submit(Work(lambda: None, departed=departed))

    def write_all(self) -> None:
        """At the end, all at once."""
        for partition in range(PARTITIONS):
            self._write(partition)

    def _write(self, partition: int) -> None:
        shard = self._engine.shard
        records = [record(shard, terminal) for terminal in self._engine.fleet.partitions[partition]]
        self._store.submit(Work(lambda: None, partition=partition, records=records))
