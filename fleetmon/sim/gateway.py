"""Gateways: many simulated terminals on few MQTT connections, for fleets too large for a socket each.

A connection has one last will and a gateway many terminals, so the gateway plays that part of the broker
itself: when the line of a terminal is cut, it publishes that terminal's will a moment later.
Where this is unreal: when the gateway's own connection dies, or this process does, no wills are
published at all, where a broker would publish one for each terminal; the broker sees the keep-alive
of the gateway and not of the terminals; and what many terminals say comes in one stream, in one order.
"""

import asyncio
import contextlib
from collections.abc import Callable

from fleetmon.model.errors import SinkError
from fleetmon.sim.link import WILL_DELAY_S, MqttLink
from fleetmon.sim.settings import SimSettings
from fleetmon.sim.terminal import Outgoing


class Gateways:
    """Deals terminals out to gateways, in the order in which they ask for a line."""

    def __init__(self, settings: SimSettings) -> None:
        self._settings = settings
        self._gateways: list[Gateway] = []
        self._lines = 0

    def link(self, _client_id: str, lost: Callable[[], None]) -> "GatewayLink":
        """A line for one more terminal."""
        if self._lines == len(self._gateways) * self._settings.terminals_per_gateway:
            self._gateways.append(Gateway(self._settings, len(self._gateways) + 1))
        self._lines += 1
        return GatewayLink(self._gateways[-1], lost)


class Gateway:
    """One connection, open as long as somebody uses it."""

    def __init__(self, settings: SimSettings, number: int) -> None:
        self._trunk = MqttLink(settings, f"simulated-gateway-{number}", self._broken)
        self._opening = asyncio.Lock()
        self._users: dict[GatewayLink, None] = {}  # in the order of coming

    @property
    def connected(self) -> bool:
        """Whether the connection stands."""
        return self._trunk.connected

    async def enter(self, user: "GatewayLink") -> None:
        """One more terminal uses the connection; the first one opens it."""
        async with self._opening:
            if not self._trunk.connected:
                await self._trunk.connect(None)
            self._users[user] = None

    async def leave(self, user: "GatewayLink") -> None:
        """A terminal is gone; the last one closes the connection."""
        async with self._opening:
            self._users.pop(user, None)
            if not self._users:
                await self._trunk.close()

    async def publish(self, message: Outgoing) -> None:
        """Send over the common connection; if that fails, it is gone for everybody."""
        try:
            await self._trunk.publish(message)
        except SinkError:
            self._broken()
            raise

    def _broken(self) -> None:
        users, self._users = self._users, {}
        for user in users:
            user.lose()


class GatewayLink:
    """The line of one terminal through a gateway."""

    def __init__(self, gateway: Gateway, lost: Callable[[], None]) -> None:
        self._gateway = gateway
        self._lost = lost
        self._up = False
        self._will: Outgoing | None = None
        self._dying: asyncio.Task[None] | None = None

    @property
    def connected(self) -> bool:
        """Whether the terminal reaches the gateway, and that the broker."""
        return self._up and self._gateway.connected

    async def connect(self, will: Outgoing | None) -> None:
        """Open; a will still under way is published before anything newer."""
        if self._dying is not None:
            await asyncio.wait((self._dying,))
        await self._gateway.enter(self)
        self._up, self._will = True, will

    async def publish(self, message: Outgoing) -> None:
        """Send; with QoS 1 wait for the broker's acknowledgement."""
        if not self._up:
            raise SinkError("not connected", retryable=True)
        await self._gateway.publish(message)

    async def cut(self) -> None:
        """Break: the gateway notices, and publishes the will."""
        if self._up:
            self._up = False
            self._dying = asyncio.create_task(self._bury())

    async def close(self) -> None:
        """Hang up: the will is void."""
        self._up, self._will = False, None
        await self._gateway.leave(self)

    def lose(self) -> None:
        """The gateway lost the broker."""
        if self._up:
            self._up, self._will = False, None
            self._lost()

    async def _bury(self) -> None:
        await asyncio.sleep(WILL_DELAY_S)
        will, self._will = self._will, None
        if will is not None and self._gateway.connected:
            with contextlib.suppress(SinkError):  # nobody hears it, as when a broker dies with its clients' wills
                await self._gateway.publish(will)
        await self._gateway.leave(self)
