"""What use does to one terminal: paper runs out, a reader errs, a battery goes flat.

Looked at with every heartbeat, so a change is noticed up to a beat after it came; what it notices are
device events. A portable terminal goes to its charger when somebody sees that it is low, and all night
long. Where it can be wrong: batteries do not age here, and a printer never jams.
"""

from typing import Final, Literal, NamedTuple

from fleetmon.model.events import Counters, DeviceEvent, Power
from fleetmon.sim.chance import Chance, log_uniform
from fleetmon.sim.habits import Wear
from fleetmon.sim.pace import Moment
from fleetmon.sim.scenario import Component

LOW: Final = 0.15
USELESS: Final = 0.05  # no sale below
CHARGED: Final = 0.98
_LINES: Final = (24, 40)  # of a receipt
_WORN: Final = 10
_FLAT_S: Final = (900.0, 3600.0)  # until somebody has put it on the charger


class Note(NamedTuple):
    """A device event to be told."""

    component: Component
    code: str
    action: Literal["set", "clear"]

    def event(self, at: int) -> DeviceEvent:
        """The message, not numbered yet."""
        severity: Literal["info", "warning"] = "info" if self.code == "PaperLow" else "warning"
        return DeviceEvent(at, 0, 0, self.component, self.code, self.action, severity)


class Body:
    """Paper, reader and battery of one terminal."""

    def __init__(self, wear: Wear, chance: Chance) -> None:
        self._wear = wear
        self._chance = chance
        self.errs = log_uniform(chance, wear.read_errors)
        if wear.worn_share and chance.random() < wear.worn_share:
            self.errs = min(self.errs * _WORN, 0.5)
        self._roll = log_uniform(chance, wear.roll)
        self._receipts = self._roll * chance.random() if self._roll else float("inf")  # left
        self._restock_s = float("inf")
        self.battery = Battery(wear, chance) if wear.portable and chance.random() < wear.portable else None
        self.printer: Literal["OK", "PaperLow", "NoPaper"] = "OK"
        self._inserts = self._read_errors = self._contactless_errors = self._lines = 0

    def restart(self) -> None:
        """The application starts anew, and its counters."""
        self._inserts = self._read_errors = self._contactless_errors = self._lines = 0

    def read_card(self) -> None:
        """A card was read, perhaps not at the first attempt; half of them are held to the reader."""
        if not self.errs:
            self._inserts += 1
            return
        touch = self._chance.random() < 0.5
        failed = 0
        while self._chance.random() < self.errs:
            failed += 1
        self._inserts += 0 if touch else 1 + failed
        self._contactless_errors += failed if touch else 0
        self._read_errors += 0 if touch else failed

    def print_receipt(self) -> None:
        """A receipt was printed, if there was paper."""
        if self._receipts >= 1:
            self._receipts -= 1
            if self._roll:
                self._lines += self._chance.randint(*_LINES)

    def look(self, now: Moment, *, working: bool) -> list[Note]:
        """What has changed; `working` while the shop is open."""
        notes = self._paper(now)
        if self.battery is not None:
            notes += self.battery.look(now, working=working)
        return notes

    def counters(self, reboots: int) -> Counters:
        """As heartbeats have them."""
        return Counters(self._inserts, self._read_errors, self._contactless_errors, self._lines, reboots)

    @property
    def power(self) -> Power:
        """As heartbeats have it."""
        if self.battery is None:
            return Power(battery=0.97, charging=True)
        return Power(battery=round(self.battery.level, 2), charging=self.battery.charging)

    def _paper(self, now: Moment) -> list[Note]:
        if now.s >= self._restock_s:
            gone = [self.printer, "PaperLow"] if self.printer == "NoPaper" else [self.printer]
            self.printer, self._restock_s = "OK", float("inf")
            self._roll = log_uniform(self._chance, self._wear.roll)
            self._receipts = self._roll
            return [Note("printer", code, "clear") for code in gone]
        if self._receipts < 1 and self.printer != "NoPaper":
            self.printer = "NoPaper"
            self._restock_s = now.s + log_uniform(self._chance, self._wear.restock_s)
            return [Note("printer", "NoPaper", "set")]
        if 1 <= self._receipts < 0.1 * self._roll and self.printer == "OK":
            self.printer = "PaperLow"
            return [Note("printer", "PaperLow", "set")]
        return []


class Battery:
    """A charge between 0 and 1, in use or on the charger."""

    def __init__(self, wear: Wear, chance: Chance) -> None:
        self.level = chance.uniform(0.3, 1.0)
        self.charging = False
        self.flat_until_s = 0.0  # scenario time
        self._use_s = 3600 * log_uniform(chance, wear.use_h)
        self._charge_s = 3600 * wear.charge_h
        self._forgotten = wear.forgotten
        self._chance = chance
        self._seen_at_s = 0.0
        self._told = False
        self._dock_at = self._patience()

    def look(self, now: Moment, *, working: bool) -> list[Note]:
        """Let the time since the last look pass."""
        passed = now.s - self._seen_at_s
        self._seen_at_s = now.s
        if self.charging:
            self.level = min(self.level + passed / self._charge_s, 1.0)
            self.charging = not working or self.level < CHARGED
        else:
            self.level = max(self.level - passed / self._use_s, 0.0)
            if not working or self.level < self._dock_at:
                self.charging = True
                self._dock_at = self._patience()
        if self.level <= 0:
            self.charging, self.level, self._dock_at = True, 0.01, self._patience()
            self.flat_until_s = now.s + self._chance.uniform(*_FLAT_S)
        return self._notes()

    def rest(self, now: Moment) -> None:
        """It was switched off, on its charger."""
        passed, self._seen_at_s = now.s - self._seen_at_s, now.s
        self.level = min(self.level + passed / self._charge_s, 1.0)

    def _notes(self) -> list[Note]:
        low = self.level < LOW and (not self.charging or self._told)
        if low == self._told:
            return []
        self._told = low
        return [Note("battery", "BatteryLow", "set" if low else "clear")]

    def _patience(self) -> float:
        """The charge at which somebody puts it on the charger; below zero when nobody does."""
        return -1.0 if self._chance.random() < self._forgotten else self._chance.uniform(0.13, 0.45)
