"""The subscriber: a small asyncio protocol over the `mqtt5` codec.

Why our own: it hands on everything one read brought as one batch, and a QoS 1 message stays
unacknowledged until `acknowledge` is called, so that the broker keeps what the store has not got yet.
The session is resumed after a loss. A canary, a message to ourselves, notices a subscription that is
dead while the connection seems alive. Where it can be wrong: what a broker dropped while we were away
is gone; it shows in the gaps of the terminals' `seq`.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Final

import mqtt5
import structlog
import tenacity

from fleetmon.ingest.settings import MqttSettings
from fleetmon.ingest.tls import tls_context, with_our_fault
from fleetmon.model.errors import ConfigError, FleetmonError
from fleetmon.model.topics import Topics

BUFFER: Final = 262_144  # the largest packet
READ: Final = 65_536  # the most that one read brings: a few hundred messages
CONNECT_TIMEOUT_S: Final = 10.0
REFUSED: Final = 128  # reason codes from here on are refusals (MQTT 5, 2.4)
CANARIES_LOST: Final = 3
CANARY_TIMEOUT_S: Final = 5.0
STABLE_S: Final = 10.0  # a connection that lived shorter is a failed attempt
log = structlog.get_logger("fleetmon.ingest")

Deliver = Callable[["Connection", list[mqtt5.PublishPacket]], None]


class LinkLostError(FleetmonError):
    """The link to the broker could not be made or broke; the text says how."""


class Connection(asyncio.BufferedProtocol):
    """One connection to the broker, from CONNECT to its loss."""

    def __init__(self, deliver: Deliver) -> None:
        self._replies: asyncio.Queue[mqtt5.Packet | None] = asyncio.Queue()
        self.lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.paused = False
        self.reads = 0
        self._deliver = deliver
        self._transport: asyncio.Transport | None = None
        self._view = memoryview(bytearray(BUFFER))
        self._end = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is open (asyncio)."""
        self._transport = transport  # type: ignore[assignment]

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is closed (asyncio)."""
        self._lose(str(exc) if exc else "closed by the broker")

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - asyncio's signature
        """Where the next read goes (asyncio)."""
        return self._view[self._end : self._end + READ]

    def buffer_updated(self, nbytes: int) -> None:
        """Bytes arrived (asyncio): hand on the publications among them as one batch."""
        self.reads += 1
        end = self._end + nbytes
        view, read, position = self._view, mqtt5.read, 0
        batch: list[mqtt5.PublishPacket] = []
        try:
            while position < end:
                packet, size = read(view[position:end])
                position += size
                if type(packet) is mqtt5.PublishPacket:
                    batch.append(packet)
                else:
                    self._control(packet)
        except IndexError:  # the rest of the packet is still to come
            pass
        except ValueError as error:
            self.abort(f"the broker sent what is no MQTT 5: {error}")
        rest = end - position
        if rest and position:
            view[:rest] = bytes(view[position:end])
        self._end = rest
        if rest == BUFFER:
            self.abort(f"the broker sent a packet of more than {BUFFER} bytes")
        if batch:
            self._deliver(self, batch)

    async def reply(self) -> mqtt5.Packet:
        """The broker's next answer; raises LinkLostError when the link breaks first."""
        packet = await self._replies.get()
        if packet is None:
            raise LinkLostError(self.lost.result())
        return packet

    def write(self, data: bytes) -> None:
        """Send, unless the link is gone already."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def acknowledge(self, packet_ids: Sequence[int]) -> None:
        """Tell the broker that these QoS 1 messages are safe with us."""
        self.write(b"".join([mqtt5.PubAckPacket(packet_id).write() for packet_id in packet_ids]))

    def pause(self) -> None:
        """Stop reading: the broker, and behind it TCP, waits."""
        if self._transport is not None and not self.paused:
            self._transport.pause_reading()
            self.paused = True

    def resume(self) -> None:
        """Read on."""
        if self._transport is not None and self.paused:
            self.paused = False
            self._transport.resume_reading()

    def abort(self, reason: str) -> None:
        """Give the connection up."""
        self._lose(reason)
        if self._transport is not None:
            self._transport.abort()

    def _control(self, packet: mqtt5.Packet) -> None:
        if isinstance(packet, (mqtt5.ConnAckPacket, mqtt5.SubAckPacket)):
            self._replies.put_nowait(packet)
        elif isinstance(packet, mqtt5.DisconnectPacket):
            self.abort(f"the broker sent us away: {packet.reason_code.name}")

    def _lose(self, reason: str) -> None:
        if not self.lost.done():
            self.lost.set_result(reason)
            self._replies.put_nowait(None)


class Subscriber:
    """Keeps one subscription to the fleet's topics alive."""

    def __init__(
        self,
        settings: MqttSettings,
        credentials: tuple[str | None, bytes | None],
        deliver: Deliver,
        on_link: Callable[[str | None], None],
        monotonic: Callable[[], float],
    ) -> None:
        """`on_link` is called with None when the link is up, with the reason when it is lost."""
        self.connects = 0
        self.canary_lag_s: float | None = None
        self._settings = settings
        self._username, self._password = credentials
        self._deliver = deliver
        self._on_link = on_link
        self._monotonic = monotonic
        self.canary_topic = f"fleetmon/canary/{settings.client_id}"
        self._canary_seen = 0.0
        self._canary_heard: float | None = None
        self._canary_back = asyncio.Event()

    async def run(self) -> None:
        """Connect, listen, reconnect, until cancelled."""
        while True:
            await tenacity.AsyncRetrying(
                retry=tenacity.retry_if_exception_type((OSError, LinkLostError)),
                wait=tenacity.wait_random_exponential(multiplier=0.25, max=self._settings.reconnect_max_s),
                before_sleep=self._log_failure,
            )(self._live)

    @property
    def canary_age_s(self) -> float | None:
        """How long ago our own message came back last."""
        return None if self._canary_heard is None else self._monotonic() - self._canary_heard

    def canary_heard(self, payload: bytes) -> None:
        """Our own message came back: the whole way through the broker works, and took this long."""
        try:
            sent = float(payload)
        except ValueError:
            return  # somebody else's
        self._canary_seen = self._canary_heard = self._monotonic()
        self.canary_lag_s = max(0.0, self._canary_seen - sent)
        if not self._canary_back.is_set():
            self._canary_back.set()
            self._on_link(None)

    async def _live(self) -> None:
        """One connection from beginning to end; raises LinkLostError when it was too short to be called one."""
        connection = await self._connect()
        started = self._monotonic()
        try:
            reason = await self._listen(connection)
        finally:
            connection.write(mqtt5.DisconnectPacket().write())
            connection.abort("stopped")
        self._on_link(reason)
        if self._monotonic() - started < STABLE_S:
            raise LinkLostError(reason)  # so that the pause before the next attempt grows

    def _log_failure(self, state: tenacity.RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        log.warning(
            "broker not reached, trying again",
            broker=f"{self._settings.host}:{self._settings.port}",
            error=str(error),
            attempt=state.attempt_number,
        )

    async def _connect(self) -> Connection:
        """One connection on which our own message has come back; raises LinkLostError."""
        settings, connection = self._settings, None
        try:
            tls = tls_context(settings.tls) if settings.tls else None  # anew: a certificate is renewed now and then
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                _, connection = await asyncio.get_running_loop().create_connection(
                    lambda: Connection(self._deliver), settings.host, settings.port, ssl=tls
                )
                await self._introduce(connection)
            await self._prove(connection)
        except (OSError, LinkLostError, ConfigError) as error:  # a TimeoutError is an OSError
            reason = with_our_fault(str(error) or f"no answer within {CONNECT_TIMEOUT_S:g} s", settings.tls)
            if connection is not None:
                connection.abort(reason)
            self._on_link(reason)
            raise LinkLostError(reason) from None
        self.connects += 1
        return connection

    async def _introduce(self, connection: Connection) -> None:
        connection.write(self._hello().write())
        answer = await connection.reply()
        if not isinstance(answer, mqtt5.ConnAckPacket) or answer.reason_code != mqtt5.ConnAckReasonCode.SUCCESS:
            raise LinkLostError(_refusal(getattr(answer, "reason_code", None)))
        connection.write(self._wishes().write())
        granted = await connection.reply()
        codes = granted.reason_codes if isinstance(granted, mqtt5.SubAckPacket) else []
        if refused := [code.name for code in codes if int(code) >= REFUSED]:
            raise LinkLostError(f"subscription refused ({refused[0]}): allow it in the broker's access list")

    async def _prove(self, connection: Connection) -> None:
        """Wait for our own message: a session that hears nothing is no link. What was kept for us may come first."""
        self._canary_back.clear()
        self._sing(connection)
        back = asyncio.ensure_future(self._canary_back.wait())
        waiting: list[asyncio.Future[Any]] = [back, connection.lost]
        reads, done = -1, set[asyncio.Future[Any]]()
        while not done and connection.reads > reads:
            reads = connection.reads
            done, _ = await asyncio.wait(waiting, timeout=CANARY_TIMEOUT_S, return_when=asyncio.FIRST_COMPLETED)
        back.cancel()
        if not self._canary_back.is_set():
            why = connection.lost.result() if connection.lost.done() else "it did not come back"
            raise LinkLostError(
                f"our own message on {self.canary_topic} failed ({why}): let fleetmon publish and read that topic, "
                "and give mqtt.client_id to no other client"
            )

    def _sing(self, connection: Connection) -> None:
        connection.write(mqtt5.PublishPacket(self.canary_topic, f"{self._monotonic():.6f}".encode()).write())

    def _hello(self) -> mqtt5.ConnectPacket:
        settings = self._settings
        return mqtt5.ConnectPacket(
            settings.client_id,
            username=self._username,
            password=self._password,
            clean_start=False,
            keep_alive=settings.keep_alive_s,
            session_expiry_interval=settings.session_expiry_s,
            receive_max=settings.receive_max,
            max_packet_size=BUFFER,
        )

    def _wishes(self) -> mqtt5.SubscribePacket:
        """All topics of the contract, and our canary. Retained ones come again only to a new session."""
        contract = mqtt5.TopicFilter(
            Topics(self._settings.prefix).filter,
            max_qos=mqtt5.QoS.AT_LEAST_ONCE,
            retain_as_published=False,
            retain_handling=mqtt5.RetainHandling.SEND_IF_SUBSCRIPTION_NOT_EXISTS,
        )
        canary = mqtt5.TopicFilter(self.canary_topic, max_qos=mqtt5.QoS.AT_MOST_ONCE)
        return mqtt5.SubscribePacket(1, [contract, canary])

    async def _listen(self, connection: Connection) -> str:
        """Send canaries until the link is lost; why it was."""
        period = self._settings.canary_s
        self._canary_seen, reads = self._monotonic(), connection.reads
        while True:
            self._sing(connection)
            done, _ = await asyncio.wait([connection.lost], timeout=period)
            if done:
                return connection.lost.result()
            if connection.paused or connection.reads > reads + 1:
                # We do not listen ourselves, or other messages came before the canary: it is only late.
                self._canary_seen, reads = self._monotonic(), connection.reads
            elif self._monotonic() - self._canary_seen > CANARIES_LOST * period:
                connection.abort("the canary came no more")
                return "connected, but our own canary message came no more"


_REMEDIES: Final = {
    "BAD_USER_NAME_OR_PASSWORD": "check mqtt.username and mqtt.password_file",
    "NOT_AUTHORIZED": "check mqtt.username, mqtt.password_file and the broker's access list",
    "UNSUPPORTED_PROTOCOL_VERSION": "fleetmon speaks MQTT 5 only; use a broker that does",
    "CLIENT_ID_NOT_VALID": "choose another mqtt.client_id",
}


def _refusal(code: mqtt5.ConnAckReasonCode | None) -> str:
    name = code.name if code is not None else "no CONNACK"
    return f"the broker refused us ({name}): {_REMEDIES.get(name, 'see the log of the broker')}"
