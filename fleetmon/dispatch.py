"""Tells people directly: finds what is to be told, in the transaction of what happened, and has the routes tell it.

Whoever has a document of their own to send, like a report, calls `await dispatch.send(...)`: it goes by every route
that asked for such documents, as surely as a page does, and once.
"""

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Final

from fleetmon.clock import utc
from fleetmon.config import Loaded
from fleetmon.engine import Engine
from fleetmon.locale import Situation
from fleetmon.model.errors import ConfigError, SinkError
from fleetmon.model.incident import Incident, Transition
from fleetmon.model.notice import Document, Notice, Planned, Subscription
from fleetmon.model.window import Window
from fleetmon.readout.planning.planned import providers
from fleetmon.readout.sight import Sight
from fleetmon.readout.situations import Situations
from fleetmon.sinks.notices import notices
from fleetmon.sinks.route import Carrier, Route
from fleetmon.sinks.wording import Links
from fleetmon.store import Store, Work

LATE_MS: Final = 3_600_000  # what happened to planned work before that is no news: a restart finds it again


class Dispatch:
    """The routes of one daemon, and the store behind them."""

    def __init__(self, loaded: Loaded, engine: Engine, store: Store) -> None:
        """Raises ConfigError for a route without a valid address."""
        self._engine = engine
        self._situations = Situations(engine)
        self._store = store
        self._settings = loaded.config.notices
        self._loop: asyncio.AbstractEventLoop | None = None
        said, carriers = loaded.config.alertmanager, couriers(loaded)
        links = Links(said.runbook_url, said.dashboard_url)
        self.routes = [Route(one, carriers[one.name], self, links) for one in self._settings]

    def due(self, transitions: Sequence[Transition]) -> list[Notice]:
        """What is to be told of incidents, to be stored with them."""
        return [
            notice
            for route in self._settings if transitions
            for notice in notices(route, transitions, Sight(self._engine.fleet, route.provider).concerned)
        ]  # fmt: skip

    def planned(self, events: Sequence[Planned]) -> list[Notice]:
        """What is to be told of planned work, to be stored with it."""
        now = utc()
        return [
            Notice(route.name, one.event.subject, f"{one.event.action}/{one.event.at}", one.event.at, planned=one)
            for route in self._settings if route.maintenance
            for one in events if self._concerns(one, route.provider) and one.event.at > now - LATE_MS
        ]  # fmt: skip

    async def send(
        self, key: str, title: str, text: str, html: str | None = None, *, wants: Subscription = "report"
    ) -> list[str]:
        """Have a document told by every route that takes such, and say which; the same key again changes nothing.

        It returns when that is safe on the disk: it is sent then, and again until it was taken.
        """
        names = [route.name for route in self._settings if route.takes(wants)]
        document, now = Document(title, text, html), utc()
        await self._write(
            Work(lambda: None, notices=[Notice(one, key, wants, now, document=document) for one in names])
        )
        self.wake()
        return names

    def wake(self) -> None:
        """Something is committed: tell it now."""
        for route in self.routes:
            route.wake()

    def written(self) -> None:
        """In the writer's thread: something is committed."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self.wake)

    async def run(self) -> None:
        """For ever."""
        self._loop = asyncio.get_running_loop()
        async with asyncio.TaskGroup() as tasks:
            for route in self.routes:
                tasks.create_task(route.run())

    # -- what a route asks -------------------------------------------------------------------------

    async def untold(self, route: str, limit: int) -> list[Notice]:
        """What it has still to tell; raises StoreError."""
        return await asyncio.to_thread(self._store.untold, route, limit)

    async def strike(self, notices: Sequence[Notice]) -> None:
        """These are not to be told any more; returns when that is on the disk."""
        await self._write(Work(lambda: None, told=notices, at=utc()))

    def incident(self, key: str) -> Incident | None:
        """How an incident stands now."""
        return self._engine.correlator.incidents.named(key)

    def situation(self, incident: Incident, provider: str | None) -> Situation:
        """How things stand with the terminals of an incident, those of a provider if one is given."""
        return self._situations.of(incident, provider)

    def _concerns(self, planned: Planned, provider: str | None) -> bool:
        """Whether work is a provider's own, or covers any of its terminals."""
        if provider in (None, planned.owner):
            return True
        window = Window(planned.event.subject, planned.owner, "operator", (), planned.selector, planned.host)
        return provider in providers(self._engine, window)

    async def _write(self, work: Work) -> None:
        written = asyncio.Event()
        work.done = partial(asyncio.get_running_loop().call_soon_threadsafe, written.set)
        self._store.submit(work)
        await written.wait()


def couriers(loaded: Loaded) -> dict[str, Carrier]:
    """Whoever carries the messages of each route; raises ConfigError for what is no address, and never shows it."""
    if not loaded.config.notices:
        return {}
    from fleetmon.sinks.courier import Courier  # noqa: PLC0415 - Apprise takes 0.4 s and 45 MB, for routes alone

    found, problems = dict[str, Carrier](), list[str]()
    for name in (route.name for route in loaded.config.notices):
        remedy = f"name a file with its Apprise address in url_file, or set FLEETMON_NOTICES_{name.upper()}_URL"
        try:
            found[name] = Courier(loaded.notice_urls.get(name, ""))
        except SinkError as error:
            reason = error if name in loaded.notice_urls else f"has no address; {remedy}"
            problems.append(f"notices.{name}: {reason}")
    if problems:
        raise ConfigError(problems)
    return found
