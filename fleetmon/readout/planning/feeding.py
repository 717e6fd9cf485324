"""Feeds of planned work: what concerns a provider, a host or a shop, as calendars follow it.

Writing a great calendar takes seconds, so it is done in a thread, and once for every state of it.
"""

import asyncio
from functools import partial
from typing import Final

from fleetmon.engine import Engine
from fleetmon.model.schedule import Entry
from fleetmon.model.window import Window
from fleetmon.planning import feeds
from fleetmon.planning.feeds import FeedKind
from fleetmon.planning.ical.write import feed
from fleetmon.planning.plans import Plans
from fleetmon.readout.planning.planned import Planned
from fleetmon.readout.slices import slowly

_KEPT: Final = 200  # feeds as they were last written
_Mark = tuple[tuple[str, object], ...]  # what is in a feed, and in which version


class Feeding:
    """Calendars for those who have the link."""

    def __init__(self, engine: Engine, plans: Plans, planned: Planned, secret: bytes | None) -> None:
        """Without a secret there are no feeds."""
        self._engine = engine
        self._plans = plans
        self._planned = planned
        self._secret = secret
        self._written: dict[tuple[FeedKind, str], tuple[_Mark, bytes]] = {}

    def link(self, provider: str | None, kind: FeedKind, key: str) -> str | None:
        """The path of a feed; None where there is none, or not for this caller."""
        if self._secret is None or not self._is_known(kind, key):
            return None
        if provider is not None and not self._is_of(provider, kind, key):
            return None
        return feeds.path(self._secret, kind, key)

    async def calendar(self, token: str, kind: FeedKind, key: str) -> bytes | None:
        """The feed, if the token opens it."""
        if not feeds.opens(self._secret, token, kind, key):
            return None
        concerned = partial(self._concerns, kind, key)
        entries = [one async for one in slowly(list(self._plans)) if concerned(self._planned.window(one))]
        announced = [window for window in self._planned.windows if window.provenance == "notice"]
        notices = [one async for one in slowly(announced) if concerned(one)]
        mark = _mark(entries, notices)
        known = self._written.get((kind, key))
        if known is not None and known[0] == mark:
            return known[1]
        data = await asyncio.to_thread(feed, f"fleetmon {kind} {key}", entries, notices)
        if len(self._written) >= _KEPT:
            self._written.clear()
        self._written[kind, key] = mark, data
        return data

    def _concerns(self, kind: FeedKind, key: str, window: Window) -> bool:
        if kind == "provider":
            return self._planned.sees(key, window)
        if kind == "host":
            return window.host == key or self._planned.serves(window, key)
        return any(window.covers(terminal) for terminal in self._engine.fleet.groups.shop(key))

    def _is_known(self, kind: FeedKind, key: str) -> bool:
        directory = self._engine.explainer.ledger.directory
        if kind == "site":
            return bool(self._engine.fleet.groups.shop(key))
        return key in (directory.providers if kind == "provider" else directory.hosts)

    def _is_of(self, provider: str, kind: FeedKind, key: str) -> bool:
        if kind == "site":
            return all(one.cohort.provider == provider for one in self._engine.fleet.groups.shop(key))
        return kind == "provider" and key == provider


def _mark(entries: list[Entry], notices: list[Window]) -> _Mark:
    return (*((entry.id, entry.version) for entry in entries), *((window.id, window) for window in notices))
