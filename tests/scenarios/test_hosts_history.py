"""A host is judged by its own habits: what always fails is no outage, and what was learned survives a restart."""

from collections.abc import Sequence

import pytest

from fleetmon.engine import Fact, Message
from fleetmon.model.events import HostHealth, Transaction
from fleetmon.model.incident import Status

from .asking import DOWN, Trade, fleet
from .world import DAY, HOUR, MINUTE, World, second

OUTAGE = ["host_outage ACQ firing"]
RESOLVED = [*OUTAGE, "host_outage ACQ resolved"]


def codes(requests: int, failing: float) -> dict[str, int]:
    failed = round(requests * failing)
    return {"00": requests - failed, "91": failed}


def told(made: Trade, minutes: int, failing: float, requests: int = 1_000, p95_ms: float | None = None) -> None:
    """The host reports each minute for so long."""
    for _ in range(minutes):
        made.report(codes(requests, failing), p95_ms=p95_ms)
        made.run(MINUTE)


def facts(made: World) -> list[Fact]:
    """What the store has kept of them."""
    kept = (step.message for step in made.script if step.message is not None)
    return [Fact(str(n), 0, one) for n, one in enumerate(kept) if isinstance(one.event, Transaction | HostHealth)]


def restarted(made: Trade, *, recalled: bool) -> None:
    """The daemon comes back at once; with `recalled` what the store has kept is read back."""
    past = facts(made)
    firing = [one for one in made.engine.incidents if one.status is Status.FIRING]
    made.restart(made.records())
    assert [one.id for one in made.engine.incidents if one.kind == "host_outage"] == [one.id for one in firing]
    made.engine.resume([], [], [])
    made.link_up()
    if recalled:
        middle = len(past) // 2  # the newer half first, as the recollection does
        made.engine.recall(past[middle:])
        made.engine.recall(past[:middle])
        made.engine.recalled(0)


# -- by what terminals see ---------------------------------------------------------------------------


@pytest.mark.parametrize(("usual", "now"), [(0.05, 0.06), (0.05, 0.1), (0.1, 0.15), (0.3, 0.4), (0.01, 0.03)])
def test_a_little_more_than_usual_is_no_outage(usual: float, now: float) -> None:
    made = Trade(fleet(100))
    made.deal(HOUR, made.mixed(usual))
    made.deal(HOUR, made.mixed(now))
    assert made.hosts == []


@pytest.mark.parametrize(
    ("usual", "now", "minutes"), [(0.05, 0.75, 3), (0.01, 0.15, 15), (0.01, 0.3, 6), (0.3, 0.95, 5), (0.1, 0.8, 4)]
)
def test_many_times_the_usual_is(usual: float, now: float, minutes: int) -> None:
    made = Trade(fleet(100))
    made.deal(HOUR, made.mixed(usual))
    made.deal(minutes * MINUTE, made.mixed(now))
    assert made.hosts == OUTAGE
    made.deal(15 * MINUTE, made.mixed(usual))
    assert made.hosts == RESOLVED


def test_without_history_a_third_is_needed_and_all_is_enough() -> None:
    made = Trade(fleet(100))
    made.run(5 * MINUTE)
    made.deal(8 * MINUTE, made.mixed(0.25))
    assert made.hosts == []
    made = Trade(fleet(100))
    made.run(5 * MINUTE)
    made.deal(3 * MINUTE, DOWN)
    assert made.hosts == OUTAGE


def test_an_outage_teaches_nothing() -> None:
    made = Trade(fleet(100))
    made.deal(HOUR)
    for _ in range(3):
        made.deal(2 * HOUR, made.mixed(0.5), a_minute=20)
        made.deal(HOUR, a_minute=20)
    assert made.hosts == RESOLVED * 3
    assert made.engine.correlator.hosts.answers.known("ACQ").usual < 0.01


def test_a_terminal_that_always_fails_does_not_hide_its_host() -> None:
    made = Trade(fleet(20))
    for _ in range(60):
        made.deal(55, a_minute=10)
        made.end("t5", "declined", "96")
        made.run(5)
    assert made.engine.correlator.hosts.answers.known("ACQ").usual < 0.02
    made.deal(4 * MINUTE, DOWN, a_minute=10)
    assert made.hosts == OUTAGE


@pytest.mark.parametrize("stage", ["stored", "declined"])
def test_what_ends_oddly_is_an_outage_only_where_it_is_not_usual(stage: str) -> None:
    """Sales kept in the terminals, or refused with a code that nobody knows."""
    response = "Q7" if stage == "declined" else None
    made = Trade(fleet(100))
    made.deal(40 * MINUTE)
    made.deal(6 * MINUTE, lambda _: (stage, response))
    assert made.hosts == OUTAGE
    made.deal(10 * MINUTE)
    assert made.hosts == RESOLVED

    made = Trade(fleet(100))
    offline = [key for number, key in enumerate(made.lives) if number % 3 == 0]
    made.deal(2 * HOUR, lambda sold: (stage, response) if sold.terminal in offline else ("approved", "00"))
    assert made.hosts == []
    made.deal(4 * MINUTE, lambda sold: (stage, response) if sold.terminal in offline else ("declined", "91"))
    assert made.hosts == OUTAGE


# -- by its own word ---------------------------------------------------------------------------------


def test_a_host_that_always_fails_a_twentieth_is_not_called_for_a_little_more() -> None:
    made = Trade(fleet(4))
    told(made, 60, 0.05)
    told(made, 60, 0.06)
    told(made, 10, 0.15)
    assert made.hosts == []
    told(made, 3, 0.75)
    assert made.hosts == OUTAGE
    told(made, 3, 0.05)
    assert made.hosts == RESOLVED


