"""Tells what has happened to incidents, once it is safe on the disk: to the log, and to every Alertmanager.

What nobody has heard yet is remembered in the store as well, so that a restart still tells it. Heard is what one
Alertmanager has taken: the others get it with their own re-sends.
"""

import asyncio
from collections.abc import Callable, Sequence

import structlog

from fleetmon.clock import utc
from fleetmon.engine import Engine
from fleetmon.model.incident import Incident, Status, Transition
from fleetmon.readout.sight import owner
from fleetmon.readout.situations import Situations
from fleetmon.sinks.alertmanager import Alertmanager, AlertmanagerSettings
from fleetmon.sinks.board import Board
from fleetmon.store import Restored, Store, Work

log = structlog.get_logger("fleetmon")


class Announcements:
    """The latest word on every incident, and who is still to hear it."""

    def __init__(self, settings: AlertmanagerSettings, engine: Engine, store: Store, wall: Callable[[], int]) -> None:
        """`wall` gives the time in milliseconds since 1970."""
        self.unheard: dict[tuple[str, str], int] = {}  # (incident, status): since when, ms
        situations = Situations(engine)
        self.alertmanagers = [
            Alertmanager(url, settings, self._current, self._provider, situations.of, self._heard)
            for url in settings.urls
        ]
        self._board = Board()
        self._fleet = engine.fleet
        self._owners: dict[str, str] = {}  # by incident: who it was when people were called, for labels must not change
        self._shown = set[str]()  # incidents that Alertmanagers were told of last
        self._store = store
        self._wall = wall

    def restore(self, found: Restored) -> None:
        """Take up what an earlier run knew, and had not told yet; raises StoreError."""
        self._board.put([*found.firing, *found.resolved])
        self._owners |= found.owners
        self.unheard |= {(incident, status): at for incident, status, at in self._store.undelivered()}

    def start(self, tasks: asyncio.TaskGroup) -> None:
        """Let every Alertmanager be told from now on."""
        for alertmanager in self.alertmanagers:
            tasks.create_task(alertmanager.run())

    def owners(self, transitions: Sequence[Transition]) -> list[tuple[str, str]]:
        """To whom all terminals of each belong for which people are called now, to be stored with that; "": to nobody.

        A restart has to give an alert the same labels, whatever the registry says by then.
        """
        called = {change.incident.id: change.incident for change in transitions if change.calls}
        news = {key: owner(self._fleet, found) or "" for key, found in called.items() if key not in self._owners}
        self._owners |= news
        return list(news.items())

    def tell(self, transitions: Sequence[Transition]) -> None:
        """Tell what is committed."""
        for change in transitions:
            incident = change.incident
            if change.calls:
                self.unheard[incident.id, incident.status.value] = change.at
            if incident.fired_at is None or not (change.before is not incident.status or change.calls):
                continue
            log.info(
                "incident", status=incident.status.value, kind=incident.kind, incident=incident.id,
                scope=dict(incident.scope), terminals=incident.terminals, reason=change.reason,
            )  # fmt: skip
        self._board.put(change.incident for change in transitions)
        if any(change.incident.paged_at is not None for change in transitions):
            for alertmanager in self.alertmanagers:
                alertmanager.wake()
        if not self.alertmanagers:
            self._heard(list(self.unheard))  # nobody is to be told

    def _current(self) -> tuple[int, list[Incident]]:
        now = utc()
        current = self._board.current(now, {incident for incident, _ in self.unheard})
        shown = {found.id for found in current}
        for gone in self._shown - shown:
            self._owners.pop(gone, None)
        self._shown = shown
        return now, current

    def _provider(self, incident: Incident) -> str | None:
        if incident.id not in self._owners:  # people were called by a fleetmon that did not store it
            self._owners[incident.id] = owner(self._fleet, incident) or ""
        return self._owners[incident.id] or None

    def _heard(self, told: list[tuple[str, str]]) -> None:
        """Whoever has heard of the end has heard of the beginning, too."""
        keys = [
            *told,
            *[(incident, Status.FIRING.value) for incident, status in told if status == Status.RESOLVED.value],
        ]
        news = [key for key in keys if self.unheard.pop(key, None) is not None]
        if news:
            self._store.submit(Work(lambda: None, delivered=news, at=self._wall()))
