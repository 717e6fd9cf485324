"""Whatever hosts tell of themselves, at odds with itself or not, is understood, and so is what is read back of it."""

import sys

from hypothesis import given
from hypothesis import strategies as st

from fleetmon.engine.hosts.words import Words
from fleetmon.model.events import HostHealth

CODES = st.sampled_from(["00", "05", "51", "68", "90", "91", "96", "Q7", "Y1"])
COUNTS = st.integers(0, 10**12) | st.integers(0, 50)
REPORTS = st.builds(
    HostHealth,
    at=st.integers(0, 10**13),
    window_s=st.floats(0, 1e12) | st.just(60.0),
    requests=COUNTS,
    codes=st.dictionaries(CODES, COUNTS, max_size=4),
    p95_ms=st.none() | st.floats(0, sys.float_info.max),
    signed_on=st.none() | st.booleans(),
    cutover=st.sampled_from([None, "start", "end"]),
)


@given(st.lists(REPORTS, max_size=20), st.lists(REPORTS, max_size=20))
def test_every_report_is_understood_in_any_order(past: list[HostHealth], now: list[HostHealth]) -> None:
    words = Words(lambda _host, _at: False)
    words.registered = {"A"}
    for number, report in enumerate(past):
        words.recall("A", report, 60_000 * number)
    for number, report in enumerate(now):
        word = words.note("A", report, 60_000 * (number + 100))
        if word is not None:
            assert word.said.fails == bool(word.sign)
            assert not (word.said.fails and word.said.works and word.health.signed_on is False)
            assert words.newest("A") is word


@given(st.lists(st.integers(1, 10**6), min_size=6, max_size=40))
def test_answers_that_take_longer_than_anything_are_only_slow(pauses: list[int]) -> None:
    words, at = Words(lambda _host, _at: False), 0
    for pause in pauses:
        at += pause
        report = HostHealth(at, window_s=60, requests=10, codes={"00": 10}, p95_ms=sys.float_info.max)
        word = words.note("A", report, at)
        assert word is not None
