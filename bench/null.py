"""The null subscriber: takes in and acknowledges everything and only counts. Nothing can be faster.

    python -m bench.null PORT

A line on standard input is answered by `count time-of-the-last` (seconds since 1970).
"""

import asyncio
import sys
import time

import mqtt5

from bench.servers import LOOPBACK
from fleetmon.ingest.settings import MqttSettings

_BUFFER = 262_144


class Null(asyncio.BufferedProtocol):
    """One connection, subscribed to the fleet."""

    def __init__(self) -> None:
        self.count = 0
        self.last = 0.0
        self._view = memoryview(bytearray(_BUFFER))
        self._end = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Connect and subscribe in one go."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        hello = mqtt5.ConnectPacket("null", clean_start=True, receive_max=MqttSettings().receive_max)
        wish = mqtt5.TopicFilter("pos/v1/#", max_qos=mqtt5.QoS.AT_LEAST_ONCE)
        transport.write(hello.write() + mqtt5.SubscribePacket(1, [wish]).write())

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - asyncio's signature
        """Where the next read goes."""
        return self._view[self._end :]

    def buffer_updated(self, nbytes: int) -> None:
        """Count, and acknowledge what wants it."""
        end, position, count = self._end + nbytes, 0, 0
        view, read, acknowledgements = self._view, mqtt5.read, []
        try:
            while position < end:
                packet, size = read(view[position:end])
                position += size
                if type(packet) is mqtt5.PublishPacket:
                    count += 1
                    if packet.packet_id is not None:
                        acknowledgements.append(mqtt5.PubAckPacket(packet.packet_id).write())
        except IndexError:  # the rest of the packet is still to come
            pass
        rest = end - position
        view[:rest] = bytes(view[position:end])
        self._end = rest
        if acknowledgements:
            self._transport.write(b"".join(acknowledgements))
        if count:
            self.count += count
            self.last = time.time()


async def main() -> None:
    loop, done = asyncio.get_running_loop(), asyncio.Event()
    _, null = await loop.create_connection(Null, LOOPBACK, int(sys.argv[1]))

    def answer() -> None:
        if sys.stdin.readline():
            print(null.count, null.last, flush=True)
        else:
            done.set()

    loop.add_reader(sys.stdin, answer)
    await done.wait()


if __name__ == "__main__":
    asyncio.run(main())
