"""What a shard notices of its terminals and hosts, for whoever correlates: in order of time, nothing kept."""

from typing import NamedTuple

from fleetmon.engine.terminal.asked import Asked
from fleetmon.engine.terminal.checkup import Symptoms
from fleetmon.engine.terminal.faults import FaultChange
from fleetmon.model.events import HostHealth, MaintenanceMark, Notice, State
from fleetmon.model.terminal import Cohort, Liveness, Terminal


class LivenessChange(NamedTuple):
    """A terminal came, went, or fell asleep."""

    at: int
    terminal: Terminal
    before: Liveness
    after: Liveness
    cohort: Cohort  # at that moment


class Late(NamedTuple):
    """A terminal missed one beat."""

    at: int
    terminal: Terminal


class Move(NamedTuple):
    """A terminal told other attributes than before, and shares other outages."""

    at: int
    terminal: Terminal
    before: Cohort
    after: Cohort


class Claim(NamedTuple):
    """A terminal told of a serial number that is new for it."""

    at: int
    terminal: Terminal


class LinkReport(NamedTuple):
    """Something was learned of a terminal's link."""

    at: int
    terminal: Terminal


class Dropped(NamedTuple):
    """Nearly all terminals lost their connections at once, and not their networks."""

    at: int


class Work(NamedTuple):
    """A terminal told of work on it: a technician's mark, or that it goes offline for maintenance."""

    at: int
    terminal: Terminal
    event: MaintenanceMark | State
    epoch: int


class HostReport(NamedTuple):
    """A host told of its health, or announced work."""

    at: int
    host: str
    event: HostHealth | Notice


Delta = LivenessChange | Late | Move | FaultChange | Symptoms | Claim | LinkReport | Dropped | Asked | Work | HostReport
