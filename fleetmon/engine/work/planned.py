"""Whom planned work keeps from being called, and until when (the table is in docs/adr/016).

Everything is judged as ever; planned work only keeps what opens inside it from paging. When its end and the
settle time have passed, whatever is still open is called for, as it is when planned work ends early.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final

from fleetmon.detect import DETECTORS
from fleetmon.engine.agenda import Parts, Plan
from fleetmon.engine.fleet import Fleet
from fleetmon.engine.hearing import not_before_all
from fleetmon.engine.incidents import Incidents
from fleetmon.engine.shard import Shard
from fleetmon.engine.tally import parts
from fleetmon.engine.work.windows import Cover, Windows
from fleetmon.model.detector import DeviceDetector, LinkDetector, LivenessDetector
from fleetmon.model.incident import Incident, Status
from fleetmon.model.terminal import NO_DEADLINE, Terminal
from fleetmon.model.window import Window, is_window

RANK: Final = 100  # after outages were judged, for some are over at that very moment
LATER: Final = 60_000  # until what seems to be over is asked again
_OF_ONE: Final = frozenset(
    one.kind for one in DETECTORS if isinstance(one, DeviceDetector | LivenessDetector | LinkDetector)
)
_BACK: Final = "outlasted planned work"


class Planned:
    """Marks incidents with the window that explains them, and takes the mark away in time."""

    def __init__(self, windows: Windows, shard: Shard, incidents: Incidents, plan: Plan) -> None:
        self.complete = True  # every mark of the past is known
        self.on_begin: Callable[[Window, int], None]  # told of flexible work that a fault has begun
        self._windows = windows
        self._shard = shard
        self._fleet: Fleet = shard.fleet
        self._incidents = incidents
        self._plan = plan
        self._covers: dict[str, Cover | None] = {}  # of outages of many, by incident
        self._silent: dict[str, Sequence[Terminal]] = {}  # whom they have taken
        self._due: dict[str, int] = {}  # when an incident is looked at again

    def excuse(self, incident: Incident, now: int) -> str | None:
        """The window that keeps people from being called for it now; it is looked at again when that ends."""
        cover = self._covers.get(incident.id)
        if incident.kind in _OF_ONE:
            terminal = self._fleet.terminals.get(incident.scope[0][1])
            cover = self._cover(terminal, incident.opened_at) if terminal is not None else None
        if cover is None or cover.until <= now:
            return None
        self._look(incident, cover.until)
        return cover.window

    def weigh(self, incident: Incident, silent: Sequence[Terminal]) -> Parts[None]:
        """Find out whether planned work explains an outage of many: most of its silent terminals."""
        found: list[Cover] = []
        for part in parts(silent):
            covers = [self._cover(terminal, incident.opened_at) for terminal in part]
            found += [cover for cover in covers if cover is not None]
            yield len(part)
        self._silent[incident.id], self._covers[incident.id] = silent, None
        if len(found) * 2 > len(silent):
            until = sorted((cover.until for cover in found), reverse=True)[len(silent) // 2]
            window = max(sorted(Counter(cover.window for cover in found).items()), key=lambda one: one[1])[0]
            self._covers[incident.id] = Cover(window, found[0].start, found[0].end, until)

    def restore(self, incident: Incident) -> None:
        """Take up an incident that was read back."""
        if is_window(incident.suppressed_by):
            named = (self._fleet.terminals.get(key) for key in incident.evidence)
            self._silent[incident.id] = [terminal for terminal in named if terminal is not None]
            self._look(incident, incident.opened_at)

    def changed(self, now: int) -> None:
        """Planned work is other than it was: whatever it explains is looked at again."""
        for incident in self._incidents:
            if is_window(incident.suppressed_by) and incident.status is Status.FIRING:
                self._look(incident, now + 1)

    def look(self, incident: Incident, due: int) -> Parts[None]:
        """Call for what planned work explains no longer."""
        if self._due.get(incident.id) not in (due, NO_DEADLINE):
            return  # it is looked at another time; what was put off until we hear is due whenever that is
        del self._due[incident.id]
        if self._incidents.named(incident.id) is not incident or incident.status is not Status.FIRING:
            self.drop(incident)
            return
        later = not_before_all(self._shard, due, self._silent_of(incident))
        if not self.complete and self._windows.find(incident.suppressed_by or "") is None:
            later = due + LATER  # the mark may not have been read back yet
        if later is not None or incident.clear_since is not None:
            self._look(incident, later or due + LATER)
        elif is_window(incident.suppressed_by):
            yield from self.reweigh(incident, self._silent_of(incident), due)

    def reweigh(self, incident: Incident, silent: Sequence[Terminal], now: int) -> Parts[None]:
        """Weigh again, as it has taken others or planned work has changed, and call if nothing explains it."""
        if incident.kind not in _OF_ONE:
            yield from self.weigh(incident, silent)
        by = self.excuse(incident, now)
        if by is None:
            self._incidents.free(incident, now, _BACK)
            self.drop(incident)
        elif by != incident.suppressed_by:
            incident.suppressed_by = by
            self._incidents.note(incident, now, "explained by other planned work")

    def drop(self, incident: Incident) -> None:
        """It is over, or needs no excuse any longer."""
        self._silent.pop(incident.id, None)
        self._covers.pop(incident.id, None)

    def _look(self, incident: Incident, at: int) -> None:
        if self._due.get(incident.id) != at:
            self._due[incident.id] = at
            self._plan(at, RANK, "planned", incident)

    def _cover(self, terminal: Terminal, at: int) -> Cover | None:
        for window in self._windows.begin(terminal, at):
            self.on_begin(window, at)
        return self._windows.cover(terminal, at)

    def _silent_of(self, incident: Incident) -> Sequence[Terminal]:
        return self._silent.get(incident.id, ())
