"""What people and machines are told of the running daemon, read from engine, store and edges."""

from fleetmon.readout.planning.planning import Planning
from fleetmon.readout.readout import Readout, Vitals

__all__ = ["Planning", "Readout", "Vitals"]
