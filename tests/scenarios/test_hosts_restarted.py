"""A restart in the middle of a host's outage: why it is open is known again, so it ends as it would have ended."""

from collections.abc import Callable

import pytest

from fleetmon.model.incident import DECLINES, FAILS, SIGNED_OFF, SLOW

from .asking import DOWN, Trade, fleet, trading
from .test_hosts_history import restarted
from .world import HOUR, MINUTE

OUTAGE = ["host_outage ACQ firing"]
RESOLVED = [*OUTAGE, "host_outage ACQ resolved"]


def declining(made: Trade) -> None:
    made.deal(8 * MINUTE, lambda _: ("declined", "05"))


def still_declining(made: Trade) -> None:
    made.deal(30 * MINUTE, lambda _: ("declined", "05") if made.chance.random() < 0.85 else ("approved", "00"))


def slow(made: Trade) -> None:
    made.deal(20 * MINUTE, wait_s=lambda _: 1)
    made.deal(8 * MINUTE, wait_s=lambda _: 25)


def answers_that_nobody_timed(made: Trade) -> None:
    made.deal(20 * MINUTE)


def keeping(made: Trade) -> None:
    made.deal(20 * MINUTE)
    made.deal(8 * MINUTE, lambda _: ("stored", None))


def still_keeping_half(made: Trade) -> None:
    made.deal(20 * MINUTE, lambda _: ("stored", None) if made.chance.random() < 0.5 else ("approved", "00"))


def signed_off(made: Trade) -> None:
    for _ in range(3):
        made.report({}, signed_on=False)
        made.run(MINUTE)


def signed_on(made: Trade) -> None:
    for _ in range(3):
        made.report({}, signed_on=True)
        made.run(MINUTE)


def refusing(made: Trade) -> None:
    made.deal(5 * MINUTE, DOWN)


@pytest.mark.parametrize("again", [False, True], ids=["in one life", "with a restart"])
@pytest.mark.parametrize(
    ("before", "after", "sign", "found"),
    [
        (declining, still_declining, DECLINES, OUTAGE),
        (slow, answers_that_nobody_timed, SLOW, OUTAGE),
        (keeping, still_keeping_half, FAILS, OUTAGE),
        (signed_off, signed_on, SIGNED_OFF, RESOLVED),
        (refusing, signed_on, FAILS, OUTAGE),
    ],
)
def test_an_outage_goes_on_over_a_restart_as_it_would_have(
    before: Callable[[Trade], None], after: Callable[[Trade], None], sign: str, found: list[str], again: bool
) -> None:
    made = trading()
    before(made)
    assert made.hosts == OUTAGE
    if again:
        restarted(made, recalled=True)
    (incident,) = [one for one in made.engine.incidents if one.kind == "host_outage"]
    assert incident.failing is not None
    assert incident.failing.sign == sign
    after(made)
    assert made.hosts == found


@pytest.mark.parametrize("seed", [5, 6])
def test_how_much_fails_is_known_again_so_a_good_stretch_is_no_end(seed: int) -> None:
    made = Trade(fleet(100), seed=seed)
    made.deal(HOUR, made.mixed(0.01))
    made.deal(HOUR, made.mixed(0.25), a_minute=5)
    restarted(made, recalled=True)
    made.deal(20 * MINUTE, made.mixed(0.25), a_minute=5)
    assert made.hosts == OUTAGE


def test_what_was_held_back_is_judged_after_each_deafness() -> None:
    """The first is so long that nothing of what was held back is left when we hear again."""
    made = Trade(fleet(12))
    made.run(30 * MINUTE)
    for number in range(4):
        made.trade(f"t{3 * number}", f"x{number}", "declined", response="91")
    made.link_down()
    made.run(11 * MINUTE)
    made.link_up()
    made.run(20 * MINUTE)
    made.report({}, signed_on=False)
    made.run(30)
    made.link_down()
    made.run(100)
    made.link_up()
    made.run(HOUR)
    assert [word for word in made.words if not word.startswith("ingest_impaired")] == OUTAGE
