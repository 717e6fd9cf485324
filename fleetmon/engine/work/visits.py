"""Work on single terminals: a technician's marks, and terminals that went offline for maintenance.

Marks are kept as they were told and put in order of the terminal's own clock and numbers, so the order of their arrival
does not matter. A mark that tells no end suppresses for `UNSAID` at most, and nobody is missed then: no end was
promised. No mark is believed for longer than a day.
"""

from bisect import insort
from typing import Final, NamedTuple

from fleetmon.model.days import DAY
from fleetmon.model.events import MaintenanceMark
from fleetmon.model.terminal import NO_DEADLINE, Terminal
from fleetmon.model.window import Occurrence, Visit, Window, window_id

UNSAID: Final = 4 * 3_600_000
MOST: Final = 32  # marks kept of one terminal


class _Word(NamedTuple):
    at: int
    epoch: int
    boot: int
    seq: int
    begins: bool
    until: int
    by: str
    reason: str


class Visits:
    """Marks by terminal, and who is away for maintenance."""

    def __init__(self) -> None:
        self._absent: dict[str, Occurrence] = {}  # when terminals were last offline for maintenance
        self._words: dict[str, list[_Word]] = {}

    def mark(self, terminal: str, said: MaintenanceMark, at: int, epoch: int) -> None:
        """Take in a mark, told at `at`."""
        words = self._words.setdefault(terminal, [])
        begins = said.event == "begin"
        word = _Word(at, epoch, said.boot, said.seq, begins, said.until or 0, said.by or "", said.reason or "")
        if word not in words:
            insort(words, word)
            del words[:-MOST]

    def leave(self, terminal: str, at: int) -> None:
        """It went offline for maintenance."""
        self._absent[terminal] = Occurrence(at, NO_DEADLINE)

    def is_away(self, terminal: str) -> bool:
        """Whether it is offline for maintenance."""
        return terminal in self._absent and self._absent[terminal].end == NO_DEADLINE

    def come_back(self, terminal: str, at: int) -> None:
        """It is heard again."""
        self._absent[terminal] = Occurrence(self._absent[terminal].start, at)

    def of(self, terminal: str) -> list[Visit]:
        """The visits that its marks tell of, in order of time."""
        visits: list[Visit] = []
        for word in self._words.get(terminal, ()):
            going_on = bool(visits) and not visits[-1].ended and word.at < _limit(visits[-1])
            if word.begins and going_on:
                visits[-1] = visits[-1]._replace(until=word.until or visits[-1].until)
            elif word.begins:
                visits.append(Visit(word.at, word.until, 0, word.by, word.reason))
            elif visits and not visits[-1].ended:
                visits[-1] = visits[-1]._replace(ended=max(word.at, visits[-1].begin + 1))
        return visits

    def windows(self, terminal: Terminal) -> list[Window]:
        """Its visits as windows, and its absence, where no mark tells of it."""
        visits = self.of(terminal.id)
        windows = [
            _window(terminal, visit.begin, _end(visit), visit.by, visit.reason, promised=bool(visit.until))
            for visit in visits
            if visit.begin < _end(visit)
        ]
        absent = self._absent.get(terminal.id)
        if absent is not None and not any(visit.begin <= absent.start < _limit(visit) for visit in visits):
            end = min(absent.end, absent.start + UNSAID)
            windows.append(_window(terminal, absent.start, end, "", "", promised=False))
        return windows

    def forget(self, before: int) -> None:
        """Drop marks that were told before then."""
        for terminal, words in list(self._words.items()):
            if words[-1].at < before:
                del self._words[terminal]
        self._absent = {key: one for key, one in self._absent.items() if one.end >= before}


def _limit(visit: Visit) -> int:
    """When it is over at the latest."""
    return visit.begin + min(max(visit.until - visit.begin, 0) or UNSAID, DAY)


def _end(visit: Visit) -> int:
    return min(_limit(visit), visit.ended or _limit(visit))


def _window(terminal: Terminal, begin: int, end: int, by: str, reason: str, *, promised: bool) -> Window:
    return Window(
        id=window_id("mark", terminal.id, str(begin)),
        owner=by or terminal.cohort.provider,
        provenance="mark",
        occurrences=(Occurrence(begin, end),),
        selector={"terminal": terminal.id},
        reason=reason,
        promised=promised,
    )
