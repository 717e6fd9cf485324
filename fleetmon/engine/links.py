"""Links that lose too much, as incidents. Whoever is found weak is looked at again every day."""

from typing import Final

from fleetmon.detect import WEAK_SIGNAL
from fleetmon.engine.agenda import Plan
from fleetmon.engine.incidents import Incidents
from fleetmon.engine.terminal.patience import Patience
from fleetmon.model.days import DAY
from fleetmon.model.incident import Scope
from fleetmon.model.terminal import Terminal

LAST: Final = 99  # of what is judged at the same time


class Links:
    """The links of single terminals."""

    def __init__(self, incidents: Incidents, patience: Patience, plan: Plan) -> None:
        self._incidents = incidents
        self._patience = patience
        self._plan = plan

    def look(self, terminal: Terminal, at: int) -> None:
        """Judge a link of which something was learned; `plan` has it looked at again."""
        scope: Scope = (("terminal", terminal.id),)
        incident = self._incidents.find(WEAK_SIGNAL.kind, scope)
        if incident is None and self._patience.is_weak(terminal, at):
            self._incidents.open(WEAK_SIGNAL.kind, scope, at, "loses too much", [terminal.id])
            self.watch(terminal, at)

    def watch(self, terminal: Terminal, at: int) -> None:
        """Have a weak link looked at again."""
        self._plan(at + DAY, LAST, "weak", terminal)

    def look_again(self, terminal: Terminal, at: int) -> None:
        """Judge a link that was found weak a day ago."""
        incident = self._incidents.find(WEAK_SIGNAL.kind, (("terminal", terminal.id),))
        if incident is None:
            return
        if self._patience.is_well(terminal, at):
            self._incidents.end(incident, at, "loses little")
        else:
            self.watch(terminal, at)
