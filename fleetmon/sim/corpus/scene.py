"""When a recording takes place: its days, the moment it ends, and which days banks work meanwhile."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from fleetmon.model.registry import Calendar
from fleetmon.sim.chance import Chance
from fleetmon.sim.corpus.dates import PUBLISHED_TO, Week, days_between, moment

_KINDS: Final = {"week": 5, "rest": 3, "after_rest": 4, "make_up": 2, "holiday": 3, "turn": 1, "beyond": 2}
_MAKE_UP: Final = (date(2026, 2, 14), date(2026, 2, 28), date(2026, 5, 9), date(2026, 9, 20), date(2026, 10, 10))
_HOLIDAYS: Final = (
    date(2026, 1, 2), date(2026, 2, 16), date(2026, 4, 5), date(2026, 5, 2), date(2026, 6, 20), date(2026, 9, 25),
    date(2026, 9, 26), date(2026, 10, 2), date(2026, 10, 3),
)  # fmt: skip
_ENDS_S: Final = (  # the time of day of the end, and how often
    ((39_600, 45_000), 1),  # before most payouts
    ((52_000, 61_000), 2),
    ((65_100, 66_400), 2),  # within the grace of most
    ((68_500, 82_500), 7),
    ((83_400, 85_800), 1),  # after the cut-off
)


@dataclass(frozen=True)
class Scene:
    """The stage: whole days from `days[0]` 06:00 to `until`."""

    days: tuple[date, ...]
    start: int
    until: int
    week: Week
    calendar: Calendar

    @property
    def today(self) -> date:
        """The day on which the recording ends."""
        return self.days[-1]


def scene(chance: Chance) -> Scene:
    """Draw one: ordinary weeks, weekends, make-up days, holidays, the turn of the year and beyond."""
    last = _last_day(chance, chance.choices(list(_KINDS), list(_KINDS.values()))[0])
    days = tuple(days_between(last - timedelta(days=chance.choice((3, 3, 4))), last))
    calendar = _calendar(chance, days)
    week = Week(
        [date.fromisoformat(day) for day in calendar.closed],
        [date.fromisoformat(day) for day in calendar.open],
        date.fromisoformat(calendar.known_to) if calendar.known_to else None,
    )
    span = chance.choices([span for span, _ in _ENDS_S], [weight for _, weight in _ENDS_S])[0]
    until = moment(last, chance.randint(*span))
    return Scene(days, moment(days[0], 6 * 3600), until, week, calendar)


def _last_day(chance: Chance, kind: str) -> date:
    if kind == "make_up":
        return chance.choice(_MAKE_UP) + timedelta(days=chance.choice((-1, 0, 0, 1, 1)))
    if kind == "holiday":
        return chance.choice(_HOLIDAYS)
    if kind == "turn":
        return date(2026, 12, 30) + timedelta(days=chance.randint(0, 5))
    if kind == "beyond":
        return date(2027, 1, 8) + timedelta(days=chance.randint(0, 300))
    plain = Week()
    while True:
        day = date(2026, 1, 6) + timedelta(days=chance.randint(0, 345))
        worked = [plain.works(day - timedelta(days=back)) for back in range(4)]
        fits = {"week": all(worked), "rest": not worked[0] and any(worked), "after_rest": worked[0] and not worked[1]}
        if fits[kind]:
            return day


def _calendar(chance: Chance, days: tuple[date, ...]) -> Calendar:
    """What the operator adds to the public calendar: a local day off, or what is known beyond its end."""
    if days[-1] + timedelta(days=12) <= PUBLISHED_TO:
        if chance.random() < 0.15:
            return Calendar(closed=[chance.choice(days[1:]).isoformat()])
        return Calendar()
    if chance.random() < 0.5:
        return Calendar()
    off = chance.choice(days)
    made_up = next(day for day in days_between(off + timedelta(days=3), off + timedelta(days=12)) if day.weekday() == 5)
    closed = {date(2027, 1, 1), off, off + timedelta(days=1)}
    return Calendar(closed=sorted(map(str, closed)), open=[made_up.isoformat()], known_to="2027-12-31")
