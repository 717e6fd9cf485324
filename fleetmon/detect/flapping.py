"""Down, up, down, up: told once as flapping instead of again and again.

Each time adds to a penalty that decays; above one threshold the terminal, shop or group is flapping, and only when
it has fallen below a lower one is it not. Source: route flap damping, RFC 2439, with the usual values of routers (a
thousand for each flap, 2,000 and 750, a half-life of a quarter of an hour, an hour at most).
Where it can be wrong: what comes and goes every quarter of an hour is called down each time, for days.
"""

from typing import Final

from fleetmon.model.detector import FlapDetector
from fleetmon.model.incident import Policy

_FLAP: Final = 1_000.0
_SUPPRESS: Final = 2_000.0
_REUSE: Final = 750.0
_HALF_LIFE: Final = 900_000
_LONGEST: Final = 3_600_000  # after the last flap
_CEILING: Final = _REUSE * 2 ** (_LONGEST / _HALF_LIFE)
_FORGOTTEN: Final = 100.0


def decayed(penalty: float, elapsed: int) -> float:
    """What is left of a penalty; nothing of one that matters no longer."""
    left = penalty * 0.5 ** (elapsed / _HALF_LIFE)
    return left if left > _FORGOTTEN else 0.0


def penalised(penalty: float) -> float:
    """The penalty with one more flap."""
    return min(penalty + _FLAP, _CEILING)


FLAPPING = FlapDetector(
    kind="flapping",
    policy=Policy(severity="warning", pages=False, hold_ms=0, keep_ms=0),
    decayed=decayed,
    penalised=penalised,
    breached=lambda penalty: penalty > _SUPPRESS,
    recovered=lambda penalty: penalty < _REUSE,
)
