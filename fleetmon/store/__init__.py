"""Memory that outlives the process: one writer thread, group commit, then the acknowledgement."""

from fleetmon.store.archive import Archive
from fleetmon.store.care import backup, check
from fleetmon.store.night import SENT, WATCHED, Night, Watch
from fleetmon.store.payouts import StoredPayouts
from fleetmon.store.restore import Restored
from fleetmon.store.rows import AuditRow, ChangeRow, QuarantineRow, ScheduleRow, TerminalRow, TransitionRow, WindowTime
from fleetmon.store.settings import StoreSettings
from fleetmon.store.store import Store
from fleetmon.store.writer import Work

__all__ = [
    "SENT",
    "WATCHED",
    "Archive",
    "AuditRow",
    "ChangeRow",
    "Night",
    "QuarantineRow",
    "Restored",
    "ScheduleRow",
    "Store",
    "StoreSettings",
    "StoredPayouts",
    "TerminalRow",
    "TransitionRow",
    "Watch",
    "WindowTime",
    "Work",
    "backup",
    "check",
]
