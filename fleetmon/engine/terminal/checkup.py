"""A look at each heartbeat: what it shows, since when, and what a course of them shows.

Nearly every heartbeat shows nothing, and costs a glance. Whoever shows something, or did lately, or has an open
incident gets a chart, and every heartbeat is looked at in full until all is well. Of terminals that sell, or whose
parts might wear, the counters, the battery and the business clock are looked at now and then even so: at every
seventeenth heartbeat, and at each that comes after a long pause.
A sign that was not confirmed for some heartbeats, because the terminal was silent or we were deaf, begins anew.
When most of the fleet is off by as much, it is our clock that is wrong, and no terminal's.
Where it can be wrong: a fleet most of which is set to a wrong time zone looks like that, too; numbers shared with
other messages make the looks of a busy terminal irregular.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from msgspec import Struct

from fleetmon.detect import OF_SIGN
from fleetmon.detect.clock_skew import RECENT, error
from fleetmon.detect.not_paying import Reason, reason
from fleetmon.detect.signs import LASTING, SIGNS, SKEWED_MS, remarkable, signs
from fleetmon.detect.wear import may_wear
from fleetmon.engine.fleet import Fleet
from fleetmon.engine.terminal.trade import Trade
from fleetmon.engine.terminal.usage import sold_at
from fleetmon.engine.terminal.wear import Wear
from fleetmon.engine.timeline import Timeline
from fleetmon.model.days import DAY
from fleetmon.model.episode import Episode
from fleetmon.model.events import DeviceEvent, Heartbeat, Transaction
from fleetmon.model.terminal import NO_DEADLINE, Liveness, Terminal

_SAMPLED: Final = 17  # of so many heartbeats one is, and a prime, so also of those that are numbered 1, 3, 5
_PAUSE: Final = 450_000  # between the usual intervals of five and of ten minutes
_UNCONFIRMED: Final = 5  # intervals after which a sign begins anew
_LOOP_WITHIN: Final = 3_600_000
_MINUTE, _FEW = 60_000, 5  # clocks wrong by the same minutes: of fewer terminals nothing follows
_ONE_CRASH: Final = 120_000  # what is told of it by several messages
_CRASHES, _BOOTS = 3, 5  # that make a loop
_UPDATED: Final = 2 * DAY  # a fault of an update shows by then
_WORKED_ON: Final = "maintenance_status"  # who says so is not expected to take payments
OF_SALES: Final = ("failing", "quiet", "keys_refused", "garbled", "cannot_pay")  # that a sale ends


class Spell(Struct, gc=False):
    """A sign is shown since then, and was last, and how bad it was."""

    since: int
    last: int
    worst: float


class Chart(Struct, gc=False):
    """What is remembered of one unusual terminal."""

    spells: dict[str, Spell] = {}
    lasting: dict[str, float] = {}
    offsets: tuple[int, ...] = ()  # by how many ms its last heartbeats were dated off
    restarts: tuple[tuple[int, bool], ...] = ()  # when, and whether it was a crash
    charging: tuple[float, int] | None = None  # the charge with which it came to its charger, and when

    def __bool__(self) -> bool:
        return bool(self.spells or self.lasting or self.offsets or self.restarts or self.charging)


class Symptoms(NamedTuple):
    """What a heartbeat showed of what incidents follow from, and since when every one before it did."""

    at: int
    terminal: Terminal
    signs: Mapping[str, int]
    faulty: frozenset[str]  # the kinds of which the terminal itself said by an event that it is so


class Checkup:
    """The charts. Times in ms, by arrival."""

    def __init__(
        self,
        fleet: Fleet,
        heard_since: Callable[[], int],
        faulty: Callable[[str], frozenset[str]],
        tell: Callable[[Symptoms], None],
    ) -> None:
        """`faulty` knows what a terminal said by events; `tell` hears of what incidents may follow from."""
        self._fleet = fleet
        self.timeline = Timeline({})
        self.trade = Trade(fleet, heard_since)
        self.charts: dict[str, Chart] = {}
        self.not_paying: dict[str, Reason] = {}
        self._faulty = faulty
        self._tell_of = tell
        self._wear = Wear()
        self._watched: set[str] = set()  # terminals with open incidents, for only a look tells when they are over
        self._crashed: dict[str, int] = {}  # crashes counted by the terminals that had any
        self._off: dict[str, int] = {}  # by how many minutes the clocks of terminals that are up are wrong,
        self._alike = Counter[int]()  # and how many of them by as much

    # -- heartbeats --------------------------------------------------------------------------------

    def beat(self, terminal: Terminal, beat: Heartbeat, now: int, before: int) -> None:
        """Look at a heartbeat; `before` is when the one before it came."""
        if terminal.id in self.charts or remarkable(beat, now):
            self._look(terminal, beat, now)
        elif not (beat.seq % _SAMPLED and now - before < _PAUSE) and (terminal.usage or may_wear(beat)):
            self._sample(terminal, beat, now)
            if terminal.id in self.charts:
                self._look(terminal, beat, now)

    def _look(self, terminal: Terminal, beat: Heartbeat, now: int) -> None:
        timeline = self.timeline
        shown = signs(beat, now, timeline.places.get(terminal.site))
        self._count_crashes(terminal, beat, now)
        chart = self.charts.get(terminal.id)
        if chart is None:
            if not shown:
                return
            chart = self.charts[terminal.id] = Chart()
        if terminal.usage or may_wear(beat):
            self._sample(terminal, beat, now)
        self._weigh(terminal.id, chart, beat, now)
        shown |= chart.lasting
        timeline.show(terminal.id, shown, now)
        self._spell(terminal, chart, shown, now)
        self._judge(terminal, chart, now)
        found = {sign: spell.since for sign, spell in chart.spells.items() if sign in OF_SIGN}
        watched = terminal.id in self._watched
        if found or watched:
            self._tell_of(Symptoms(now, terminal, found, self._faulty(terminal.id)))
        if not chart and not watched:
            del self.charts[terminal.id]

    def _sample(self, terminal: Terminal, beat: Heartbeat, now: int) -> None:
        """What only now and then has to be looked at."""
        if terminal.usage and (missed := self.trade.missed(terminal, now)):
            self._sales(terminal, {"quiet": missed}, now)
        if (beat.counters is not None or beat.power is not None) and self._wear.is_due(terminal, now):
            found = self._wear.look(terminal, beat, now)
            for sign in found.well:
                self.lift(terminal.id, sign)
            if found.worn:
                self.chart(terminal.id).lasting.update(found.worn)
            if found.sinking is not None:
                self.chart(terminal.id).charging = found.sinking, now

    def _weigh(self, key: str, chart: Chart, beat: Heartbeat, now: int) -> None:
        """What the course of heartbeats shows: clock, charger, restarts."""
        self._clock(key, chart, now - beat.at)
        if chart.charging is not None:
            chart.charging = self._wear.charge(chart.charging, chart.lasting, beat.power, now)
        if chart.restarts:
            chart.restarts = _lately(chart.restarts, now)
        if not chart.restarts:
            chart.lasting.pop("looping", None)

    def _clock(self, key: str, chart: Chart, late: int) -> None:
        self._compare(key, late)
        if not chart.offsets or self._is_ours(late):
            if abs(late) < SKEWED_MS:
                return
            chart.offsets = (0,) * (RECENT - 1)  # the heartbeats before showed nothing
        chart.offsets = (*chart.offsets[1 - RECENT :], late)
        wrong = error(chart.offsets)
        if abs(wrong) >= SKEWED_MS:
            chart.lasting["wrong_clock"] = -wrong / 1000
        else:
            chart.lasting.pop("wrong_clock", None)
            if all(abs(one) < SKEWED_MS for one in chart.offsets):
                chart.offsets = ()

    def _compare(self, key: str, late: int | None) -> None:
        """Note by how much a clock is wrong, beside the others; None of one that is not heard any longer."""
        if (before := self._off.pop(key, None)) is not None:
            self._alike[before] -= 1
            if not self._alike[before]:
                del self._alike[before]  # a stopped clock is wrong by another minute each minute
        if late is not None and abs(late) >= SKEWED_MS:
            self._off[key] = minutes = late // _MINUTE
            self._alike[minutes] += 1

    def _is_ours(self, late: int) -> bool:
        """Whether most of the fleet would be wrong by as much: then our own clock is."""
        return abs(late) >= SKEWED_MS and self._is_of_most(late // _MINUTE)

    def _is_of_most(self, minutes: int) -> bool:
        alike = self._about(minutes)
        return alike >= _FEW and 2 * alike > self._fleet.census.beating.total()

    def _about(self, minutes: int) -> int:
        """How many clocks are wrong by about as much."""
        return sum(self._alike[near] for near in (minutes - 1, minutes, minutes + 1))

    @property
    def ahead_ms(self) -> int:
        """By how much our clock is ahead of most of the fleet's, in minutes; 0 while most do not contradict it."""
        if 2 * len(self._off) <= self._fleet.census.beating.total():
            return 0
        minutes = max(self._alike, key=lambda one: (self._about(one), self._alike[one], one), default=0)
        return minutes * _MINUTE if self._is_of_most(minutes) else 0

    def _spell(self, terminal: Terminal, chart: Chart, shown: Mapping[str, float], now: int) -> None:
        """Go on counting how long each sign has lasted, and only while it means something."""
        unconfirmed = _UNCONFIRMED * terminal.interval_ms
        spells = chart.spells
        for sign in [sign for sign in spells if sign not in shown]:
            del spells[sign]
        for sign, worst in shown.items():
            spell, detector = spells.get(sign), OF_SIGN.get(sign)
            if spell is None:
                spells[sign] = Spell(now, now, worst)
                continue
            means = detector is None or (
                detector.beside.isdisjoint(shown) and not (detector.in_hours and not self.trade.is_open(terminal, now))
            )
            if not means or (now - spell.last > unconfirmed and sign not in LASTING):
                spell.since = now
            spell.last, spell.worst = now, worst

    def _judge(self, terminal: Terminal, chart: Chart, now: int) -> None:
        """Whether it is alive and cannot pay."""
        why = None
        if chart.spells and _WORKED_ON not in chart.spells and self.trade.is_open(terminal, now):
            since = {sign: spell.since for sign, spell in chart.spells.items()}
            why = reason(since, sold_at(terminal.usage) if terminal.usage else 0, now)
        self._tell(terminal.id, why, now)

    def _tell(self, key: str, why: Reason | None, now: int) -> None:
        was, subject = self.not_paying.get(key), f"terminal/{key}"
        if was == why:
            return
        if was is not None:
            self.timeline.end(subject, "not_paying", now, was)
            del self.not_paying[key]
        if why is not None:
            self.timeline.begin(subject, "not_paying", now, f"{subject}/heartbeat", code=why)
            self.not_paying[key] = why

    # -- other messages ----------------------------------------------------------------------------

    def _count_crashes(self, terminal: Terminal, beat: Heartbeat, now: int) -> None:
        """The counter counts since the application began; only its steps are news."""
        if beat.counters is None:
            return
        count, before = beat.counters.app_crashes or 0, self._crashed.get(terminal.id)
        more = count if before is None or count < before else count - before
        if more and before is not None:
            subject = f"terminal/{terminal.id}"
            self.timeline.instant(subject, "crashed", now, f"{subject}/heartbeat", count=more)
            self.restarted(terminal.id, now, crash=True)
        if count or before is not None:
            self._crashed[terminal.id] = count

    def restarted(self, key: str, now: int, *, crash: bool) -> None:
        """The application crashed, or the terminal began anew without a farewell."""
        chart = self.chart(key)
        before = _lately(chart.restarts, now)[-_BOOTS:]
        if before and now - before[-1][0] < _ONE_CRASH:
            before, last = before[:-1], before[-1]
            chart.restarts = (*before, (last[0], last[1] or crash))
        else:
            chart.restarts = (*before, (now, crash))
        count = len(chart.restarts)
        if count >= _BOOTS or (count >= _CRASHES and any(crash for _, crash in chart.restarts)):
            chart.lasting["looping"] = float(count)

    def device(self, terminal: Terminal, event: DeviceEvent, now: int) -> None:
        """A device event; what happened once to the software was a crash."""
        if event.component == "software" and event.action == "oneshot" and event.severity != "info":
            self.restarted(terminal.id, now, crash=True)

    def sale(self, terminal: Terminal, told: Transaction, now: int) -> None:
        """A stage of a transaction."""
        found = self.trade.take(terminal, told, now)
        if found:
            self._sales(terminal, found, now)
        elif found is not None and terminal.id in self.charts:
            for sign in OF_SALES:
                self.lift(terminal.id, sign)

    def _sales(self, terminal: Terminal, found: Mapping[str, float], now: int) -> None:
        lasting = dict(found)
        if not self._is_updated(terminal, now):
            lasting.pop("cannot_pay", None)
        elif "quiet" in found:
            lasting["cannot_pay"] = found["quiet"]
        if lasting:
            self.chart(terminal.id).lasting.update(lasting)

    def _is_updated(self, terminal: Terminal, now: int) -> bool:
        """Whether it got other software lately, and has not sold since, though it did before."""
        told = self.timeline.of(f"terminal/{terminal.id}", now - _UPDATED, now)
        sold = sold_at(terminal.usage) if terminal.usage else 0
        return bool(sold) and any(one.kind == "updated" and one.begin > sold for one in told)

    def gone(self, key: str, after: Liveness, now: int) -> None:
        """Who is not alive is not said to be."""
        if after in (Liveness.DOWN, Liveness.ASLEEP):
            self._compare(key, None)
            if key in self.not_paying:
                self._tell(key, None, now)

    def replaced(self, terminal: Terminal, now: int) -> None:
        """Another device is in its place: what the old one showed is gone with it."""
        self.trade.renew(terminal)
        self._crashed.pop(terminal.id, None)
        self._compare(terminal.id, None)
        if self.charts.pop(terminal.id, None) is not None:
            self.timeline.show(terminal.id, {}, now)
            self._tell(terminal.id, None, now)

    # -- what others know --------------------------------------------------------------------------

    def chart(self, key: str) -> Chart:
        """The terminal's chart, begun if there is none; its next heartbeats will be looked at."""
        found = self.charts.get(key)
        if found is None:
            found = self.charts[key] = Chart()
        return found

    def lift(self, key: str, sign: str) -> None:
        """A sign of many heartbeats or sales is over."""
        if (chart := self.charts.get(key)) is not None:
            chart.lasting.pop(sign, None)

    def watch(self, key: str) -> None:
        """It has an open incident."""
        self._watched.add(key)
        self.chart(key)

    def leave(self, key: str) -> None:
        """It has none any longer."""
        self._watched.discard(key)

    def shows(self, key: str, signs_: Mapping[str, int]) -> bool:
        """Whether its last heartbeat showed any of these signs."""
        chart = self.charts.get(key)
        return chart is not None and not chart.spells.keys().isdisjoint(signs_)

    def worst(self, key: str, sign: str) -> float:
        """How bad a sign is by the last heartbeat; 0 where it is not shown."""
        chart = self.charts.get(key)
        spell = chart.spells.get(sign) if chart is not None else None
        return spell.worst if spell is not None else 0.0

    def recall(self, episode: Episode, last_seen: int) -> None:
        """Know again what a terminal shows, by an episode that goes on; it was last heard at `last_seen`."""
        key, kind = episode.topic.split("/")[1], episode.kind
        if episode.end != NO_DEADLINE:
            return
        if kind == "not_paying":
            self.not_paying[key] = episode.code  # type: ignore[assignment] # it was written by `_tell`
            self.chart(key)
        elif kind in LASTING:
            chart = self.chart(key)
            chart.lasting[kind] = episode.worst
            chart.spells[kind] = Spell(episode.begin, last_seen, episode.worst)
            if kind == "wrong_clock":
                chart.offsets = (-round(episode.worst * 1000),) * RECENT
            elif kind == "looping":  # for an hour from when it was last heard, as if that were the last time
                chart.restarts = ((last_seen, True),)
        elif kind in SIGNS:
            self.chart(key).spells[kind] = Spell(episode.begin, last_seen, episode.worst)


def _lately(restarts: tuple[tuple[int, bool], ...], now: int) -> tuple[tuple[int, bool], ...]:
    return tuple(one for one in restarts if one[0] > now - _LOOP_WITHIN)
