"""What is learned of terminals from the silences that end.

A silence that a terminal lived through (same boot, no new session, and its numbers show that it went on beating)
was loss, and teaches patience. Whatever else ends a silence was an outage, and teaches nothing. Nothing is
learned while we were deaf, nor from what a shared outage took.
"""

from collections.abc import Callable, Iterable

from fleetmon.detect import SITE_OUTAGE, TERMINAL_OFFLINE
from fleetmon.engine.fleet import Fleet, slack
from fleetmon.engine.terminal.lateness import Lateness
from fleetmon.engine.terminal.patience import Patience
from fleetmon.engine.terminal.presence import Presence
from fleetmon.model.events import Heartbeat, Sequenced
from fleetmon.model.incident import Incident
from fleetmon.model.terminal import Liveness, Terminal


class Habits:
    """The habits of the terminals of a shard."""

    def __init__(self, fleet: Fleet) -> None:
        self.patience = Patience(fleet.groups.shop)
        self.presence = Presence(fleet)
        self.usual = Lateness()
        # Of shared outages, pending or firing, those that may have taken a terminal; the correlator knows.
        self.outages: Callable[[Terminal], Iterable[Incident]] = lambda _: ()

    def back(self, terminal: Terminal, now: int, lost: int, *, deaf: bool) -> bool:
        """Learn from a silence that ends now, in which `lost` messages were sent; whether the link is to be judged."""
        if not terminal.last_seen:
            terminal.watched_from = now
            return False
        silence, interval = now - terminal.last_seen, terminal.interval_ms
        if silence < interval:
            return False
        beats = TERMINAL_OFFLINE.missed(silence, interval, slack(interval))
        if not beats:
            return False
        outages = () if deaf else tuple(self.outages(terminal))
        lived = 2 * lost >= beats and not terminal.will_at and terminal.liveness is not Liveness.ASLEEP
        if lived and not deaf and not outages:
            self.patience.note(terminal, beats)
            self.usual.note(terminal, beats, now)
        else:
            self.patience.watch(terminal, terminal.last_seen, now)
        if not deaf and all(one.kind == SITE_OUTAGE.kind for one in outages):  # a shop closes as a whole
            self.presence.note(terminal, terminal.last_seen, now)
        return lived and beats > 1


def lost_before(terminal: Terminal, event: Sequenced, now: int) -> int:
    """How many messages the terminal has sent since the newest known that did not arrive; none if it began anew."""
    if event.boot != terminal.boot or terminal.seq < 0:
        return 0
    if isinstance(event, Heartbeat) and event.uptime_s is not None and event.uptime_s * 1000 < now - terminal.last_seen:
        return 0
    return max(event.seq - terminal.seq - 1, 0)
