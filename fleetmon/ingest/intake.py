"""From (topic, payload) to events, in batches; what is not of the contract is counted and kept aside.

This is the hot path of the daemon: for a heartbeat of a known terminal one look-up, one look for card
numbers, one decode straight into the event.
"""

from collections import Counter
from collections.abc import Callable, Container, Iterable, Mapping
from typing import Final, NamedTuple, Protocol

import msgspec

from fleetmon.engine import Message
from fleetmon.ingest.quarantine import Quarantine
from fleetmon.model.cards import cannot_hold_card, holds_card, json_holds_card, may_hold_card
from fleetmon.model.errors import DecodeError
from fleetmon.model.events import Event, Heartbeat, Notice
from fleetmon.model.topics import Kind, Route, Topics

MAX_PAYLOAD: Final = 65_536
_BEAT: Final = f"/{Kind.HEARTBEAT.level}"
_DECODERS: Final = {kind: msgspec.json.Decoder(kind.struct) for kind in Kind}
_CARD: Final = "it holds what may be a card number, so nothing of it is kept; send first 6 + ****** + last 4"
_DECODE_BEAT: Final = msgspec.json.Decoder(Heartbeat).decode


class Packet(Protocol):
    """One publication as the broker hands it over."""

    @property
    def topic(self) -> str: ...  # noqa: D102 - a field
    @property
    def payload(self) -> bytes: ...  # noqa: D102 - a field
    @property
    def retain(self) -> bool: ...  # noqa: D102 - a field


class Publication(NamedTuple):
    """A packet made without a broker: from a recording, or by a fleet in the same process."""

    topic: str
    payload: bytes
    retain: bool = False


def decode(kind: Kind, payload: bytes) -> Event:
    """Decode one payload; raises DecodeError(reason) with reason one of too_large, json, field, pan."""
    if len(payload) > MAX_PAYLOAD:
        raise DecodeError("too_large", f"{len(payload)} bytes, at most {MAX_PAYLOAD} are allowed")
    try:
        event = _DECODERS[kind].decode(payload)
        payload.decode()  # fields that nobody knows are UTF-8 as well
        if not cannot_hold_card(payload) and json_holds_card(payload):
            raise DecodeError("pan", _CARD)
    except msgspec.ValidationError as error:
        raise _refused("field", error, payload) from None
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise _refused("json", error, payload) from None
    return event


def _refused(reason: str, error: Exception, payload: bytes) -> DecodeError:
    """A card number is told before anything else, which nobody can look up as nothing of it is kept."""
    return DecodeError("pan", f"{_CARD} ({error})") if may_hold_card(payload) else DecodeError(reason, str(error))


def _check_notice(event: Event, topic: str) -> None:
    if isinstance(event, Notice) and not topic.endswith(f"/{event.id}"):
        raise DecodeError("field", "the id of a notice is the last level of its topic - at `$.id`")


class Intake:
    """Turns batches of packets into messages."""

    def __init__(
        self,
        topics: Topics,
        quarantine: Quarantine,
        *,
        known: Container[str] = (),
        own: Mapping[str, Callable[[bytes], None]] | None = None,
    ) -> None:
        """`known`: terminals that need no second look; `own`: topics of our own and who takes their payload."""
        self.quarantine = quarantine
        self.counts: Counter[str] = Counter()  # messages by kind, and `withdrawn`
        self._topics = topics
        self._known = known
        self._head = topics.topic(Kind.HEARTBEAT, "").removesuffix(_BEAT)
        self._own = own or {}

    def take(self, packets: Iterable[Packet], received_at: int) -> list[Message]:
        """Decode what arrived at `received_at` (ms). Never raises: bad ones go to the quarantine."""
        messages: list[Message] = []
        keep, known, head, count = messages.append, self._known, self._head, 0
        start, end = len(head), -len(_BEAT)
        for packet in packets:
            topic, payload = packet.topic, packet.payload
            # Cutting a known length off both ends costs what a look-up of the topic would, and no memory.
            key = topic[start:end]
            if (
                key in known
                and topic.endswith(_BEAT)
                and topic.startswith(head)
                and len(payload) <= MAX_PAYLOAD
                and payload.isascii()
                and cannot_hold_card(payload)
            ):
                try:
                    event = _DECODE_BEAT(payload)
                except (ValueError, RecursionError):
                    self._take_any(packet, received_at, messages)  # which knows what to say of it
                    continue
                keep(Message(received_at, key, event, packet.retain, topic, payload))
                count += 1
            else:
                self._take_any(packet, received_at, messages)
        self.counts["heartbeat"] += count
        return messages

    def _take_any(self, packet: Packet, received_at: int, messages: list[Message]) -> None:
        topic, payload = packet.topic, packet.payload
        if topic in self._own:
            self._own[topic](payload)
            return
        try:
            route = self._route(topic)
            if not payload and route.kind.retained:
                self.counts["withdrawn"] += 1
                return
            event = decode(route.kind, payload)
            _check_notice(event, topic)
        except DecodeError as error:
            self.quarantine.put(received_at, topic, payload, error)
            return
        self.counts[route.kind.level] += 1
        messages.append(Message(received_at, route.key, event, packet.retain, topic, payload))

    def _route(self, topic: str) -> Route:
        route = self._topics.route(topic)
        if route is None:
            raise DecodeError("topic", f"not a topic of the contract: {self._topics.why_not(topic)}")
        if route.key not in self._known and holds_card(route.key):
            raise DecodeError("pan", "the topic holds what may be a card number")
        return route
