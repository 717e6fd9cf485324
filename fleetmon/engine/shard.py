"""What one terminal tells by itself: order of its messages, liveness, device faults and other signs.

Everything here depends on one terminal alone, so shards can be split over processes by site or
merchant. What terminals tell together is the correlator's.

Liveness (times by arrival, deadlines from `detect/terminal_offline`; what is usual is learned, see `habits`):

    never_seen --message--> up --2 beats missed, or a will--> suspect --3 missed, or the usual--> down
                               (1 missed: late, which only counts together with others)
    up --shutdown, or silent while closed as declared or usual--> asleep --missed opening--> down
    any --message--> up

While nothing is heard at all (`deaf_since`) no deadline counts, and afterwards everyone gets a fresh
grace from `heard_since` on; the same for those of one provider, if only they cannot be heard (`heard_again`).
A will shortens the wait, but not one of very many: brokers restart, and connecting again takes its time.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Final

from fleetmon.detect import SIM_PROBLEM, TERMINAL_OFFLINE
from fleetmon.engine.deadlines import Deadlines
from fleetmon.engine.deltas import Claim, Delta, Dropped, HostReport, Late, LinkReport, LivenessChange, Move, Work
from fleetmon.engine.fleet import Fleet, slack, suspicion
from fleetmon.engine.outcome import Fact, Message, Outcome, Refusal
from fleetmon.engine.terminal.asked import asked
from fleetmon.engine.terminal.checkup import Checkup
from fleetmon.engine.terminal.faults import FaultChange, Faults
from fleetmon.engine.terminal.habits import Habits, lost_before
from fleetmon.engine.terminal.news import GRACEFUL, began_anew, fact_key, is_swapped, why_no_news
from fleetmon.engine.terminal.presence import EARLY
from fleetmon.engine.terminal.resets import Resets
from fleetmon.engine.terminal.wills import Wills
from fleetmon.model.days import DAY
from fleetmon.model.events import (
    DeviceEvent,
    Heartbeat,
    HostHealth,
    MaintenanceMark,
    Notice,
    Sequenced,
    State,
    Transaction,
)
from fleetmon.model.terminal import FULL, NEVER, NO_DEADLINE, Liveness, Order, Terminal

_UP: Final = Liveness.UP
_FRESH: Final = (Order.NEW, Order.LATE)


class Shard:
    """The terminals of one partition of the fleet; today of the whole."""

    def __init__(self, fleet: Fleet) -> None:
        self.fleet = fleet
        self.deadlines = Deadlines()
        self.heard_since = 0
        self.deaf_since: int | None = None
        self.heard_again: dict[str, int] = {}  # providers that were not heard since: from when on; NO_DEADLINE: still
        self.counts: Counter[str] = Counter()  # repeated, late, old_boot, missing messages
        self._wills = Wills(fleet.census)
        self._resets = Resets()
        self._deltas: list[Delta] = []
        self.faults = Faults()
        self.checkup = Checkup(fleet, lambda: self.heard_since, self.faults.kinds, self._deltas.append)
        self.faults.shows = self.checkup.shows
        self.habits = Habits(fleet)

    def observe(self, messages: Sequence[Message], outcome: Outcome) -> list[Delta]:
        """Take in messages that arrived at the same moment; facts and refusals go into the outcome."""
        find, terminals, beat = self.fleet.find, self.fleet.terminals, self.checkup.beat
        patience = due = -1
        for message in messages:
            now, key, event, retained = message.received_at, message.key, message.event, message.retained
            if type(event) is Heartbeat:
                terminal = terminals.get(key) or find(key)
                if terminal is None:
                    outcome.refusals.append(Refusal("unregistered_limit", message))
                elif (
                    event.seq == terminal.seq + 1
                    and event.boot == terminal.boot
                    and terminal.liveness is _UP
                    and not retained
                    and not terminal.will_at
                    and (event.interval_s is None or event.interval_s * 1000 == terminal.interval_ms)
                ):  # what all but a few are: the next beat of a healthy terminal
                    terminal.seq = event.seq
                    if terminal.window is not FULL:
                        window = (terminal.window << 1 | 1) & FULL
                        terminal.window = window if window != FULL else FULL  # one number for all
                    before = terminal.beat_at
                    terminal.last_seen = terminal.beat_at = now
                    if terminal.wait_ms != patience:  # so that those who beat together share the number
                        patience = terminal.wait_ms
                        due = now + patience
                    terminal.due = due
                    beat(terminal, event, now, before)
                else:
                    self._heartbeat(terminal, event, now, retained=retained)
            elif isinstance(event, (State, Sequenced)):
                terminal = terminals.get(key) or find(key)
                if terminal is None:
                    outcome.refusals.append(Refusal("unregistered_limit", message))
                else:
                    self._terminal_fact(terminal, message, outcome)
            else:
                outcome.facts.append(Fact(fact_key(message, event), 0, message))
                if isinstance(event, (HostHealth, Notice)):
                    self._deltas.append(HostReport(now, key, event))
        return self._take()

    def advance_one(self, now: int) -> list[Delta]:
        """Let the first deadline at or before `now` pass; the change carries the time of the deadline.

        One at a time, so that the correlator sees the world as it was at that time.
        """
        if self.deaf_since is None and (terminal := self.deadlines.pop(now)) is not None:
            self._expire(terminal, terminal.due)
        return self._take()

    @property
    def next(self) -> int:
        """No deadline passes before this time."""
        return self.deadlines.next if self.deaf_since is None else NO_DEADLINE

    def heard_from(self, provider: str) -> int:
        """Since when a silence of this provider's terminals means something; NO_DEADLINE while it means nothing."""
        if self.deaf_since is not None:
            return NO_DEADLINE
        return max(self.heard_since, self.heard_again.get(provider, 0)) if self.heard_again else self.heard_since

    @property
    def unheard(self) -> list[str]:
        """The providers whose terminals we do not hear, while we hear others."""
        return [provider for provider, since in self.heard_again.items() if since == NO_DEADLINE]

    def watch(self, terminal: Terminal) -> None:
        """Set the deadline that belongs to a terminal's state, after it was read back."""
        if terminal.liveness is _UP:
            terminal.due = terminal.last_seen + terminal.wait_ms
        elif terminal.liveness is Liveness.ASLEEP:
            terminal.due = self.habits.presence.opening(terminal, terminal.since)
        elif terminal.liveness is Liveness.DOWN:
            terminal.due = self.habits.presence.closing(terminal, terminal.since)
        elif terminal.liveness is Liveness.SUSPECT:
            terminal.due = self.proof(terminal)
        elif not terminal.session:  # never heard, nor known from a replay
            terminal.due = NO_DEADLINE
        else:
            terminal.due = terminal.last_seen + terminal.wait_ms
        self.deadlines.arm(terminal)

    def believe(self, terminal: Terminal, liveness: Liveness, since: int) -> None:
        """Set the state of a terminal that was read back; nothing follows from it but its deadline."""
        if liveness is not terminal.liveness:
            self.fleet.census.leave(terminal)
            terminal.liveness = liveness
            self.fleet.census.enter(terminal)
        terminal.since = since
        self.watch(terminal)

    def _take(self) -> list[Delta]:
        deltas = list(self._deltas)
        self._deltas.clear()
        return deltas

    def _heartbeat(self, terminal: Terminal, beat: Heartbeat, now: int, *, retained: bool) -> None:
        lost = lost_before(terminal, beat, now)
        order = Order.REPEATED if retained else self._in_order(terminal, beat, now)
        if order is Order.OLD_BOOT and self._resets.beats(terminal, beat, now):
            self._alive(terminal, now)
        if order not in _FRESH:
            return
        if beat.interval_s is not None:
            self._promise(terminal, beat.interval_s)
        self._alive(terminal, now, lost)
        before, terminal.beat_at = terminal.beat_at, now
        self.checkup.beat(terminal, beat, now, before)

    def _terminal_fact(self, terminal: Terminal, message: Message, outcome: Outcome) -> None:
        event = message.event
        if isinstance(event, State):
            if not self._state(terminal, event, message.received_at, retained=message.retained):
                return
        elif isinstance(event, Sequenced):
            lost = lost_before(terminal, event, message.received_at)
            order = self._in_order(terminal, event, message.received_at)
            if order is Order.REPEATED:
                return
            if order is Order.OLD_BOOT and not terminal.born <= event.boot <= terminal.boot:
                epoch = max(terminal.epoch - 1, 0)  # a straggler of the device that stood here before
                outcome.facts.append(Fact(fact_key(message, event, epoch), epoch, message))
                return
            if isinstance(event, DeviceEvent):
                self.checkup.device(terminal, event, message.received_at)
                self._deltas += self.faults.take(terminal, event, message.received_at)
            elif isinstance(event, MaintenanceMark):
                self._deltas.append(Work(message.received_at, terminal, event, terminal.epoch))
            if order in _FRESH and not message.retained:
                self._deltas += asked(terminal, message)
                self._alive(terminal, message.received_at, lost)
                if isinstance(event, Transaction):
                    self.checkup.sale(terminal, event, message.received_at)
        outcome.facts.append(Fact(fact_key(message, event, terminal.epoch), terminal.epoch, message))

    def _in_order(self, terminal: Terminal, event: Sequenced, now: int) -> Order:
        """Note a counted message, and say how it stands to the others; it may overtake the birth of its boot."""
        missing = 0
        if event.boot == terminal.boot:
            missing = event.seq - terminal.seq - 1 if terminal.seq >= 0 else 0
        elif event.boot > terminal.former and began_anew(terminal, event.boot, now):
            self.checkup.restarted(terminal.id, now, crash=False)
        order = terminal.place(event.boot, event.seq)
        if order is Order.NEW:
            self.counts["missing"] += missing
        else:
            self.counts[order.name.lower()] += 1
        return order

    def _state(self, terminal: Terminal, said: State, now: int, *, retained: bool) -> bool:
        """Take in a birth, a farewell or a will; whether it was news."""
        if known := why_no_news(terminal, said, retained=retained):
            self.counts[known] += 1
            return False
        if said.session != terminal.session:
            self._new_session(terminal, said, now)
        if said.state == "offline":
            self._farewell(terminal, said, now, retained=retained)
        elif not retained:
            self._alive(terminal, now)
        elif terminal.liveness in (Liveness.NEVER_SEEN, _UP):
            # It may long be gone; whoever was never heard has two beats' time to prove that it is not.
            terminal.due = now + (terminal.wait_ms if terminal.liveness is _UP else suspicion(terminal))
            self.deadlines.arm(terminal)
        return True

    def _new_session(self, terminal: Terminal, said: State, now: int) -> None:
        swapped = is_swapped(terminal, said)
        if swapped or said.boot < terminal.boot:
            terminal.epoch += 1
            terminal.former, terminal.born = terminal.boot, said.boot
            self.checkup.replaced(terminal, now)
            self._deltas += self.faults.replaced(terminal, now)
        elif self.checkup.timeline.is_other_sim(terminal.id, said):
            self._deltas.append(
                FaultChange(now, terminal, SIM_PROBLEM, present=True, code="SimChanged", until=now + DAY)
            )
        if not swapped and said.state == "online" and began_anew(terminal, said.boot, now):
            self.checkup.restarted(terminal.id, now, crash=False)
        if said.serial and said.serial != terminal.serial:
            self._deltas.append(Claim(now, terminal))
        if swapped or said.boot != terminal.boot:
            terminal.boot, terminal.seq, terminal.window = said.boot, -1, 0
        terminal.serial = said.serial or terminal.serial
        terminal.ended, terminal.session, terminal.session_at = terminal.session, said.session, said.at
        if said.interval_s is not None:
            self._promise(terminal, said.interval_s)
        self._resets.told(terminal)
        before = terminal.cohort
        self.fleet.identify(terminal, said.model, said.firmware, said.carrier)
        if terminal.cohort is not before:
            self._deltas.append(Move(now, terminal, before, terminal.cohort))

    def _farewell(self, terminal: Terminal, said: State, now: int, *, retained: bool) -> None:
        terminal.ended = said.session
        if said.reason in GRACEFUL:
            if not retained:
                terminal.last_seen = now
            self._sleep(terminal, now)
            if said.reason == "maintenance":
                self._deltas.append(Work(now, terminal, said, terminal.epoch))
            return
        terminal.will_at = terminal.will_at or now
        if self._wills.note(terminal, now):
            self.heard_since = now  # at once, or wills of the same moment would count by how they were read
            self._deltas.append(Dropped(now))
        if terminal.liveness is Liveness.SUSPECT:
            terminal.due = max(self.proof(terminal), now + 1)
            self.deadlines.arm(terminal)
        elif terminal.liveness in (_UP, Liveness.NEVER_SEEN):
            self._expire(terminal, now)

    def _alive(self, terminal: Terminal, now: int, lost: int = 0) -> None:
        deaf = self.heard_from(terminal.cohort.provider) > terminal.last_seen
        if self.habits.back(terminal, now, lost, deaf=deaf):
            self._deltas.append(LinkReport(now, terminal))
        terminal.last_seen = now
        terminal.will_at = 0
        terminal.overslept = False
        terminal.due = now + terminal.wait_ms
        self._change(terminal, _UP, now)
        self.deadlines.arm(terminal)

    def _promise(self, terminal: Terminal, interval_s: int) -> None:
        terminal.promised = True
        if interval_s * 1000 != terminal.interval_ms:
            self.fleet.census.leave(terminal)
            terminal.interval_ms, terminal.wait_ms = self.fleet.promise(interval_s)
            self.fleet.census.enter(terminal)

    def _sleep(self, terminal: Terminal, at: int) -> None:
        terminal.due = self.habits.presence.opening(terminal, at)
        terminal.will_at = 0
        self._change(terminal, Liveness.ASLEEP, at)
        self.deadlines.arm(terminal)

    def _expire(self, terminal: Terminal, at: int) -> None:
        """The terminal's deadline passed at `at`, or its will came."""
        presence = self.habits.presence
        heard = self.heard_from(terminal.cohort.provider)
        if heard == NO_DEADLINE:  # a will that came before we knew
            heard = at
        if at < heard + terminal.wait_ms:
            terminal.due = heard + terminal.wait_ms
            self.deadlines.arm(terminal)
        elif terminal.liveness is Liveness.ASLEEP:
            self._oversleep(terminal, at)
        elif at < self._suspicious(terminal):
            self._late(terminal, at)
        elif presence.is_off(terminal, at):
            self._sleep(terminal, at)
        elif terminal.liveness is Liveness.SUSPECT:
            terminal.due = self.proof(terminal)
            if terminal.due > at:  # we were deaf since, so its wait begins anew
                self.deadlines.arm(terminal)
            else:
                self._down(terminal, at)
        elif terminal.liveness is Liveness.DOWN:  # reopened since: it is still down
            terminal.due = presence.closing(terminal, at)
            self.deadlines.arm(terminal)
        elif (closing := presence.closing(terminal, at)) <= at + EARLY:  # people switch off before the doors close
            terminal.due = min(closing, at + terminal.wait_ms)  # it may be heard before, and hours may change
            self.deadlines.arm(terminal)
        else:
            terminal.due = max(self.proof(terminal), at + 1)
            self._change(terminal, Liveness.SUSPECT, at)
            self.deadlines.arm(terminal)

    def _oversleep(self, terminal: Terminal, at: int) -> None:
        """It did not come at its opening, unless that day is over: we were deaf, or the registry told of it late."""
        if self.habits.presence.is_closed(terminal, at):
            self._sleep(terminal, at)
        else:
            terminal.overslept = True
            self._down(terminal, at)

    def _suspicious(self, terminal: Terminal) -> int:
        """When the silence of a terminal that is not one yet makes it a suspect; a will does at once."""
        if terminal.will_at or terminal.liveness not in (Liveness.NEVER_SEEN, _UP):
            return NEVER
        return self.known_from(terminal) + suspicion(terminal)

    def _late(self, terminal: Terminal, at: int) -> None:
        """One beat is missed: for others to know, unless nobody expects it."""
        presence = self.habits.presence
        expected = not presence.is_off(terminal, at) and presence.closing(terminal, at) > at + EARLY
        if expected and terminal.liveness is _UP:
            self._deltas.append(Late(at, terminal))
        terminal.due = self._suspicious(terminal)
        self.deadlines.arm(terminal)

    def proof(self, terminal: Terminal, *, told: bool = False) -> int:
        """When the silence of a suspect proves it down, or down so surely that people may be told."""
        heard, interval = self.known_from(terminal), terminal.interval_ms
        margin = slack(interval)
        beats = self.habits.patience.beats(terminal, terminal.last_seen, told=told)
        is_stormy = self._wills.in_storm(terminal.will_at)
        # A will from before we heard proves nothing: who answered it may have gone unheard.
        if terminal.will_at > heard and not is_stormy:
            return TERMINAL_OFFLINE.down_after_will(heard, terminal.will_at, interval, margin, beats)
        proven = heard + TERMINAL_OFFLINE.down_after(interval, margin, beats)
        anew = self._wills.last if is_stormy else heard if heard > terminal.last_seen else NEVER
        return max(proven, TERMINAL_OFFLINE.back_by(anew)) if told and anew else proven

    def known_from(self, terminal: Terminal) -> int:
        """When its silence began, as far as we could hear it: with its last word, or when we last began to hear."""
        heard = self.heard_from(terminal.cohort.provider)
        return max(terminal.last_seen, heard if heard < NO_DEADLINE else self.heard_since)

    def _down(self, terminal: Terminal, at: int) -> None:
        terminal.due = self.habits.presence.closing(terminal, at)  # then nobody expects it any longer
        self._change(terminal, Liveness.DOWN, at)
        self.deadlines.arm(terminal)

    def _change(self, terminal: Terminal, after: Liveness, at: int) -> None:
        before = terminal.liveness
        if before is after:
            return
        self.fleet.census.leave(terminal)
        terminal.liveness, terminal.since = after, at
        self.fleet.census.enter(terminal)
        self.checkup.gone(terminal.id, after, at)
        self._deltas.append(LivenessChange(at, terminal, before, after, terminal.cohort))
