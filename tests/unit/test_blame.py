"""Whose fault it is, request by request; the newest come first, as the engine keeps them."""

from fleetmon.detect import HOST_OUTAGE
from fleetmon.engine.hosts.answers import Known, Request
from fleetmon.engine.hosts.blame import blamed
from fleetmon.model.detector import Reply
from fleetmon.model.terminal import Cohort, Terminal

KNOWN = Known(0.02, None)


def story(told: str) -> list[Request]:
    """Words such as `1x` or `2+`: the terminal, and whether the host failed it; the latest moment is the last."""
    kinds = {"x": Reply.FAILED, "+": Reply.WELL, "?": Reply.LOST}
    found = []
    for slot, moment in enumerate(told.split("|")):
        for word in moment.split():
            terminal = Terminal(word[:-1], "", "", Cohort(carrier="CMCC", network="4g"), 60_000, 120_000)
            found.append(Request(slot, terminal, kinds[word[-1]], "A", ""))
    return found[::-1]


def is_blamed(told: str) -> bool:
    blame = blamed({"A": story(told)}, lambda _: KNOWN, ()).get("A")
    return blame is not None and HOST_OUTAGE.breached(blame.replies)


def test_three_that_fail_are_enough_two_are_not() -> None:
    assert is_blamed("1x | 2x | 3x")
    assert not is_blamed("1x | 2x | 1x | 2x | 1x | 2x | 1x | 2x")


def test_a_terminal_has_two_votes_however_often_it_fails() -> None:
    chance = "1x 2+ 3+ | 1x 2+ 3x | 1x 2+ 3+ | 1x 2x 3+ | 1x 2+ 3+"
    assert not is_blamed(chance)
    assert is_blamed(chance.replace("2+", "2x"))


def test_what_went_well_before_does_not_excuse_what_fails_now() -> None:
    assert is_blamed(" | ".join(["1+ 2+ 3+ 4+"] * 20 + ["1x 2x 3x 4x"] * 2))
    assert not is_blamed(" | ".join(["1x 2x 3x 4x"] * 2 + ["1+ 2+ 3+ 4+"] * 20))


def test_one_that_never_fails_does_not_excuse_the_host_for_all_others() -> None:
    assert is_blamed(" | ".join(["1+ 2x 3x 4x 5x"] * 3))
