"""Whatever happens to incidents and receivers in whatever order: each word once, nobody called in vain, no end lost."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from fleetmon.model.incident import Acknowledgement, Incident, Status, Transition
from fleetmon.model.notice import PAGE, RESOLVED, TICKET, Notice
from fleetmon.sinks.notices import Due, RouteSettings, notices
from fleetmon.sinks.route import Pace

STEPS = ("explain", "free", "ack", "unack", "call", "look", "fail", "repeat")
SEEN_TO = Acknowledgement("wang", 1, 2, "", "warning", 1, paged=True)


class World:
    """One incident as the engine moves it, the store of one route, and what its receiver was told."""

    def __init__(self, route: RouteSettings, *, pages: bool) -> None:
        self.route = route
        self.now = 10
        self.incident = Incident("i-1", "tamper", (), "critical", pages, 10)
        self.changes: list[Transition] = []
        self.rows: dict[str, Notice] = {}
        self.struck: set[str] = set()
        self.told: list[tuple[str, bool]] = []  # the word, and whether somebody saw to it, or another explained it

    def record(self, before: Status | None, *, calls: bool = False) -> None:
        self.changes.append(Transition(self.now, before, replace(self.incident), "", calls))
        self.keep(self.changes[-1:])

    def keep(self, changes: list[Transition]) -> None:
        """As the store does it: what is known is left out, and an end without a beginning."""
        for one in notices(self.route, changes, lambda _: True):
            if one.word != RESOLVED or self.rows:
                self.rows.setdefault(one.word, one)

    def fire(self) -> None:
        self.incident.status, self.incident.fired_at = Status.FIRING, self.now
        called = self.incident.pages and self.incident.suppressed_by is None
        self.incident.paged_at = self.now if called else None
        self.record(Status.PENDING, calls=called)

    def resolve(self) -> None:
        self.incident.status, self.incident.resolved_at = Status.RESOLVED, self.now
        self.record(Status.FIRING, calls=self.incident.paged_at is not None)

    def explain(self) -> None:
        self.incident.suppressed_by = "other"
        self.record(Status.FIRING)

    def free(self) -> None:
        if self.incident.suppressed_by is not None:
            self.incident.suppressed_by = None
            self.call()

    def call(self) -> None:
        """What was a ticket, or was explained, pages now."""
        called = self.incident.pages and self.incident.paged_at is None and self.incident.suppressed_by is None
        self.incident.paged_at = self.now if called else self.incident.paged_at
        self.record(Status.FIRING, calls=called)

    def ack(self) -> None:
        self.incident.acknowledgement = SEEN_TO
        self.record(Status.FIRING)

    def unack(self) -> None:
        if self.incident.acknowledgement is not None:
            self.incident.acknowledgement = None
            called = self.incident.suppressed_by is None and self.incident.paged_at is not None
            self.incident.called_again_at = self.now if called else self.incident.called_again_at
            self.record(Status.FIRING, calls=called)

    def repeat(self) -> None:
        """A restart reads facts again and finds the same changes again."""
        self.keep(self.changes)

    def look(self, *, fail: bool = False) -> None:
        untold = [one for word, one in self.rows.items() if word not in self.struck]
        due = Due.of(untold, lambda _: self.incident, resolved=self.route.resolved)
        self.struck |= {one.word for one in due.over}
        for words in due.send if not fail else ():
            quiet = self.incident.acknowledgement is not None or self.incident.suppressed_by is not None
            self.told.append((words[-1].word, quiet))
            self.struck |= {one.word for one in words}

    def fail(self) -> None:
        self.look(fail=True)

    @property
    def untold(self) -> set[str]:
        return set(self.rows) - self.struck


@given(
    st.lists(st.sampled_from(STEPS), max_size=12), st.booleans(), st.booleans(), st.booleans(),
    st.sampled_from(["pages", "all", "none"]), st.booleans(),
)  # fmt: skip
def test_each_word_is_told_once_and_the_end_after_the_beginning(
    steps: list[str], pages: bool, resolved: bool, born_explained: bool, incidents: Any, away: bool
) -> None:
    world = World(RouteSettings("r", incidents=incidents, resolved=resolved), pages=pages)
    world.incident.suppressed_by = "other" if born_explained else None
    world.fire()
    for step in steps:
        world.now += 1
        getattr(world, step)()
    calm = world.incident.acknowledgement is None and world.incident.suppressed_by is None
    world.now += 1
    world.look(fail=away)
    before_the_end = list(world.told)
    if calm and not away:
        assert not world.untold, "nothing waits for ever"
        if incidents != "none" and world.incident.paged_at is not None:
            assert before_the_end, "who was to be called was called"
    world.now += 1
    world.resolve()
    for fail in (away, away, False, False):
        world.look(fail=fail)
        world.repeat()
    words = [word for word, _ in world.told]
    assert len(words) == len(set(words)), "no word twice"
    assert not world.untold
    assert not [word for word, quiet in world.told if quiet and word != RESOLVED], "called in vain"
    assert RESOLVED not in words[:-1], "the end comes last"
    if before_the_end:
        assert (RESOLVED in words) == resolved
    if calm and incidents != "none" and world.incident.paged_at is not None:
        assert words, "whoever could not be called hears that it is over"
    if incidents == "none":
        assert not words
    if incidents == "pages":
        assert TICKET not in words
    assert words.count(PAGE) <= 1


@given(st.integers(1, 5), st.lists(st.integers(0, 30), max_size=60))
def test_no_minute_ever_has_more_than_its_messages(most: int, waits: list[int]) -> None:
    pace, now, sent = Pace(most), 0.0, list[float]()
    for wait in waits:
        now += wait
        now += pace.wait(now)
        if pace.room(now) > 0:
            pace.note(now)
            sent.append(now)
    assert all(later - first >= 60 for first, later in zip(sent, sent[most:], strict=False))
    assert len(sent) == len(waits)
