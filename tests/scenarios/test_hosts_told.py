"""Which host it is that fails, and what its own word is worth beside what terminals see."""

import pytest

from fleetmon.model.registry import Host

from .asking import BAD, DOWN, GOOD, ISSUERS, WELL, Trade, fleet, for_some, trading
from .world import HOUR, MINUTE

OUTAGE = ["host_outage ACQ firing"]
RESOLVED = [*OUTAGE, "host_outage ACQ resolved"]


# -- who it is ---------------------------------------------------------------------------------------


def test_one_issuer_that_fails_while_others_approve_is_the_issuers_outage() -> None:
    made = trading()
    made.deal(10 * MINUTE, for_some(lambda sold: sold.issuer == "icbc"))
    made.deal(15 * MINUTE)
    assert made.hosts == ["host_outage icbc firing", "host_outage icbc resolved"]


def test_an_issuer_that_fails_at_every_acquirer_is_one_outage() -> None:
    made = trading(acquirers=("A", "B", "C"), a_minute=80)
    made.deal(10 * MINUTE, for_some(lambda sold: sold.issuer == "ccb"), a_minute=80)
    assert made.hosts == ["host_outage ccb firing"]


@pytest.mark.parametrize("issuers", [ISSUERS, ("icbc",), ()])
def test_an_acquirer_that_fails_takes_no_issuer_and_no_other_acquirer_with_it(issuers: tuple[str, ...]) -> None:
    made = trading(issuers=issuers, acquirers=("A", "B"))
    made.deal(10 * MINUTE, for_some(lambda sold: sold.acquirer == "A"))
    made.deal(15 * MINUTE)
    assert made.hosts == ["host_outage A firing", "host_outage A resolved"]


def test_an_issuer_that_fails_beside_a_failing_acquirer_is_another_outage() -> None:
    made = trading(acquirers=("A", "B"), a_minute=80)
    made.deal(5 * MINUTE, for_some(lambda sold: sold.acquirer == "A"), a_minute=80)
    made.deal(5 * MINUTE, for_some(lambda sold: sold.acquirer == "A" or sold.issuer == "abc"), a_minute=80)
    assert made.hosts == ["host_outage A firing", "host_outage abc firing"]


def test_all_acquirers_at_once_are_the_switch_that_serves_them() -> None:
    made = trading(acquirers=("A", "B", "C"), hosts=[Host("UP", "switch")])
    made.deal(10 * MINUTE, DOWN)
    made.deal(15 * MINUTE)
    assert made.hosts == ["host_outage UP firing", "host_outage UP resolved"]
    assert made.pages == ["host_outage UP"]


def test_one_acquirer_is_not_the_switch() -> None:
    made = trading(acquirers=("A", "B", "C"), hosts=[Host("UP", "switch")])
    made.deal(10 * MINUTE, for_some(lambda sold: sold.acquirer == "A"))
    assert made.hosts == ["host_outage A firing"]


def test_what_acquirers_tell_is_explained_by_the_switch_that_fails() -> None:
    made = trading(acquirers=("A", "B", "C"), hosts=[Host("UP", "switch")])
    made.deal(4 * MINUTE, DOWN)
    for _ in range(4):
        made.report(BAD, "A")
        made.deal(MINUTE, DOWN)
    assert made.hosts == ["host_outage UP firing", "host_outage A firing"]
    assert made.pages == ["host_outage UP"]
    assert made.last("host_outage").suppressed_by is not None
    made.deal(10 * MINUTE, for_some(lambda sold: sold.acquirer == "A"))
    assert made.pages == ["host_outage UP", "host_outage A"], "it outlasted the switch's"


# -- either kind of evidence -------------------------------------------------------------------------


def test_what_a_host_told_is_over_when_terminals_are_answered() -> None:
    """After its last bad word nothing more is told by the host."""
    made = trading()
    for _ in range(3):
        made.report(BAD)
        made.deal(MINUTE, DOWN)
    assert made.hosts == OUTAGE
    made.deal(10 * MINUTE)
    assert made.hosts == RESOLVED


def test_what_terminals_saw_is_over_when_the_host_tells_that_it_works() -> None:
    made = trading()
    made.deal(5 * MINUTE, DOWN)
    made.run(2 * MINUTE)
    for _ in range(3):
        made.report(GOOD)
        made.run(MINUTE)
    assert made.hosts == RESOLVED


