"""What goes into the engine and what comes out."""

from msgspec import Struct, field

from fleetmon.model.audit import AuditEntry
from fleetmon.model.episode import Episode
from fleetmon.model.events import Event
from fleetmon.model.incident import Transition
from fleetmon.model.settlement import Settlement
from fleetmon.model.window import Window


class Message(Struct, frozen=True, gc=False):
    """One decoded message. `received_at` in milliseconds; `key` is the id of its terminal, host or merchant."""

    received_at: int
    key: str
    event: Event
    retained: bool  # replayed by the broker: knowledge, but no sign of life
    topic: str
    payload: bytes


class Fact(Struct, frozen=True, gc=False):
    """A message that is news and must outlive the process; `key` is the same for every repetition of it."""

    key: str
    epoch: int
    message: Message


class Refusal(Struct, frozen=True, gc=False):
    """A valid message that the engine would not take, and why."""

    reason: str
    message: Message


class TerminalChange(Struct, frozen=True, gc=False):
    """A terminal came, went or fell asleep; the states are those of `Liveness`, in small letters."""

    at: int
    terminal: str
    before: str
    after: str


class Outcome(Struct):
    """What a batch of messages or the passing of time brought about, in order."""

    facts: list[Fact] = field(default_factory=list)
    transitions: list[Transition] = field(default_factory=list)
    changes: list[TerminalChange] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    episodes: list[Episode] = field(default_factory=list)  # begun, worse, over, or of a moment
    settlements: list[Settlement] = field(default_factory=list)  # of merchants that were looked at
    windows: list[Window] = field(default_factory=list)  # planned work that came or changed
    audit: list[AuditEntry] = field(default_factory=list)  # what people changed

    def add(self, later: "Outcome") -> None:
        """Take in what came about after it."""
        self.facts += later.facts
        self.transitions += later.transitions
        self.changes += later.changes
        self.refusals += later.refusals
        self.episodes += later.episodes
        self.settlements += later.settlements
        self.windows += later.windows
        self.audit += later.audit

    def __bool__(self) -> bool:
        return bool(
            self.facts
            or self.transitions
            or self.changes
            or self.refusals
            or self.episodes
            or self.settlements
            or self.windows
            or self.audit
        )
