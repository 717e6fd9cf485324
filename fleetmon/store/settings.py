"""Where the store is."""

from msgspec import Struct


class StoreSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """`path` of the SQLite database; it and its folder are made when they are missing."""

    path: str = "fleetmon.db"
