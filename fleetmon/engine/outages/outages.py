"""Shared outages: from the suspicion that some share a fault to the end of it, one cause one incident.

A shop is judged when somebody in it falls silent; whatever else terminals share is found by the scan. What is found
opens, pending; when it is found again for as long as its `hold`, it fires and takes what it explains. An outage is
over when its members were heard again for long enough (`keep`), and then who is still silent is judged anew.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from fleetmon.detect import FLAPPING, GROUP_DETECTORS, SITE_OUTAGE, TERMINAL_OFFLINE
from fleetmon.engine.agenda import Action, Parts, Plan
from fleetmon.engine.deltas import LivenessChange, Move
from fleetmon.engine.groups import covers
from fleetmon.engine.hearing import not_before
from fleetmon.engine.incidents import Incidents
from fleetmon.engine.outages.flapping import Flapping
from fleetmon.engine.outages.known import Known, strongest
from fleetmon.engine.outages.search import Found, Search, detector_of
from fleetmon.engine.shard import Shard
from fleetmon.engine.tally import all_late, burst, look, missed_since, parts, silent_since, tally_breach, tally_recovery
from fleetmon.engine.work.planned import Planned
from fleetmon.model.detector import GroupDetector
from fleetmon.model.incident import Incident, Scope, Status
from fleetmon.model.terminal import NO_DEADLINE, Liveness, Terminal
from fleetmon.model.window import is_window, stands_alone

SETTLE: Final = 5_000  # from a change to its judgement, so that a burst is judged once
LOOK_AGAIN: Final = 60_000  # for what no change tells: that those still up were heard since
_SCAN_AGAIN: Final = 10_000  # while those that may speak against a suspicion say nothing
_SCAN: Final = 1  # ranks: whatever is wider is decided first
_JUDGE: Final = 2
_TROUBLED: Final = (Liveness.SUSPECT, Liveness.DOWN)
_KINDS: Final = frozenset(one.kind for one in GROUP_DETECTORS)


class Outages:
    """The outages of many terminals. Times in ms."""

    def __init__(self, shard: Shard, incidents: Incidents, planned: Planned, flapping: Flapping, plan: Plan) -> None:
        self.left: Callable[[Terminal, int], object]  # told of who is still down when an outage is over
        self.in_doubt: Callable[[Sequence[Terminal]], bool]  # whether it may be we who do not hear them
        self._known = Known(incidents)
        self._search = Search(shard, self._known.is_explained)
        self._shard = shard
        self._groups = shard.fleet.groups
        self._incidents = incidents
        self._planned = planned
        self._flapping = flapping
        self._plan = plan
        self._due: dict[Scope, int] = {}  # shops and open outages to be judged, and when
        self._scan_at = NO_DEADLINE
        self._put_off = False  # until we hear again
        self._back_at = NO_DEADLINE  # when what went down bit by bit is looked for
        self._back_from = 0  # not before
        self._since: dict[str, int] = {}  # since when a pending outage, or a narrower one before it, was suspected

    @property
    def actions(self) -> dict[str, Action]:
        """What the agenda is asked to do."""
        return {"scan": self._look, "back": self._look_back, "group": self._judge}

    # -- what is asked -----------------------------------------------------------------------------

    def over(self, terminal: Terminal) -> Iterator[Incident]:
        """The open outages that may have taken a terminal, pending or firing, that of its shop last."""
        return self._known.over(terminal)

    def explanation(self, terminal: Terminal) -> Status | None:
        """Whether an outage explains the silence of a terminal: one that fires, else a pending one."""
        return strongest(self.over(terminal))

    # -- what happens ------------------------------------------------------------------------------

    def late(self, terminal: Terminal, at: int) -> None:
        """A terminal missed a beat: nothing, but together with others."""
        self._suspect(terminal, at)
        self._watch(terminal, at)

    def changed(self, change: LivenessChange) -> None:
        """A terminal came, went, or fell asleep."""
        terminal, at = change.terminal, change.at
        worse = change.after in _TROUBLED
        for incident in self.over(terminal):
            self._mark(incident.scope, at + (LOOK_AGAIN if incident.status is Status.FIRING and worse else SETTLE))
        if worse:
            self._suspect(terminal, at)
            self._watch(terminal, at)
        if change.after is Liveness.DOWN:
            self._look_back_at(at + SETTLE)

    def moved(self, move: Move) -> None:
        """A terminal tells other attributes than before."""
        self._search.moved(move)
        self._known.forget(move.before)
        for incident in self._known:
            if covers(incident.scope, move.before) or covers(incident.scope, move.after):
                self._mark(incident.scope, move.at + SETTLE)

    def restore(self, incident: Incident) -> None:
        """Take up a firing outage that was read back."""
        if is_of_many(incident):
            self._known.enter(incident)
            self._mark(incident.scope, incident.opened_at)

    def regrouped(self, now: int) -> None:
        """The registry changed: who shares what is another matter now, and so may be every open outage."""
        self._known.regrouped()
        for incident in self._incidents:
            if is_of_many(incident):
                self._mark(incident.scope, now + SETTLE)

    def thaw(self, at: int) -> None:
        """We hear again: what was put off for that is due."""
        self._due.update({scope: at for scope, due in self._due.items() if due == NO_DEADLINE})
        if self._put_off:
            self._scan(at)

    def _suspect(self, terminal: Terminal, at: int) -> None:
        if self._shard.deaf_since is not None:
            return
        if self._search.scan.note(terminal, at):
            self._scan(at + SETTLE)
        if terminal.site and any(one is not terminal for one in self._groups.shop(terminal.site)):
            self._mark((("site", terminal.site),), at + SETTLE)

    def _watch(self, terminal: Terminal, at: int) -> None:
        """What it belongs to flaps, and may be down again."""
        for incident in self.over(terminal):
            if incident.kind == FLAPPING.kind:
                self._mark(incident.scope, at + detector_of(incident.scope).policy.hold_ms)

    def _scan(self, due: int) -> None:
        if due < self._scan_at:
            self._scan_at = due
            self._plan(due, _SCAN, "scan")

    def _look_back_at(self, due: int) -> None:
        if self._back_at == NO_DEADLINE:
            self._back_at = max(due, self._back_from)
            self._plan(self._back_at, _SCAN, "back")

    def _mark(self, scope: Scope, due: int) -> None:
        """Have a shop or an open outage judged at `due`, unless that is planned already, or something earlier."""
        if due < self._due.get(scope, NO_DEADLINE + 1):
            self._due[scope] = due
            self._plan(due, _JUDGE, "group", scope)

    # -- shared attributes -------------------------------------------------------------------------

    def _look(self, now: int) -> Parts[None]:
        """Find what those that fell silent share; what is found opens, waits, or fires; what is not is dropped."""
        if self._scan_at != now:
            return  # planned for an earlier time since
        self._scan_at = NO_DEADLINE
        late = yield from self._search.scan.late(now)
        later = not_before(self._shard, now, _usual_interval(late))
        self._put_off = later == NO_DEADLINE
        if later is not None:  # only opening is ever held back
            self._scan(later)
            return
        found, undecided = yield from self._search.find(late, self._firing, now)
        since = self._lineage(found)
        for incident in self._known.pending:
            if incident.scope not in [one.scope for one in found]:
                self._end(incident, now, "not confirmed")
        for one in found:
            yield from self._confirm(one, since.get(one.scope, now), now)
        if undecided and self._scan_at == NO_DEADLINE:
            self._scan(now + _SCAN_AGAIN)

    def _look_back(self, now: int) -> Parts[None]:
        """Find what goes down bit by bit; it has lasted when it is found."""
        self._back_at = NO_DEADLINE
        if self._known.pending:
            self._look_back_at(now + SETTLE)  # what fell silent together is decided first
            return
        self._back_from = now + LOOK_AGAIN
        for one in (yield from self._search.one_by_one(self._firing, now)):
            if self._incidents.find(one.detector.kind, one.scope) is None and self._shard.deaf_since is None:
                ids = [terminal.id for terminal in one.silent]
                incident = self._incidents.open(one.detector.kind, one.scope, now, "went down one by one", ids)
                self._known.enter(incident)
                yield from self._fire(incident, one.silent, now, at_once=False)

    @property
    def _firing(self) -> list[Scope]:
        """What is known to be silent, by an outage or because we do not hear it."""
        return self._known.firing + [(("provider", provider),) for provider in self._shard.unheard]

    def _lineage(self, found: Sequence[Found]) -> dict[Scope, int]:
        """Since when each was suspected, be it by a narrower or a wider name: names change, the silence does not."""
        since: dict[Scope, int] = {}
        for one in found:
            names = set(one.scope)
            for incident in self._known.pending:
                if names <= set(incident.scope) or names >= set(incident.scope):
                    since[one.scope] = min(since.get(one.scope, incident.opened_at), self._since[incident.id])
        return since

    def _confirm(self, found: Found, since: int, now: int) -> Parts[None]:
        incident = self._incidents.find(found.detector.kind, found.scope)
        ids = [terminal.id for terminal in found.silent]
        if incident is None:
            incident = self._incidents.open(found.detector.kind, found.scope, now, "silent together", ids)
            self._since[incident.id] = since
            self._known.enter(incident)
        incident.alternatives = found.beside
        held = self._since[incident.id] + found.detector.policy.hold_ms
        due = max(held, incident.opened_at + SETTLE, all_late(found.silent))
        if now < due or (found.unsure and now < held + LOOK_AGAIN) or self.in_doubt(found.silent):
            self._scan(due if now < due else now + SETTLE)
            return
        yield from self._fire(incident, found.silent, now)

    # -- shops, and the end of all -----------------------------------------------------------------

    def _judge(self, scope: Scope, now: int) -> Parts[None]:
        if self._due.get(scope) != now:
            return  # planned for an earlier time since
        del self._due[scope]
        members, detector = self._groups.members(scope), detector_of(scope)
        incident = self._incidents.find(detector.kind, scope)
        later = not_before(self._shard, now, _usual_interval(members))
        if later and (later == NO_DEADLINE or incident is None or incident.status is Status.PENDING):
            self._mark(scope, later)  # only opening is ever held back
        elif flapping := self._flapping.find(scope):
            yield from self._flapping.look(flapping, detector, members, now)
            if flapping.clear_since is None:
                self._mark(scope, now + LOOK_AGAIN)
        elif incident is not None and not members:
            self._end(incident, now, "nobody is left")
            yield from self._judge_rest(incident, members, now)
        elif incident is not None and incident.status is Status.FIRING:
            yield from self._judge_recovery(detector, incident, members, now)
        elif detector is SITE_OUTAGE:
            yield from self._judge_shop(incident, scope, members, now)
        elif incident is not None:
            self._scan(now)

    def _judge_shop(
        self, incident: Incident | None, scope: Scope, members: Sequence[Terminal], now: int
    ) -> Parts[None]:
        silent, wider = yield from self._silent_shop(members, now)
        if incident is None and silent and wider is None:
            ids = [terminal.id for terminal in silent]
            self._incidents.open(SITE_OUTAGE.kind, scope, now, "silent together", ids, since=missed_since(silent))
            self._mark(scope, now + SITE_OUTAGE.policy.hold_ms)
        elif incident is None and wider is Status.PENDING:
            self._mark(scope, now + SETTLE)  # one cause is one incident: the wider one is decided first
        elif incident is not None and not silent:
            self._end(incident, now, "not confirmed")
        elif incident is not None:
            due = max(incident.opened_at + SITE_OUTAGE.policy.hold_ms, all_late(silent))
            if now < due or wider is Status.PENDING or self.in_doubt(silent):
                self._mark(scope, due if now < due else now + SETTLE)
            else:
                yield from self._fire(incident, silent, now)

    def _silent_shop(self, members: Sequence[Terminal], now: int) -> Parts[tuple[list[Terminal], Status | None]]:
        """The silent terminals of a shop that is out, else nobody; whether a wider outage is pending."""
        wider = strongest(incident for terminal in members for incident in self._known.shared(terminal))
        free = yield from self._search.unexplained(members, now)
        sight = yield from look(free, now, self._shard.heard_since)
        together, moment = yield from burst(sight.silent)
        tally = yield from tally_breach(sight, together, moment, now)
        return (together if SITE_OUTAGE.breached(tally) else []), (wider if wider is Status.PENDING else None)

    def _fire(self, incident: Incident, silent: Sequence[Terminal], now: int, *, at_once: bool = True) -> Parts[None]:
        """It has lasted: announce it, or that it comes and goes."""
        ids = [terminal.id for terminal in silent]
        incident.measure(ids)
        incident.silent_since = min((yield from silent_since(silent, at_once=at_once)), incident.opened_at)
        yield from self._planned.weigh(incident, silent)
        if self._planned.excuse(incident, now) is None and (flapping := self._flapping.relapse(incident, now, ids)):
            self._planned.drop(incident)
            self._end(incident, now, "flapping")
            self._known.enter(flapping)
            incident = flapping
        else:
            self._incidents.fire(incident, now, "silent together" if at_once else "went down one by one")
        self._mark(incident.scope, now + LOOK_AGAIN)  # who is only late comes back without a change
        yield from self._absorb(incident, silent, now)

    def _judge_recovery(
        self, detector: GroupDetector, incident: Incident, members: Sequence[Terminal], now: int
    ) -> Parts[None]:
        rest: list[Terminal] = []
        for part in parts(members):
            rest += [one for one in part if one.liveness is Liveness.UP or not self._is_announced(one)]
            yield len(part)
        sight = yield from look(rest, now, self._shard.heard_since)
        tally = yield from tally_recovery(sight, incident.opened_at, now)
        if not detector.recovered(tally):
            incident.clear_since = None
            if len(sight.silent) > incident.terminals:
                incident.terminals = len(sight.silent)
                self._incidents.note(incident, now, "grew")
                if is_window(incident.suppressed_by):
                    yield from self._planned.reweigh(incident, sight.silent, now)
            if tally.silent > len(sight.silent) or any(t.liveness is Liveness.UP for t in sight.silent):
                self._mark(incident.scope, now + LOOK_AGAIN)
        elif incident.clear_since is None:
            incident.clear_since = now
            self._mark(incident.scope, now + detector.policy.keep_ms)
        elif now < incident.clear_since + detector.policy.keep_ms:
            self._mark(incident.scope, incident.clear_since + detector.policy.keep_ms)
        else:
            self._end(incident, now, "heard again", incident.clear_since)
            yield from self._judge_rest(incident, members, now)

    def _is_announced(self, terminal: Terminal) -> bool:
        """Whether it was announced as down by itself, not by what took it later."""
        own = self._incidents.find(TERMINAL_OFFLINE.kind, (("terminal", terminal.id),))
        return own is not None and own.status is Status.FIRING and stands_alone(own.suppressed_by)

    def _judge_rest(self, closed: Incident, members: Sequence[Terminal], now: int) -> Parts[None]:
        """An outage closed: who is still silent has a trouble of its own."""
        for child in self._incidents.recovering(closed):
            self._end(child, now, "heard again", child.clear_since)
        self._incidents.release(closed, now, "outlasted the wider outage")
        for part in parts(members):
            for terminal in part:
                if terminal.liveness is Liveness.DOWN:
                    self.left(terminal, now)
                    self._suspect(terminal, now)
            yield len(part)

    def _absorb(self, incident: Incident, silent: Sequence[Terminal], now: int) -> Parts[None]:
        """A wider outage fires: what it explains and is already announced says so and pages nobody."""
        ids = {terminal.id for terminal in silent}
        for part in parts(list(self._incidents)):
            for child in part:
                free = stands_alone(child.suppressed_by) and child.status is Status.FIRING and child is not incident
                if free and self._explains(incident, ids, child):
                    child.suppressed_by = incident.id
                    self._incidents.note(child, now, "explained by a wider outage")
            yield len(part)

    def calm(self, flapping: Incident, now: int) -> Parts[None]:
        """A group flaps no longer: judge what is so now."""
        self._known.leave(flapping)
        yield from self._judge_rest(flapping, self._groups.members(flapping.scope), now)

    def _explains(self, outage: Incident, ids: set[str], child: Incident) -> bool:
        """Whether an outage that has taken these terminals is why another incident is open."""
        if child.kind == TERMINAL_OFFLINE.kind:
            return child.scope[0][1] in ids
        if child.kind == SITE_OUTAGE.kind:
            return not ids.isdisjoint([terminal.id for terminal in self._groups.members(child.scope)])
        return child.kind in _KINDS and set(outage.scope) < set(child.scope)

    def _end(self, incident: Incident, at: int, reason: str, since: int | None = None) -> None:
        self._incidents.end(incident, at, reason, since)
        self._flapping.ended(incident)
        self._since.pop(incident.id, None)
        self._known.leave(incident)


def is_of_many(incident: Incident) -> bool:
    """Whether it is an outage of many terminals, or the flapping of many."""
    return incident.kind in _KINDS or (incident.kind == FLAPPING.kind and incident.scope[0][0] != "terminal")


def _usual_interval(members: Sequence[Terminal]) -> int:
    """The median of the first few."""
    sample = sorted(terminal.interval_ms for terminal in members[:16])
    return sample[len(sample) // 2] if sample else 0
