"""Planned work in one place: where its windows come from, and what follows from them."""

from collections.abc import Iterable, Mapping
from typing import Final

from fleetmon.engine.agenda import Action, Plan
from fleetmon.engine.deltas import Work
from fleetmon.engine.fleet import Fleet
from fleetmon.engine.incidents import Incidents
from fleetmon.engine.outcome import Fact
from fleetmon.engine.shard import Shard
from fleetmon.engine.timeline import KEPT
from fleetmon.engine.work.losses import Losses
from fleetmon.engine.work.notices import Notices
from fleetmon.engine.work.overdue import Overdue
from fleetmon.engine.work.planned import Planned
from fleetmon.engine.work.visits import Visits
from fleetmon.engine.work.windows import Windows
from fleetmon.model.days import DAY
from fleetmon.model.events import MaintenanceMark, Notice
from fleetmon.model.incident import Incident
from fleetmon.model.terminal import Terminal
from fleetmon.model.window import Window

AHEAD: Final = 60_000  # a clock so far ahead dates nothing


class Works:
    """What operators, hosts and technicians plan. Times in ms; windows that are told again change nothing."""

    def __init__(self, shard: Shard, incidents: Incidents, plan: Plan) -> None:
        self.windows = Windows()
        self.visits = Visits()
        self.planned = Planned(self.windows, shard, incidents, plan)
        self.overdue = Overdue(self.windows, self.visits, shard, incidents, plan)
        self.losses = Losses(shard.fleet, self.windows, shard.checkup.trade.is_open)
        self.planned.on_begin = self._begin
        incidents.excuse = self.planned.excuse
        self._notices = Notices()
        self._fresh: list[Window] = []
        self._fleet: Fleet = shard.fleet

    def take(self) -> list[Window]:
        """The windows that came or changed since the last call; one without a time is no more."""
        fresh, self._fresh = self._fresh, []
        return [self.windows.told(window) for window in fresh]

    @property
    def actions(self) -> Mapping[str, Action]:
        """What the agenda is asked to do."""
        return {"planned": self.planned.look, "overdue": self.overdue.look, "missing": self.overdue.resume}

    def put(self, windows: Iterable[Window], now: int) -> None:
        """Take in windows, new or with other times."""
        changed = [window for window in windows if self.windows.find(window.id) != window]
        self._fresh += changed
        for window in changed:
            self.windows.put(window)
            self.overdue.expect(window, now)
        if changed:
            self.planned.changed(now)

    def note(self, host: str, notice: Notice, now: int) -> None:
        """Take in a word on announced work."""
        self.put([self._notices.note(host, notice)], now)

    def work(self, told: Work) -> None:
        """Take in what a terminal told of work on it."""
        terminal, at, said = told.terminal, told.at, told.event
        if isinstance(said, MaintenanceMark):
            self._mark(terminal, said, at, told.epoch)
        else:
            self.visits.leave(terminal.id, at)
        self._visited(terminal, at)

    def recall(self, fact: Fact, now: int) -> None:
        """Know again what a terminal told of work on it."""
        terminal = self._fleet.terminals.get(fact.message.key)
        if isinstance(fact.message.event, MaintenanceMark) and terminal is not None:
            self._mark(terminal, fact.message.event, fact.message.received_at, fact.epoch)
            self._visited(terminal, now)

    def heard(self, terminal: Terminal, at: int) -> None:
        """A terminal came up."""
        self.overdue.heard(terminal.id, at)
        if self.visits.is_away(terminal.id):
            self.visits.come_back(terminal.id, at)
            self._visited(terminal, at)

    def leave(self, terminal: Terminal, since: int, now: int) -> None:
        """Know again that a terminal went offline for maintenance."""
        self.visits.leave(terminal.id, since)
        self._visited(terminal, now)

    def restore(self, incident: Incident, now: int) -> None:
        """Take up a firing incident that was read back."""
        self.planned.restore(incident)
        self.overdue.restore(incident, now)

    def forget(self, now: int) -> None:
        """Drop what is over for long."""
        self.windows.forget(now - KEPT)
        self._notices.forget(now - KEPT)
        self.visits.forget(now - KEPT)

    def _mark(self, terminal: Terminal, said: MaintenanceMark, heard_at: int, epoch: int) -> None:
        at = said.at if -AHEAD <= heard_at - said.at <= DAY else heard_at
        self.visits.mark(terminal.id, said, at, epoch)
        for window in self.windows.begin(terminal, at) if said.event == "begin" else ():
            self._begin(window, heard_at)

    def _begin(self, window: Window, now: int) -> None:
        """Flexible work has begun."""
        self.overdue.expect(window, now)
        self._fresh.append(window)

    def _visited(self, terminal: Terminal, now: int) -> None:
        """The windows of a terminal's marks are made anew, for a mark that comes late may change any of them."""
        windows = self.visits.windows(terminal)
        kept = {window.id for window in windows}
        for gone in self.windows.of_marks(terminal.id) - kept:
            self.windows.drop(gone)
            self._fresh.append(Window(gone, "", "mark", ()))
        self.put(windows, now)
