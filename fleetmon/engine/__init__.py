"""Events and deadlines in, transitions out. Pure: time is an argument, nothing is awaited or logged."""

from fleetmon.engine.engine import Engine
from fleetmon.engine.outcome import Fact, Message, Outcome, Refusal, TerminalChange

__all__ = ["Engine", "Fact", "Message", "Outcome", "Refusal", "TerminalChange"]
