"""Messages that were refused: counted by reason, the latest kept with their topic, never a card number."""

from collections import Counter, deque
from typing import Final

from msgspec import Struct

from fleetmon.model.cards import masked, may_hold_card
from fleetmon.model.errors import DecodeError

KEPT_BYTES: Final = 1_024


class Refused(Struct, frozen=True):
    """One refused message. `payload` is its beginning as text; None where it may hold a card number."""

    received_at: int
    topic: str
    reason: str
    detail: str
    size: int
    payload: str | None


class Quarantine:
    """The last `capacity` refused messages; `take` hands on what came since, for the store."""

    def __init__(self, capacity: int = 1_000) -> None:
        self.counts: Counter[str] = Counter()
        self._fresh: deque[Refused] = deque(maxlen=capacity)

    def put(self, received_at: int, topic: str, payload: bytes, error: DecodeError) -> None:
        """Keep a refused message aside."""
        self.counts[error.reason] += 1
        secret = error.reason == "pan" or may_hold_card(payload)
        text = None if secret else payload[:KEPT_BYTES].decode("utf-8", "replace")
        self._fresh.append(
            Refused(received_at, masked(topic[:256]), error.reason, masked(error.detail)[:500], len(payload), text)
        )

    def take(self) -> list[Refused]:
        """What was refused since the last call, at most the capacity."""
        fresh = list(self._fresh)
        self._fresh.clear()
        return fresh
