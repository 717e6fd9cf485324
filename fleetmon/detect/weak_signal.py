"""A terminal's link loses so much that its silence proves nothing in time.

Evidence are runs of missed beats that the terminal lived through: in the same boot and session, in open hours,
alone; what others have lived through makes nobody weak. The link is weak when the longest wait allowed would still
call it down by mistake twice as often as the budget permits; it is well again when the budget is kept.
Where it can be wrong: a terminal that stops beating for minutes without restarting looks the same.
"""

from bisect import bisect_right

from fleetmon.model.detector import LinkDetector
from fleetmon.model.incident import Policy
from fleetmon.model.runs import LENGTHS, USUAL_ONWARD, USUAL_PER_DAY, Runs

_ONCE = 1.0  # a run of some length is no reason to announce a link; it is reason enough to wait longer next time
_FEW = 3  # longer runs of its own, before what is usual may call a link weak
_OVERSPENT = 2.0
_USUAL = [USUAL_ONWARD] * (len(LENGTHS) - 1)


def breached(runs: Runs, most_beats: int, budget: float) -> bool:
    """Whether the longest wait allowed would make far too many mistakes."""
    return runs.counts[1] >= _FEW and _mistakes(runs, most_beats) > _OVERSPENT * budget


def recovered(runs: Runs, most_beats: int, budget: float) -> bool:
    """Whether the budget can be kept again."""
    return _mistakes(runs, most_beats) <= budget


def _mistakes(runs: Runs, most_beats: int) -> float:
    # A good link beside bad ones is not announced for its neighbours' losses.
    own = runs._replace(onward=_USUAL, often=USUAL_PER_DAY)
    return own.rates(_ONCE)[bisect_right(LENGTHS, most_beats) - 1]


WEAK_SIGNAL = LinkDetector(
    kind="weak_signal",
    policy=Policy(severity="warning", pages=False, hold_ms=0, keep_ms=0),
    breached=breached,
    recovered=recovered,
)
