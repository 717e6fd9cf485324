"""When a terminal is expected to be on: by the declared hours of its shop, else by its last fortnight of nights.

A night is a silence of some hours; its beginning and its length are kept in steps of five minutes, all of
them in one integer of some 60 bytes. A silence that begins where nights usually do, and before they usually
end, is the evening's end and no fault; who does not come when it usually does is missed. The same weekday
counts more than the others. Declared hours outrank all this, but how late people come is learned for them, too.
Whoever is not in the registry is waited for a week: nobody else will say that it is gone.
"""

from collections.abc import Sequence
from statistics import median_low
from typing import Final

from fleetmon.detect import TERMINAL_OFFLINE
from fleetmon.engine.fleet import ALWAYS_OPEN, Fleet, slack
from fleetmon.model.days import DAY, UTC_OFFSET, midnight
from fleetmon.model.hours import Hours
from fleetmon.model.terminal import NO_DEADLINE, Terminal

EARLY: Final = 20 * 60_000  # before declared closing a silence is most likely the evening's end
_STEP: Final = 300_000
_HOUR: Final = 3_600_000 // _STEP
_DAY: Final = DAY // _STEP
_WEEK: Final = 7 * _DAY
_DAWN: Final = 5 * _HOUR  # until then an evening is that of the day before
_SHORTEST, _LONGEST = 3 * 3_600_000, 64 * 3_600_000  # of a night; the longest is a weekend
_LENGTH_BITS: Final = 10
_BITS: Final = 21  # of a night
_KEPT: Final = (1 << 14 * _BITS) - 1
_FEW: Final = 3  # nights that make a habit
_BEFORE, _AFTER = 3 * _HOUR // 4, 3 * _HOUR  # a usual night's beginning, an unusual one may begin
_SLACK: Final = _HOUR // 2  # that people may come later than they usually do
_LATEST: Final = 2 * _HOUR  # the same where they are known for it
_MONDAY: Final = midnight(4)  # 1970-01-05
_ABANDONED: Final = 7 * DAY  # after which a terminal that nobody registered is not waited for

Night = tuple[int, int]  # its beginning in the week, and its length


class Presence:
    """The hours of all terminals."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet

    def note(self, terminal: Terminal, began: int, ended: int) -> None:
        """Remember a silence that may have been a night."""
        if _SHORTEST <= ended - began <= _LONGEST:
            night = _place(began) << _LENGTH_BITS | (ended - began) // _STEP
            terminal.nights = (terminal.nights << _BITS | night) & _KEPT

    def is_off(self, terminal: Terminal, at: int) -> bool:
        """Whether nobody expects a terminal to be heard that is silent at `at`."""
        if self.is_closed(terminal, at):
            return True
        learned = self._fleet.hours(terminal) is ALWAYS_OPEN and terminal.nights
        return bool(learned) and _is_usual(_nights(terminal.nights), _place(terminal.last_seen))

    def is_closed(self, terminal: Terminal, at: int) -> bool:
        """Whether its shop says that it is closed, or nobody waits for it any longer."""
        return at >= _abandoned_at(terminal) or not self._fleet.hours(terminal).is_open(at)

    def opening(self, terminal: Terminal, at: int) -> int:
        """When a terminal asleep since `at` is missed: its people are late, and it had as many beats as any silence."""
        if at >= _abandoned_at(terminal):
            return NO_DEADLINE
        hours = self._fleet.hours(terminal)
        if hours is ALWAYS_OPEN:
            expected = _missed(_nights(terminal.nights), terminal.last_seen)
        else:
            opening = hours.next_opening(at)
            expected = NO_DEADLINE if opening is None else opening + self._slack(terminal, hours)
        if expected == NO_DEADLINE:
            return NO_DEADLINE
        return expected + TERMINAL_OFFLINE.down_after(terminal.interval_ms, slack(terminal.interval_ms))

    def closing(self, terminal: Terminal, at: int) -> int:
        """When the terminal's shop closes next, at `at` or later, or nobody waits for it any longer."""
        closing = self._fleet.hours(terminal).next_closing(at)
        return _abandoned_at(terminal) if closing is None else closing

    def _slack(self, terminal: Terminal, hours: Hours) -> int:
        """How long after the declared opening it may come: as all but the latest of its fortnight did."""
        late = []
        for began, length in _nights(terminal.nights):
            came = _MONDAY + (began + length) * _STEP
            opening = hours.next_opening(came - _LATEST * _STEP)
            late.append(max(came - opening, 0) if opening is not None else 0)
        usual = self._fleet.defaults.opening_slack_s * 1000
        return max(usual, sorted(late)[-2] + 2 * _STEP) if len(late) > _FEW else usual


def _abandoned_at(terminal: Terminal) -> int:
    """When a silent terminal is waited for no longer. Registered ones always are."""
    known = terminal.last_seen or terminal.since
    return NO_DEADLINE if terminal.registered or not known else known + _ABANDONED


def _place(at: int) -> int:
    """The step of the week."""
    return (at - _MONDAY) // _STEP % _WEEK


def _nights(packed: int) -> list[Night]:
    found = []
    while packed:
        found.append((packed >> _LENGTH_BITS & (1 << _BITS - _LENGTH_BITS) - 1, packed & (1 << _LENGTH_BITS) - 1))
        packed >>= _BITS
    return found


def _weekday(place: int) -> int:
    return (place - _DAWN) % _WEEK // _DAY


def _end(night: Night) -> int:
    """Steps from the dawn before a night until its end."""
    return (night[0] - _DAWN) % _DAY + night[1]


def _beside(end: int, usual: int) -> int:
    """How far one time of day is after another."""
    return (end - usual + _DAY // 2) % _DAY - _DAY // 2


def _is_usual(nights: Sequence[Night], place: int) -> bool:
    """Whether a silence that began then began as nights do: on most days, or on this weekday."""
    near = [night for night in nights if (place - night[0] + _BEFORE) % _DAY <= _BEFORE + _AFTER]
    if len(near) >= _FEW and 2 * len(near) >= len(nights):
        return True
    same = [night for night in nights if _weekday(night[0]) == _weekday(place)]
    morning = median_low([_end(night) % _DAY for night in nights])
    ended = [night for night in same if abs(_beside(_end(night), morning)) <= _HOUR]  # a fault rarely ends at opening
    return len(nights) >= _FEW and bool(same) and ended == same and all(night in near for night in same)


def _missed(nights: Sequence[Night], last_seen: int) -> int:
    """When somebody who went at `last_seen` should have come: as on this weekday, else as usual, and a while later."""
    if len(nights) < _FEW:
        return NO_DEADLINE
    place = _place(last_seen)
    ends = [_end(night) for night in nights]
    same = [_end(night) for night in nights if _weekday(night[0]) == _weekday(place)]
    # Where one was longer by a day, somebody did not come then.
    expected = max(end for end in same if end - min(same) < _DAY // 2) if same else median_low(ends)
    times = [_beside(end, expected) for end in ends]
    slack = min(max(2 * (max(times) - median_low(times)), _SLACK), _LATEST)
    dawn = last_seen - (last_seen + UTC_OFFSET) % _STEP - (place - _DAWN) % _DAY * _STEP
    due = dawn + (expected + slack + 1) * _STEP
    return due if due - last_seen >= _SHORTEST else due + DAY
