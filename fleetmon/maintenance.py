"""Planned work of one daemon: the books and their upkeep, the calendars that are read, and what the server may ask."""

import asyncio
from collections.abc import Callable, Iterable

from fleetmon.config import Config, Loaded
from fleetmon.dispatch import Dispatch
from fleetmon.engine import Engine, Outcome
from fleetmon.model.incident import Transition
from fleetmon.model.window import Window
from fleetmon.readout import Planning
from fleetmon.readout.acknowledging import Act
from fleetmon.readout.planning.planning import Books
from fleetmon.store import Store
from fleetmon.subscriptions import Subscriptions
from fleetmon.upkeep import Upkeep


class Maintenance:
    """Times in milliseconds since 1970."""

    def __init__(
        self, loaded: Loaded, engine: Engine, store: Store, act: Act, wall: Callable[[], int], dispatch: Dispatch
    ) -> None:
        """`act` has the engine do something, between two rounds of its own, and has that stored."""
        self._config = loaded.config
        self.upkeep = Upkeep(engine, store, act, wall)
        self.upkeep.notices, self.upkeep.written = dispatch.planned, dispatch.written
        books = Books(self.upkeep.plans, self.upkeep.commit, act)
        self.port = Planning(engine, store, books, lambda: self._config.planning, loaded.feed_secret, wall)
        take = self.port.importing.take
        self.subscriptions = Subscriptions(loaded.config.planning.calendars, loaded.calendar_urls, take, wall)
        self.port.subscribed = self.subscriptions.views

    def restore(self, now: int) -> Outcome:
        """Before the first message; raises StoreError."""
        return self.upkeep.restore(now)

    def reload(self, config: Config) -> None:
        """Other guard rails, and perhaps another registry: what calendars said is looked at again."""
        self._config = config
        self.subscriptions.forget()

    def tell(self, windows: Iterable[Window] = (), transitions: Iterable[Transition] = ()) -> None:
        """What the core has found out about planned work."""
        self.upkeep.begun(windows)
        self.upkeep.told(transitions)

    async def run(self) -> None:
        """For ever."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.upkeep.run())
            tasks.create_task(self.subscriptions.run())
