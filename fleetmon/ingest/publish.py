"""Publishing to the broker as any other producer does: QoS 1, one after the other, so their order stays."""

from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Final

import aiomqtt

from fleetmon.ingest.intake import Publication
from fleetmon.ingest.settings import MqttSettings
from fleetmon.ingest.tls import tls_context, with_our_fault
from fleetmon.model.errors import SinkError

TIMEOUT_S: Final = 10.0


class Client(aiomqtt.Client):
    """A client that asks why the broker hung up; aiomqtt leaves that undone, and asyncio complains on stderr."""

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await super().__aexit__(kind, error, trace)
        finally:
            if self._disconnected.done() and not self._disconnected.cancelled():
                self._disconnected.exception()


async def publish(
    settings: MqttSettings,
    credentials: tuple[str | None, bytes | None],
    messages: Sequence[Publication],
    progress: Callable[[int], object],
) -> None:
    """Return when the broker has them all; `progress` is told how many it has. Raises SinkError."""
    username, password = credentials
    done = 0
    try:
        async with Client(
            settings.host,
            settings.port,
            username=username,
            password=None if password is None else password.decode(),
            protocol=aiomqtt.ProtocolVersion.V5,
            tls_context=tls_context(settings.tls) if settings.tls else None,
            timeout=TIMEOUT_S,
        ) as client:
            for done, message in enumerate(messages):
                await client.publish(message.topic, message.payload, qos=1)
                progress(done + 1)
    except aiomqtt.MqttError as error:
        reason = with_our_fault(str(error), settings.tls)
        raise SinkError(
            f"broker {settings.host}:{settings.port}: {reason}; it has {done} of {len(messages)} messages. "
            "Check the broker and import again: nothing counts twice",
            retryable=True,
        ) from None
