"""How a terminal that sells is used, and how the parts of any one last: when it last sold and usually does. 80 bytes.

Sales are counted by hour of the day, over as many days as the counts have room for: when one is full all are halved,
and the days with them, so a busy terminal is judged by its last days and a slow one by its last month. By weekday the
hours with a sale are counted. Beside them stand what its counters and its battery said when they were looked at last.
"""

import struct
from typing import Final, Self

from msgspec import Struct
from msgspec.structs import replace

from fleetmon.detect.quiet import HOUR, KNOWN, expected, patience
from fleetmon.model.days import UTC_OFFSET, weekday

_LAYOUT: Final = struct.Struct("<24s7sBIBIHBBH")
_HOURS: Final = 24  # of the day, whose counts come first
_DAYS: Final = 31  # where the days are
_SOLD: Final = slice(32, 36)  # where the time of the last sale is
_LOOKED: Final = slice(45, 47)
_FULL: Final = 255
_EIGHTHS: Final = 8  # of a day
_LEAST: Final = patience(0) / 2  # at its best hour of its best weekday it may sell twice as much
_IDLE_DAYS: Final = 3  # counted of a longer pause, so that a holiday does not thin out what is known
_MANY: Final = 100  # sales in one hour of the day tell as much as days
_UNKNOWN: Final = 255
_CHARGING: Final = 128
_MINUTE: Final = 60_000
_WRAP: Final = 65_535


class Usage(Struct, gc=False):
    """Unpacked. `reads` and `errors` as counted at the last look; shares in thousandths and one, 0 unknown."""

    hours: bytes = bytes(24)
    weekdays: bytes = bytes(7)
    days: int = 0  # in eighths
    sold_s: int = 0
    longest: int = 0  # the most sales that a gap between two missed
    reads: int = 0
    errors: int = 0
    share: int = 0  # of the reads that usually fail
    charge: int = _UNKNOWN  # in hundredths, with 128 on the charger
    looked: int = 0  # minute of the last look, without its high bits

    @classmethod
    def of(cls, packed: bytes) -> Self:
        """Unpack; of nothing, a new one."""
        return cls(*_LAYOUT.unpack(packed)) if packed else cls()

    def packed(self) -> bytes:
        """For the terminal's record."""
        return _LAYOUT.pack(
            self.hours, self.weekdays, self.days, self.sold_s, self.longest, self.reads,
            self.errors, self.share, self.charge, self.looked,
        )  # fmt: skip

    # -- sales -------------------------------------------------------------------------------------

    @property
    def is_known(self) -> bool:
        """Whether enough was sold to say what is usual."""
        return self.days >= KNOWN * _EIGHTHS or max(self.hours) >= _MANY

    def missed(self, since: int, now: int) -> float:
        """How many sales would usually have been made."""
        return expected(self.hours, self.weekdays, self.days / _EIGHTHS, since, now) if self.is_known else 0.0

    def sell(self, now: int, missed: float) -> None:
        """Count a sale, after a gap that missed so many."""
        if missed:
            self.longest = max(self.longest, min(round(missed), round(patience(self.longest)), _FULL))
        hour, last = _hour(now), _hour(self.sold_s * 1000)
        if (passed := hour // 24 - last // 24) > 0:
            self.longest -= self.longest // 16
            self.days += _EIGHTHS * (min(passed, _IDLE_DAYS) if self.sold_s else 1)
        self.sold_s = now // 1000
        self.hours, is_full = _counted(self.hours, hour % 24)
        if is_full or self.days > _FULL:
            self.hours = bytes(one // 2 for one in self.hours)
            self.days = (self.days - _EIGHTHS) // 2 + _EIGHTHS if self.days > _EIGHTHS else self.days  # today goes on
        if hour != last:
            self.weekdays, is_full = _counted(self.weekdays, weekday(hour // 24))
            self.weekdays = bytes(one // 2 for one in self.weekdays) if is_full else self.weekdays

    # -- parts -------------------------------------------------------------------------------------

    def renewed(self) -> Self:
        """The same customers, and a device of which nothing is known."""
        return replace(self, reads=0, errors=0, share=0, charge=_UNKNOWN)

    @property
    def usual_errors(self) -> float | None:
        """The share of reads that usually fail."""
        return (self.share - 1) / 1000 if self.share else None

    def learn_errors(self, share: float) -> None:
        """The share of the last reads that failed is taken in with a fifth."""
        usual = self.usual_errors
        self.share = min(round(1000 * (share if usual is None else 0.8 * usual + 0.2 * share)) + 1, _FULL)

    def look(self, battery: float | None, charging: bool | None, now: int) -> tuple[float, bool, int] | None:
        """Note the battery; as it was at the last look, and how long ago that was."""
        before = None
        if self.charge != _UNKNOWN:
            passed = (now // _MINUTE - self.looked & _WRAP) * _MINUTE
            before = (self.charge & ~_CHARGING) / 100, bool(self.charge & _CHARGING), passed
        known = battery is not None and charging is not None
        self.charge = (round((battery or 0) * 100) | _CHARGING * bool(charging)) if known else _UNKNOWN
        self.looked = now // _MINUTE & _WRAP
        return before


def sold_at(packed: bytes) -> int:
    """When the last sale succeeded, in ms and to the second; 0: never."""
    return int.from_bytes(packed[_SOLD], "little") * 1000


def shortest(packed: bytes) -> int:
    """For how long after a sale, at least, not enough can be missed to be remarkable; quick, for it is asked often."""
    return round(_LEAST * HOUR * packed[_DAYS] / _EIGHTHS / max(packed[:_HOURS]))


def sells_at(packed: bytes, now: int) -> bool:
    """Whether it ever sells at this hour of the day."""
    return packed[_hour(now) % 24] > 0


def looked_ago(packed: bytes, now: int) -> int:
    """Minutes since the last look, up to 45 days."""
    return now // _MINUTE - int.from_bytes(packed[_LOOKED], "little") & _WRAP


def _hour(at: int) -> int:
    """The local hour since 1970."""
    return (at + UTC_OFFSET) // HOUR


def _counted(counts: bytes, place: int) -> tuple[bytes, bool]:
    """One more; and whether there is no room for another."""
    count = min(counts[place] + 1, _FULL)
    return counts[:place] + bytes((count,)) + counts[place + 1 :], count == _FULL
