"""One terminal is silent while it ought to be heard.

Silence comes in whole beats: k missed beats, not seconds, separate loss from death. Each terminal has its
own k: the smallest with which it is expected to be called down by mistake not more often than the budget
allows, three where nothing is known. The wait has an end: a link that would need a longer one is a
`weak_signal`, and only while that is announced is it waited for longer.
A last will tells of a TCP session, not of a terminal, so it only shortens the wait.
Where it can be wrong: a link that becomes bad is called down by mistake until that is learned.
"""

from fleetmon.model.detector import LivenessDetector
from fleetmon.model.incident import Policy
from fleetmon.model.runs import LENGTHS, Runs

SUSPECT_BEATS = 2
DOWN_BEATS = 3
MOST_BEATS = 10
LONGEST_WAIT = 300_000  # after which a terminal that is gone is known to be,
SLOWEST_BEATS = 5  # or after so many beats where those take longer: three are too few for links that lose one in fifty
UTMOST_WAIT = 1_800_000  # for a link that is announced as weak
WILL_WAIT = 26_000  # a terminal that can come back does so within this time
SHORTEST_HOLD, LONGEST_HOLD = 15_000, 300_000


def late_after(interval: int, slack: int) -> int:
    """Silence after which a terminal is late: nothing by itself, but when many are late together it is."""
    return interval + slack


def suspect_after(interval: int, slack: int) -> int:
    """Silence after which a terminal is suspect."""
    return SUSPECT_BEATS * interval + slack


def down_after(interval: int, slack: int, beats: int = DOWN_BEATS) -> int:
    """Silence after which a terminal is down. Half the slack is enough: the beat that is waited for had its time."""
    return beats * interval + slack // 2


def missed(silence: int, interval: int, slack: int) -> int:
    """With how many beats of patience, at most, this silence would have been called down."""
    return max(silence - slack // 2, 0) // interval


def most_beats(interval: int) -> int:
    """The patience of a link that is not announced as weak."""
    return max(SLOWEST_BEATS, min(MOST_BEATS, LONGEST_WAIT // interval))


def beats(runs: Runs, interval: int, budget: float, *, weak: bool) -> int:
    """How many missed beats prove a terminal down, with a budget of so many mistakes in an open day."""
    most = max(most_beats(interval), min(LENGTHS[-1], UTMOST_WAIT // interval)) if weak else most_beats(interval)
    enough = (length for length, rate in zip(LENGTHS, runs.rates(), strict=True) if rate <= budget)
    return min(next((length for length in enough if length >= DOWN_BEATS), most), most)


def down_after_will(last_seen: int, will_at: int, interval: int, slack: int, beats: int) -> int:
    """When a terminal with an unanswered will is down: after one missed beat, and never later than without a will."""
    once = max(last_seen + interval + slack, unanswered_at(will_at, interval))
    return min(once, last_seen + down_after(interval, slack, beats))


def unanswered_at(will_at: int, interval: int) -> int:
    """When whoever left a will has had its time to come back: brokers restart, addresses are bound anew."""
    return will_at + min(WILL_WAIT, interval)


def back_by(at: int) -> int:
    """When whoever had to connect again at `at`, like everybody, has had its time before people are told."""
    return at + LONGEST_WAIT


def hold(interval: int) -> int:
    """One beat, so that neighbours with the same fault have missed theirs too."""
    return min(max(interval, SHORTEST_HOLD), LONGEST_HOLD)


TERMINAL_OFFLINE = LivenessDetector(
    kind="terminal_offline",
    policy=Policy(severity="warning", pages=False, hold_ms=SHORTEST_HOLD, keep_ms=0),
    late_after=late_after,
    suspect_after=suspect_after,
    down_after=down_after,
    down_after_will=down_after_will,
    unanswered_at=unanswered_at,
    back_by=back_by,
    hold=hold,
    missed=missed,
    most_beats=most_beats,
    beats=beats,
)
