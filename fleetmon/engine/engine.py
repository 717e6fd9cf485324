"""The engine: one owner, no locks, no clock.

Deadlines, judgements and messages are taken strictly in order of time, whatever the size of the batches
and however often somebody looks, so the same recording gives the same incidents to the byte. On equal
times deadlines come first: a terminal is late at its deadline, not after the message that just missed it.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import attrgetter

from fleetmon.detect import TERMINAL_OFFLINE
from fleetmon.engine.correlator import Correlator
from fleetmon.engine.deltas import Delta, LivenessChange
from fleetmon.engine.directory import Directory, Overlays
from fleetmon.engine.fleet import Fleet
from fleetmon.engine.money.arrears import Arrears
from fleetmon.engine.money.explainer import Explainer
from fleetmon.engine.outcome import Fact, Message, Outcome, Refusal, TerminalChange
from fleetmon.engine.shard import Shard
from fleetmon.engine.snapshot import TerminalRecord, restore
from fleetmon.engine.timeline import GONE
from fleetmon.engine.work.coverage import Coverage, Covered
from fleetmon.model.days import EVERY_DAY, WorkingDays
from fleetmon.model.episode import Episode
from fleetmon.model.events import Notice
from fleetmon.model.incident import Incident
from fleetmon.model.registry import Registry
from fleetmon.model.settlement import Settlement
from fleetmon.model.terminal import NO_DEADLINE, Liveness, Shown, Terminal, shown
from fleetmon.model.window import State as WindowState
from fleetmon.model.window import Window, window_id


class Engine:
    """State of the fleet and its incidents. All times are integer milliseconds since 1970."""

    def __init__(
        self,
        registry: Registry,
        days: WorkingDays = EVERY_DAY,
        overlays: Overlays | None = None,
        *,
        max_unregistered: int = 10_000,
    ) -> None:
        """`days` are the working days of the banks, `overlays` what codes mean to single acquirers."""
        self.fleet = Fleet(registry, max_unregistered)
        self.shard = Shard(self.fleet)
        self.correlator = Correlator(self.fleet, self.shard)
        directory, works, hosts = Directory(registry, days, overlays), self.correlator.works, self.correlator.hosts
        hosts.register(directory)
        self.explainer = Explainer(self.fleet, self.correlator.incidents, directory, works, hosts.words)
        self.shard.checkup.timeline = self.explainer.timeline
        self.shard.checkup.trade.overlays = directory.overlays
        self.arrears = Arrears(self.explainer, self.correlator.incidents)
        self.correlator.reception.on_deaf = lambda: self.arrears.lose("link")  # payouts may be unheard as well
        self.correlator.reception.on_heard = lambda at: self.arrears.hear(at, "link")
        self._coverage = Coverage(self.fleet, works.windows)
        self.now = 0
        self._changes: list[TerminalChange] = []
        self._left: list[Terminal] = []  # the registry, while we were away

    def observe(self, messages: Sequence[Message]) -> Outcome:
        """Take in messages in order of arrival."""
        outcome = Outcome()
        if messages and not self.shard.heard_since:
            self.shard.heard_since = messages[0].received_at  # before the first message we were deaf
        for together in _moments(messages):
            self._run(together[0].received_at)
            known = len(outcome.facts)
            self._correlate(self.shard.observe(together, outcome))
            for fact in outcome.facts[known:]:
                self.arrears.observe(fact, self.explainer.observe(fact))
        return self._take(outcome)

    def advance(self, now: int, most: int | None = None) -> Outcome:
        """Let time pass without a message; with `most`, at most so many deadlines, and `behind` tells of more."""
        self._run(now, most)
        return self._take(Outcome())

    def finish(self, now: int) -> Outcome:
        """Let time pass to the end: nothing more arrives at `now`."""
        self._run(now)
        self.arrears.finish(now)
        return self._take(Outcome())

    def behind(self, now: int) -> bool:
        """Whether something that is due by `now` has not been looked at yet."""
        return min(self.shard.next, self.correlator.next, self.arrears.next) <= now

    def link_down(self, at: int, *, reported: bool = True) -> Outcome:
        """We hear nothing from `at` on: deadlines freeze. Unreported, it opens no incident (a recording's end)."""
        self._run(at)
        if self.shard.deaf_since is None:
            self.shard.deaf_since = at
        self.correlator.link_lost(at, reported=reported)
        if reported:
            self.arrears.lose("link")
        return self._take(Outcome())

    def link_up(self, at: int) -> Outcome:
        """We hear again: everyone gets a fresh grace."""
        self._run(at)
        self.shard.deaf_since = None
        self.shard.heard_since = self.now
        self.correlator.link_found(self.now)
        self.arrears.hear(self.now, "link")
        return self._take(Outcome())

    def stalled(self, at: int) -> None:
        """We did not look for a while (a suspended machine, a blocked loop): everyone gets a fresh grace from `at`."""
        self.shard.heard_since = max(at, self.shard.heard_since)

    def register(self, registry: Registry, days: WorkingDays = EVERY_DAY, overlays: Overlays | None = None) -> None:
        """Take another registry; what terminals have told of themselves stays."""
        self._run(self.now)  # no judgement is left half done
        listed = [one for one in self.fleet.terminals.values() if one.registered]
        waits = {one.id: self.fleet.hours(one) for one in listed if one.liveness in (Liveness.ASLEEP, Liveness.DOWN)}
        for terminal in self.fleet.register(registry):
            self._wake(terminal)
        directory = Directory(registry, days, overlays)
        self.correlator.hosts.register(directory)
        self.explainer.register(directory)
        self.shard.checkup.trade.overlays = directory.overlays
        for terminal in listed:
            if not terminal.registered:
                self._retire(terminal)
            elif terminal.id in waits and self.fleet.hours(terminal) is not waits[terminal.id]:
                self._wake(terminal)
        self.correlator.regrouped(self.now)

    def restore(
        self, records: Sequence[TerminalRecord], facts: Sequence[Message], incidents: Sequence[Incident]
    ) -> None:
        """Take up what was stored, before the first message.

        Snapshots, then the messages stored after them, then firing incidents, which outrank what is known of
        their terminals. All of it is old, so until `link_up` we are deaf.
        """
        self.shard.deaf_since = self.now
        self.arrears.lose("link")
        self._left = restore(self.shard, records)
        for message in facts:
            self.shard.observe([message], Outcome())  # what follows from it is stored already
        for incident in incidents:
            self.correlator.restore(incident)
        self.correlator.conditions.resume(self.now)
        suspected = {incident.scope[0][1] for incident in incidents if incident.kind == TERMINAL_OFFLINE.kind}
        for terminal in self.fleet.terminals.values():
            if terminal.liveness is Liveness.DOWN or terminal.id in suspected:
                self._reconcile(terminal)

    def resume(
        self, episodes: Sequence[Episode], notices: Sequence[Message], settlements: Sequence[Settlement]
    ) -> None:
        """After `restore`, take up what goes on: open episodes, announced work, late money. Then `recall` the past.

        Until `recalled` no money is called late.
        """
        self.arrears.lose("past")
        works = self.correlator.works
        works.planned.complete = False
        timeline, terminals = self.explainer.timeline, self.fleet.terminals
        for episode in episodes:
            timeline.recall(episode)
            key = episode.topic.split("/")[1]
            if key in terminals:
                self.shard.checkup.recall(episode, terminals[key].last_seen)
                self.shard.checkup.gone(key, terminals[key].liveness, self.now)
            if episode.kind == "silent" and (key not in terminals or terminals[key].liveness not in GONE):
                timeline.end(f"terminal/{key}", "silent", self.now)  # it came back unnoticed, or is missed anew
            if episode.kind == "maintenance" and key in terminals and terminals[key].liveness is not Liveness.UP:
                works.leave(terminals[key], episode.begin, self.now)
        for message in notices:
            if isinstance(message.event, Notice):
                works.note(message.key, message.event, self.now)
        found = {(one.merchant, one.business_date): one for one in settlements}
        for incident in self.incidents:
            scope = dict(incident.scope)
            day = scope.get("merchant", ""), scope.get("business_date", "")
            self.arrears.restore(incident, self.now, found.get(day))
        for terminal in self._left:
            self._retire(terminal)
        self._left = []

    def recall(self, facts: Sequence[Fact], episodes: Sequence[Episode] = (), past: Sequence[Incident] = ()) -> None:
        """Take up what the ledger and the timeline knew, in any order and in parts, also while messages come in.

        No fact may come twice, nor one that came as a message. `past` are incidents that are over.
        """
        for episode in episodes:
            self.explainer.timeline.recall(episode)
        for incident in past:
            self.correlator.remember(incident)
        for fact in facts:
            self.arrears.recall(fact, self.explainer.recall(fact))
            self.correlator.works.recall(fact, self.now)
        self.correlator.recall(facts, self.now)

    def recalled(self, since: int) -> None:
        """Everything that was told since then is recalled: now money can be called late."""
        self.arrears.know_from(since)
        self.correlator.works.planned.complete = True
        self.arrears.hear(self.now, "past")

    def forget(self, now: int) -> Iterator[None]:
        """Drop, a step at a time, what need not be held any longer; use it up now and then."""
        ledger, timeline = self.explainer.ledger, self.explainer.timeline
        for merchant in list(ledger.books):
            for key in ledger.forget(now, merchant):
                self.arrears.forget(key)
            yield
        for subject in timeline.subjects:
            timeline.forget(subject, now)
            yield
        ledger.forget_words(now)
        self.correlator.works.forget(now)

    @property
    def incidents(self) -> Sequence[Incident]:
        """The open incidents, pending and firing."""
        return tuple(self.correlator.incidents)

    def plan(self, windows: Sequence[Window], now: int = 0) -> Outcome:
        """Take in planned work of the operator, new or with other times; what stands there already is no news."""
        self._run(now)
        self.correlator.works.put(windows, self.now)
        return self._take(Outcome())

    def acknowledge(self, now: int, incident_id: str, author: str, until: int, comment: str = "") -> Outcome:
        """Somebody sees to an incident; raises ConflictError unless it is firing."""
        self._run(now)
        self.correlator.acknowledgements.put(incident_id, author, self.now, until, comment)
        return self._take(Outcome())

    def unacknowledge(self, now: int, incident_id: str, author: str) -> Outcome:
        """Somebody takes an acknowledgement back; raises ConflictError unless the incident is firing."""
        self._run(now)
        self.correlator.acknowledgements.withdraw(incident_id, author, self.now)
        return self._take(Outcome())

    @property
    def windows(self) -> Counter[WindowState]:
        """How many windows are scheduled, active, ended, cancelled."""
        return self.correlator.works.windows.by_state(self.now)

    @property
    def covered(self) -> Covered:
        """The terminals that planned work covers now."""
        return self._coverage.at(self.now)

    def shown(self, terminal: Terminal) -> Shown:
        """The state of a terminal as people see it."""
        heard = self.shard.heard_from(terminal.cohort.provider) < NO_DEADLINE
        return shown(terminal.liveness, heard=heard, planned=terminal in self.covered)

    @property
    def deaf(self) -> bool:
        """Whether we hear nothing now, so that every terminal's state is unknown."""
        return self.shard.deaf_since is not None

    def _reconcile(self, terminal: Terminal) -> None:
        """Down is who has an incident that says so; who else was down, or was heard since, has to prove it again."""
        own = self.correlator.incidents.find(TERMINAL_OFFLINE.kind, (("terminal", terminal.id),))
        if own is not None and terminal.last_seen <= own.opened_at:
            self.shard.believe(terminal, Liveness.DOWN, own.opened_at)
        elif own is not None or terminal.liveness is Liveness.DOWN:
            self.shard.believe(terminal, Liveness.SUSPECT, terminal.since)

    def _wake(self, terminal: Terminal) -> None:
        """Its shop keeps other hours, or it beats at others: it is missed, or expected no longer, at other times."""
        self.shard.watch(terminal)
        terminal.due = max(terminal.due, self.now + 1)

    def _retire(self, terminal: Terminal) -> None:
        """It left the registry: nobody waits for it, and what was wrong is nobody's matter, until it is heard again."""
        before = terminal.liveness
        if before is Liveness.UP:
            return
        self._correlate([*self.shard.faults.replaced(terminal, self.now)])
        self.shard.checkup.replaced(terminal, self.now)
        self.shard.checkup.gone(terminal.id, Liveness.ASLEEP, self.now)
        if terminal.id not in self.fleet.terminals:
            return  # nobody ever heard it
        terminal.nights = 0
        self.shard.believe(terminal, Liveness.ASLEEP, self.now)
        if before is not Liveness.ASLEEP:
            self._correlate([LivenessChange(self.now, terminal, before, Liveness.ASLEEP, terminal.cohort)])

    def _correlate(self, deltas: Sequence[Delta]) -> None:
        if deltas:
            self.correlator.observe(deltas)
            for delta in deltas:
                if isinstance(delta, LivenessChange):
                    at, terminal, before, after, _ = delta
                    self.explainer.timeline.gone(terminal, before, after, at)
                    self._changes.append(TerminalChange(at, terminal.id, before.name.lower(), after.name.lower()))

    def _take(self, outcome: Outcome) -> Outcome:
        outcome.transitions = self.correlator.incidents.take()
        outcome.changes, self._changes = self._changes, []
        outcome.episodes = self.explainer.timeline.take()
        outcome.windows = self.correlator.works.take()
        outcome.refusals += self._strange(outcome) if outcome.windows else ()
        outcome.audit = self.correlator.acknowledgements.take()
        outcome.settlements = self.arrears.take()
        return outcome

    def _strange(self, outcome: Outcome) -> Iterator[Refusal]:
        """News of work at a host that nobody knows: kept, for the registry may come to know it, but not in silence."""
        announced = [one for one in outcome.windows if one.provenance == "notice" and not self._knows(one.host)]
        news = {one.id for one in announced}  # what the broker replays at each connect is none
        for message in {fact.key: fact.message for fact in outcome.facts if news}.values():
            if isinstance(message.event, Notice) and window_id("notice", message.key, message.event.id) in news:
                yield Refusal("unknown_host", message)

    def _knows(self, host: str) -> bool:
        directory = self.explainer.ledger.directory
        return (
            host in directory.hosts
            or host in directory.providers
            or any(host in (one.acquirer, one.provider, one.carrier) for one, _ in self.fleet.census.counts)
        )

    def _run(self, now: int, most: int | None = None) -> None:
        """Let everything due by `now` happen, in order of time."""
        self.now = now = max(now, self.now)
        shard, correlator, arrears = self.shard, self.correlator, self.arrears
        while most is None or most > 0:
            deadline, judgement, look = shard.next, correlator.next, arrears.next
            if min(deadline, judgement, look) > now:
                return
            if look <= min(deadline, judgement):  # it is about the millisecond before
                arrears.advance(now)
            elif deadline <= judgement:
                self._correlate(shard.advance_one(min(now, judgement, look)))
            else:
                correlator.advance(now)
            if most is not None:
                most -= 1


def _moments(messages: Sequence[Message]) -> Iterator[Sequence[Message]]:
    """Those that arrived at the same moment, as all do that one read brought."""
    if messages and messages[0].received_at == messages[-1].received_at:
        yield messages
        return
    for _, together in groupby(messages, key=attrgetter("received_at")):
        yield list(together)
