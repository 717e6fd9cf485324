"""Time zones: what a clock on the wall shows, as a moment.

The rule for days on which clocks are changed (docs/adr/023): a time that is skipped is taken as if the clock had not
been changed, which is later by what was skipped; of a time that comes twice the first is meant. That is what
`fold=0` of PEP 495 means in both cases. Zones are those of IANA, as this machine or the package tzdata knows them:
where it can be wrong, and future rules of a state that changes its mind.
"""

from datetime import UTC, datetime, timedelta, tzinfo
from difflib import get_close_matches
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MS: Final = timedelta(milliseconds=1)
_CHINESE: Final = ("beijing", "peking", "china")


@cache
def names() -> frozenset[str]:
    """All zones that there are."""
    return frozenset(available_timezones())


def find(name: str) -> tzinfo | None:
    """The zone of this name."""
    return ZoneInfo(name) if name in names() else None


def nearest(name: str) -> str | None:
    """A zone that somebody may have meant; all of China is one, and by spelling its capital is near to Brunei."""
    if any(word in name.lower() for word in _CHINESE):
        return "Asia/Shanghai"
    found = get_close_matches(name, names(), 1)
    return found[0] if found else None


def advice(name: str) -> str:
    """What to write instead of the name of a zone that there is not."""
    near = nearest(name)
    return f'did you mean "{near}"?' if near else "write one like Asia/Shanghai"


def instant(local: datetime, zone: tzinfo) -> int:
    """When clocks there first show this time, in ms."""
    return (local.replace(tzinfo=zone, fold=0) - EPOCH) // _MS


def local(at: int, zone: tzinfo) -> datetime:
    """What clocks there show at that moment."""
    return (EPOCH + at * _MS).astimezone(zone).replace(tzinfo=None, fold=0)


def stamp(text: str, zone: tzinfo) -> int:
    """The moment of `2026-11-24T01:00:00`, or of one with a Z; raises ValueError for what no calendar shows."""
    return instant(datetime.fromisoformat(text.rstrip("Z")), UTC if text.endswith("Z") else zone)


def written(at: int, zone: tzinfo) -> str:
    """The moment as `2026-11-24T01:00:00`."""
    return local(at, zone).isoformat(timespec="seconds")
