"""Windows: what covers a terminal is the union of all that name it, however and in whatever order they came."""

from collections import Counter
from typing import Final

from hypothesis import given
from hypothesis import strategies as st

from fleetmon.engine.fleet import Fleet
from fleetmon.engine.work.coverage import Coverage, Covered
from fleetmon.engine.work.notices import Notices
from fleetmon.engine.work.visits import Visits
from fleetmon.engine.work.windows import Windows, candidates
from fleetmon.model.events import MaintenanceMark, Notice, Selector
from fleetmon.model.registry import Registry, Terminal
from fleetmon.model.terminal import NO_DEADLINE
from fleetmon.model.window import Occurrence, Window

SETTLE: Final = 5
FLEET: Final = Fleet(
    Registry(
        terminals=[
            Terminal(f"t{number}", site=f"s{number % 3}", provider=f"p{number % 2}", carrier="c", merchant=f"m{number}")
            for number in range(6)
        ]
    )
)
SELECTORS: Final[list[Selector]] = [
    {}, {"provider": "p1"}, {"site": ["s0", "s1"]}, {"terminal": "t1"}, {"provider": "p0", "site": "s0"},
    {"merchant": ["m1", "m2"]}, {"carrier": "nobody"},
]  # fmt: skip
SPANS = st.tuples(st.integers(0, 60), st.integers(1, 30)).map(lambda one: Occurrence(one[0], one[0] + one[1]))
WINDOWS = st.lists(
    st.builds(
        Window,
        id=st.sampled_from([f"window:operator:{number}" for number in range(5)]),
        owner=st.just("o"),
        provenance=st.just("operator"),
        occurrences=st.lists(SPANS, max_size=3).map(lambda spans: tuple(sorted(spans))),
        selector=st.sampled_from(SELECTORS),
        settle_ms=st.just(SETTLE),
    ),
    max_size=6,
    unique_by=lambda window: window.id,
)


def table(windows: list[Window]) -> Windows:
    made = Windows()
    for window in windows:
        made.put(window)
    return made


@given(WINDOWS, st.sampled_from(sorted(FLEET.terminals)), st.integers(0, 100))
def test_a_cover_is_the_union_by_brute_force(windows: list[Window], key: str, at: int) -> None:
    terminal = FLEET.terminals[key]
    spans = [span for one in windows if one.covers(terminal) for span in one.occurrences]
    cover = table(windows).cover(terminal, at)
    inside = [span for span in spans if span.start <= at < span.end]
    assert (cover is not None) == bool(inside)
    if cover is not None:
        # In halves, so that what only begins one later is not together with it.
        busy = {half for span in spans for half in range(2 * span.start, 2 * (span.end + SETTLE) + 1)}
        assert cover.until * 2 == next(half for half in range(2 * at, 400) if half not in busy) - 1
        assert cover.start * 2 == next(half for half in range(2 * at, -2, -1) if half not in busy) + 1
        assert cover.end == cover.until - SETTLE


@given(st.data(), WINDOWS, st.integers(0, 100))
def test_the_order_in_which_windows_come_does_not_matter(data: st.DataObject, windows: list[Window], at: int) -> None:
    other = table([*data.draw(st.permutations(windows)), *windows])
    for terminal in FLEET.terminals.values():
        assert other.cover(terminal, at) == table(windows).cover(terminal, at)


@given(WINDOWS, st.integers(0, 100))
def test_who_is_counted_is_who_is_covered(windows: list[Window], at: int) -> None:
    made = table(windows)
    covered = [one for one in FLEET.terminals.values() if made.cover(one, at)]
    found = Covered(FLEET, made.in_force(at))
    assert [one for one in FLEET.terminals.values() if one in found] == covered
    assert found.counts == Counter((one.cohort, one.liveness) for one in covered)
    for window in windows:
        named = {one.id for one in candidates(FLEET, window)}
        assert named.issuperset(one.id for one in FLEET.terminals.values() if window.covers(one))


@given(WINDOWS, st.lists(st.tuples(st.integers(0, 5), WINDOWS), max_size=6))
def test_what_is_remembered_of_whom_windows_cover_is_never_old(
    windows: list[Window], later: list[tuple[int, list[Window]]]
) -> None:
    made, now = table(windows), 0
    coverage = Coverage(FLEET, made)
    for pause, more in later:
        now += pause
        for window in more:
            made.put(window)
        found = coverage.at(now)
        assert {one.id for one in FLEET.terminals.values() if one in found} == {
            one.id for one in FLEET.terminals.values() if made.cover(one, now)
        }


@given(WINDOWS, st.integers(0, 100))
def test_where_it_stands_and_what_comes_next_is_what_all_its_times_say(windows: list[Window], at: int) -> None:
    made = table(windows)
    for window in windows:
        inside = [span for span in window.occurrences if span.start <= at < span.end]
        coming = [span for span in window.occurrences if span.start > at]
        assert made.state(window, at) == ("active" if inside else "scheduled" if coming else "ended")
        edges = [edge for span in window.occurrences for edge in span if edge > at]
        next_edge = made.edge(window, at)
        assert next_edge == min(edges, default=NO_DEADLINE)


@given(WINDOWS)
def test_what_is_dropped_leaves_nothing(windows: list[Window]) -> None:
    made = table(windows)
    for window in windows:
        made.drop(window.id)
    made.drop("window:operator:nobody")
    assert not list(made)
    assert not made._under


WORDS = st.lists(
    st.builds(
        Notice,
        at=st.integers(0, 50),
        id=st.just("n"),
        event=st.sampled_from(["scheduled", "changed", "cancelled", "started", "ended"]),
        starts_at=st.integers(0, 50),
        ends_at=st.integers(0, 50),
    ),
    min_size=1,
    max_size=6,
)


@given(st.data(), WORDS)
def test_a_notice_is_made_of_all_its_words_in_any_order_and_number(data: st.DataObject, words: list[Notice]) -> None:
    first, other = Notices(), Notices()
    found = [first.note("h", word) for word in words][-1]
    again = [other.note("h", word) for word in data.draw(st.permutations(words * 2))][-1]
    assert found == again
    assert all(span.start < span.end for span in found.occurrences)


MARKS = st.lists(
    st.tuples(st.integers(0, 50), st.sampled_from(["begin", "end"]), st.sampled_from([None, 20, 60])),
    min_size=1,
    max_size=8,
)


@given(st.data(), MARKS)
def test_visits_are_made_of_all_marks_in_any_order(
    data: st.DataObject, marks: list[tuple[int, str, int | None]]
) -> None:
    said = [
        MaintenanceMark(at=at, boot=1, seq=seq, event="begin" if event == "begin" else "end", until=until)
        for seq, (at, event, until) in enumerate(marks)
    ]
    first, other = Visits(), Visits()
    for mark in said:
        first.mark("t0", mark, mark.at, 0)
    for mark in data.draw(st.permutations(said * 2)):
        other.mark("t0", mark, mark.at, 0)
    terminal = FLEET.terminals["t0"]
    assert first.of("t0") == other.of("t0")
    assert first.windows(terminal) == other.windows(terminal)
    assert all(one.occurrences[0].start < one.occurrences[0].end for one in first.windows(terminal))
