"""Hosts that decline nearly everything, whatever the code: somebody's rule has gone wrong."""

from collections.abc import Callable

import pytest

from .asking import GOOD, Fate, Sold, for_some, trading
from .test_hosts_history import restarted
from .world import HOUR, MINUTE

OUTAGE = ["host_outage ACQ firing"]
RESOLVED = [*OUTAGE, "host_outage ACQ resolved"]
NO: Fate = lambda _: ("declined", "05")  # noqa: E731


@pytest.mark.parametrize("code", ["05", "57", "A0"])
def test_a_host_that_declines_everything_fails_until_it_approves(code: str) -> None:
    made = trading()
    made.deal(6 * MINUTE, lambda _: ("declined", code))
    assert made.hosts == OUTAGE
    told = [one.reason for one in made.transitions if one.incident.kind == "host_outage"]
    assert told[-1] == "declines nearly everything"
    for _ in range(10):
        made.report({code: 200})  # it thinks that it works
        made.deal(MINUTE, lambda _: ("declined", code))
    assert made.hosts == OUTAGE
    made.deal(10 * MINUTE)
    assert made.hosts == RESOLVED
    assert made.pages == ["host_outage ACQ"]


def test_one_issuer_that_declines_everything_is_the_issuers() -> None:
    made = trading()
    made.deal(15 * MINUTE, for_some(lambda sold: sold.issuer == "icbc", NO))
    assert made.hosts == ["host_outage icbc firing"]


@pytest.mark.parametrize("which", [lambda sold: int(sold.terminal[1:]) < 30, lambda sold: sold.terminal == "t5"])
def test_a_shop_where_somebody_tries_out_cards_is_not_its_host(which: Callable[[Sold], bool]) -> None:
    made = trading(shop=30)
    who = [*made.lives, *[f"t{number}" for number in range(30)] * 10]
    made.deal(HOUR, for_some(which, NO), who=who)
    assert made.hosts == []
    made.deal(20 * MINUTE, NO, who=[f"t{number}" for number in range(30)])
    assert made.hosts == [], "nobody else asks"


def test_few_terminals_prove_nothing() -> None:
    made = trading(8, shop=1)
    made.deal(30 * MINUTE, NO, a_minute=4)
    assert made.hosts == []


def test_a_host_that_declines_much_as_a_rule_is_as_ever() -> None:
    made = trading()
    often: Fate = lambda _: NO(_) if made.chance.random() < 0.55 else ("approved", "00")  # noqa: E731
    made.deal(HOUR, often)
    made.deal(HOUR, lambda _: NO(_) if made.chance.random() < 0.8 else ("approved", "00"))
    assert made.hosts == []


def test_declining_in_work_or_at_the_cut_over_is_excused() -> None:
    made = trading()
    made.announce(20 * MINUTE)
    made.deal(20 * MINUTE, NO)
    made.report(GOOD, cutover="start")
    made.deal(10 * MINUTE, NO)
    assert made.hosts == []


@pytest.mark.parametrize("recalled", [True, False])
def test_it_survives_a_restart_and_ends(recalled: bool) -> None:
    made = trading()
    made.deal(6 * MINUTE, NO)
    restarted(made, recalled=recalled)
    made.deal(10 * MINUTE, NO)
    assert made.hosts == OUTAGE
    made.deal(15 * MINUTE)
    assert made.hosts == RESOLVED
