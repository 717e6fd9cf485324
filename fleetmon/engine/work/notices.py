"""What hosts, providers and carriers announce, as windows.

A window is made of all that was told of one notice, put in order by the sender's clock, so neither the order of
arrival nor a repetition matters, nor that everything is told again after a restart.
"""

from typing import Final

from fleetmon.model.days import LAST
from fleetmon.model.events import Notice
from fleetmon.model.window import Occurrence, Window, window_id

MOST: Final = 32  # words kept of one notice
_ORDER: Final = ("scheduled", "changed", "started", "ended", "cancelled")  # of words of the same millisecond


class Notices:
    """Words by host and notice."""

    def __init__(self) -> None:
        self._told: dict[tuple[str, str], list[Notice]] = {}

    def note(self, host: str, notice: Notice) -> Window:
        """Take in a word; the window as it is by all that is known."""
        told = self._told.setdefault((host, notice.id), [])
        if notice not in told:
            told.append(notice)
            told.sort(key=lambda one: (one.at, _ORDER.index(one.event), one.starts_at, one.ends_at))
            del told[:-MOST]
        return _window(host, told)

    def forget(self, before: int) -> None:
        """Drop what was over by then."""
        for key, told in list(self._told.items()):
            if max(one.ends_at for one in told) < before:
                del self._told[key]


def _window(host: str, told: list[Notice]) -> Window:
    last = told[-1]
    started = [one.at for one in told if one.event == "started"]
    over = [one.at for one in told if one.event in ("ended", "cancelled") and one.at >= _resumed(told)]
    start = min([last.starts_at, *started])
    end = min([last.ends_at, *over, LAST])  # whoever tells of centuries knows of no end
    return Window(
        id=window_id("notice", host, last.id),
        owner=host,
        provenance="notice",
        occurrences=(Occurrence(start, end),) if start < end else (),
        selector=last.select or {},
        host=host,
        behind=bool(last.services) and not {"card", "qr"}.intersection(last.services or ()),
        reason=last.title or "",
        cancelled=last.event == "cancelled",
    )


def _resumed(told: list[Notice]) -> int:
    """When the work was last said to be, or to come."""
    return max((one.at for one in told if one.event not in ("ended", "cancelled")), default=0)