def test_a_good_word_does_not_end_what_terminals_still_see() -> None:
    made = trading()
    for _ in range(15):
        made.report(GOOD)
        made.deal(MINUTE, DOWN)
    assert made.hosts == OUTAGE


@pytest.mark.parametrize("seed", [1, 3, 4])
def test_a_host_that_calls_itself_well_while_few_terminals_see_it_fail_is_not_believed(seed: int) -> None:
    """Now and then nobody asks for a minute or two, and its word is all there is."""
    made = Trade(fleet(60), seed=seed)
    made.deal(30 * MINUTE, a_minute=1.5)
    for fate in [DOWN] * 60 + [WELL] * 40:
        made.report(GOOD)
        made.deal(MINUTE, fate, a_minute=1.5)
    assert made.hosts == RESOLVED


def test_a_host_that_signs_on_in_the_middle_of_a_report_is_believed_at_the_next() -> None:
    made = Trade(fleet(60))
    made.deal(30 * MINUTE, a_minute=3)
    for _ in range(20):
        made.report({}, signed_on=False)
        made.deal(MINUTE, DOWN, a_minute=3)
    made.deal(30, DOWN, a_minute=10)
    made.run(30)
    for _ in range(3):  # the first of them is of that half minute, too
        made.report(GOOD, signed_on=True)
        made.run(MINUTE)
    assert made.hosts == RESOLVED


def test_when_nobody_asks_any_more_it_is_believed_in_the_end() -> None:
    made = Trade(fleet(60))
    made.deal(30 * MINUTE, a_minute=3)
    for _ in range(20):
        made.report(GOOD)
        made.deal(MINUTE, DOWN, a_minute=3)
    for _ in range(10):
        made.report(GOOD)
        made.run(MINUTE)
    assert made.hosts == RESOLVED


def test_a_word_on_the_past_does_not_end_what_terminals_have_seen_since() -> None:
    made = trading()
    made.deal(5 * MINUTE, DOWN)
    made.run(10)
    made.report(GOOD, window_s=600)
    made.run(5 * MINUTE)
    assert made.hosts == OUTAGE
    made.report(GOOD, window_s=60)
    made.run(2 * MINUTE)
    assert made.hosts == RESOLVED


def test_a_few_answers_between_bad_words_end_nothing() -> None:
    made = trading()
    for _ in range(3):
        made.report(BAD)
        made.run(MINUTE)
    for _ in range(15):
        made.report(BAD)
        made.deal(MINUTE, a_minute=4)
    assert made.hosts == OUTAGE


def test_a_bad_word_that_terminals_belie_calls_nobody() -> None:
    made = trading()
    for _ in range(15):
        made.report(BAD)
        made.deal(MINUTE)
    assert made.hosts == []


def test_an_outage_of_which_nobody_tells_any_more_is_given_up_after_a_day() -> None:
    made = trading()
    made.deal(5 * MINUTE, DOWN)
    made.run(23 * HOUR)
    assert made.hosts == OUTAGE
    made.run(2 * HOUR)
    assert made.hosts == RESOLVED


# -- work on a host that fails already ---------------------------------------------------------------


@pytest.mark.parametrize("share", [0.3, 0.5, 1.0])
def test_work_that_is_announced_in_an_outage_makes_no_two_of_it(share: float) -> None:
    made = trading()
    some = made.mixed(share)
    made.deal(10 * MINUTE, some)
    made.announce(10 * MINUTE)
    made.deal(20 * MINUTE, some)
    assert made.hosts == OUTAGE
    made.deal(15 * MINUTE)
    assert made.hosts == RESOLVED


def test_an_outage_that_is_over_inside_announced_work_is_told_to_be_over() -> None:
    made = trading()
    made.deal(10 * MINUTE, made.mixed(0.5))
    made.announce(40 * MINUTE)
    made.deal(5 * MINUTE, made.mixed(0.5))
    made.deal(15 * MINUTE)
    assert made.hosts == RESOLVED


def test_the_work_of_an_issuer_does_not_prolong_the_outage_of_an_acquirer() -> None:
    made = trading(acquirers=("A", "B"), a_minute=80)
    made.deal(5 * MINUTE, for_some(lambda sold: sold.acquirer == "A"), a_minute=80)
    made.announce(60 * MINUTE, "icbc")
    made.deal(15 * MINUTE, for_some(lambda sold: sold.issuer == "icbc"), a_minute=80)
    assert made.hosts == ["host_outage A firing", "host_outage A resolved"]
