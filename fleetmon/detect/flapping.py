"""Down, up, down, up: told once as flapping instead of again and again.

Each time adds to a penalty that decays; above one threshold the terminal, shop or group is flapping, and only when
it has fallen below a lower one is it not. Source: route flap damping, RFC 2439, with the usual values of routers (a
thousand for each flap, 2,000 and 750, a half-life of a quarter of an hour, an hour at most).
One terminal may be down three times by chance, many together are not even once: a group that is down again within a
half-life of the end of the last time has the same trouble still.
Where it can be wrong: a terminal that comes and goes every quarter of an hour is called down each time, for days; a
group that is down again so soon for another reason is called for only when it has stayed down for that long.
"""

from typing import Final

from fleetmon.model.detector import FlapDetector
from fleetmon.model.incident import Policy

_FLAP: Final = 1_000.0
_SUPPRESS: Final = 2_000.0
_SUPPRESS_MANY: Final = 1_500.0  # what one flap and half of another are worth
_REUSE: Final = 750.0
_HALF_LIFE: Final = 900_000
_LONGEST: Final = 3_600_000  # after the last flap
_CEILING: Final = _REUSE * 2 ** (_LONGEST / _HALF_LIFE)
_FORGOTTEN: Final = 100.0


def decayed(penalty: float, elapsed: int) -> float:
    """What is left of a penalty; nothing of one that matters no longer."""
    left = penalty * 0.5 ** (elapsed / _HALF_LIFE)
    return left if left > _FORGOTTEN else 0.0


def penalised(penalty: float, elapsed: int = 0) -> float:
    """The penalty with one more flap, of so long ago."""
    return min(penalty + decayed(_FLAP, elapsed), _CEILING)


def breached(penalty: float, *, many: bool) -> bool:
    """Whether it is down too often, a terminal or many together."""
    return penalty > (_SUPPRESS_MANY if many else _SUPPRESS)


FLAPPING = FlapDetector(
    kind="flapping",
    policy=Policy(severity="warning", pages=False, hold_ms=0, keep_ms=0),
    decayed=decayed,
    penalised=penalised,
    breached=breached,
    recovered=lambda penalty: penalty < _REUSE,
)
