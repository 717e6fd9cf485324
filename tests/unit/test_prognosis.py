"""Who will fail within a week, by what such codes were followed by."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetmon.detect.prognosis import Cases, Codes, History, Reason, foresee, learn
from fleetmon.engine.terminal.histories import history
from fleetmon.engine.timeline import Timeline
from fleetmon.model.days import DAY
from fleetmon.model.events import DeviceEvent, State

HOUR = 3_600_000
NOW = 100 * DAY


def told(*codes: tuple[float, str], failures: tuple[tuple[float, float], ...] = ()) -> History:
    """Codes and failures by days before now."""
    return History(
        sorted((NOW - round(ago * DAY), code) for ago, code in codes),
        sorted((NOW - round(begin * DAY), NOW - round(end * DAY)) for begin, end in failures),
    )


def probability(one: History, rates: dict[Codes, Cases] | None = None) -> float | None:
    found = foresee(one, rates or {}, NOW)
    return found.probability if found else None


def test_what_nobody_has_seen_yet_is_believed_as_others_saw_it() -> None:
    assert probability(told()) is None
    assert probability(told((0, "a"))) == 0.27
    assert probability(told((0, "a"), (0.2, "a"))) == 0.27, "twice the same is one"
    assert probability(told((0, "a"), (0.2, "b"))) == 0.79
    assert probability(told((0, "a"), (0.2, "b"), (0.3, "c"))) == 0.85
    assert probability(told((0, "a"), (1.5, "b"))) == 0.27, "not of the same day"


def test_the_longer_ago_the_less_likely_and_after_a_week_not_at_all() -> None:
    found = [probability(told((ago, "a"), (ago, "b"))) or 0.0 for ago in (0, 1, 3, 6.9)]
    assert found == sorted(found, reverse=True)
    assert found[-1] < 0.05
    assert probability(told((8, "a"), (8, "b"))) is None


def test_what_followed_in_this_fleet_counts_more_and_more() -> None:
    rates: dict[Codes, Cases] = {}
    harmless = told((20, "a"), (17, "a"), (14, "a"), (11, "a"))
    fatal = told((20, "b"), failures=((18, 17.9),))
    for _ in range(25):
        learn(harmless, NOW, rates)
        learn(fatal, NOW, rates)
    assert rates == {Codes("a"): Cases(100, 0), Codes("b"): Cases(25, 25)}
    assert probability(told((0, "a")), rates) == pytest.approx(0.025, abs=0.001)
    assert probability(told((0, "b")), rates) == pytest.approx(0.791, abs=0.001)


def test_of_the_last_week_nobody_knows_yet_what_follows() -> None:
    rates: dict[Codes, Cases] = {}
    learn(told((6, "a"), (3, "a")), NOW, rates)
    assert rates == {}


def test_a_repair_does_away_with_what_was_told_before() -> None:
    assert probability(told((2, "a"), (1.9, "b"), failures=((1.5, 1.0),))) is None
    assert probability(told((2, "a"), (0, "b"), failures=((1.5, 1.0),))) == 0.27


def test_who_is_broken_is_due_whatever_it_says() -> None:
    found = foresee(told((2, "a"), failures=((1.0, -5.0),)), {}, NOW)
    assert found is not None
    assert (found.probability, found.failed_at) == (1.0, NOW - DAY)
    assert found.reasons == (Reason("a", 1, NOW - 2 * DAY),)
    assert foresee(told(failures=((1.0, -5.0),)), {}, NOW) is not None


@given(
    st.lists(st.tuples(st.floats(0, 20), st.sampled_from("abcd")), max_size=30),
    st.lists(st.tuples(st.floats(0, 20), st.floats(0, 20)).map(lambda one: (max(one), min(one))), max_size=4),
)
def test_whatever_was_told_the_answer_is_a_probability_with_its_reasons(
    codes: list[tuple[float, str]], failures: list[Any]
) -> None:
    one = told(*codes, failures=tuple(failures))
    rates: dict[Codes, Cases] = {}
    learn(one, NOW, rates)
    assert all(0 <= failed <= told for told, failed in rates.values())
    found = foresee(one, rates, NOW)
    if found is not None:
        assert 0 <= found.probability <= 1
        assert found.reasons or found.failed_at is not None
        assert all(reason.times > 0 and reason.last_at <= NOW for reason in found.reasons)


# -- from the timeline -----------------------------------------------------------------------------


def timeline(*words: tuple[float, str, str, str]) -> Timeline:
    """Device events by hours before now: component, code, action."""
    made = Timeline({})
    for seq, (ago, component, code, action) in enumerate(sorted(words, reverse=True)):
        at = NOW - round(ago * HOUR)
        made.device("t", DeviceEvent(at, 1, seq, component, code, action), at)  # type: ignore[arg-type]
    return made


def test_what_lasts_for_hours_has_failed_and_what_passes_is_a_code() -> None:
    made = timeline(
        (30, "reader", "Jam", "set"), (29, "reader", "Jam", "clear"),
        (20, "reader", "Dead", "set"), (10, "reader", "Dead", "clear"),
        (5, "ped", "KeyStuck", "oneshot"), (4, "printer", "NoPaper", "set"), (3, "battery", "BatteryLow", "set"),
    )  # fmt: skip
    found = history(made, "t", NOW)
    assert [code for _, code in found.codes] == ["reader/Jam", "ped/KeyStuck"]
    assert found.failures == [(NOW - 20 * HOUR, NOW - 10 * HOUR)]


def test_another_device_and_a_security_lock_are_failures() -> None:
    made = timeline((3, "security", "Tamper", "oneshot"))
    for serial in ("A", "B"):
        made.state("t", State(at=0, state="online", boot=1, session=serial, serial=serial), NOW - HOUR)
    assert [begin for begin, _ in history(made, "t", NOW).failures] == [NOW - 3 * HOUR, NOW - HOUR]


def test_a_sign_is_a_code_for_each_day_unless_the_terminal_named_the_part() -> None:
    made = Timeline({})
    made.begin("terminal/t", "worn_reader", NOW - 50 * HOUR, "terminal/t/heartbeat", 12.0)
    assert [NOW - at for at, _ in history(made, "t", NOW).codes] == [50 * HOUR, 26 * HOUR, 2 * HOUR]
    made = timeline((40, "reader", "Jam", "oneshot"))
    made.begin("terminal/t", "worn_reader", NOW - 50 * HOUR, "terminal/t/heartbeat", 12.0)
    assert [code for _, code in history(made, "t", NOW).codes] == ["reader/Jam"]
