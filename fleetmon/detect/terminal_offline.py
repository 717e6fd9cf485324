"""One terminal is silent while it ought to be heard.

Silence comes in whole beats: k missed beats, not seconds, separate loss from death (measured on real
traces at 60 s and 2.5 % loss: three missed beats give 0.4 mistakes per terminal-day, two give 2.8).
A last will tells of a TCP session, not of a terminal, so it only shortens the wait.
Where it can be wrong: links that lose more than about 10 % in bursts are called down too often.
"""

from fleetmon.model.detector import LivenessDetector
from fleetmon.model.incident import Policy

SUSPECT_BEATS = 2
DOWN_BEATS = 3
WILL_WAIT = 30_000  # a terminal that can come back does so within this time
SHORTEST_HOLD, LONGEST_HOLD = 15_000, 300_000


def suspect_after(interval: int, slack: int) -> int:
    """Silence after which a terminal is suspect."""
    return SUSPECT_BEATS * interval + slack


def down_after(interval: int, slack: int) -> int:
    """Silence after which a terminal is down."""
    return DOWN_BEATS * interval + slack


def down_after_will(last_seen: int, will_at: int, interval: int, slack: int) -> int:
    """When a terminal with an unanswered will is down: after one missed beat, and never later than without a will."""
    missed = max(last_seen + interval + slack, unanswered_at(will_at, interval))
    return min(missed, last_seen + down_after(interval, slack))


def unanswered_at(will_at: int, interval: int) -> int:
    """When whoever left a will has had its time to come back: brokers restart, addresses are bound anew."""
    return will_at + min(WILL_WAIT, interval)


def hold(interval: int) -> int:
    """One beat, so that neighbours with the same fault have missed theirs too."""
    return min(max(interval, SHORTEST_HOLD), LONGEST_HOLD)


TERMINAL_OFFLINE = LivenessDetector(
    kind="terminal_offline",
    policy=Policy(severity="warning", pages=False, hold_ms=SHORTEST_HOLD, keep_ms=0),
    suspect_after=suspect_after,
    down_after=down_after,
    down_after_will=down_after_will,
    unanswered_at=unanswered_at,
    hold=hold,
)
