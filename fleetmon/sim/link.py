"""The line of one simulated client to whoever listens: a broker, or a function in this process.

`MqttLink` is a real MQTT 5 client with a last will and keep-alive; many terminals can share one
(`gateway.py`). `DirectLink` plays broker for one listener where none is installed, or for a recording: it
delivers at once and, some time after a cut, the will; it retains nothing, so a listener that comes late
misses the births.
"""

import asyncio
import contextlib
import socket
from collections.abc import Callable
from typing import Final, Protocol

import aiomqtt

from fleetmon.model.errors import SinkError
from fleetmon.sim.settings import SimSettings
from fleetmon.sim.terminal import Outgoing

TIMEOUT_S: Final = 10.0
WILL_DELAY_S: Final = 0.2  # a broker notices a broken connection about as fast
_REFUSED: Final = frozenset({134, 135, 138, 140})  # MQTT 5 CONNACK: credentials, authorisation, ban, method

Deliver = Callable[[list[tuple[str, bytes]]], None]


class Link(Protocol):
    """What a client needs of its line. Failures raise SinkError; the line is then down."""

    @property
    def connected(self) -> bool:
        """Whether the line stands, as far as this end knows."""

    async def connect(self, will: Outgoing | None) -> None:
        """Open the line, leaving a will with the other side."""

    async def publish(self, message: Outgoing) -> None:
        """Send; returns when the other side has it, with QoS 1."""

    async def cut(self) -> None:
        """Break the line without a word, as a network does."""

    async def close(self) -> None:
        """Hang up in good order: the will is void."""


LinkFactory = Callable[[str, Callable[[], None]], Link]  # client id, what to call when the line breaks by itself


class _Client(aiomqtt.Client):
    """A client whose connection can break like a real one; aiomqtt itself only ever says goodbye."""

    def watch(self, lost: Callable[[], None]) -> None:
        """Call back when the connection ends, however it does."""

        def ended(_: asyncio.Future[None]) -> None:
            for confirmation in self._pending_publishes.values():
                confirmation.set()
            lost()

        self._disconnected.add_done_callback(ended)

    async def deliver(self, message: Outgoing) -> None:
        """Publish; QoS 0 does not wait for the socket, and QoS 1 ends when the connection breaks.

        aiomqtt's own `publish` makes two tasks for either, and sits out its time on a broken connection.
        """
        info = self._client.publish(message.topic, message.payload, message.qos, message.retain)
        if info.rc:
            raise aiomqtt.MqttCodeError(info.rc, "Could not publish message")
        if not message.qos:
            return
        confirmation = self._pending_publishes[info.mid] = asyncio.Event()
        try:
            async with asyncio.timeout(TIMEOUT_S):
                await confirmation.wait()
        except TimeoutError:
            raise aiomqtt.MqttError("the broker does not acknowledge") from None
        finally:
            self._pending_publishes.pop(info.mid, None)
        if self._disconnected.done():
            raise aiomqtt.MqttError("the connection broke before the message was acknowledged")

    async def sever(self) -> None:
        """Shut the socket without DISCONNECT, so that the broker publishes the will."""
        line = self._client.socket()
        if isinstance(line, socket.socket):
            with contextlib.suppress(OSError):  # it is broken already
                line.shutdown(socket.SHUT_RDWR)
            if self._connected.done():
                await asyncio.wait((self._disconnected,), timeout=TIMEOUT_S)

    async def hang_up(self) -> None:
        """Send DISCONNECT.

        The keep-alive is stopped first: coming due between DISCONNECT and its writing, paho would shut the
        socket instead, and the broker publish the will of a terminal that has just said farewell.
        """
        if self._misc_task is not None:
            self._misc_task.cancel()
        await self.__aexit__(None, None, None)

    def forgive(self) -> None:
        """Mark the reason of the end as seen, or asyncio complains that nobody asked for it."""
        if self._disconnected.done() and not self._disconnected.cancelled():
            self._disconnected.exception()


