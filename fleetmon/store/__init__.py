"""Memory that outlives the process: one writer thread, group commit, then the acknowledgement."""

from fleetmon.store.settings import StoreSettings
from fleetmon.store.store import Restored, Store
from fleetmon.store.writer import Work

__all__ = ["Restored", "Store", "StoreSettings", "Work"]
