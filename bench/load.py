"""What the fleet says, encoded beforehand, and a connection that says it as fast as the broker listens.

Publishers speak MQTT 3.1.1, whose packets are made here by hand: encoding must not be the bottleneck.
"""

import socket
import time
from collections.abc import Iterable, Sequence
from typing import Self

from bench.servers import LOOPBACK

_IN_FLIGHT = 2_000  # QoS 1 messages sent ahead of the broker's acknowledgements
_CHUNK = 250
_LAST_ID = 65_535


def heartbeat(terminal: str, seq: int, at: int, interval_s: int) -> bytes:
    """A heartbeat of 270 bytes or a few less or more, without its topic."""
    return (
        b'{"at":%d,"boot":3,"seq":%d,"interval_s":%d,"uptime_s":86400,"net":{"type":"4g","carrier":"%b",'
        b'"rssi_dbm":-78,"rtt_ms":120,"link":true,"host":true},"power":{"battery":0.87,"charging":false},'
        b'"signed_on":true,"counters":{"card_inserts":1042,"read_errors":3}}'
    ) % (at, seq, interval_s, _CARRIERS[len(terminal) % 2])


_CARRIERS = (b"CMCC", b"CUCC")


def birth(terminal: str, at: int, interval_s: int, model: str = "A920", carrier: str = "") -> bytes:
    """What a terminal says when it connects."""
    said = b',"carrier":"%b"' % carrier.encode() if carrier else b""
    return (
        b'{"at":%d,"state":"online","boot":3,"session":"%b-3-1","interval_s":%d,"model":"%b","firmware":"2.14.1",'
        b'"app":"5.3.0","serial":"SN%b"%b}'
    ) % (at, terminal.encode(), interval_s, model.encode(), terminal.encode(), said)


def sale(terminal: str, number: int, seq: int, at: int) -> bytes:
    """An approved sale: news that must be on the disk before it is acknowledged."""
    return (
        b'{"at":%d,"boot":4,"seq":%d,"id":"%b-%d","kind":"sale","stage":"approved","amount":12800,"rail":"card",'
        b'"stan":"%06d","rrn":"R%011d","auth":"A%05d","batch":"000123","response":"00","host_at":%d,'
        b'"issuer":"ISS-1","card":"622202******0123"}'
    ) % (at, seq, terminal.encode(), number, number % 10**6, number, number % 10**5, at)


def packet(topic: str, payload: bytes, packet_id: int = 0) -> bytes:
    """A PUBLISH packet; QoS 1 if it has an id."""
    name = topic.encode()
    head = len(name).to_bytes(2, "big") + name + (packet_id.to_bytes(2, "big") if packet_id else b"")
    return (b"\x32" if packet_id else b"\x30") + _length(len(head) + len(payload)) + head + payload


def _length(size: int) -> bytes:
    encoded = bytearray()
    while True:
        size, low = divmod(size, 128)
        encoded.append(low | (128 if size else 0))
        if not size:
            return bytes(encoded)


def beats(fleet: Iterable[str], seqs: Iterable[int], interval_s: int) -> bytes:
    """A stream in which every terminal beats once for each number, all of them in turn."""
    at = time.time_ns() // 1_000_000
    known = list(fleet)
    return b"".join(
        packet(f"pos/v1/terminal/{terminal}/heartbeat", heartbeat(terminal, seq, at, interval_s))
        for seq in seqs
        for terminal in known
    )


def sales(fleet: Sequence[str], first: int, count: int) -> list[bytes]:
    """QoS 1 packets of so many sales, numbered from `first`, all terminals in turn."""
    at = time.time_ns() // 1_000_000
    found = []
    for number in range(first, first + count):
        terminal = fleet[number % len(fleet)]
        topic, body = f"pos/v1/terminal/{terminal}/transaction", sale(terminal, number, number // len(fleet), at)
        found.append(packet(topic, body, number % _LAST_ID + 1))
    return found


class Publisher:
    """One connection to a broker."""

    def __init__(self, port: int, name: str = "load") -> None:
        identity = name.encode()
        variable = b"\x00\x04MQTT\x04\x02\x00\x00" + len(identity).to_bytes(2, "big") + identity
        self._line = socket.create_connection((LOOPBACK, port), timeout=120)
        self._line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._line.sendall(b"\x10" + _length(len(variable)) + variable)
        answer = self._line.recv(4)
        if answer[3:] != b"\x00":
            raise ConnectionError(f"the broker refused the load: {answer!r}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._line.sendall(b"\xe0\x00")  # a broker that is told takes in everything before it
        self._line.shutdown(socket.SHUT_WR)
        while self._line.recv(65_536):
            pass
        self._line.close()

    def send(self, stream: bytes) -> None:
        """QoS 0: as fast as the broker reads."""
        self._line.sendall(stream)

    def send_acknowledged(self, packets: Sequence[bytes]) -> None:
        """QoS 1: as fast as the broker acknowledges; returns when it has acknowledged all."""
        answered = 0
        for start in range(0, len(packets), _CHUNK):
            sent = packets[start : start + _CHUNK]
            self._line.sendall(b"".join(sent))
            while start + len(sent) - answered // 4 > _IN_FLIGHT:
                answered += self._hear()
        while answered < 4 * len(packets):
            answered += self._hear()

    def _hear(self) -> int:
        got = len(self._line.recv(65_536))
        if not got:
            raise ConnectionError("the broker closed the connection of the load")
        return got