class MqttLink:
    """A client of a broker. Each connection has a client object of its own, because each has another will."""

    def __init__(self, settings: SimSettings, client_id: str, lost: Callable[[], None]) -> None:
        self._settings = settings
        self._client_id = client_id
        self._lost = lost
        self._client: _Client | None = None

    @property
    def connected(self) -> bool:
        """Whether the connection stands, as far as the client knows."""
        return self._client is not None

    async def connect(self, will: Outgoing | None) -> None:
        """Connect with a clean start: what was not acknowledged is repeated by the terminal."""
        client = self._make(will)
        try:
            await client.__aenter__()
        except aiomqtt.MqttError as error:
            await client.sever()
            raise _sink_error(error, self._settings) from None
        except asyncio.CancelledError:
            await client.sever()
            raise
        self._client = client
        client.watch(lambda: self._ended(client))

    async def publish(self, message: Outgoing) -> None:
        """Send; with QoS 1 wait for the broker's acknowledgement."""
        client = self._client
        if client is None:
            raise SinkError("not connected", retryable=True)
        try:
            await client.deliver(message)
        except aiomqtt.MqttError as error:
            await self.cut()
            raise _sink_error(error, self._settings) from None

    async def cut(self) -> None:
        """Break the connection without DISCONNECT."""
        client, self._client = self._client, None
        if client is not None:
            await client.sever()

    async def close(self) -> None:
        """DISCONNECT: the broker forgets the will."""
        client, self._client = self._client, None
        if client is not None:
            with contextlib.suppress(aiomqtt.MqttError):  # it broke in the same moment
                await client.hang_up()

    def _ended(self, client: _Client) -> None:
        client.forgive()
        if self._client is client:
            self._client = None
            self._lost()

    def _make(self, will: Outgoing | None) -> _Client:
        settings = self._settings
        return _Client(
            settings.host,
            settings.port,
            username=settings.username,
            password=settings.password,
            identifier=self._client_id,
            protocol=aiomqtt.ProtocolVersion.V5,
            will=None if will is None else aiomqtt.Will(will.topic, will.payload, will.qos, will.retain),
            keepalive=settings.keep_alive_s,
            timeout=TIMEOUT_S,
        )


def _sink_error(error: aiomqtt.MqttError, settings: SimSettings) -> SinkError:
    code = error.rc if isinstance(error, aiomqtt.MqttCodeError) else None
    refused = getattr(code, "value", code) in _REFUSED
    return SinkError(f"broker {settings.host}:{settings.port}: {error}", retryable=not refused)


class DirectLink:
    """A line within this process; `will_after_s` says how long its death goes unnoticed this time."""

    def __init__(self, deliver: Deliver, will_after_s: Callable[[], float] = lambda: WILL_DELAY_S) -> None:
        self._deliver = deliver
        self._will_after_s = will_after_s
        self._up = False
        self._will: Outgoing | None = None
        self._dying: asyncio.TimerHandle | None = None

    @property
    def connected(self) -> bool:
        """Whether the line is open."""
        return self._up

    async def connect(self, will: Outgoing | None) -> None:
        """Open; a will still under way is delivered before anything newer."""
        self._execute()
        self._up, self._will = True, will

    async def publish(self, message: Outgoing) -> None:
        """Hand over."""
        if not self._up:
            raise SinkError("not connected", retryable=True)
        self._deliver([(message.topic, message.payload)])

    async def cut(self) -> None:
        """Break: the will follows."""
        if self._up:
            self._up = False
            self._dying = asyncio.get_running_loop().call_later(self._will_after_s(), self._execute)

    async def close(self) -> None:
        """Hang up: the will is void."""
        self._execute()
        self._up, self._will = False, None

    def _execute(self) -> None:
        """Deliver the will of a line that was cut, once."""
        if self._dying is None:
            return
        self._dying.cancel()
        self._dying, will, self._will = None, self._will, None
        if will is not None:
            self._deliver([(will.topic, will.payload)])
