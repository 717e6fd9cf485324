"""What a sample of terminals shows: who of them fell silent together, who was heard since, and what they share.

A sample is some hundred terminals, however large the fleet. Those of one cohort stand beside each other in the
fleet's lists, so every so-manieth is a fair choice. Silence is judged as everywhere: who was heard less than a beat
ago says nothing yet, and whose shop is closed or under planned work is not expected.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from msgspec.structs import astuple

from fleetmon.detect import INGEST_IMPAIRED
from fleetmon.engine.shard import Shard
from fleetmon.engine.terminal.presence import EARLY
from fleetmon.engine.work.windows import Windows
from fleetmon.model.detector import Arrivals, Count
from fleetmon.model.registry import CELLULAR
from fleetmon.model.terminal import Cohort, Liveness, Terminal

SAMPLE: Final = 500  # terminals looked at, up to twice as many
AGAINST: Final = 4  # missed beats that one heard outweighs, for nearly all means four fifths
LATELY: Final = 10_000  # whoever has been down for longer, and since before there was doubt, tells of something else
AWAKE: Final = (Liveness.UP, Liveness.SUSPECT)
_NAMES: Final = ("site", "merchant", "way", *Cohort.__struct_fields__)


class Sight(NamedTuple):
    """Of a sample, at one moment: who fell silent together, and who was heard since, who neither."""

    silent: list[Terminal]
    heard: list[Terminal]
    waiting: list[Terminal]  # say nothing yet

    @property
    def beat(self) -> int:
        """How long most of them may take from one word to the next."""
        waits = sorted([terminal.wait_ms for terminals in self for terminal in terminals])
        return waits[len(waits) // 2] if waits else 0


class Samples:
    """Looks at some terminals in place of all. Times in ms."""

    def __init__(self, shard: Shard, windows: Windows) -> None:
        self._shard = shard
        self._windows = windows

    def choose(self, provider: str) -> list[Terminal]:
        """So many of a provider's terminals, or with "" of everybody's, evenly from all cohorts."""
        lists = self._shard.fleet.providers
        chosen = [lists.get(provider, [])] if provider else list(lists.values())
        step = max(sum(map(len, chosen)) // SAMPLE, 1)
        sample: list[Terminal] = []
        first = 0
        for members in chosen:
            sample += members[first::step]
            first = (first - len(members)) % step
        return sample

    def moment(self, sample: Iterable[Terminal], now: int, doubted: int) -> int:
        """Since when nearly everything was missed of what ought to come, for as much of it as possible; else now.

        Beats that were missed stand at the time at which they were due, those that came at theirs, so that it does
        not matter whether everybody beats at the same second.
        """
        found = Counter[int]()
        for terminal in sample:
            if self._is_missing(terminal, min(doubted, now - LATELY), now):
                found[self._missed_at(terminal, now)] += 1
            elif terminal.liveness in AWAKE:
                found[terminal.last_seen] -= AGAINST
        most, balance, moment = 1, 0, now
        for at in sorted(found, reverse=True):
            balance += found[at]
            if balance >= most:
                most, moment = balance, at
        return moment

    def see(self, sample: Iterable[Terminal], moment: int, now: int) -> Sight:
        """Who missed a beat since that moment, and who was heard since; who did neither says nothing."""
        sight = Sight([], [], [])
        for terminal in sample:
            if self._is_missing(terminal, moment, now):
                if self._missed_at(terminal, now) >= moment and self._is_expected(terminal, now):
                    sight.silent.append(terminal)
            elif terminal.liveness in AWAKE:
                (sight.heard if terminal.last_seen >= moment else sight.waiting).append(terminal)
        return sight

    def _is_missing(self, terminal: Terminal, since: int, now: int) -> bool:
        """Whether it missed a beat, or left a will that nothing has answered; not who was down before `since`."""
        if terminal.liveness not in AWAKE and not (terminal.liveness is Liveness.DOWN and terminal.since >= since):
            return False
        known = self._shard.known_from(terminal)
        return now > known + terminal.wait_ms or terminal.will_at > known

    def _missed_at(self, terminal: Terminal, now: int) -> int:
        """When the first word was due that is missing."""
        known = self._shard.known_from(terminal)
        if terminal.liveness is Liveness.DOWN and terminal.overslept:
            return terminal.since - terminal.interval_ms
        if now <= known + terminal.wait_ms:
            return terminal.will_at
        return known + terminal.interval_ms if known == terminal.last_seen else known  # we cannot tell its beat

    def _is_expected(self, terminal: Terminal, now: int) -> bool:
        """Whether neither closing time nor planned work explains its silence."""
        presence = self._shard.habits.presence
        if presence.is_off(terminal, now) or presence.closing(terminal, now) <= now + EARLY:
            return False
        return self._windows.cover(terminal, now) is None


def arrivals(sight: Sight, moment: int, now: int, provider: str, everybody: Sight) -> Arrivals:
    """The counts that the detector judges: of a provider beside everybody, or with "" of everybody."""
    by: dict[str, dict[str, Count]] = {}
    silent, heard = [[_values(terminal) for terminal in terminals] for terminals in (sight.silent, sight.heard)]
    for index, name in enumerate(_NAMES):
        gone, there = Counter(row[index] for row in silent), Counter(row[index] for row in heard)
        by[name] = {value: Count(gone[value], there[value]) for value in gone | there}
    total, waiting = Count(len(silent), len(heard)), len(sight.waiting)
    owed = sum([min(1.0, (now - moment) / terminal.interval_ms) for terminal in sight.waiting])
    willed = sum([bool(terminal.will_at) and now <= terminal.last_seen + terminal.wait_ms for terminal in sight.silent])
    soon = [INGEST_IMPAIRED.soon(one.will_at - one.last_seen) for one in sight.silent if one.will_at]
    closed, lost = soon.count(True), soon.count(False)
    beside = _beside(sight.silent, provider, everybody) if provider else None
    return Arrivals(total, waiting, owed, willed, closed, lost, by, beside)


def _beside(silent: Sequence[Terminal], provider: str, everybody: Sight) -> list[tuple[Count, Count]]:
    """Of each other provider: its terminals where the silent ones are, in region and on the way; and all of them."""
    places = {_place(terminal.cohort) for terminal in silent}
    counts = []
    for terminals in (everybody.silent, everybody.heard):
        near = [terminal.cohort.provider for terminal in terminals if _place(terminal.cohort) in places]
        counts.append((Counter(near), Counter(terminal.cohort.provider for terminal in terminals)))
    (gone, all_gone), (there, all_there) = counts
    others = sorted((all_gone | all_there).keys() - {provider})
    return [(Count(gone[one], there[one]), Count(all_gone[one], all_there[one])) for one in others]


def _values(terminal: Terminal) -> tuple[str, ...]:
    """In order of `_NAMES`."""
    return terminal.site or terminal.id, terminal.merchant, _place(terminal.cohort)[1], *astuple(terminal.cohort)


def _place(cohort: Cohort) -> tuple[str, str]:
    """Where terminals are, and on which way: their carrier, else the network that is none."""
    return cohort.region, cohort.carrier if cohort.network in CELLULAR else cohort.network
