"""The third clock: whether a terminal that is alive does business.

Each sale that succeeds winds it. Sales that fail for other reasons than the card are counted until one succeeds; a card
that is refused proves that the way to its bank works. Whoever fails while the acquirer answers others between its
failures is alone with that. What is usual is learned (`usage`), and costs nothing of terminals that never sell.
"""

from collections.abc import Callable, Mapping
from typing import Final

from msgspec import Struct

from fleetmon.detect.quiet import patience
from fleetmon.engine.fleet import ALWAYS_OPEN, Fleet
from fleetmon.engine.terminal.usage import Usage, sells_at, shortest, sold_at
from fleetmon.model.events import Transaction
from fleetmon.model.responses import Meaning, meaning
from fleetmon.model.terminal import Terminal

_SHORT: Final = 1_800_000  # after a sale nothing remarkable is missed for so long
FAILURES: Final = 5  # in a row: nothing can be paid
_ACQUIRERS: Final = 1_000  # terminals name them; the memory shall not keep them all
REFUSALS: Final = 3  # in a row for the same reason of the terminal's own
_SUCCESS: Final = ("approved", "uploaded")
_FAILURE: Final = ("declined", "unanswered")
_ENDS: Final = (*_SUCCESS, *_FAILURE)
_ANSWERS: Final = ("card", "entry", "duplicate", "ok")  # the host works, and so does the way there
_OWN: Final = ("software", "state", "merchant", "")  # what a terminal that was badly updated is refused for


class _Run(Struct, gc=False):
    """Sales that failed since the last that did not."""

    failures: int = 0
    keys: int = 0  # of them because of the keys
    garbled: int = 0  # because the host could not read the message
    own: int = 0  # for that or another reason of the terminal's own
    alone: int = 0  # while the acquirer answered others
    last: int = 0  # when it failed last


class Trade:
    """The business clocks of all terminals."""

    def __init__(self, fleet: Fleet, heard_since: Callable[[], int]) -> None:
        self.overlays: Mapping[str, Mapping[str, Meaning]] = {}  # what codes mean to single acquirers
        self._fleet = fleet
        self._heard_since = heard_since
        self._runs: dict[str, _Run] = {}
        self._answered: dict[str, int] = {}  # when each acquirer last was seen to work

    def take(self, terminal: Terminal, told: Transaction, now: int) -> Mapping[str, float] | None:
        """Take in a stage of a transaction; the signs of a terminal whose sales fail, none of one that works.

        None where it tells neither.
        """
        if told.kind == "reversal" or told.stage not in _ENDS:
            return None
        acquirer = told.acquirer or terminal.cohort.acquirer
        if told.stage in _SUCCESS:
            usage = Usage.of(terminal.usage)
            since = self._since(terminal)
            usage.sell(now, usage.missed(since, now) if now - since >= _SHORT else 0.0)
            terminal.usage = usage.packed()
            return self._works(terminal, acquirer, now)
        why = meaning(told.response, self.overlays.get(acquirer)) if told.response else ""
        if told.stage == "declined" and why in _ANSWERS:
            return self._works(terminal, acquirer, now)
        run = self._runs.setdefault(terminal.id, _Run())
        run.failures += 1
        run.keys += why == "keys"
        run.garbled += why == "software"
        run.own += told.stage == "declined" and why in _OWN
        run.alone += self._answered.get(acquirer, 0) > run.last
        run.last = now
        return _signs(run) or None

    def missed(self, terminal: Terminal, now: int) -> float:
        """How many sales are missed, when that is far more than usual at this hour; else 0."""
        packed = terminal.usage
        silence = now - sold_at(packed)
        if silence < _SHORT or not sells_at(packed, now) or silence < shortest(packed):
            return 0.0
        if not self.is_open(terminal, now):
            return 0.0
        usage = Usage.of(packed)
        missed = usage.missed(self._since(terminal), now)
        return missed if missed >= patience(usage.longest) else 0.0

    def is_open(self, terminal: Terminal, now: int) -> bool:
        """Whether the shop trades: by its hours, else by the hours at which the terminal sells, else always."""
        hours = self._fleet.hours(terminal)
        if hours is not ALWAYS_OPEN:
            return hours.is_open(now)
        return not terminal.usage or not Usage.of(terminal.usage).is_known or sells_at(terminal.usage, now)

    def renew(self, terminal: Terminal) -> None:
        """Another device is in its place; the shop's customers are the same."""
        self._runs.pop(terminal.id, None)
        if terminal.usage:
            terminal.usage = Usage.of(terminal.usage).renewed().packed()

    def _works(self, terminal: Terminal, acquirer: str, now: int) -> Mapping[str, float]:
        if acquirer in self._answered or len(self._answered) < _ACQUIRERS:
            self._answered[acquirer] = now
        self._runs.pop(terminal.id, None)
        return {}

    def _since(self, terminal: Terminal) -> int:
        """From when on a sale could have been made: since the last, while it was up and we heard it."""
        return max(sold_at(terminal.usage), terminal.since, self._heard_since())


def _signs(run: _Run) -> Mapping[str, float]:
    signs = {}
    if run.failures >= FAILURES:
        signs["failing"] = float(run.failures)
    if run.keys >= REFUSALS:
        signs["keys_refused"] = float(run.keys)
    if run.garbled >= REFUSALS:
        signs["garbled"] = float(run.garbled)
    if run.own >= REFUSALS or run.alone >= FAILURES:
        signs["cannot_pay"] = float(max(run.own, run.alone))  # if it was updated
    return signs
