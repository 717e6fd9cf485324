"""What people and machines are told of the running daemon, read from engine, store and edges."""

from fleetmon.readout.readout import Readout, Vitals

__all__ = ["Readout", "Vitals"]
