"""What was unusual about terminals and hosts, from when to when: the stuff that causes judge from.

Only the unusual is kept, so a healthy terminal costs nothing: heartbeats leave episodes (weak signal, a
wrong clock, sales kept inside), connections leave silences, devices and hosts their own words. Words are
kept as they were said and put in order of their own numbers, so the order of arrival does not matter.
What ended longer than `KEPT` ago is forgotten; the store has it.
"""

from bisect import insort
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from operator import attrgetter
from typing import Final, NamedTuple

from msgspec import Struct

from fleetmon.detect.signs import LASTING, SIGNS
from fleetmon.model.days import DAY
from fleetmon.model.episode import Episode
from fleetmon.model.events import DeviceEvent, MaintenanceMark, State
from fleetmon.model.terminal import NO_DEADLINE, Liveness, Terminal

KEPT: Final = 20 * DAY
MOST: Final = 64  # episodes and words remembered of one subject
GONE: Final = (Liveness.SUSPECT, Liveness.DOWN)


VERSIONS: Final = 10_000
_SHOWN: Final = frozenset({*SIGNS, *LASTING})
_Words = tuple[str, str, str, str]


class _Identity(Struct, frozen=True, gc=False):
    """Who a terminal said it was, and when it was heard."""

    at: int
    firmware: str
    app: str
    iccid: str
    serial: str

    @property
    def words(self) -> _Words:
        """What it said."""
        return self.firmware, self.app, self.iccid, self.serial


class _Word(NamedTuple):
    """A numbered word of a terminal: set or clear, begin or end. With another device `boot` may begin anew."""

    epoch: int
    boot: int
    seq: int
    at: int
    begins: bool
    once: bool


