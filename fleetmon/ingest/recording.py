"""Recordings: NDJSON, one message or one change of our link a line, plain, `.gz` or `.zst`."""

import gzip
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import msgspec
import zstandard

from fleetmon.ingest.intake import Publication
from fleetmon.model.errors import ConfigError
from fleetmon.model.events import Millis


class Line(msgspec.Struct):
    """One line: a message (`topic`, `payload`) or a change of the listener's own link."""

    t: Millis
    topic: str | None = None
    payload: msgspec.Raw = msgspec.Raw(b"")
    qos: int = 0
    retain: bool = False
    link: Literal["down", "up"] | None = None

    @property
    def publication(self) -> Publication:
        """The message as the broker would have handed it over. An empty text is an empty payload."""
        payload = bytes(self.payload)
        return Publication(self.topic or "", b"" if payload in (b'""', b"null") else payload, self.retain)


def read(path: Path) -> Iterator[Line]:
    """The lines of a recording; raises ConfigError naming the file and line that is none."""
    decoder = msgspec.json.Decoder(Line)
    try:
        with _open(path) as lines:
            for number, text in enumerate(lines, 1):
                if not text.strip():
                    continue
                try:
                    line = decoder.decode(text)
                except (msgspec.DecodeError, RecursionError) as error:
                    raise ConfigError([f"{path}:{number}: not a line of a recording: {error}"]) from None
                if (line.topic is None) == (line.link is None):
                    raise ConfigError([f"{path}:{number}: a line has either a topic or a link"])
                yield line
    except (OSError, EOFError, zstandard.ZstdError) as error:
        raise ConfigError([f"{path}: cannot be read: {error}"]) from None


def _open(path: Path) -> io.BufferedIOBase:
    if path.suffix == ".gz":
        return gzip.open(path)
    if path.suffix == ".zst":
        return io.BufferedReader(zstandard.ZstdDecompressor().stream_reader(path.open("rb"), closefd=True))
    return path.open("rb")