@pytest.mark.parametrize(("usual", "now"), [(420, 9_000), (4_000, 15_000)])
def test_slow_answers_are_no_outage_as_long_as_people_wait_or_always_did(usual: float, now: float) -> None:
    made = Trade(fleet(4))
    told(made, 60, 0.01, p95_ms=usual)
    told(made, 60, 0.01, p95_ms=now)
    assert made.hosts == []


def test_with_slow_answers_less_is_enough() -> None:
    """A share that by itself might be chance."""
    for p95_ms, found in ((420, []), (15_000, OUTAGE)):
        made = Trade(fleet(4))
        told(made, 60, 0.01, requests=100, p95_ms=420)
        told(made, 3, 0.13, requests=100, p95_ms=p95_ms)
        assert made.hosts == found


def test_with_slow_answers_what_terminals_see_is_believed_sooner() -> None:
    opened = []
    for p95_ms in (420, 15_000):
        made = Trade(fleet(100))
        for minute in range(60):
            made.report(codes(100, 0.01), p95_ms=420 if minute < 55 else p95_ms)
            made.deal(MINUTE, made.mixed(0.0 if minute < 55 else 0.16))
        assert made.hosts == OUTAGE
        opened.append(second(made.last("host_outage").opened_at))
    assert opened[1] < opened[0] - 30


def test_a_host_that_signed_off_works_again_when_it_signs_on() -> None:
    made = Trade(fleet(4))
    told(made, 5, 0.0)
    for signed_on in (False, False, False, True, True):
        made.report({}, signed_on=signed_on)
        made.run(MINUTE)
    assert made.hosts == RESOLVED


def test_no_requests_are_no_sign_of_health() -> None:
    made = Trade(fleet(4))
    told(made, 5, 0.0)
    told(made, 3, 0.9)
    for _ in range(10):
        made.report({}, signed_on=True)
        made.run(MINUTE)
    assert made.hosts == OUTAGE


def test_an_old_report_that_comes_again_changes_nothing() -> None:
    made = Trade(fleet(4))
    told(made, 5, 0.0)
    told(made, 3, 0.9)
    good, bad = (next(step.message for step in reversed(made.script) if is_report(step.message, failing))
                 for failing in (0, 900))  # fmt: skip
    assert good is not None
    assert bad is not None
    for message in (good, bad, good):
        made.again(message)
        made.run(10)
    assert made.hosts == OUTAGE
    told(made, 2, 0.0)
    made.again(bad)
    made.run(5 * MINUTE)
    assert made.hosts == RESOLVED


def is_report(message: Message | None, failing: int) -> bool:
    event = message.event if message is not None else None
    return isinstance(event, HostHealth) and event.codes.get("91") == failing


# -- over a restart ----------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["told", "seen"])
def test_a_habit_is_known_again_after_a_restart(how: str) -> None:
    made = Trade(fleet(100))

    def live(minutes: int, failing: float) -> None:
        if how == "told":
            told(made, minutes, failing, requests=20_000)
        else:
            made.deal(minutes * MINUTE, made.mixed(failing))

    live(90, 0.25)
    restarted(made, recalled=True)
    live(30, 0.27)
    assert made.hosts == []
    live(10, 0.95)
    assert made.hosts == OUTAGE


@pytest.mark.parametrize("recalled", [True, False])
@pytest.mark.parametrize("how", ["told", "seen"])
def test_an_outage_survives_a_restart_and_ends_with_either_kind_of_evidence(how: str, recalled: bool) -> None:
    made = Trade(fleet(30))
    made.deal(20 * MINUTE)
    made.deal(5 * MINUTE, DOWN)
    restarted(made, recalled=recalled)
    made.deal(6 * MINUTE, DOWN)
    assert made.hosts == OUTAGE
    if how == "told":
        told(made, 3, 0.0)
    else:
        made.deal(5 * MINUTE)
    assert made.hosts == RESOLVED
    assert made.pages == ["host_outage ACQ"]


def test_an_outage_of_which_nobody_tells_after_a_restart_is_given_up() -> None:
    made = Trade(fleet(30))
    made.deal(20 * MINUTE)
    made.deal(5 * MINUTE, DOWN)
    restarted(made, recalled=True)
    made.run(DAY + HOUR)
    assert made.hosts == RESOLVED


def test_what_was_pending_when_we_stopped_is_judged_anew() -> None:
    made = Trade(fleet(100))
    made.deal(20 * MINUTE)
    made.deal(50, DOWN)
    assert [one.kind for one in made.engine.incidents] == ["host_outage"]
    restarted(made, recalled=True)
    made.deal(10 * MINUTE)
    assert made.hosts == []


def test_an_outage_of_the_past_is_not_taken_for_a_habit() -> None:
    made = Trade(fleet(100))
    made.deal(20 * MINUTE)
    made.deal(2 * HOUR, DOWN, a_minute=20)
    made.deal(20 * MINUTE)
    past: Sequence[Message] = [fact.message for fact in facts(made)]
    over = [one.incident for one in made.transitions if one.incident.status is Status.RESOLVED]
    made.restart(made.records())
    made.engine.resume([], [], [])
    made.link_up()
    made.engine.recall((), past=over)
    made.engine.recall([Fact(str(number), 0, one) for number, one in enumerate(past)])
    made.engine.recalled(0)
    assert made.engine.correlator.hosts.answers.known("ACQ").usual < 0.03