class Timeline:
    """Episodes by subject: `terminal/T1`, `host/H`, `merchant/M`."""

    def __init__(self, places: Mapping[str, tuple[float, float]]) -> None:
        """`places` of shops: latitude and longitude in degrees."""
        self.places = places
        self._closed: dict[str, list[Episode]] = {}
        self._open: dict[str, dict[str, Episode]] = {}
        self._words: dict[str, dict[tuple[str, str, str], list[_Word]]] = {}
        self._known: dict[str, _Identity] = {}  # by terminal
        self._versions: dict[str, str] = {}  # one string for all that run the same
        self._fresh: list[Episode] = []

    def take(self) -> list[Episode]:
        """The episodes that began, became worse or ended since the last call."""
        fresh, self._fresh = self._fresh, []
        return fresh

    # -- in ----------------------------------------------------------------------------------------

    def show(self, terminal: str, shown: Mapping[str, float], now: int) -> None:
        """Note what a terminal shows, and how bad it is, and what it no longer shows."""
        subject = f"terminal/{terminal}"
        for kind in [kind for kind in self._open.get(subject, ()) if kind in _SHOWN and kind not in shown]:
            self.end(subject, kind, now)
        for kind, worst in shown.items():
            self.begin(subject, kind, now, topic=f"{subject}/heartbeat", worst=worst)

    def gone(self, terminal: Terminal, before: Liveness, after: Liveness, at: int) -> None:
        """Note a silence: it began with the last sign of life."""
        subject = f"terminal/{terminal.id}"
        if after in GONE and before not in GONE:
            began = terminal.last_seen if before is Liveness.UP else at
            self.begin(subject, "silent", began, f"{subject}/state")
        elif before in GONE and after not in GONE:
            self.end(subject, "silent", at)

    def is_other_sim(self, terminal: str, said: State) -> bool:
        """Whether it names another SIM than before; asked before `state` takes it in."""
        known = self._known.get(terminal)
        return bool(known and known.iccid and said.iccid and known.iccid != said.iccid)

    def state(self, terminal: str, said: State, at: int) -> None:
        """Note an update, another SIM, another device, a reboot."""
        subject, topic = f"terminal/{terminal}", f"terminal/{terminal}/state"
        if said.state == "offline":
            if said.reason == "maintenance":
                self.begin(subject, "maintenance", at, topic)
            elif said.reason != "lost" and "pending" in self._open.get(subject, ()):
                self.begin(subject, "off", at, topic)  # with sales inside
            return
        self.end(subject, "maintenance", at)
        self.end(subject, "off", at)
        now, known = self._words_of(said), self._known.get(terminal)
        old = known.words if known else now
        if any(now):
            self._known[terminal] = _Identity(at, *_filled(now, old))
        for kind, was, new in zip(("updated", "updated", "sim_changed", "swapped"), old, now, strict=True):
            if was and new and was != new:
                self.instant(subject, kind, at, topic, f"{was}->{new}")

    def _words_of(self, said: State) -> _Words:
        return self._shared(said.firmware), self._shared(said.app), said.iccid or "", said.serial or ""

    def _shared(self, version: str | None) -> str:
        """One string for all that run the same; of a liar's many, each its own."""
        if not version or len(self._versions) >= VERSIONS:
            return version or ""
        return self._versions.setdefault(version, version)

    def recall_state(self, terminal: str, said: State, at: int) -> None:
        """Learn who a terminal was, in any order; what followed from it comes back as episodes."""
        words, known = self._words_of(said), self._known.get(terminal)
        if known is None or at > known.at:
            self._known[terminal] = _Identity(at, *_filled(words, known.words if known else words))
        else:
            self._known[terminal] = _Identity(known.at, *_filled(known.words, words))

    def device(self, terminal: str, said: DeviceEvent, at: int, epoch: int = 0) -> None:
        """Note a device event."""
        key = (said.component, said.code, f"terminal/{terminal}/device")
        word = _Word(epoch, said.boot, said.seq, at, said.action != "clear", said.action == "oneshot")
        self._word(f"terminal/{terminal}", key, word)

    def mark(self, terminal: str, said: MaintenanceMark, at: int, epoch: int = 0) -> None:
        """Note that a technician began or ended."""
        key = ("mark", said.reason or "", f"terminal/{terminal}/maintenance")
        word = _Word(epoch, said.boot, said.seq, at, said.event == "begin", once=False)
        self._word(f"terminal/{terminal}", key, word)

    def begin(self, subject: str, kind: str, at: int, topic: str, worst: float = 0.0, code: str = "") -> None:
        """Something is so since `at`, or still is."""
        held = self._open.setdefault(subject, {})
        key = f"{kind}{code}"
        episode = held.get(key)
        if episode is None:
            held[key] = episode = Episode(kind, topic, at, code=code, count=0, worst=worst)
            self._fresh.append(episode)
        elif abs(worst) > abs(episode.worst):
            episode.worst = worst
            self._fresh.append(episode)
        episode.count += 1

    def end(self, subject: str, kind: str, at: int, code: str = "") -> None:
        """It is over at `at`, if it was so."""
        held = self._open.get(subject)
        episode = held.pop(f"{kind}{code}", None) if held else None
        if held is not None and not held:
            del self._open[subject]
        if episode is not None:
            episode.end = max(at, episode.begin)
            self._keep(subject, episode)

    def instant(self, subject: str, kind: str, at: int, topic: str, code: str = "", count: int = 1) -> None:
        """It happened at `at`, so many times."""
        self._keep(subject, Episode(kind, topic, at, at, code, count))

    def recall(self, episode: Episode) -> None:
        """Take up what was stored, in any order, the same any number of times; the subject is in the topic."""
        sender, key = episode.topic.split("/")[:2]
        subject = f"{sender}/{key}"
        if episode.end == NO_DEADLINE:
            self._open.setdefault(subject, {}).setdefault(f"{episode.kind}{episode.code}", episode)
            return
        kept = self._closed.setdefault(subject, [])
        if episode not in kept:
            insort(kept, episode, key=attrgetter("end"))
            del kept[:-MOST]

    # -- out ---------------------------------------------------------------------------------------

    def of(self, subject: str, since: int, until: int) -> list[Episode]:
        """The episodes of a subject that touch the span, the earliest first."""
        found = [*self._closed.get(subject, ()), *self._open.get(subject, {}).values(), *self._told(subject)]
        return sorted((one for one in found if one.touches(since, until)), key=lambda one: (one.begin, one.kind))

    def lasting(self, subject: str, kind: str, code: str = "") -> Episode | None:
        """The episode of this kind that goes on."""
        return self._open.get(subject, {}).get(f"{kind}{code}")

    def going_on(self, kinds: Sequence[str]) -> list[tuple[str, int]]:
        """The terminals with whom any of this goes on, and since when."""
        found = []
        for subject, held in self._open.items():
            begins = [one.begin for one in held.values() if one.kind in kinds]
            if begins and subject.startswith("terminal/"):
                found.append((subject.removeprefix("terminal/"), min(begins)))
        return found

    @property
    def subjects(self) -> list[str]:
        """Of whom something is remembered."""
        return list(self._closed.keys() | self._words.keys() | self._open.keys())

    def forget(self, subject: str, now: int) -> None:
        """Drop what is over for long."""
        left = [one for one in self._closed.pop(subject, ()) if one.end > now - KEPT]
        if left:
            self._closed[subject] = left
        words = self._words.get(subject, {})
        for key, said in list(words.items()):
            lasts = said[-1].begins and not said[-1].once
            if not lasts and all(word.at <= now - KEPT for word in said):
                del words[key]
        if not words:
            self._words.pop(subject, None)

    def _keep(self, subject: str, episode: Episode) -> None:
        kept = self._closed.setdefault(subject, [])
        kept.append(episode)
        if len(kept) > MOST:
            del kept[0]
        self._fresh.append(episode)

    def _word(self, subject: str, key: tuple[str, str, str], word: _Word) -> None:
        words = self._words.setdefault(subject, defaultdict(list))
        if key not in words and len(words) >= MOST:
            del words[min(words, key=lambda one: words[one][-1])]  # of which nothing was said for longest
        said = words[key]
        if word not in said:
            said.append(word)
            said.sort()
            del said[:-MOST]

    def _told(self, subject: str) -> Iterator[Episode]:
        """Words as episodes: from a `set` to the next `clear`, or until another device came in its place."""
        swaps = sorted(one.begin for one in self._closed.get(subject, ()) if one.kind == "swapped")
        for (kind, code, topic), said in self._words.get(subject, {}).items():
            open_: Episode | None = None
            over = NO_DEADLINE  # when its device was taken away
            for word in said:
                if open_ is not None and over <= word.at:
                    open_.end = over
                    yield open_
                    open_ = None
                if word.once:
                    yield Episode(kind, topic, word.at, word.at, code)
                elif word.begins and open_ is None:
                    open_ = Episode(kind, topic, word.at, code=code)
                    over = NO_DEADLINE if kind == "mark" else next((at for at in swaps if at > word.at), NO_DEADLINE)
                elif not word.begins and open_ is not None:
                    open_.end = max(word.at, open_.begin)
                    yield open_
                    open_ = None
            if open_ is not None:
                open_.end = over
                yield open_


def _filled(words: _Words, others: _Words) -> _Words:
    """The words, and where there is none, the other."""
    return words[0] or others[0], words[1] or others[1], words[2] or others[2], words[3] or others[3]
