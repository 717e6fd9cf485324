"""Who does not come back from planned work.

At the end and grace of a window everybody whom it covers is looked at, in parts: who was heard shortly before
the work began or during it, ought to be heard now, and was not heard since its end. Nobody is counted when the
work begins, so a restart in between changes nothing. Whose shop is closed is looked at when it has opened.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from fleetmon.detect import MAINTENANCE_OVERDUE
from fleetmon.engine.agenda import Parts, Plan
from fleetmon.engine.fleet import suspicion
from fleetmon.engine.hearing import not_before_all
from fleetmon.engine.incidents import Incidents
from fleetmon.engine.shard import Shard
from fleetmon.engine.tally import parts
from fleetmon.engine.work.planned import RANK
from fleetmon.engine.work.visits import Visits
from fleetmon.engine.work.windows import Windows, candidates
from fleetmon.model.days import DAY
from fleetmon.model.events import Selector
from fleetmon.model.incident import Incident, Scope, Status
from fleetmon.model.terminal import NO_DEADLINE, Liveness, Terminal
from fleetmon.model.window import Occurrence, Window, values

_ROLES: Final = ("provider", "carrier", "acquirer")


class Overdue:
    """Asks at the end of each window, and waits for those who are missing."""

    def __init__(self, windows: Windows, visits: Visits, shard: Shard, incidents: Incidents, plan: Plan) -> None:
        self._windows = windows
        self._visits = visits
        self._shard = shard
        self._incidents = incidents
        self._plan = plan
        self._asked: set[tuple[str, int]] = set()  # windows and ends that will be looked at
        self._missing: dict[str, set[str]] = {}  # by incident
        self._waiting: dict[str, list[Incident]] = {}  # by terminal
        self._of: dict[str, Incident] = {}  # by window
        self._missed: dict[str, int] = {}  # the end of the work that somebody is missing from, by window

    def expect(self, window: Window, now: int) -> None:
        """A window is new or changed: look at its ends, and no longer wait for whom it now gives more time."""
        for span in self._windows.spans(window):
            self._recognise(window, span)
            if window.promised and span.end > now - DAY and (window.id, span.end) not in self._asked:
                self._asked.add((window.id, span.end))
                self._plan(max(span.end + window.grace_ms, now + 1), RANK + 1, "overdue", window.id, span.end)
            again = span.start <= now < span.end and span.start < self._missed.get(window.id, 0)
            if again and (incident := self._of.get(window.id)) is not None:
                self._end(incident, now, "the work was given more time")

    def _recognise(self, window: Window, span: Occurrence) -> None:
        """An incident that was read back may tell who is missing from this work."""
        for incident in [one for key in self._missing if (one := self._incidents.named(key)) is not None]:
            due, terminal = span.end + window.grace_ms, self._shard.fleet.terminals.get(incident.evidence[0])
            if window.id in self._of or terminal is None or not window.covers(terminal):
                continue
            if due <= incident.opened_at < due + DAY and _scope(window, terminal) == incident.scope:
                self._of[window.id], self._missed[window.id] = incident, span.end

    def look(self, window_id: str, end: int, due: int) -> Parts[None]:
        """Ask who is not back from the work that ended then."""
        self._asked.discard((window_id, end))
        window = self._windows.find(window_id)
        span = next((one for one in self._windows.spans(window) if one.end == end), None) if window else None
        if window is None or span is None:
            return  # it ends another time
        missing: list[Terminal] = []
        later = NO_DEADLINE
        for part in parts(list(candidates(self._shard.fleet, window))):
            for terminal in part:
                if self._is_gone(terminal, end) and window.covers(terminal) and self._worked(terminal, span):
                    if self._is_expected(terminal, due):
                        missing.append(terminal)
                    else:
                        later = min(later, self._shard.habits.presence.opening(terminal, due))
            yield len(part)
        heard = not_before_all(self._shard, due, missing) if missing else None
        if heard is not None:
            later, missing = heard, []
        if later > due and (later < NO_DEADLINE or heard is not None):
            self._asked.add((window_id, end))
            self._plan(later, RANK + 1, "overdue", window_id, end)
        if missing:
            self._open(window, end, missing, due)

    def heard(self, terminal: str, at: int) -> None:
        """Somebody is back."""
        for incident in self._waiting.pop(terminal, ()):
            left = self._missing[incident.id]
            left.discard(terminal)
            if not left:
                self._end(incident, at, "all are back")

    @property
    def windows(self) -> int:
        """How many windows somebody is missing from."""
        return len(self._of)

    def is_missed(self, window_id: str) -> bool:
        """Whether somebody is missing from this one."""
        return window_id in self._of

    def windows_of(self, incident_id: str) -> list[str]:
        """Of which windows an incident tells that somebody is missing."""
        return sorted(key for key, incident in self._of.items() if incident.id == incident_id)

    def restore(self, incident: Incident, now: int) -> None:
        """Take up an incident that was read back."""
        if incident.kind == MAINTENANCE_OVERDUE.kind:
            self._missing[incident.id] = set()
            self._plan(now, RANK + 1, "missing", incident)

    def resume(self, incident: Incident, due: int) -> None:
        """Find out for whom an incident that was read back waits: those it names, if these are all.

        Else whoever of its scope was heard in the day before it opened, and not since.
        """
        fleet, opened_at = self._shard.fleet, incident.opened_at
        selector: Selector = {"terminal": list(incident.evidence)}
        if incident.terminals > len(incident.evidence):
            selector = {name: value.split(",") for name, value in incident.scope}  # type: ignore[misc]
        asked = Window(incident.id, "", "operator", (), selector)
        found = [one for one in candidates(fleet, asked) if asked.covers(one) and self._is_gone(one, opened_at)]
        self._wait(incident, [one for one in found if one.last_seen > opened_at - DAY])
        if not self._missing[incident.id]:
            self._end(incident, due, "all are back")

    def regrouped(self, now: int) -> None:
        """The registry changed: nobody waits for terminals that left it."""
        terminals = self._shard.fleet.terminals
        for key in [key for key in self._waiting if key not in terminals or not terminals[key].registered]:
            self.heard(key, now)

    def _is_gone(self, terminal: Terminal, end: int) -> bool:
        return terminal.liveness not in (Liveness.UP, Liveness.NEVER_SEEN) and terminal.last_seen < end

    def _worked(self, terminal: Terminal, span: Occurrence) -> bool:
        """Whether it was up when the work began, and the work, other planned work included, is over."""
        cover = self._windows.cover(terminal, span.end - 1)
        return cover is not None and cover.end == span.end and terminal.last_seen + suspicion(terminal) > cover.start

    def _is_expected(self, terminal: Terminal, at: int) -> bool:
        """Whether its shop is open, and it was not switched off for another reason."""
        on_purpose = terminal.liveness is Liveness.ASLEEP and not self._visits.is_away(terminal.id)
        return not on_purpose and not self._shard.habits.presence.is_off(terminal, at)

    def _open(self, window: Window, end: int, missing: Sequence[Terminal], due: int) -> None:
        kind, scope = MAINTENANCE_OVERDUE.kind, _scope(window, min(missing, key=lambda one: one.id))
        incident = self._incidents.find(kind, scope)
        if incident is None:
            ids = [terminal.id for terminal in missing]
            by = self._explained(missing)
            incident = self._incidents.open(kind, scope, due, "not back from planned work", ids, suppressed_by=by)
        self._of[window.id], self._missed[window.id] = incident, end
        self._wait(incident, missing)

    def _explained(self, missing: Sequence[Terminal]) -> str | None:
        """The outage for which people were called already, if it has most of them."""
        found = [{incident.id for incident in self._shard.habits.outages(terminal)} for terminal in missing]
        for key in sorted(set().union(*found)):
            outage = self._incidents.named(key)
            called = outage is not None and outage.status is Status.FIRING and outage.paged_at is not None
            if called and sum(key in ids for ids in found) * 2 > len(missing):
                return key
        return None

    def _wait(self, incident: Incident, missing: Iterable[Terminal]) -> None:
        waited = self._missing.setdefault(incident.id, set())
        for terminal in missing:
            if terminal.id not in waited:
                waited.add(terminal.id)
                self._waiting.setdefault(terminal.id, []).append(incident)

    def _end(self, incident: Incident, at: int, reason: str) -> None:
        for key in self._missing.pop(incident.id):
            self._waiting[key] = [one for one in self._waiting.get(key, ()) if one is not incident]
            if not self._waiting[key]:
                del self._waiting[key]
        self._of = {key: one for key, one in self._of.items() if one is not incident}
        self._missed = {key: end for key, end in self._missed.items() if key in self._of}
        self._incidents.end(incident, at, reason)


def _scope(window: Window, missing: Terminal) -> Scope:
    """What the selector names with one value, else all that it names; a host by the part it plays for its terminals."""
    if window.host and not window.selector:
        role = next(role for role in _ROLES if getattr(missing.cohort, role) == window.host)
        return ((role, window.host),)
    named = sorted((name, values(wanted)) for name, wanted in window.selector.items())
    single = [(name, wanted[0]) for name, wanted in named if len(wanted) == 1]
    return tuple(single or [(name, ",".join(sorted(wanted))) for name, wanted in named])
