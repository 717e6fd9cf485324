"""An accepted registry, packed: kept so that a restart need neither take its file apart nor check it again.

It is kept under a digest of the registry's file, of the shapes of a registry and of what is kept, and of fleetmon's
version, whose checks may differ. The long tables are packed by column, and what many rows share stands once: that is
unpacked three times as fast. Anything that is not what was kept counts as nothing kept.
What is unpacked shares its strings, and the engine keeps them: those of a file that was taken apart row by row
lie among rows that are given up, and a few would hold all of their memory.
Where it can be wrong: whoever can write there is believed, as in the store beside it.
"""

import contextlib
import hashlib
from array import array
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import count, cycle, islice
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct
from msgspec.structs import astuple, replace

from fleetmon import __version__
from fleetmon.model.registry import Merchant, Registry, Site, Terminal

# The values, and for each row the place of its own; without places they go round: one for all rows, or each its own.
_Column = tuple[list[Any], bytes]
_Packed = tuple[Registry, dict[str, tuple[int, list[_Column]]]]
_PACKED: Final[msgspec.msgpack.Decoder[_Packed]] = msgspec.msgpack.Decoder(_Packed)
_PLACES: Final = "I"
_TABLES: Final = {"merchants": Merchant, "sites": Site, "terminals": Terminal}
_SEAL: Final = hashlib.sha256().digest_size


def digest(registry: Path) -> bytes | None:
    """What a registry is kept under; None when its file cannot be read."""
    with contextlib.suppress(OSError), registry.open("rb") as file:
        found = hashlib.file_digest(file, "sha256")
        found.update(repr((__version__, msgspec.json.schema(Registry), _Packed)).encode())
        return found.digest()
    return None


def recall(kept: Path, name: bytes) -> Registry | None:
    """The registry that was kept there under this digest; None when there is none."""
    with contextlib.suppress(OSError):
        content = memoryview(kept.read_bytes())
        seal, packed = content[:_SEAL], content[_SEAL:]
        if seal == _seal(name, packed):
            return unpack(packed)
    return None


def keep(kept: Path, name: bytes, packed: bytes) -> None:
    """Keep it, instead of what was kept there. If that fails the next start is slow, and no worse."""
    fresh = kept.with_name(f"{kept.name}.new")
    with contextlib.suppress(OSError):
        kept.parent.mkdir(parents=True, exist_ok=True)
        fresh.write_bytes(_seal(name, packed) + packed)
        fresh.replace(kept)


def _seal(name: bytes, packed: bytes | memoryview) -> bytes:
    """Proof that this was kept under that digest, and whole."""
    found = hashlib.sha256(name)
    found.update(packed)
    return found.digest()


def pack(registry: Registry) -> bytes:
    """In the form that is kept."""
    tables = {table: _turned(getattr(registry, table)) for table in _TABLES}
    return msgspec.msgpack.encode((replace(registry, **{table: [] for table in tables}), tables))


def unpack(packed: bytes | memoryview) -> Registry:
    """As it was packed, with strings that are shared."""
    rest, tables = _PACKED.decode(packed)
    rows = {
        table: list(islice(map(_TABLES[table], *map(_in_turn, columns)), size)) if size else []
        for table, (size, columns) in tables.items()
    }
    return replace(rest, **rows)


def _turned(rows: Sequence[Struct]) -> tuple[int, list[_Column]]:
    return len(rows), [_column(values) for values in zip(*map(astuple, rows), strict=True)]


def _in_turn(column: _Column) -> Iterator[Any]:
    values, places = column
    return map(values.__getitem__, array(_PLACES, places)) if places else cycle(values)


def _column(values: Sequence[Any]) -> _Column:
    if isinstance(next(iter(values), None), list):  # opening hours
        values = [tuple(value) for value in values]
    place: defaultdict[Any, int] = defaultdict(count().__next__)
    places = array(_PLACES, map(place.__getitem__, values))
    return list(place), places.tobytes() if 1 < len(place) < len(values) else b""
