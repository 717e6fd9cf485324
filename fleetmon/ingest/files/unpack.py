"""From a path to the bytes and the kind of what is in it, by content and not by name.

A file is at most LIMIT bytes when unpacked, so a decompression bomb ends there. Archives with more than one
file, workbooks and other documents are refused with what to do instead.
"""

import gzip
import hashlib
import zipfile
import zlib
from pathlib import Path
from typing import IO, Final, Literal, Protocol

from msgspec import Struct

from fleetmon.ingest.files.outcome import FileError

LIMIT: Final = 67_108_864  # half a million rows, which take a gigabyte of memory
_FOREIGN: Final = {
    b"%PDF": "a PDF; ask for the CSV or XML of it",
    b"\xd0\xcf\x11\xe0": "an old Office file; save it as CSV",
    b"Rar!": "a RAR archive; unpack it first",
    b"7z\xbc\xaf": "a 7z archive; unpack it first",
    b"\x28\xb5\x2f\xfd": "packed with zstd; unpack it first",
    b"BZh": "packed with bzip2; unpack it first",
}


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


class Unpacked(Struct, frozen=True):
    """The content of one file; `digest` names it."""

    kind: Literal["csv", "xml"]
    data: bytes
    digest: str


def unpack(path: Path) -> Unpacked:
    """Read a file, also out of .gz or .zip; raises FileError."""
    try:
        with path.open("rb") as file:
            data = _content(file)
    except OSError as error:
        raise FileError(f"cannot be read: {error.strerror or error}") from None
    if not data.strip():
        raise FileError("is empty; fetch it again")
    for magic, what in _FOREIGN.items():
        if data.startswith(magic):
            raise FileError(f"is {what}")
    return Unpacked("xml" if _is_xml(data) else "csv", data, hashlib.sha256(data).hexdigest())


def _content(file: IO[bytes]) -> bytes:
    head = file.read(4)
    file.seek(0)
    try:
        if head.startswith(b"\x1f\x8b"):
            with gzip.open(file) as packed:
                return _limited(packed)
        if head in (b"PK\x03\x04", b"PK\x05\x06"):
            return _unzip(file)
    except (EOFError, zlib.error, gzip.BadGzipFile, zipfile.BadZipFile, NotImplementedError) as error:
        raise FileError(f"is damaged or truncated ({error}); fetch it again") from None
    return _limited(file)


def _limited(file: _Readable) -> bytes:
    data = file.read(LIMIT + 1)
    if len(data) > LIMIT:
        raise FileError(f"is larger than {LIMIT >> 20} MiB unpacked; split it")
    return data


def _unzip(file: IO[bytes]) -> bytes:
    with zipfile.ZipFile(file) as archive:
        inside = [member for member in archive.infolist() if not member.is_dir()]
        if any(member.filename == "[Content_Types].xml" for member in inside):
            raise FileError("is an Office workbook; save it as CSV")
        if len(inside) != 1:
            raise FileError(f"is an archive of {len(inside)} files; unpack it and name the files you want")
        if inside[0].flag_bits & 1:
            raise FileError("is an archive with a password; unpack it first")
        with archive.open(inside[0]) as member:
            data = _limited(member)
    if data.startswith((b"PK\x03\x04", b"\x1f\x8b")):
        raise FileError("is an archive in an archive; unpack it first")
    return data


def _is_xml(data: bytes) -> bool:
    start = data[:200].replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n")
    return start.startswith(b"<")
