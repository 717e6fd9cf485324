"""Hosts that decline nearly everything, whatever the code: somebody's rule has gone wrong."""

from collections import Counter
from collections.abc import Callable

import pytest

from fleetmon.model.incident import Failing

from .asking import GOOD, Fate, Sold, Trade, for_some, trading
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


def causes(made: Trade, since: int) -> Counter[tuple[str, str]]:
    found = made.engine.explainer.unpaid(made.now)
    return Counter((one.sale.response, one.findings[0].cause) for one in found if one.sale.declined >= since)


def test_whose_sale_was_declined_is_told_that_the_host_is_why_unless_the_card_is() -> None:
    made = trading()
    begun = made.now
    made.deal(20 * MINUTE, lambda _: ("declined", "51" if made.chance.random() < 0.05 else "05"))
    told = causes(made, begun + 5 * MINUTE * 1000)
    assert set(told) == {("05", "host_outage"), ("51", "card_declined")}
    restarted(made, recalled=True)
    made.deal(MINUTE, NO)
    assert set(causes(made, made.now - MINUTE * 1000)) == {("05", "host_outage")}


# -- by its own word, where nobody of ours asks -------------------------------------------------------


def reported(made: Trade, minutes: int, approved: int, declined: int, code: str = "05") -> None:
    for _ in range(minutes):
        made.report({"00": approved, code: declined})
        made.run(MINUTE)


@pytest.mark.parametrize("code", ["05", "57", "A0", "Q7"])
def test_a_host_that_tells_of_declining_everything_fails_until_it_tells_of_approvals(code: str) -> None:
    made = trading(4)
    reported(made, 30, 95, 5)
    reported(made, 15, 5, 80, code)
    assert made.hosts == OUTAGE
    assert made.last("host_outage").failing == Failing("declines nearly everything")
    reported(made, 10, 60, 5)
    assert made.hosts == RESOLVED


def test_of_few_requests_more_reports_are_needed() -> None:
    made = trading(4)
    reported(made, 60, 4, 0)
    reported(made, 4, 0, 4)
    assert made.hosts == []
    reported(made, 6, 0, 4)
    assert made.hosts == OUTAGE


def test_two_reports_of_declines_are_none() -> None:
    made = trading(4)
    for _ in range(10):
        reported(made, 10, 95, 5)
        reported(made, 2, 5, 95)
    assert made.hosts == []


def test_cards_that_are_tried_out_are_declined_in_addition() -> None:
    made = trading(4)
    reported(made, 60, 95, 5)
    reported(made, 60, 90, 900)
    assert made.hosts == []
    reported(made, 15, 5, 900)
    assert made.hosts == OUTAGE


@pytest.mark.parametrize("usual", [0, 300, 700])
def test_what_a_host_declines_as_a_rule_and_at_first_sight_proves_nothing(usual: int) -> None:
    made = trading(4)
    reported(made, 60 if usual else 0, 1_000 - usual, usual)
    reported(made, 60, 200, 800) if usual != 300 else reported(made, 60, 350, 650)
    assert made.hosts == []


def test_declines_that_terminals_belie_call_nobody() -> None:
    made = trading()
    reported(made, 30, 95, 5)
    for _ in range(20):
        made.report({"00": 5, "05": 95})
        made.deal(MINUTE)
    assert made.hosts == []


def test_a_report_of_declines_in_announced_work_is_excused() -> None:
    made = trading(4)
    reported(made, 30, 95, 5)
    made.announce(20 * MINUTE)
    reported(made, 20, 5, 95)
    assert made.hosts == []


@pytest.mark.parametrize("recalled", [True, False])
def test_such_an_outage_goes_on_after_a_restart(recalled: bool) -> None:
    made = trading(4)
    reported(made, 30, 95, 5)
    reported(made, 10, 5, 95)
    restarted(made, recalled=recalled)
    reported(made, 10, 5, 95)
    assert made.hosts == OUTAGE
    reported(made, 10, 95, 5)
    assert made.hosts == RESOLVED


@pytest.mark.parametrize("recalled", [True, False])
def test_it_survives_a_restart_and_ends(recalled: bool) -> None:
    made = trading()
    made.deal(6 * MINUTE, NO)
    restarted(made, recalled=recalled)
    made.deal(10 * MINUTE, NO)
    assert made.hosts == OUTAGE
    made.deal(15 * MINUTE)
    assert made.hosts == RESOLVED
