"""An accepted registry, kept so that a restart need neither take its file apart nor check it again.

It is kept under a digest of the registry's file, of the shape of a registry and of fleetmon's version, whose
checks may differ. The long tables are kept by column, and what many rows share stands once: that is read back
three times as fast, and the strings are shared. Anything that is not what was kept counts as nothing kept.
Where it can be wrong: whoever can write there is believed, as in the store beside it.
"""

import contextlib
import hashlib
from itertools import count
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from fleetmon import __version__
from fleetmon.model.registry import Merchant, Registry, Site, Terminal

_Column = tuple[list[Any], list[int]]  # the values, and for each row the place of its own
_PACKED: Final = msgspec.msgpack.Decoder(tuple[Registry, dict[str, list[_Column]]])
_TABLES: Final = {"merchants": Merchant, "sites": Site, "terminals": Terminal}
_SEAL: Final = hashlib.sha256().digest_size


def digest(registry: Path) -> bytes | None:
    """What a registry is kept under; None when its file cannot be read."""
    with contextlib.suppress(OSError), registry.open("rb") as file:
        found = hashlib.file_digest(file, "sha256")
        found.update(repr((__version__, msgspec.json.schema(Registry))).encode())
        return found.digest()
    return None


def recall(kept: Path, name: bytes) -> Registry | None:
    """The registry that was kept there under this digest; None when there is none."""
    with contextlib.suppress(OSError):
        content = memoryview(kept.read_bytes())
        seal, packed = content[:_SEAL], content[_SEAL:]
        if seal == _seal(name, packed):
            return _unpack(packed)
    return None


def keep(kept: Path, name: bytes, registry: Registry) -> None:
    """Keep it, instead of what was kept there. If that fails the next start is slow, and no worse."""
    packed = _pack(registry)
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


def _pack(registry: Registry) -> bytes:
    tables = {
        table: [_column([getattr(row, name) for row in getattr(registry, table)]) for name in kind.__struct_fields__]
        for table, kind in _TABLES.items()
    }
    return msgspec.msgpack.encode((replace(registry, **{table: [] for table in tables}), tables))


def _unpack(packed: memoryview) -> Registry:
    rest, tables = _PACKED.decode(packed)
    rows = {
        table: list(map(_TABLES[table], *[map(values.__getitem__, places) for values, places in columns]))
        for table, columns in tables.items()
    }
    return replace(rest, **rows)


def _column(values: list[Any]) -> _Column:
    if isinstance(next(iter(values), None), list):  # opening hours
        values = [tuple(value) for value in values]
    found = list(dict.fromkeys(values))
    place = dict(zip(found, count()))
    return found, list(map(place.__getitem__, values))
