"""A part wears out: what its counters and its battery show over hours.

Readers are judged by the share of failed reads since the last look, against the terminal's own past and that of its
model: far more than chance would have it, and enough to annoy people. Whatever is usual, one read in seven is too many.
Batteries are judged by what cannot be: a charge that falls on the charger, or is gone in two hours of use (a
terminal lasts six to eight).
Where it can be wrong: a reader in bright sun or with worn-out cards errs without being worn.
"""

import math
from typing import Final

from fleetmon.model.events import Heartbeat

ENOUGH_READS: Final = 50  # between two looks, or
ENOUGH_ERRORS: Final = 8
_USUAL: Final = 0.02  # of the reads may fail anywhere: few reads without an error promise nothing
_BOTHERS: Final = 0.05
_TOO_MANY: Final = 0.15
_FEW: Final = 6  # errors; fewer prove nothing
_WELL: Final = 0.6  # of what is called worn
_SURE: Final = 4.0  # standard deviations
WEAK_PER_HOUR: Final = 0.45  # of a full charge
_FELL: Final = 0.2  # at least, for a gauge is coarse
SINKS_AFTER: Final = 1_800_000
_SINKS_BY: Final = 0.02
_FULL: Final = 0.9


def may_wear(beat: Heartbeat) -> bool:
    """Whether a heartbeat shows what may become wear: nearly none of a terminal that stands on its charger does."""
    counters, power = beat.counters, beat.power
    return (counters is not None and (counters.read_errors or 0) >= ENOUGH_ERRORS) or (
        power is not None and power.battery is not None and power.battery < _FULL
    )


def usual_errors(own: float | None, model: float | None) -> float:
    """The share of reads that may be expected to fail: the most of what is known."""
    return max(_USUAL, own or 0.0, model or 0.0)


def is_worn(errors: int, reads: int, usual: float) -> bool:
    """Whether the reader errs far more often than usual."""
    expected = reads * min(usual, _TOO_MANY)
    if errors < _FEW or errors < _BOTHERS * reads:
        return False
    return errors >= _TOO_MANY * reads or errors > expected + _SURE * math.sqrt(expected) + 1


def is_well(errors: int, reads: int, usual: float) -> bool:
    """Whether a worn reader reads as well as others again."""
    return errors <= reads * max(_WELL * _BOTHERS, min(usual, _BOTHERS))


def is_weak(before: float, now: float, passed_ms: int) -> bool:
    """Whether the battery lost too much of its charge (0..1) between two moments off the charger."""
    fell = before - now
    return passed_ms > 0 and fell >= _FELL and fell * 3_600_000 / passed_ms >= WEAK_PER_HOUR


def sinks(before: float, now: float, passed_ms: int) -> bool:
    """Whether the charge fell while every heartbeat in between was on the charger; a full one falls by design."""
    return passed_ms >= SINKS_AFTER and now < _FULL and before - now >= _SINKS_BY
